package delivery

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func (w *world) receiveNow(d webhook.Delivery) error {
	return w.Receive(context.Background(), []webhook.Message{{Kind: webhook.AttemptMessage, Ref: d.Ref(), Number: d.NextNumber()}})[0]
}

func TestMessageUnderALiveLeaseSendsNothing(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	raw := record("acme", "ver_1", start)
	w.answer = func(n int, _ webhook.Request) webhook.Response {
		if n == 1 { // while the POST is under way
			if err := w.receiveNow(w.only()); err != nil {
				t.Error(err)
			}
			w.stream(raw)
		}
		return webhook.Response{StatusCode: 200}
	}
	w.stream(raw)
	for _, m := range w.queue.Take() {
		if want := webhook.Lease; m.Delay > want || m.Delay < want-time.Second {
			t.Errorf("comes back after %v, want at the end of the lease, %v", m.Delay, want)
		}
	}
	d := w.only()
	if len(w.posts) != 1 || d.State != webhook.Delivered || len(d.Log) != 1 {
		t.Errorf("%d posts, delivery %+v", len(w.posts), d)
	}
}

func TestEarlyMessageSendsNothing(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	w.answer = failFirst(1)
	w.stream(record("acme", "ver_1", start))
	w.queue.Take()
	if err := w.receiveNow(w.only()); err != nil {
		t.Fatal(err)
	}
	if len(w.posts) != 1 {
		t.Fatal("sent before its time")
	}
	if ms := w.queue.Take(); len(ms) != 1 || ms[0].Delay != time.Second {
		t.Errorf("messages %+v, want the same step again in 1 s", ms)
	}
}

func TestOutcomeAfterTheLeaseIsNotOurs(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	w.answer = func(n int, _ webhook.Request) webhook.Response {
		if n > 1 {
			return webhook.Response{StatusCode: 200}
		}
		// Far slower than any send may be: the lease ends and another invocation takes over and succeeds.
		w.advance(webhook.Lease + time.Second)
		if err := w.receiveNow(w.only()); err != nil {
			t.Error(err)
		}
		return failing(webhook.Response{})
	}
	w.stream(record("acme", "ver_1", start))
	w.rest(2 * time.Minute)
	d := w.only()
	if d.State != webhook.Delivered || !reflect.DeepEqual(w.numbers(), []string{"1", "1"}) || d.Attempts != 1 || !w.stored(h).Active {
		t.Errorf("posts %v, delivery %+v", w.numbers(), d)
	}
}

func TestLateOutcomeDoesNotEndAnothersClaim(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	w.answer = func(n int, _ webhook.Request) webhook.Response {
		if n == 1 {
			w.advance(webhook.Lease + time.Second)
			d := w.only()
			d.Interrupt(w.clock())
			d.TakeClaim(w.clock(), "somebody else")
			w.commit(webhook.Change{Deliveries: []*webhook.Delivery{&d}})
		}
		return webhook.Response{StatusCode: 200}
	}
	w.stream(record("acme", "ver_1", start))
	if d := w.only(); d.State != webhook.StatePending || d.Claim == nil || d.Claim.Owner != "somebody else" {
		t.Errorf("the other's claim was overwritten: %+v", d)
	}
}

func TestOneFailedWriteOfAnOutcomeRepeatsNoPost(t *testing.T) {
	for _, after := range []bool{false, true} {
		w := newWorld(t)
		w.hook("acme", nil)
		failed := false
		fail := func(op string) error {
			if op == "Commit" && len(w.posts) == 1 && !failed {
				failed = true
				return webhook.Errorf(webhook.Unavailable, "injected")
			}
			return nil
		}
		if after {
			w.store.FailAfter = fail
		} else {
			w.store.Fail = fail
		}
		w.answer = func(int, webhook.Request) webhook.Response {
			return webhook.Response{StatusCode: 200, Excerpt: "thanks"}
		}
		w.stream(record("acme", "ver_1", start))
		d := w.only()
		if !failed || d.State != webhook.Delivered || len(d.Log) != 1 || len(w.posts) != 1 || w.clock().Sub(start) > time.Second {
			t.Errorf("after %v: %d posts, delivery %+v", after, len(w.posts), d)
		}
		if d.Log[0].Excerpt != "" {
			t.Error("the excerpt of a success is kept")
		}
	}
}

func TestOutOfTimeDuringAnAttemptIsNotCharged(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	w.answer = func(n int, _ webhook.Request) webhook.Response {
		if n == 1 {
			return webhook.Response{ErrorCode: webhook.ErrInterrupted}
		}
		return webhook.Response{StatusCode: 200}
	}
	w.stream(record("acme", "ver_1", start))
	w.rest(2 * time.Minute)
	d := w.only()
	if d.State != webhook.Delivered || d.Attempts != 1 || !reflect.DeepEqual(w.numbers(), []string{"1", "1"}) {
		t.Errorf("posts %v, delivery %+v", w.numbers(), d)
	}
}

// TestFirstClaimOfALateRecordIsDue: a stream may bring a record once more that it has stopped waiting for. If it makes a
// delivery only then, because its webhook was changed in between, nothing but the sweeper would finish it after a crash.
func TestFirstClaimOfALateRecordIsDue(t *testing.T) {
	for _, tt := range []struct {
		name    string
		age     time.Duration
		changed bool
		due     bool
	}{{"first time", time.Second, false, false}, {"late", time.Minute, false, true}, {"webhook changed since", time.Second, true, true}} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			at := w.clock()
			w.hook("acme", func(h *webhook.Webhook) {
				if tt.changed {
					h.UpdatedAt = at.Add(time.Millisecond)
				}
			})
			w.advance(tt.age)
			due := false
			w.answer = func(int, webhook.Request) webhook.Response {
				due = !w.only().DueAt.IsZero()
				return webhook.Response{StatusCode: 200}
			}
			w.stream(record("acme", "ver_1", at))
			if due != tt.due {
				t.Errorf("due to the sweeper during the first attempt: %v", due)
			}
		})
	}
}
