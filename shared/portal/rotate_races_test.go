package portal

import (
	"context"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// meeting lets the first n writes begin only when all of them have been decided on.
type meeting struct {
	Store
	mu      sync.Mutex
	waiting int
	open    chan struct{}
}

func (m *meeting) Commit(ctx context.Context, c webhook.Change) error {
	m.mu.Lock()
	if m.waiting--; m.waiting == 0 {
		close(m.open)
	}
	m.mu.Unlock()
	<-m.open
	return m.Store.Commit(ctx, c)
}

// atOnce runs functions whose first writes meet, and returns their answers.
func (w *rotating) atOnce(fs ...func() response) []response {
	w.portal = New(Config{
		Store: &meeting{Store: w.store, waiting: len(fs), open: make(chan struct{})}, Vault: w.vault, Queue: w.queue,
		Sender: w.sender, URLs: w.urls, Now: w.clock, Rand: w.ids().Rand, Log: newLogger(w.log),
	})
	answers := make([]response, len(fs))
	var wg sync.WaitGroup
	for i, f := range fs {
		wg.Go(func() { answers[i] = f() })
	}
	wg.Wait()
	return answers
}

func TestConcurrentRotations(t *testing.T) {
	for _, body := range []string{`{}`, `{"overlapHours":0}`, `{"replace":true}`, `{"replace":true,"overlapHours":0}`} {
		t.Run(body, func(t *testing.T) {
			w := newRotating(t)
			rotate := func() response { return w.post("rotate", body) }
			var won []string
			for _, r := range w.atOnce(rotate, rotate, rotate, rotate) {
				if r.status == 200 {
					won = append(won, r.str("secret"))
				} else {
					r.problem(409)
				}
			}
			if len(won) != 1 {
				t.Fatalf("%d rotations won", len(won))
			}
			if strings.Contains(body, "0") {
				w.signs(won[0], "")
			} else {
				w.signs(firstSecret, won[0])
			}
		})
	}
}

func TestConcurrentRepeatedRotation(t *testing.T) {
	for _, body := range []string{`{}`, `{"overlapHours":0}`, `{"replace":true}`, `{"secret":"` + secondSecret + `","overlapHours":0}`} {
		for _, match := range []string{"*", `"1"`} {
			t.Run(body+match, func(t *testing.T) {
				w := newRotating(t)
				rotate := func() response { return w.post("rotate", body, "Idempotency-Key", "k", "If-Match", match) }
				answers := w.atOnce(rotate, rotate, rotate, rotate)
				for _, r := range answers {
					if r.want(200); r.body != answers[0].body || !reflect.DeepEqual(r.header, answers[0].header) {
						t.Fatalf("another answer:\n%s\n%s", answers[0].body, r.body)
					}
				}
				if s := w.stored("acme", w.id); s.Rev != 2 {
					t.Fatalf("version %d", s.Rev)
				}
			})
		}
	}
}

func TestRotationBesidesEdits(t *testing.T) {
	w := newRotating(t)
	rotate := func() response { return w.post("rotate", nil) }
	answers := w.atOnce(rotate, func() response { return w.patch(`{"description":"rent","authHeader":{"value":"another-street"}}`) })
	secret := answers[0].want(200).str("secret")
	answers[1].want(200)
	w.signs(firstSecret, secret)
	if s := w.stored("acme", w.id); s.Description != "rent" || s.Generation != 3 {
		t.Fatalf("an edit was lost: %+v", s)
	}
}

// Of a rotation and an edit of the secret at once the edit always comes through: it says what the secret is to be.
func TestRotationBesidesSecretEdit(t *testing.T) {
	for range 20 {
		w := newRotating(t)
		answers := w.atOnce(
			func() response { return w.post("rotate", nil) },
			func() response { return w.patch(`{"secret":"` + thirdSecret + `"}`) },
		)
		answers[1].want(200)
		if answers[0].status != 200 {
			answers[0].problem(409)
		}
		w.signs(thirdSecret, "")
	}
}

func TestCompleteAndCancelAtOnce(t *testing.T) {
	w := newRotating(t)
	w.post("rotate", `{"secret":"`+secondSecret+`"}`).want(200)
	answers := w.atOnce(
		func() response { return w.post("complete", nil) }, func() response { return w.post("cancel", nil) },
		func() response { return w.post("rotate", `{"replace":true,"secret":"`+thirdSecret+`"}`) },
	)
	keys := [][2]string{{secondSecret, ""}, {firstSecret, ""}, {firstSecret, thirdSecret}}
	won := 0
	for i, r := range answers {
		if r.status == 200 {
			won++
			w.signs(keys[i][0], keys[i][1])
		} else {
			r.problem(409)
		}
	}
	if won != 1 {
		t.Fatalf("%d won", won)
	}
}
