package egress

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func discardLog() *log.Logger { return log.New(io.Discard, "", 0) }

func TestSendRequest(t *testing.T) {
	var got *http.Request
	var body []byte
	url := serve(t, goodTLS(t), func(w http.ResponseWriter, r *http.Request) {
		got = r.Clone(context.Background())
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "thanks")
	})
	r := post(url + "?a=%20b&c")
	resp := newTestClient(t, quick()).Send(t.Context(), r)
	if !resp.OK() || resp.StatusCode != 200 || resp.Excerpt != "thanks" || resp.ErrorMessage != "" {
		t.Fatalf("got %+v", resp)
	}
	if resp.Duration <= 0 || time.Since(resp.StartedAt) > time.Minute {
		t.Errorf("started %v, took %v", resp.StartedAt, resp.Duration)
	}
	if got.Method != "POST" || got.RequestURI != "/hook?a=%20b&c" || got.Proto != "HTTP/1.1" || string(body) != string(r.Body) {
		t.Errorf("got %s %s %s: %s", got.Method, got.RequestURI, got.Proto, body)
	}
	if !strings.HasPrefix(got.Host, testHost+":") || got.TLS.ServerName != testHost {
		t.Errorf("host %s, server name %s", got.Host, got.TLS.ServerName)
	}
	want := map[string]string{
		"Content-Type": "application/json", "X-Webhook-Attempt": "1", "User-Agent": "Cr3dentials-Webhooks/" + Version,
		"Content-Length": fmt.Sprint(len(r.Body)),
	}
	for name := range got.Header {
		if len(got.Header[name]) != 1 || got.Header.Get(name) != want[name] {
			t.Errorf("header %s: got %q, want %q", name, got.Header[name], want[name])
		}
		delete(want, name)
	}
	if len(want) != 0 {
		t.Errorf("missing headers %v", want)
	}
}

// TestSendUnread: an endpoint that never reads the request ends with the times, not with the endpoint.
func TestSendUnread(t *testing.T) {
	over := make(chan struct{})
	url := serveRaw(t, goodTLS(t), func(conn net.Conn) {
		if conn.(*tls.Conn).Handshake() == nil {
			<-over
		}
	})
	defer close(over)
	r := post(url)
	r.Body = make([]byte, 32<<20) // more than the buffers on the way hold
	o := quick()
	resp := newTestClient(t, o).Send(t.Context(), r)
	most := o.ConnectTimeout + o.WriteTimeout + o.AnswerTimeout + time.Second
	if resp.ErrorCode != webhook.ErrTimeout || resp.Duration > most {
		t.Errorf("got %q after %v", resp.ErrorCode, resp.Duration)
	}
}

// TestUnsendable: a header that would change the request, and stored all the same, is not sent.
func TestUnsendable(t *testing.T) {
	var visits atomic.Int64
	url := serve(t, goodTLS(t), func(http.ResponseWriter, *http.Request) { visits.Add(1) })
	for _, h := range []webhook.Header{
		{Name: "a", Value: "b\r\nc: d"}, {Name: "a", Value: "b\nc"}, {Name: "a", Value: "\x00"}, {Name: "a: b\r\nc", Value: "d"}, {Name: "a b", Value: "c"},
		{Name: "", Value: "a"}, {Name: "ä", Value: "a"}, {Name: "Host", Value: "a"}, {Name: "content-length", Value: "1"},
		{Name: "Transfer-Encoding", Value: "chunked"}, {Name: "Connection", Value: "close"}, {Name: "Expect", Value: "100-continue"},
	} {
		r := post(url)
		r.Headers = append(r.Headers, h)
		resp := newTestClient(t, quick()).Send(t.Context(), r)
		if resp.ErrorCode != webhook.ErrProtocol {
			t.Errorf("%q: got %q (%s)", h, resp.ErrorCode, resp.ErrorMessage)
		}
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("%d were sent", n)
	}
}

// TestSendNextAddress: an address that does not answer does not hide the next one.
func TestSendNextAddress(t *testing.T) {
	url := serve(t, goodTLS(t), func(http.ResponseWriter, *http.Request) {})
	o := quick()
	o.Resolver = names{testHost: {"127.0.0.2", "127.0.0.1"}}
	if resp := newTestClient(t, o).Send(t.Context(), post(url)); !resp.OK() {
		t.Errorf("got %q (%s)", resp.ErrorCode, resp.ErrorMessage)
	}
}

// TestAnsweredUnread: an answer that comes before the request was read is the outcome, and ends the sending.
func TestAnsweredUnread(t *testing.T) {
	over := make(chan struct{})
	url := serveRaw(t, goodTLS(t), func(conn net.Conn) {
		_, _ = io.WriteString(conn, "HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n")
		<-over
	})
	defer close(over)
	r := post(url)
	r.Body = make([]byte, 32<<20) // more than the buffers on the way hold
	o := quick()
	o.WriteTimeout = 10 * time.Second
	c := newTestClient(t, o)
	if resp := c.Send(t.Context(), r); resp.StatusCode != 413 || resp.Duration > 2*time.Second {
		t.Errorf("got %d %q after %v", resp.StatusCode, resp.ErrorCode, resp.Duration)
	}
	if c.pool.kept != 0 {
		t.Error("a connection is kept on which a request was not written whole")
	}
}

// TestSendInterrupted: what the caller cuts short is not the endpoint's fault.
func TestSendInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	url := serveRaw(t, goodTLS(t), func(conn net.Conn) {
		readRequest(conn)
		cancel()
		_, _ = io.Copy(io.Discard, conn)
	})
	o := quick()
	o.AnswerTimeout = 5 * time.Second
	resp := newTestClient(t, o).Send(ctx, post(url))
	if resp.ErrorCode != webhook.ErrInterrupted || resp.Duration > 4*time.Second {
		t.Errorf("got %q after %v", resp.ErrorCode, resp.Duration)
	}
	var visits atomic.Int64
	c := newTestClient(t, quick())
	other := serve(t, goodTLS(t), func(http.ResponseWriter, *http.Request) { visits.Add(1) })
	for i, ctx := range []context.Context{t.Context(), ctx} { // the second finds a connection that was kept
		if resp := c.Send(ctx, post(other)); resp.OK() != (i == 0) {
			t.Errorf("send %d: got %q", i+1, resp.ErrorCode)
		}
	}
	if n := visits.Load(); n != 1 {
		t.Errorf("%d visits: sent after the end", n)
	}
}

// TestReadUntil: a deadline that is set after the end of the context has no effect.
func TestReadUntil(t *testing.T) {
	url := serveRaw(t, goodTLS(t), func(conn net.Conn) { readRequest(conn) })
	hostPort := strings.TrimSuffix(strings.TrimPrefix(url, "https://"), "/hook")
	k, err := newTestClient(t, quick()).dial(t.Context(), hostPort, time.Now().Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer k.abort()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	k.readUntil(ctx, time.Now().Add(2*time.Second))
	began := time.Now()
	if _, err := k.secured.Read(make([]byte, 1)); err == nil || time.Since(began) > time.Second {
		t.Errorf("got %v after %v", err, time.Since(began))
	}
}

func TestSendRedirectNotFollowed(t *testing.T) {
	var visits atomic.Int64
	inner := serve(t, goodTLS(t), func(http.ResponseWriter, *http.Request) { visits.Add(1) })
	for _, location := range []string{inner, "http://127.0.0.1/", "%zz", ""} {
		url := serve(t, goodTLS(t), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			w.Header().Set("Set-Cookie", "a=b")
			w.WriteHeader(http.StatusPermanentRedirect)
		})
		resp := newTestClient(t, quick()).Send(t.Context(), post(url))
		if resp.ErrorCode != webhook.ErrHTTPStatus || resp.StatusCode != 308 {
			t.Errorf("%s: got %d %q", location, resp.StatusCode, resp.ErrorCode)
		}
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("the redirect's target was visited %d times", n)
	}
}
