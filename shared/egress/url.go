package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

const urlField = "body.url"

// CheckURL refuses a URL that no webhook may have, at creation and at edit, with Invalid and the field `body.url`. It
// returns the URL as it is to be stored: scheme and host in lower case, the host in its ASCII form without a final dot,
// `:443` left out, and what is not ASCII in the path as %XX; escapes that are there and the query stay as they are.
//
// It looks the host up, for 2 s: an answer with an address that is not public refuses the URL. A name that does not
// resolve, or not in time, is accepted; the webhook's health will tell. No message names an address.
func (c *Client) CheckURL(ctx context.Context, raw string) (string, error) {
	u, err := c.parseURL(ctx, raw)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, c.options.CheckTimeout)
	defer cancel()
	_, err = c.resolve(ctx, u.host, u.port)
	var failed *dialError
	if errors.As(err, &failed) && failed.stage == stageGuard {
		return "", webhook.FieldErrorf(urlField, "resolves to an address that is not public")
	}
	return u.String(), nil
}

// endpoint is a URL that follows the rules, in its stored form.
type endpoint struct {
	host string
	port uint16
	// rest is the path and the query as they are sent; it may be empty.
	rest string
}

func (e endpoint) String() string {
	if e.port == 443 {
		return "https://" + e.host + e.rest
	}
	return "https://" + net.JoinHostPort(e.host, strconv.Itoa(int(e.port))) + e.rest
}

// parseURL holds every rule for a URL but the look-up of its host. It is used at creation, at edit and before each send.
func (c *Client) parseURL(ctx context.Context, raw string) (endpoint, error) {
	authority, path, query, err := splitURL(raw)
	if err != nil {
		return endpoint{}, err
	}
	host, port, err := splitAuthority(authority)
	if err != nil {
		return endpoint{}, err
	}
	written := host
	if host, err = normalHost(host); err != nil {
		return endpoint{}, err
	}
	if localAddresses(host) != nil {
		if written != host {
			return endpoint{}, webhook.FieldErrorf(urlField, "must write localhost exactly so")
		}
		if !localPort(port) {
			return endpoint{}, webhook.FieldErrorf(urlField, "must have a port from 1024 to 65535 on localhost")
		}
	} else if err := c.checkHost(ctx, host, port); err != nil {
		return endpoint{}, err
	}
	e := endpoint{host, port, escapePath(path) + query}
	if len(e.String()) > webhook.MaxURL {
		return endpoint{}, webhook.FieldErrorf(urlField, "must have at most %d bytes, after escaping", webhook.MaxURL)
	}
	return e, nil
}

// splitURL checks the URL's characters and its form, and takes it apart. The query has its question mark.
func splitURL(raw string) (authority, path, query string, err error) {
	refuse := func(message string, args ...any) (string, string, string, error) {
		return "", "", "", webhook.FieldErrorf(urlField, message, args...)
	}
	if raw == "" {
		return refuse("must not be empty")
	}
	if len(raw) > webhook.MaxURL {
		return refuse("must have at most %d bytes", webhook.MaxURL)
	}
	for _, r := range raw {
		if r == ' ' || r == '\\' || r == utf8.RuneError || unicode.IsControl(r) {
			return refuse("must not contain spaces, backslashes, control characters or invalid UTF-8")
		}
	}
	u, parseErr := url.Parse(raw)
	switch {
	case parseErr != nil:
		return refuse("is not a valid URL")
	case u.Scheme != "https":
		return refuse("must begin with https://")
	case u.Opaque != "" || u.Host == "" && u.User == nil:
		return refuse("must have a host after https://")
	case strings.Contains(raw, "#"):
		return refuse("must not have a fragment")
	case u.User != nil:
		return refuse("must not have a user name or password")
	}
	rest := raw[len("https://"):]
	authority = rest
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	if i := strings.IndexByte(path, '?'); i >= 0 {
		path, query = path[:i], path[i:]
	}
	for i := 0; i < len(query); i++ {
		if query[i] >= 0x80 {
			return refuse("must have only ASCII characters in its query; write others as %%XX")
		}
	}
	return authority, path, query, nil
}

func splitAuthority(authority string) (host string, port uint16, err error) {
	if strings.ContainsAny(authority, "[]") {
		return "", 0, webhook.FieldErrorf(urlField, "must name a host, not an IP address")
	}
	if strings.ContainsAny(authority, "%@") {
		return "", 0, webhook.FieldErrorf(urlField, "must not have escapes in its host")
	}
	host, portText, hasPort := strings.Cut(authority, ":")
	if !hasPort {
		return host, 443, nil
	}
	n, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || portText[0] == '0' || !permittedPort(uint16(n)) {
		return "", 0, webhook.FieldErrorf(urlField, "must have the port 443 or one from 1024 to 65535")
	}
	return host, uint16(n), nil
}

// normalHost returns the host's ASCII form, in lower case and without a final dot.
func normalHost(host string) (string, error) {
	// Labels are checked by checkHost: names of real hosts have underscores, and hyphens where IDNA wants none.
	profile := idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(),
		idna.StrictDomainName(false), idna.CheckHyphens(false))
	ascii, err := profile.ToASCII(host)
	if err != nil {
		return "", webhook.FieldErrorf(urlField, "has a host that is not a valid domain name")
	}
	return strings.TrimSuffix(strings.ToLower(ascii), "."), nil
}

// checkHost holds the rules for a host in its normal form.
func (c *Client) checkHost(ctx context.Context, host string, port uint16) error {
	if _, err := netip.ParseAddr(host); err == nil || endsInNumber(host) {
		return webhook.FieldErrorf(urlField, "must name a host, not an IP address")
	}
	if reserved(host) {
		return webhook.FieldErrorf(urlField, "has a host whose name is reserved for private use")
	}
	if !validName(host) {
		return webhook.FieldErrorf(urlField, "has a host that is not a full domain name, such as hooks.example.com")
	}
	if c.own(ctx, host) {
		return webhook.FieldErrorf(urlField, "must not lead back to this service")
	}
	if !permittedPort(port) {
		return webhook.FieldErrorf(urlField, "must have the port 443 or one from 1024 to 65535")
	}
	return nil
}

// own tells whether a host in its normal form is this product's, or below one that is.
func (c *Client) own(ctx context.Context, host string) bool {
	is := func(own string) bool { return isOrBelow(host, own) }
	return slices.ContainsFunc(c.options.OwnHosts, is) || c.called(ctx, host)
}

// called tells whether a host is, or is below, the one that the request came in by.
func (c *Client) called(ctx context.Context, host string) bool {
	return c.options.CalledHost != nil && isOrBelow(host, c.options.CalledHost(ctx))
}

func isOrBelow(host, own string) bool {
	own = strings.TrimSuffix(strings.ToLower(own), ".")
	return own != "" && (host == own || strings.HasSuffix(host, "."+own))
}

// endsInNumber is the URL Standard's "ends in a number": some resolvers read such a host as an IPv4 address.
func endsInNumber(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}

// reserved tells whether a name cannot be public: RFC 6761, 6762, 7686, 8375, and the root zone's reservation of
// "internal". example.com, .net and .org are ordinary names.
func reserved(host string) bool {
	for _, name := range []string{
		"localhost", "local", "internal", "home.arpa", "test", "example", "invalid", "onion",
	} {
		if host == name || strings.HasSuffix(host, "."+name) {
			return true
		}
	}
	return false
}

// validName tells whether a host has two labels or more, each of 1 to 63 letters, digits, hyphens and underscores
// without a hyphen at an edge, and at most 253 bytes (RFC 1035, and the underscore).
func validName(host string) bool {
	labels := strings.Split(host, ".")
	if len(host) > 253 || len(labels) < 2 {
		return false
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' ||
			strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// escapePath writes what a path may not hold as %XX. Escapes that are there already, valid by now, stay as they are.
func escapePath(path string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if c := path[i]; c >= 0x80 || strings.IndexByte("\"<>^`{|}", c) >= 0 {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&0xf])
			continue
		}
		b.WriteByte(path[i])
	}
	return b.String()
}
