package egress

import (
	"context"
	"net"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

var escapes = regexp.MustCompile(`%[0-9a-fA-F]{2}`)

// FuzzURL: what is accepted is stored in a form that is accepted as it stands, that Go's parser reads as this package
// does, and that is requested byte for byte; the query and the escapes are those that were given.
func FuzzURL(f *testing.F) {
	for _, s := range []string{
		"https://hooks.example.com/a?b", "https://bücher.example.com:8443/ä%20", "https://[::1]/", "https://a@b.c/", "https://1.2.3.4/",
		"HTTPS://FAß.example.com.:443?%zz#", "https://a.b/%2e%2E/..;x=%e4/{\"<>^`|}?{\"<>^`|}", "https://hooks。example．com\\@x.y/", "https://xn--a.b/",
		"https://1.0xg:65535", "https://a_b.c-d.e:01", "https://a.b:443:443/", "https://ⓛocalhost.x/", "https://a.b//c?d?e=ä",
	} {
		f.Add(s)
	}
	c := unresolved()
	f.Fuzz(func(t *testing.T, raw string) { stays(t, c, raw) })
}

// TestURLsOfParts is FuzzURL for URLs of which most are accepted.
func TestURLsOfParts(t *testing.T) {
	c := unresolved()
	text := func(t *rapid.T, label string, most int, parts ...string) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, most).Draw(t, label), "")
	}
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		labels := rapid.SliceOfN(rapid.SampledFrom([]string{
			"a", "A-b", "x_1", "bücher", "faß", "日本", "ⓛ", "xn--bcher-kva", "com", "42", "0x1f", "Example", "é", "-", "", "ﬁ", "local", "ẞ",
		}), 1, 4).Draw(t, "labels")
		raw := rapid.SampledFrom([]string{"https://", "HTTPS://", "hTTps://"}).Draw(t, "scheme") +
			strings.Join(labels, rapid.SampledFrom([]string{".", ".", "。", "．"}).Draw(t, "dot")) +
			rapid.SampledFrom([]string{"", "", ".", ".com", ".com."}).Draw(t, "end") +
			rapid.SampledFrom([]string{"", "", ":443", ":8443", ":1024", ":65535", ":80", ":"}).Draw(t, "port")
		if rapid.Bool().Draw(t, "has a path") {
			raw += "/" + text(t, "path", 8, "a", "/", "..", "ä", "%20", "%e4", "%2F", "{", "\"", "|", ";=", "@", ":", "+", "日", "%", "'", "[")
		}
		if rapid.Bool().Draw(t, "has a query") {
			raw += "?" + text(t, "query", 8, "a", "=", "&", "?", "/", "%20", "%zz", "%", "+", "{", "\"", "|", "ä", "<", "'", "[")
		}
		if stays(t, c, raw) {
			accepted++
		}
	})
	if accepted < 100 {
		t.Errorf("only %d URLs were accepted: the test shows little", accepted)
	}
}

// unresolved makes a client for which no name resolves.
func unresolved() *Client {
	o := quick()
	o.Resolver = names{}
	return New(o)
}

// fataler is what a test and a property have in common.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// stays tells whether a URL is accepted; then it checks what becomes of it.
func stays(t fataler, c *Client, raw string) bool {
	t.Helper()
	stored, err := c.CheckURL(context.Background(), raw)
	if err != nil {
		return false
	}
	if again, err := c.CheckURL(context.Background(), stored); err != nil || again != stored {
		t.Fatalf("%q is stored as %q, which becomes %q, %v", raw, stored, again, err)
	}
	if len(stored) > webhook.MaxURL || strings.Trim(stored, printable()) != "" {
		t.Fatalf("%q is stored as %q: too long, or not printable ASCII", raw, stored)
	}
	u, err := url.Parse(stored)
	if err != nil || u.Scheme != "https" || u.User != nil || u.Opaque != "" || strings.Contains(stored, "#") || u.Host == "" {
		t.Fatalf("%q is stored as %q, which Go reads as %#v, %v", raw, stored, u, err)
	}
	_, rest, _ := strings.Cut(stored, u.Host)
	path, query, hasQuery := strings.Cut(rest, "?")
	hostPort, head, fault := c.prepare(context.Background(), &webhook.Request{URL: stored}, nil)
	port := u.Port()
	if port == "" {
		port = "443"
	}
	if fault != nil || hostPort != net.JoinHostPort(u.Hostname(), port) || port == "443" && u.Port() != "" {
		t.Fatalf("%q is sent to %q, %v", stored, hostPort, fault)
	}
	target := rest
	if path == "" {
		target = "/" + rest
	}
	if start := "POST " + target + " HTTP/1.1\r\nHost: " + u.Host + "\r\n"; !strings.HasPrefix(string(head), start) {
		t.Fatalf("%q is requested by\n%q, want\n%q", stored, head, start)
	}
	sameBytes(t, raw, path, query, hasQuery)
	return true
}

// sameBytes compares a stored path and query with those that were given.
func sameBytes(t fataler, raw, path, query string, hasQuery bool) {
	t.Helper()
	before, given, had := strings.Cut(raw, "?")
	if given != query || had != hasQuery {
		t.Fatalf("%q has the query %q", raw, query)
	}
	before = before[len("https://"):]
	givenPath := ""
	if i := strings.IndexByte(before, '/'); i >= 0 {
		givenPath = before[i:]
	}
	a, errA := url.PathUnescape(givenPath)
	b, errB := url.PathUnescape(path)
	if errA != nil || errB != nil || a != b {
		t.Fatalf("%q has the path %q", raw, path)
	}
	kept := escapes.FindAllString(path, -1)
	for _, e := range escapes.FindAllString(givenPath, -1) {
		for len(kept) > 0 && kept[0] != e {
			kept = kept[1:]
		}
		if len(kept) == 0 {
			t.Fatalf("%q lost the escape %s: %q", raw, e, path)
		}
		kept = kept[1:]
	}
}

func printable() string {
	var b strings.Builder
	for c := byte('!'); c <= '~'; c++ {
		b.WriteByte(c)
	}
	return b.String()
}
