package delivery

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// off makes a webhook that is inactive by its partner's wish.
func (w *world) off() *webhook.Webhook {
	w.t.Helper()
	return w.hook("acme", func(h *webhook.Webhook) { h.Deactivate(start, webhook.ReasonPartner, "") })
}

// counts returns how many deliveries are in each state.
func (w *world) counts() map[webhook.State]int {
	n := map[webhook.State]int{}
	for _, d := range w.store.AllDeliveries() {
		n[d.State]++
	}
	return n
}

// TestDrainOfASuspendedPartner: it stops, and the end of the suspension starts it anew.
func TestDrainOfASuspendedPartner(t *testing.T) {
	w := newWorld(t)
	h := w.off()
	want := w.hold(10)
	w.answer = func(n int, _ webhook.Request) webhook.Response {
		if n == 4 {
			w.suspend(true)
			return failing(webhook.Response{})
		}
		return webhook.Response{StatusCode: 200}
	}
	w.activate(h)
	w.rest(2 * time.Minute)
	d := w.of(want[3])
	if j := w.drain(h); j.State != webhook.JobStopped || len(w.posts) != 4 || d.State != webhook.Held {
		t.Fatalf("%d posts, %+v, %+v", len(w.posts), j, d)
	}
	w.rest(time.Hour)
	w.suspend(false) // as if nothing said so: the sweeper has looked at them and will again in a day
	j := webhook.NewDrain(w.drain(h), ptr(w.stored(h)), w.clock(), w.IDs.Job(), 0)
	w.commit(webhook.Change{Jobs: []*webhook.Job{j}})
	w.rest(2 * time.Minute) // and its message was lost
	got := w.sentVerifications()
	if !slices.Equal(slices.Compact(got), want) || w.counts()[webhook.Delivered] != 10 {
		t.Errorf("sent %v", got)
	}
	if j := w.drain(h); j.Done != 7 || j.Total != 7 {
		t.Errorf("%+v", j)
	}
}

func ptr[T any](x T) *T { return &x }

// TestDrainCountsWhatItBrought: each once, though a drain before it waited for one of them.
func TestDrainCountsWhatItBrought(t *testing.T) {
	w := newWorld(t)
	h := w.off()
	w.hold(4)
	w.answer = failFirst(8) // the first of them switches it off again
	w.activate(h)
	w.rest(2 * time.Minute)
	if w.stored(h).Active || w.counts()[webhook.Held] != 3 {
		t.Fatalf("%+v", w.counts())
	}
	w.activate(h)
	w.rest(2 * time.Minute)
	if j := w.drain(h); j.State != webhook.JobDone || j.Done != 4 || j.Total != 4 {
		t.Errorf("%+v", j)
	}
	if told := w.told(webhook.WebhookDrained); len(told) != 1 || told[0].Count != 4 {
		t.Errorf("told %+v", told)
	}
}

// TestDrainAfterOneThatWasDone: what the drain before it had brought already is not counted again.
func TestDrainAfterOneThatWasDone(t *testing.T) {
	w := newWorld(t)
	h := w.off()
	w.hold(3)
	w.answer = func(n int, _ webhook.Request) webhook.Response {
		if n == 2 {
			w.switchOff(h)
		}
		return failFirst(1)(n, webhook.Request{})
	}
	w.activate(h)
	w.rest(time.Minute)
	if j := w.drain(h); j.State != webhook.JobStopped || j.Current == "" || w.counts()[webhook.Delivered] != 1 {
		t.Fatalf("%+v", j)
	}
	w.activate(h)
	w.rest(time.Minute)
	if j, told := w.drain(h), w.told(webhook.WebhookDrained); j.Done != 2 || j.Total != 2 || len(told) != 1 || told[0].Count != 2 {
		t.Errorf("%+v, told %+v", j, told)
	}
}

// TestDrainMeetsADiscard: what waits then is cancelled, and the one in flight is the last.
func TestDrainMeetsADiscard(t *testing.T) {
	for _, code := range []int{200, 500} {
		w := newWorld(t)
		h := w.off()
		w.hold(10)
		w.answer = func(n int, _ webhook.Request) webhook.Response {
			if n == 3 { // what the portal does for held: discard
				w.deactivate(h)
				s, j := w.stored(h), w.drain(h)
				s.Activate(w.clock())
				s.DiscardBelow = s.Generation
				j.End(w.clock(), webhook.JobStopped)
				w.commit(webhook.Change{Webhook: &s, Jobs: []*webhook.Job{&j}})
				w.send(webhook.Message{Kind: webhook.DiscardMessage}, h)
				return always(code)(n, webhook.Request{})
			}
			return webhook.Response{StatusCode: 200}
		}
		w.activate(h)
		w.rest(5 * time.Minute)
		want := map[webhook.State]int{webhook.Delivered: 3, webhook.Cancelled: 7}
		if code == 500 {
			want = map[webhook.State]int{webhook.Delivered: 2, webhook.Cancelled: 8}
		}
		if got := w.counts(); len(w.posts) != 3 || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%d: %d posts, %v", code, len(w.posts), got)
		}
		if j := w.drain(h); j.State != webhook.JobStopped {
			t.Errorf("%+v", j)
		}
	}
}

// TestDrainMeetsAnEdit: it goes on under the new configuration; a round that began under the old one switches nothing
// off and is not repeated.
func TestDrainMeetsAnEdit(t *testing.T) {
	w := newWorld(t)
	h := w.off()
	want := w.hold(6)
	w.answer = func(n int, r webhook.Request) webhook.Response {
		if n == 3 {
			w.edit(h, func(s *webhook.Webhook) {
				s.URL, s.Generation = "https://new.example.com/", s.Generation+1
				s.Sealed, _ = w.vault.SealSecrets(context.Background(), s, webhook.Secrets{Signing: "another secret of 24 characters"})
			})
		}
		if n >= 3 && n < 9 {
			return failing(webhook.Response{})
		}
		if fresh := r.URL == "https://new.example.com/"; fresh != (n > 3) {
			t.Errorf("post %d to %s", n, r.URL)
		}
		return webhook.Response{StatusCode: 200}
	}
	w.activate(h)
	w.rest(2 * time.Minute)
	if j := w.drain(h); !w.stored(h).Active || j.State != webhook.JobDone || j.Done != 6 || j.Generation != 3 {
		t.Errorf("%+v", w.drain(h))
	}
	if d := w.of(want[2]); d.State != webhook.Exhausted || d.Tripped {
		t.Errorf("%+v", d)
	}
	if got := w.sentVerifications(); !slices.Equal(slices.Compact(got), want) || len(got) != 11 {
		t.Errorf("sent %v", got)
	}
	if d := w.of(want[5]); d.Generation != 3 {
		t.Errorf("%+v", d)
	}
}

// TestDrainAfterADiscard: what was discarded and is not cancelled yet is nobody's, whatever follows.
func TestDrainAfterADiscard(t *testing.T) {
	w := newWorld(t)
	h := w.off()
	w.hold(3)
	w.edit(h, func(s *webhook.Webhook) { s.Activate(w.clock()); s.DiscardBelow = s.Generation })
	w.switchOff(h)
	w.stream(record("acme", "new", start.Add(-time.Minute)))
	w.activate(h)
	w.rest(5 * time.Minute)
	if got := w.sentVerifications(); !slices.Equal(got, []string{"new"}) || w.counts()[webhook.Cancelled] != 3 {
		t.Errorf("sent %v, %v", got, w.counts())
	}
	if j := w.drain(h); j.State != webhook.JobDone || j.Done != 1 {
		t.Errorf("%+v", j)
	}
}

// TestDrainOfNothing: nobody is told.
func TestDrainOfNothing(t *testing.T) {
	w := newWorld(t)
	h := w.off()
	w.activate(h)
	w.rest(time.Minute)
	if j := w.drain(h); j.State != webhook.JobDone || j.Total != 0 || len(w.store.AllOutbox()) != 0 {
		t.Errorf("%+v, told %+v", j, w.store.AllOutbox())
	}
}

// TestDrainWhoseClaimTookLong: nothing is sent under it, and the number is not used up; so for an attempt by hand.
func TestDrainWhoseClaimTookLong(t *testing.T) {
	for _, manual := range []bool{false, true} {
		w := newWorld(t)
		h := w.off()
		w.hold(1)
		slow := false
		w.Store = storeWith{Store: w.store, commit: func(ctx context.Context, c webhook.Change) error {
			err := w.store.Commit(ctx, c)
			if !slow && len(c.Deliveries) > 0 && c.Deliveries[0].Claim != nil {
				slow = true
				w.advance(webhook.Lease - MaxSend)
				if len(w.posts) > 0 {
					t.Error("sent before")
				}
			}
			return err
		}}
		began := w.clock()
		if manual {
			w.ask(w.only())
		} else {
			w.activate(h)
		}
		w.rest(time.Minute)
		d := w.only()
		if !slow || d.State != webhook.Delivered || len(w.posts) != 1 || len(d.Log) != 1 || d.Log[0].Manual != manual {
			t.Errorf("%+v", d)
		}
		if at := w.posts[0].at.Sub(began); at > webhook.Lease {
			t.Errorf("sent after %v: the claim was not given back", at)
		}
		writes := int64(5) // held, claimed, given back, claimed, delivered
		if manual {
			writes++ // asked for
		}
		if d.Rev != writes {
			t.Errorf("%d writes", d.Rev)
		}
	}
}

func TestDrainMeetsTheDeletion(t *testing.T) {
	w := newWorld(t)
	h := w.off()
	w.hold(10)
	w.answer = func(n int, _ webhook.Request) webhook.Response {
		if n == 3 {
			s := w.stored(h)
			w.commit(webhook.Change{RemoveWebhook: &s})
			w.send(webhook.Message{Kind: webhook.DiscardMessage}, h)
			return failing(webhook.Response{})
		}
		return webhook.Response{StatusCode: 200}
	}
	w.activate(h)
	w.rest(2 * time.Minute)
	if got := w.counts(); len(w.posts) != 3 || got[webhook.Delivered] != 2 || got[webhook.Cancelled] != 8 {
		t.Errorf("%d posts, %v", len(w.posts), got)
	}
	if j := w.drain(h); j.State != webhook.JobStopped || !j.DueAt.IsZero() {
		t.Errorf("%+v", j)
	}
}

// TestLateExhaustedRoundIsBroughtAgain: it began under the generation that was switched off, and ends when that is
// over and drained.
func TestLateExhaustedRoundIsBroughtAgain(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	w.answer = func(int, webhook.Request) webhook.Response {
		ids := w.sentVerifications()
		d := w.of(ids[len(ids)-1])
		switch {
		case d.Generation > 1:
			return webhook.Response{StatusCode: 200}
		case d.Event.VerificationID == "late":
			return webhook.Response{StatusCode: 503, ErrorCode: webhook.ErrHTTPStatus, RetryAfter: time.Minute}
		}
		return failing(webhook.Response{})
	}
	w.stream(record("acme", "late", start))
	w.rest(245 * time.Second)
	w.stream(record("acme", "ver_1", w.clock()))
	w.rest(35 * time.Second)
	if w.stored(h).Active {
		t.Fatal("still active")
	}
	w.activate(h)
	w.rest(10 * time.Second)
	if j := w.drain(h); j.State != webhook.JobDone || w.of("ver_1").State != webhook.Delivered || w.of("late").State != webhook.StatePending {
		t.Fatalf("%+v, %+v", j, w.of("late"))
	}
	w.rest(40 * time.Second)
	if d := w.of("late"); d.State != webhook.Exhausted || !d.Tripped || !w.stored(h).Active {
		t.Fatalf("%+v", d)
	}
	w.rest(2*time.Minute + time.Second)
	if d := w.of("late"); d.State != webhook.Delivered || d.Tripped || d.Attempts != 7 {
		t.Errorf("%+v", d)
	}
}

// TestWhatIsHeldDuringADrain: of an earlier record too, by an invocation that read the webhook before its activation.
func TestWhatIsHeldDuringADrain(t *testing.T) {
	for _, when := range []int{1, 60, 119, 120} {
		w := newWorld(t)
		h := w.off()
		w.hold(120)
		w.answer = func(n int, _ webhook.Request) webhook.Response {
			if n == when {
				fresh := w.stored(h)
				w.edit(h, func(s *webhook.Webhook) { s.Active = false })
				w.stream(record("acme", "early", start.Add(-time.Minute)), record("acme", "late", w.clock()))
				w.edit(h, func(s *webhook.Webhook) { s.Active = fresh.Active })
			}
			return webhook.Response{StatusCode: 200}
		}
		w.activate(h)
		w.rest(3 * time.Minute)
		if len(w.posts) != 122 || w.counts()[webhook.Delivered] != 122 {
			t.Errorf("held during attempt %d: %d posts, %v", when, len(w.posts), w.counts())
		}
		if at := slices.Index(w.sentVerifications(), "early"); when < 100 && at > when+sourcePage {
			t.Errorf("held during attempt %d, of the earliest record: sent as number %d", when, at+1)
		}
	}
}

// TestDrainThatSwitchesOffAgainAndAgain: nothing is lost, and every activation brings the same first.
func TestDrainThatSwitchesOffAgainAndAgain(t *testing.T) {
	w := newWorld(t)
	h := w.off()
	want := w.hold(8)
	for i := range 5 {
		w.answer = always(500)
		w.activate(h)
		w.rest(3 * time.Minute)
		if c := w.counts(); w.stored(h).Active || c[webhook.Held] != 7-i || c[webhook.Exhausted] != 1 || c[webhook.Delivered] != i {
			t.Fatalf("%v", c)
		}
		calls := len(w.posts)
		w.answer = func(n int, _ webhook.Request) webhook.Response {
			if n > calls+1 {
				return failing(webhook.Response{})
			}
			return webhook.Response{StatusCode: 200}
		}
		w.activate(h)
		w.rest(3 * time.Minute)
	}
	w.answer = nil
	w.activate(h)
	w.rest(time.Minute)
	if got := w.sentVerifications(); w.counts()[webhook.Delivered] != 8 || !slices.Equal(slices.Compact(got), want) {
		t.Errorf("%v: %v", w.counts(), got)
	}
	if told := w.told(webhook.WebhookDeactivated); len(told) != 10 {
		t.Errorf("told %d times of 10", len(told))
	}
}
