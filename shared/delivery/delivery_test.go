package delivery

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/signature"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func TestFirstAttemptSucceeds(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	w.stream(record("acme", "ver_1", start))
	d := w.only()
	if d.State != webhook.Delivered || d.Attempts != 1 || len(d.Log) != 1 || !d.DueAt.IsZero() || d.Claim != nil {
		t.Fatalf("delivery %+v", d)
	}
	if len(w.queue.Take()) != 0 {
		t.Error("a success at once must not touch the queue")
	}
	r := w.posts[0].req
	if want := `{"type":"verification.completed","status":"success","data":{"verificationId":"ver_1","sessionId":123,"status":"VERIFIED"}}`; string(r.Body) != want {
		t.Errorf("body %s", r.Body)
	}
	const secret = "0123456789abcdef0123456789abcdef"
	want := map[string]string{
		"content-type": "application/json", "x-webhook-event": "verification.completed", "x-webhook-attempt": "1",
		"x-webhook-signature": signature.Hex(secret, r.Body), "webhook-id": d.ID, "webhook-timestamp": "1767323045",
		"webhook-signature": signature.Standard(secret, d.ID, start, r.Body),
	}
	for k, v := range want {
		if got := header(r, k); got != v {
			t.Errorf("%s: %q, want %q", k, got, v)
		}
	}
	calls := w.store.Calls()
	if want := map[string]int{"Commit": 2 + 2, "PartnerWebhooks": 1, "AddStats": 1, "Partner": 1}; !reflect.DeepEqual(calls, want) {
		t.Errorf("calls %v, want %v (two of the commits are the test's own)", calls, want)
	}
	stats, _ := w.store.Stats(context.Background(), "acme", h.ID, 10)
	if len(stats) != 1 || stats[0].Delivered != 1 {
		t.Errorf("stats %+v", stats)
	}
}

func TestLadder(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	w.answer = failFirst(5)
	w.stream(record("acme", "ver_1", start))
	w.rest(5 * time.Minute)
	d := w.only()
	if d.State != webhook.Delivered || d.Attempts != 6 || len(d.Log) != 6 {
		t.Fatalf("delivery %+v", d)
	}
	if got := w.numbers(); !reflect.DeepEqual(got, []string{"1", "2", "3", "4", "5", "6"}) {
		t.Errorf("attempt numbers %v", got)
	}
	for i, want := range []time.Duration{1, 2, 4, 8, 16} {
		gap := w.posts[i+1].at.Sub(w.posts[i].at.Add(100 * time.Millisecond))
		if gap != want*time.Second {
			t.Errorf("gap %d is %v, want %ds", i+1, gap, want)
		}
		if !bytes.Equal(w.posts[i+1].req.Body, w.posts[0].req.Body) || header(w.posts[i+1].req, "webhook-id") != d.ID {
			t.Errorf("attempt %d has another body or id", i+2)
		}
	}
	if s := w.stored(h); !s.Active {
		t.Error("switched off though the last attempt succeeded")
	}
	for i, a := range d.Log[:5] {
		if a.ErrorCode != webhook.ErrHTTPStatus || a.Excerpt != "oops" || a.Number != i+1 {
			t.Errorf("log row %+v", a)
		}
	}
}

func TestExhaustionSwitchesOffAndHolds(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	w.answer = failFirst(1000)
	w.stream(record("acme", "ver_1", start))
	w.rest(5 * time.Minute)
	d := w.only()
	if d.State != webhook.Exhausted || d.Attempts != 6 || len(w.posts) != 6 {
		t.Fatalf("%d posts, delivery %+v", len(w.posts), d)
	}
	s := w.stored(h)
	if s.Active || s.Deactivation == nil || s.Deactivation.Reason != webhook.ReasonFailures || s.Deactivation.DeliveryID != d.ID {
		t.Fatalf("webhook %+v", s)
	}
	if ob := w.told(webhook.WebhookDeactivated); len(ob) != 1 || ob[0].WebhookID != h.ID {
		t.Errorf("told %+v", ob)
	}
	w.stream(record("acme", "ver_2", w.clock()))
	if d := w.of("ver_2"); d.State != webhook.Held || len(d.Body) == 0 || len(w.posts) != 6 {
		t.Errorf("next event %+v", d)
	}
	// Reactivated, later events go out again.
	w.answer = nil
	w.edit(h, func(s *webhook.Webhook) { s.Activate(w.clock()) })
	w.stream(record("acme", "ver_3", w.clock()))
	w.rest(time.Second)
	if d := w.of("ver_3"); d.State != webhook.Delivered {
		t.Errorf("after reactivation %+v", d)
	}
}

func TestEditDuringRoundIsNotSwitchedOff(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	w.answer = func(n int, _ webhook.Request) webhook.Response {
		if n == 5 {
			w.edit(h, func(s *webhook.Webhook) { s.URL, s.Generation = "https://new.example.com/", s.Generation+1 })
		}
		return failing(webhook.Response{})
	}
	w.stream(record("acme", "ver_1", start))
	w.rest(5 * time.Minute)
	if d := w.only(); d.State != webhook.Exhausted {
		t.Fatalf("delivery %+v", d)
	}
	if s := w.stored(h); !s.Active {
		t.Error("a round of the old configuration switched the new one off")
	}
	if got := w.posts[5].req.URL; got != "https://new.example.com/" {
		t.Errorf("last attempt went to %s", got)
	}
}

func TestRetryAfterLengthens(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	w.answer = func(n int, r webhook.Request) webhook.Response {
		resp := failFirst(2)(n, r)
		switch n {
		case 1:
			resp.RetryAfter = 90 * time.Second
		case 2:
			resp.RetryAfter = time.Second // shorter than the ladder's 2 s
		}
		return resp
	}
	w.stream(record("acme", "ver_1", start))
	w.rest(10 * time.Minute)
	if len(w.posts) != 3 {
		t.Fatalf("%d posts", len(w.posts))
	}
	for i, want := range []time.Duration{90 * time.Second, 2 * time.Second} {
		if gap := w.posts[i+1].at.Sub(w.posts[i].at) - 100*time.Millisecond; gap != want {
			t.Errorf("gap %d: %v, want %v", i+1, gap, want)
		}
	}
}

func TestWhoGetsAnEvent(t *testing.T) {
	tests := []struct {
		name   string
		edit   func(*webhook.Webhook)
		states []webhook.State
	}{
		{"active", nil, []webhook.State{webhook.Delivered}},
		{"subscribed to another type", func(h *webhook.Webhook) { h.EventTypes = []webhook.EventType{webhook.ExpiredType} }, nil},
		{"subscribed to this type", func(h *webhook.Webhook) { h.EventTypes = []webhook.EventType{webhook.Completed} }, []webhook.State{webhook.Delivered}},
		{"created after the record", func(h *webhook.Webhook) { h.CreatedAt = start.Add(creationGrace + time.Millisecond) }, nil},
		{"created within the grace", func(h *webhook.Webhook) { h.CreatedAt = start.Add(creationGrace) }, []webhook.State{webhook.Delivered}},
		{"never active", func(h *webhook.Webhook) { h.Active, h.EverActive = false, false }, nil},
		{"switched off", func(h *webhook.Webhook) { h.Deactivate(start, webhook.ReasonPartner, "") }, []webhook.State{webhook.Held}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.hook("acme", tt.edit)
			w.hook("other", nil)
			w.stream(record("acme", "ver_1", start))
			var states []webhook.State
			for _, d := range w.store.AllDeliveries() {
				if d.PartnerID != "acme" {
					t.Errorf("delivered to %s", d.PartnerID)
				}
				states = append(states, d.State)
			}
			if !reflect.DeepEqual(states, tt.states) {
				t.Errorf("states %v, want %v", states, tt.states)
			}
		})
	}
}

func TestSuspendedPartnerIsHeld(t *testing.T) {
	w := newWorld(t)
	p := w.partner("acme")
	w.hook("acme", nil)
	w.answer = failFirst(1)
	w.stream(record("acme", "ver_1", start))
	p.Suspended = true
	w.commit(webhook.Change{Partner: &p})
	w.stream(record("acme", "ver_2", start))
	w.rest(time.Minute)
	for _, d := range w.store.AllDeliveries() {
		if d.State != webhook.Held {
			t.Errorf("%s is %s", d.Event.VerificationID, d.State)
		}
	}
	if len(w.posts) != 1 {
		t.Errorf("%d posts", len(w.posts))
	}
}

func TestWaitingRetryOfInactiveOrDeletedWebhook(t *testing.T) {
	for _, tt := range []struct {
		name string
		act  func(w *world, h *webhook.Webhook)
		want webhook.State
	}{
		{"deactivated", func(w *world, h *webhook.Webhook) {
			w.edit(h, func(s *webhook.Webhook) { s.Deactivate(w.clock(), webhook.ReasonPartner, "") })
		}, webhook.Held},
		{"deleted", func(w *world, h *webhook.Webhook) {
			s := w.stored(h)
			w.commit(webhook.Change{RemoveWebhook: &s})
		}, webhook.Cancelled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			h := w.hook("acme", nil)
			w.answer = failFirst(1)
			w.stream(record("acme", "ver_1", start))
			tt.act(w, h)
			w.rest(time.Minute)
			if d := w.only(); d.State != tt.want || len(w.posts) != 1 {
				t.Errorf("%s after %d posts", d.State, len(w.posts))
			}
		})
	}
}

func TestHeldEndsDiscardedDeletedOrExpired(t *testing.T) {
	const events = 130 // more than one page of a discard
	for _, tt := range []struct {
		name string
		act  func(w *world, h *webhook.Webhook)
		wait time.Duration
		want webhook.State
	}{
		{"discarded", func(w *world, h *webhook.Webhook) {
			w.edit(h, func(s *webhook.Webhook) { s.Activate(w.clock()); s.DiscardBelow = s.Generation })
			_ = w.queue.Send(context.Background(), webhook.Message{Kind: webhook.DiscardMessage, Ref: webhook.Ref{PartnerID: h.PartnerID, WebhookID: h.ID}})
		}, time.Second, webhook.Cancelled},
		{"discarded, message lost", func(w *world, h *webhook.Webhook) {
			w.edit(h, func(s *webhook.Webhook) { s.Activate(w.clock()); s.DiscardBelow = s.Generation })
		}, 3 * time.Minute, webhook.Cancelled},
		{"deleted", func(w *world, h *webhook.Webhook) {
			s := w.stored(h)
			w.commit(webhook.Change{RemoveWebhook: &s})
			_ = w.queue.Send(context.Background(), webhook.Message{Kind: webhook.DiscardMessage, Ref: webhook.Ref{PartnerID: h.PartnerID, WebhookID: h.ID}})
		}, time.Second, webhook.Cancelled},
		{"nothing", func(*world, *webhook.Webhook) {}, webhook.DefaultHoldTime - time.Hour, webhook.Held},
		{"hold time over", func(*world, *webhook.Webhook) {}, webhook.DefaultHoldTime + 2*time.Minute, webhook.StateExpired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			h := w.hook("acme", func(h *webhook.Webhook) { h.Deactivate(start, webhook.ReasonPartner, "") })
			for range events {
				w.stream(record("acme", "ver", start))
			}
			tt.act(w, h)
			w.rest(tt.wait)
			for _, d := range w.store.AllDeliveries() {
				if d.State != tt.want {
					t.Fatalf("%s, want %s", d.State, tt.want)
				}
			}
		})
	}
}

func TestDiscardSparesWhatIsHeldLater(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", func(h *webhook.Webhook) { h.Deactivate(start, webhook.ReasonPartner, "") })
	w.stream(record("acme", "old", start))
	w.edit(h, func(s *webhook.Webhook) { s.Activate(w.clock()); s.DiscardBelow = s.Generation })
	w.edit(h, func(s *webhook.Webhook) { s.Deactivate(w.clock(), webhook.ReasonPartner, "") })
	w.stream(record("acme", "new", start))
	_ = w.queue.Send(context.Background(), webhook.Message{Kind: webhook.DiscardMessage, Ref: webhook.Ref{PartnerID: h.PartnerID, WebhookID: h.ID}})
	w.rest(time.Minute)
	want := map[string]webhook.State{"old": webhook.Cancelled, "new": webhook.Held}
	for _, d := range w.store.AllDeliveries() {
		if d.State != want[d.Event.VerificationID] {
			t.Errorf("%s is %s", d.Event.VerificationID, d.State)
		}
	}
}

func TestDuplicatesAreAbsorbed(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	w.answer = failFirst(1)
	raw := record("acme", "ver_1", start)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { w.stream(raw) })
	}
	wg.Wait()
	if len(w.posts) != 1 {
		t.Fatalf("one stream record eight times at once: %d posts", len(w.posts))
	}
	w.advance(31 * time.Second) // every copy of the next step is due
	ms := w.queue.Take()
	if len(ms) < 2 {
		t.Fatalf("%d messages: nothing is tested", len(ms))
	}
	for range 8 {
		wg.Go(func() { w.Receive(context.Background(), ms) })
	}
	wg.Wait()
	if d := w.only(); len(w.posts) != 2 || d.State != webhook.Delivered {
		t.Fatalf("%d posts, %s", len(w.posts), d.State)
	}
}

func TestInterruptedAttemptIsRepeatedUnderItsNumber(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	raw := record("acme", "ver_1", start)
	killed := errors.New("killed")
	w.store.Fail = func(op string) error { // the process dies in the middle of its POST: nothing is stored after it
		if len(w.posts) == 1 {
			return killed
		}
		return nil
	}
	if errs := w.Dispatch(context.Background(), [][]byte{raw}); errs[0] == nil {
		t.Fatal("acknowledged though the outcome is not stored")
	}
	w.store.Fail = nil
	w.stream(raw)
	if len(w.posts) != 1 {
		t.Fatal("sent again under a live lease")
	}
	w.rest(5 * time.Minute)
	d := w.only()
	if got := w.numbers(); !reflect.DeepEqual(got, []string{"1", "1"}) || d.State != webhook.Delivered || d.Attempts != 1 {
		t.Fatalf("numbers %v, delivery %+v", got, d)
	}
	if len(d.Log) != 2 || d.Log[0].ErrorCode != webhook.ErrInterrupted || d.Log[1].ErrorCode != "" {
		t.Errorf("log %+v", d.Log)
	}
	if gap := w.posts[1].at.Sub(w.posts[0].at); gap < webhook.Lease {
		t.Errorf("repeated after %v, within the lease", gap)
	}
}

func TestInterruptedTooOftenIsParkedAndCanBeRedriven(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	w.answer = func(int, webhook.Request) webhook.Response { panic("bug") }
	w.stream(record("acme", "ver_1", start))
	w.rest(30 * time.Minute)
	d := w.only()
	if d.State != webhook.Undeliverable || len(w.posts) != webhook.MaxInterruptions || d.Attempts != 0 {
		t.Fatalf("%d posts, delivery %+v", len(w.posts), d)
	}
	parked, _, _ := w.objects.List(context.Background(), webhook.Page{Limit: 10})
	if len(parked) == 0 {
		t.Fatal("not parked")
	}
	w.answer = nil
	for _, p := range parked {
		_ = w.queue.Send(context.Background(), webhook.Message{Kind: webhook.RedriveMessage, ParkedID: p.ID})
	}
	w.rest(10 * time.Minute)
	if d = w.only(); d.State != webhook.Delivered {
		t.Errorf("after redriving %+v", d)
	}
	if parked, _, _ = w.objects.List(context.Background(), webhook.Page{Limit: 10}); len(parked) != 0 {
		t.Errorf("still parked: %+v", parked)
	}
}

func TestUnusableRecordsAreParkedAndBlockNobody(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	good := record("acme", "ver_1", start)
	w.stream([]byte(`garbage`), recordOf("acme", "ver_2", start, "PENDING", "WEIRD"), record("nobody", "ver_3", start), good)
	if d := w.only(); d.State != webhook.Delivered {
		t.Errorf("the good neighbour is %s", d.State)
	}
	parked, _, _ := w.objects.List(context.Background(), webhook.Page{Limit: 10})
	reasons := map[string]bool{}
	for _, p := range parked {
		reasons[p.Reason] = true
	}
	if want := map[string]bool{"malformed_record": true, "unknown_status": true, "unknown_partner": true}; !reflect.DeepEqual(reasons, want) {
		t.Errorf("parked for %v", reasons)
	}
	// Once the partner is known, redriving delivers; redriving twice delivers once.
	w.advance(time.Hour)
	w.hook("nobody", func(h *webhook.Webhook) { h.CreatedAt = w.clock() })
	for range 2 {
		for _, p := range parked {
			_ = w.queue.Send(context.Background(), webhook.Message{Kind: webhook.RedriveMessage, ParkedID: p.ID})
		}
	}
	w.rest(time.Minute)
	if len(w.posts) != 2 {
		t.Errorf("%d posts", len(w.posts))
	}
	if parked, _, _ = w.objects.List(context.Background(), webhook.Page{Limit: 10}); len(parked) != 2 {
		t.Errorf("%d still parked, want the two that are still unusable", len(parked))
	}
}

func TestTooLargeIsUndeliverableAndKept(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	raw := record("acme", string(bytes.Repeat([]byte("x"), 103_000)), start)
	w.stream(raw)
	w.stream(raw)
	d := w.only()
	if d.State != webhook.Undeliverable || d.Reason == "" || len(w.posts) != 0 {
		t.Fatalf("%s %q", d.State, d.Reason)
	}
	if kept, _ := w.objects.KeptRecord(t.Context(), d.Ref()); !bytes.Equal(kept, raw) {
		t.Error("the record is not kept")
	}
	if ob := w.store.AllOutbox(); len(ob) != 1 || ob[0].Kind != webhook.DeliveryUndeliverable {
		t.Errorf("outbox %+v", ob)
	}
}

func TestVaultFaults(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	down := webhook.Errorf(webhook.Unavailable, "kms is down")
	w.vault.Fail = func() error { return down }
	w.stream(record("acme", "ver_1", start))
	w.rest(3 * time.Minute)
	if d := w.only(); d.State != webhook.StatePending || d.Attempts != 0 {
		t.Fatalf("while the key service is down: %+v", d)
	}
	w.vault.Fail = nil
	w.rest(10 * time.Minute)
	if d := w.only(); d.State != webhook.Delivered || len(w.posts) != 1 {
		t.Fatalf("afterwards: %s, %d posts", d.State, len(w.posts))
	}
	w.vault.Fail = func() error { return webhook.Errorf(webhook.Corrupt, "not ours") }
	w.stream(record("acme", "ver_2", w.clock()))
	w.rest(3 * time.Minute)
	if d := w.of("ver_2"); d.State != webhook.Undeliverable {
		t.Errorf("an unreadable secret: %s", d.State)
	}
}

func TestNoTimeLeftGoesToTheQueue(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	ctx, cancel := context.WithDeadline(context.Background(), w.clock().Add(MaxSend+spare))
	defer cancel()
	// The context's own clock has passed long ago; only its deadline is looked at.
	if errs := w.Dispatch(ctx, [][]byte{record("acme", "ver_1", start)}); errs[0] != nil {
		t.Fatal(errs[0])
	}
	if len(w.posts) != 0 {
		t.Fatal("started an attempt that may not fit")
	}
	w.rest(time.Minute)
	if d := w.only(); d.State != webhook.Delivered || header(w.posts[0].req, "x-webhook-attempt") != "1" {
		t.Errorf("%+v", d)
	}
}

func TestSweeperHoldsBackWhileTheQueueIsLate(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	w.answer = failFirst(1)
	w.stream(record("acme", "ver_1", start))
	w.queue.Take() // lost
	w.advance(5 * time.Minute)
	_ = w.queue.Send(context.Background(), make([]webhook.Message, sweepBacklog+1)...)
	if out, err := w.Sweep(context.Background()); err != nil || !out.HeldBack || out.Requeued != 0 {
		t.Errorf("%+v, %v", out, err)
	}
	w.queue.Take()
	if out, err := w.Sweep(context.Background()); err != nil || out.Requeued != 1 {
		t.Errorf("%+v, %v", out, err)
	}
	if out, err := w.Sweep(context.Background()); err != nil || out.Overdue != 0 {
		t.Errorf("a second run took it up again: %+v, %v", out, err)
	}
	w.rest(time.Minute)
	if d := w.only(); d.State != webhook.Delivered {
		t.Errorf("%s", d.State)
	}
}
