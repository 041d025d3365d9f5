package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// crowd is an endpoint that answers when it is told to, and the client that met it.
type crowd struct {
	url         string
	client      *Client
	connections atomic.Int64
	arrived     chan struct{}
	answer      chan struct{}
	done        chan webhook.Response
}

func gather(t *testing.T, o Options) *crowd {
	t.Helper()
	w := &crowd{
		arrived: make(chan struct{}, 2*maxPerHost), answer: make(chan struct{}), done: make(chan webhook.Response, 2*maxPerHost),
	}
	w.url = serveRaw(t, goodTLS(t), func(conn net.Conn) {
		w.connections.Add(1)
		for readRequest(conn) {
			w.arrived <- struct{}{}
			<-w.answer
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	w.client = newTestClient(t, o)
	return w
}

func (w *crowd) send(ctx context.Context) { w.done <- w.client.Send(ctx, post(w.url)) }

// fill makes as many requests as one host may have, and returns when the endpoint has read all.
func (w *crowd) fill(t *testing.T) {
	t.Helper()
	for range maxPerHost {
		go w.send(t.Context())
	}
	for range maxPerHost {
		<-w.arrived
	}
}

func patient() Options {
	o := quick()
	o.ConnectTimeout, o.AnswerTimeout = 20*time.Second, 20*time.Second
	return o
}

// TestPerHost: a host has 100 requests at once and as many connections. The next one waits, and gets the connection that
// comes free; other hosts do not notice.
func TestPerHost(t *testing.T) {
	w := gather(t, patient())
	w.fill(t)
	const more = 10
	for range more {
		go w.send(t.Context())
	}
	awaitQueue(t, &w.client.pool, more)
	select {
	case <-w.arrived:
		t.Error("a request more than may be")
	default:
	}
	other := serveRaw(t, goodTLS(t), func(conn net.Conn) {
		readRequest(conn)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
	})
	if resp := w.client.Send(t.Context(), post(other)); !resp.OK() {
		t.Errorf("another host: got %q (%s)", resp.ErrorCode, resp.ErrorMessage)
	}
	for range more { // one answer, one turn
		w.answer <- struct{}{}
		<-w.arrived
	}
	for range maxPerHost {
		w.answer <- struct{}{}
	}
	for range maxPerHost + more {
		if resp := <-w.done; !resp.OK() {
			t.Errorf("got %q (%s)", resp.ErrorCode, resp.ErrorMessage)
		}
	}
	if n := w.connections.Load(); n != maxPerHost || w.client.pool.kept != maxPerHost {
		t.Errorf("%d connections were made, %d are kept, want %d", n, w.client.pool.kept, maxPerHost)
	}
}

// TestNoTurn: whoever gets no turn in the time for connecting has sent nothing, and it is not the endpoint's fault.
func TestNoTurn(t *testing.T) {
	w := gather(t, patient())
	w.fill(t)
	w.client.options.ConnectTimeout = 20 * time.Millisecond
	resp := w.client.Send(t.Context(), post(w.url))
	if resp.ErrorCode != webhook.ErrInterrupted || !strings.Contains(resp.ErrorMessage, "nothing was sent") || resp.Duration < 20*time.Millisecond {
		t.Errorf("late: got %q (%s)", resp.ErrorCode, resp.ErrorMessage)
	}
	w.client.options.ConnectTimeout = 20 * time.Second
	ctx, cancel := context.WithCancel(t.Context())
	go w.send(ctx)
	awaitQueue(t, &w.client.pool, 1)
	cancel()
	if resp := <-w.done; resp.ErrorCode != webhook.ErrInterrupted {
		t.Errorf("cancelled: got %q (%s)", resp.ErrorCode, resp.ErrorMessage)
	}
	close(w.answer)
	for range maxPerHost {
		if resp := <-w.done; !resp.OK() {
			t.Errorf("got %q (%s)", resp.ErrorCode, resp.ErrorMessage)
		}
	}
	if len(w.arrived) != 0 || w.client.pool.used != 0 || len(w.client.pool.queue) != 0 {
		t.Errorf("%d requests more arrived; %d turns and %d waiters are left", len(w.arrived), w.client.pool.used, len(w.client.pool.queue))
	}
}

// TestLateTurn: a request whose turn came so late that connecting took too long is not the endpoint's fault, either.
func TestLateTurn(t *testing.T) {
	for _, tt := range []struct {
		waits bool
		want  webhook.ErrorCode
	}{{false, webhook.ErrConnectTimeout}, {true, webhook.ErrInterrupted}} {
		url := serveRaw(t, nil, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }) // no TLS comes
		o := quick()
		o.ConnectTimeout = 400 * time.Millisecond
		c := newTestClient(t, o)
		hostPort := strings.TrimSuffix(strings.TrimPrefix(url, "https://"), "/hook")
		if tt.waits {
			for range maxPerHost {
				if _, _, err := c.pool.take(t.Context(), hostPort, time.Time{}); err != nil {
					t.Fatal(err)
				}
			}
			go func() {
				awaitQueue(t, &c.pool, 1)
				c.pool.leave(hostPort, nil)
			}()
		}
		if resp := c.Send(t.Context(), post(url)); resp.ErrorCode != tt.want {
			t.Errorf("waits %v: got %q (%s)", tt.waits, resp.ErrorCode, resp.ErrorMessage)
		}
	}
}

// noAnswer is a resolver that has only an error.
type noAnswer struct{ err error }

func (f noAnswer) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return nil, f.err
}

// TestNoDescriptor: an attempt for which this process has no descriptor is not the endpoint's fault.
func TestNoDescriptor(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE} {
		failed := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", errno)}
		if f := classify(t.Context(), &dialError{stageConnect, fmt.Errorf("connect: %w", failed)}); f.code != webhook.ErrInterrupted {
			t.Errorf("%v: got %q", errno, f.code)
		}
		o := quick()
		o.Resolver = noAnswer{&net.DNSError{Err: failed.Error(), Name: testHost, IsTemporary: true}}
		if resp := newTestClient(t, o).Send(t.Context(), post("https://"+testHost+"/")); resp.ErrorCode != webhook.ErrInterrupted {
			t.Errorf("%v: got %q (%s)", errno, resp.ErrorCode, resp.ErrorMessage)
		}
	}
	if f := classify(t.Context(), &dialError{stageConnect, errors.New("other")}); f.code != webhook.ErrConnectionRefused {
		t.Errorf("another error: got %q", f.code)
	}
}
