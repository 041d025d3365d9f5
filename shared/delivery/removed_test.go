package delivery

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// forget removes the settled deliveries that are chosen, as an operator does while everything runs.
func (w *world) forget(chosen func(d *webhook.Delivery) bool) (removed int) {
	for _, d := range w.store.AllDeliveries() {
		if d.Unsettled() != "" || !chosen(&d) {
			continue
		}
		if err := w.store.Commit(context.Background(), webhook.Change{RemoveDelivery: &d}); err != nil {
			w.t.Error(err)
		}
		removed++
	}
	return removed
}

// before calls do before each operation of a name, but not within do.
func (w *world) before(op string, do func()) {
	within := false
	w.store.Fail = func(name string) error {
		if name == op && !within {
			within = true
			do()
			within = false
		}
		return nil
	}
}

func anyOf(*webhook.Delivery) bool { return true }

// TestDrainGoesOnWithoutWhatItBrought removes each delivery as soon as it is settled, also the one that the drain waits for
// between two invocations.
func TestDrainGoesOnWithoutWhatItBrought(t *testing.T) {
	for _, op := range []string{"Delivery", "Commit", "Webhook", "Job", "Held"} {
		t.Run(op, func(t *testing.T) {
			w := newWorld(t)
			w.answer = func(n int, _ webhook.Request) webhook.Response {
				if n%5 == 0 { // the ladder's message moves the drain on then
					return failing(webhook.Response{})
				}
				return webhook.Response{StatusCode: 200}
			}
			h := w.off()
			const events = 40
			w.hold(events)
			removed := 0
			w.before(op, func() { removed += w.forget(anyOf) })
			w.activate(h)
			w.rest(15 * time.Minute)
			w.store.Fail = nil
			removed += w.forget(anyOf)
			if j := w.drain(h); j.State != webhook.JobDone || j.Done != events || removed != events {
				t.Errorf("%d of %d removed, drain %+v", removed, events, j)
			}
			if n := len(w.posts); n != events+events/4-1 && n != events+events/4 {
				t.Errorf("%d posts", n)
			}
		})
	}
}

// TestDrainMovesOnWhenItsMessageWasLost: what the drain waits for is settled and removed, and nobody told the drain.
func TestDrainMovesOnWhenItsMessageWasLost(t *testing.T) {
	w := newWorld(t)
	h := w.off()
	w.hold(3)
	w.answer = failFirst(1)
	w.activate(h)
	w.rest(500 * time.Millisecond) // the first attempt failed
	w.queue.Take()
	w.pending = nil
	d := w.of("ver_000")
	d.Cancel(w.clock(), "settled by somebody")
	w.commit(webhook.Change{Deliveries: []*webhook.Delivery{&d}})
	if n := w.forget(anyOf); n != 1 || w.drain(h).Current != d.ID {
		t.Fatalf("%d removed, the drain waits for %s", n, w.drain(h).Current)
	}
	w.rest(5 * time.Minute)
	if j := w.drain(h); j.State != webhook.JobDone || j.Done != 3 || len(w.posts) != 3 {
		t.Errorf("%d posts, drain %+v", len(w.posts), j)
	}
}

// TestRecoverGoesOnWithoutWhatIsRemoved removes some of what a recovery is about just before it takes that up: when it
// lists, when it reads, and between reading a delivery and starting its round.
func TestRecoverGoesOnWithoutWhatIsRemoved(t *testing.T) {
	for op, want := range map[string]int{"Deliveries": 1, "Delivery": 10, "Commit": 2} {
		t.Run(op, func(t *testing.T) {
			w := newWorld(t)
			h := w.hook("acme", nil)
			const events = 30
			w.ended(h, events, w.expire)
			all := w.store.AllDeliveries()
			removed := 0
			w.recover(h, nil)
			w.before(op, func() {
				next := slices.IndexFunc(all, func(d webhook.Delivery) bool {
					stored, err := w.store.Delivery(context.Background(), d.Ref())
					return err == nil && stored.State != webhook.Delivered
				})
				if next%3 == 0 && removed < want {
					removed += w.forget(func(d *webhook.Delivery) bool { return d.ID == all[next].ID })
				}
			})
			w.rest(20 * time.Second) // nothing waits for the insurance
			if j := w.job(h, webhook.RecoverJob); j.State != webhook.JobDone || j.Done != events-want || j.Total != j.Done || removed != want {
				t.Errorf("%d removed, recovery %+v", removed, j)
			}
			if n := w.counts(); n[webhook.Delivered] != events-want || len(n) != 1 || len(w.posts) != events-want {
				t.Errorf("%d posts, states %v", len(w.posts), n)
			}
		})
	}
}

// TestResendOfWhatIsRemoved: the message of a wish finds nothing, and ends.
func TestResendOfWhatIsRemoved(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	w.stream(record("acme", "ver_1", w.clock()))
	d := w.only()
	stale := d
	d.AskResend(w.clock())
	w.commit(webhook.Change{Deliveries: []*webhook.Delivery{&d}})
	if err := w.store.Commit(context.Background(), webhook.Change{RemoveDelivery: &stale}); webhook.CodeOf(err) != webhook.Conflict {
		t.Fatalf("removed over a wish: %v", err)
	}
	if n := w.forget(anyOf); n != 0 {
		t.Fatalf("%d removed that a resend is wished of", n)
	}
	message := webhook.Message{Kind: webhook.AttemptMessage, Ref: d.Ref()}
	w.Receive(context.Background(), []webhook.Message{message})
	if n := w.forget(anyOf); n != 1 || len(w.posts) != 2 {
		t.Fatalf("%d removed after %d posts", n, len(w.posts))
	}
	if errs := w.Receive(context.Background(), []webhook.Message{message}); errs[0] != nil || len(w.posts) != 2 {
		t.Errorf("a late message: %v, %d posts", errs[0], len(w.posts))
	}
}

// TestRemovedBeforeItsOutcomeWasAnswered: the outcome was stored, nobody heard of it, and the delivery was removed. Its record
// does not bring it again.
func TestRemovedBeforeItsOutcomeWasAnswered(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	w.store.FailAfter = func(op string) error {
		if op != "Commit" || len(w.posts) == 0 {
			return nil
		}
		w.store.FailAfter = nil
		if n := w.forget(anyOf); n != 1 {
			t.Errorf("%d removed", n)
		}
		return webhook.Errorf(webhook.Unavailable, "the answer is lost")
	}
	w.stream(record("acme", "ver_1", w.clock()))
	if n := len(w.store.AllDeliveries()); n != 0 || len(w.posts) != 1 {
		t.Errorf("%d deliveries after %d posts", n, len(w.posts))
	}
}
