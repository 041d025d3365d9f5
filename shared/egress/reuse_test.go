package egress

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

func TestCloseIdle(t *testing.T) {
	var connections atomic.Int64
	url := serveRaw(t, goodTLS(t), func(conn net.Conn) {
		connections.Add(1)
		for readRequest(conn) {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	c := newTestClient(t, quick())
	for i, want := range []int64{1, 1, 2} {
		if i == 2 {
			c.CloseIdle()
		}
		if resp := c.Send(t.Context(), post(url)); !resp.OK() || connections.Load() != want {
			t.Errorf("send %d: got %q, %d connections, want %d", i+1, resp.ErrorCode, connections.Load(), want)
		}
	}
}

// TestUnaskedAnswer: what an endpoint says after its answer is not the answer to the next request, however it is cut
// into writes, and where a connection's buffers end. A connection is not used again if it may hold such words.
func TestUnaskedAnswer(t *testing.T) {
	const second = "HTTP/1.1 299 x\r\nContent-Length: 0\r\n\r\n"
	first := func(size int) string {
		start := "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: "
		return start + strings.Repeat("a", size-len(start)-4) + "\r\n\r\n"
	}
	small := first(100)
	for name, speak := range map[string]func(net.Conn){
		"one write":         func(c net.Conn) { _, _ = io.WriteString(c, small+second) },
		"two writes":        func(c net.Conn) { _, _ = io.WriteString(c, small); _, _ = io.WriteString(c, second) },
		"behind the buffer": func(c net.Conn) { _, _ = io.WriteString(c, first(readBuffer)+second) },
		"a body with a 204": func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 204 x\r\nContent-Length: 44\r\n\r\n"+second) },
		"behind the length": func(c net.Conn) { _, _ = io.WriteString(c, strings.Replace(small, ": 0", ": 1", 1)+"x"+second) },
		"a body with a 304": func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 304 x\r\n\r\n"+second) },
		"behind the chunks": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"+second)
		},
		"as trailers": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n"+second)
		},
		"a body that is late":  func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 x\r\nContent-Length: 44\r\n\r\n") },
		"a chunk that is late": func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n") },
		"closes": func(c net.Conn) {
			_, _ = io.WriteString(c, strings.Replace(small, "X:", "Connection: a, Close\r\nX:", 1))
		},
		"HTTP/1.0": func(c net.Conn) { _, _ = io.WriteString(c, strings.Replace(small, "1.1", "1.0", 1)) },
		"switches": func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 101 x\r\n\r\n") },
		"two framings, alone": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
		},
		"a trailer that is late": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n")
		},
		"two framings": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"+second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said := make(chan struct{}, 1)
			var connections atomic.Int64
			url := serveRaw(t, goodTLS(t), func(conn net.Conn) {
				connections.Add(1)
				for readRequest(conn) {
					speak(conn)
					said <- struct{}{}
				}
			})
			c := newTestClient(t, quick())
			const requests = 20
			for range requests {
				// What the endpoint has not said yet when the next request leaves could be an answer to that.
				if resp := c.Send(t.Context(), post(url)); resp.StatusCode == 299 || resp.StatusCode == 0 {
					t.Fatalf("got %d %q", resp.StatusCode, resp.ErrorCode)
				}
				<-said
			}
			if n := connections.Load(); n != requests {
				t.Errorf("%d connections for %d requests", n, requests)
			}
		})
	}
}

// TestClosedMeanwhile: a connection that its endpoint has closed is not used, so no attempt is lost to it.
func TestClosedMeanwhile(t *testing.T) {
	closed := make(chan struct{})
	url := serveRaw(t, goodTLS(t), func(conn net.Conn) {
		if readRequest(conn) {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
		_ = conn.Close()
		closed <- struct{}{}
	})
	c := newTestClient(t, quick())
	for range 20 {
		if resp := c.Send(t.Context(), post(url)); !resp.OK() {
			t.Fatalf("got %q (%s)", resp.ErrorCode, resp.ErrorMessage)
		}
		<-closed
	}
}

// TestNoCookie: a cookie that an endpoint sets does not come back.
func TestNoCookie(t *testing.T) {
	url := serve(t, goodTLS(t), func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cookie") != "" {
			w.WriteHeader(http.StatusTeapot)
		}
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b", Path: "/"})
	})
	c := newTestClient(t, quick())
	for range 2 {
		if resp := c.Send(t.Context(), post(url)); !resp.OK() || len(resp.Headers) == 0 {
			t.Errorf("got %d %v", resp.StatusCode, resp.Headers)
		}
	}
}
