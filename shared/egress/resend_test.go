package egress

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// fickle is an endpoint whose first connection answers once and then does what a test says. The other ones go on
// answering, unless the test says otherwise.
type fickle struct {
	posts, connections atomic.Int64
	url                string
}

// link is the endpoint's end of a connection.
type link struct {
	net.Conn // TLS
	raw      *net.TCPConn
}

// reset ends the connection with a TCP reset.
func (l link) reset() {
	_ = l.raw.SetLinger(0)
	_ = l.raw.Close()
}

const okay = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

func (f *fickle) start(t *testing.T, then func(link), others func(link)) {
	t.Helper()
	config := goodTLS(t)
	f.url = serveRaw(t, nil, func(conn net.Conn) {
		l := link{tls.Server(conn, config), conn.(*net.TCPConn)}
		if f.connections.Add(1) == 1 {
			if f.read(l) {
				_, _ = io.WriteString(l, okay)
				then(l)
			}
			return
		}
		if others != nil {
			others(l)
			return
		}
		for f.read(l) {
			_, _ = io.WriteString(l, okay)
		}
	})
}

// read reads a request and counts it.
func (f *fickle) read(l link) bool {
	if !readRequest(l) {
		return false
	}
	f.posts.Add(1)
	return true
}

// TestResent is the rule of when a request is sent twice, branch by branch: what happens to the second request, on the
// connection of the first, and what comes of it.
func TestResent(t *testing.T) {
	type scene struct {
		*fickle
		clock *clocks
		stop  context.CancelFunc
	}
	part := func(l link) { _, _ = l.raw.Write([]byte("\x17\x03\x03\x00\x40abcdefgh")) } // of a TLS record
	say := func(l link, text string) { _, _ = io.WriteString(l, text) }
	for _, tt := range []struct {
		name   string
		then   func(scene, link)
		others func(scene, link)
		body   int
		code   webhook.ErrorCode
		resent bool
		posts  int64
		made   int64 // connections; 0: one, or two if sent again
	}{
		{name: "end", then: func(s scene, l link) { s.read(l) }, resent: true, posts: 3},
		{name: "farewell", then: func(s scene, l link) { s.read(l); _ = l.Close() }, resent: true, posts: 3},
		{name: "reset", then: func(s scene, l link) { s.read(l); l.reset() }, resent: true, posts: 3},
		{name: "reset before the request is read", then: func(_ scene, l link) { _, _ = l.raw.Read(make([]byte, 1)); l.reset() }, resent: true, posts: 2},
		{name: "end before the request is read", then: func(_ scene, l link) { _, _ = l.raw.Read(make([]byte, 1)) }, resent: true, posts: 2},
		{name: "reset while a large request is written", body: 8 << 20, resent: true, posts: 2,
			then: func(_ scene, l link) { _, _ = l.raw.Read(make([]byte, 1)); l.reset() }},
		{name: "end after a large request", body: 1 << 20, resent: true, posts: 3, then: func(s scene, l link) { s.read(l) }},
		{name: "just within a second", resent: true, posts: 3, then: func(s scene, l link) {
			s.read(l)
			s.clock.pass(maxResend-1, maxResend-1)
		}},

		{name: "after a second", code: "connection_reset", posts: 2, then: func(s scene, l link) {
			s.read(l)
			s.clock.pass(maxResend, maxResend)
		}},
		{name: "after a second by the monotonic clock", code: "connection_reset", posts: 2, then: func(s scene, l link) {
			s.read(l)
			s.clock.pass(0, maxResend)
		}},
		{name: "after a freeze", code: "connection_reset", posts: 2, then: func(s scene, l link) {
			s.read(l)
			s.clock.pass(time.Hour, 0)
		}},
		{name: "after the wall clock was set back", code: "connection_reset", posts: 2, then: func(s scene, l link) {
			s.read(l)
			s.clock.pass(-time.Hour, time.Millisecond)
		}},
		{name: "after a byte", code: "connection_reset", posts: 2, then: func(s scene, l link) { s.read(l); say(l, "H") }},
		{name: "after an informational answer", code: "connection_reset", posts: 2,
			then: func(s scene, l link) { s.read(l); say(l, "HTTP/1.1 103 Early\r\n\r\n") }},
		{name: "after a byte of a large request's answer", body: 1 << 20, code: "connection_reset", posts: 2,
			then: func(s scene, l link) { s.read(l); say(l, "H") }},
		{name: "end within a TLS record", code: "connection_reset", posts: 2, then: func(s scene, l link) { s.read(l); part(l) }},
		{name: "reset within a TLS record", code: "connection_reset", posts: 2, then: func(s scene, l link) {
			s.read(l)
			part(l)
			time.Sleep(50 * time.Millisecond) // or the reset overtakes it
			l.reset()
		}},
		{name: "a TLS record that is none", code: "tls_error", posts: 2, then: func(s scene, l link) {
			s.read(l)
			_, _ = l.raw.Write([]byte("\x17\x03\x03\x00\x20" + strings.Repeat("x", 32)))
			_, _ = io.Copy(io.Discard, l.raw)
		}},
		{name: "another protocol", code: "protocol_error", posts: 2, then: func(s scene, l link) { s.read(l); say(l, "hello\r\n") }},
		{name: "silence", code: "timeout", posts: 2, then: func(s scene, l link) { s.read(l); _, _ = io.Copy(io.Discard, l) }},
		{name: "the caller's end", code: "interrupted", posts: 2, then: func(s scene, l link) { s.read(l); s.stop() }},
		{name: "status 500", code: "http_status", posts: 2, then: func(s scene, l link) {
			s.read(l)
			say(l, "HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n")
		}},

		{name: "the second end", code: "connection_reset", resent: true, posts: 3,
			then: func(s scene, l link) { s.read(l) }, others: func(s scene, l link) { s.read(l) }},
		{name: "no TLS", code: "connection_reset", resent: true, posts: 2, made: 3, // with a session, and without
			then: func(s scene, l link) { s.read(l) }, others: func(scene, link) {}},
		{name: "silence, then", code: "timeout", resent: true, posts: 3,
			then: func(s scene, l link) { s.read(l) }, others: func(s scene, l link) { s.read(l); _, _ = io.Copy(io.Discard, l) }},
		{name: "status 500, then", code: "http_status", resent: true, posts: 3, then: func(s scene, l link) { s.read(l) },
			others: func(s scene, l link) { s.read(l); say(l, "HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n") }},
		{name: "the caller's end, then", code: "interrupted", resent: true, posts: 3,
			then: func(s scene, l link) { s.read(l) }, others: func(s scene, l link) { s.read(l); s.stop() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			s := scene{fickle: &fickle{}, stop: stop, clock: newClocks()}
			ready := make(chan struct{})
			var others func(link)
			if tt.others != nil {
				others = func(l link) { tt.others(s, l) }
			}
			s.start(t, func(l link) { <-ready; tt.then(s, l) }, others)
			c := newTestClient(t, patient())
			c.options.AnswerTimeout = 2 * time.Second
			if tt.code == webhook.ErrTimeout {
				c.options.AnswerTimeout = 300 * time.Millisecond
			}
			c.pool.clock = s.clock.read
			if resp := c.Send(ctx, post(s.url)); !resp.OK() || resp.Resent {
				t.Fatalf("the first: got %q (%s)", resp.ErrorCode, resp.ErrorMessage)
			}
			close(ready)
			r := post(s.url)
			r.Body = append(bytes.Repeat([]byte(" "), tt.body), r.Body...)
			resp := c.Send(ctx, r)
			if resp.ErrorCode != tt.code || resp.Resent != tt.resent || resp.OK() != (tt.code == "") {
				t.Errorf("got %q (%s), resent %v", resp.ErrorCode, resp.ErrorMessage, resp.Resent)
			}
			want := tt.made
			if want == 0 {
				if want = 1; tt.resent {
					want = 2
				}
			}
			if posts, made := s.posts.Load(), s.connections.Load(); posts != tt.posts || made != want {
				t.Errorf("%d posts on %d connections, want %d on %d", posts, made, tt.posts, want)
			}
			if c.pool.used != 0 {
				t.Errorf("%d turns are left", c.pool.used)
			}
		})
	}
}

// quietEnd is a context that has ended without having told yet.
type quietEnd struct {
	context.Context
	ended atomic.Bool
}

func (q *quietEnd) Err() error {
	if q.ended.Load() {
		return context.Canceled
	}
	return nil
}

// TestEndedNotResent: nothing is sent after the caller's end, even if the connection ended first.
func TestEndedNotResent(t *testing.T) {
	ctx := &quietEnd{Context: context.Background()}
	f := &fickle{}
	f.start(t, func(l link) { f.read(l); ctx.ended.Store(true) }, nil)
	c := newTestClient(t, patient())
	if resp := c.Send(ctx, post(f.url)); !resp.OK() {
		t.Fatalf("got %q (%s)", resp.ErrorCode, resp.ErrorMessage)
	}
	if resp := c.Send(ctx, post(f.url)); resp.ErrorCode != webhook.ErrInterrupted || resp.Resent || f.connections.Load() != 1 {
		t.Errorf("got %q (%s), resent %v", resp.ErrorCode, resp.ErrorMessage, resp.Resent)
	}
}

// TestNewNotResent: what ends on a new connection is the endpoint's fault.
func TestNewNotResent(t *testing.T) {
	var posts atomic.Int64
	url := serveRaw(t, goodTLS(t), func(conn net.Conn) {
		if readRequest(conn) {
			posts.Add(1)
		}
	})
	resp := newTestClient(t, patient()).Send(t.Context(), post(url))
	if resp.ErrorCode != webhook.ErrConnectionReset || resp.Resent || posts.Load() != 1 {
		t.Errorf("got %q (%s), resent %v, %d posts", resp.ErrorCode, resp.ErrorMessage, resp.Resent, posts.Load())
	}
}

// TestResentElsewhere: the second time is judged like any other: the name is looked up and the address is judged anew.
func TestResentElsewhere(t *testing.T) {
	for answer, want := range map[string]webhook.ErrorCode{"10.0.0.5": webhook.ErrBlockedAddress, "127.0.0.2": webhook.ErrConnectionRefused} {
		f := &fickle{}
		f.start(t, func(l link) { f.read(l) }, nil)
		o := patient()
		o.Resolver = &sequence{answers: [][]string{{"127.0.0.1"}, {answer}}}
		c := newTestClient(t, o)
		if resp := c.Send(t.Context(), post(f.url)); !resp.OK() {
			t.Fatalf("got %q (%s)", resp.ErrorCode, resp.ErrorMessage)
		}
		if resp := c.Send(t.Context(), post(f.url)); resp.ErrorCode != want || !resp.Resent {
			t.Errorf("got %q (%s), resent %v, want %q", resp.ErrorCode, resp.ErrorMessage, resp.Resent, want)
		}
	}
}

// TestResentDropsOthers: what else is kept for a host most likely died with the one that did; other hosts' stays.
func TestResentDropsOthers(t *testing.T) {
	f := &fickle{}
	var dying atomic.Bool
	serve := func(l link) {
		for f.read(l) && !dying.CompareAndSwap(true, false) {
			_, _ = io.WriteString(l, okay)
		}
	}
	f.start(t, serve, serve)
	other := serveRaw(t, goodTLS(t), func(conn net.Conn) {
		for readRequest(conn) {
			_, _ = io.WriteString(conn, okay)
		}
	})
	c := newTestClient(t, patient())
	if resp := c.Send(t.Context(), post(other)); !resp.OK() {
		t.Fatalf("got %q (%s)", resp.ErrorCode, resp.ErrorMessage)
	}
	hostPort := strings.TrimSuffix(strings.TrimPrefix(f.url, "https://"), "/hook")
	const kept = 5
	for range kept {
		if _, _, err := c.pool.take(t.Context(), hostPort, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	for range kept {
		k, err := c.dial(t.Context(), hostPort, time.Now().Add(10*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		c.pool.leave(hostPort, k)
	}
	if c.pool.kept != kept+1 {
		t.Fatalf("%d are kept", c.pool.kept)
	}
	if resp := c.Send(t.Context(), post(f.url)); !resp.OK() || resp.Resent {
		t.Fatalf("got %q (%s), resent %v", resp.ErrorCode, resp.ErrorMessage, resp.Resent)
	}
	dying.Store(true)
	if resp := c.Send(t.Context(), post(f.url)); !resp.OK() || !resp.Resent {
		t.Fatalf("got %q (%s), resent %v", resp.ErrorCode, resp.ErrorMessage, resp.Resent)
	}
	if n := f.connections.Load(); n != kept+1 || c.pool.kept != 2 {
		t.Errorf("%d connections were made, want %d; %d are kept, want the new one and the other host's", n, kept+1, c.pool.kept)
	}
}
