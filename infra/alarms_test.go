package infra

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/env"
)

// alarmFile is a table of all alarms, for review, and for the game day, which evaluates them (shared/storm, localstack/e2e).
const alarmFile = "testdata/alarms.json"

// readAlarm is an alarm of a template in the form of the file. Expression is of the metrics' names.
type readAlarm struct {
	Description, Severity, Comparison, Missing, Expression string
	Threshold                                              float64
	Periods, Seconds                                       int
	Metrics                                                map[string]readMetric
}

type readMetric struct {
	Namespace, Name, Statistic string
	Dimensions                 map[string]string
}

func alarmsOf(t *testing.T, tpl template) map[string]readAlarm {
	t.Helper()
	type stat struct {
		Namespace, MetricName string
		Dimensions            []struct{ Name, Value string }
	}
	read := func(s stat, statistic string) readMetric {
		m := readMetric{Namespace: s.Namespace, Name: s.MetricName, Statistic: statistic, Dimensions: map[string]string{}}
		for _, d := range s.Dimensions {
			m.Dimensions[d.Name] = d.Value
		}
		return m
	}
	all := map[string]readAlarm{}
	for _, id := range tpl.ofType("AWS::CloudWatch::Alarm") {
		var p struct {
			stat
			AlarmDescription, ComparisonOperator, TreatMissingData, Statistic string
			Threshold                                                         float64
			EvaluationPeriods, Period                                         int
			DatapointsToAlarm                                                 any
			Metrics                                                           []struct {
				Id, Expression string
				ReturnData     *bool
				MetricStat     struct {
					Metric stat
					Period int
					Stat   string
				}
			}
		}
		convert(tpl.get(t, id).Properties, &p)
		_, severity, _ := strings.Cut(p.AlarmDescription, " Severity: ")
		severity, _, _ = strings.Cut(severity, ".")
		a := readAlarm{
			Description: p.AlarmDescription, Severity: severity, Comparison: p.ComparisonOperator, Missing: p.TreatMissingData, Expression: "metric",
			Threshold: p.Threshold, Periods: p.EvaluationPeriods, Seconds: p.Period, Metrics: map[string]readMetric{},
		}
		if p.MetricName != "" {
			a.Metrics["metric"] = read(p.stat, p.Statistic)
		}
		for _, m := range p.Metrics {
			if m.Expression != "" {
				a.Expression = m.Expression
				continue
			}
			a.Metrics[m.Id], a.Seconds = read(m.MetricStat.Metric, m.MetricStat.Stat), m.MetricStat.Period
			if m.ReturnData == nil || *m.ReturnData {
				t.Errorf("%s: %s is compared with the threshold, beside the expression", id, m.Id)
			}
		}
		if p.DatapointsToAlarm != nil || a.Seconds != 300 {
			t.Errorf("%s: %v points of %d s", id, p.DatapointsToAlarm, a.Seconds)
		}
		all[id] = a
	}
	return all
}

// TestAlarms holds the alarms against the reviewed file. The emulator takes no alarm on more than one metric, and would raise
// those that ring when nothing is told.
func TestAlarms(t *testing.T) {
	if *update {
		text, err := json.MarshalIndent(alarmsOf(t, prodTemplate()), "", "  ")
		if err == nil {
			err = os.WriteFile(alarmFile, append(text, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(alarmFile)
	if err != nil {
		t.Fatal(err)
	}
	each(t, func(t *testing.T, stage string, tpl template) {
		var want map[string]readAlarm
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		for id, a := range want {
			if stage == stageLocal && (len(a.Metrics) > 1 || a.Missing == "breaching") {
				delete(want, id)
			}
		}
		wantEqual(t, "alarms; `go test ./infra -update` rewrites "+alarmFile, alarmsOf(t, tpl), want)
	})
}

// TestAlarmsCost: each metric of an alarm is paid for.
func TestAlarmsCost(t *testing.T) {
	alarms, metrics := alarmsOf(t, prodTemplate()), 0
	for _, a := range alarms {
		metrics += len(a.Metrics)
	}
	text, err := os.ReadFile("README.md")
	want := fmt.Sprintf("| %d alarms on %d metrics, 0.10 each (ten are free in an account) | %.2f |", len(alarms), metrics, 0.1*float64(metrics))
	if err != nil || !strings.Contains(string(text), want) {
		t.Errorf("README.md does not say: %s", want)
	}
}

// TestAlarmsSayEnough: a fact, who is to come, and where to read on; and they look at what there is.
func TestAlarmsSayEnough(t *testing.T) {
	form := regexp.MustCompile(`^[A-Z0-9][^#]{20,300}\. Severity: (page|ticket)\. Runbook: infra/RUNBOOK\.md#([a-z]+)$`)
	for id, a := range alarmsOf(t, prodTemplate()) {
		m := form.FindStringSubmatch(a.Description)
		if m == nil || m[2] != strings.ToLower(id) {
			t.Errorf("%s: %s", id, a.Description)
		}
		for _, m := range a.Metrics {
			checkMetric(t, id, m.Namespace, m.Name, m.Dimensions)
		}
		if missing := map[bool]string{true: "breaching", false: "notBreaching"}[a.Comparison == "LessThanThreshold"]; a.Missing != missing {
			t.Errorf("%s: a stack in which nothing happens is %s", id, a.Missing)
		}
	}
}

// documented are the metrics of AWS that are used, with the dimensions that they have, as the services' guides list them:
// Lambda, "Types of metrics for Lambda functions" and "for event source mappings"; SQS, "Available CloudWatch metrics";
// DynamoDB, "DynamoDB metrics and dimensions"; API Gateway, "REST API dimensions and metrics". What has no dimensions is the
// sum over the account's region.
var documented = map[string][]string{
	"AWS/Lambda Invocations":                             {"FunctionName"},
	"AWS/Lambda Errors":                                  {"FunctionName"},
	"AWS/Lambda Throttles":                               {"FunctionName"},
	"AWS/Lambda IteratorAge":                             {"FunctionName"},
	"AWS/Lambda RecursiveInvocationsDropped":             {"FunctionName"},
	"AWS/Lambda ConcurrentExecutions":                    {"", "FunctionName"},
	"AWS/Lambda OnFailureDestinationDeliveredEventCount": {"EventSourceMappingUUID"},
	"AWS/Lambda DroppedEventCount":                       {"EventSourceMappingUUID"},
	"AWS/Lambda PolledEventCount":                        {"EventSourceMappingUUID"},
	"AWS/SQS ApproximateAgeOfOldestMessage":              {"QueueName"},
	"AWS/SQS ApproximateNumberOfMessagesVisible":         {"QueueName"},
	"AWS/SQS ApproximateNumberOfMessagesNotVisible":      {"QueueName"},
	"AWS/SQS ApproximateNumberOfMessagesDelayed":         {"QueueName"},
	"AWS/DynamoDB ConsumedReadCapacityUnits":             {"TableName"},
	"AWS/DynamoDB ConsumedWriteCapacityUnits":            {"TableName"},
	"AWS/DynamoDB ReadThrottleEvents":                    {"TableName"},
	"AWS/DynamoDB WriteThrottleEvents":                   {"TableName", "GlobalSecondaryIndexName,TableName"},
	"AWS/ApiGateway Count":                               {"ApiName"},
	"AWS/ApiGateway 4XXError":                            {"ApiName"},
	"AWS/ApiGateway 5XXError":                            {"ApiName"},
	"AWS/ApiGateway Latency":                             {"ApiName"},
}

// ownMetrics are the functions' (shared/env), and the one of the access log.
var ownMetrics = append(slices.Clone(env.Metrics), apiThrottled)

// checkMetric requires that there is such a metric: a name that nobody writes never raises an alarm.
func checkMetric(t *testing.T, where, namespace, name string, dimensions map[string]string) {
	t.Helper()
	if namespace == env.MetricNamespace {
		if !slices.Contains(ownMetrics, name) {
			t.Errorf("%s: nobody writes %s", where, name)
		}
		wantEqual(t, where+" dimensions of "+name, dimensions, map[string]string{env.DeploymentDimension: "Webhooks"})
		return
	}
	if of := strings.Join(sortedKeys(dimensions), ","); !slices.Contains(documented[namespace+" "+name], of) {
		t.Errorf("%s: AWS has no metric %s %s of %q", where, namespace, name, of)
	}
	for _, v := range dimensions {
		if !slices.Contains(watched, v) {
			t.Errorf("%s: %s of %s, which the stack does not have", where, name, v)
		}
	}
}

// watched are the resources, in the form of readable templates, and their indexes.
var watched = []string{
	"Portal", "Admin", "Dispatcher", "Retrier", "Sweeper", "VerificationsStream", "DeliveryQueue.QueueName", "DeadLetters.QueueName",
	"Service", "Deliveries", "Webhooks", env.ByVerification, env.ByDue, env.ByHeld,
}

func TestAlarmTopics(t *testing.T) {
	for _, c := range []struct {
		tpl          template
		page, ticket any
	}{
		{prodTemplate(), nil, nil},
		{attached(), []any{"arn:aws:sns:eu-west-1:111122223333:alarms"}, []any{"arn:aws:sns:eu-west-1:111122223333:tickets"}},
		{chosen(), []any{"arn:aws:sns:eu-west-1:111122223333:alarms"}, []any{"arn:aws:sns:eu-west-1:111122223333:alarms"}},
	} {
		for id, a := range alarmsOf(t, c.tpl) {
			want := c.page
			if a.Severity == string(ticket) {
				want = c.ticket
			}
			c.tpl.wantProperties(t, id, map[string]any{"AlarmActions": want, "OKActions": want})
		}
	}
	wantEqual(t, "concurrency that is too much", alarmsOf(t, chosen())["ConcurrencyAlarm"].Threshold, 400)
	if d := alarmsOf(t, attached())["ParkedAlarm"].Description; !strings.HasSuffix(d, " Runbook: https://runbooks.example.com/webhooks#parkedalarm") {
		t.Errorf("RunbookURL: %s", d)
	}
}

// TestThrottledRequests: what API Gateway refuses is counted in its access log, where there is one, under the label that
// each line has.
func TestThrottledRequests(t *testing.T) {
	each(t, func(t *testing.T, stage string, tpl template) {
		filters := tpl.ofType("AWS::Logs::MetricFilter")
		if stage == stageLocal {
			wantEqual(t, "filters", filters, nil)
			return
		}
		wantEqual(t, "filters", len(filters), 1)
		tpl.wantProperties(t, filters[0], map[string]any{
			"LogGroupName": "ApiLogs", "FilterPattern": `{ $.error = "THROTTLED" }`,
			"MetricTransformations": []any{map[string]any{
				"MetricNamespace": env.MetricNamespace, "MetricName": apiThrottled, "MetricValue": "1",
				"Dimensions": []any{map[string]any{"Key": env.DeploymentDimension, "Value": "$.deployment"}},
			}},
		})
		format := tpl.get(t, "ApiDeploymentStage"+stage).Properties["AccessLogSetting"].(map[string]any)["Format"].(string)
		var line struct{ Deployment, Error string }
		if err := json.Unmarshal([]byte(format), &line); err != nil || line.Deployment != "Webhooks" || line.Error != "$context.error.responseType" {
			t.Errorf("%v: the access log's lines are %s", err, format)
		}
	})
}

// TestRunbook: each alarm has its entry, under the anchor that it names, and no entry is of an alarm that is gone. What the
// entries have one do exists.
func TestRunbook(t *testing.T) {
	text, err := os.ReadFile("RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile(filepath.Join("..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	entries := strings.Split(string(text), "\n### ")[1:]
	var ids []string
	for _, e := range entries {
		id, rest, _ := strings.Cut(e, "\n")
		ids = append(ids, id)
		for _, part := range []string{"**Means.**", "**Look.**", "**Do.**", "**Ends**", "**Threshold.**", "**Game day.**"} {
			if strings.Count(rest, part) != 1 {
				t.Errorf("%s has not one part %s", id, part)
			}
		}
	}
	alarms := alarmsOf(t, prodTemplate())
	slices.Sort(ids)
	wantEqual(t, "entries", ids, sortedKeys(alarms))
	for _, m := range regexp.MustCompile("`make ([a-z0-9-]+)").FindAllSubmatch(text, -1) {
		if !regexp.MustCompile("(?m)^" + string(m[1]) + ":").Match(makefile) {
			t.Errorf("there is no `make %s`", m[1])
		}
	}
	// What is quoted among what to look at, but for queries, is a panel.
	titles := panels(t, prodTemplate())
	for i, look := range regexp.MustCompile(`(?s)\*\*Look\.\*\*.*?\*\*Do\.\*\*`).FindAllString(string(text), -1) {
		look = regexp.MustCompile("`[^`]*`").ReplaceAllString(look, "")
		for _, title := range regexp.MustCompile(`"([^"]+)"`).FindAllStringSubmatch(look, -1) {
			if title := strings.Join(strings.Fields(title[1]), " "); !slices.Contains(titles, title) {
				t.Errorf("%s: the dashboard has no panel %q", entries[i][:20], title)
			}
		}
	}
}
