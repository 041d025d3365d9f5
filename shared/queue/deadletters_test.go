package queue_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/cr3dentials/verification-webhooks/shared/queue"
	"github.com/cr3dentials/verification-webhooks/shared/storetest"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// twoQueues is an SQS with a dead-letter queue and a delivery queue, over HTTP. fail, if set, is asked before a call
// takes effect and after it did: an error is all that the caller then sees.
type twoQueues struct {
	dead      []string
	delivered []string
	groups    []string
	calls     []string
	fail      func(call string, done bool) error
}

func (q *twoQueues) RoundTrip(r *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	_, call, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	q.calls = append(q.calls, call)
	for _, done := range []bool{false, true} {
		if q.fail != nil {
			if err := q.fail(call, done); err != nil {
				return nil, err
			}
		}
		if !done {
			raw = q.answer(call, raw)
		}
	}
	return &http.Response{
		StatusCode: 200, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(strings.NewReader(string(raw))),
	}, nil
}

func (q *twoQueues) answer(call string, raw []byte) []byte {
	var in struct {
		MaxNumberOfMessages int
		Entries             []struct {
			ID             string `json:"Id"`
			MessageBody    string
			MessageGroupID string `json:"MessageGroupId"`
			ReceiptHandle  string
		}
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		panic(err)
	}
	out := map[string]any{}
	var done []map[string]string
	switch call {
	case "ReceiveMessage":
		var ms []map[string]string
		for _, body := range q.dead[:min(in.MaxNumberOfMessages, len(q.dead))] {
			ms = append(ms, map[string]string{"MessageId": "m", "ReceiptHandle": body, "Body": body})
		}
		out["Messages"] = ms
	case "SendMessageBatch":
		for _, e := range in.Entries {
			q.delivered, q.groups = append(q.delivered, e.MessageBody), append(q.groups, e.MessageGroupID)
			done = append(done, map[string]string{"Id": e.ID})
		}
	case "DeleteMessageBatch":
		for _, e := range in.Entries {
			q.dead = slices.DeleteFunc(q.dead, func(body string) bool { return body == e.ReceiptHandle })
			done = append(done, map[string]string{"Id": e.ID})
		}
	case "GetQueueAttributes":
		out["Attributes"] = map[string]string{"ApproximateNumberOfMessages": fmt.Sprint(len(q.dead))}
	}
	out["Successful"] = done
	b, err := json.Marshal(out)
	if err != nil {
		panic(err)
	}
	return b
}

func newTwoQueues(t *testing.T, n int) (*twoQueues, *queue.DeadLetters) {
	t.Helper()
	q := &twoQueues{}
	for i := range n {
		body, err := queue.Encode(webhook.Message{Kind: webhook.AttemptMessage, Ref: webhook.Ref{WebhookID: "whk_1"}, Number: i})
		if err != nil {
			t.Fatal(err)
		}
		q.dead = append(q.dead, body)
	}
	client := sqs.New(newClient("http://queue.invalid", q).Options(), func(o *sqs.Options) { o.DisableMessageChecksumValidation = true })
	return q, queue.NewDeadLetters(client, "http://queue.invalid/1/dead", queue.New(client, "http://queue.invalid/1/q"))
}

func TestDeadLettersAreMovedInBatches(t *testing.T) {
	for _, tt := range []struct{ have, most, moved int }{{0, 5, 0}, {3, 100, 3}, {25, 100, 25}, {25, 12, 12}, {10, 10, 10}} {
		q, d := newTwoQueues(t, tt.have)
		all := slices.Clone(q.dead)
		moved, err := d.Redrive(context.Background(), tt.most, time.Minute)
		left, countErr := d.Count(context.Background())
		if err != nil || countErr != nil || moved != tt.moved || left != tt.have-tt.moved {
			t.Errorf("%+v: moved %d, %d left, %v, %v", tt, moved, left, err, countErr)
		}
		if !slices.Equal(q.delivered, all[:tt.moved]) || !slices.Equal(q.dead, all[tt.moved:]) {
			t.Errorf("%+v: delivered %q, left %q", tt, q.delivered, q.dead)
		}
		for _, g := range q.groups {
			if g != "whk_1" {
				t.Errorf("group %q, want the webhook's", g)
			}
		}
	}
}

// TestDeadLettersAreNeverLost: whatever call fails, before or after it took effect, each message is in one of the
// queues, and calling again moves the rest.
func TestDeadLettersAreNeverLost(t *testing.T) {
	for _, call := range []string{"ReceiveMessage", "SendMessageBatch", "DeleteMessageBatch"} {
		for _, after := range []bool{false, true} {
			for nth := 1; nth <= 3; nth++ {
				q, d := newTwoQueues(t, 25)
				all := slices.Clone(q.dead)
				seen := 0
				q.fail = func(c string, done bool) error {
					if c == call && done == after {
						if seen++; seen == nth {
							return errors.New("cut off")
						}
					}
					return nil
				}
				moved, err := d.Redrive(context.Background(), 100, time.Minute)
				if webhook.CodeOf(err) != webhook.Unavailable {
					t.Fatalf("%s %d: %v, want unavailable", call, nth, err)
				}
				for _, m := range all {
					if !slices.Contains(q.dead, m) && !slices.Contains(q.delivered, m) {
						t.Fatalf("%s %d (after: %v): lost %s", call, nth, after, m)
					}
				}
				if moved > len(q.delivered) {
					t.Errorf("%s %d (after: %v): %d moved, %d delivered", call, nth, after, moved, len(q.delivered))
				}
				q.fail = nil
				if _, err := d.Redrive(context.Background(), 100, time.Minute); err != nil || len(q.dead) != 0 {
					t.Errorf("%s %d (after: %v): the second time %v, %d left", call, nth, after, err, len(q.dead))
				}
				if extra := len(q.delivered) - len(all); extra > 10 {
					t.Errorf("%s %d (after: %v): %d messages twice", call, nth, after, extra)
				}
			}
		}
	}
}

// TestUnreadableDeadLetters: what this version cannot read is moved as it is, and no time means no step.
func TestUnreadableDeadLetters(t *testing.T) {
	q, d := newTwoQueues(t, 0)
	q.dead = []string{`{"v":99}`, "x"}
	if moved, err := d.Redrive(context.Background(), 1000, 0); moved != 0 || err != nil || len(q.calls) != 0 {
		t.Errorf("without time: moved %d, %v, %q", moved, err, q.calls)
	}
	moved, err := d.Redrive(context.Background(), 1000, time.Minute)
	if moved != 2 || err != nil || !slices.Equal(q.delivered, []string{`{"v":99}`, "x"}) || q.groups[0] == "" {
		t.Errorf("moved %d, %v: %q in %q", moved, err, q.delivered, q.groups)
	}
}

// TestDeadLetters moves messages between two real queues.
func TestDeadLetters(t *testing.T) {
	client := newClient(storetest.Endpoint(t), storetest.Transport(t))
	var urls []string
	for range 2 {
		created, err := client.CreateQueue(context.Background(), &sqs.CreateQueueInput{QueueName: aws.String("test-" + rand.Text())})
		if err != nil {
			t.Fatal(err)
		}
		urls = append(urls, *created.QueueUrl)
		t.Cleanup(func() {
			if _, err := client.DeleteQueue(context.Background(), &sqs.DeleteQueueInput{QueueUrl: created.QueueUrl}); err != nil {
				t.Errorf("removing the queue: %v", err)
			}
		})
	}
	dead := queue.New(client, urls[0])
	d := queue.NewDeadLetters(client, urls[0], queue.New(client, urls[1]))
	sent := attempts(23)
	if err := dead.Send(context.Background(), sent...); err != nil {
		t.Fatal(err)
	}
	moved, err := d.Redrive(context.Background(), 20, time.Minute)
	if err != nil || moved != 20 {
		t.Fatalf("moved %d, %v", moved, err)
	}
	if left, err := d.Count(context.Background()); left != 3 || err != nil {
		t.Errorf("%d left, %v", left, err)
	}
	if moved, err = d.Redrive(context.Background(), 1000, time.Minute); err != nil || moved != 3 {
		t.Fatalf("moved %d, %v", moved, err)
	}
	got := receive(t, client, urls[1], len(sent))
	slices.SortFunc(got, func(a, b webhook.Message) int { return a.Number - b.Number })
	if !slices.Equal(got, sent) {
		t.Errorf("got %+v", got)
	}
}
