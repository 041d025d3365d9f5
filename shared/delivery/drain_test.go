package delivery

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// activate does what the portal does: webhook and drain in one Change, then the message.
func (w *world) activate(h *webhook.Webhook) {
	w.t.Helper()
	s := w.stored(h)
	old, err := w.presentJob(context.Background(), h.PartnerID, h.ID, webhook.DrainJob)
	if err != nil {
		w.t.Fatal(err)
	}
	s.Activate(w.clock())
	j := webhook.NewDrain(old, &s, w.clock(), w.IDs.Job(), 0)
	w.commit(webhook.Change{Webhook: &s, Jobs: []*webhook.Job{j}})
	_ = w.queue.Send(context.Background(), j.Ref().Message())
}

func (w *world) deactivate(h *webhook.Webhook) {
	w.t.Helper()
	w.edit(h, func(s *webhook.Webhook) { s.Deactivate(w.clock(), webhook.ReasonPartner, "") })
}

func (w *world) drain(h *webhook.Webhook) webhook.Job {
	w.t.Helper()
	j, err := w.presentJob(context.Background(), h.PartnerID, h.ID, webhook.DrainJob)
	if err != nil {
		w.t.Fatal(err)
	}
	return j
}

// hold makes n held events, a second apart, whose records came in another order than they were written.
func (w *world) hold(n int) (verifications []string) {
	w.t.Helper()
	at := w.clock()
	var records [][]byte
	for i := range n {
		id := fmt.Sprintf("ver_%03d", i)
		records = append(records, record("acme", id, at.Add(time.Duration(i/3)*time.Second)))
		verifications = append(verifications, id)
	}
	w.advance(time.Duration(n) * time.Second)
	for i := range records {
		w.stream(records[(i*7)%n]) // n is no multiple of 7
	}
	return verifications
}

func (w *world) sentVerifications() []string {
	var ids []string
	for _, p := range w.posts {
		for _, d := range w.store.AllDeliveries() {
			if d.ID == header(p.req, "webhook-id") {
				ids = append(ids, d.Event.VerificationID)
			}
		}
	}
	return ids
}

func TestDrainBringsWhatIsHeldInOrder(t *testing.T) {
	w := newWorld(t)
	h := w.off()
	want := w.hold(200)
	w.activate(h)
	w.rest(3 * time.Minute)
	if got := w.sentVerifications(); !slices.Equal(got, want) {
		t.Fatalf("%d posts in another order: %v", len(got), got)
	}
	if j := w.drain(h); j.State != webhook.JobDone || j.Done != 200 || j.Total != 200 || !j.DueAt.IsZero() {
		t.Errorf("drain %+v", j)
	}
	if told := w.told(webhook.WebhookDrained); len(told) != 1 || told[0].Count != 200 || told[0].WebhookID != h.ID {
		t.Errorf("told %+v", told)
	}
	if s := w.stored(h); !s.Active || s.Generation != 2 {
		t.Errorf("webhook %+v", s)
	}
}

// TestDrainWaitsForTheRound: one in flight, and new events do not wait for it.
func TestDrainWaitsForTheRound(t *testing.T) {
	w := newWorld(t)
	h := w.off()
	want := w.hold(5)
	w.answer = failFirst(3)
	w.activate(h)
	w.rest(2 * time.Second)
	w.stream(record("acme", "new", w.clock()))
	w.rest(time.Minute)
	got := w.sentVerifications()
	if i := slices.Index(got, "new"); i < 0 || i > slices.Index(got, want[1]) {
		t.Errorf("the new event waited: %v", got)
	}
	for _, d := range w.store.AllDeliveries() {
		if d.State != webhook.Delivered {
			t.Errorf("%s is %s", d.Event.VerificationID, d.State)
		}
	}
	held := slices.DeleteFunc(got, func(v string) bool { return v == "new" })
	if !slices.IsSorted(held) {
		t.Errorf("sent %v", held)
	}
}

// TestDrainStopsWithTheWebhook: what tripped the switch comes first when the webhook is active again.
func TestDrainStopsWithTheWebhook(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	w.answer = failFirst(1000)
	w.stream(record("acme", "ver_000", start))
	w.rest(time.Minute)
	w.stream(record("acme", "ver_001", w.clock()), record("acme", "ver_002", w.clock()))
	if d := w.of("ver_000"); !d.Tripped || d.State != webhook.Exhausted {
		t.Fatalf("%+v", d)
	}
	w.activate(h)
	w.rest(2 * time.Minute)
	if j := w.drain(h); j.State != webhook.JobStopped || w.stored(h).Active {
		t.Fatalf("drain %+v", j)
	}
	if len(w.posts) != 12 {
		t.Fatalf("%d posts, want two rounds of the first", len(w.posts))
	}
	w.answer = nil
	w.activate(h)
	w.rest(2 * time.Minute)
	if got := w.sentVerifications()[12:]; !slices.Equal(got, []string{"ver_000", "ver_001", "ver_002"}) {
		t.Errorf("sent %v", got)
	}
	if d := w.of("ver_000"); d.Tripped || d.State != webhook.Delivered || d.Attempts != 13 {
		t.Errorf("%+v", d)
	}
}

// TestOffAndOnAgainDuringADrain: one drain, nothing twice.
func TestOffAndOnAgainDuringADrain(t *testing.T) {
	w := newWorld(t)
	h := w.off()
	want := w.hold(300)
	w.activate(h)
	for range 8 {
		w.rest(4 * time.Second)
		w.deactivate(h)
		w.activate(h)
	}
	w.rest(5 * time.Minute)
	if got := w.sentVerifications(); !slices.Equal(got, want) {
		t.Errorf("%d posts for %d events: %v", len(got), len(want), got)
	}
	if j := w.drain(h); j.State != webhook.JobDone {
		t.Errorf("drain %+v", j)
	}
}

// TestSweeperStartsTheDrain: nothing says that events are held for an active webhook but the events.
func TestSweeperStartsTheDrain(t *testing.T) {
	w := newWorld(t)
	h := w.off()
	want := w.hold(20)
	w.edit(h, func(s *webhook.Webhook) { s.Activate(w.clock()) })
	w.rest(2*time.Minute + 10*time.Second)
	if got := w.sentVerifications(); !slices.Equal(got, want) {
		t.Errorf("sent %v", got)
	}
}

// TestDrainAtEveryFaultPoint: whatever call fails, before or after it took effect, every held event is delivered, in
// order, and only an attempt whose outcome could not be stored is sent twice.
func TestDrainAtEveryFaultPoint(t *testing.T) {
	everyFault(t, allFaults, func(w *world, arm func() func()) error {
		h := w.off()
		want := w.hold(4)
		w.answer = failFirst(1)
		w.activate(h)
		disarm := arm()
		w.rest(25 * time.Minute)
		disarm()
		all := w.store.AllDeliveries()
		for _, d := range all {
			if d.State != webhook.Delivered || d.Claim != nil {
				return fmt.Errorf("%+v", d)
			}
		}
		got := w.sentVerifications()
		if len(got) > 5+interruptions(all...) || !slices.IsSorted(got) || !slices.Equal(slices.Compact(got), want) {
			return fmt.Errorf("sent %v with %d interruptions", got, interruptions(all...))
		}
		if told := w.told(webhook.WebhookDrained); len(told) != 1 || told[0].Count != 4 {
			return fmt.Errorf("told %+v", told)
		}
		if j := w.drain(h); j.State != webhook.JobDone || j.Done != 4 || j.Total != 4 {
			return fmt.Errorf("drain %+v", j)
		}
		return nil
	})
}
