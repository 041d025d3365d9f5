package delivery

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// meanwhiles are what others may do between any two calls of an invocation. Each leaves the webhook such that everything
// must be delivered in the end, unless it says that the rest ends.
var meanwhiles = []struct {
	name string
	ends webhook.State
	do   func(w *world, h *webhook.Webhook)
}{
	{"another drain message", "", func(w *world, h *webhook.Webhook) { w.poke(h, webhook.DrainJob) }},
	{"another recovery message", "", func(w *world, h *webhook.Webhook) { w.poke(h, webhook.RecoverJob) }},
	{"messages of every delivery", "", func(w *world, h *webhook.Webhook) {
		for _, d := range w.store.AllDeliveries() {
			_ = w.receiveNow(d)
		}
	}},
	{"the sweeper, when all is overdue", "", func(w *world, h *webhook.Webhook) {
		for _, d := range w.store.AllDeliveries() {
			if !d.DueAt.IsZero() {
				d.DueAt = w.clock()
				w.commit(webhook.Change{Deliveries: []*webhook.Delivery{&d}})
			}
		}
		_, _ = w.Sweep(context.Background())
	}},
	{"a stall, and all messages and the sweeper after it", "", func(w *world, h *webhook.Webhook) {
		w.advance(webhook.Lease + webhook.Grace)
		for _, d := range w.store.AllDeliveries() {
			_ = w.receiveNow(d)
		}
		w.poke(h, webhook.DrainJob)
		_, _ = w.Sweep(context.Background())
	}},
	{"a stall", "", func(w *world, h *webhook.Webhook) { w.advance(10 * time.Minute) }},
	{"a resend of each", "", func(w *world, h *webhook.Webhook) {
		for _, d := range w.store.AllDeliveries() {
			w.ask(d)
			_ = w.receiveNow(d)
		}
	}},
	{"an edit", "", func(w *world, h *webhook.Webhook) {
		w.edit(h, func(s *webhook.Webhook) { s.Generation++ })
	}},
	{"off and on", "", func(w *world, h *webhook.Webhook) { w.switchOff(h); w.activate(h) }},
	{"off, a message, and on", "", func(w *world, h *webhook.Webhook) {
		w.switchOff(h)
		w.poke(h, webhook.DrainJob)
		w.activate(h)
	}},
	{"off, messages of every delivery, and on", "", func(w *world, h *webhook.Webhook) {
		w.switchOff(h)
		for _, d := range w.store.AllDeliveries() {
			_ = w.receiveNow(d)
		}
		w.activate(h)
	}},
	{"on without a drain", "", func(w *world, h *webhook.Webhook) {
		w.switchOff(h)
		w.edit(h, func(s *webhook.Webhook) { s.Activate(w.clock()) })
	}},
	{"suspended and not", "", func(w *world, h *webhook.Webhook) {
		w.suspend(true)
		w.poke(h, webhook.DrainJob)
		w.suspend(false)
		s := w.stored(h)
		w.commit(webhook.Change{Jobs: []*webhook.Job{webhook.NewDrain(w.drain(h), &s, w.clock(), w.IDs.Job(), 0)}})
	}},
	{"held by one that was late", "", func(w *world, h *webhook.Webhook) {
		s := w.stored(h)
		w.edit(h, func(s *webhook.Webhook) { s.Active = false })
		w.Dispatch(context.Background(), [][]byte{record("acme", "ver_late", start.Add(-time.Hour))})
		w.edit(h, func(fresh *webhook.Webhook) { fresh.Active = s.Active })
	}},
	{"discarded", webhook.Cancelled, func(w *world, h *webhook.Webhook) {
		w.switchOff(h)
		s, j := w.stored(h), w.drain(h)
		s.Activate(w.clock())
		s.DiscardBelow = s.Generation
		if j.State == webhook.JobRunning {
			j.End(w.clock(), webhook.JobStopped)
			w.commit(webhook.Change{Webhook: &s, Jobs: []*webhook.Job{&j}})
		} else {
			w.commit(webhook.Change{Webhook: &s})
		}
		w.send(webhook.Message{Kind: webhook.DiscardMessage}, h)
	}},
	{"deleted", webhook.Cancelled, func(w *world, h *webhook.Webhook) {
		s := w.stored(h)
		w.commit(webhook.Change{RemoveWebhook: &s})
		w.send(webhook.Message{Kind: webhook.DiscardMessage}, h)
	}},
}

// flying counts what a drain has in flight.
func (w *world) flying() (n int) {
	for _, d := range w.store.AllDeliveries() {
		if d.Job == webhook.DrainJob && d.State == webhook.StatePending {
			n++
		}
	}
	return n
}

func (w *world) switchOff(h *webhook.Webhook) {
	w.t.Helper()
	w.edit(h, func(s *webhook.Webhook) { s.Deactivate(w.clock(), webhook.ReasonPartner, "") })
}

// poke asks for the next step of a job, as a message does that comes again.
func (w *world) poke(h *webhook.Webhook, kind webhook.JobKind) {
	w.Receive(context.Background(), []webhook.Message{webhook.JobRef{PartnerID: h.PartnerID, WebhookID: h.ID, Kind: kind}.Message()})
}

// TestBetweenAnyTwoCalls: whatever others do between two calls of a drain, nothing is lost, nothing is sent twice, one
// is in flight, and it is found without a message within the time that the sweeper needs.
func TestBetweenAnyTwoCalls(t *testing.T) {
	for _, failures := range []int{0, 2} {
		for _, m := range meanwhiles {
			t.Run(fmt.Sprint(m.name, failures), func(t *testing.T) {
				k := 1
				for hit := true; hit; k++ {
					var err error
					if hit, err = between(t, k, failures, m.ends, m.do); err != nil {
						t.Fatalf("before call %d: %v", k, err)
					}
				}
				if k < 20 {
					t.Errorf("only %d calls", k)
				}
			})
		}
	}
}

func between(t *testing.T, k, failures int, ends webhook.State, meanwhile func(*world, *webhook.Webhook)) (hit bool, err error) {
	t.Helper()
	w := newWorld(t)
	w.Group = inTurn
	h := w.off()
	want := w.hold(3)
	most := 0
	w.answer = func(n int, _ webhook.Request) webhook.Response {
		most = max(most, w.flying())
		return failFirst(failures)(n, webhook.Request{})
	}
	w.activate(h)
	calls := 0
	call := func() {
		if calls++; calls == k {
			hit = true
			meanwhile(w, h)
		}
	}
	w.store.Fail = func(string) error { call(); return nil }
	answer := w.answer
	w.answer = func(n int, r webhook.Request) webhook.Response { call(); return answer(n, r) }
	w.rest(4 * time.Minute)
	w.store.Fail = nil
	w.rest(3 * time.Minute)
	if ends != "" {
		for _, d := range w.store.AllDeliveries() {
			if d.State != webhook.Delivered && d.State != ends {
				return hit, fmt.Errorf("%+v", d)
			}
		}
	} else if c := w.counts(); c[webhook.Delivered] != len(w.store.AllDeliveries()) {
		return hit, fmt.Errorf("%v, %+v", c, w.drain(h))
	}
	all := w.store.AllDeliveries()
	manual := 0
	for _, d := range all {
		for _, a := range d.Log {
			if a.Manual && a.ErrorCode != webhook.ErrInterrupted {
				manual++
			}
		}
	}
	if len(w.posts) > len(all)+failures+manual+interruptions(all...) || most > 1 {
		return hit, fmt.Errorf("sent %v, %d in flight", w.sentVerifications(), most)
	}
	got := slices.DeleteFunc(w.sentVerifications(), func(v string) bool { return v == "ver_late" })
	if ends == "" && manual == 0 && !slices.Equal(slices.Compact(got), want) {
		return hit, fmt.Errorf("sent %v", got)
	}
	if j := w.drain(h); j.State == webhook.JobRunning || !j.DueAt.IsZero() {
		return hit, fmt.Errorf("%+v", j)
	}
	if ends == "" && len(w.pending)+len(w.queue.Take()) > 0 {
		return hit, fmt.Errorf("messages wait: %+v", w.pending)
	}
	return hit, nil
}
