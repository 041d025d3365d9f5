package delivery

import (
	"fmt"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestOutageOfAnHour: the key service fails for an hour. Messages do not multiply meanwhile, though the sweeper adds
// some every minute, and everything goes on within minutes of the end.
func TestOutageOfAnHour(t *testing.T) {
	w := newWorld(t)
	w.Group = inTurn
	h := w.off()
	w.hold(3)
	w.activate(h)
	w.vault.Fail = func() error { return webhook.Errorf(webhook.Unavailable, "down") }
	for i := range 4 {
		w.stream(record("acme", fmt.Sprint("new_", i), w.clock()))
	}
	w.ask(w.of("new_0"))
	w.rest(10 * time.Minute)
	received, waiting := w.received, len(w.pending)
	w.rest(50 * time.Minute)
	if n := len(w.pending); n > waiting+5 || n > 35 {
		t.Errorf("%d messages wait for four deliveries and a drain, %d did after ten minutes", n, waiting)
	}
	if n := w.received - received; n > 50*45 {
		t.Errorf("%d messages in 50 minutes", n)
	}
	w.vault.Fail = nil
	w.rest(2*time.Minute + time.Second)
	if w.counts()[webhook.Delivered] != 7 || w.drain(h).State != webhook.JobDone {
		t.Errorf("%v, %+v", w.counts(), w.drain(h))
	}
	w.rest(6 * time.Minute)
	if len(w.pending) > 0 {
		t.Errorf("%d messages", len(w.pending))
	}
}

// TestOutcomesDoNotWaitForJobs: a warning or a probe that can't be read keeps no outcome from being stored.
func TestOutcomesDoNotWaitForJobs(t *testing.T) {
	for _, code := range []webhook.Code{webhook.Unavailable, webhook.Corrupt} {
		w := newWorld(t)
		h := w.hook("acme", func(h *webhook.Webhook) { h.AutoReactivate = true })
		w.answer = failFirst(1000)
		w.store.Fail = func(op string) error {
			if op == "Job" {
				return webhook.Errorf(code, "down")
			}
			return nil
		}
		w.stream(record("acme", "ver_1", start))
		w.rest(2 * time.Minute)
		if d := w.only(); d.State != webhook.Exhausted || len(w.posts) != 6 || w.stored(h).Active {
			t.Errorf("%s: %d posts, %+v", code, len(w.posts), d)
		}
	}
}

// TestLastingFaultOfAJob: an error that does not pass, and a panic, do not multiply a drain's messages.
func TestLastingFaultOfAJob(t *testing.T) {
	for name, fail := range map[string]func() error{
		"internal": func() error { return webhook.Errorf(webhook.Internal, "refused") },
		"panic":    func() error { panic("broken") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			h := w.off()
			w.hold(3)
			w.activate(h)
			w.vault.Fail = fail
			// The sweeper sends one a minute; each ends in the dead-letter queue, an hour later.
			w.rest(3 * time.Hour)
			if n := len(w.pending); n > 80 {
				t.Errorf("%d messages wait for one drain", n)
			}
			w.vault.Fail = nil
			w.rest(10 * time.Minute)
			if w.counts()[webhook.Delivered] != 3 {
				t.Errorf("%v", w.counts())
			}
		})
	}
}

// TestOutcomeWaitsForTheStore: a store that refuses everything for some seconds after a POST makes no second one.
func TestOutcomeWaitsForTheStore(t *testing.T) {
	w := newWorld(t)
	w.budget = time.Minute
	w.hook("acme", nil)
	w.store.Fail = func(string) error {
		if len(w.posts) > 0 && w.clock().Before(start.Add(6*time.Second)) {
			return webhook.Errorf(webhook.Unavailable, "throttled")
		}
		return nil
	}
	w.stream(record("acme", "ver_1", start))
	if d := w.only(); d.State != webhook.Delivered || d.Interruptions > 0 {
		t.Errorf("at %v: %+v", w.clock(), d)
	}
	w.rest(5 * time.Minute)
	if len(w.posts) != 1 {
		t.Errorf("%d posts", len(w.posts))
	}
	// Without time to wait it is given up, and the record comes again.
	w = newWorld(t)
	w.budget = MaxSend + spare + time.Second
	w.hook("acme", nil)
	w.took = MaxSend + 2*time.Second
	w.store.Fail = func(string) error {
		if len(w.posts) == 1 && w.clock().Before(start.Add(time.Minute)) {
			return webhook.Errorf(webhook.Unavailable, "throttled")
		}
		return nil
	}
	ctx, cancel := w.begin()
	defer cancel()
	errs := w.Dispatch(ctx, [][]byte{record("acme", "ver_1", start)})
	if took := w.clock().Sub(start); took > w.budget || errs[0] == nil {
		t.Errorf("an invocation of %v takes %v: %v", w.budget, took, errs)
	}
}
