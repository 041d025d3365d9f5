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

func TestSendStatuses(t *testing.T) {
	url := serveRaw(t, goodTLS(t), func(conn net.Conn) {
		buf := make([]byte, 4096)
		n, _ := conn.Read(buf)
		_, status, _ := strings.Cut(strings.SplitN(string(buf[:n]), " HTTP/1.1", 2)[0], "?")
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 %s x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status)
	})
	c := newTestClient(t, quick())
	for _, tt := range []struct {
		status string
		code   webhook.ErrorCode
		shown  int
	}{
		{"200", "", 200}, {"201", "", 201}, {"204", "", 204}, {"299", "", 299},
		{"000", webhook.ErrHTTPStatus, 0}, {"101", webhook.ErrHTTPStatus, 101},
		{"300", webhook.ErrHTTPStatus, 300}, {"302", webhook.ErrHTTPStatus, 302}, {"304", webhook.ErrHTTPStatus, 304},
		{"399", webhook.ErrHTTPStatus, 399}, {"400", webhook.ErrHTTPStatus, 400}, {"410", webhook.ErrHTTPStatus, 410},
		{"500", webhook.ErrHTTPStatus, 500}, {"999", webhook.ErrHTTPStatus, 999},
		// Informational: the answer itself never comes.
		{"199", webhook.ErrConnectionReset, 0}, {"100", webhook.ErrConnectionReset, 0},
		{"20", webhook.ErrProtocol, 0}, {"2000", webhook.ErrProtocol, 0}, {"abc", webhook.ErrProtocol, 0},
	} {
		resp := c.Send(t.Context(), post(url+"?"+tt.status))
		if resp.ErrorCode != tt.code || resp.StatusCode != tt.shown || (resp.ErrorMessage == "") != (tt.code == "") {
			t.Errorf("%s: got %d %q (%s)", tt.status, resp.StatusCode, resp.ErrorCode, resp.ErrorMessage)
		}
	}
}

// TestSendFailures tells, for each way an endpoint can fail, the code and that the time is bounded.
func TestSendFailures(t *testing.T) {
	answer := func(text string) func(net.Conn) {
		return func(conn net.Conn) {
			if readRequest(conn) {
				_, _ = io.WriteString(conn, text)
			}
		}
	}
	hang := func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }
	for _, tt := range []struct {
		name  string
		tls   *tls.Config
		speak func(net.Conn)
		code  webhook.ErrorCode
		most  time.Duration
	}{
		{"silence after the request", goodTLS(t), hang, webhook.ErrTimeout, 600 * time.Millisecond},
		{"silence instead of TLS", nil, hang, webhook.ErrConnectTimeout, 800 * time.Millisecond},
		{"a header that drips", goodTLS(t), drip("HTTP/1.1 200 OK\r\nX: ", "x"), webhook.ErrTimeout, 600 * time.Millisecond},
		{"endless informational answers", goodTLS(t), endless("", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
			webhook.ErrProtocol, time.Second},
		{"an endless header", goodTLS(t), endless("HTTP/1.1 200 OK\r\n", "X-A: "+strings.Repeat("a", 1000)+"\r\n"),
			webhook.ErrProtocol, time.Second},
		{"an endless header line", goodTLS(t), endless("HTTP/1.1 200 OK\r\nX: ", strings.Repeat("a", 1000)),
			webhook.ErrProtocol, time.Second},
		{"a reset after the request", goodTLS(t), reset, webhook.ErrConnectionReset, time.Second},
		{"an end after the request", goodTLS(t), answer(""), webhook.ErrConnectionReset, time.Second},
		{"an end in the status line", goodTLS(t), answer("HTTP/1.1 2"), webhook.ErrConnectionReset, time.Second},
		{"an end in the header", goodTLS(t), answer("HTTP/1.1 200 OK\r\nA: b\r\n"), webhook.ErrConnectionReset, time.Second},
		{"an end during the handshake", nil, func(net.Conn) {}, webhook.ErrConnectionReset, time.Second},
		{"not HTTP", goodTLS(t), answer("SSH-2.0-OpenSSH_9.6\r\n\r\n"), webhook.ErrProtocol, time.Second},
		{"two lengths", goodTLS(t), answer("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
			webhook.ErrProtocol, time.Second},
		{"plain HTTP", nil, func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
		}, webhook.ErrTLS, time.Second},
		{"an expired certificate", issue(t, testHost, time.Now().Add(-time.Hour)), hang, webhook.ErrTLS, time.Second},
		{"another host's certificate", issue(t, "other.example.com", time.Now().Add(time.Hour)), hang, webhook.ErrTLS, time.Second},
		{"TLS 1.1", oldTLS(t), hang, webhook.ErrTLS, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			resp := newTestClient(t, quick()).Send(t.Context(), post(serveRaw(t, tt.tls, tt.speak)))
			if resp.ErrorCode != tt.code || resp.StatusCode != 0 || resp.Excerpt != "" {
				t.Errorf("got %d %q (%s), want %q", resp.StatusCode, resp.ErrorCode, resp.ErrorMessage, tt.code)
			}
			if resp.Duration > tt.most {
				t.Errorf("took %v, want at most %v", resp.Duration, tt.most)
			}
			if strings.Contains(resp.ErrorMessage, "127.") || resp.ErrorMessage == "" {
				t.Errorf("message %q", resp.ErrorMessage)
			}
		})
	}
}

func drip(start, next string) func(net.Conn) {
	return func(conn net.Conn) {
		if !readRequest(conn) {
			return
		}
		for text := start; ; text = next {
			if _, err := io.WriteString(conn, text); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

func endless(start, next string) func(net.Conn) {
	return func(conn net.Conn) {
		if !readRequest(conn) {
			return
		}
		for text := start; ; text = next {
			if _, err := io.WriteString(conn, text); err != nil {
				return
			}
		}
	}
}

func reset(conn net.Conn) {
	if readRequest(conn) {
		_ = conn.(*tls.Conn).NetConn().(*net.TCPConn).SetLinger(0)
		_ = conn.(*tls.Conn).NetConn().Close()
	}
}

func oldTLS(t *testing.T) *tls.Config {
	config := goodTLS(t)
	config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	return config
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
	resp := newTestClient(t, quick()).Send(t.Context(), r)
	if resp.ErrorCode != webhook.ErrTimeout || resp.Duration > 1500*time.Millisecond {
		t.Errorf("got %q after %v", resp.ErrorCode, resp.Duration)
	}
}

func TestSendUntrustedCertificate(t *testing.T) {
	c := newTestClient(t, quick())
	c.tls.RootCAs = nil
	resp := c.Send(t.Context(), post(serveRaw(t, goodTLS(t), func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1)) })))
	if resp.ErrorCode != webhook.ErrTLS || !strings.Contains(resp.ErrorMessage, "known authority") {
		t.Errorf("got %q (%s)", resp.ErrorCode, resp.ErrorMessage)
	}
}

func TestSendRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := urlOf(l)
	_ = l.Close()
	resp := newTestClient(t, quick()).Send(t.Context(), post(url))
	if resp.ErrorCode != webhook.ErrConnectionRefused {
		t.Errorf("got %q (%s)", resp.ErrorCode, resp.ErrorMessage)
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

// TestSendNotRepeated: a request that an endpoint may have seen is never sent again by the transport.
func TestSendNotRepeated(t *testing.T) {
	var requests, connections atomic.Int64
	url := serveRaw(t, goodTLS(t), func(conn net.Conn) {
		connections.Add(1)
		for readRequest(conn) {
			if requests.Add(1) == 2 {
				return // read, and closed without an answer
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	c := newTestClient(t, quick())
	if resp := c.Send(t.Context(), post(url)); !resp.OK() {
		t.Fatalf("got %q (%s)", resp.ErrorCode, resp.ErrorMessage)
	}
	resp := c.Send(t.Context(), post(url))
	if resp.ErrorCode != webhook.ErrConnectionReset {
		t.Errorf("got %q (%s)", resp.ErrorCode, resp.ErrorMessage)
	}
	if n := requests.Load(); n != 2 {
		t.Errorf("the endpoint saw %d requests, want 2", n)
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections: the first was not kept, so the test shows nothing", n)
	}
}

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
