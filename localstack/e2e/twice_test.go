package e2e

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/queue"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// atOnce calls a function several times at the same moment with one event, and holds that every call succeeded.
func atOnce(t *testing.T, w *world, times int, function string, event any) {
	t.Helper()
	start := make(chan struct{})
	var wg sync.WaitGroup
	for range times {
		wg.Go(func() {
			<-start
			a, err := w.lambda.Do(t.Context(), "POST", "/2015-03-31/functions/"+w.outputs[function]+"/invocations", event)
			var out struct{ BatchItemFailures []any }
			if err != nil || a.Status != 200 || a.Header.Get("X-Amz-Function-Error") != "" ||
				json.Unmarshal(a.Body, &out) != nil || len(out.BatchItemFailures) > 0 {
				t.Errorf("%s: %v %d %s", function, err, a.Status, a.Body)
			}
		})
	}
	close(start)
	wg.Wait()
}

func TestSameStreamRecordTwiceAtOnce(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	// The slow answer keeps the first invocation sending while the second one comes.
	p, e, h := hooked(t, w, func(int) reply { return reply{status: 200, after: 700 * time.Millisecond} })
	id := newID("twice")
	event := streamEvent(p.id, id)
	atOnce(t, w, 2, "DispatcherFunction", event)
	d := p.awaitDelivery(h.ID, id, "delivered", 10*time.Second)
	// Once more when all is over: the stored outcome is found.
	atOnce(t, w, 2, "DispatcherFunction", event)
	if e.count() != 1 || d.Attempts != 1 {
		t.Errorf("the endpoint saw %d requests, the delivery has %d attempts; want 1", e.count(), d.Attempts)
	}
}

func TestSameQueueMessageTwiceAtOnce(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, e, h := hooked(t, w, func(n int) reply {
		if n == 1 {
			return reply{status: 503, header: [2]string{"Retry-After", "5"}}
		}
		return reply{status: 200, after: 700 * time.Millisecond}
	})
	id := newID("message")
	p.write(id, "VERIFIED")
	await(t, "the first attempt", 10*time.Second, func() bool { return e.count() == 1 })
	d := p.awaitDelivery(h.ID, id, "pending", 5*time.Second)
	await(t, "the first attempt's outcome", 5*time.Second, func() bool {
		d = p.awaitDelivery(h.ID, id, "pending", 5*time.Second)
		return d.NextAttemptAt != nil
	})
	body, err := queue.Encode(webhook.Message{
		Kind: webhook.AttemptMessage, Number: 2,
		Ref: webhook.Ref{PartnerID: p.id, WebhookID: h.ID, DeliveryID: d.ID},
	})
	must(t, err)
	// Two calls with the message at the moment it is due, beside the queue's own delivery of it.
	await(t, "the second attempt is due", 10*time.Second, func() bool { return time.Now().After(*d.NextAttemptAt) })
	atOnce(t, w, 2, "RetrierFunction", map[string]any{"Records": []any{map[string]any{
		"messageId": "e2e-" + id, "body": body, "eventSource": "aws:sqs",
	}}})
	d = p.awaitDelivery(h.ID, id, "delivered", 10*time.Second)
	if e.attempts() != "1 2" || d.Attempts != 2 {
		t.Errorf("the endpoint saw attempts %q, the delivery has %d; want 1 2", e.attempts(), d.Attempts)
	}
	if gap := e.arrived()[1].at.Sub(e.arrived()[0].at); gap < 5*time.Second {
		t.Errorf("the second attempt came %s after the first, before Retry-After was over", gap)
	}
}

// What makes no event sends nothing: the same status again, and other attributes changed.
func TestNoEventWithoutChangeOfStatus(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, e, h := hooked(t, w, always(200))
	id, last := newID("again"), newID("again-last")
	p.write(id, "VERIFIED")
	p.awaitDelivery(h.ID, id, "delivered", 10*time.Second)
	p.write(id, "VERIFIED")
	p.set(id, "VERIFIED")
	p.write(last, "VERIFIED") // the stream is in order, so this one comes after whatever those would have made
	p.awaitDelivery(h.ID, last, "delivered", 10*time.Second)
	if e.about(id) != 1 || e.count() != 2 {
		t.Errorf("the endpoint saw %d requests about the first verification and %d in all; want 1 and 2", e.about(id), e.count())
	}
}
