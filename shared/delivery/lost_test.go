package delivery

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// killedDuring runs f in a process that dies in the middle of its nth POST: nothing after it is stored.
func (w *world) killedDuring(n int, f func()) {
	killed := errors.New("killed")
	w.store.Fail = func(string) error {
		if len(w.posts) >= n {
			return killed
		}
		return nil
	}
	f()
	w.store.Fail = nil
}

func TestLostMessagesAreMadeGoodByTheSweeper(t *testing.T) {
	lose := func(w *world) { w.queue.Take() }
	for _, tt := range []struct {
		name string
		act  func(w *world, raw []byte)
	}{
		{"killed in the first attempt", func(w *world, raw []byte) {
			w.killedDuring(1, func() { w.Dispatch(context.Background(), [][]byte{raw}) })
			w.stream(raw) // comes again, finds the live lease and leaves a message, which is lost
			lose(w)
		}},
		{"killed in the second attempt", func(w *world, raw []byte) {
			w.answer = failFirst(1)
			w.stream(raw)
			w.advance(2 * time.Second)
			w.killedDuring(2, func() { _ = w.receiveNow(w.only()) })
			lose(w)
		}},
		{"message of a retry", func(w *world, raw []byte) {
			w.answer = failFirst(1)
			w.stream(raw)
			lose(w)
		}},
		{"handed to the queue", func(w *world, raw []byte) {
			ctx, cancel := context.WithDeadline(context.Background(), w.clock())
			defer cancel()
			w.Dispatch(ctx, [][]byte{raw})
			lose(w)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.hook("acme", nil)
			tt.act(w, record("acme", "ver_1", start))
			if d := w.only(); d.State != webhook.StatePending {
				t.Fatalf("%s before the sweeper: nothing is tested", d.State)
			}
			w.rest(5 * time.Minute)
			if d := w.only(); d.State != webhook.Delivered {
				t.Errorf("%s", d.State)
			}
		})
	}
}

func TestInterruptionsCountPerAttempt(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	w.answer = func(n int, _ webhook.Request) webhook.Response {
		if n == 3 {
			return failing(webhook.Response{})
		}
		return webhook.Response{StatusCode: 200}
	}
	raw := record("acme", "ver_1", start)
	w.killedDuring(1, func() { w.Dispatch(context.Background(), [][]byte{raw}) })
	for _, n := range []int{2, 0, 4, 5} { // twice interrupted, then a failure, then twice interrupted again
		w.advance(webhook.Lease + time.Second)
		if n > 0 {
			w.killedDuring(n, func() { _ = w.receiveNow(w.only()) })
		} else if err := w.receiveNow(w.only()); err != nil {
			t.Fatal(err)
		}
	}
	w.rest(5 * time.Minute)
	if d := w.only(); d.State != webhook.Delivered || len(w.posts) != 6 || d.Attempts != 2 {
		t.Errorf("%s after %d posts and %d attempts", d.State, len(w.posts), d.Attempts)
	}
}

func TestNothingIsAcknowledgedBeforeItsNextStepIsQueued(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	w.answer = failFirst(1000)
	w.queue.Fail = func() error { return webhook.Errorf(webhook.Unavailable, "the queue is down") }
	if errs := w.Dispatch(context.Background(), [][]byte{record("acme", "ver_1", start)}); errs[0] == nil {
		t.Error("the record was acknowledged")
	}
	w.advance(2 * time.Second)
	if err := w.receiveNow(w.only()); err == nil {
		t.Error("the message was acknowledged")
	}
	if len(w.posts) != 2 {
		t.Fatalf("%d posts: nothing was tested", len(w.posts))
	}
}
