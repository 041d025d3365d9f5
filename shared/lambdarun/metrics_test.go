package lambdarun

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/logbook"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

const sampled = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

// run is one invocation that logs; it returns its lines.
func run(t *testing.T, deployment, trace string, f func(ctx context.Context, log *slog.Logger) error) []string {
	t.Helper()
	t.Setenv(env.Deployment, deployment)
	var out bytes.Buffer
	log := NewLogger(&out, "dispatcher")
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "req-1"})
	ctx = context.WithValue(ctx, "x-amzn-trace-id", trace) //nolint:staticcheck // as aws-lambda-go does
	_, err := Handler(log, func(ctx context.Context, _ []byte) (any, []slog.Attr, error) {
		return nil, nil, f(ctx, log)
	}).Invoke(ctx, nil)
	if err != nil && !errors.Is(err, errTest) {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

var errTest = errors.New("the function failed")

func event(name string, attrs ...slog.Attr) []slog.Attr {
	return append([]slog.Attr{slog.String("event", name)}, attrs...)
}

func attempt(state, errorCode string, attrs ...slog.Attr) []slog.Attr {
	return append(event("delivery.attempted", slog.String("state", state), slog.String("errorCode", errorCode)), attrs...)
}

// totals adds up the metrics of lines, which must be as the format's specification says.
func totals(t *testing.T, lines []string) map[string]float64 {
	t.Helper()
	var raw [][]byte
	for _, l := range lines {
		raw = append(raw, []byte(l))
	}
	all, err := logbook.Totals(raw)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func same(t *testing.T, got map[string]float64, want string) {
	t.Helper()
	text, err := json.Marshal(got)
	if err != nil || string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

// TestMetrics: each event makes its metric, several causes make a line each, and an invocation's own line comes once.
func TestMetrics(t *testing.T) {
	lines := run(t, "prod", "", func(ctx context.Context, log *slog.Logger) error {
		var wg sync.WaitGroup
		for _, attrs := range [][]slog.Attr{
			attempt("delivered", "", slog.Int64("ageMs", 1200)), attempt("delivered", "", slog.Int64("ageMs", 2500)), attempt("delivered", ""),
			attempt("delivered", "", slog.Int64("ageMs", 900_000), slog.Bool("paced", true)),
			attempt("pending", "timeout"), attempt("pending", "timeout"), attempt("exhausted", "http_status"),
			attempt("delivered", "dns_error"), // by hand, of what was delivered before
			attempt("", "interrupted"), attempt("", ""),
			event("delivery.interrupted"), event("delivery.held"), event("delivery.held"), event("delivery.undeliverable"),
			event("delivery.expired"), event("record.parked"), event("job.stopped_by_limit"), event("webhook.deactivated"),
			event("delivery.overdue", slog.Int64("lateMs", 61_000)), event("delivery.overdue", slog.Int64("lateMs", 7_000)),
			event("message.put_off", slog.String("code", "unavailable")), event("stats.failed", slog.String("code", "unavailable")),
			event("panic", slog.String("code", "internal")),
			event("overdue.put_off", slog.String("code", "corrupt")), event("overdue.put_off", slog.String("code", "unavailable")),
			event("api.request", slog.String("code", "not_found")), event("api.request", slog.String("code", "unavailable"), slog.String("error", "x")),
			event("delivery.queued"), event("something.else"), {},
		} {
			wg.Go(func() { log.LogAttrs(ctx, slog.LevelInfo, "x", attrs...) })
		}
		wg.Wait()
		fault(ctx, fmt.Errorf("a batch's item: %w", webhook.Errorf(webhook.Corrupt, "x")))
		return nil
	})
	same(t, totals(t, lines), `{"Delivered":4,"EventAge":2.5,"Expired":1,"FailedAttempts":4,"FailedAttempts dns_error":1,"FailedAttempts http_status":1,`+
		`"FailedAttempts timeout":2,"Faults":7,"Faults corrupt":2,"Faults internal":1,"Faults unavailable":4,"Held":2,"Interrupted":1,"OldestOverdue":61,`+
		`"Overdue":2,"Parked":1,"StoppedByLimit":1,"Stuck":1,"SwitchedOff":1,"Undeliverable":1}`)
	if n := strings.Count(strings.Join(lines, "\n"), `"event":"invocation"`); n != 1 {
		t.Errorf("%d lines of the invocation", n)
	}
	for _, l := range lines[len(lines)-6:] {
		if err := logbook.Check([]byte(l)); err != nil {
			t.Error(err)
		}
	}
}

// TestNoMetrics: what is zero is not written, nor is anything without a deployment.
func TestNoMetrics(t *testing.T) {
	delivered := func(ctx context.Context, log *slog.Logger) error {
		log.LogAttrs(ctx, slog.LevelInfo, "x", attempt("delivered", "")...)
		return errTest
	}
	for _, c := range []struct {
		deployment string
		f          func(context.Context, *slog.Logger) error
		want       string
	}{
		{"prod", func(context.Context, *slog.Logger) error { return nil }, `{}`},
		{"", delivered, `{}`}, {"prod", delivered, `{"Delivered":1}`},
	} {
		lines := run(t, c.deployment, "", c.f)
		same(t, totals(t, lines), c.want)
		if last := lines[len(lines)-1]; c.want == "{}" && (strings.Contains(last, "_aws") || strings.Contains(last, env.DeploymentDimension)) {
			t.Errorf("got %s", last)
		}
	}
}

// TestCausesAreBounded: whatever codes and ids come, only the known causes and one more come out.
func TestCausesAreBounded(t *testing.T) {
	ids := webhook.IDSource{Now: time.Now, Rand: strings.NewReader(strings.Repeat("0123456789", 1000))}
	odd := []string{"", "whk", "Timeout", "timeout ", "internal\n", strings.Repeat("x", 5000), ids.Webhook(), ids.Job()}
	known := map[string]bool{env.OtherCause: true}
	for _, c := range webhook.ErrorCodes() {
		odd, known[string(c)] = append(odd, string(c)), true
	}
	for _, c := range webhook.Codes() {
		odd, known[string(c)] = append(odd, string(c)), true
	}
	lines := run(t, "prod", "", func(ctx context.Context, log *slog.Logger) error {
		for _, code := range odd {
			log.LogAttrs(ctx, slog.LevelInfo, "x", attempt("pending", code)...)
			for name := range rulesOf {
				log.LogAttrs(ctx, slog.LevelInfo, "x", event(name, slog.String("code", code), slog.String("error", code),
					slog.String("webhookId", ids.Webhook()), slog.String("reason", code), slog.String("host", code), slog.Any("ageMs", code))...)
			}
		}
		return nil
	})
	got := map[string]bool{}
	for _, l := range lines {
		points, err := logbook.Metrics([]byte(l))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range points {
			if p.Cause == "" {
				continue
			}
			got[p.Cause] = true
			if !known[p.Cause] || !slices.Contains(env.MetricsByCause, p.Metric) || len(l) > 2000 {
				t.Errorf("%s has the cause %q: %s", p.Metric, p.Cause, l)
			}
		}
	}
	if want := len(webhook.ErrorCodes()) - 1 + len(webhook.Codes()) + 1; len(got) != want { // interrupted is none
		t.Errorf("%d causes, want %d", len(got), want)
	}
}

// TestRulesNameWhatIs: each rule is about an event of the catalogue, and each metric has a rule.
func TestRulesNameWhatIs(t *testing.T) {
	made := map[string]bool{}
	for _, r := range rules() {
		made[r.metric] = true
		e, ok := logbook.Events()[r.event]
		if !ok {
			t.Errorf("%s is made of %s, which the catalogue lacks", r.metric, r.event)
		}
		if byCause := slices.Contains(env.MetricsByCause, r.metric); byCause != (r.cause != nil) {
			t.Errorf("%s of %s: by cause is %v", r.metric, r.event, byCause)
		}
		if r.metric == env.FaultsMetric && !slices.Contains(slices.Concat(e.Always, e.May), "code") {
			t.Errorf("%s has no code", r.event)
		}
	}
	for _, m := range env.Metrics {
		if !made[m] {
			t.Errorf("nothing makes %s", m)
		}
	}
	for name, e := range logbook.Events() {
		fault := slices.Contains(e.Always, "code") && (slices.Contains(e.Levels, "WARN") || slices.Contains(e.Levels, "ERROR"))
		counted := slices.ContainsFunc(rules(), func(r rule) bool { return r.event == name && r.metric == env.FaultsMetric })
		if fault && !counted {
			t.Errorf("%s is a fault that nothing counts", name)
		}
	}
}

// TestEveryLineHasTheInvocationsIDs also where attempts log at once, and of another log than the first.
func TestEveryLineHasTheInvocationsIDs(t *testing.T) {
	for trace, want := range map[string]string{
		sampled: "1-5759e988-bd862e3fe1be46a994272793", strings.Replace(sampled, "Sampled=1", "Sampled=0", 1): "", "": "", "Sampled=1": "",
	} {
		lines := run(t, "prod", trace, func(ctx context.Context, log *slog.Logger) error {
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() { log.LogAttrs(ctx, slog.LevelInfo, "x", attempt("delivered", "")...) })
			}
			wg.Wait()
			log.With("a", 1).LogAttrs(ctx, slog.LevelInfo, "x", attempt("delivered", "")...)
			return nil
		})
		if len(lines) != 12 {
			t.Fatalf("%d lines", len(lines))
		}
		for _, l := range lines {
			var got struct{ RequestID, XrayTraceID string }
			if err := json.Unmarshal([]byte(l), &got); err != nil || got.RequestID != "req-1" || got.XrayTraceID != want || strings.Count(l, "requestId") != 1 {
				t.Errorf("trace %q: %s", trace, l)
			}
		}
		if got := totals(t, lines)["Delivered"]; got != 11 {
			t.Errorf("%v delivered", got)
		}
	}
}

// TestSizes: logs are billed. What metrics add to the line of an invocation that delivered one event is bounded.
func TestSizes(t *testing.T) {
	one := func(ctx context.Context, log *slog.Logger) error {
		log.LogAttrs(ctx, slog.LevelInfo, "x", attempt("delivered", "", slog.Int64("ageMs", 1234))...)
		return nil
	}
	with, without := run(t, "prod", "", one), run(t, "", "", one)
	if n := len(with[1]) - len(without[1]); n > 250 {
		t.Errorf("metrics take %d bytes: %s", n, with[1])
	}
}

func BenchmarkLine(b *testing.B) {
	attrs := attempt("delivered", "", slog.Int64("ageMs", 1234), slog.String("partnerId", "p"), slog.String("webhookId", "w"), slog.Int("attempt", 1))
	ctx, _ := begin(lambdacontext.NewContext(b.Context(), &lambdacontext.LambdaContext{AwsRequestID: "req-1"}))
	for name, log := range map[string]*slog.Logger{"slog": slog.New(slog.NewJSONHandler(io.Discard, nil)), "ours": NewLogger(io.Discard, "dispatcher")} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				log.LogAttrs(ctx, slog.LevelInfo, "x", attrs...)
			}
		})
	}
}

// TestFailedItemsAreFaults: what stays on the stream or the queue is counted, by the code of its error.
func TestFailedItemsAreFaults(t *testing.T) {
	lines := run(t, "prod", "", func(ctx context.Context, _ *slog.Logger) error {
		_, _, err1 := StreamEvent(ctx, streamEvent("1", "2", "3"), func(context.Context, [][]byte) []error {
			return []error{webhook.Errorf(webhook.Unavailable, "x"), nil, errTest}
		})
		_, _, err2 := QueueEvent(ctx, []byte(`{"Records":[{"messageId":"m","body":"not ours"}]}`), nil)
		return errors.Join(err1, err2)
	})
	got := totals(t, lines)
	if got["Faults"] != 3 || got["Faults unavailable"] != 1 || len(got) < 3 {
		t.Errorf("got %v", got)
	}
}
