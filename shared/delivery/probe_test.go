package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
	"github.com/cr3dentials/verification-webhooks/shared/signature"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// switchedOff makes a webhook that failures switched off, with one event that tripped it and one that is held.
func (w *world) switchedOff(edit func(*webhook.Webhook)) *webhook.Webhook {
	w.t.Helper()
	h := w.hook("acme", edit)
	w.answer = always(500)
	w.stream(record("acme", "ver_000", w.clock()))
	w.rest(40 * time.Second)
	w.stream(record("acme", "ver_001", w.clock()))
	if s := w.stored(h); s.Active || s.Deactivation.Reason != webhook.ReasonFailures {
		w.t.Fatalf("%+v", s)
	}
	w.posts = nil
	return h
}

func healing(s *webhook.Webhook) { s.AutoReactivate = true }

func (w *world) probes() (at []time.Time) {
	for _, p := range w.posts {
		if header(p.req, "x-webhook-event") == string(probeType) {
			at = append(at, p.at)
		}
	}
	return at
}

func TestNoProbeUnlessAskedFor(t *testing.T) {
	w := newWorld(t)
	h := w.switchedOff(nil)
	w.answer = nil
	w.rest(3 * time.Hour)
	if len(w.posts) != 0 || w.stored(h).Active || w.job(h, webhook.ProbeJob).Rev != 0 {
		t.Errorf("%d posts", len(w.posts))
	}
	// Nor for a webhook that its partner switched off.
	h = w.hook("quiet", healing)
	w.deactivate(h)
	w.rest(3 * time.Hour)
	if len(w.posts) != 0 || w.job(h, webhook.ProbeJob).Rev != 0 {
		t.Errorf("%d posts", len(w.posts))
	}
}

// TestProbeIntervals: 1, 2, 4, ... minutes, then an hour, each up to a minute late; they end with the hold time.
func TestProbeIntervals(t *testing.T) {
	w := newWorld(t)
	h := w.switchedOff(healing)
	last, received := w.stored(h).Deactivation.At, w.received
	w.rest(30 * time.Hour)
	at := w.probes()
	if n := w.received - received; n > len(at)+1 {
		t.Errorf("%d messages for %d probes", n, len(at))
	}
	for i, p := range at {
		want := min(time.Minute<<min(i, 10), time.Hour)
		if late := p.Sub(last) - want; late < -10*time.Second || late > time.Minute {
			t.Errorf("probe %d %v after the one before", i+1, p.Sub(last))
		}
		last = p
	}
	if len(at) < 32 || len(at) > 36 || w.stored(h).Active {
		t.Fatalf("%d probes in 30 hours", len(at))
	}
	w.rest(webhook.DefaultHoldTime)
	if j := w.job(h, webhook.ProbeJob); j.State != webhook.JobStopped || !j.DueAt.IsZero() {
		t.Errorf("%+v", j)
	}
	n := len(w.probes())
	w.rest(3 * time.Hour)
	if len(w.probes()) != n {
		t.Error("still probed")
	}
	if c := w.counts(); c[webhook.StateExpired] != 1 || c[webhook.Exhausted] != 1 {
		t.Errorf("%v", c)
	}
}

// TestProbeReactivates: a 2xx activates under a new generation and drains, at once, in order; told once.
func TestProbeReactivates(t *testing.T) {
	w := newWorld(t)
	h := w.switchedOff(healing)
	w.answer = always(204)
	w.rest(3 * time.Minute)
	s := w.stored(h)
	if !s.Active || s.Generation != 2 || s.Deactivation != nil || w.counts()[webhook.Delivered] != 2 {
		t.Fatalf("%+v, %v", s, w.counts())
	}
	if n := w.numbers(); fmt.Sprint(n) != "[1 7 1]" || w.posts[1].at.Sub(w.posts[0].at) > time.Second {
		t.Errorf("attempts %v", n)
	}
	if j := w.job(h, webhook.ProbeJob); j.State != webhook.JobDone || !j.DueAt.IsZero() {
		t.Errorf("%+v", j)
	}
	if told := w.told(webhook.WebhookReactivated); len(told) != 1 || told[0].Reason != reasonProbe {
		t.Errorf("told %+v", told)
	}
	w.rest(3 * time.Hour)
	if len(w.posts) != 3 {
		t.Errorf("%d posts", len(w.posts))
	}
}

// TestProbeRequest: signed as any other, no verification data, bytes that JavaScript writes the same, and no type that
// a handler from the partner guide acts on.
func TestProbeRequest(t *testing.T) {
	w := newWorld(t)
	h := w.switchedOff(func(s *webhook.Webhook) {
		healing(s)
		s.PayloadTemplate, s.TypeNaming = `{"x":"{{data.verificationId}}"}`, webhook.DetailedNaming
	})
	w.rest(2 * time.Minute)
	r := w.posts[0].req
	body := string(r.Body)
	if want := fmt.Sprintf(`{"type":"webhook.probe","data":{"webhookId":%q}}`, h.ID); body != want {
		t.Errorf("body %s", body)
	}
	v, err := jsbytes.Parse(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := jsbytes.Marshal(v); err != nil || string(again) != body {
		t.Errorf("JavaScript makes %s of it", again)
	}
	var got struct{ Type webhook.EventType }
	if err := json.Unmarshal(r.Body, &got); err != nil || got.Type.Known() || strings.Contains(body, "ver_") {
		t.Errorf("%+v, %v", got, err)
	}
	const secret = "0123456789abcdef0123456789abcdef"
	id := header(r, "webhook-id")
	if header(r, "x-webhook-signature") != signature.Hex(secret, r.Body) ||
		header(r, "webhook-signature") != signature.Standard(secret, id, w.posts[0].at, r.Body) || !strings.HasPrefix(id, "probe_") {
		t.Errorf("headers %+v", r.Headers)
	}
	if report := w.report(h); report.Health != webhook.Red {
		t.Errorf("%+v", report)
	}
}

// TestProbeMeetsAChange: what was probed must be what is there when the answer comes.
func TestProbeMeetsAChange(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(w *world, h *webhook.Webhook)
		// active is what the webhook is right after the probe, later in an hour, probes how many there are by then.
		active, later bool
		probes        int
		state         webhook.JobState
	}{
		{"an edit", func(w *world, h *webhook.Webhook) {
			w.edit(h, func(s *webhook.Webhook) { s.URL, s.Generation = "https://new.example.com/", s.Generation+1 })
		}, false, true, 2, webhook.JobDone},
		{"an edit of the description", func(w *world, h *webhook.Webhook) {
			w.edit(h, func(s *webhook.Webhook) { s.Description = "x" })
		}, true, true, 1, webhook.JobDone},
		{"an activation", func(w *world, h *webhook.Webhook) { w.activate(h) }, true, true, 1, webhook.JobStopped},
		{"off and on again, and off", func(w *world, h *webhook.Webhook) { w.activate(h); w.deactivate(h) }, false, false, 1, webhook.JobStopped},
		{"no probes any more", func(w *world, h *webhook.Webhook) {
			w.edit(h, func(s *webhook.Webhook) { s.AutoReactivate = false })
		}, false, false, 1, webhook.JobStopped},
		{"the deletion", func(w *world, h *webhook.Webhook) {
			s := w.stored(h)
			w.commit(webhook.Change{RemoveWebhook: &s})
		}, false, false, 1, webhook.JobStopped},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			h := w.switchedOff(healing)
			changed := false
			w.answer = func(int, webhook.Request) webhook.Response {
				if !changed {
					changed = true
					tt.change(w, h)
				}
				return webhook.Response{StatusCode: 200}
			}
			active := func() bool {
				_, s, err := w.store.Webhook(t.Context(), h.PartnerID, h.ID)
				return err == nil && s.Active
			}
			for !changed {
				w.rest(time.Second)
			}
			if active() != tt.active {
				t.Errorf("active %v right after the probe", active())
			}
			w.rest(time.Hour)
			if j := w.job(h, webhook.ProbeJob); active() != tt.later || len(w.probes()) != tt.probes || j.State != tt.state {
				t.Errorf("active %v after %d probes, %+v", active(), len(w.probes()), j)
			}
		})
	}
}

// TestProbeConflicts: an edit between the probe's read and its write does not cost its success.
func TestProbeConflicts(t *testing.T) {
	w := newWorld(t)
	h := w.switchedOff(healing)
	w.answer = always(200)
	edits := 0
	w.Store = storeWith{Store: w.store, commit: func(ctx context.Context, c webhook.Change) error {
		if c.Webhook != nil && edits < settleTries-1 {
			edits++
			w.edit(h, func(s *webhook.Webhook) { s.Description = fmt.Sprint(edits) })
		}
		return w.store.Commit(ctx, c)
	}}
	w.rest(2*time.Minute + time.Second)
	if len(w.probes()) != 1 || !w.stored(h).Active || edits != settleTries-1 {
		t.Errorf("%d probes, %d edits, %+v", len(w.probes()), edits, w.stored(h))
	}
}

// TestProbePoked: messages that come early or twice make no probe.
func TestProbePoked(t *testing.T) {
	w := newWorld(t)
	h := w.switchedOff(healing)
	inside := false
	w.answer = func(int, webhook.Request) webhook.Response {
		if !inside {
			inside = true
			w.poke(h, webhook.ProbeJob)
			inside = false
		}
		return failing(webhook.Response{})
	}
	for range 70 {
		w.poke(h, webhook.ProbeJob)
		w.rest(10 * time.Second)
	}
	if n := len(w.probes()); n != 3 { // after 1, 3 and 7 minutes of twelve
		t.Errorf("%d probes", n)
	}
}

// TestProbeOfASuspendedPartner: nothing is sent, and probes go on after the suspension.
func TestProbeOfASuspendedPartner(t *testing.T) {
	w := newWorld(t)
	h := w.switchedOff(healing)
	w.answer = nil
	w.suspend(true)
	w.rest(2 * time.Hour)
	if len(w.posts) != 0 || w.stored(h).Active {
		t.Fatalf("%d posts", len(w.posts))
	}
	w.suspend(false)
	w.rest(time.Hour + 2*time.Minute)
	if !w.stored(h).Active || w.counts()[webhook.Delivered] != 2 {
		t.Errorf("%v", w.counts())
	}
}

// TestProbeFlapping: an endpoint that takes probes and refuses events is asked less and less often, and nothing is lost.
func TestProbeFlapping(t *testing.T) {
	w := newWorld(t)
	h := w.switchedOff(healing)
	w.answer = func(_ int, r webhook.Request) webhook.Response {
		if header(r, "x-webhook-event") == string(probeType) {
			return webhook.Response{StatusCode: 200}
		}
		return failing(webhook.Response{})
	}
	w.rest(24 * time.Hour)
	if n := len(w.probes()); n < 20 || n > 32 {
		t.Errorf("%d probes in a day", n)
	}
	if c := w.counts(); c[webhook.Exhausted]+c[webhook.Held] != 2 || w.stored(h).Active {
		t.Errorf("%v", c)
	}
	w.answer = nil
	w.rest(2 * time.Hour)
	if w.counts()[webhook.Delivered] != 2 {
		t.Errorf("%v", w.counts())
	}
}

// TestProbeWithoutTime: one that can't be made now is made a minute later, not after the next interval.
func TestProbeWithoutTime(t *testing.T) {
	w := newWorld(t)
	w.switchedOff(healing)
	w.budget = 25 * time.Second // enough for the sweeper
	w.rest(10 * time.Minute)
	if len(w.posts) != 0 {
		t.Fatal("sent without the time for it")
	}
	w.budget = 0
	w.rest(time.Minute + time.Second)
	if len(w.posts) != 1 {
		t.Errorf("%d posts", len(w.posts))
	}
}

// TestProbeAtEveryFaultPoint: the webhook is brought back once, by this probe or the next one, and everything with it.
func TestProbeAtEveryFaultPoint(t *testing.T) {
	everyFault(t, allFaults, func(w *world, arm func() func()) error {
		h := w.switchedOff(healing)
		w.answer = nil
		disarm := arm()
		w.rest(25 * time.Minute)
		disarm()
		all := w.store.AllDeliveries()
		s := w.stored(h)
		if w.counts()[webhook.Delivered] != 2 || !s.Active || s.Generation != 2 {
			return fmt.Errorf("%v, %+v", w.counts(), s)
		}
		if n := len(w.posts) - len(w.probes()); n > 2+interruptions(all...) || len(w.probes()) > 4 {
			return fmt.Errorf("%d posts, %d probes", n, len(w.probes()))
		}
		if told := w.told(webhook.WebhookReactivated); len(told) != 1 {
			return fmt.Errorf("told %+v", told)
		}
		if j := w.job(h, webhook.ProbeJob); j.State != webhook.JobDone {
			return fmt.Errorf("%+v", j)
		}
		return nil
	})
}

// TestProbeOfAWebhookThatRefusesOneEvent: a webhook that is well but for one event gets all the others.
func TestProbeOfAWebhookThatRefusesOneEvent(t *testing.T) {
	w := newWorld(t)
	h := w.switchedOff(healing)
	refused := w.stored(h).Deactivation.DeliveryID
	for i := range 20 {
		w.stream(record("acme", fmt.Sprint("good_", i), w.clock()))
	}
	w.answer = func(_ int, r webhook.Request) webhook.Response {
		if header(r, "webhook-id") == refused {
			return failing(webhook.Response{})
		}
		return webhook.Response{StatusCode: 200}
	}
	w.rest(10 * 24 * time.Hour)
	if c := w.counts(); c[webhook.Delivered] != 21 || c[webhook.Exhausted] != 1 {
		t.Errorf("%v", c)
	}
	if n := len(w.probes()); n > 24*8 {
		t.Errorf("%d probes in ten days", n)
	}
}
