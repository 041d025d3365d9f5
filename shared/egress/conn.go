package egress

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"syscall"
	"time"
)

// readBuffer is the size in bytes of a connection's buffer for reading.
const readBuffer = 4 << 10

// past is a deadline that has ended.
var past = time.Unix(1, 0)

// conn is a connection to an endpoint. It serves one request at a time.
type conn struct {
	hostPort string
	secured  *tls.Conn
	raw      *boundedConn
	reader   *bufio.Reader
	// interrupt ends all reading and writing.
	interrupt func()

	// While it is kept: when it became idle, and its neighbours in the order of that.
	since        instant
	older, newer *conn
}

func newConn(hostPort string, secured *tls.Conn, raw *boundedConn) *conn {
	return &conn{
		hostPort: hostPort, secured: secured, raw: raw, reader: bufio.NewReaderSize(secured, readBuffer),
		interrupt: func() { _ = secured.SetDeadline(past) },
	}
}

// until sets the deadline for reading and writing, unless ctx has ended: then there is nothing to wait for.
func (k *conn) until(ctx context.Context, t time.Time) {
	_ = k.secured.SetDeadline(t)
	if ctx.Err() != nil {
		k.interrupt()
	}
}

// readUntil is until for reading alone.
func (k *conn) readUntil(ctx context.Context, t time.Time) {
	_ = k.secured.SetReadDeadline(t)
	if ctx.Err() != nil {
		_ = k.secured.SetReadDeadline(past)
	}
}

// abort closes the connection without TLS' farewell, which an endpoint that does not read could hold up for seconds.
func (k *conn) abort() { _ = k.raw.Close() }

// quiet tells whether the endpoint has sent nothing since its last answer, nor closed the connection. What it has sent
// would be taken for the next request's answer.
func (k *conn) quiet() bool {
	if k.reader.Buffered() > 0 {
		return false
	}
	// First what TLS holds already: it is kept from looking further.
	k.raw.dry = true
	n, err := k.secured.Read(k.raw.one[:])
	k.raw.dry = false
	return n == 0 && errors.Is(err, errDry) && k.raw.silent()
}

// boundedConn is the connection below TLS. It reads no more than maxHandshake bytes until the bound ends, and none while
// it is dry.
type boundedConn struct {
	net.Conn
	read      int // bytes so far
	handshake int // of the handshake, once that has ended
	dry       bool

	system syscall.RawConn
	peek   func(fd uintptr)
	peeked error
	one    [1]byte
}

func newBoundedConn(c net.Conn) *boundedConn {
	b := &boundedConn{Conn: c}
	if tcp, ok := c.(*net.TCPConn); ok {
		b.system, _ = tcp.SyscallConn() // nil in case of an error
	}
	b.peek = func(fd uintptr) {
		_, _, b.peeked = syscall.Recvfrom(int(fd), b.one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	}
	return b
}

// large tells whether the handshake took more than what is worth keeping.
func (b *boundedConn) large() bool {
	if b.handshake == 0 {
		return b.read > maxKeptHandshake
	}
	return b.handshake > maxKeptHandshake
}

func (b *boundedConn) Read(p []byte) (int, error) {
	if b.dry {
		return 0, errDry
	}
	if b.handshake == 0 {
		if b.read >= maxHandshake {
			return 0, errHandshake
		}
		p = p[:min(len(p), maxHandshake-b.read)]
	}
	n, err := b.Conn.Read(p)
	b.read += n
	return n, err
}

// silent tells whether the connection is open and has nothing to read.
func (b *boundedConn) silent() bool {
	return b.system != nil && b.system.Control(b.peek) == nil && errors.Is(b.peeked, syscall.EAGAIN)
}

// errDry is the error of a connection that was not read. TLS goes on after an error that is temporary.
var errDry net.Error = dryError{}

type dryError struct{}

func (dryError) Error() string   { return "egress: not read" }
func (dryError) Timeout() bool   { return true }
func (dryError) Temporary() bool { return true }
