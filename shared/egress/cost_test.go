package egress

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestSendAllocations: a delivery over a kept connection allocates next to nothing, and connects nowhere.
func TestSendAllocations(t *testing.T) {
	server, roots := startReceiver(t)
	resolver := &sequence{answers: [][]string{{"127.0.0.1"}}}
	c := New(Options{Resolver: resolver})
	trustLoopback(c, roots)
	request := deliveryTo(server.url("/hook"))
	const most = 8 // 4 without the race detector: the context's function and crypto/tls
	if n := testing.AllocsPerRun(200, func() {
		if resp := c.Send(t.Context(), request); !resp.OK() {
			t.Fatalf("got %q (%s)", resp.ErrorCode, resp.ErrorMessage)
		}
	}); n > most*raceFactor {
		t.Errorf("%v allocations, want at most %d", n, most)
	}
	if n := resolver.asked.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// TestLargeAnswers: a hundred answers of 1 MiB at once cost what is read of them, not what is sent.
func TestLargeAnswers(t *testing.T) {
	server, roots := startReceiver(t)
	c := New(Options{Resolver: names{testHost: {"127.0.0.1"}}, ConnectTimeout: 30 * time.Second, AnswerTimeout: 30 * time.Second})
	trustLoopback(c, roots)
	request := deliveryTo(server.url("/large"))
	request.Body = []byte(strings.Repeat("a", 100<<10))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const hooks = 100
	var wg sync.WaitGroup
	for range hooks {
		wg.Go(func() {
			if resp := c.Send(t.Context(), request); !resp.OK() || resp.Excerpt != "" {
				t.Errorf("got %q (%s)", resp.ErrorCode, resp.ErrorMessage)
			}
		})
	}
	wg.Wait()
	runtime.ReadMemStats(&after)
	const most = 256 << 10
	used := (after.TotalAlloc - before.TotalAlloc) / hooks
	t.Logf("%d bytes were allocated for each", used)
	if used > most*raceFactor {
		t.Errorf("%d bytes were allocated for each, want at most %d", used, most)
	}
	if c.pool.kept != 0 {
		t.Errorf("%d connections with unread answers are kept", c.pool.kept)
	}
}

// TestShow: of a success nothing is kept, unless the request asks for it; of a failure all that may be shown.
func TestShow(t *testing.T) {
	url := serveRaw(t, goodTLS(t), func(conn net.Conn) {
		for n := 0; readRequest(conn); n++ {
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d x\r\nServer: a\r\nContent-Length: 5\r\n\r\nhello", []int{200, 500}[n%2])
		}
	})
	c := newTestClient(t, patient())
	for _, show := range []bool{false, true} {
		for _, success := range []bool{true, false} {
			r := post(url)
			r.Show = show
			resp := c.Send(t.Context(), r)
			if resp.StatusCode == 0 || resp.OK() != success {
				t.Fatalf("got %d %q", resp.StatusCode, resp.ErrorCode)
			}
			if shown := show || !success; (resp.Excerpt == "hello") != shown || (len(resp.Headers) == 2) != shown {
				t.Errorf("show %v, status %d: got %q, %v", show, resp.StatusCode, resp.Excerpt, resp.Headers)
			}
		}
	}
}
