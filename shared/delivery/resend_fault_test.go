package delivery

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestResendAtEveryFaultPoint: one attempt by hand, or one that was dropped after three interruptions; the state is
// what the attempts made of it, and nothing is left to do.
func TestResendAtEveryFaultPoint(t *testing.T) {
	for _, st := range resendStates {
		for _, code := range []int{200, 500} {
			t.Run(fmt.Sprintf("%s/%d", st.name, code), func(t *testing.T) {
				everyFault(t, allFaults, func(w *world, arm func() func()) error {
					h := w.hook("acme", nil)
					st.act(w, h)
					w.queue.Take()
					before, posts := w.only(), len(w.posts)
					w.answer = always(code)
					w.ask(before)
					disarm := arm()
					w.rest(25 * time.Minute)
					disarm()
					w.rest(10 * time.Minute)
					got := w.only()
					cut := interruptions(got) - interruptions(before)
					made := len(got.Log) - len(before.Log) - cut
					want := before.State
					if made == 1 && code == 200 {
						want = webhook.Delivered
					}
					if got.State != want || got.Claim != nil || !got.ResendAt.IsZero() {
						return fmt.Errorf("%+v", got)
					}
					if made != 1 && cut < webhook.MaxInterruptions || len(w.posts)-posts > made+cut || got.Attempts != before.Attempts+made {
						return fmt.Errorf("%d posts, %d made, %d cut", len(w.posts)-posts, made, cut)
					}
					for _, a := range got.Log[len(before.Log):] {
						if !a.Manual || a.Number != before.Attempts+1 {
							return fmt.Errorf("log %+v", got.Log)
						}
					}
					return nil
				})
			})
		}
	}
}

// TestResendOfPending: between two attempts, during one, and due at the same time as one. The ladder goes on at its times,
// and the attempt by hand is no part of it.
func TestResendOfPending(t *testing.T) {
	for _, at := range []time.Duration{-50 * time.Millisecond, 0, 500 * time.Millisecond, 950 * time.Millisecond, time.Second, 1050 * time.Millisecond, 2500 * time.Millisecond} {
		for _, took := range []time.Duration{100 * time.Millisecond, 3 * time.Second} {
			t.Run(fmt.Sprint(at, took), func(t *testing.T) {
				w := newWorld(t)
				w.hook("acme", nil)
				manual := 0
				w.answer = func(n int, _ webhook.Request) webhook.Response {
					if n == 1 && at < 0 { // while the first attempt is under way
						w.ask(w.only())
						w.queue.Take() // it finds the claim live, and comes again after the lease
					}
					if d := w.only(); d.Claim.Manual {
						manual++
						w.advance(took - w.took)
						if !d.NextAttemptAt.IsZero() && d.NextAttemptAt.Before(w.clock()) {
							w.pending = nil // the round's message found the claim live as well
						}
					}
					return failing(webhook.Response{})
				}
				w.stream(record("acme", "ver_1", start))
				if at >= 0 {
					w.rest(at)
					w.ask(w.only())
				}
				w.rest(45 * time.Second)
				d := w.only()
				if d.State != webhook.Exhausted || manual != 1 || len(w.posts) != 7 || len(d.Log) != 7 {
					t.Fatalf("%d posts, %d by hand, %+v", len(w.posts), manual, d)
				}
				var numbers []string
				var round []webhook.Attempt
				for _, a := range d.Log {
					numbers = append(numbers, fmt.Sprint(a.Number))
					if !a.Manual {
						round = append(round, a)
					}
				}
				if !slices.Equal(numbers, w.numbers()) || !slices.Equal(numbers, []string{"1", "2", "3", "4", "5", "6", "7"}) {
					t.Errorf("log %v, sent %v", numbers, w.numbers())
				}
				for i, want := range []time.Duration{1, 2, 4, 8, 16} {
					gap := round[i+1].StartedAt.Sub(round[i].StartedAt.Add(round[i].Duration))
					if late := gap - want*time.Second; late < 0 || late > took {
						t.Errorf("attempt %d of the round %v after the one before", i+2, gap)
					}
				}
			})
		}
	}
}

// TestResendOfPendingSucceeds: the rest of the ladder is not needed.
func TestResendOfPendingSucceeds(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	w.answer = failFirst(2)
	w.stream(record("acme", "ver_1", start))
	w.rest(1500 * time.Millisecond)
	w.ask(w.only())
	w.rest(2 * time.Minute)
	if d := w.only(); d.State != webhook.Delivered || len(w.posts) != 3 || !d.Log[2].Manual || !d.NextAttemptAt.IsZero() {
		t.Errorf("%d posts, %+v", len(w.posts), d)
	}
}

// TestResendInterrupted: the same number each time, three times at most, and what else waits goes on.
func TestResendInterrupted(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	w.deactivate(h)
	w.stream(record("acme", "ver_1", start))
	w.answer = func(int, webhook.Request) webhook.Response {
		return webhook.Response{ErrorCode: webhook.ErrInterrupted}
	}
	w.ask(w.only())
	w.rest(5 * time.Minute)
	d := w.only()
	if d.State != webhook.Held || !slices.Equal(w.numbers(), []string{"1", "1", "1"}) || interruptions(d) != 3 || !d.ResendAt.IsZero() || d.Interruptions != 0 {
		t.Fatalf("numbers %v, %+v", w.numbers(), d)
	}
	w.answer = nil
	w.activate(h)
	w.rest(time.Minute)
	if d := w.only(); d.State != webhook.Delivered || d.Attempts != 1 {
		t.Errorf("%+v", d)
	}
}

// TestResendMeetsADrain: the drain waits for the attempt by hand, or repeats what is left of it; in order, nothing twice.
func TestResendMeetsADrain(t *testing.T) {
	for _, tt := range []struct {
		name    string
		outcome webhook.Response
		sent    []int
		log     int
	}{
		{"success", webhook.Response{StatusCode: 200}, []int{0, 1, 2}, 1},
		{"failure", failing(webhook.Response{}), []int{0, 0, 1, 2}, 2},
		// The attempt by hand is made after all: it was asked for, and nobody knows whether it arrived.
		{"killed", webhook.Response{ErrorCode: webhook.ErrInterrupted}, []int{0, 0, 1, 2, 0}, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			h := w.hook("acme", nil)
			w.deactivate(h)
			want := w.hold(3)
			w.queue.Take()
			w.answer = func(n int, _ webhook.Request) webhook.Response {
				if n > 1 {
					return webhook.Response{StatusCode: 200}
				}
				w.activate(h)
				for _, m := range w.queue.Take() {
					if err := w.Receive(t.Context(), []webhook.Message{m})[0]; err != nil {
						t.Error(err)
					}
				}
				if len(w.posts) != 1 {
					t.Error("the drain did not wait")
				}
				return tt.outcome
			}
			w.ask(w.of(want[0]))
			w.rest(3 * time.Minute)
			var sent []string
			for _, i := range tt.sent {
				sent = append(sent, want[i])
			}
			if got := w.sentVerifications(); !slices.Equal(got, sent) {
				t.Errorf("sent %v", got)
			}
			d := w.of(want[0])
			if d.State != webhook.Delivered || len(d.Log) != tt.log || !d.Log[0].Manual || !d.ResendAt.IsZero() {
				t.Errorf("%+v", d)
			}
			if j := w.drain(h); j.State != webhook.JobDone || j.Done < 2 {
				t.Errorf("drain %+v", j)
			}
		})
	}
}

// TestResendDuringADrainsAttempt: it is made as soon as that attempt is over.
func TestResendDuringADrainsAttempt(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	w.deactivate(h)
	w.hold(2)
	w.answer = func(n int, _ webhook.Request) webhook.Response {
		if n == 1 {
			w.ask(w.of("ver_000"))
			w.queue.Take() // its own message finds the claim live
		}
		return webhook.Response{StatusCode: 200}
	}
	w.activate(h)
	w.rest(5 * time.Second)
	if d := w.of("ver_000"); len(d.Log) != 2 || !d.Log[1].Manual || d.State != webhook.Delivered {
		t.Errorf("%+v", d)
	}
}

// TestResendOfPendingAtEveryFaultPoint: the round has its six attempts, whatever becomes of the one by hand.
func TestResendOfPendingAtEveryFaultPoint(t *testing.T) {
	for _, during := range []bool{false, true} {
		t.Run(fmt.Sprint(during), func(t *testing.T) {
			everyFault(t, allFaults, func(w *world, arm func() func()) error {
				h := w.hook("acme", nil)
				w.answer = func(n int, _ webhook.Request) webhook.Response {
					if n == 1 && during {
						w.ask(w.only())
					}
					return failing(webhook.Response{})
				}
				w.stream(record("acme", "ver_1", start))
				if !during {
					w.ask(w.only())
				}
				disarm := arm()
				w.rest(40 * time.Minute)
				disarm()
				d := w.only()
				round, manual, last := 0, 0, 0
				for _, a := range d.Log {
					switch {
					case a.Number != last && a.Number != last+1:
						return fmt.Errorf("log %+v", d.Log)
					case a.ErrorCode == webhook.ErrInterrupted:
						continue
					case a.Manual:
						manual++
					default:
						round++
					}
					last = a.Number
				}
				if d.State != webhook.Exhausted || !d.Tripped || w.stored(h).Active || round != 6 || d.RoundAttempts != 6 || manual > 1 {
					return fmt.Errorf("%d of the round, %d by hand, %+v", round, manual, d)
				}
				if manual == 0 && interruptions(d) < webhook.MaxInterruptions || len(w.posts) > 6+manual+interruptions(d) || !d.ResendAt.IsZero() {
					return fmt.Errorf("%d posts, %+v", len(w.posts), d)
				}
				return nil
			})
		})
	}
}

// TestResendMeetsADiscard: what is being sent by hand is not cancelled under the sender. Its attempt is in the log, and
// the waiting ends after it.
func TestResendMeetsADiscard(t *testing.T) {
	for _, code := range []int{200, 500} {
		w := newWorld(t)
		h := w.off()
		w.stream(record("acme", "ver_1", start))
		w.answer = func(n int, _ webhook.Request) webhook.Response {
			w.edit(h, func(s *webhook.Webhook) { s.DiscardBelow = s.Generation + 1 })
			m := webhook.Message{Kind: webhook.DiscardMessage, Ref: webhook.Ref{PartnerID: h.PartnerID, WebhookID: h.ID}}
			if err := w.Receive(t.Context(), []webhook.Message{m})[0]; err != nil {
				t.Error(err)
			}
			return always(code)(n, webhook.Request{})
		}
		w.ask(w.only())
		w.rest(3 * time.Minute)
		want := webhook.Delivered
		if code == 500 {
			want = webhook.Cancelled
		}
		if d := w.only(); d.State != want || len(d.Log) != 1 || d.Attempts != 1 || len(w.posts) != 1 || !d.DueAt.IsZero() {
			t.Errorf("%d: %+v", code, d)
		}
	}
}
