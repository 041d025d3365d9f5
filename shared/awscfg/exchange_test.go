package awscfg

import (
	"bufio"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestOneWrite: a request is one write, header and body together: two cost twice as much.
func TestOneWrite(t *testing.T) {
	const text = "body"
	near, far := net.Pipe() // a Read of it is one Write
	defer near.Close()
	written := make(chan string, 1)
	go func() {
		b := make([]byte, 4096)
		n, _ := far.Read(b)
		written <- string(b[:n])
		_, _ = io.WriteString(far, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		_, _ = io.Copy(io.Discard, far)
	}()
	// A body that net/http does not know to be in memory, as the SDK's.
	body := io.NopCloser(io.MultiReader(strings.NewReader(text)))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/path", body)
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = int64(len(text))
	x := &connection{Conn: near, r: bufio.NewReader(near), w: bufio.NewWriter(near)}
	resp, err := x.exchange(r, time.Now().Add(10*time.Second))
	if got := <-written; !strings.HasPrefix(got, "POST /path HTTP/1.1\r\n") || !strings.HasSuffix(got, "\r\n\r\n"+text) {
		t.Errorf("the first write is %q", got)
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
}

// TestTLS: connections are kept, resumed and given up under TLS as without it.
func TestTLS(t *testing.T) {
	var opened, resumed atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.TLS.DidResume {
			resumed.Add(1)
		}
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	server.StartTLS()
	defer server.Close()
	c := newClient(tryTimeout)
	c.tls.RootCAs = x509.NewCertPool()
	c.tls.RootCAs.AddCert(server.Certificate())
	get := func(want int64) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if n := opened.Load(); n != want {
			t.Errorf("%d connections so far, want %d", n, want)
		}
	}
	get(1)
	get(1)
	server.CloseClientConnections()
	get(2)
	if resumed.Load() != 1 {
		t.Errorf("%d sessions were resumed, want 1", resumed.Load())
	}
	age := func(d time.Duration) {
		for _, x := range c.idle[server.URL] {
			x.since = x.since.Add(-d)
		}
	}
	age(maxIdle - time.Second)
	get(2)
	age(maxIdle)
	get(3)
	age(-time.Hour) // the clock was set back
	get(4)
}
