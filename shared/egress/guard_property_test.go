package egress

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"code.dny.dev/ssrf"
	"pgregory.net/rapid"
)

// notPublic4 is this test's own table of IPv4 that is no public endpoint's, apart from the library's.
var notPublic4 = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
)

// notPublic6 is the same for what lies within 2000::/3.
var notPublic6 = prefixes("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")

func prefixes(texts ...string) []netip.Prefix {
	var ps []netip.Prefix
	for _, s := range texts {
		ps = append(ps, netip.MustParsePrefix(s))
	}
	return ps
}

func inAny(ps []netip.Prefix, a netip.Addr) bool {
	for _, p := range ps {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// embeddings are the IPv6 addresses that some machine turns into the IPv4 address. r fills what is free in them.
func embeddings(a netip.Addr, r uint64) map[string]netip.Addr {
	v4 := a.As4()
	at := func(prefix string, offset int) netip.Addr {
		b := netip.MustParseAddr(prefix).As16()
		copy(b[offset:], v4[:])
		return netip.AddrFrom16(b)
	}
	teredo := netip.MustParseAddr("2001:0:4136:e378:8000:63bf::").As16()
	for i := range v4 {
		teredo[12+i] = ^v4[i]
	}
	local := at("64:ff9b:1::", 12).As16() // the operator chooses what is between
	binary.BigEndian.PutUint32(local[6:], uint32(r))
	site := netip.MustParseAddr("2a00:1450::5efe:0:0").As16()
	binary.BigEndian.PutUint32(site[4:], uint32(r))
	copy(site[12:], v4[:])
	universal := site
	universal[8] = 2
	return map[string]netip.Addr{
		"mapped": at("::ffff:0:0", 12), "compatible": at("::", 12), "SIIT": at("::ffff:0:0:0", 12), "NAT64": at("64:ff9b::", 12),
		"local NAT64": netip.AddrFrom16(local), "local NAT64 /48": at("64:ff9b:1::", 6), "6to4": at("2002::", 2),
		"Teredo": netip.AddrFrom16(teredo), "Teredo server": at("2001::", 4), "ISATAP": at("::5efe:0:0", 12),
		"link-local ISATAP": at("fe80::5efe:0:0", 12), "site ISATAP": netip.AddrFrom16(site), "universal ISATAP": netip.AddrFrom16(universal),
	}
}

func passes(a netip.Addr) bool {
	_, err := New(Options{Resolver: names{}}).judge(testHost, a, 443)
	return err == nil
}

// TestEmbeddings: an address in a block that is not public is refused, and so is every IPv6 address that leads to it. For
// a public one, too, every embedding but the mapped form is refused: who answers with one wants to go round a filter.
func TestEmbeddings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		block := rapid.SampledFrom(notPublic4).Draw(t, "block")
		n := rapid.Uint64().Draw(t, "n")
		first := block.Addr().As4()
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(first[:])|uint32(n)&(1<<(32-block.Bits())-1))
		a := netip.AddrFrom4(b)
		if passes(a) {
			t.Fatalf("%v passes", a)
		}
		for kind, e := range embeddings(a, n>>32) {
			if passes(e) {
				t.Fatalf("%v passes as %s: %v", a, kind, e)
			}
			if passes(e.WithZone("eth0")) {
				t.Fatalf("%v passes as %s with a zone: %v", a, kind, e)
			}
		}
		binary.BigEndian.PutUint32(b[:], uint32(n))
		for kind, e := range embeddings(netip.AddrFrom4(b), n>>32) {
			if kind != "mapped" && passes(e) {
				t.Fatalf("%v passes as %s: %v", netip.AddrFrom4(b), kind, e)
			}
		}
	})
}

// TestOnlyPublicPasses: what passes is public by this test's table, too, and by the library as its authors set it up.
func TestOnlyPublicPasses(t *testing.T) {
	second := ssrf.New(ssrf.WithPorts(443))
	passed := 0
	rapid.Check(t, func(t *rapid.T) {
		var a netip.Addr
		if rapid.Bool().Draw(t, "v4") {
			var b [4]byte
			binary.BigEndian.PutUint32(b[:], rapid.Uint32().Draw(t, "bits"))
			a = netip.AddrFrom4(b)
		} else {
			var b [16]byte
			binary.BigEndian.PutUint64(b[:], rapid.Uint64().Draw(t, "high"))
			binary.BigEndian.PutUint64(b[8:], rapid.Uint64().Draw(t, "low"))
			if rapid.Bool().Draw(t, "unicast") {
				b[0] = b[0]&0x1f | 0x20
			}
			if rapid.Bool().Draw(t, "near the special blocks") {
				p := rapid.SampledFrom(notPublic6).Draw(t, "block").Addr().As16()
				copy(b[:rapid.IntRange(1, 6).Draw(t, "bytes")], p[:])
			}
			a = netip.AddrFrom16(b)
		}
		if !passes(a) {
			return
		}
		passed++
		a = a.Unmap()
		if a.Is4() && inAny(notPublic4, a) || a.Is6() && (!netip.MustParsePrefix("2000::/3").Contains(a) || inAny(notPublic6, a)) {
			t.Fatalf("%v passes, and is not public", a)
		}
		if err := second.Safe(map[bool]string{true: "tcp4", false: "tcp6"}[a.Is4()], netip.AddrPortFrom(a, 443).String(), nil); err != nil {
			t.Fatalf("%v passes: %v", a, err)
		}
	})
	if passed < 20 {
		t.Errorf("only %d addresses passed: the test shows little", passed)
	}
}
