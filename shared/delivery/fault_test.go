package delivery

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// allFaults are the kinds of faults: a call fails before it takes effect or after it, when its answer is lost; or the
// process is killed there.
var allFaults = []string{
	"store before", "store after", "queue before", "queue after", "objects", "vault", "bus", "killed before", "killed after",
}

// everyFault runs a scenario once for each call, kind of fault and length: the k-th call of the kind fails, or the k-th
// and the two after it. The scenario calls arm when faults may begin, and what that returns before it looks at what
// became of it. It returns what is wrong.
func everyFault(t *testing.T, kinds []string, scenario func(w *world, arm func() (disarm func())) error) {
	t.Helper()
	for _, kind := range kinds {
		for _, length := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s/%d", kind, length), func(t *testing.T) {
				k := 1
				for hit := true; hit; k++ {
					w := newWorld(t)
					w.Group = inTurn
					f := &fault{w: w, kind: kind, k: k, length: length}
					if err := scenario(w, f.arm); err != nil {
						t.Fatalf("fault at call %d: %v", k, err)
					}
					hit = f.hit
				}
				if k < 3 && (kind == "store before" || kind == "killed after") {
					t.Errorf("only %d fault points: nothing was tested", k)
				}
			})
		}
	}
}

type fault struct {
	w         *world
	kind      string
	k, length int
	calls     int
	hit       bool
}

var errKilled = errors.New("killed")

func (f *fault) arm() (disarm func()) {
	w := f.w
	on := func(kinds ...string) func() error {
		for _, kind := range kinds {
			if kind == f.kind {
				return f.inject
			}
		}
		return func() error {
			if w.dead {
				return errKilled
			}
			return nil
		}
	}
	op := func(fail func() error) func(string) error { return func(string) error { return fail() } }
	w.store.Fail, w.store.FailAfter = op(on("store before", "killed before")), op(on("store after", "killed after"))
	w.queue.Fail = on("queue before", "killed before")
	w.Queue = lossy{w.queue, on("queue after", "killed after")}
	w.objects.Fail, w.vault.Fail, w.bus.Fail = op(on("objects")), on("vault"), on("bus")
	return func() {
		w.store.Fail, w.store.FailAfter, w.queue.Fail, w.Queue = nil, nil, nil, w.queue
		w.objects.Fail, w.vault.Fail, w.bus.Fail = nil, nil, nil
	}
}

func (f *fault) inject() error {
	if f.w.dead {
		return errKilled
	}
	if f.calls++; f.calls < f.k || f.calls >= f.k+f.length {
		return nil
	}
	f.hit = true
	if f.kind == "killed before" || f.kind == "killed after" {
		f.w.dead = true
		return errKilled
	}
	return webhook.Errorf(webhook.Unavailable, "injected")
}

// lossy is a Queue whose answers may be lost.
type lossy struct {
	Queue
	after func() error
}

func (q lossy) Send(ctx context.Context, ms ...webhook.Message) error {
	if err := q.Queue.Send(ctx, ms...); err != nil {
		return err
	}
	return q.after()
}

// interruptions counts the rows of attempts that ended without an outcome.
func interruptions(ds ...webhook.Delivery) (n int) {
	for _, d := range ds {
		for _, a := range d.Log {
			if a.ErrorCode == webhook.ErrInterrupted {
				n++
			}
		}
	}
	return n
}
