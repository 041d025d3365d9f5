//go:build local

package egress

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestLocalhost: in a local build the exact name localhost, on a port from 1024, reaches this machine without DNS, and
// nothing else does.
func TestLocalhost(t *testing.T) {
	url := serve(t, issue(t, "localhost", time.Now().Add(time.Hour)), func(http.ResponseWriter, *http.Request) {})
	url = strings.Replace(url, testHost, "localhost", 1)
	c := newTestClient(t, quick())
	c.guard.exempt = nil
	if resp := c.Send(t.Context(), post(url)); !resp.OK() {
		t.Errorf("got %q (%s)", resp.ErrorCode, resp.ErrorMessage)
	}
	for raw, why := range map[string]string{
		"https://LOCALHOST:8443/": "exactly", "https://localhost.:8443/": "exactly", "https://\u24d2localhost:8443/": "full domain name",
		"https://\uff4cocalhost:8443/": "exactly", "https://localhost\u3002:8443/": "exactly", "https://localhost:08443/": "port",
		"https://localhost/": "from 1024", "https://localhost:443/": "from 1024", "https://localhost:80/": "port",
		"https://a.localhost:8443/": "reserved", "https://127.0.0.1:8443/": "IP", "https://[::1]:8443/": "IP",
		"http://localhost:8443/": "https", "https://ip6-localhost:8443/": "full domain name",
	} {
		refused(t, c, raw, why)
	}
	if resp := c.Send(t.Context(), post(strings.Replace(url, "localhost", testHost, 1))); resp.ErrorCode != webhook.ErrBlockedAddress {
		t.Errorf("another name for loopback: got %q", resp.ErrorCode)
	}
}

// TestLocalhostTriesEveryAddress: a receiver that listens on ::1 alone is reached.
func TestLocalhostTriesEveryAddress(t *testing.T) {
	port, err := deafPort() // so that nobody else answers at 127.0.0.1
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", fmt.Sprintf("[::1]:%d", port))
	if err != nil {
		t.Fatalf("this test needs IPv6 loopback: %v", err)
	}
	defer l.Close()
	go func() {
		if conn, err := l.Accept(); err == nil {
			_ = conn.Close()
		}
	}()
	resp := newTestClient(t, quick()).Send(t.Context(), post(fmt.Sprintf("https://localhost:%d/", port)))
	if resp.ErrorCode != webhook.ErrConnectionReset {
		t.Errorf("got %q, want the end during the handshake", resp.ErrorCode)
	}
}
