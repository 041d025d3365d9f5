package e2e

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/logbook"
)

// TestGameDay takes what is too rare in the simulation's place (shared/storm has a drill for each alarm): the metrics that real
// functions write into their logs, and the alarms that are really deployed. The emulator does not read metrics out of logs,
// as CloudWatch does, so the test hands them over.
func TestGameDay(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	began := time.Now()
	for _, alarm := range []string{"ParkedAlarm", "UndeliverableAlarm"} {
		w.cloudWatch(t, "SetAlarmState", nil, "AlarmName", w.alarm(t, alarm).AlarmName, "StateValue", "OK", "StateReason", "a game day begins")
	}

	p, _, h := hooked(t, w, failing(1))
	id := newID("gameday")
	p.write(id, "VERIFIED")
	p.awaitDelivery(h.ID, id, "delivered", 20*time.Second)
	p.call("PATCH", "/v1/webhooks/"+h.ID, map[string]any{"payloadTemplate": map[string]any{"v": "{{ length(data.sessionId) }}"}}, nil)
	p.write(newID("template"), "VERIFIED")
	nobody := &partner{t: t, w: w, id: "nobody-" + p.id}
	nobody.write(newID("parked"), "VERIFIED")

	want := []string{env.DeliveredMetric, env.EventAgeMetric, env.FailedAttemptsMetric, env.ParkedMetric, env.UndeliverableMetric}
	var points []logbook.Point
	await(t, fmt.Sprintf("the functions' logs hold %v", want), 30*time.Second, func() bool {
		points = w.emitted(t, began)
		return !slices.ContainsFunc(want, func(name string) bool {
			return !slices.ContainsFunc(points, func(x logbook.Point) bool { return x.Metric == name })
		})
	})
	for _, x := range points {
		if x.Cause == "" {
			w.handOver(t, x)
		}
	}
	for _, alarm := range []string{"ParkedAlarm", "UndeliverableAlarm"} {
		// MiniStack evaluates at once, LocalStack when its period of five minutes is over.
		await(t, alarm+" is on", 6*time.Minute, func() bool { return w.alarm(t, alarm).StateValue == "ALARM" })
	}
	for _, page := range []string{"ParkedManyAlarm", "StreamLateAlarm", "QueueLateAlarm", "OverdueAlarm"} {
		if a := w.alarm(t, page); a.StateValue == "ALARM" {
			t.Errorf("%s is on as well: %s", page, a.StateReason)
		}
	}
}

// emitted reads the metrics that the functions have logged since a time, each of the deployment that the alarms are on: the
// emulator's look at a metric whatever its dimensions are, AWS' do not.
func (w *world) emitted(t *testing.T, since time.Time) (all []logbook.Point) {
	t.Helper()
	deployment := w.watched(t)
	for _, line := range w.linesWith(t, "CloudWatchMetrics", since) {
		points, err := logbook.Metrics([]byte(line))
		must(t, err)
		var of struct{ Deployment string }
		must(t, json.Unmarshal([]byte(line), &of))
		if of.Deployment != deployment {
			t.Fatalf("the alarms are on the deployment %q: %s", deployment, line)
		}
		all = append(all, points...)
	}
	return all
}

// watched is the deployment that the deployed alarms are on.
func (w *world) watched(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(string(w.state), "cdk.out", "*.template.json"))
	must(t, err)
	found := map[string]bool{}
	for _, file := range files {
		var template struct {
			Resources map[string]struct {
				Type       string
				Properties struct {
					Namespace  string
					Dimensions []struct{ Name, Value any }
				}
			}
		}
		must(t, local.ReadJSON(file, &template))
		for _, r := range template.Resources {
			if r.Type != "AWS::CloudWatch::Alarm" || r.Properties.Namespace != env.MetricNamespace {
				continue
			}
			for _, d := range r.Properties.Dimensions {
				found[fmt.Sprint(d.Name, " ", d.Value)] = true
			}
		}
	}
	if len(found) != 1 {
		t.Fatalf("the alarms on our own metrics are on %v", found)
	}
	for d := range found {
		name, value, _ := strings.Cut(d, " ")
		if name == env.DeploymentDimension {
			return value
		}
	}
	t.Fatalf("the alarms on our own metrics are on %v", found)
	return ""
}

// linesWith reads the functions' log lines with a word in them.
func (w *world) linesWith(t *testing.T, word string, since time.Time) (lines []string) {
	t.Helper()
	var groups struct {
		LogGroups []struct{ LogGroupName string }
	}
	must(t, w.callLogs(t.Context(), "DescribeLogGroups", map[string]any{}, &groups))
	for _, g := range groups.LogGroups {
		in := map[string]any{"logGroupName": g.LogGroupName, "filterPattern": `"` + word + `"`, "startTime": since.UnixMilli()}
		for {
			var page struct {
				Events    []struct{ Message string }
				NextToken string
			}
			must(t, w.callLogs(t.Context(), "FilterLogEvents", in, &page))
			for _, e := range page.Events {
				// LocalStack takes no filter, and several lines for one event.
				for line := range strings.Lines(e.Message) {
					if strings.Contains(line, word) {
						lines = append(lines, line)
					}
				}
			}
			if page.NextToken == "" || page.NextToken == in["nextToken"] {
				break
			}
			in["nextToken"] = page.NextToken
		}
	}
	return lines
}

// handOver gives a metric's value to CloudWatch.
func (w *world) handOver(t *testing.T, x logbook.Point) {
	t.Helper()
	const member = "MetricData.member.1."
	args := []string{
		"Namespace", env.MetricNamespace, member + "MetricName", x.Metric, member + "Value", strconv.FormatFloat(x.Value, 'g', -1, 64),
		member + "Dimensions.member.1.Name", env.DeploymentDimension, member + "Dimensions.member.1.Value", w.watched(t),
	}
	w.cloudWatch(t, "PutMetricData", nil, args...)
}

// deployedAlarm is an alarm as CloudWatch describes it.
type deployedAlarm struct{ AlarmName, StateValue, StateReason string }

// alarm returns the deployed alarm of that id.
func (w *world) alarm(t *testing.T, id string) deployedAlarm {
	t.Helper()
	var out struct {
		Alarms []deployedAlarm `xml:"DescribeAlarmsResult>MetricAlarms>member"`
	}
	w.cloudWatch(t, "DescribeAlarms", &out, "MaxRecords", "100")
	i := slices.IndexFunc(out.Alarms, func(a deployedAlarm) bool { return strings.Contains(a.AlarmName, "-"+id) })
	if i < 0 {
		t.Fatalf("no alarm %s among %v", id, out.Alarms)
	}
	return out.Alarms[i]
}

// cloudWatch makes a call by the query protocol, which the emulators share.
func (w *world) cloudWatch(t *testing.T, action string, out any, args ...string) {
	t.Helper()
	form := url.Values{"Action": {action}, "Version": {"2010-08-01"}}
	for i := 0; i+1 < len(args); i += 2 {
		form.Set(args[i], args[i+1])
	}
	client := local.Client{Base: w.run.AWSEndpoint, Sign: local.Credentials(), Region: local.Region, Service: "monitoring"}
	a, err := client.Do(t.Context(), "POST", "/", []byte(form.Encode()), "Content-Type", "application/x-www-form-urlencoded")
	must(t, err)
	if a.Status != 200 {
		t.Fatalf("%s: %d %s", action, a.Status, a.Body)
	}
	if out != nil {
		must(t, xml.Unmarshal(a.Body, out))
	}
}
