package delivery

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestEveryFaultPoint runs each scenario once per side effect and kind of fault: the k-th store call fails before it
// takes effect, or after it (a lost answer), or the k-th queue call fails; and once more with that fault lasting for
// three calls. Whatever the point, nothing is lost, attempt numbers have no gap, and a second POST of an attempt
// happens only where its outcome could not be stored.
func TestEveryFaultPoint(t *testing.T) {
	scenarios := []struct {
		name     string
		failures int
		state    webhook.State
		attempts int
	}{
		{"success at once", 0, webhook.Delivered, 1},
		{"success after two failures", 2, webhook.Delivered, 3},
		{"exhaustion", 6, webhook.Exhausted, 6},
	}
	for _, sc := range scenarios {
		for _, fault := range []string{"store before", "store after", "queue"} {
			for _, length := range []int{1, 3} {
				t.Run(fmt.Sprintf("%s/%s/%d", sc.name, fault, length), func(t *testing.T) {
					hit := true
					k := 1
					for ; hit; k++ {
						hit = runWithFault(t, sc.failures, sc.state, sc.attempts, fault, k, length)
					}
					if k < 3 && fault != "queue" {
						t.Errorf("only %d fault points: nothing was tested", k)
					}
				})
			}
		}
	}
}

func runWithFault(t *testing.T, failures int, state webhook.State, attempts int, fault string, k, length int) (hit bool) {
	t.Helper()
	w := newWorld(t)
	h := w.hook("acme", nil)
	// The endpoint fails by attempt number, so that a repeated POST is answered like the first.
	w.answer = func(_ int, r webhook.Request) webhook.Response {
		var n int
		fmt.Sscan(header(r, "x-webhook-attempt"), &n)
		if n <= failures {
			return failing(webhook.Response{})
		}
		return webhook.Response{StatusCode: 200}
	}
	calls := 0
	inject := func() error {
		calls++
		if calls >= k && calls < k+length {
			hit = true
			return webhook.Errorf(webhook.Unavailable, "injected")
		}
		return nil
	}
	switch fault {
	case "store before":
		w.store.Fail = func(string) error { return inject() }
	case "store after":
		w.store.FailAfter = func(string) error { return inject() }
	case "queue":
		w.queue.Fail = inject
	}
	w.stream(record("acme", "ver_1", start))
	w.rest(20 * time.Minute)
	w.store.Fail, w.store.FailAfter, w.queue.Fail = nil, nil, nil

	d := w.only()
	where := fmt.Sprintf("fault at call %d", k)
	if d.State != state || d.Attempts != attempts || d.Claim != nil {
		t.Fatalf("%s: %s after %d attempts, log %+v", where, d.State, d.Attempts, d.Log)
	}
	if got := w.stored(h).Active; got != (state != webhook.Exhausted) {
		t.Fatalf("%s: webhook active %v", where, got)
	}
	interrupted := 0
	for _, a := range d.Log {
		if a.ErrorCode == webhook.ErrInterrupted {
			interrupted++
		}
	}
	if len(d.Log)-interrupted != attempts {
		t.Fatalf("%s: %d finished rows", where, len(d.Log)-interrupted)
	}
	// A POST without a row of its own could only be one whose outcome was lost, which leaves an interrupted row. A row
	// without a POST is a claim whose own answer was lost before the POST.
	if len(w.posts) < attempts || len(w.posts) > attempts+interrupted {
		t.Fatalf("%s: %d posts for %d attempts and %d interruptions", where, len(w.posts), attempts, interrupted)
	}
	last := 0
	for _, p := range w.posts {
		var n int
		fmt.Sscan(header(p.req, "x-webhook-attempt"), &n)
		if n != last && n != last+1 {
			t.Fatalf("%s: attempt %d after %d", where, n, last)
		}
		last = n
		if !bytes.Equal(p.req.Body, w.posts[0].req.Body) || header(p.req, "webhook-id") != d.ID {
			t.Fatalf("%s: another body or id", where)
		}
	}
	if ob := w.told(webhook.WebhookDeactivated); (len(ob) == 1) != (state == webhook.Exhausted) {
		t.Fatalf("%s: told %+v", where, ob)
	}
	return hit
}
