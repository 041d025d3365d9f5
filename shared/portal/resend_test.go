package portal

import (
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// deliveryIn stores a delivery in a state.
func (w *world) deliveryIn(webhookID string, s webhook.State) webhook.Delivery {
	return w.delivery("acme", webhookID, func(d *webhook.Delivery) {
		now := w.clock()
		d.Attempts = 6
		switch s {
		case webhook.StatePending:
		case webhook.Delivered:
			d.Succeed()
		case webhook.Exhausted:
			d.Exhaust(false)
		case webhook.Held:
			d.Hold(now, 1, time.Hour)
		case webhook.Cancelled:
			d.Cancel(now, "The webhook was deleted.")
		case webhook.Undeliverable:
			d.Body = nil
			d.GiveUp(now, "The template fails.")
		case webhook.StateExpired:
			d.Expire(now)
		}
	})
}

func (w *world) storedDelivery(ref webhook.Ref) webhook.Delivery {
	w.t.Helper()
	d, err := w.store.Delivery(w.t.Context(), ref)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

func resendPath(d *webhook.Delivery) string {
	return "/v1/webhooks/" + d.WebhookID + "/deliveries/" + d.ID + "/resend"
}

// In every state but cancelled, one attempt is asked for, and nothing else changes; whether the webhook is active does
// not matter.
func TestResend(t *testing.T) {
	for _, active := range []bool{true, false} {
		for _, state := range webhook.States() {
			t.Run(string(state), func(t *testing.T) {
				w := newWorld(t)
				key := w.partner("acme")
				d := w.deliveryIn(w.webhook(key, map[string]any{"active": active}), state)
				w.advance(time.Minute)
				now := w.clock()
				ask := req{method: "POST", path: resendPath(&d), key: key}
				if state == webhook.Cancelled {
					w.do(ask).problem(409)
					if stored := w.storedDelivery(d.Ref()); stored.Rev != 1 || len(w.queue.Take()) != 0 {
						t.Fatalf("%+v", stored)
					}
					return
				}
				r := w.do(ask).want(202)
				stored := w.storedDelivery(d.Ref())
				want := d
				want.ResendAt, want.UpdatedAt, want.DueAt, want.Rev = now, now, now.Add(webhook.Grace), 2
				if !reflect.DeepEqual(stored, want) {
					t.Fatalf("got  %+v\nwant %+v", stored, want)
				}
				message := webhook.Message{Kind: webhook.AttemptMessage, Ref: d.Ref(), Number: 7}
				if ms := w.queue.Take(); !reflect.DeepEqual(ms, []webhook.Message{message}) {
					t.Fatalf("%+v", ms)
				}
				shown := w.do(req{method: "GET", path: "/v1/webhooks/" + d.WebhookID + "/deliveries", key: key}).want(200).json()["items"].([]any)[0]
				if m := r.json(); m["id"] != d.ID || m["state"] != string(state) || m["resendRequestedAt"] != "2026-03-04T05:07:07Z" || !reflect.DeepEqual(m, shown) {
					t.Fatalf("%s\n%v", r.body, shown)
				}
			})
		}
	}
}

// Asking again before the attempt was made asks for the same one; afterwards, for another.
func TestResendTwice(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	d := w.deliveryIn(w.webhook(key, nil), webhook.Exhausted)
	ask := req{method: "POST", path: resendPath(&d), key: key}
	first := w.do(ask).want(202)
	w.advance(time.Second)
	if again := w.do(ask).want(202); again.body != first.body || w.storedDelivery(d.Ref()).Rev != 2 {
		t.Fatalf("%s\n%s", first.body, again.body)
	}
	s := w.storedDelivery(d.Ref())
	s.TakeManualClaim(w.clock(), "owner")
	w.commit(webhook.Change{Deliveries: []*webhook.Delivery{&s}})
	if w.do(ask).want(202); w.storedDelivery(d.Ref()).Rev != 3 {
		t.Fatal("asked for another attempt while one is under way")
	}
	s.Finish(webhook.Attempt{Number: 7, StartedAt: w.clock(), Manual: true, ErrorCode: webhook.ErrTimeout})
	s.KeepState()
	w.commit(webhook.Change{Deliveries: []*webhook.Delivery{&s}})
	w.queue.Take()
	w.do(ask).want(202)
	if ms := w.queue.Take(); len(ms) != 1 || ms[0].Number != 8 || w.storedDelivery(d.Ref()).ResendAt.IsZero() {
		t.Fatalf("%+v", ms)
	}
}

func TestConcurrentResends(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	d := w.deliveryIn(w.webhook(key, nil), webhook.Delivered)
	const n = 8
	w.store.FailAfter = allAfter("Delivery", n)
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			if r := w.do(req{method: "POST", path: resendPath(&d), key: key}); r.status != 202 {
				t.Errorf("%d %s", r.status, r.body)
			}
		})
	}
	wg.Wait()
	w.store.FailAfter = nil
	if s := w.storedDelivery(d.Ref()); s.Rev != 2 || s.ResendAt.IsZero() {
		t.Fatalf("written %d times", s.Rev-1)
	}
}

// What another wrote meanwhile is kept.
func TestResendBesidesOthers(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	d := w.deliveryIn(w.webhook(key, nil), webhook.StatePending)
	moved := false
	w.store.Fail = func(op string) error {
		if op == "Commit" && !moved {
			moved = true
			s := w.storedDelivery(d.Ref())
			s.Succeed()
			w.commit(webhook.Change{Deliveries: []*webhook.Delivery{&s}})
		}
		return nil
	}
	r := w.do(req{method: "POST", path: resendPath(&d), key: key}).want(202)
	if s := w.storedDelivery(d.Ref()); s.State != webhook.Delivered || s.ResendAt.IsZero() || s.Rev != 3 || r.str("state") != "delivered" {
		t.Fatalf("%+v %s", s, r.body)
	}
}

func TestResendFails(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	d := w.deliveryIn(w.webhook(key, nil), webhook.Exhausted)
	ask := req{method: "POST", path: resendPath(&d), key: key}
	for _, op := range []string{"Webhook", "Delivery", "Commit"} {
		w.store.Fail = failing(op)
		w.do(ask).problem(503)
	}
	w.store.Fail = nil
	w.store.FailAfter = failing("Commit")
	w.do(ask).problem(503)
	w.store.FailAfter = nil
	if len(w.queue.Take()) != 0 {
		t.Fatal("sent before it was stored")
	}
	// That was stored, though its answer was lost: the repeated request finds it, and its message is sent now.
	w.do(ask).want(202)
	if ms := w.queue.Take(); len(ms) != 1 || w.storedDelivery(d.Ref()).Rev != 2 {
		t.Fatalf("%+v", ms)
	}
	other := w.deliveryIn(d.WebhookID, webhook.Exhausted)
	w.queue.Fail = func() error { return noQueue }
	w.do(req{method: "POST", path: resendPath(&other), key: key}).want(202)
	if s := w.storedDelivery(other.Ref()); s.ResendAt.IsZero() || s.DueAt.IsZero() {
		t.Fatalf("%+v", s)
	}
}

// What is to be cancelled, because it was discarded, can't be sent again, although it is not cancelled yet. What had
// ended before can.
func TestResendOfDiscarded(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, nil)
	held, tripped := w.deliveryIn(id, webhook.Held), w.delivery("acme", id, func(d *webhook.Delivery) { d.Exhaust(true) })
	w.do(req{method: "POST", path: "/v1/webhooks/" + id + "/deactivate", key: key}).want(200)
	w.do(req{method: "POST", path: "/v1/webhooks/" + id + "/activate", key: key, body: `{"held":"discard"}`}).want(200)
	w.do(req{method: "POST", path: resendPath(&held), key: key}).problem(409)
	w.do(req{method: "POST", path: resendPath(&tripped), key: key}).want(202)
}

// The store may keep a delivery beyond its time to live; it is gone nevertheless.
func TestDeliveryEndsInTime(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, nil)
	ended, held := w.deliveryIn(id, webhook.Exhausted), w.deliveryIn(id, webhook.Held)
	w.advance(webhook.FinalRetention - time.Nanosecond)
	path := "/v1/webhooks/" + id + "/deliveries/"
	w.do(req{method: "GET", path: path + ended.ID, key: key}).want(200)
	w.advance(time.Nanosecond)
	w.do(req{method: "GET", path: path + ended.ID, key: key}).problem(404)
	w.do(req{method: "POST", path: path + ended.ID + "/resend", key: key}).problem(404)
	w.do(req{method: "GET", path: path + held.ID, key: key}).want(200)
	w.do(req{method: "POST", path: path + held.ID + "/resend", key: key, body: `{"x":1}`}).problem(422, "body.x")
}
