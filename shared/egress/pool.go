package egress

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// readBuffer is the size in bytes of a connection's buffers.
const readBuffer = 4 << 10

// past is a deadline that has ended.
var past = time.Unix(1, 0)

// conn is a connection to an endpoint. It serves one request at a time.
type conn struct {
	secured *tls.Conn
	reader  *bufio.Reader
	since   time.Time // when it became idle
}

func newConn(secured *tls.Conn) *conn {
	return &conn{secured: secured, reader: bufio.NewReaderSize(secured, readBuffer)}
}

// readUntil sets the deadline for reading, unless ctx has ended: then there is nothing to wait for.
func (k *conn) readUntil(ctx context.Context, t time.Time) {
	_ = k.secured.SetReadDeadline(t)
	if ctx.Err() != nil {
		_ = k.secured.SetReadDeadline(past)
	}
}

// abort closes the connection without TLS' farewell, which an endpoint that does not read could hold up for seconds.
func (k *conn) abort() { _ = k.secured.NetConn().Close() }

// quiet tells whether the endpoint has sent nothing since its last answer, nor closed the connection. What it has sent
// would be taken for the next request's answer.
func (k *conn) quiet() bool {
	if k.reader.Buffered() > 0 {
		return false
	}
	// First what TLS holds already: with a deadline that has ended it does not look further.
	_ = k.secured.SetReadDeadline(past)
	if n, err := k.secured.Read(make([]byte, 1)); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	bounded, ok := k.secured.NetConn().(*boundedConn)
	if !ok {
		return false
	}
	tcp, ok := bounded.Conn.(*net.TCPConn)
	if !ok {
		return false
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return false
	}
	var peeked error
	err = raw.Control(func(fd uintptr) {
		_, _, peeked = syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	})
	return err == nil && errors.Is(peeked, syscall.EAGAIN)
}

// pool keeps connections that may serve another request to the same host and port.
type pool struct {
	mu    sync.Mutex
	idle  map[string][]*conn
	count int
}

// Bounds on what is kept. The time is short enough that an endpoint's own limit (5 s in Node) does not close a
// connection while it is being used.
const (
	maxIdle        = 64
	maxIdlePerHost = 4
	maxIdleTime    = 3 * time.Second
)

// take returns a connection that is kept for the host and port, nil if there is none that can be trusted.
func (p *pool) take(hostPort string) *conn {
	for {
		k := p.pop(hostPort)
		if k == nil || time.Since(k.since) < maxIdleTime && k.quiet() {
			return k
		}
		k.abort()
	}
}

func (p *pool) pop(hostPort string) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := p.idle[hostPort]
	if len(kept) == 0 {
		return nil
	}
	k := kept[len(kept)-1]
	if p.idle[hostPort] = kept[:len(kept)-1]; len(kept) == 1 {
		delete(p.idle, hostPort)
	}
	p.count--
	return k
}

// put keeps a connection, or closes it if enough are kept.
func (p *pool) put(hostPort string, k *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count >= maxIdle || len(p.idle[hostPort]) >= maxIdlePerHost {
		k.abort()
		return
	}
	if p.idle == nil {
		p.idle = map[string][]*conn{}
	}
	k.since = time.Now()
	p.idle[hostPort] = append(p.idle[hostPort], k)
	p.count++
}

func (p *pool) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, kept := range p.idle {
		for _, k := range kept {
			k.abort()
		}
	}
	p.idle, p.count = nil, 0
}
