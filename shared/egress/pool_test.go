package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// clocks are the two clocks of a pool, which stand still but for what a test does to them.
type clocks struct {
	mu  sync.Mutex
	now instant
}

func newClocks() *clocks { return &clocks{now: newClock()()} }

func (k *clocks) read() instant {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now
}

func (k *clocks) pass(wall, mono time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now.wall, k.now.mono = k.now.wall.Add(wall), k.now.mono+mono
}

// idleTimes says what a connection may be used after: the idle time by both clocks.
var idleTimes = []struct {
	name       string
	wall, mono time.Duration
	trusted    bool
}{
	{"none", 0, 0, true},
	{"a second", time.Second, time.Second, true},
	{"nearly 3 s", maxIdleTime - 1, maxIdleTime - 1, true},
	{"3 s", maxIdleTime, maxIdleTime, false},
	{"a process that was frozen for an hour", time.Hour, time.Hour, false},
	{"a machine that was frozen for a second", 1500 * time.Millisecond, 500 * time.Millisecond, false},
	{"a machine that was frozen for an hour", time.Hour, time.Millisecond, false},
	{"a wall clock that was set forth within bounds", maxStep, 0, true},
	{"a wall clock that was set forth", maxStep + 1, 0, false},
	{"a wall clock that was set back within bounds", 0, maxStep, true},
	{"a wall clock that was set back", 0, maxStep + 1, false},
	{"3 s by the monotonic clock alone", maxIdleTime - maxStep, maxIdleTime, false},
	{"3 s by the wall clock alone", maxIdleTime, maxIdleTime - maxStep, false},
	{"a wall clock that was set back by an hour", -time.Hour, time.Second, false},
}

// TestIdleTime: a connection is used again within 3 s, unless there was a freeze, and closed otherwise.
func TestIdleTime(t *testing.T) {
	for _, tt := range idleTimes {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var connections atomic.Int64
			ended := make(chan struct{}, 2)
			url := serveRaw(t, goodTLS(t), func(conn net.Conn) {
				connections.Add(1)
				for readRequest(conn) {
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				}
				ended <- struct{}{}
			})
			c := newTestClient(t, patient())
			k := newClocks()
			c.pool.clock = k.read
			if resp := c.Send(t.Context(), post(url)); !resp.OK() {
				t.Fatalf("got %q (%s)", resp.ErrorCode, resp.ErrorMessage)
			}
			k.pass(tt.wall, tt.mono)
			resp := c.Send(t.Context(), post(url))
			if !resp.OK() || resp.Resent {
				t.Fatalf("got %q (%s)", resp.ErrorCode, resp.ErrorMessage)
			}
			if used := connections.Load() == 1; used != tt.trusted {
				t.Errorf("%d connections", connections.Load())
			}
			if !tt.trusted {
				<-ended // the client has closed it
			}
		})
	}
}

// TestClock: the functions' clocks go on, together.
func TestClock(t *testing.T) {
	clock := newClock()
	a := clock()
	for b := clock(); ; b = clock() {
		wall, mono := b.since(a)
		if (wall-mono).Abs() > maxStep/2 || mono < 0 {
			t.Fatalf("%v and %v have passed", wall, mono)
		}
		if mono > 0 && wall > 0 {
			return
		}
	}
}

// fakeConn is a connection that can do nothing but be closed; open tells whether it was not.
func fakeConn(hostPort string) (k *conn, open func() bool) {
	near, far := net.Pipe()
	return &conn{hostPort: hostPort, raw: newBoundedConn(near)}, func() bool {
		_ = far.SetReadDeadline(past)
		_, err := far.Read(make([]byte, 1))
		return !errors.Is(err, io.EOF)
	}
}

// TestIdleBounds: few connections are kept, the newest; what has aged is closed at the next request to whatever host.
func TestIdleBounds(t *testing.T) {
	k := newClocks()
	p := &pool{clock: k.read}
	var open []func() bool
	for i := range maxIdle + 2 {
		host := fmt.Sprint(i)
		kept, isOpen := fakeConn(host)
		open = append(open, isOpen)
		if _, _, err := p.take(t.Context(), host, time.Time{}); err != nil {
			t.Fatal(err)
		}
		p.leave(host, kept)
		k.pass(time.Millisecond, time.Millisecond)
	}
	count := func(of []func() bool) (n int) {
		for _, isOpen := range of {
			if isOpen() {
				n++
			}
		}
		return n
	}
	if count(open[:2]) != 0 || count(open) != maxIdle || p.kept != maxIdle {
		t.Errorf("%d connections are kept, %d of the two oldest; counted %d", count(open), count(open[:2]), p.kept)
	}
	// All but the last ten have been idle for 3 s now.
	rest := maxIdleTime - 10*time.Millisecond
	k.pass(rest, rest)
	if _, _, err := p.take(t.Context(), "another", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if n := count(open); n != 9 || p.kept != 9 {
		t.Errorf("%d are kept after a take, counted %d, want 9", n, p.kept)
	}
	k.pass(time.Hour, 0)
	p.leave("another", nil)
	if n := count(open); n != 0 || p.kept != 0 || len(p.hosts) != 0 {
		t.Errorf("%d are kept after a freeze, counted %d, of %d hosts", n, p.kept, len(p.hosts))
	}
}

// TestTurns: at most maxUsed requests are under way, and others get their turn in the order in which they came.
func TestTurns(t *testing.T) {
	p := &pool{clock: newClock()}
	var held []string
	for i := range maxUsed {
		host := fmt.Sprint("h", i%(maxUsed/maxPerHost+1))
		if _, waited, err := p.take(t.Context(), host, time.Time{}); err != nil || waited {
			t.Fatalf("request %d: %v", i, err)
		}
		held = append(held, host)
	}
	if _, waited, err := p.take(t.Context(), "late", time.Now()); !errors.Is(err, errNoTurn) || !waited {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := p.take(ctx, "ended", time.Now().Add(time.Hour)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	turns := make(chan int, 3)
	for i := range 3 {
		go func() {
			if _, waited, err := p.take(t.Context(), "new", time.Now().Add(time.Minute)); err != nil || !waited {
				t.Errorf("waiter %d: %v", i, err)
			}
			turns <- i
		}()
		awaitQueue(t, p, i+1)
	}
	for i := range 3 {
		p.leave(held[i], nil)
		if got := <-turns; got != i {
			t.Errorf("waiter %d came before %d", got, i)
		}
	}
	if p.used != maxUsed {
		t.Errorf("%d are under way", p.used)
	}
	for _, host := range held[3:] {
		p.leave(host, nil)
	}
	for range 3 {
		p.leave("new", nil)
	}
	if p.used != 0 || len(p.hosts) != 0 || len(p.queue) != 0 {
		t.Errorf("left: %d turns, %d hosts, %d waiters", p.used, len(p.hosts), len(p.queue))
	}
}

// TestTurnTooLate: a turn that comes just as its waiter goes is given back.
func TestTurnTooLate(t *testing.T) {
	p := &pool{clock: newClock()}
	p.use("a") // for a waiter who is not in the queue any more, and looks at the time first
	if err := p.wait(t.Context(), &waiter{"a", make(chan struct{})}, past); !errors.Is(err, errNoTurn) {
		t.Errorf("got %v", err)
	}
	checkPool(t, p, 0)
}

// awaitQueue waits until n requests wait for their turn.
func awaitQueue(t *testing.T, p *pool, n int) {
	t.Helper()
	for limit := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		p.mu.Lock()
		waiting := len(p.queue)
		p.mu.Unlock()
		if waiting == n {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%d wait, want %d", waiting, n)
		}
	}
}

// TestPoolCounts: whatever happens in whatever order, the pool's figures agree, and at the end nothing is left.
func TestPoolCounts(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	defer func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}()
	k := newClocks()
	p := &pool{clock: k.read}
	var held []string
	for range 20000 {
		switch n := random.IntN(100); {
		case n < 50:
			host := fmt.Sprint(random.IntN(8) * random.IntN(60))
			if p.room(host) {
				p.mu.Lock()
				_, stale, _ := p.enter(host)
				p.mu.Unlock()
				abortAll(stale)
				held = append(held, host)
			}
		case n < 96 && len(held) > 0:
			i := random.IntN(len(held))
			host := held[i]
			held = append(held[:i], held[i+1:]...)
			var kept *conn
			if random.IntN(3) > 0 {
				kept, _ = fakeConn(host)
			}
			p.leave(host, kept)
		case n < 98:
			p.drop(fmt.Sprint(random.IntN(8)))
		default:
			d := time.Duration(random.IntN(2000)) * time.Millisecond
			k.pass(d, d)
		}
		checkPool(t, p, len(held))
		if t.Failed() {
			return
		}
	}
	for _, host := range held {
		p.leave(host, nil)
	}
	p.closeAll()
	if checkPool(t, p, 0); p.kept != 0 || len(p.hosts) != 0 {
		t.Errorf("%d connections and %d hosts are left", p.kept, len(p.hosts))
	}
}

func checkPool(t *testing.T, p *pool, held int) {
	t.Helper()
	used, idle, listed := 0, 0, 0
	for _, h := range p.hosts {
		used += h.used
		idle += len(h.idle)
		if h.used > maxPerHost || h.used+len(h.idle) == 0 {
			t.Errorf("a host with %d requests and %d connections", h.used, len(h.idle))
		}
	}
	for k := p.oldest; k != nil; k = k.newer {
		listed++
	}
	if used != held || p.used != held || idle != p.kept || listed != p.kept || p.kept > maxIdle || used+idle > maxUsed {
		t.Errorf("%d held, %d and %d counted; %d idle, %d listed, %d counted", held, used, p.used, idle, listed, p.kept)
	}
}
