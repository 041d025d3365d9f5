package delivery

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestSweepTogether: deliveries, jobs and the outbox in one run; each is counted, and asked for once.
func TestSweepTogether(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	w.answer = failFirst(1)
	w.stream(record("acme", "ver_1", start))
	w.recover(h, nil)
	w.leave(3)
	w.queue.Take()
	w.advance(2 * time.Minute)
	out, err := w.Sweep(t.Context())
	if err != nil || out.Overdue != 2 || out.Requeued != 2 || out.Published != 3 || out.HeldBack {
		t.Fatalf("%+v, %v", out, err)
	}
	kinds := map[webhook.MessageKind]int{}
	for _, m := range w.queue.Take() {
		kinds[m.Kind]++
	}
	if kinds[webhook.AttemptMessage] != 1 || kinds[webhook.JobMessage] != 1 || len(kinds) != 2 {
		t.Errorf("%v", kinds)
	}
	if out, err := w.Sweep(t.Context()); err != nil || out.Overdue != 0 || len(w.queue.Take()) != 0 {
		t.Errorf("again: %+v, %v", out, err)
	}
	w.advance(2 * time.Minute)
	if out, err := w.Sweep(t.Context()); err != nil || out.Requeued != 2 {
		t.Errorf("its messages were lost: %+v, %v", out, err)
	}
}

// TestSweepHeldBack: while the queue is late nothing is added to it, but the outbox is published.
func TestSweepHeldBack(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	w.recover(h, nil)
	w.leave(3)
	w.queue.Take()
	w.advance(2 * time.Minute)
	for range sweepBacklog + 1 {
		_ = w.queue.Send(t.Context(), webhook.Message{Kind: webhook.AttemptMessage})
	}
	out, err := w.Sweep(t.Context())
	if err != nil || !out.HeldBack || out.Overdue != 0 || out.Published != 3 || len(w.queue.Take()) != sweepBacklog+1 {
		t.Errorf("%+v, %v", out, err)
	}
	if out, err := w.Sweep(t.Context()); err != nil || out.HeldBack || out.Requeued != 1 {
		t.Errorf("%+v, %v", out, err)
	}
}

var anyEvent = webhook.Event{ID: "evt_x", VerificationID: "ver_x"}

// TestSweepCap: a run ends, with an index that still shows what was moved on too, and within the invocation's time.
func TestSweepCap(t *testing.T) {
	w := newWorld(t)
	for i := range sweepMost + 700 {
		d := webhook.Delivery{PartnerID: "gone", WebhookID: "whk_x", ID: fmt.Sprintf("dlv_%06d", i), State: webhook.Held, DueAt: start, Event: anyEvent}
		w.commit(webhook.Change{Deliveries: []*webhook.Delivery{&d}})
	}
	out, err := w.Sweep(t.Context())
	if err != nil || out.Overdue != sweepMost || out.Cancelled != sweepMost {
		t.Errorf("%+v, %v", out, err)
	}
	out, err = w.Sweep(t.Context())
	if err != nil || out.Cancelled != 700 {
		t.Errorf("%+v, %v", out, err)
	}
	d := webhook.Delivery{PartnerID: "gone", WebhookID: "whk_x", ID: "dlv_1", State: webhook.Held, DueAt: start, Event: anyEvent}
	w.commit(webhook.Change{Deliveries: []*webhook.Delivery{&d}})
	w.Store = staleDue{w.store, []webhook.Ref{d.Ref()}}
	if out, err := w.Sweep(t.Context()); err != nil || out.Overdue != 1 || out.Cancelled != 1 {
		t.Errorf("stale index: %+v, %v", out, err)
	}
	ctx, cancel := context.WithDeadline(t.Context(), w.clock().Add(4*spare))
	defer cancel()
	if out, err := w.Sweep(ctx); err != nil || out.Overdue != 0 {
		t.Errorf("no time: %+v, %v", out, err)
	}
}

// staleDue is a Store whose index shows the same for ever.
type staleDue struct {
	Store
	refs []webhook.Ref
}

func (s staleDue) Due(context.Context, time.Time, int) ([]webhook.Ref, []webhook.JobRef, error) {
	return append([]webhook.Ref(nil), s.refs...), nil, nil
}

// TestSweepOfWaiting: when what waits is looked at again, by what its webhook is.
func TestSweepOfWaiting(t *testing.T) {
	for _, tt := range []struct {
		name string
		act  func(w *world, h *webhook.Webhook)
		next time.Duration // 0: it waits no more
	}{
		{"inactive", func(*world, *webhook.Webhook) {}, waitingCheck},
		{"suspended", func(w *world, h *webhook.Webhook) {
			w.edit(h, func(s *webhook.Webhook) { s.Activate(w.clock()) })
			w.suspend(true)
		}, waitingCheck},
		{"a drain runs", func(w *world, h *webhook.Webhook) {
			s := w.stored(h)
			s.Activate(w.clock())
			j := webhook.NewDrain(webhook.Job{}, &s, w.clock(), w.IDs.Job(), 0)
			j.DueAt = w.clock().Add(time.Hour)
			w.commit(webhook.Change{Webhook: &s, Jobs: []*webhook.Job{j}})
		}, drainCheck},
		{"the hold time ends soon", func(w *world, h *webhook.Webhook) {
			w.change(func(d *webhook.Delivery) { d.HeldUntil = w.clock().Add(time.Hour) })
		}, time.Hour - time.Minute},
		{"deleted", func(w *world, h *webhook.Webhook) {
			s := w.stored(h)
			w.commit(webhook.Change{RemoveWebhook: &s})
		}, 0},
		{"discarded", func(w *world, h *webhook.Webhook) {
			w.edit(h, func(s *webhook.Webhook) { s.DiscardBelow = s.Generation + 1 })
		}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			h := w.off()
			w.stream(record("acme", "ver_1", start))
			tt.act(w, h)
			w.advance(webhook.Grace)
			if _, err := w.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			d := w.only()
			if tt.next == 0 {
				if d.State != webhook.Cancelled || !d.DueAt.IsZero() || d.Reason == "" {
					t.Errorf("%+v", d)
				}
				return
			}
			if d.State != webhook.Held || d.DueAt.Sub(w.clock()) != tt.next || len(w.queue.Take()) != 0 {
				t.Errorf("again in %v: %+v", d.DueAt.Sub(w.clock()), d)
			}
		})
	}
}

// TestTrippedWaits: an exhausted delivery whose webhook stays off is looked at once a day, keeps its time to live, and
// is nobody's when its webhook is deleted or what waits is discarded.
func TestTrippedWaits(t *testing.T) {
	w := newWorld(t)
	h := w.switchedOff(nil)
	tripped := func() webhook.Delivery { return w.of("ver_000") }
	ended := tripped().UpdatedAt
	w.rest(26 * time.Hour)
	if d := tripped(); !d.Tripped || !d.UpdatedAt.Equal(ended) || d.DueAt.Sub(w.clock()) > waitingCheck || d.ExpiresAt().Sub(ended) != webhook.FinalRetention {
		t.Errorf("%+v", d)
	}
	w.edit(h, func(s *webhook.Webhook) { s.DiscardBelow = s.Generation + 1 })
	w.rest(25 * time.Hour)
	if d := tripped(); d.Tripped || d.State != webhook.Exhausted || !d.DueAt.IsZero() {
		t.Errorf("%+v", d)
	}
}

// TestSweepersAtOnce: two at the same time send once.
func TestSweepersAtOnce(t *testing.T) {
	w := newWorld(t)
	w.Group = inTurn
	h := w.hook("acme", nil)
	w.recover(h, nil)
	w.answer = failFirst(1)
	w.stream(record("acme", "ver_1", start))
	w.queue.Take()
	w.advance(2 * time.Minute)
	inside := false
	w.Store = storeWith{Store: w.store, commit: func(ctx context.Context, c webhook.Change) error {
		if !inside {
			inside = true
			if _, err := w.Sweep(ctx); err != nil {
				t.Error(err)
			}
		}
		return w.store.Commit(ctx, c)
	}}
	if out, err := w.Sweep(t.Context()); err != nil {
		t.Errorf("%+v, %v", out, err)
	}
	if n := len(w.queue.Take()); n != 2 {
		t.Errorf("%d messages for a delivery and a job", n)
	}
}

// TestSweepBehindWhatFails: what can't be read stands first, in any number, and keeps nobody from being found.
func TestSweepBehindWhatFails(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	var unreadable []webhook.Ref
	for i := range sweepPage + 200 {
		d := webhook.Delivery{PartnerID: "old", WebhookID: "whk_x", ID: fmt.Sprintf("dlv_%06d", i), State: webhook.Held, DueAt: start, Event: anyEvent}
		w.commit(webhook.Change{Deliveries: []*webhook.Delivery{&d}})
		unreadable = append(unreadable, d.Ref())
	}
	w.answer = failFirst(1)
	w.stream(record("acme", "ver_1", start))
	w.queue.Take()
	w.advance(2 * time.Minute)
	w.Store = corrupt{w.store, unreadable}
	if out, err := w.Sweep(t.Context()); err != nil || out.Requeued != 1 || out.Failed != len(unreadable) || len(w.queue.Take()) != 1 {
		t.Errorf("%+v, %v", out, err)
	}
}

// corrupt is a Store in which some deliveries can't be read.
type corrupt struct {
	Store
	refs []webhook.Ref
}

func (s corrupt) Delivery(ctx context.Context, ref webhook.Ref) (webhook.Delivery, error) {
	if slices.Contains(s.refs, ref) {
		return webhook.Delivery{}, webhook.Errorf(webhook.Corrupt, "an item has the unknown format 9")
	}
	return s.Store.Delivery(ctx, ref)
}

// TestSweepOfAWaitingThatIsSentByHand: its message is lost, or its process died. The attempt by hand is made, and until
// then the delivery does not expire under it.
func TestSweepOfAWaitingThatIsSentByHand(t *testing.T) {
	for _, claimed := range []bool{false, true} {
		w := newWorld(t)
		w.off()
		w.stream(record("acme", "ver_1", start))
		w.change(func(d *webhook.Delivery) {
			d.HeldUntil = w.clock()
			d.AskResend(w.clock())
			if claimed {
				d.TakeManualClaim(w.clock(), "somebody")
			}
		})
		w.rest(time.Second)
		if d := w.only(); d.State != webhook.Held || len(w.posts) != 0 {
			t.Fatalf("%+v", d)
		}
		w.rest(3*time.Minute + webhook.Lease)
		if d := w.only(); d.State != webhook.Delivered || len(w.posts) != 1 || interruptions(d) == 1 != claimed {
			t.Errorf("claimed %v: %+v", claimed, d)
		}
	}
}
