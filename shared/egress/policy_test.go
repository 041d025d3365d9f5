//go:build !local

package egress

import (
	"net/netip"
	"testing"
)

// TestNoLocalhost: an ordinary build knows no way to the machine it runs on.
func TestNoLocalhost(t *testing.T) {
	c := checker(t, names{"localhost": {"127.0.0.1"}})
	refused(t, c, "https://localhost:8443/", "reserved")
	if c.guard.check("localhost", netip.MustParseAddrPort("127.0.0.1:8443")) == nil {
		t.Error("loopback passes for localhost")
	}
}
