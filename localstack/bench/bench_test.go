package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/cr3dentials/verification-webhooks/localstack/bench/stub"
)

// asFunction makes the test's own binary a Lambda function.
const asFunction = "BENCH_TEST_FUNCTION"

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "receiver" { // startReceiver runs its own program
		main()
		os.Exit(0)
	}
	if os.Getenv(asFunction) != "" {
		lambda.Start(func(ctx context.Context, in map[string]string) (map[string]string, error) {
			if in["fail"] != "" {
				return nil, errors.New(in["fail"])
			}
			deadline, _ := ctx.Deadline()
			lc, _ := lambdacontext.FromContext(ctx)
			return map[string]string{"echo": in["say"], "left": time.Until(deadline).Round(time.Second).String(), "id": lc.AwsRequestID}, nil
		})
	}
	os.Exit(m.Run())
}

// TestRuntime: a real handler of aws-lambda-go takes the stand-in for Lambda.
func TestRuntime(t *testing.T) {
	r, err := newRuntime()
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := startProc(t.Context(), append(r.environment("echo", 512), asFunction+"=1"), io.Discard, os.Stderr, self)
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	for i := range 3 {
		in, err := r.invoke(t.Context(), fmt.Appendf(nil, `{"say": "hello %d"}`, i), 30*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		var out map[string]string
		if err := json.Unmarshal(in.answer, &out); err != nil || out["echo"] != fmt.Sprintf("hello %d", i) || out["left"] != "30s" || out["id"] != in.id {
			t.Errorf("got %s, %v", in.answer, err)
		}
		if d := in.duration(); d <= 0 || d > 30*time.Second {
			t.Errorf("an invocation took %v", d)
		}
	}
	if at := <-r.polled; at.Before(p.started) {
		t.Errorf("it polled at %v and was started at %v", at, p.started)
	}
	if _, err := r.invoke(t.Context(), []byte(`{"fail": "no luck"}`), time.Minute); err == nil || !strings.Contains(err.Error(), "no luck") {
		t.Errorf("got %v", err)
	}
	if cpu, err := p.cpu(); err != nil || cpu < 0 || cpu > time.Minute {
		t.Errorf("got %v, %v", cpu, err)
	}
	if peak, err := p.peak(); err != nil || peak < 1<<20 || peak > 1<<30 {
		t.Errorf("got %d, %v", peak, err)
	}
}

func TestRuntimeTimesOut(t *testing.T) {
	r, err := newRuntime()
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	if _, err := r.invoke(t.Context(), []byte(`{}`), -time.Second); !errors.Is(err, errTimeout) {
		t.Errorf("nobody polls, and it returned %v", err)
	}
}

// TestRecords: the other senders were measured with bodies of the same size.
func TestRecords(t *testing.T) {
	m := newMaker(1)
	seen := map[string]bool{}
	for range 200 {
		raw := m.record("prt_06fhv37201jqgrbde1p6asbrc4", time.Now())
		if n := len(defaultBody(raw)); n != bodySize {
			t.Fatalf("a body has %d bytes, want %d: %s", n, bodySize, raw)
		}
		if len(raw) < 1600 || len(raw) > 1800 {
			t.Fatalf("a record has %d bytes, want about 1,700", len(raw))
		}
		seen[decoded(raw).Event.ID] = true
	}
	if len(seen) != 200 {
		t.Errorf("%d events of 200 records", len(seen))
	}
	var e struct{ Records []json.RawMessage }
	if err := json.Unmarshal(streamEvent(m.record("p", time.Now()), m.record("p", time.Now())), &e); err != nil || len(e.Records) != 2 {
		t.Errorf("got %d records, %v", len(e.Records), err)
	}
	if n := len(defaultBody(largeRecord("p"))); n != 102_400 {
		t.Errorf("the large body has %d bytes", n)
	}
}

func TestStatistics(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(100 - i)
	}
	for _, tt := range []struct {
		name      string
		got, want float64
	}{
		{"median of three", median([]float64{9, 1, 2}), 2},
		{"median of four", median([]float64{9, 1, 2, 3}), 2.5},
		{"p50", percentile(hundred, 50), 50},
		{"p99", percentile(hundred, 99), 99},
		{"p99 of few", percentile([]float64{3, 1, 2}, 99), 3},
		{"p100", percentile(hundred, 100), 100},
		{"p0", percentile(hundred, 0), 1},
		{"middle", middle([]float64{5, 7, 6}, func(v float64) float64 { return v }), 6},
		{"middle by key", middle([]float64{5, 7, 4}, func(v float64) float64 { return -v }), 5},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, tt.got, tt.want)
		}
	}
	if !math.IsNaN(median(nil)) || !math.IsNaN(percentile(nil, 50)) {
		t.Error("there is a median of nothing")
	}
}

func TestRows(t *testing.T) {
	for _, tt := range []struct {
		r    row
		want string
	}{
		{newRow("a", "", 1.00004, "s", atMost(1), "n"), `{"name":"a","value":1,"unit":"s","goal":"<= 1","holds":false,"note":"n"}`},
		{newRow("a", "c", 2.1, "s", atMost(2.1), "%d", 1), `{"name":"a","case":"c","value":2.1,"unit":"s","goal":"<= 2.1","holds":true,"note":"1"}`},
		{newRow("a", "", 0.8, "s", atLeast(0.8), "n"), `{"name":"a","value":0.8,"unit":"s","goal":">= 0.8","holds":true,"note":"n"}`},
		{newRow("a", "", 0.79, "s", atLeast(0.8), "n"), `{"name":"a","value":0.79,"unit":"s","goal":">= 0.8","holds":false,"note":"n"}`},
		{newRow("a", "", math.NaN(), "s", atMost(1), "n"), `{"name":"a","value":null,"unit":"s","goal":"<= 1","holds":false,"note":"n"}`},
		{failedRow("a", io.EOF), `{"name":"a","value":null,"unit":"","goal":"","holds":false,"note":"not measured: EOF"}`},
	} {
		var b strings.Builder
		if err := printJSON(&b, tt.r); err != nil || b.String() != tt.want+"\n" {
			t.Errorf("got %s, %v, want %s", b.String(), err, tt.want)
		}
	}
}

// TestBill: a thousand deliveries in ten invocations, priced by hand for a million.
func TestBill(t *testing.T) {
	u := usage{
		Deliveries: 1000, Invocations: 10, Wall: time.Second, CPU: 500 * time.Millisecond, LogBytes: 400_000, MemoryMB: 1769.0 / 2,
		Counts: stub.Counts{
			WCU:   map[string]float64{"deliveries": 2000, "deliveries/byVerification": 1000, "service": 100},
			RCU:   map[string]float64{"service": 100},
			Calls: map[string]int{"SQS.SendMessageBatch": 20, "KMS.Decrypt": 1, "S3.PutObject": 2, "EventBridge.PutEvents": 3, "DynamoDB.PutItem": 2000},
		},
	}
	if got := u.billed(); got != 1500*time.Millisecond {
		t.Errorf("half a processor: billed %v, want 1.5s", got)
	}
	want := map[string]float64{
		"writes": 3.1 * 0.625, "reads": 0.1 * 0.125, "compute": 1500 * (1769.0 / 2 / 1024) * 0.0000133334, "invocations": 0.002,
		"logs": (400e6 + 430*10_000) / 1e9 * 0.5, "tracing": (3600 + 0.05*6400) * 5 / 1e6, "queue": 20_000 * 0.4 / 1e6,
		"kms": 1000 * 0.03 / 10_000, "s3": 2000 * 0.005 / 1000, "events": 0.003,
	}
	sum := 0.0
	for _, i := range u.bill() {
		if math.Abs(i.Dollars-want[i.What]) > 1e-9 {
			t.Errorf("%s: got %v, want %v", i.What, i.Dollars, want[i.What])
		}
		sum += want[i.What]
		delete(want, i.What)
	}
	if len(want) > 0 || math.Abs(total(u.bill())-sum) > 1e-9 {
		t.Errorf("not in the bill: %v; total %v, want %v", want, total(u.bill()), sum)
	}
	u.Over = 9000 * time.Second
	if got := u.bill()[5]; got.What != "tracing" || math.Abs(got.Dollars-(9000+0.05*1000)*5/1e6) > 1e-9 {
		t.Errorf("over 9,000 s: %v", got)
	}
	u.MemoryMB = 3538
	if got := u.billed(); got != time.Second {
		t.Errorf("two processors: billed %v, want 1s", got)
	}
}

func TestStoreTimes(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	s := &storeTimes{spans: [][2]time.Time{{at(0), at(10)}, {at(20), at(30)}, {at(25), at(40)}, {at(90), at(110)}}}
	for _, tt := range []struct{ from, to, want int }{
		{0, 100, 40}, {5, 25, 10}, {10, 20, 0}, {26, 35, 9}, {200, 300, 0},
	} {
		if got := s.within(at(tt.from), at(tt.to)); got != time.Duration(tt.want)*time.Millisecond {
			t.Errorf("%d to %d: got %v, want %d ms", tt.from, tt.to, got, tt.want)
		}
	}
}

func TestHandled(t *testing.T) {
	m := newMaker(9)
	batch := [][]byte{m.record("p", time.Now()), m.record("p", time.Now()), m.record("p", time.Now())}
	answer := func(record int) []byte {
		b, err := json.Marshal(events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{
			{ItemIdentifier: decoded(batch[record]).Event.Sequence},
		}})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, tt := range []struct {
		answer []byte
		want   int
	}{{[]byte(`{"batchItemFailures":[]}`), 3}, {answer(0), 0}, {answer(2), 2}, {[]byte(`{"batchItemFailures":[{"itemIdentifier":"7"}]}`), 0}} {
		if got, err := handled(batch, tt.answer); err != nil || got != tt.want {
			t.Errorf("%s: got %d, %v, want %d", tt.answer, got, err, tt.want)
		}
	}
	if _, err := handled(batch, []byte(`no`)); err == nil {
		t.Error("an answer that is not JSON counts as one")
	}
}

func TestLongest(t *testing.T) {
	trace := "init os @0.1 ms, 0.05 ms clock, 1 bytes, 1 allocs\ninit a/b @1 ms, 2.5 ms clock, 0 bytes, 0 allocs\nother\ninit c @3 ms, 0 ms clock, 0 bytes, 0 allocs\n"
	if got := longest(trace, 2); got != "a/b 2.5, os 0.05" {
		t.Errorf("got %q", got)
	}
}

func TestUndisturbed(t *testing.T) {
	for _, tt := range []struct {
		errs []error
		runs int
		want error
	}{
		{[]error{nil}, 1, nil}, {[]error{errDisturbed, nil}, 2, nil}, {[]error{io.EOF}, 1, io.EOF},
		{[]error{errDisturbed, errDisturbed, errDisturbed, io.EOF}, 3, nil},
	} {
		n := 0
		got, err := undisturbed(func() (int, error) { n++; return n, tt.errs[n-1] })
		if n != tt.runs || got != n || !errors.Is(err, tt.want) {
			t.Errorf("%v: %d runs, got %d, %v", tt.errs, n, got, err)
		}
	}
}
