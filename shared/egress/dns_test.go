package egress

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// nameServer answers one query; nil is silence.
type nameServer func(q dnsmessage.Question) (dnsmessage.RCode, []string)

// resolver returns Go's own resolver, which asks a server in this process: an answer is a list of addresses, or a name
// with a final dot for an alias.
func (answer nameServer) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, 4096)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if reply := answer.reply(buf[:n]); reply != nil {
				_, _ = conn.WriteTo(reply, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (answer nameServer) reply(query []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	code, answers := answer(q)
	if answers == nil && code == dnsmessage.RCodeSuccess {
		return nil
	}
	m.Response, m.RecursionAvailable, m.RCode, m.Additionals = true, true, code, nil
	name := q.Name
	for _, a := range answers {
		h := dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET}
		if strings.HasSuffix(a, ".") {
			name = dnsmessage.MustNewName(a)
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.CNAMEResource{CNAME: name}})
			continue
		}
		switch addr := netip.MustParseAddr(a); {
		case addr.Is4() && q.Type == dnsmessage.TypeA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: addr.As4()}})
		case addr.Is6() && q.Type == dnsmessage.TypeAAAA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: addr.As16()}})
		}
	}
	packed, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return packed
}

func addresses(list ...string) nameServer {
	return func(dnsmessage.Question) (dnsmessage.RCode, []string) {
		return dnsmessage.RCodeSuccess, append([]string{}, list...)
	}
}

func failing(code dnsmessage.RCode) nameServer {
	return func(dnsmessage.Question) (dnsmessage.RCode, []string) { return code, nil }
}

// TestNameServers: what a real resolver makes of servers' answers. A URL whose name does not resolve is accepted; a
// delivery there fails, in time, and neither tells what the resolver said.
func TestNameServers(t *testing.T) {
	silent := func(dnsmessage.Question) (dnsmessage.RCode, []string) { return dnsmessage.RCodeSuccess, nil }
	for _, tt := range []struct {
		name   string
		server nameServer
		code   webhook.ErrorCode // of a delivery; the URL is refused if it is blocked_address
		slow   bool
	}{
		{"NXDOMAIN", failing(dnsmessage.RCodeNameError), "dns_error", false},
		{"SERVFAIL", failing(dnsmessage.RCodeServerFailure), "dns_error", false},
		{"REFUSED", failing(dnsmessage.RCodeRefused), "dns_error", false},
		{"an empty answer", addresses(), "dns_error", false},
		{"silence", silent, "dns_error", true},
		{"an alias that leads nowhere", addresses("a.example.net."), "dns_error", false},
		{"a private address", addresses("10.0.0.5"), "blocked_address", false},
		{"an alias for a private address", addresses("a.example.net.", "10.0.0.5"), "blocked_address", false},
		{"a private address last", addresses("93.184.215.14", "192.168.7.7"), "blocked_address", false},
		{"a private one of two families", addresses("93.184.215.14", "fd12::1"), "blocked_address", false},
		{"a public IPv6 and a metadata IPv4", addresses("2606:4700:4700::1111", "169.254.169.254"), "blocked_address", false},
		{"NAT64", addresses("64:ff9b::a9fe:a9fe"), "blocked_address", false},
		{"a mapped address", addresses("::ffff:10.0.0.5"), "blocked_address", false},
		{"one of twenty", addresses(slices.Insert(slices.Repeat([]string{"93.184.215.14"}, 20), 13, "127.0.0.1")...), "blocked_address", false},
		{"an IPv4 that fails beside a private IPv6", func(q dnsmessage.Question) (dnsmessage.RCode, []string) {
			if q.Type == dnsmessage.TypeA {
				return dnsmessage.RCodeServerFailure, nil
			}
			return dnsmessage.RCodeSuccess, []string{"fd12::1"}
		}, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := quick()
			o.Resolver, o.ConnectTimeout, o.CheckTimeout = tt.server.resolver(t), 700*time.Millisecond, 400*time.Millisecond
			c := New(o)
			began := time.Now()
			_, err := c.CheckURL(t.Context(), "https://"+testHost+"/")
			took := time.Since(began)
			if tt.code == "" { // refused one way or the other: a failure of one family may hide the other
				tt.code = map[bool]webhook.ErrorCode{true: "blocked_address", false: "dns_error"}[err != nil]
			}
			if refused := tt.code == "blocked_address"; refused != (err != nil) {
				t.Errorf("got %v", err)
			}
			if err != nil && (strings.Contains(err.Error(), "10.0.0.5") || !strings.Contains(err.Error(), "not public")) {
				t.Errorf("message %q", err)
			}
			resp := c.Send(t.Context(), post("https://"+testHost+"/"))
			if resp.ErrorCode != tt.code || strings.Contains(resp.ErrorMessage, ".5") || strings.Contains(resp.ErrorMessage, "example") {
				t.Errorf("got %q (%s)", resp.ErrorCode, resp.ErrorMessage)
			}
			least, most := time.Duration(0), slack
			if tt.slow {
				least = o.CheckTimeout
			}
			if took < least || took > least+most {
				t.Errorf("the check took %v", took)
			}
			if tt.slow {
				least = o.ConnectTimeout
			}
			if resp.Duration < least || resp.Duration > least+most {
				t.Errorf("the delivery took %v", resp.Duration)
			}
		})
	}
}

// TestPublicAnswers: what Go's resolver makes of public addresses is accepted.
func TestPublicAnswers(t *testing.T) {
	for _, answers := range [][]string{
		{"93.184.215.14"}, {"2606:4700:4700::1111"}, {"1.1.1.1", "8.8.8.8", "2606:4700:4700::1111"}, {"a.example.net.", "1.1.1.1"},
	} {
		o := quick()
		o.Resolver, o.CheckTimeout = addresses(answers...).resolver(t), 5*time.Second
		c := New(o)
		if _, err := c.CheckURL(t.Context(), "https://"+testHost+"/"); err != nil {
			t.Errorf("%v: %v", answers, err)
		}
		if targets, err := c.resolve(t.Context(), testHost, 443); err != nil || len(targets) == 0 {
			t.Errorf("%v: %v, %v", answers, targets, err)
		}
	}
	// Some resolvers give IPv4 addresses in their mapped form.
	if !passes(netip.MustParseAddr("::ffff:1.1.1.1")) {
		t.Error("a public IPv4 address does not pass")
	}
}

// sequence answers each look-up with the next list, and counts.
type sequence struct {
	answers [][]string
	asked   atomic.Int64
}

func (s *sequence) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	n := int(s.asked.Add(1)) - 1
	return names{testHost: s.answers[min(n, len(s.answers)-1)]}.LookupNetIP(ctx, network, host)
}

// TestRebinding: the answer counts that a connection is made with: not the one that the URL was checked with, nor the
// one of the attempt before. In this test 127.0.0.1 is public.
func TestRebinding(t *testing.T) {
	var visits atomic.Int64
	url := serve(t, goodTLS(t), func(http.ResponseWriter, *http.Request) { visits.Add(1) })
	s := &sequence{answers: [][]string{{"127.0.0.1"}, {"127.0.0.1"}, {"127.0.0.2"}, {"127.0.0.1", "10.0.0.5"}, {"127.0.0.1"}}}
	o := quick()
	o.Resolver = s
	c := newTestClient(t, o)
	c.guard.exempt = func(target netip.AddrPort) bool { return target.Addr() == netip.MustParseAddr("127.0.0.1") }
	if _, err := c.CheckURL(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	for i, want := range []webhook.ErrorCode{"", "blocked_address", "blocked_address", ""} {
		if resp := c.Send(t.Context(), post(url)); resp.ErrorCode != want {
			t.Errorf("attempt %d: got %q, want %q", i+1, resp.ErrorCode, want)
		}
		c.CloseIdle()
	}
	if visits.Load() != 2 || s.asked.Load() != 5 {
		t.Errorf("%d visits and %d look-ups, want 2 and 5", visits.Load(), s.asked.Load())
	}
	// A connection that is kept leads to the address that was judged, and asks nobody.
	for range 2 {
		if resp := c.Send(t.Context(), post(url)); !resp.OK() {
			t.Errorf("got %q", resp.ErrorCode)
		}
	}
	if s.asked.Load() != 6 {
		t.Errorf("%d look-ups, want 6", s.asked.Load())
	}
}

// TestManyAddresses: of hundreds of addresses all are judged, and few are tried.
func TestManyAddresses(t *testing.T) {
	url := serve(t, goodTLS(t), func(http.ResponseWriter, *http.Request) {})
	var many []string
	for i := range 300 {
		many = append(many, fmt.Sprintf("127.0.%d.%d", 1+i/250, 1+i%250)) // nobody listens there
	}
	for _, tt := range []struct {
		at   int // where the address stands that answers
		bad  string
		want webhook.ErrorCode
	}{
		{0, "", ""}, {maxAddresses - 1, "", ""}, {maxAddresses, "", "connection_refused"}, {299, "", "connection_refused"},
		{0, "10.0.0.5", "blocked_address"},
	} {
		answers := slices.Insert(slices.Clone(many), tt.at, "127.0.0.1")
		if tt.bad != "" {
			answers = append(answers, tt.bad)
		}
		o := quick()
		o.Resolver = names{testHost: answers}
		resp := newTestClient(t, o).Send(t.Context(), post(url))
		if resp.ErrorCode != tt.want || resp.Duration > slack {
			t.Errorf("at %d: got %q after %v, want %q", tt.at, resp.ErrorCode, resp.Duration, tt.want)
		}
	}
}
