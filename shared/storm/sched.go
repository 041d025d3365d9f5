package storm

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/delivery"
)

// epoch is when every simulation begins.
var epoch = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// sched runs tasks, exactly one at a time, in an order that the seed decides. It has a virtual clock, which stands still
// while anything runs and jumps to the next event when nothing does.
type sched struct {
	now    time.Duration
	rng    *rand.Rand
	events eventHeap
	seq    uint64
	// cur is the task that runs; nil while a function of the models does.
	cur  *task
	back chan struct{}
	pool *pool
	// steps counts events. live counts tasks that have not ended.
	steps, live int
	all         []*task
	// panicked is told of a panic that nobody recovered.
	panicked func(t *task, what string)
}

// task is a goroutine that runs only when the scheduler lets it.
type task struct {
	name string
	env  *env
	run  chan struct{}
	// wake is the number of the sleep that the task is in; events of earlier sleeps are stale.
	wake          uint64
	killed, ended bool
}

type event struct {
	at  time.Duration
	tie uint32
	seq uint64
	// task with its wake, or f.
	task *task
	wake uint64
	f    func()
}

// eventHeap has the next event in front. container/heap would make an allocation for each.
type eventHeap []event

func (e *event) before(x *event) bool {
	if e.at != x.at {
		return e.at < x.at
	}
	if e.tie != x.tie {
		return e.tie < x.tie
	}
	return e.seq < x.seq
}

func (h *eventHeap) push(e event) {
	*h = append(*h, e)
	a := *h
	for i := len(a) - 1; i > 0; {
		up := (i - 1) / 2
		if !a[i].before(&a[up]) {
			return
		}
		a[i], a[up] = a[up], a[i]
		i = up
	}
}

func (h *eventHeap) pop() event {
	a := *h
	top, n := a[0], len(a)-1
	a[0], a[n] = a[n], event{}
	a = a[:n]
	*h = a
	for i := 0; ; {
		down := 2*i + 1
		if down+1 < n && a[down+1].before(&a[down]) {
			down++
		}
		if down >= n || !a[down].before(&a[i]) {
			return top
		}
		a[i], a[down] = a[down], a[i]
		i = down
	}
}

func newSched(rng *rand.Rand, p *pool) *sched {
	return &sched{rng: rng, pool: p, back: make(chan struct{})}
}

func (s *sched) clock() time.Time { return epoch.Add(s.now) }

func (s *sched) push(e event) {
	s.seq++
	e.seq, e.tie = s.seq, s.rng.Uint32()
	s.events.push(e)
}

// after runs f when d has passed. f must not wait for anything.
func (s *sched) after(d time.Duration, f func()) { s.push(event{at: s.now + max(d, 0), f: f}) }

// worker is a goroutine that runs one task after another: new ones would grow their stacks anew.
type worker struct {
	run chan struct{}
	job func()
}

// pool keeps the workers that have nothing to do.
type pool struct{ idle []*worker }

func (p *pool) worker() *worker {
	if n := len(p.idle); n > 0 {
		wk := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return wk
	}
	wk := &worker{run: make(chan struct{})}
	go func() {
		for {
			<-wk.run
			job := wk.job
			wk.job = nil // a worker that waits must not keep the world of its last task
			job()
		}
	}()
	return wk
}

// spawn starts a task. ended runs when f has returned, or the task was killed.
func (s *sched) spawn(e *env, name string, f func(), ended func(killed bool)) {
	wk := s.pool.worker()
	t := &task{name: name, env: e, run: wk.run}
	s.live++
	if len(s.all) > 1000+2*s.live {
		s.all = slices.DeleteFunc(s.all, func(t *task) bool { return t.ended })
	}
	s.all = append(s.all, t)
	if e != nil {
		e.tasks = append(e.tasks, t)
	}
	wk.job = func() {
		returned := false // a task that was killed takes its worker with it
		defer func() {
			if p := recover(); p != nil {
				returned = true
				s.panicked(t, fmt.Sprintf("%v\n%s", p, debug.Stack()))
			}
			t.ended = true
			s.live--
			if ended != nil {
				ended(t.killed)
			}
			if returned {
				s.pool.idle = append(s.pool.idle, wk)
			}
			s.back <- struct{}{}
		}()
		if !t.killed {
			f()
		}
		returned = true
	}
	s.push(event{at: s.now, task: t, wake: t.wake})
}

// sleep lets d pass for the task that runs. Others run meanwhile. A task that was killed does not come back.
func (s *sched) sleep(d time.Duration) {
	t := s.cur
	s.push(event{at: s.now + max(d, 0), task: t, wake: t.wake})
	s.park(t)
}

// park waits until somebody wakes the task.
func (s *sched) park(t *task) {
	s.back <- struct{}{}
	<-t.run
	if t.killed {
		runtime.Goexit()
	}
}

// wake ends the present sleep of a task.
func (s *sched) wake(t *task) {
	t.wake++
	s.push(event{at: s.now, task: t, wake: t.wake})
}

// kill ends tasks where they stand. If the one that runs is among them, kill does not return.
func (s *sched) kill(tasks []*task) {
	self := false
	for _, t := range tasks {
		if t.ended || t.killed {
			continue
		}
		t.killed = true
		if t == s.cur {
			self = true
		} else {
			s.wake(t)
		}
	}
	if self {
		runtime.Goexit()
	}
}

// step runs the next event; false if there is none.
func (s *sched) step() bool {
	if len(s.events) == 0 {
		return false
	}
	e := s.events.pop()
	s.now = max(s.now, e.at)
	s.steps++
	switch {
	case e.f != nil:
		e.f()
	case !e.task.ended && e.wake == e.task.wake:
		e.task.wake++
		s.cur = e.task
		e.task.run <- struct{}{}
		<-s.back
		s.cur = nil
	}
	return true
}

// end kills whatever still lives, so that no goroutine outlives the simulation.
func (s *sched) end() {
	s.kill(s.all)
	for s.live > 0 && s.step() {
	}
}

// each is delivery.Each on the scheduler.
func (s *sched) each(n, limit int, f func(i int)) {
	if n == 1 {
		f(0)
		return
	}
	delivery.EachIn(s.group(limit), n, f)
}

// group is a delivery.Group on the scheduler: its functions are tasks of the environment of whoever made it.
type group struct {
	s              *sched
	parent         *task
	limit, running int
	next           []func()
	parked         bool
}

func (s *sched) group(limit int) *group { return &group{s: s, parent: s.cur, limit: limit} }

func (g *group) Go(f func()) {
	g.next = append(g.next, f)
	g.start()
}

func (g *group) start() {
	for g.running < g.limit && len(g.next) > 0 {
		f := g.next[0]
		g.next = g.next[1:]
		g.running++
		g.s.spawn(g.parent.env, g.parent.name, f, func(bool) {
			g.running--
			if g.parent.killed {
				return
			}
			g.start()
			if g.running == 0 && g.parked {
				g.s.wake(g.parent)
			}
		})
	}
}

func (g *group) Wait() {
	if g.running > 0 {
		g.parked = true
		g.s.park(g.parent)
	}
}
