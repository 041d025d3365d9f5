package queue_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/cr3dentials/verification-webhooks/shared/delivery"
	"github.com/cr3dentials/verification-webhooks/shared/queue"
	"github.com/cr3dentials/verification-webhooks/shared/storetest"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func newClient(endpoint string, transport http.RoundTripper) *sqs.Client {
	return sqs.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(endpoint), HTTPClient: &http.Client{Transport: transport},
		Credentials:      credentials.NewStaticCredentialsProvider("test", "test", ""),
		RetryMaxAttempts: 1,
	})
}

func newQueue(t *testing.T) (delivery.Queue, func(t *testing.T, n int) []webhook.Message) {
	client := newClient(storetest.Endpoint(t), storetest.Transport(t))
	created, err := client.CreateQueue(context.Background(), &sqs.CreateQueueInput{QueueName: aws.String("test-" + rand.Text())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := client.DeleteQueue(context.Background(), &sqs.DeleteQueueInput{QueueUrl: created.QueueUrl}); err != nil {
			t.Errorf("removing the queue: %v", err)
		}
	})
	return queue.New(client, *created.QueueUrl), func(t *testing.T, n int) []webhook.Message {
		return receive(t, client, *created.QueueUrl, n)
	}
}

func receive(t *testing.T, client *sqs.Client, url string, n int) []webhook.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	var ms []webhook.Message
	for len(ms) < n {
		r, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: aws.String(url), MaxNumberOfMessages: 10, WaitTimeSeconds: 1,
		})
		if err != nil {
			t.Fatalf("received %d of %d messages: %v", len(ms), n, err)
		}
		for _, m := range r.Messages {
			decoded, err := queue.Decode(*m.Body)
			if err != nil {
				t.Fatal(err)
			}
			ms = append(ms, decoded)
			_, err = client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: aws.String(url), ReceiptHandle: m.ReceiptHandle})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return ms
}

func TestConformance(t *testing.T) { storetest.RunQueue(t, newQueue) }

// TestDelay checks that the queue keeps a message back, and counts it only then.
func TestDelay(t *testing.T) {
	q, receive := newQueue(t)
	sent := time.Now()
	m := webhook.Message{Kind: webhook.AttemptMessage, Ref: webhook.Ref{WebhookID: "w"}, Number: 2, Delay: 1200 * time.Millisecond}
	if err := q.Send(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	if n, err := q.Waiting(context.Background()); n != 0 || err != nil {
		t.Fatalf("%d messages are waiting, %v; want none while it is delayed", n, err)
	}
	m.Delay = 0
	if got := receive(t, 1); got[0] != m {
		t.Fatalf("got %+v, want %+v", got[0], m)
	}
	if after := time.Since(sent); after < 1200*time.Millisecond {
		t.Fatalf("it came after %v", after)
	}
}

// entry is an entry of a batch as it is on the wire.
type entry struct {
	ID             string `json:"Id"`
	MessageBody    string
	MessageGroupID string `json:"MessageGroupId"`
	DelaySeconds   int
}

// fake is an SQS that refuses each entry of a batch as often as refuse says.
type fake struct {
	// hold, if set, is called before a batch is acted on, with its place in the order of arrival.
	hold func(n int)

	mu      sync.Mutex
	arrived int
	batches [][]entry
	refuse  func(batch int, e entry) bool
	status  int
}

func (f *fake) RoundTrip(r *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var in struct{ Entries []entry }
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.arrived++
	n := f.arrived
	f.mu.Unlock()
	if f.hold != nil {
		f.hold(n)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.batches = append(f.batches, in.Entries)
	var stored, failed []string
	for _, e := range in.Entries {
		if f.refuse != nil && f.refuse(len(f.batches), e) {
			failed = append(failed, fmt.Sprintf(`{"Id":%q,"Code":"InternalError","SenderFault":false}`, e.ID))
			continue
		}
		stored = append(stored, fmt.Sprintf(`{"Id":%q,"MessageId":"m","MD5OfMessageBody":"x"}`, e.ID))
	}
	body := `{"Successful":[` + strings.Join(stored, ",") + `],"Failed":[` + strings.Join(failed, ",") + `]}`
	return &http.Response{
		StatusCode: max(f.status, 200), Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(bytes.NewReader([]byte(body))),
	}, nil
}

func newFake(f *fake) *queue.Queue {
	client := sqs.New(newClient("http://queue.invalid", f).Options(), func(o *sqs.Options) { o.DisableMessageChecksumValidation = true })
	return queue.New(client, "http://queue.invalid/1/q")
}

func attempts(n int) []webhook.Message {
	ms := make([]webhook.Message, n)
	for i := range ms {
		ms[i] = webhook.Message{Kind: webhook.AttemptMessage, Ref: webhook.Ref{WebhookID: "whk_1"}, Number: i + 1}
	}
	return ms
}

func TestEntries(t *testing.T) {
	for delay, want := range map[time.Duration]int{
		0: 0, -time.Second: 0, 1: 1, time.Second: 1, time.Second + 1: 2, 16 * time.Second: 16, 900 * time.Second: 900, time.Hour: 900,
	} {
		f := &fake{}
		m := attempts(1)[0]
		m.Delay = delay
		if err := newFake(f).Send(context.Background(), m); err != nil {
			t.Fatal(err)
		}
		if e := f.batches[0][0]; e.DelaySeconds != want || e.MessageGroupID != "whk_1" {
			t.Errorf("%v: sent %+v, want a delay of %d s and the webhook's group", delay, e, want)
		}
	}
	f := &fake{}
	paced := attempts(1)[0]
	paced.Slow = true
	if err := newFake(f).Send(context.Background(), paced); err != nil {
		t.Fatal(err)
	}
	if g := f.batches[0][0].MessageGroupID; g != "slow" {
		t.Errorf("what keeps a pace is in group %q", g)
	}
	f = &fake{}
	if err := newFake(f).Send(context.Background(), webhook.Message{Kind: webhook.RedriveMessage, ParkedID: "x"}); err != nil {
		t.Fatal(err)
	}
	if g := f.batches[0][0].MessageGroupID; g == "" {
		t.Error("a message without a webhook has no group")
	}
}

func TestBatches(t *testing.T) {
	for n, want := range map[int][]int{0: nil, 1: {1}, 10: {10}, 11: {10, 1}, 25: {10, 10, 5}} {
		f := &fake{}
		if err := newFake(f).Send(context.Background(), attempts(n)...); err != nil {
			t.Fatal(err)
		}
		got := f.sizes()
		slices.Reverse(got)
		if !slices.Equal(got, want) {
			t.Errorf("%d messages went in batches of %v, want %v", n, got, want)
		}
	}
}

// TestRefusedEntries checks that what a batch's answer lists as refused is sent again, alone, and not for ever.
func TestRefusedEntries(t *testing.T) {
	f := &fake{refuse: func(batch int, e entry) bool { return batch < 3 && (e.ID == "3" || e.ID == "7") }}
	if err := newFake(f).Send(context.Background(), attempts(10)...); err != nil {
		t.Fatal(err)
	}
	if len(f.batches) != 3 || len(f.batches[1]) != 2 || f.batches[2][1] != f.batches[0][7] {
		t.Fatalf("sent %+v", f.batches)
	}
	always := &fake{refuse: func(_ int, e entry) bool { return e.ID == "0" }}
	if err := newFake(always).Send(context.Background(), attempts(2)...); webhook.CodeOf(err) != webhook.Unavailable {
		t.Fatalf("got %v, want unavailable", err)
	}
	if n := len(always.batches); n != 4 {
		t.Fatalf("%d tries, want 4", n)
	}
}

func TestUnavailable(t *testing.T) {
	f := &fake{status: http.StatusServiceUnavailable}
	if err := newFake(f).Send(context.Background(), attempts(1)...); webhook.CodeOf(err) != webhook.Unavailable {
		t.Errorf("got %v, want unavailable", err)
	}
	if _, err := newFake(f).Waiting(context.Background()); webhook.CodeOf(err) != webhook.Unavailable {
		t.Errorf("got %v, want unavailable", err)
	}
}
