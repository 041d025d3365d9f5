package stub_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/cr3dentials/verification-webhooks/localstack/bench/stub"
	"github.com/cr3dentials/verification-webhooks/shared/bus"
	"github.com/cr3dentials/verification-webhooks/shared/queue"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func bodies(ms []stub.Message) []string {
	var all []string
	for _, m := range ms {
		all = append(all, m.Body)
	}
	return all
}

// TestQueue sends by the product's adapter and receives as Lambda would, at times of its own.
func TestQueue(t *testing.T) {
	s, cfg := start(t)
	url := s.CreateQueue("q")
	s.SetVisibility("q", time.Minute)
	q := queue.New(sqs.NewFromConfig(cfg), url)
	message := func(id string, delay time.Duration) webhook.Message {
		return webhook.Message{
			Kind: webhook.AttemptMessage, Ref: webhook.Ref{PartnerID: "p", WebhookID: "w", DeliveryID: id}, Number: 2, Delay: delay,
		}
	}
	var ms []webhook.Message
	for i := range 11 {
		ms = append(ms, message(fmt.Sprint("now", i), 0))
	}
	if err := q.Send(t.Context(), append(ms, message("later", 30*time.Second))...); err != nil {
		t.Fatal(err)
	}
	if c := s.Counts(); c.Messages != 12 || c.Calls["SQS.SendMessageBatch"] != 2 {
		t.Errorf("counted %+v", c)
	}
	waiting := func(want [3]int) {
		t.Helper()
		var got [3]int
		if got[0], got[1], got[2] = s.Waiting("q"); got != want {
			t.Errorf("ready, delayed and in flight are %v, want %v", got, want)
		}
	}
	waiting([3]int{11, 1, 0})
	if n, err := q.Waiting(t.Context()); n != 11 || err != nil {
		t.Errorf("%d are waiting, %v", n, err)
	}
	now := time.Now()
	first := s.Receive("q", now, 10)
	if len(first) != 10 || first[0].GroupID != "w" || first[0].Receives != 1 || !strings.Contains(first[0].Body, "now0") {
		t.Fatalf("received %d: %+v", len(first), first)
	}
	waiting([3]int{1, 1, 10})
	for _, m := range first[1:] {
		s.Delete("q", m.ID)
	}
	s.Delete("q", s.Receive("q", now, 10)[0].ID, "unknown")
	waiting([3]int{0, 1, 1})
	if got := s.Receive("q", now.Add(29*time.Second), 10); len(got) != 0 {
		t.Errorf("received %v before its time", bodies(got))
	}
	if got := s.Receive("q", now.Add(31*time.Second), 10); len(got) != 1 || got[0].ReadyAt.Sub(got[0].SentAt) != 30*time.Second {
		t.Errorf("received %+v, want what was delayed", got)
	}
	again := s.Receive("q", now.Add(time.Minute), 10)
	if len(again) != 1 || again[0].ID != first[0].ID || again[0].Receives != 2 {
		t.Errorf("received %+v, want what was not deleted", again)
	}
	waiting([3]int{0, 0, 2})
}

// TestFairQueue lets the others' messages overtake a group that has too much in flight.
func TestFairQueue(t *testing.T) {
	s, _ := start(t)
	url := s.CreateQueue("q")
	send := func(group string, n int) {
		t.Helper()
		for range n {
			status, answer := call(t, s, "AmazonSQS.SendMessage", fmt.Sprintf(`{"QueueUrl":"%s","MessageBody":"%s","MessageGroupId":"%[2]s"}`, url, group))
			if status != 200 {
				t.Fatal(answer)
			}
		}
	}
	send("noisy", 100)
	send("quiet", 3)
	now := time.Now()
	if got := bodies(s.Receive("q", now, 29)); slices.Contains(got, "quiet") {
		t.Errorf("with fewer than 30 in flight a younger message came before older ones: %v", got)
	}
	got := bodies(s.Receive("q", now, 6))
	if want := []string{"noisy", "quiet", "quiet", "quiet", "noisy", "noisy"}; !slices.Equal(got, want) {
		t.Errorf("received %v, want %v", got, want)
	}
}

// TestRefusedMessages holds what SQS refuses, by entry and by batch.
func TestRefusedMessages(t *testing.T) {
	s, _ := start(t)
	url := s.CreateQueue("q")
	entry := func(id, more string) string { return `{"Id":"` + id + `","MessageBody":"b"` + more + `}` }
	var eleven []string
	for i := range 11 {
		eleven = append(eleven, entry(fmt.Sprint(i), ""))
	}
	for name, c := range map[string]struct {
		url, entries string
		status       int
		want         string
	}{
		"delay":        {url, entry("a", `,"DelaySeconds":901`) + "," + entry("b", ""), 200, `"Code":"InvalidParameterValue"`},
		"no body":      {url, `{"Id":"a"}`, 200, `"Code":"MissingParameter"`},
		"control":      {url, `{"Id":"a","MessageBody":"\u0001"}`, 200, `"Code":"InvalidMessageContents"`},
		"eleven":       {url, strings.Join(eleven, ","), 400, "#TooManyEntriesInBatchRequest"},
		"none":         {url, "", 400, "#EmptyBatchRequest"},
		"twice":        {url, entry("a", "") + "," + entry("a", ""), 400, "#BatchEntryIdsNotDistinct"},
		"no queue":     {"http://localhost/0/other", entry("a", ""), 400, "#QueueDoesNotExist"},
		"a mebibyte":   {url, `{"Id":"a","MessageBody":"` + strings.Repeat("x", 1<<20) + `"}`, 200, `"Successful":[{`},
		"more of that": {url, `{"Id":"a","MessageBody":"` + strings.Repeat("x", 1<<20) + `"},` + entry("b", ""), 400, "#BatchRequestTooLong"},
	} {
		status, answer := call(t, s, "AmazonSQS.SendMessageBatch", `{"QueueUrl":"`+c.url+`","Entries":[`+c.entries+`]}`)
		if status != c.status || !strings.Contains(answer, c.want) {
			t.Errorf("%s: %d %s, want %s", name, status, answer, c.want)
		}
	}
	if ready, _, _ := s.Waiting("q"); ready != 2 {
		t.Errorf("%d messages were stored, want those that were not refused", ready)
	}
}

// TestBus publishes by the product's adapter.
func TestBus(t *testing.T) {
	s, cfg := start(t)
	events := make([]webhook.OutboxEvent, 12)
	accepted, err := bus.New(eventbridge.NewFromConfig(cfg), "").Publish(t.Context(), events)
	if err != nil || len(accepted) != len(events) {
		t.Errorf("%d of %d accepted, %v", len(accepted), len(events), err)
	}
	if c := s.Counts().Calls; len(c) != 1 || c["EventBridge.PutEvents"] != 2 {
		t.Errorf("counted %v", c)
	}
}

// TestLatency answers no sooner than told to.
func TestLatency(t *testing.T) {
	s, _ := start(t)
	const latency = 30 * time.Millisecond
	s.SetLatency(latency)
	began := time.Now()
	ddb(t, s, 200, "GetItem", `{"TableName":"service","Key":{`+key+`}}`)
	if took := time.Since(began); took < latency {
		t.Errorf("answered after %v, want at least %v", took, latency)
	}
	s.SetLatency(0)
	if status, answer := call(t, s, "DynamoDB_20120810.Unheard", "{}"); status != 400 || !strings.Contains(answer, "#UnknownOperationException") {
		t.Errorf("what is not known is answered with %d %s", status, answer)
	}
}
