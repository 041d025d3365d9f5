package egress

import (
	"errors"
	"net/netip"

	"code.dny.dev/ssrf"
)

// errForbidden is the error of an address or port that no request may go to.
var errForbidden = errors.New("egress: the address or port is not permitted")

// guard judges resolved addresses. It permits what is public: the library refuses every special-purpose block of the
// IANA registries, for IPv6 everything outside 2000::/3 and the blocks inside it that embed or stand for something else.
type guard struct {
	public *ssrf.Guardian
	// exempt permits more, in tests of this package only: nothing outside them can set it.
	exempt func(netip.AddrPort) bool
}

func newGuard() guard { return guard{public: ssrf.New(ssrf.WithAnyPort())} }

// check refuses a target that is not permitted for the host. The target is unmapped; one with a zone
// is refused.
func (g guard) check(host string, target netip.AddrPort) error {
	if g.exempt != nil && g.exempt(target) {
		return nil
	}
	addr := target.Addr()
	if localAddresses(host) != nil {
		if addr.IsLoopback() && localPort(target.Port()) {
			return nil
		}
		return errForbidden
	}
	// Azure's host agent answers at this address, though the registries call it public.
	if addr == netip.AddrFrom4([4]byte{168, 63, 129, 16}) {
		return errForbidden
	}
	if !permittedPort(target.Port()) || isatap(addr) || g.public.SafeAddr(addr) != nil {
		return errForbidden
	}
	return nil
}

// isatap tells whether an address stands for an IPv4 address behind a tunnel (RFC 5214, 6.1), whatever its prefix.
func isatap(addr netip.Addr) bool {
	b := addr.As16()
	return addr.Is6() && b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}

// permittedPort is the rule for an endpoint's port: 443, or one that needs no privilege. Mail, SSH and the like are out.
func permittedPort(p uint16) bool { return p == 443 || p >= 1024 }

// localPort is the rule for a port on localhost, in local builds.
func localPort(p uint16) bool { return p >= 1024 }
