package egress

import (
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// special lists addresses that are not a public endpoint's, one or more of each kind, the embeddings of IPv4 included:
// what Go's own predicates call public, and the lists of two other senders of webhooks (svix and hook0).
func special() []string {
	return []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.1.2.3", "169.254.169.254",
		"169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.0.170", "192.0.2.1", "192.31.196.1", "192.52.193.1",
		"192.88.99.1", "192.168.1.1", "192.175.48.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1",
		"224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16",
		"::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::7f00:1", "::ffff:0:7f00:1", "::5efe:7f00:1",
		"64:ff9b::a9fe:a9fe", "64:ff9b::808:808", "64:ff9b:1::a9fe:a9fe", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "100::1", "100:0:0:1::1",
		"2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::",
		"2002:808:808::1", "2620:4f:8000::1", "2a00:1450::5efe:7f00:1", "2a00:1450::200:5efe:808:808",
		"3fff::1", "3fff:fff::1", "4000::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%lo", "fec0::1", "ff02::1", "ff0e::1",
	}
}

func TestGuard(t *testing.T) {
	g := newGuard()
	check := func(addr string, port uint16) error {
		return g.check(testHost, netip.AddrPortFrom(netip.MustParseAddr(addr).Unmap(), port))
	}
	for _, addr := range special() {
		if check(addr, 443) == nil {
			t.Errorf("%s passes", addr)
		}
	}
	for _, addr := range []string{"1.1.1.1", "93.184.215.14", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450:4001:82a::200e"} {
		for _, port := range []uint16{443, 1024, 8443, 65535} {
			if err := check(addr, port); err != nil {
				t.Errorf("%s port %d: %v", addr, port, err)
			}
		}
		for _, port := range []uint16{0, 22, 25, 80, 442, 444, 1023} {
			if check(addr, port) == nil {
				t.Errorf("%s port %d passes", addr, port)
			}
		}
	}
}

// TestSendBlocked: one bad address among the answers refuses the host before anything is dialled.
func TestSendBlocked(t *testing.T) {
	var visits atomic.Int64
	url := serve(t, goodTLS(t), func(http.ResponseWriter, *http.Request) { visits.Add(1) })
	for _, answers := range [][]string{
		{"127.0.0.1"}, {"::ffff:127.0.0.1"}, {"93.184.215.14", "127.0.0.1"}, {"127.0.0.1", "93.184.215.14"},
		{"2606:4700:4700::1111", "fe80::1%lo"}, {"93.184.215.14", "64:ff9b::7f00:1"},
	} {
		o := quick()
		o.Resolver = names{testHost: answers}
		c := newTestClient(t, o)
		c.guard.exempt = nil
		resp := c.Send(t.Context(), post(url))
		if resp.ErrorCode != webhook.ErrBlockedAddress || resp.Duration > 250*time.Millisecond {
			t.Errorf("%v: got %q after %v", answers, resp.ErrorCode, resp.Duration)
		}
		for _, a := range answers {
			if strings.Contains(resp.ErrorMessage, a) {
				t.Errorf("the message names an address: %s", resp.ErrorMessage)
			}
		}
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("visited %d times", n)
	}
}

// TestDialledAddressIsJudged: the check right before the connect holds without the one after the look-up.
func TestDialledAddressIsJudged(t *testing.T) {
	c := New(quick())
	for _, target := range []string{"127.0.0.1:8443", "[::1]:8443", "[fe80::1%lo]:8443", "[::ffff:127.0.0.1]:8443"} {
		_, err := c.connect(t.Context(), testHost, []netip.AddrPort{netip.MustParseAddrPort(target)})
		if f := classifyDial(&dialError{stageConnect, err}); f.code != webhook.ErrBlockedAddress {
			t.Errorf("%s: %v", target, err)
		}
	}
}

// TestSendURLRules: a stored URL is judged again before each send.
func TestSendURLRules(t *testing.T) {
	for _, url := range []string{
		"http://" + testHost + "/", "https://127.0.0.1:8443/", "https://[::1]:8443/", "https://a.internal/", "https://" + testHost + ":22/", "",
	} {
		resp := newTestClient(t, quick()).Send(t.Context(), post(url))
		if resp.ErrorCode != webhook.ErrBlockedAddress || resp.StatusCode != 0 {
			t.Errorf("%s: got %d %q", url, resp.StatusCode, resp.ErrorCode)
		}
	}
}
