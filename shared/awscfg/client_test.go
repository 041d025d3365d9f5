package awscfg_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/awscfg"
)

func newClient(t *testing.T) *awscfg.Client {
	t.Helper()
	c, ok := load(t, "http://localhost").HTTPClient.(*awscfg.Client)
	if !ok {
		t.Fatal("the functions have another client")
	}
	return c
}

// ask posts a text, which net/http does not know to be in memory, as the SDK does, and returns what is answered.
func ask(ctx context.Context, c *awscfg.Client, url, text string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/path?query", io.NopCloser(io.MultiReader(strings.NewReader(text))))
	if err != nil {
		return "", err
	}
	r.ContentLength = int64(len(text))
	r.Header.Set("X-Amz-Target", "Something")
	resp, err := c.Do(r)
	if err != nil {
		return "", err
	}
	all, err := io.ReadAll(resp.Body)
	return fmt.Sprint(resp.StatusCode, " ", string(all)), errors.Join(err, resp.Body.Close())
}

// echo answers with what it was asked, and counts its connections.
func echo(t *testing.T, answer http.HandlerFunc) (server *httptest.Server, connections *atomic.Int64) {
	t.Helper()
	connections = &atomic.Int64{}
	if answer == nil {
		answer = func(w http.ResponseWriter, r *http.Request) {
			all, _ := io.ReadAll(r.Body)
			_, _ = fmt.Fprint(w, r.Method, " ", r.URL, " ", r.Host == r.URL.Host, " ", r.Header.Get("X-Amz-Target"), " ", string(all))
		}
	}
	server = httptest.NewUnstartedServer(answer)
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	return server, connections
}

// TestClientKeepsItsConnection: requests one after the other use one connection, however their answers are framed.
func TestClientKeepsItsConnection(t *testing.T) {
	c := newClient(t)
	server, connections := echo(t, func(w http.ResponseWriter, r *http.Request) {
		all, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusEarlyHints) // comes before the answer
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write(all[:len(all)/2])
		if len(all) > 1 {
			_ = http.NewResponseController(w).Flush() // now it is chunked
		}
		_, _ = w.Write(all[len(all)/2:])
	})
	for _, text := range []string{"a", "bc", strings.Repeat("long", 100_000), ""} {
		got, err := ask(t.Context(), c, server.URL, text)
		if want := "418 " + text; err != nil || got != want {
			t.Errorf("got %.50q, %v; want %.50q", got, err, want)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// TestClientSends: the request arrives as it was made.
func TestClientSends(t *testing.T) {
	server, _ := echo(t, nil)
	got, err := ask(t.Context(), newClient(t), server.URL, "text")
	if want := "200 POST /path?query false Something text"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

// TestClientLeavesClosedConnections: a connection that the server closed, or announces to close, is not used again.
func TestClientLeavesClosedConnections(t *testing.T) {
	c := newClient(t)
	for name, end := range map[string]func(*httptest.Server){
		"closed while idle": func(s *httptest.Server) { s.CloseClientConnections() },
		"closed by header":  func(s *httptest.Server) { s.Config.SetKeepAlivesEnabled(false) },
	} {
		server, connections := echo(t, nil)
		for i := range 4 {
			if i == 2 {
				end(server)
			}
			if _, err := ask(t.Context(), c, server.URL, "x"); err != nil {
				t.Errorf("%s: request %d: %v", name, i, err)
			}
		}
		if n := connections.Load(); n < 2 {
			t.Errorf("%s: %d connections", name, n)
		}
	}
}

// TestClientBoundsConnections: more requests than connections wait for each other; none waits longer than it may.
func TestClientBoundsConnections(t *testing.T) {
	const most, requests = 256, 300
	c := newClient(t)
	var now, peak atomic.Int64
	full, release := make(chan struct{}), make(chan struct{})
	var filled sync.Once
	server, connections := echo(t, func(w http.ResponseWriter, _ *http.Request) {
		n := now.Add(1)
		for old := peak.Load(); n > old && !peak.CompareAndSwap(old, n); old = peak.Load() {
		}
		if n == most {
			filled.Do(func() { close(full) })
		}
		<-release
		now.Add(-1)
		_, _ = io.WriteString(w, "x")
	})
	var wg sync.WaitGroup
	for range requests {
		wg.Go(func() {
			if _, err := ask(t.Context(), c.WithTimeout(time.Minute), server.URL, "x"); err != nil {
				t.Error(err)
			}
		})
	}
	<-full
	if _, err := ask(t.Context(), c.WithTimeout(10*time.Millisecond), server.URL, "x"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no connection free: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ask(ctx, c, server.URL, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("no connection free and no time: %v", err)
	}
	close(release)
	wg.Wait()
	if p, n := peak.Load(), connections.Load(); p != most || n != most {
		t.Errorf("%d requests at once over %d connections, want %d", p, n, most)
	}
}

// TestClientGivesUp: whatever hangs, the time-out or the caller's context ends it, and what comes later on that connection
// is nobody's answer.
func TestClientGivesUp(t *testing.T) {
	var late atomic.Bool
	hang := make(chan struct{})
	server, _ := echo(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		if late.CompareAndSwap(true, false) {
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		}
		_, _ = io.WriteString(w, " right")
	})
	t.Cleanup(func() { close(hang) })
	c := newClient(t)
	for name, give := range map[string]func() (string, error){
		"time-out": func() (string, error) {
			return ask(t.Context(), c.WithTimeout(50*time.Millisecond), server.URL, "x")
		},
		"context": func() (string, error) {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			return ask(ctx, c, server.URL, "x")
		},
	} {
		late.Store(true)
		began := time.Now()
		if got, err := give(); err == nil {
			t.Errorf("%s: got %q", name, got)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s: it took %v", name, took)
		}
		if got, err := ask(t.Context(), c, server.URL, "x"); err != nil || got != "200  right" {
			t.Errorf("%s: the next one got %q, %v", name, got, err)
		}
	}
}

// TestClientConnects: a handshake may take a second, and a certificate must be right.
func TestClientConnects(t *testing.T) {
	c := newClient(t)
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mute.Close() })
	began := time.Now()
	if _, err := ask(t.Context(), c, "https://"+mute.Addr().String(), "x"); err == nil {
		t.Error("no handshake, and no error")
	}
	if took := time.Since(began); took < 900*time.Millisecond || took > 2500*time.Millisecond {
		t.Errorf("a handshake may take %v, want 1 s", took)
	}
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	if _, err := ask(t.Context(), c, secure.URL, "x"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate of nobody: %v", err)
	}
	address := mute.Addr().String()
	_ = mute.Close()
	if _, err := ask(t.Context(), c, "http://"+address, "x"); err == nil {
		t.Error("nobody listens, and no error")
	}
}

// TestClientRefusesMore: bytes after an answer belong to no request.
func TestClientRefusesMore(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var connections atomic.Int64
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			r, err := http.ReadRequest(bufio.NewReader(conn))
			if err == nil {
				_, _ = io.ReadAll(r.Body)
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nrightHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong")
			}
		}
	}()
	c := newClient(t)
	for range 3 {
		if got, err := ask(t.Context(), c, "http://"+l.Addr().String(), "x"); err != nil || got != "200 right" {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if n := connections.Load(); n != 3 {
		t.Errorf("%d connections, want one for each request", n)
	}
}
