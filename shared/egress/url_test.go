package egress

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func checker(t *testing.T, n names) *Client {
	t.Helper()
	o := quick()
	o.Resolver = n
	o.OwnHosts = []string{"api.ours.com"}
	return New(o)
}

func TestCheckURLNormalises(t *testing.T) {
	for _, tt := range []struct{ raw, want string }{
		{"https://hooks.example.com/a?b=c", "https://hooks.example.com/a?b=c"},
		{"HTTPS://Hooks.EXAMPLE.com", "https://hooks.example.com"},
		{"https://hooks.example.com.:443/", "https://hooks.example.com/"},
		{"https://hooks.example.com:1024?x", "https://hooks.example.com:1024?x"},
		{"https://hooks.example.com:65535/", "https://hooks.example.com:65535/"},
		{"https://bücher.example.com/", "https://xn--bcher-kva.example.com/"},
		{"https://faß.example.com/", "https://xn--fa-hia.example.com/"},
		{"https://hooks。example．com/", "https://hooks.example.com/"},
		{"https://my_hooks.r3---a.example.com/", "https://my_hooks.r3---a.example.com/"},
		{"https://hooks.example.com/ä/%e4%2F/{x}|", "https://hooks.example.com/%C3%A4/%e4%2F/%7Bx%7D%7C"},
		{`https://hooks.example.com/../a//b;c=d@e:f?q=%zz&r={}"<>?`, `https://hooks.example.com/../a//b;c=d@e:f?q=%zz&r={}"<>?`},
		{"https://hooks.example.com/?a=%e4%2f+&&=;%", "https://hooks.example.com/?a=%e4%2f+&&=;%"},
		{"https://hooks.example.com/" + strings.Repeat("a", 2048-26), "https://hooks.example.com/" + strings.Repeat("a", 2048-26)},
		{"https://example.com/", "https://example.com/"}, {"https://localhost.example.net/", "https://localhost.example.net/"},
		{"https://notapi.ours.com/", "https://notapi.ours.com/"}, {"https://1.example.0xg/", "https://1.example.0xg/"},
	} {
		got, err := checker(t, names{}).CheckURL(t.Context(), tt.raw)
		if err != nil || got != tt.want {
			t.Errorf("%s:\ngot  %s, %v\nwant %s", tt.raw, got, err, tt.want)
			continue
		}
		if again, err := checker(t, names{}).CheckURL(t.Context(), got); err != nil || again != got {
			t.Errorf("%s becomes %s, %v when checked again", got, again, err)
		}
	}
}

func TestCheckURLRefuses(t *testing.T) {
	for _, tt := range []struct{ why, urls string }{
		{"must not be empty", ""},
		{"must begin with https://", "http://hooks.example.com/ ftp://hooks.example.com //hooks.example.com hooks.example.com/a " +
			"javascript:alert(1) httpss://hooks.example.com"},
		{"must have a host", "https: https:/ https:/// https:///path https:hooks.example.com https:/hooks.example.com"},
		{"is not a valid URL", "https://hooks.example.com/%zz https://hooks.example.com:x/ https://hooks.example.com:+443/ https://hooks.example.com:٤٤٣/ https://[::1/ : https://[hooks.example.com]/"},
		{"user name", "https://user@hooks.example.com/ https://u:p@hooks.example.com/ https://@hooks.example.com/"},
		{"fragment", "https://hooks.example.com/#a https://hooks.example.com/# https://hooks.example.com/?a#"},
		{"escapes in its host", "https://hooks%C3%A4.example.com/"},
		{"port", "https://hooks.example.com:/ https://hooks.example.com:0/ https://hooks.example.com:80/ https://hooks.example.com:22/ " +
			"https://hooks.example.com:1023/ https://hooks.example.com:0443/ https://hooks.example.com:65536/ https://hooks.example.com:99999999999/"},
		{"not an IP address", "https://127.0.0.1/ https://8.8.8.8/ https://[::1]/ https://[2606:4700::1111]:8443/ https://[fe80::1%25lo]/ " +
			"https://127.1/ https://2130706433/ https://0x7f.1/ https://0177.0.0.1/ https://0x7f000001/ https://a.0x/ https://1.2.3/ " +
			"https://１２７.０.０.１/ https://127。0。0。1/ https://a.b.42/ https://127.0.0.1./"},
		{"reserved", "https://a.localhost/ https://printer.local/ https://db.internal/ https://nas.home.arpa/ https://a.test/ " +
			"https://a.example/ https://a.invalid/ https://a.onion/ https://LOCAL./ https://metadata.google.internal/"},
		{"not a full domain name", "https://intranet/ https://a..example.com/ https://.example.com/ https://-a.example.com/ " +
			"https://a-.example.com/ https://a!.example.com/ https://hooks.example.com../ https://" +
			strings.Repeat("a", 64) + ".example.com/ https://" + strings.Repeat("abcdefghi.", 25) + "example.com/"},
		{"lead back", "https://api.ours.com/ https://x.API.ours.com./"},
		{"only ASCII characters in its query", "https://hooks.example.com/?q=ä"},
		{"2048 bytes", "https://hooks.example.com/" + strings.Repeat("a", 2048-25) +
			" https://hooks.example.com/" + strings.Repeat("ä", 700)},
	} {
		for _, raw := range strings.Split(tt.urls, " ") {
			refused(t, checker(t, names{}), raw, tt.why)
		}
	}
	for _, raw := range []string{
		" https://hooks.example.com/", "https://hooks.example.com/ ", "https://hooks.example.com/a b", "https://hooks.example.com/\t",
		"https://hooks.example.com/\n", "https://hooks.example.com/\x7f", `https://hooks.example.com\@evil.com/`, "https://a.com/\xff",
		"https://hooks.example.com/?\x00", "https://hooks.example.com/\u0085", "https://hooks.example.com/\ufffd",
	} {
		refused(t, checker(t, names{}), raw, "spaces, backslashes, control characters")
	}
}

func refused(t *testing.T, c *Client, raw, why string) {
	t.Helper()
	got, err := c.CheckURL(t.Context(), raw)
	var e *webhook.Error
	if !errors.As(err, &e) || e.Code != webhook.Invalid || e.Field != "body.url" || !strings.Contains(e.Message, why) {
		t.Errorf("%.80q: got %q, %v; want a refusal with %q", raw, got, err, why)
	}
}

func TestCheckURLLooksUp(t *testing.T) {
	const url = "https://hooks.example.com/"
	for _, answers := range [][]string{{"93.184.215.14"}, {"2606:4700:4700::1111", "1.1.1.1"}, nil, {"never"}} {
		started := time.Now()
		if _, err := checker(t, names{testHost: answers}).CheckURL(t.Context(), url); err != nil {
			t.Errorf("%v: %v", answers, err)
		}
		if took := time.Since(started); took > time.Second {
			t.Errorf("%v: took %v", answers, took)
		}
	}
	for _, addr := range special() {
		c := checker(t, names{testHost: {"93.184.215.14", addr}})
		refused(t, c, url, "resolves to an address that is not public")
		if _, err := c.CheckURL(t.Context(), url); strings.Contains(err.Error(), addr) {
			t.Errorf("the message names the address: %v", err)
		}
	}
}
