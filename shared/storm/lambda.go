package storm

import (
	"context"
	"fmt"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/delivery"
	"github.com/cr3dentials/verification-webhooks/shared/lambdarun"
)

// function is a Lambda function: its limits and its environments.
type function struct {
	name    string
	timeout time.Duration
	limit   int
	running int
	idle    []*env
	made    int
	// from, to: nothing of it runs.
	from, to time.Duration
}

func (fn *function) down(now time.Duration) bool { return fn.from <= now && now < fn.to }

// env is one execution environment. What it holds in memory lives as long as it does.
type env struct {
	name   string
	fn     *function
	engine *delivery.Engine
	tasks  []*task
	dead   bool
	// faults counts what went wrong under it, so that an unknown outcome can be told from a known one.
	faults int
	// done tells whoever invoked it how the present invocation ended; nil between two.
	done  func(why string)
	count int
	// began is when the present invocation did.
	began time.Duration
	// idle is since when it has nothing to do.
	idle time.Duration
	// failed tells that the present invocation answered with an error.
	failed bool
	// chain is how many invocations, each by a message of the one before, led to the present one.
	chain int
	// processor is until when it has to compute, tokens what the SDK may still spend on trying again.
	processor time.Duration
	tokens    int
}

// lambdaContext is the context of an invocation. Its deadline is in virtual time.
type lambdaContext struct {
	context.Context
	w        *world
	deadline time.Time
}

func (c lambdaContext) Deadline() (time.Time, bool) { return c.deadline, true }
func (c lambdaContext) Done() <-chan struct{}       { return nil }
func (c lambdaContext) Err() error {
	if c.w.s.clock().Before(c.deadline) {
		return nil
	}
	return context.DeadlineExceeded
}

// invoke runs f in an environment of fn. done is called once when it has ended: why is "" if f returned, "throttled" if it
// never began, otherwise how its environment died.
func (w *world) invoke(fn *function, f func(ctx context.Context, e *env), done func(why string)) {
	if fn.running >= fn.limit || w.overAccount() || fn.down(w.s.now) || w.stormy && w.chance(w.plan.throttle) {
		if !fn.down(w.s.now) { // a long outage is one fault, not thousands
			w.stats.Faults++
		}
		w.note("FAULT throttled", fn.name, "")
		w.meter.throttled(fn)
		done("throttled")
		return
	}
	fn.running++
	w.meter.invoked(fn)
	e, delay := w.environment(fn)
	e.done, e.count, e.failed, e.chain = done, e.count+1, false, 0
	present := e.count
	w.s.after(delay, func() {
		if e.dead {
			return
		}
		e.began = w.s.now
		deadline := w.s.clock().Add(fn.timeout)
		ctx := lambdaContext{context.Background(), w, deadline}
		w.s.spawn(e, e.name, func() { f(ctx, e) }, func(killed bool) {
			if !killed && !e.dead {
				w.finish(e, "")
			}
		})
		w.s.after(fn.timeout, func() {
			if !e.dead && e.done != nil && e.count == present {
				w.stats.Faults++
				e.faults++
				w.note("FAULT time-out", e.name, "")
				w.killEnv(e, "timed out")
			}
		})
	})
}

// serve handles an event as a function does, log lines included. Without an answer it failed.
func (w *world) serve(ctx context.Context, e *env, event []byte, f lambdarun.Invocation) (answer []byte) {
	answer, err := lambdarun.Handler(w.run.log, f).Invoke(ctx, event)
	e.failed = err != nil
	return answer
}

// environment takes an idle environment or starts a new one.
func (w *world) environment(fn *function) (*env, time.Duration) {
	w.reclaim(fn)
	if n := len(fn.idle); n > 0 {
		w.pickIdle(fn)
		e := fn.idle[n-1]
		fn.idle = fn.idle[:n-1]
		e.tasks = e.tasks[:0]
		return e, w.between(0, 3*time.Millisecond)
	}
	fn.made++
	e := &env{name: fmt.Sprintf("%s/%d", fn.name, fn.made), fn: fn, tokens: sdkTokens}
	e.engine = w.newEngine()
	return e, w.between(50*time.Millisecond, w.plan.cold)
}

// finish ends the present invocation of e.
func (w *world) finish(e *env, why string) {
	done := e.done
	e.done = nil
	w.meter.ended(e.fn, why != "" || e.failed)
	e.fn.running--
	if !e.dead {
		w.truth.ended(e)
		for _, t := range e.tasks {
			if !t.ended && t != w.s.cur {
				w.fail("P2 nothing runs on after an invocation", []string{e.name}, "%s is still running in %s", t.name, e.name)
			}
		}
		e.idle = w.s.now
		e.fn.idle = append(e.fn.idle, e)
	}
	done(why)
}

// killEnv ends an environment and everything in it, at once.
func (w *world) killEnv(e *env, why string) {
	if e.dead {
		return
	}
	e.dead = true
	w.note("DEAD", e.name, why)
	w.truth.died(e)
	w.s.after(w.between(time.Millisecond, 200*time.Millisecond), func() { w.finish(e, why) })
	w.s.kill(e.tasks)
}

func (w *world) newEngine() *delivery.Engine {
	return &delivery.Engine{
		Store: w.store, Queue: w.queue, Sender: w.net, Vault: (*vaultModel)(w.run), Objects: (*objectsModel)(w.run), Bus: (*busModel)(w.run), IDs: w.idGen,
		Now: w.s.clock, HoldTime: w.plan.holdTime, Log: w.run.log,
		Group: func(limit int) delivery.Group { return w.s.group(limit) },
		Sleep: func(_ context.Context, d time.Duration) { w.s.sleep(d) },
	}
}
