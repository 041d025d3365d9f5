package stub_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
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
	address := s.CreateQueue("q")
	s.SetVisibility("q", time.Minute)
	q := queue.New(sqs.NewFromConfig(cfg), address)
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
	if len(first) != 10 || first[0].GroupID != "w" || first[0].Receives != 1 || !strings.Contains(first[0].Body, "now") {
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

// TestDeleteDelayed removes what nobody has received.
func TestDeleteDelayed(t *testing.T) {
	s, _ := start(t)
	address := s.CreateQueue("q")
	for _, delay := range []int{0, 5} {
		_, answer := call(t, s, "AmazonSQS.SendMessage", fmt.Sprintf(`{"QueueUrl":"%s","MessageBody":"b","DelaySeconds":%d}`, address, delay))
		var sent struct{ MessageID string }
		if err := json.Unmarshal([]byte(answer), &sent); err != nil || sent.MessageID == "" {
			t.Fatalf("%v: %s", err, answer)
		}
		s.Delete("q", sent.MessageID)
	}
	if ready, delayed, inFlight := s.Waiting("q"); ready+delayed+inFlight != 0 {
		t.Errorf("%d, %d and %d messages are left", ready, delayed, inFlight)
	}
	if got := s.Receive("q", time.Now().Add(time.Hour), 10); len(got) != 0 {
		t.Errorf("received %+v", got)
	}
}

// TestDataKeys binds a data key to its encryption context, whatever the order of its members.
func TestDataKeys(t *testing.T) {
	s, _ := start(t)
	_, answer := call(t, s, "TrentService.GenerateDataKey", `{"KeyId":"k","KeySpec":"AES_256","EncryptionContext":{"a":"1","b":"2"}}`)
	var made struct{ CiphertextBlob, Plaintext []byte }
	if err := json.Unmarshal([]byte(answer), &made); err != nil || len(made.Plaintext) != 32 {
		t.Fatalf("%v: %s", err, answer)
	}
	for bound, want := range map[string]int{`{"b":"2","a":"1"}`: 200, `{"a":"1"}`: 400, `{"a":"2","b":"1"}`: 400, `{}`: 400} {
		blob := base64.StdEncoding.EncodeToString(made.CiphertextBlob)
		status, answer := call(t, s, "TrentService.Decrypt", `{"CiphertextBlob":"`+blob+`","EncryptionContext":`+bound+`}`)
		if status != want {
			t.Errorf("with the context %s: %d %s, want %d", bound, status, answer, want)
		}
		var opened struct{ Plaintext []byte }
		if err := json.Unmarshal([]byte(answer), &opened); err != nil || want == 200 && !bytes.Equal(opened.Plaintext, made.Plaintext) {
			t.Errorf("with the context %s: %v, %s", bound, err, answer)
		}
	}
}

// TestListObjects goes on behind the last key of a page.
func TestListObjects(t *testing.T) {
	s, _ := start(t)
	do := func(method, path string) string {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader("body")))
		return w.Body.String()
	}
	for _, key := range []string{"a/2", "b/1", "a/1", "a/3"} {
		do(http.MethodPut, "/bucket/"+key)
	}
	var got []string
	after := ""
	for range 3 {
		var page struct {
			IsTruncated           bool
			NextContinuationToken string
			Contents              []struct {
				Key  string
				Size int
			}
		}
		if err := xml.Unmarshal([]byte(do(http.MethodGet, "/bucket?list-type=2&prefix=a/&max-keys=2"+after)), &page); err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			got = append(got, fmt.Sprint(o.Key, " ", o.Size))
		}
		if !page.IsTruncated {
			break
		}
		got = append(got, "more")
		after = "&continuation-token=" + url.QueryEscape(page.NextContinuationToken)
	}
	if want := []string{"a/1 4", "a/2 4", "more", "a/3 4"}; !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
}

// TestFairQueue lets the others' messages overtake a group that has too much in flight.
func TestFairQueue(t *testing.T) {
	s, _ := start(t)
	address := s.CreateQueue("q")
	send := func(group string, n int) {
		t.Helper()
		for range n {
			status, answer := call(t, s, "AmazonSQS.SendMessage", fmt.Sprintf(`{"QueueUrl":"%s","MessageBody":"%s","MessageGroupId":"%[2]s"}`, address, group))
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
	address := s.CreateQueue("q")
	entry := func(id, more string) string { return `{"Id":"` + id + `","MessageBody":"b"` + more + `}` }
	var eleven []string
	for i := range 11 {
		eleven = append(eleven, entry(fmt.Sprint(i), ""))
	}
	for name, c := range map[string]struct {
		queue, entries string
		status         int
		want           string
	}{
		"delay":        {address, entry("a", `,"DelaySeconds":901`) + "," + entry("b", ""), 200, `"Code":"InvalidParameterValue"`},
		"no body":      {address, `{"Id":"a"}`, 200, `"Code":"MissingParameter"`},
		"control":      {address, `{"Id":"a","MessageBody":"\u0001"}`, 200, `"Code":"InvalidMessageContents"`},
		"eleven":       {address, strings.Join(eleven, ","), 400, "#TooManyEntriesInBatchRequest"},
		"none":         {address, "", 400, "#EmptyBatchRequest"},
		"twice":        {address, entry("a", "") + "," + entry("a", ""), 400, "#BatchEntryIdsNotDistinct"},
		"no queue":     {"http://localhost/0/other", entry("a", ""), 400, "#QueueDoesNotExist"},
		"a mebibyte":   {address, `{"Id":"a","MessageBody":"` + strings.Repeat("x", 1<<20) + `"}`, 200, `"Successful":[{`},
		"more of that": {address, `{"Id":"a","MessageBody":"` + strings.Repeat("x", 1<<20) + `"},` + entry("b", ""), 400, "#BatchRequestTooLong"},
	} {
		status, answer := call(t, s, "AmazonSQS.SendMessageBatch", `{"QueueUrl":"`+c.queue+`","Entries":[`+c.entries+`]}`)
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
