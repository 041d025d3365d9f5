package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// busWith is a Bus that does what publish says.
type busWith struct {
	publish func(events []webhook.OutboxEvent) ([]webhook.OutboxEvent, error)
}

func (b busWith) Publish(_ context.Context, events []webhook.OutboxEvent) ([]webhook.OutboxEvent, error) {
	return b.publish(events)
}

// leave puts n operational events into the outbox as if whoever stored them had died.
func (w *world) leave(n int) {
	w.t.Helper()
	var c webhook.Change
	for range n {
		c.Outbox = append(c.Outbox, webhook.OutboxEvent{
			ID: w.IDs.Outbox(), Kind: webhook.WebhookDrained, PartnerID: "acme", WebhookID: "whk_1", At: w.clock(),
		})
	}
	w.commit(c)
}

func (w *world) left() int {
	w.t.Helper()
	events, err := w.store.Outbox(context.Background(), w.clock().Add(time.Hour), 10_000)
	if err != nil {
		w.t.Fatal(err)
	}
	return len(events)
}

// TestEachCauseIsToldOnce: a webhook's whole life, at every fault: every event that was stored is published, a few of
// them twice at most, and each cause has one.
func TestEachCauseIsToldOnce(t *testing.T) {
	everyFault(t, []string{"store before", "store after", "queue before", "bus", "killed before", "killed after"}, func(w *world, arm func() func()) error {
		h := w.hook("acme", nil)
		w.answer = func(_ int, r webhook.Request) webhook.Response {
			if header(r, "x-webhook-attempt") <= "6" {
				return failing(webhook.Response{})
			}
			return webhook.Response{StatusCode: 200}
		}
		raw, bad := record("acme", "ver_0", start), record("acme", "ver_1", start)
		disarm := arm()
		w.stream2(raw)
		w.rest(12 * time.Minute)
		disarm()
		if w.stored(h).Active {
			return fmt.Errorf("active")
		}
		w.edit(h, withTemplate(badTemplate))
		rearm := arm()
		w.stream2(bad)
		w.rest(3 * time.Minute)
		rearm()
		w.activate(h)
		rearm = arm()
		w.rest(12 * time.Minute)
		rearm()
		w.rest(2 * time.Minute)
		for _, kind := range []webhook.OutboxKind{webhook.WebhookFailing, webhook.WebhookDeactivated, webhook.DeliveryUndeliverable, webhook.WebhookDrained} {
			told := w.told(kind)
			if len(told) != 1 {
				return fmt.Errorf("%s: told %+v", kind, told)
			}
			times := 0
			for _, e := range w.bus.Published() {
				if e.ID == told[0].ID {
					times++
				}
			}
			if times > 2+2 { // three removals may fail
				return fmt.Errorf("%s: published %d times", kind, times)
			}
		}
		if n := w.left(); n != 0 {
			return fmt.Errorf("%d left", n)
		}
		return nil
	})
}

// stream2 is stream in invocations that may be killed.
func (w *world) stream2(raw []byte) {
	w.t.Helper()
	for range 50 {
		ctx, cancel := w.begin()
		errs := w.Dispatch(ctx, [][]byte{raw})
		cancel()
		if errs[0] == nil {
			w.dead = false
			return
		}
		w.advance(time.Second)
	}
	w.t.Fatal("the stream is blocked")
}

// TestOutboxHoldsNoPayload: ids, a reason and a count.
func TestOutboxHoldsNoPayload(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	w.answer = func(int, webhook.Request) webhook.Response {
		r := failing(webhook.Response{})
		r.Excerpt, r.ErrorMessage = "EXCERPT", "MESSAGE"
		return r
	}
	w.stream(record("acme", "ver_SECRET", start))
	w.rest(time.Minute)
	w.edit(h, withTemplate(badTemplate))
	w.stream(record("acme", "ver_SECRET", w.clock()))
	w.answer = nil
	w.activate(h)
	w.rest(time.Minute)
	text, err := json.Marshal(w.store.AllOutbox())
	if err != nil || len(w.store.AllOutbox()) != 4 {
		t.Fatalf("%s, %v", text, err)
	}
	for _, secret := range []string{"ver_SECRET", "EXCERPT", "MESSAGE", "0123456789abcdef", "hooks.example.com"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("%s is in %s", secret, text)
		}
	}
}

// TestSweeperPublishesWhatIsLeft: all of it in one run, while batches are accepted by half.
func TestSweeperPublishesWhatIsLeft(t *testing.T) {
	for _, n := range []int{1, outboxPage, outboxPage + 1, 3*outboxPage + 7} {
		w := newWorld(t)
		w.leave(n)
		if out, _ := w.Sweep(t.Context()); out.Published != 0 {
			t.Error("took what its own writer is about to publish")
		}
		w.advance(outboxAge)
		if out, err := w.Sweep(t.Context()); err != nil || out.Published != n || w.left() != 0 || len(w.bus.Published()) != n {
			t.Errorf("%d: %+v, %v, %d left", n, out, err, w.left())
		}
	}
	w := newWorld(t)
	w.leave(150)
	w.advance(time.Minute)
	full := w.bus
	w.Bus = busWith{func(events []webhook.OutboxEvent) ([]webhook.OutboxEvent, error) {
		half, _ := full.Publish(t.Context(), events[:(len(events)+1)/2])
		return half, webhook.Errorf(webhook.Unavailable, "the other half was refused")
	}}
	for run := 0; w.left() > 0; run++ {
		before := w.left()
		out, err := w.Sweep(t.Context())
		if err != nil || out.Published != (before+1)/2 || out.Refused != before/2 {
			t.Errorf("of %d: %+v, %v", before, out, err)
		}
		if run > 10 {
			t.Fatalf("%d left after %d runs", w.left(), run)
		}
	}
	if got := full.Published(); len(got) != 150 {
		t.Errorf("published %d of 150", len(got))
	}
}

// TestOutboxListMayBeLate: what was removed still stands in it. It is published once a run, whatever the list says.
func TestOutboxListMayBeLate(t *testing.T) {
	for _, accepts := range []bool{true, false} {
		w := newWorld(t)
		w.leave(outboxPage + 20)
		w.advance(time.Minute)
		first, err := w.store.Outbox(t.Context(), w.clock(), outboxPage)
		if err != nil {
			t.Fatal(err)
		}
		published := 0
		w.Store = lateOutbox{w.store, first}
		w.Bus = busWith{func(events []webhook.OutboxEvent) ([]webhook.OutboxEvent, error) {
			if published += len(events); published > 1000 {
				panic("endless")
			}
			if !accepts {
				return nil, nil
			}
			return events, nil
		}}
		if _, err := w.Sweep(t.Context()); err != nil {
			t.Error(err)
		}
		if published != outboxPage {
			t.Errorf("accepts %v: published %d", accepts, published)
		}
	}
}

type lateOutbox struct {
	Store
	page []webhook.OutboxEvent
}

func (s lateOutbox) Outbox(context.Context, time.Time, int) ([]webhook.OutboxEvent, error) {
	return slices.Clone(s.page), nil
}

// TestBusDownForAnHour: it delays nothing else, and everything is told when it is back.
func TestBusDownForAnHour(t *testing.T) {
	run := func(down bool) (*world, []time.Duration) {
		w := newWorld(t)
		h := w.off()
		w.hold(5)
		if down {
			w.bus.Fail = func() error { return webhook.Errorf(webhook.Unavailable, "down") }
		}
		w.answer = failFirst(7)
		w.activate(h)
		w.rest(30 * time.Minute)
		w.activate(h)
		w.rest(30 * time.Minute)
		var at []time.Duration
		for _, p := range w.posts {
			at = append(at, p.at.Sub(start))
		}
		return w, at
	}
	_, up := run(false)
	w, down := run(true)
	if fmt.Sprint(up) != fmt.Sprint(down) {
		t.Errorf("posts at %v, and with the bus down at %v", up, down)
	}
	if n := len(w.bus.Published()); n != 0 || w.left() == 0 {
		t.Errorf("%d published, %d left", n, w.left())
	}
	w.bus.Fail = nil
	w.rest(time.Minute + time.Second)
	if stored := w.store.AllOutbox(); len(w.bus.Published()) != len(stored) || w.left() != 0 {
		t.Errorf("%d of %d published", len(w.bus.Published()), len(stored))
	}
}

// TestEarlyWarning: at the third failure in a row, once an hour and generation, before the switch-off.
func TestEarlyWarning(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	w.answer = failFirst(2)
	w.stream(record("acme", "two", start))
	w.rest(time.Minute)
	if told := w.told(webhook.WebhookFailing); len(told) != 0 {
		t.Fatalf("told %+v", told)
	}
	many := func(ids ...string) {
		w.posts = nil
		w.answer = func(_ int, r webhook.Request) webhook.Response {
			if n := header(r, "x-webhook-attempt"); n < "5" {
				return failing(webhook.Response{})
			}
			return webhook.Response{StatusCode: 200}
		}
		for _, id := range ids {
			w.stream(record("acme", id, w.clock()))
		}
		w.rest(time.Minute)
	}
	began := w.clock()
	many("a", "b", "c")
	told := w.told(webhook.WebhookFailing)
	if len(told) != 1 || told[0].Reason != string(webhook.ErrHTTPStatus) || told[0].At.Sub(began) > 5*time.Second || told[0].DeliveryID == "" {
		t.Fatalf("told %+v", told)
	}
	w.rest(55 * time.Minute)
	many("d")
	if n := len(w.told(webhook.WebhookFailing)); n != 1 {
		t.Errorf("told %d times in an hour", n)
	}
	w.rest(5 * time.Minute)
	many("e")
	if n := len(w.told(webhook.WebhookFailing)); n != 2 {
		t.Errorf("told %d times in two hours", n)
	}
	w.edit(h, func(s *webhook.Webhook) { s.Generation++ })
	many("f")
	if n := len(w.told(webhook.WebhookFailing)); n != 3 {
		t.Errorf("told %d times, once more after the edit", n)
	}
	if j := w.job(h, webhook.WarningJob); !w.stored(h).Active || j.State != webhook.JobDone || j.ExpiresAt().IsZero() {
		t.Errorf("%+v", j)
	}
}

// TestWarningsOfTwoGenerations: rounds of the one that was edited away say nothing new.
func TestWarningsOfTwoGenerations(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	w.answer = func(n int, r webhook.Request) webhook.Response {
		if n == 4 || n == 5 {
			return webhook.Response{StatusCode: 503, ErrorCode: webhook.ErrHTTPStatus, RetryAfter: time.Minute}
		}
		if ids := w.sentVerifications(); ids[n-1] == "new" && header(r, "x-webhook-attempt") > "3" {
			return webhook.Response{StatusCode: 200}
		}
		return failing(webhook.Response{})
	}
	w.stream(record("acme", "old_0", w.clock())) // its three attempts, and it is told
	w.rest(4 * time.Second)
	w.stream(record("acme", "old_1", w.clock()), record("acme", "old_2", w.clock())) // put off
	w.edit(h, func(s *webhook.Webhook) { s.Generation++ })
	w.stream(record("acme", "new", w.clock()))
	w.rest(30 * time.Second)
	if told := w.told(webhook.WebhookFailing); len(told) != 2 {
		t.Fatalf("told %+v", told)
	}
	w.rest(5 * time.Minute)
	if told := w.told(webhook.WebhookFailing); len(told) != 2 {
		t.Errorf("told %+v", told)
	}
	if j := w.job(h, webhook.WarningJob); j.Generation != 2 || w.of("old_1").RoundAttempts < 3 {
		t.Errorf("%+v, %+v", j, w.of("old_1"))
	}
}
