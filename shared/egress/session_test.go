package egress

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// handshakes counts what an endpoint saw.
type handshakes struct{ full, resumed, failed atomic.Int64 }

func (h *handshakes) String() string {
	return fmt.Sprintf("%d full, %d resumed, %d failed", h.full.Load(), h.resumed.Load(), h.failed.Load())
}

// serveSessions starts an endpoint that answers one request on each connection, and counts how those were made.
func serveSessions(t *testing.T, config *tls.Config) (string, *handshakes) {
	t.Helper()
	h := &handshakes{}
	url := serveRaw(t, config, func(conn net.Conn) {
		secured := conn.(*tls.Conn)
		switch err := secured.Handshake(); {
		case err != nil:
			h.failed.Add(1)
			return
		case secured.ConnectionState().DidResume:
			h.resumed.Add(1)
		default:
			h.full.Add(1)
		}
		if readRequest(conn) {
			_, _ = io.WriteString(conn, okay)
		}
		_, _ = io.Copy(io.Discard, conn)
	})
	return url, h
}

// sendAnew makes a request on a connection of its own.
func sendAnew(t *testing.T, c *Client, url string) webhook.Response {
	t.Helper()
	resp := c.Send(t.Context(), post(url))
	c.CloseIdle()
	return resp
}

func mustSendAnew(t *testing.T, c *Client, url string) {
	t.Helper()
	if resp := sendAnew(t, c, url); !resp.OK() {
		t.Fatalf("got %q (%s)", resp.ErrorCode, resp.ErrorMessage)
	}
}

// sharing gives servers the same keys, so that each takes the others' tickets.
func sharing(config *tls.Config) *tls.Config {
	config.SetSessionTicketKeys([][32]byte{{1}})
	return config
}

func TestResumed(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config := goodTLS(t)
		config.MaxVersion = version
		url, seen := serveSessions(t, config)
		c := newTestClient(t, patient())
		for range 3 {
			mustSendAnew(t, c, url)
		}
		if got := seen.String(); got != "1 full, 2 resumed, 0 failed" {
			t.Errorf("%s: %s", tls.VersionName(version), got)
		}
	}
}

// TestResumedApart: a session is of one host and port, and never offered to another, though that would take it.
func TestResumedApart(t *testing.T) {
	const otherName = "b.example.com"
	config := sharing(goodTLS(t))
	two := issue(t, otherName, time.Now().Add(time.Hour))
	config.Certificates = append(config.Certificates, two.Certificates...)
	first, seenFirst := serveSessions(t, config)
	second, seenSecond := serveSessions(t, config)
	o := patient()
	o.Resolver = names{testHost: {"127.0.0.1"}, otherName: {"127.0.0.1"}}
	c := newTestClient(t, o)
	for _, url := range []string{first, second, strings.Replace(first, testHost, otherName, 1)} {
		mustSendAnew(t, c, url)
	}
	if a, b := seenFirst.String(), seenSecond.String(); a != "2 full, 0 resumed, 0 failed" || b != "1 full, 0 resumed, 0 failed" {
		t.Errorf("%s; %s", a, b)
	}
}

// TestResumedVerified: a session is not resumed once the certificate that it stands for would not be accepted.
func TestResumedVerified(t *testing.T) {
	for name, change := range map[string]func(*Client){
		"expired":      func(c *Client) { c.tls.Time = func() time.Time { return time.Now().Add(90 * time.Minute) } },
		"other roots":  func(c *Client) { c.tls.RootCAs = nil },
		"not yet made": func(c *Client) { c.tls.Time = func() time.Time { return time.Now().Add(-3 * time.Hour) } },
	} {
		url, seen := serveSessions(t, sharing(goodTLS(t)))
		c := newTestClient(t, patient())
		mustSendAnew(t, c, url)
		change(c)
		if resp := sendAnew(t, c, url); resp.ErrorCode != webhook.ErrTLS {
			t.Errorf("%s: got %q (%s)", name, resp.ErrorCode, resp.ErrorMessage)
		}
		if n := seen.resumed.Load(); n != 0 {
			t.Errorf("%s: %d resumed", name, n)
		}
	}
}

// TestCannotResume: an endpoint that fails for a session is met without, at once and from then on.
func TestCannotResume(t *testing.T) {
	config := goodTLS(t)
	config.UnwrapSession = func([]byte, tls.ConnectionState) (*tls.SessionState, error) { return nil, errors.New("broken") }
	url, seen := serveSessions(t, config)
	c := newTestClient(t, patient())
	for range 4 {
		mustSendAnew(t, c, url)
	}
	if got := seen.String(); got != "4 full, 0 resumed, 1 failed" {
		t.Errorf("got %s", got)
	}
}

// TestSessionEnd: an endpoint that is down is asked once more when it had a session, and never again for that reason.
func TestSessionEnd(t *testing.T) {
	var ends atomic.Bool
	var connections atomic.Int64
	config := goodTLS(t)
	url := serveRaw(t, nil, func(conn net.Conn) {
		connections.Add(1)
		if ends.Load() {
			_, _ = conn.Read(make([]byte, 4096))
			return
		}
		secured := tls.Server(conn, config)
		if readRequest(secured) {
			_, _ = io.WriteString(secured, okay)
		}
		_, _ = io.Copy(io.Discard, conn)
	})
	known, stranger := newTestClient(t, patient()), newTestClient(t, patient())
	mustSendAnew(t, known, url)
	ends.Store(true)
	for _, tt := range []struct {
		client *Client
		want   int64
	}{{known, 2}, {known, 1}, {stranger, 1}} {
		connections.Store(0)
		if resp := sendAnew(t, tt.client, url); resp.ErrorCode != webhook.ErrConnectionReset || connections.Load() != tt.want {
			t.Errorf("got %q (%s) on %d connections, want %d", resp.ErrorCode, resp.ErrorMessage, connections.Load(), tt.want)
		}
	}
}

// TestTicketFault: a host whose tickets Go refuses is not asked for any more. Go's own server cannot send one.
func TestTicketFault(t *testing.T) {
	err := errors.New("tls: received a session ticket with invalid lifetime")
	if f := classify(t.Context(), err); f.code != webhook.ErrTLS || !strings.Contains(f.message, "ticket") {
		t.Errorf("got %v", f)
	}
	s := newSessions()
	if s.of("a:443") == nil {
		t.Error("no session from the start")
	}
	for i := range 2 * maxSessions {
		s.refuse(fmt.Sprintf("%d:443", i))
		if s.of(fmt.Sprintf("%d:443", i)) != nil || len(s.broken) > maxSessions {
			t.Fatalf("host %d: %d are remembered", i, len(s.broken))
		}
	}
	if s.of("a:443") == nil {
		t.Error("another host's is refused")
	}
}

// TestLargeHandshake: what would keep a long chain of certificates in memory is not kept, neither connection nor session.
func TestLargeHandshake(t *testing.T) {
	for _, tt := range []struct {
		size int
		kept bool
	}{{maxKeptHandshake - 4<<10, true}, {maxKeptHandshake, false}} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			config := goodTLS(t)
			config.MaxVersion = version
			chain := &config.Certificates[0].Certificate
			for size, ca := tt.size, authority(t).certificate.Raw; size > 0; size -= len(ca) {
				*chain = append(*chain, ca)
			}
			url, seen := serveSessions(t, config)
			c := newTestClient(t, patient())
			if resp := c.Send(t.Context(), post(url)); !resp.OK() {
				t.Fatalf("got %q (%s)", resp.ErrorCode, resp.ErrorMessage)
			}
			if kept := c.pool.kept == 1; kept != tt.kept {
				t.Errorf("%v: %d connections are kept", tt, c.pool.kept)
			}
			c.CloseIdle()
			mustSendAnew(t, c, url)
			if resumed := seen.resumed.Load() == 1; resumed != tt.kept {
				t.Errorf("%v: %v", tt, seen)
			}
		}
	}
}
