// Package storm is a deterministic simulation of the product: the real handlers on one thread, with a virtual clock and a
// seed that decides everything, against models of the services that are as nasty as the real ones. It is for tests only.
package storm

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/lambdarun"
	"github.com/cr3dentials/verification-webhooks/shared/memory"
	"github.com/cr3dentials/verification-webhooks/shared/portal"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Runner runs seeds, one at a time. It keeps what is slow to make and holds no state: the API's handlers.
type Runner struct {
	w      *world
	portal http.Handler
	admin  http.Handler
	// ports that the handlers hold on to; each seed gets new insides.
	store *tables
	queue *sqs
	net   *network
	log   *slog.Logger
	// workers outlive a seed.
	workers pool
}

// Result is what came of a seed.
type Result struct {
	Seed uint64
	// Hash is that of everything that happened: two runs of a seed have the same.
	Hash      uint64
	Violation *Violation
	Stats     Stats
	trace     *trace
}

// WriteTrace prints what happened: the rows about some ids, or all. The run must have been made with a trace.
func (r *Result) WriteTrace(to io.Writer, about []string) { r.trace.write(to, about) }

// NewRunner returns a Runner.
func NewRunner() *Runner {
	r := &Runner{store: &tables{}, queue: &sqs{}, net: &network{}}
	now := func() time.Time { return r.w.s.clock() }
	r.log = lambdarun.NewLogger((*logWriter)(r), "")
	r.portal = portal.New(portal.Config{
		Store: r.store, Vault: (*vaultModel)(r), Queue: r.queue, Sender: r.net, URLs: r.net, Verifications: memory.Verifications{},
		Now: now, Rand: (*source)(r), Log: r.log, Version: "storm",
		Each:  func(n, limit int, f func(int)) { r.w.s.each(n, limit, f) },
		Sleep: func(_ context.Context, d time.Duration) { r.w.s.sleep(d) },
	})
	r.admin = portal.NewAdmin(portal.AdminConfig{
		Store: r.store, Parked: (*objectsModel)(r), DeadLetters: (*deadLetters)(r), Queue: r.queue, Vault: (*vaultModel)(r), Now: now, Rand: (*source)(r), Log: r.log,
		Version: "storm",
	})
	return r
}

// source is the random source of ids and secrets: the seed's.
type source Runner

// logWriter is where the product logs to: the present seed's log.
type logWriter Runner

func (l *logWriter) Write(b []byte) (int, error) {
	l.w.meter.read(b)
	if l.w.quiet {
		return len(b), nil
	}
	return l.w.log.Write(b)
}

func (s *source) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(s.w.rng.Uint32())
	}
	return len(b), nil
}

// Run runs a seed.
func (r *Runner) Run(seed uint64, traced bool) Result {
	w := r.newWorld(seed, traced)
	w.drawPlan()
	r.fill(w)
	w.play()
	return w.result()
}

// newWorld makes a world without services, and gives it to the handlers.
func (r *Runner) newWorld(seed uint64, traced bool) *world {
	rng := rand.New(rand.NewPCG(seed, 0x5704)) //nolint:gosec // the seed must decide everything
	w := &world{seed: seed, rng: rng, s: newSched(rng, &r.workers), run: r, objects: memory.NewObjects(), vault: &memory.Vault{}, partners: map[string]*partner{}}
	r.w = w
	w.trace.on = traced
	w.s.panicked = func(t *task, what string) {
		w.fail("P0 nothing panics", []string{t.name}, "%s", what)
		if t.env != nil {
			w.killEnv(t.env, "panicked")
		}
	}
	w.idGen = webhook.IDSource{Now: w.s.clock, Rand: (*source)(r)}
	return w
}

// fill makes the services as the plan says.
func (r *Runner) fill(w *world) {
	*r.store, *r.queue, *r.net = *newStore(w), sqs{w: w}, network{w: w, endpoints: map[string]*endpoint{}}
	w.store, w.queue, w.net = r.store, r.queue, r.net
	w.stream, w.truth = newStream(w), newOracle(w)
	w.functions()
}

func (w *world) result() Result {
	w.s.end()
	w.stats.Deliveries, w.stats.Virtual, w.stats.Steps = len(w.truth.flightOrder), w.s.now, w.s.steps
	kept := w.trace // a pointer into the world would keep all of it
	return Result{Seed: w.seed, Hash: kept.hash, Violation: w.violation, Stats: w.stats, trace: &kept}
}

// functions sets up the functions as the stack does (infra).
func (w *world) functions() {
	w.dispatcher = &function{name: "dispatcher", timeout: 60 * time.Second, limit: 2 * w.plan.lanes}
	if d := w.plan.streamOutage; d > 0 {
		w.dispatcher.from = w.between(10*time.Minute, w.plan.busy)
		w.dispatcher.to = w.dispatcher.from + d
	}
	w.retrier = &function{name: "retrier", timeout: 60 * time.Second, limit: w.plan.concurrency}
	w.sweeper = &function{name: "sweeper", timeout: 50 * time.Second, limit: 2}
	w.portal = &function{name: "portal", timeout: 29 * time.Second, limit: 20}
	w.admin = &function{name: "admin", timeout: 29 * time.Second, limit: 5}
}

// longest is how long the world may take to come to rest when faults have stopped: rounds whose endpoint asked to wait
// take 75 minutes, and messages that nobody acknowledged come back after six.
const longest = 6 * time.Hour

// play runs the actors, then lets the world come to rest, and judges it.
func (w *world) play() {
	w.actors = 1
	w.s.spawn(nil, "setup", w.setup, nil)
	for w.actors > 0 && w.violation == nil && w.s.step() {
		w.notEndless()
	}
	w.stormy = false
	w.note("CALM", "", "")
	w.actor0("calm", w.settle)
	limit, tidied := max(w.s.now, w.dispatcher.to)+longest, w.s.now
	for w.violation == nil {
		next := w.s.now + 15*time.Second
		for w.s.now < next && w.violation == nil && w.s.step() {
			w.notEndless()
		}
		if w.actors > 0 {
			continue
		}
		if w.putAside() && w.s.now > tidied+10*time.Minute {
			tidied = w.s.now
			w.actor0("operator", w.tidy)
			continue
		}
		left := w.resting()
		if left == "" {
			break
		}
		if w.s.now > limit {
			w.fail("I11 the world comes to rest", idsIn(left), "after %v: %s", longest, left)
		}
	}
	if w.violation == nil {
		w.truth.judge()
	}
}

// notEndless ends a simulation in which something goes round in circles.
func (w *world) notEndless() {
	const most = 500_000 // ten times what the busiest seeds take
	if w.s.steps > most {
		w.fail("I11 the world comes to rest", nil, "%d steps, and no end", w.s.steps)
	}
}

// setup makes the partners and their first webhooks while nothing fails, then sets the actors to work.
func (w *world) setup() {
	var ps []*partner
	for i := range w.plan.partners {
		p := w.newPartner(fmt.Sprintf("partner-%d", i+1))
		w.partners[p.id] = p
		ps = append(ps, p)
	}
	for _, p := range ps {
		for range w.number(1, 3) {
			w.create(p)
		}
	}
	w.late = &partner{id: "partner-late"}
	w.stormy = !w.plan.clean
	w.sweep()
	w.actor0("writer", func() { w.writer(ps) })
	w.actor0("operator", func() { w.operate(ps) })
	for _, p := range ps {
		w.actor0(p.id, func() { w.manage(p) })
	}
	w.actors--
}

// actor0 starts an actor.
func (w *world) actor0(name string, f func()) {
	w.actors++
	w.s.spawn(nil, name, func() {
		f()
		w.actors--
	}, nil)
}

// sweep runs the sweeper every minute.
func (w *world) sweep() {
	w.s.after(time.Minute, w.sweep)
	w.truth.overlooked()
	w.invoke(w.sweeper, func(ctx context.Context, e *env) {
		w.serve(ctx, e, nil, func(ctx context.Context, _ []byte) (any, []slog.Attr, error) {
			out, err := e.engine.Sweep(ctx)
			return nil, []slog.Attr{slog.Any("result", out)}, err
		})
	}, func(string) {})
}

// settle is what is done when faults have stopped: nobody stays suspended, and in half of the seeds everything is
// switched on once more.
func (w *world) settle() {
	on := w.chance(0.5)
	for _, id := range slices.Sorted(maps.Keys(w.partners)) {
		w.administer("PATCH", "/admin/partners/"+id, map[string]any{"suspended": false})
	}
	for _, h := range w.truth.hookOrder {
		if on && h.deleted < 0 && !h.now().webhook.Active {
			w.activate(w.partners[h.partner], h)
		}
	}
}

// putAside tells whether something waits for the operator.
func (w *world) putAside() bool {
	parked, _, _ := w.objects.List(context.Background(), webhook.Page{Limit: 10_000})
	return len(w.queue.dead) > 0 || slices.ContainsFunc(parked, w.passing)
}
