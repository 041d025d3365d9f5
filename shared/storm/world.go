package storm

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/memory"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// world is one simulation: the models of the services, the actors, and what is known to be true.
type world struct {
	seed  uint64
	s     *sched
	rng   *rand.Rand
	plan  plan
	trace trace
	log   bytes.Buffer
	idGen webhook.IDSource

	run     *Runner
	store   *tables
	objects *memory.Objects
	vault   *memory.Vault
	queue   *sqs
	stream  *stream
	net     *network
	truth   *oracle

	dispatcher, retrier, sweeper, portal, admin *function

	partners map[string]*partner
	// late is a partner whose records come before it exists.
	late    *partner
	outages []outage
	// stormy is true while faults happen; calm when they have stopped for good.
	stormy bool
	// actors counts the actors that are still at work.
	actors int
	// coincidences counts records that were written together with a change.
	coincidences int
	// began is when the first record of a scenario may be written; quiet keeps no log.
	began time.Duration
	quiet bool
	// capacity, if set, enforces limits of the tables and of computing.
	capacity  *capacity
	violation *Violation
	stats     Stats
	// meter is nil but on a game day.
	meter *meter
}

// Violation tells which promise a run broke.
type Violation struct {
	// Invariant is its number and name: "I5 no seventh attempt".
	Invariant string
	Text      string
	// At is the virtual time.
	At time.Time
	// About are the ids that the trace is reduced to.
	About []string
}

// Stats say what happened in a run.
type Stats struct {
	Events, Deliveries, Posts, Faults, EndpointFaults, Requests, Steps, Calls int
	Virtual                                                                   time.Duration
}

// fail notes the first violation; what happens after it may follow from it.
func (w *world) fail(invariant string, about []string, format string, args ...any) {
	if w.violation != nil {
		return
	}
	w.violation = &Violation{Invariant: invariant, Text: fmt.Sprintf(format, args...), At: w.s.clock(), About: about}
	w.trace.add(w.s.now, "oracle", "VIOLATION", invariant, w.violation.Text)
}

func (w *world) actor() string {
	if t := w.s.cur; t != nil {
		return t.name
	}
	return "-"
}

func (w *world) note(op, subject, outcome string) {
	w.trace.add(w.s.now, w.actor(), op, subject, outcome)
}

// chance is true with probability p.
func (w *world) chance(p float64) bool { return p > 0 && w.rng.Float64() < p }

// between returns a duration in [a, b).
func (w *world) between(a, b time.Duration) time.Duration {
	if b <= a {
		return a
	}
	return a + time.Duration(w.rng.Int64N(int64(b-a)))
}

func (w *world) number(a, b int) int { return a + w.rng.IntN(b-a+1) }

// service is what can fail on its own.
type service int

const (
	dynamo service = iota
	sqsService
	s3
	kms
	bus
	services
)

// outage is a time in which one service fails often.
type outage struct {
	service  service
	from, to time.Duration
	p        float64
}

func (w *world) failing(s service) float64 {
	p := w.plan.fault[s]
	for i := range w.outages {
		if o := &w.outages[i]; o.service == s && o.from <= w.s.now && w.s.now < o.to {
			p = max(p, o.p)
		}
	}
	return p
}

func unavailable() error { return webhook.Errorf(webhook.Unavailable, "the service did not answer") }

// call is one call of a service by the task that runs. Before and after its effect others may run, and the task's
// environment may die. A write's answer may be lost, or the write may happen later than its caller was told that it
// failed; later makes that effect out of values that the caller no longer shares. It is nil for a read.
func (w *world) call(s service, op, subject string, effect func() error, later func()) error {
	t := w.s.cur
	if t.killed {
		runtime.Goexit()
	}
	w.stats.Calls++
	w.mayCrash(t, op, "before")
	w.s.sleep(w.latency() + w.compute(t))
	if w.stormy && w.chance(w.failing(s)) {
		return w.faulty(s, t, op, subject, effect, later)
	}
	err := effect()
	w.note(op, subject, outcomeOf(err))
	w.mayCrash(t, op, "after")
	w.s.sleep(w.latency())
	return err
}

func outcomeOf(err error) string {
	if err == nil {
		return "ok"
	}
	return string(webhook.CodeOf(err))
}

func (w *world) fault(t *task, what, op, subject string) {
	w.stats.Faults++
	if t.env != nil {
		t.env.faults++
	}
	w.note("FAULT "+what, op, subject)
}

func (w *world) faulty(s service, t *task, op, subject string, effect func() error, later func()) error {
	n := w.rng.IntN(10)
	if w.failing(s) == 1 {
		n = 0 // it is down
	}
	switch {
	case n < 4: // refused
		if s == dynamo {
			w.meter.refused(later == nil)
		}
		w.fault(t, "throttled", op, subject)
		w.s.sleep(w.between(0, 300*time.Millisecond))
		return unavailable()
	case n < 6: // slow
		w.fault(t, "slow", op, subject)
		w.s.sleep(w.between(500*time.Millisecond, w.plan.slowest))
		err := effect()
		w.note(op, subject, outcomeOf(err))
		w.mayCrash(t, op, "after")
		return err
	case n < 9 || later == nil: // the answer is lost
		w.fault(t, "answer lost", op, subject)
		err := effect()
		w.mayCrash(t, op, "after")
		w.s.sleep(w.between(0, 500*time.Millisecond))
		if err != nil && webhook.CodeOf(err) != webhook.Internal {
			return err // the first try changed nothing, and what it says still holds for the second
		}
		return unavailable()
	default: // it happens after its caller has given up
		w.fault(t, "late effect", op, subject)
		w.s.after(w.between(time.Millisecond, 2*time.Second), later)
		w.s.sleep(w.between(0, 500*time.Millisecond))
		return unavailable()
	}
}

// mayCrash ends the environment of the task with a small probability.
func (w *world) mayCrash(t *task, op, when string) {
	if !w.stormy || t.env == nil || !w.chance(w.plan.crash) {
		return
	}
	w.fault(t, "crash "+when, op, t.env.name)
	w.killEnv(t.env, "crashed")
}

// latency is how long half a call takes.
func (w *world) latency() time.Duration {
	r := w.rng.Uint64()
	d := time.Duration(r % uint64(w.plan.latency))
	if r>>60 == 0 {
		d *= 5
	}
	return d
}
