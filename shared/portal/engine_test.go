package portal

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/delivery"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// run hands the queue's messages to the real engine until none is left.
func (w *world) run() {
	w.t.Helper()
	e := &delivery.Engine{
		Store: w.store, Queue: w.queue, Sender: w.sender, Vault: w.vault, Objects: w.objects, IDs: w.ids(), Now: w.clock,
		HoldTime: webhook.DefaultHoldTime, Log: newLogger(w.log),
	}
	w.sender.answer.StartedAt = w.clock()
	for range 1000 {
		ms := w.queue.Take()
		if len(ms) == 0 {
			return
		}
		for i, err := range e.Receive(w.t.Context(), ms) {
			if err != nil {
				w.t.Fatalf("%+v: %v", ms[i], err)
			}
		}
		w.advance(time.Second)
	}
	w.t.Fatal("the queue does not get empty")
}

// sentIDs returns the deliveries that were sent since the last call, in their order.
func (w *world) sentIDs() []string {
	var ids []string
	for _, r := range w.sender.sent {
		for _, h := range r.Headers {
			if h.Name == "webhook-id" {
				ids = append(ids, h.Value)
			}
		}
	}
	w.sender.sent = nil
	return ids
}

// What the API asks for is what the engine does.
func TestEngineDoesWhatIsAsked(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, nil)
	hook := "/v1/webhooks/" + id
	w.do(req{method: "POST", path: hook + "/deactivate", key: key}).want(200)
	var held []string
	for range 5 {
		held = append(held, w.deliveryIn(id, webhook.Held).ID)
		w.advance(time.Second)
	}
	w.sender.answer = webhook.Response{StatusCode: 200}
	w.do(req{method: "POST", path: hook + "/activate", key: key}).want(200)
	w.run()
	if got := w.sentIDs(); !slices.Equal(got, held) {
		t.Fatalf("sent %v, want %v", got, held)
	}
	shown := w.do(req{method: "GET", path: hook, key: key}).want(200).json()
	if d := fmt.Sprint(shown["drain"]); d != "map[done:5 state:done total:5]" || shown["heldCount"] != 0.0 {
		t.Fatalf("%s, %v held", d, shown["heldCount"])
	}

	w.do(req{method: "POST", path: hook + "/deliveries/" + held[2] + "/resend", key: key}).want(202)
	w.run()
	again := w.do(req{method: "GET", path: hook + "/deliveries/" + held[2], key: key}).want(200).json()
	log := again["attemptLog"].([]any)
	if last := log[len(log)-1].(map[string]any); last["manual"] != true || again["resendRequestedAt"] != nil || !slices.Equal(w.sentIDs(), held[2:3]) {
		t.Fatalf("%v", again)
	}

	w.advance(time.Second)
	failed := []string{w.deliveryIn(id, webhook.Exhausted).ID}
	w.advance(time.Second)
	failed = append(failed, w.deliveryIn(id, webhook.Exhausted).ID)
	w.advance(time.Second)
	for _, c := range []struct {
		dryRun bool
		sent   []string
		want   string
	}{{true, nil, "done 0 2"}, {false, failed, "done 2 2"}} {
		body := map[string]any{"since": worldStart.Format(time.RFC3339), "states": []string{"exhausted"}, "dryRun": c.dryRun}
		job := w.do(req{method: "POST", path: hook + "/recover", key: key, body: body}).want(202).str("jobId")
		w.run()
		j := w.do(req{method: "GET", path: hook + "/jobs/" + job, key: key}).want(200).json()
		if got := fmt.Sprint(j["state"], " ", j["done"], " ", j["total"]); got != c.want || !slices.Equal(w.sentIDs(), c.sent) {
			t.Fatalf("dry run %v: %s", c.dryRun, got)
		}
	}

	w.doAdmin("PATCH", "/admin/partners/acme", `{"suspended":true}`).want(200)
	suspended := w.deliveryIn(id, webhook.Held).ID
	w.doAdmin("PATCH", "/admin/partners/acme", `{"suspended":false}`).want(200)
	w.run()
	if got := w.sentIDs(); !slices.Equal(got, []string{suspended}) {
		t.Fatalf("sent %v, want %s", got, suspended)
	}
}
