package delivery

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestAtRandom: faults, kills, partners and endpoints at random; when they stop, everything comes to rest and nothing is
// lost. SEED repeats one run, RUNS makes more or fewer.
func TestAtRandom(t *testing.T) {
	first, runs := uint64(1), uint64(300)
	if s := os.Getenv("RUNS"); s != "" {
		runs, _ = strconv.ParseUint(s, 10, 64)
	}
	if s := os.Getenv("SEED"); s != "" {
		first, _ = strconv.ParseUint(s, 10, 64)
		runs = 1
	}
	for seed := first; seed < first+runs; seed++ {
		if err := atRandom(t, seed); err != nil {
			t.Fatalf("SEED=%d: %v", seed, err)
		}
	}
}

func atRandom(t *testing.T, seed uint64) error {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, seed))
	w := newWorld(t)
	w.Group, w.IDs.Rand, sequence = inTurn, rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)}), 100
	h := w.hook("acme", func(s *webhook.Webhook) { s.AutoReactivate = r.IntN(2) == 0 })
	events := 5 + r.IntN(10)
	good := r.IntN(100)
	most := 0
	w.answer = func(int, webhook.Request) webhook.Response {
		most = max(most, w.flying())
		switch x := r.IntN(100); {
		case x < good:
			return webhook.Response{StatusCode: 200}
		case x < good+2:
			return webhook.Response{ErrorCode: webhook.ErrInterrupted}
		case x < good+5:
			return webhook.Response{StatusCode: 503, ErrorCode: webhook.ErrHTTPStatus, RetryAfter: time.Duration(r.IntN(900)) * time.Second}
		default:
			return failing(webhook.Response{})
		}
	}
	inside := false
	faulty := func(op string) error {
		if w.dead {
			return errKilled
		}
		if inside {
			return nil
		}
		switch x := r.IntN(1000); {
		case x < 30:
			return webhook.Errorf(webhook.Unavailable, "injected")
		case x < 40:
			w.dead = true
			return errKilled
		case x < 80:
			inside = true
			w.meanwhile(r, h)
			inside = false
		}
		return nil
	}
	for i := range events {
		w.store.Fail, w.store.FailAfter = faulty, faulty
		w.queue.Fail = func() error { return faulty("") }
		w.Queue = lossy{w.queue, func() error { return faulty("") }}
		w.stream2(record("acme", fmt.Sprintf("ver_%03d", i), w.clock()))
		good = max(r.IntN(150)-50, 0)
		w.rest(time.Duration(r.IntN(300)) * time.Second)
		w.store.Fail, w.store.FailAfter, w.queue.Fail, w.Queue = nil, nil, nil, w.queue
		w.dead = false
		if r.IntN(3) == 0 {
			w.meanwhile(r, h)
		}
	}
	w.answer = func(int, webhook.Request) webhook.Response {
		most = max(most, w.flying())
		return webhook.Response{StatusCode: 200}
	}
	if s := w.stored(h); !s.Active {
		w.activate(h)
	}
	w.rest(90 * time.Minute)
	if !w.stored(h).Active || len(w.store.AllDeliveries()) != events {
		return fmt.Errorf("%+v, %v", w.stored(h), w.counts())
	}
	for _, d := range w.store.AllDeliveries() {
		if !d.State.Final() || d.Tripped || !d.DueAt.IsZero() || d.Claim != nil || !d.ResendAt.IsZero() {
			return fmt.Errorf("%+v", d)
		}
		numbers := map[int]bool{}
		for _, a := range d.Log {
			if a.ErrorCode == webhook.ErrInterrupted {
				continue
			}
			if numbers[a.Number] {
				return fmt.Errorf("attempt %d twice: %+v", a.Number, d)
			}
			numbers[a.Number] = true
		}
	}
	if most > 1 {
		return fmt.Errorf("%d of a drain in flight", most)
	}
	for _, kind := range webhook.JobKinds() {
		if j := w.job(h, kind); j.State == webhook.JobRunning || !j.DueAt.IsZero() {
			return fmt.Errorf("%+v", j)
		}
	}
	if n := len(w.pending) + len(w.queue.Take()); n > 0 || w.left() > 0 {
		return fmt.Errorf("%d messages wait, %d events are left", n, w.left())
	}
	return w.account()
}

// inTurn is an Engine's Group that runs one after the other, so that a run can be repeated.
func inTurn(int) Group { return &turns{} }

type turns struct{ next []func() }

func (g *turns) Go(f func()) { g.next = append(g.next, f) }

func (g *turns) Wait() {
	for len(g.next) > 0 {
		f := g.next[0]
		g.next = g.next[1:]
		f()
	}
}

// meanwhile does something that others may do at any time.
func (w *world) meanwhile(r *rand.Rand, h *webhook.Webhook) {
	w.t.Helper()
	all := w.store.AllDeliveries()
	s := w.stored(h)
	switch x := r.IntN(12); {
	case x == 0 && s.Active:
		w.switchOff(h)
	case x < 3 && !s.Active:
		w.activate(h)
	case x == 3:
		w.edit(h, func(s *webhook.Webhook) { s.Generation++ })
	case x < 6 && len(all) > 0:
		if d := all[r.IntN(len(all))]; d.ResendAt.IsZero() {
			w.ask(d)
		}
	case x == 6 && s.Active && w.job(h, webhook.RecoverJob).State != webhook.JobRunning:
		w.recover(h, nil)
	case x == 7:
		w.poke(h, webhook.DrainJob)
	case x == 8:
		w.poke(h, webhook.RecoverJob)
	case x == 9:
		for _, d := range all {
			_ = w.receiveNow(d)
		}
	case x == 10:
		w.advance(time.Duration(r.IntN(60)) * time.Second)
	case x == 11:
		_, _ = w.Sweep(w.t.Context())
	}
}

// account checks that what is final is so for a reason.
func (w *world) account() error {
	for _, d := range w.store.AllDeliveries() {
		last := webhook.Attempt{}
		for _, a := range d.Log {
			if !a.Manual {
				last = a
			}
		}
		switch d.State {
		case webhook.Delivered:
		case webhook.Exhausted:
			if last.ErrorCode == "" || d.RoundAttempts < 6 {
				return fmt.Errorf("exhausted: %+v", d)
			}
		case webhook.Undeliverable:
			if interruptions(d) < webhook.MaxInterruptions {
				return fmt.Errorf("undeliverable: %+v", d)
			}
		default:
			return fmt.Errorf("%+v", d)
		}
	}
	return nil
}
