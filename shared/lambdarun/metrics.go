package lambdarun

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// facts are the attributes of a log event that metrics are made of.
type facts struct {
	state     string // of the delivery
	errorCode string // of an attempt that failed
	code      string // of an error of ours
	failed    bool   // there was one
	paced     bool
	ageMs     int64
	lateMs    int64
}

// rule derives a metric from a log event. Without of it counts the events; otherwise the metric is the most of these, in
// milliseconds, in an invocation.
type rule struct {
	event, metric string
	when          func(facts) bool
	cause         func(facts) string
	of            func(facts) int64
}

// rules are all metrics that come from log events. What else fails is counted by fault.
func rules() []rule {
	code := func(f facts) string { return f.code }
	faults := func(event string) rule { return rule{event: event, metric: env.FaultsMetric, cause: code} }
	failed := func(f facts) bool { return f.failed }
	return []rule{
		{event: "delivery.attempted", metric: env.DeliveredMetric, when: func(f facts) bool {
			return f.errorCode == "" && f.state == string(webhook.Delivered)
		}},
		// What was interrupted is no failure of the endpoint's: its event comes when the claim has run out.
		{event: "delivery.attempted", metric: env.FailedAttemptsMetric, cause: func(f facts) string { return f.errorCode }, when: func(f facts) bool {
			return f.errorCode != "" && f.errorCode != string(webhook.ErrInterrupted)
		}},
		// What is paced waits for its own endpoint.
		{event: "delivery.attempted", metric: env.EventAgeMetric, of: func(f facts) int64 { return f.ageMs }, when: func(f facts) bool { return !f.paced }},
		{event: "delivery.interrupted", metric: env.InterruptedMetric},
		{event: "delivery.held", metric: env.HeldMetric},
		{event: "delivery.undeliverable", metric: env.UndeliverableMetric},
		{event: "delivery.expired", metric: env.ExpiredMetric},
		{event: "delivery.overdue", metric: env.OverdueMetric},
		{event: "delivery.overdue", metric: env.OldestOverdueMetric, of: func(f facts) int64 { return f.lateMs }},
		// What does not pass by itself.
		{event: "overdue.put_off", metric: env.StuckMetric, when: func(f facts) bool { return f.code != string(webhook.Unavailable) }},
		{event: "record.parked", metric: env.ParkedMetric},
		{event: "job.stopped_by_limit", metric: env.StoppedByLimitMetric},
		{event: "webhook.deactivated", metric: env.SwitchedOffMetric},
		faults("message.put_off"), faults("message.left_to_sweeper"), faults("overdue.put_off"), faults("outbox.put_off"), faults("job.skipped"),
		faults("delivery.unreadable"), faults("lost.unreadable"), faults("panic"),
		faults("stats.failed"), faults("webhook.detour_failed"), faults("webhook.pace_failed"),
		{event: "api.request", metric: env.FaultsMetric, cause: code, when: failed},
		{event: "admin.request", metric: env.FaultsMetric, cause: code, when: failed},
	}
}

var rulesOf = func() map[string][]rule {
	byEvent := map[string][]rule{}
	for _, r := range rules() {
		byEvent[r.event] = append(byEvent[r.event], r)
	}
	return byEvent
}()

// counted is a value of a metric, with its cause if it has one.
type counted struct{ metric, cause string }

// count adds a log event to the metrics.
func (i *invocation) count(r slog.Record) {
	var event string
	var f facts
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "event":
			event = a.Value.String()
		case "state":
			f.state = a.Value.String()
		case "errorCode":
			f.errorCode = a.Value.String()
		case "code":
			f.code = a.Value.String()
		case "error":
			f.failed = true
		case "paced":
			f.paced = a.Value.Kind() == slog.KindBool && a.Value.Bool()
		case "ageMs":
			f.ageMs = milliseconds(a.Value)
		case "lateMs":
			f.lateMs = milliseconds(a.Value)
		}
		return true
	})
	for _, r := range rulesOf[event] {
		if r.when != nil && !r.when(f) {
			continue
		}
		k := counted{metric: r.metric}
		switch {
		case r.of != nil:
			i.most(k, float64(r.of(f))/1000)
			continue
		case r.cause != nil:
			k.cause = known(r.metric, r.cause(f))
		}
		i.add(k, 1)
	}
}

func milliseconds(v slog.Value) int64 {
	if v.Kind() != slog.KindInt64 {
		return 0
	}
	return v.Int64()
}

func (i *invocation) add(k counted, n float64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.init()[k] += n
}

func (i *invocation) most(k counted, v float64) {
	if v <= 0 {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.init()[k] = max(i.counts[k], v)
}

func (i *invocation) init() map[counted]float64 {
	if i.counts == nil {
		i.counts = map[counted]float64{}
	}
	return i.counts
}

// fault counts a fault of ours that no log event tells of.
func fault(ctx context.Context, err error) {
	if i := invocationOf(ctx); i != nil {
		i.add(counted{env.FaultsMetric, known(env.FaultsMetric, string(webhook.CodeOf(err)))}, 1)
	}
}

// known returns a cause as a metric may have it, so that there are never more causes than these.
func known(metric, cause string) string {
	switch metric {
	case env.FailedAttemptsMetric:
		if slices.Contains(webhook.ErrorCodes(), webhook.ErrorCode(cause)) {
			return cause
		}
	case env.FaultsMetric:
		if slices.Contains(webhook.Codes(), webhook.Code(cause)) {
			return cause
		}
	}
	return env.OtherCause
}

// The Embedded Metric Format: CloudWatch finds under "_aws" which members of a log line are metrics and dimensions.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
type (
	metadata struct {
		Timestamp         int64 // milliseconds
		CloudWatchMetrics []directive
	}
	directive struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []definition
	}
	definition struct {
		Name string
		Unit string `json:",omitempty"`
	}
)

// metrics returns the metrics of the invocation as attributes of log lines: those of its own line first, then for each
// further cause those of another, since a line has one value of each dimension. There are none without a deployment, and
// none of what did not happen.
func (i *invocation) metrics(deployment string, now time.Time) [][]slog.Attr {
	i.mu.Lock()
	defer i.mu.Unlock()
	if deployment == "" || len(i.counts) == 0 {
		return nil
	}
	byCause := map[string][]counted{}
	for k := range i.counts {
		byCause[k.cause] = append(byCause[k.cause], k)
	}
	causes := slices.Sorted(maps.Keys(byCause))
	if len(causes) > 1 && causes[0] == "" {
		byCause[causes[1]], causes = append(byCause[""], byCause[causes[1]]...), causes[1:]
	}
	lines := make([][]slog.Attr, len(causes))
	for n, c := range causes {
		lines[n] = i.line(deployment, c, byCause[c], now)
	}
	return lines
}

// line returns the attributes of a line with metrics, those with a cause by it too.
func (i *invocation) line(deployment, cause string, ks []counted, now time.Time) []slog.Attr {
	slices.SortFunc(ks, func(a, b counted) int { return cmp.Compare(a.metric, b.metric) })
	plain := directive{Namespace: env.MetricNamespace, Dimensions: [][]string{{env.DeploymentDimension}}}
	caused := plain
	caused.Dimensions = [][]string{{env.DeploymentDimension}, {env.DeploymentDimension, env.CauseDimension}}
	attrs := []slog.Attr{{}, slog.String(env.DeploymentDimension, deployment)}
	if cause != "" {
		attrs = append(attrs, slog.String(env.CauseDimension, cause))
	}
	for _, k := range ks {
		d := definition{Name: k.metric}
		if slices.Contains(env.MetricsInSeconds, k.metric) {
			d.Unit = "Seconds"
		}
		if k.cause == "" {
			plain.Metrics = append(plain.Metrics, d)
		} else {
			caused.Metrics = append(caused.Metrics, d)
		}
		attrs = append(attrs, slog.Float64(k.metric, i.counts[k]))
	}
	m := metadata{Timestamp: now.UnixMilli()}
	for _, d := range []directive{plain, caused} {
		if d.Metrics != nil {
			m.CloudWatchMetrics = append(m.CloudWatchMetrics, d)
		}
	}
	attrs[0] = slog.Any("_aws", m)
	return attrs
}
