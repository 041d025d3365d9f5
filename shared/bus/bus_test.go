package bus_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/cr3dentials/verification-webhooks/shared/bus"
	"github.com/cr3dentials/verification-webhooks/shared/delivery"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

var _ delivery.Bus = (*bus.Bus)(nil)

var at = time.Date(2026, 3, 4, 5, 6, 7, 123456789, time.UTC)

func config(endpoint string, transport http.RoundTripper) aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(endpoint), HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond })
		},
	}
}

// entry is an entry of a batch as it is on the wire.
type entry struct {
	EventBusName, Source, DetailType, Detail string
	Time                                     json.Number
}

// fake is an EventBridge that refuses the entries for which refuse gives a code.
type fake struct {
	batches [][]entry
	refuse  func(id string) (code string)
	// lose is called before each answer; true loses it after the events were accepted.
	lose func(batch int) bool
	// short leaves the last result out of each answer.
	short  bool
	status int
	// accepted are the ids of the events, each as often as it was accepted.
	accepted []string
}

func (f *fake) RoundTrip(r *http.Request) (*http.Response, error) {
	var in struct{ Entries []entry }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return nil, err
	}
	f.batches = append(f.batches, in.Entries)
	if f.status != 0 {
		return response(f.status, `{"__type":"ThrottlingException","message":"m"}`), nil
	}
	var results []string
	failed := 0
	for _, e := range in.Entries {
		id := idOf(e)
		if code := f.refuse(id); code != "" {
			failed++
			results = append(results, fmt.Sprintf(`{"ErrorCode":%q,"ErrorMessage":"m"}`, code))
			continue
		}
		f.accepted = append(f.accepted, id)
		results = append(results, fmt.Sprintf(`{"EventId":"e-%s"}`, id))
	}
	if f.lose != nil && f.lose(len(f.batches)) {
		return nil, io.ErrUnexpectedEOF
	}
	if f.short {
		results = results[:len(results)-1]
	}
	return response(http.StatusOK, fmt.Sprintf(`{"FailedEntryCount":%d,"Entries":[%s]}`, failed, strings.Join(results, ","))), nil
}

func response(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
		Body: io.NopCloser(strings.NewReader(body)),
	}
}

func idOf(e entry) string {
	var d struct{ ID string }
	_ = json.Unmarshal([]byte(e.Detail), &d)
	return d.ID
}

func newFake(f *fake, name string) *bus.Bus {
	if f.refuse == nil {
		f.refuse = func(string) string { return "" }
	}
	return bus.New(eventbridge.NewFromConfig(config("http://bus.invalid", f)), name)
}

func events(n int) []webhook.OutboxEvent {
	es := make([]webhook.OutboxEvent, n)
	for i := range es {
		es[i] = webhook.OutboxEvent{
			ID: strconv.Itoa(i), Kind: webhook.WebhookDeactivated, PartnerID: "prt_1", WebhookID: "whk_1", At: at,
		}
	}
	return es
}

// ids returns the ids of events, sorted as numbers.
func ids(es []webhook.OutboxEvent) []int {
	var got []int
	for _, e := range es {
		n, _ := strconv.Atoi(e.ID)
		got = append(got, n)
	}
	slices.Sort(got)
	return got
}

func numbers(from, to int) []int {
	var ns []int
	for n := from; n < to; n++ {
		ns = append(ns, n)
	}
	return ns
}

// TestGolden holds what is on the wire: rules and receivers rely on it.
func TestGolden(t *testing.T) {
	for _, c := range []struct {
		event  webhook.OutboxEvent
		detail string
	}{
		{
			webhook.OutboxEvent{
				ID: "obx_1", Kind: webhook.WebhookDeactivated, PartnerID: "prt_1", WebhookID: "whk_1", DeliveryID: "dlv_1",
				Reason: "failures", At: at,
			},
			`{"id":"obx_1","kind":"webhook.deactivated","partnerId":"prt_1","webhookId":"whk_1","deliveryId":"dlv_1",` +
				`"reason":"failures","at":"2026-03-04T05:06:07.123456789Z"}`,
		},
		{
			webhook.OutboxEvent{
				ID: "obx_2", Kind: webhook.WebhookDrained, PartnerID: "prt_1", WebhookID: "whk_1", Count: 200,
				At: at.In(time.FixedZone("CET", 3600)),
			},
			`{"id":"obx_2","kind":"webhook.drained","partnerId":"prt_1","webhookId":"whk_1","count":200,` +
				`"at":"2026-03-04T05:06:07.123456789Z"}`,
		},
	} {
		for _, name := range []string{"", "operations"} {
			f := &fake{}
			accepted, err := newFake(f, name).Publish(t.Context(), []webhook.OutboxEvent{c.event})
			if err != nil || len(accepted) != 1 || accepted[0] != c.event {
				t.Fatalf("accepted %v, %v", accepted, err)
			}
			seconds, _ := f.batches[0][0].Time.Float64()
			if int64(seconds) != at.Unix() {
				t.Errorf("the time is %s, want that of the event", f.batches[0][0].Time)
			}
			want := entry{
				EventBusName: name, Source: "cr3dentials.webhooks", DetailType: string(c.event.Kind), Detail: c.detail,
				Time: f.batches[0][0].Time,
			}
			if got := f.batches[0][0]; got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		}
	}
}

func TestBatches(t *testing.T) {
	for n, want := range map[int][]int{0: nil, 1: {1}, 10: {10}, 11: {10, 1}, 25: {10, 10, 5}} {
		f := &fake{}
		accepted, err := newFake(f, "").Publish(t.Context(), events(n))
		var got []int
		for _, b := range f.batches {
			got = append(got, len(b))
		}
		if err != nil || !slices.Equal(got, want) || !slices.Equal(ids(accepted), numbers(0, n)) {
			t.Errorf("%d events went in batches of %v, want %v; accepted %v, %v", n, got, want, ids(accepted), err)
		}
	}
}

// TestHalfFailed refuses entries in the middle of batches: exactly the others are accepted.
func TestHalfFailed(t *testing.T) {
	f := &fake{refuse: func(id string) string {
		switch id {
		case "0", "7", "19", "24":
			return "InternalFailure"
		case "12":
			return "ThrottlingException"
		}
		return ""
	}}
	accepted, err := newFake(f, "").Publish(t.Context(), events(25))
	want := slices.DeleteFunc(numbers(0, 25), func(n int) bool { return slices.Contains([]int{0, 7, 12, 19, 24}, n) })
	if !slices.Equal(ids(accepted), want) {
		t.Errorf("accepted %v, want %v", ids(accepted), want)
	}
	if webhook.CodeOf(err) != webhook.Unavailable || !strings.Contains(err.Error(), "5 of 25 events: InternalFailure, ThrottlingException") {
		t.Errorf("got %v", err)
	}
	if len(f.batches) != 3 {
		t.Errorf("%d requests, want 3: what is refused is published again by the next run", len(f.batches))
	}
}

// TestLostAnswers loses answers after the events were accepted. The SDK publishes the batch again; if no answer comes at
// all, nobody may say that its events were accepted, nor lose those of the batch before.
func TestLostAnswers(t *testing.T) {
	f := &fake{lose: func(batch int) bool { return batch == 1 }}
	accepted, err := newFake(f, "").Publish(t.Context(), events(3))
	if err != nil || !slices.Equal(ids(accepted), []int{0, 1, 2}) || len(f.accepted) != 6 {
		t.Errorf("accepted %v, %v; the bus took %v", ids(accepted), err, f.accepted)
	}
	f = &fake{lose: func(batch int) bool { return batch > 1 }}
	accepted, err = newFake(f, "").Publish(t.Context(), events(25))
	if !slices.Equal(ids(accepted), numbers(0, 10)) || webhook.CodeOf(err) != webhook.Unavailable {
		t.Errorf("accepted %v, %v; want the first ten", ids(accepted), err)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the cause is gone: %v", err)
	}
	// An answer that lacks a result.
	f = &fake{short: true}
	accepted, err = newFake(f, "").Publish(t.Context(), events(3))
	if !slices.Equal(ids(accepted), []int{0, 1}) || webhook.CodeOf(err) != webhook.Unavailable {
		t.Errorf("accepted %v, %v; want the first two", ids(accepted), err)
	}
	f = &fake{status: http.StatusBadRequest}
	accepted, err = newFake(f, "").Publish(t.Context(), events(3))
	if accepted != nil || webhook.CodeOf(err) != webhook.Unavailable {
		t.Errorf("throttled: accepted %v, %v", ids(accepted), err)
	}
}

// TestSize: ten of the largest entries stay below the limit of a request; what is larger spoils nothing for the others.
func TestSize(t *testing.T) {
	es := events(12)
	for i := range es {
		es[i].Reason = strings.Repeat("r", 16_000)
	}
	es[3].Reason = strings.Repeat("r", 17_000)
	f := &fake{}
	accepted, err := newFake(f, "").Publish(t.Context(), es)
	if want := slices.Concat(numbers(0, 3), numbers(4, 12)); !slices.Equal(ids(accepted), want) {
		t.Errorf("accepted %v, want %v", ids(accepted), want)
	}
	if webhook.CodeOf(err) != webhook.Unavailable || !strings.Contains(err.Error(), "1 of 12 events: too large") {
		t.Errorf("got %v", err)
	}
	for _, b := range f.batches {
		size := 0
		for _, e := range b {
			size += len(e.Detail) + len(e.DetailType) + len(e.Source) + 14
		}
		if size > 256<<10 {
			t.Errorf("a request of %d bytes", size)
		}
	}
}
