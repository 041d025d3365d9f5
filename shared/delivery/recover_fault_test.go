package delivery

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestRecoverUndeliverable: with the present template, and the body is stored before the POST; what fails again keeps
// its state with the new reason, is told once, and holds up nobody.
func TestRecoverUndeliverable(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", withTemplate(badTemplate))
	for i := range 4 {
		w.stream(record("acme", fmt.Sprint("ver_", i), start.Add(time.Duration(i)*time.Second)))
	}
	w.edit(h, withTemplate(`{"b":"{{length(data.sessionId)}}"}`))
	w.advance(time.Minute)
	w.recover(h, nil)
	w.rest(10 * time.Second)
	for _, d := range w.store.AllDeliveries() {
		if d.State != webhook.Undeliverable || !strings.Contains(d.Reason, "b, character 1") || !d.DueAt.IsZero() {
			t.Fatalf("%+v", d)
		}
	}
	if j := w.job(h, webhook.RecoverJob); j.State != webhook.JobDone || j.Done != 4 || j.Total != 4 || len(w.posts) != 0 {
		t.Fatalf("%d posts, %+v", len(w.posts), j)
	}
	if told := w.told(webhook.DeliveryUndeliverable); len(told) != 4 {
		t.Errorf("told %d times of 4", len(told))
	}
	w.edit(h, withTemplate(`{"id":"{{data.verificationId}}"}`))
	w.answer = func(_ int, r webhook.Request) webhook.Response {
		d := w.of(w.sentVerifications()[len(w.posts)-1])
		if want := fmt.Sprintf(`{"id":%q}`, d.Event.VerificationID); string(d.Body) != want || string(r.Body) != want || d.State != webhook.StatePending {
			t.Errorf("sent %s, stored %+v", r.Body, d)
		}
		return webhook.Response{StatusCode: 200}
	}
	w.recover(h, nil)
	w.rest(10 * time.Second)
	if j := w.job(h, webhook.RecoverJob); j.Done != 4 || !slices.Equal(w.sentVerifications(), []string{"ver_0", "ver_1", "ver_2", "ver_3"}) {
		t.Errorf("sent %v, %+v", w.sentVerifications(), j)
	}
}

// TestRecoverStops: with the webhook, its partner or its deletion; what it was about stays for another one.
func TestRecoverStops(t *testing.T) {
	for _, tt := range []struct {
		name string
		stop func(w *world, h *webhook.Webhook)
	}{
		{"deactivated", func(w *world, h *webhook.Webhook) { w.deactivate(h) }},
		{"suspended", func(w *world, h *webhook.Webhook) { w.suspend(true) }},
		{"deleted", func(w *world, h *webhook.Webhook) {
			s := w.stored(h)
			w.commit(webhook.Change{RemoveWebhook: &s})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			h := w.hook("acme", nil)
			w.ended(h, 5, w.expire)
			w.answer = func(n int, _ webhook.Request) webhook.Response {
				if n == 2 {
					tt.stop(w, h)
				}
				return webhook.Response{StatusCode: 200}
			}
			w.recover(h, nil)
			w.rest(3 * time.Minute)
			if j := w.job(h, webhook.RecoverJob); j.State != webhook.JobStopped || j.Done != 2 || j.Total != 5 || !j.DueAt.IsZero() {
				t.Errorf("%+v", j)
			}
			if len(w.posts) != 2 || w.of("ver_002").State != webhook.StateExpired {
				t.Errorf("%d posts", len(w.posts))
			}
		})
	}
}

// TestRecoverOfAnExhaustedRound: the webhook goes off with it as with any other round, and its activation brings it.
func TestRecoverOfAnExhaustedRound(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	w.ended(h, 3, w.expire)
	w.answer = always(500)
	w.recover(h, nil)
	w.rest(2 * time.Minute)
	if j := w.job(h, webhook.RecoverJob); j.State != webhook.JobStopped || w.stored(h).Active || !w.of("ver_000").Tripped {
		t.Fatalf("%+v", j)
	}
	w.answer = nil
	w.activate(h)
	w.rest(time.Minute)
	if w.of("ver_000").State != webhook.Delivered || w.of("ver_001").State != webhook.StateExpired || len(w.posts) != 7 {
		t.Errorf("%d posts", len(w.posts))
	}
}

// TestRecoverMeetsAResend: it waits for an attempt by hand, and leaves nobody out for it.
func TestRecoverMeetsAResend(t *testing.T) {
	for _, code := range []int{200, 500} {
		w := newWorld(t)
		h := w.hook("acme", nil)
		want := w.ended(h, 3, w.expire)
		w.answer = func(n int, _ webhook.Request) webhook.Response {
			if n > 1 {
				return webhook.Response{StatusCode: 200}
			}
			w.recover(h, nil)
			for _, m := range w.queue.Take() {
				if err := w.Receive(t.Context(), []webhook.Message{m})[0]; err != nil {
					t.Error(err)
				}
			}
			return always(code)(n, webhook.Request{})
		}
		w.ask(w.of(want[0]))
		w.rest(3 * time.Minute)
		for _, d := range w.store.AllDeliveries() {
			if d.State != webhook.Delivered {
				t.Errorf("%d: %+v", code, d)
			}
		}
		if got := w.sentVerifications(); !slices.Equal(slices.Compact(got), want) {
			t.Errorf("sent %v", got)
		}
	}
}

// TestRecoverTwoMessagesAtOnce: one goes on.
func TestRecoverTwoMessagesAtOnce(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	want := w.ended(h, 10, w.expire)
	poke := webhook.JobRef{PartnerID: h.PartnerID, WebhookID: h.ID, Kind: webhook.RecoverJob}.Message()
	commits := 0
	w.Store = storeWith{Store: w.store, commit: func(ctx context.Context, c webhook.Change) error {
		// Another invocation comes between this one's reads and its write.
		if commits++; commits%3 == 1 && commits < 40 {
			w.Receive(ctx, []webhook.Message{poke})
		}
		return w.store.Commit(ctx, c)
	}}
	w.recover(h, nil)
	w.rest(5 * time.Minute)
	if got := w.sentVerifications(); !slices.Equal(got, want) {
		t.Errorf("sent %v", got)
	}
	if j := w.job(h, webhook.RecoverJob); j.State != webhook.JobDone || j.Done != 10 || j.Total != 10 {
		t.Errorf("%+v", j)
	}
}

func TestRecoverAtEveryFaultPoint(t *testing.T) {
	everyFault(t, allFaults, func(w *world, arm func() func()) error {
		h := w.hook("acme", nil)
		want := w.ended(h, 3, func(i int, d *webhook.Delivery) {
			if i == 1 {
				d.Body = nil
				d.GiveUp(w.clock(), "template")
				_ = w.objects.KeepRecord(w.t.Context(), d.Ref(), record("acme", "ver_001", d.Event.OccurredAt))
				return
			}
			d.Expire(w.clock())
		})
		w.answer = failFirst(1)
		w.recover(h, nil)
		disarm := arm()
		w.rest(25 * time.Minute)
		disarm()
		all := w.store.AllDeliveries()
		for _, d := range all {
			if d.State != webhook.Delivered || d.Claim != nil || len(d.Body) == 0 {
				return fmt.Errorf("%+v", d)
			}
		}
		got := w.sentVerifications()
		if len(got) > 4+interruptions(all...) || !slices.IsSorted(got) || !slices.Equal(slices.Compact(got), want) {
			return fmt.Errorf("sent %v with %d interruptions", got, interruptions(all...))
		}
		if j := w.job(h, webhook.RecoverJob); j.State != webhook.JobDone || j.Done != 3 || j.Total != 3 {
			return fmt.Errorf("%+v", j)
		}
		return nil
	})
}
