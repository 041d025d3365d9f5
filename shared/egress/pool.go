package egress

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Bounds on connections. Lambda gives a function 1,024 descriptors.
const (
	// maxPerHost bounds the requests under way to one host and port, and so what is kept for it: a connection is made
	// only when none is kept.
	maxPerHost = 100
	// maxUsed bounds the requests under way in all, and the connections: who needs one has the oldest closed that is kept.
	maxUsed = 512
	// maxIdle bounds what is kept in all.
	maxIdle = 256
	// maxIdleTime is for how long a connection is kept. It is short enough that an endpoint's own limit (5 s in Node)
	// does not close a connection while it is being used.
	maxIdleTime = 3 * time.Second
	// maxStep is by how much the two clocks may disagree about an idle time. A step of NTP beyond it costs a handshake.
	maxStep = 100 * time.Millisecond
)

// errNoTurn is the error of a request for which no connection was free in time.
var errNoTurn = errors.New("egress: too many requests under way")

// instant is a point in time on two clocks. The wall clock may be set; the other one only goes on, but stands still while
// the machine does (CLOCK_MONOTONIC).
type instant struct {
	wall time.Time
	mono time.Duration
}

func newClock() func() instant {
	start := time.Now()
	return func() instant {
		now := time.Now()
		return instant{now.Round(0), now.Sub(start)}
	}
}

// since returns how much time has passed on each clock.
func (i instant) since(from instant) (wall, mono time.Duration) {
	return i.wall.Sub(from.wall), i.mono - from.mono
}

// trusts tells whether a connection that became idle at `since` may be used now: not after 3 s, nor after a freeze,
// during which the endpoint may have closed it and its farewell been lost.
//
// A virtual machine that is frozen as a whole comes back with a monotonic clock that stood still and a wall clock that
// is right (or was set since): they disagree, or the wall clock alone says more than 3 s. A process that is frozen while
// its machine goes on (SIGSTOP, the freezer of cgroups) finds both clocks ahead: that is an idle time like any other,
// since its kernel has seen what the endpoint did meanwhile. Not detected is a machine whose wall clock stood still, too,
// and has not been set yet: conn.quiet and the second sending are left for that.
func (i instant) trusts(since instant) bool {
	wall, mono := i.since(since)
	return wall < maxIdleTime && mono < maxIdleTime && (wall-mono).Abs() <= maxStep
}

// pool keeps connections that may serve another request to the same host and port, and counts those in use. What has
// been idle for too long is closed at the next request to any host: nothing runs in between.
type pool struct {
	clock func() instant

	mu    sync.Mutex
	hosts map[string]*hostConns
	used  int
	kept  int
	// oldest and newest are the ends of the list of what is kept, in the order in which it became idle.
	oldest, newest *conn
	// queue holds who waits for a turn, first come first.
	queue []*waiter
}

// hostConns are the connections to one host and port.
type hostConns struct {
	idle []*conn // the newest last
	used int
}

type waiter struct {
	hostPort string
	ready    chan struct{} // closed when the turn has come
}

// take waits for a turn until the given time, and returns a connection that is kept for the host and port, nil if there is
// none that can be trusted. The caller gives the turn back with leave, unless there is an error.
func (p *pool) take(ctx context.Context, hostPort string, until time.Time) (k *conn, waited bool, err error) {
	p.mu.Lock()
	k, stale, ok := p.enter(hostPort)
	var w *waiter
	if !ok {
		w = &waiter{hostPort, make(chan struct{})}
		p.queue = append(p.queue, w)
	}
	p.mu.Unlock()
	abortAll(stale)
	if !ok {
		if err := p.wait(ctx, w, until); err != nil {
			return nil, true, err
		}
		k = p.next(hostPort)
	}
	for k != nil && !k.quiet() {
		k.abort()
		k = p.next(hostPort)
	}
	return k, !ok, nil
}

// enter takes a turn, if there is one.
func (p *pool) enter(hostPort string) (k *conn, stale []*conn, ok bool) {
	if !p.room(hostPort) {
		return nil, nil, false
	}
	p.use(hostPort)
	k, stale = p.pop(hostPort)
	return k, stale, true
}

func (p *pool) room(hostPort string) bool {
	h := p.hosts[hostPort]
	return p.used < maxUsed && (h == nil || h.used < maxPerHost)
}

func (p *pool) use(hostPort string) {
	h := p.hosts[hostPort]
	if h == nil {
		h = &hostConns{}
		if p.hosts == nil {
			p.hosts = map[string]*hostConns{}
		}
		p.hosts[hostPort] = h
	}
	h.used++
	p.used++
}

// wait returns when the waiter's turn has come, or with an error and without a turn.
func (p *pool) wait(ctx context.Context, w *waiter, until time.Time) error {
	late := time.NewTimer(time.Until(until))
	defer late.Stop()
	err := errNoTurn
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-late.C:
	}
	p.mu.Lock()
	i := slices.Index(p.queue, w)
	if i >= 0 {
		p.queue = slices.Delete(p.queue, i, i+1)
	}
	p.mu.Unlock()
	if i < 0 { // it came just now
		p.leave(w.hostPort, nil)
	}
	return err
}

// next returns the newest connection that is kept for the host and port, nil if there is none.
func (p *pool) next(hostPort string) *conn {
	p.mu.Lock()
	k, stale := p.pop(hostPort)
	p.mu.Unlock()
	abortAll(stale)
	return k
}

func (p *pool) pop(hostPort string) (k *conn, stale []*conn) {
	stale = p.expire(p.clock())
	if h := p.hosts[hostPort]; h != nil && len(h.idle) > 0 {
		k = h.idle[len(h.idle)-1]
		p.remove(k)
	} else if p.oldest != nil && p.used+p.kept > maxUsed {
		stale = append(stale, p.oldest)
		p.remove(p.oldest)
	}
	return k, stale
}

// expire takes out what is not trusted any more: whatever became idle before something that is not, is not either.
func (p *pool) expire(now instant) (stale []*conn) {
	for p.oldest != nil && !now.trusts(p.oldest.since) {
		stale = append(stale, p.oldest)
		p.remove(p.oldest)
	}
	return stale
}

// leave gives a turn back, and keeps the connection if there is one.
func (p *pool) leave(hostPort string, k *conn) {
	now := p.clock()
	p.mu.Lock()
	stale := p.expire(now)
	h := p.hosts[hostPort]
	h.used--
	p.used--
	if k != nil {
		k.since = now
		p.keep(h, k)
		if p.kept > maxIdle {
			stale = append(stale, p.oldest)
			p.remove(p.oldest)
		}
	}
	p.tidy(hostPort, h)
	p.grant()
	p.mu.Unlock()
	abortAll(stale)
}

// grant gives free turns to who waits for them.
func (p *pool) grant() {
	for i := 0; i < len(p.queue) && p.used < maxUsed; {
		w := p.queue[i]
		if !p.room(w.hostPort) {
			i++
			continue
		}
		p.use(w.hostPort)
		p.queue = slices.Delete(p.queue, i, i+1)
		close(w.ready)
	}
}

func (p *pool) keep(h *hostConns, k *conn) {
	h.idle = append(h.idle, k)
	p.kept++
	if k.older = p.newest; k.older != nil {
		k.older.newer = k
	} else {
		p.oldest = k
	}
	p.newest = k
}

func (p *pool) remove(k *conn) {
	if k.older != nil {
		k.older.newer = k.newer
	} else {
		p.oldest = k.newer
	}
	if k.newer != nil {
		k.newer.older = k.older
	} else {
		p.newest = k.older
	}
	k.older, k.newer = nil, nil
	p.kept--
	h := p.hosts[k.hostPort]
	i := slices.Index(h.idle, k)
	h.idle = slices.Delete(h.idle, i, i+1)
	p.tidy(k.hostPort, h)
}

// tidy forgets a host that has no connections.
func (p *pool) tidy(hostPort string, h *hostConns) {
	if h.used == 0 && len(h.idle) == 0 {
		delete(p.hosts, hostPort)
	}
}

// drop closes what is kept for a host and port.
func (p *pool) drop(hostPort string) {
	p.mu.Lock()
	var stale []*conn
	if h := p.hosts[hostPort]; h != nil {
		stale = slices.Clone(h.idle)
	}
	for _, k := range stale {
		p.remove(k)
	}
	p.mu.Unlock()
	abortAll(stale)
}

func (p *pool) closeAll() {
	p.mu.Lock()
	var stale []*conn
	for p.oldest != nil {
		stale = append(stale, p.oldest)
		p.remove(p.oldest)
	}
	p.mu.Unlock()
	abortAll(stale)
}

func abortAll(ks []*conn) {
	for _, k := range ks {
		k.abort()
	}
}
