package egress

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

type calledKey struct{}

// TestRememberedURL: a URL that is remembered is still refused to whoever called by its host.
func TestRememberedURL(t *testing.T) {
	url := serve(t, goodTLS(t), func(http.ResponseWriter, *http.Request) {})
	o := patient()
	o.CalledHost = func(ctx context.Context) string {
		host, _ := ctx.Value(calledKey{}).(string)
		return host
	}
	c := newTestClient(t, o)
	for i, tt := range []struct {
		called string
		want   webhook.ErrorCode
	}{{"", ""}, {"other.example.com", ""}, {testHost, "blocked_address"}, {"EXAMPLE.com.", "blocked_address"}, {"", ""}} {
		ctx := context.WithValue(t.Context(), calledKey{}, tt.called)
		if resp := c.Send(ctx, post(url)); resp.ErrorCode != tt.want {
			t.Errorf("%d: got %q (%s), want %q", i, resp.ErrorCode, resp.ErrorMessage, tt.want)
		}
	}
	if len(c.targets.all) != 1 {
		t.Errorf("%d URLs are remembered", len(c.targets.all))
	}
}

// TestRememberedURLs: no more URLs are remembered than may be, and none that is refused.
func TestRememberedURLs(t *testing.T) {
	c := New(Options{})
	for i := range 2*maxTargets + 10 {
		if _, err := c.target(t.Context(), fmt.Sprintf("https://%s/%d", testHost, i)); err != nil {
			t.Fatal(err)
		}
		if len(c.targets.all) > maxTargets {
			t.Fatalf("%d URLs are remembered", len(c.targets.all))
		}
	}
	if _, err := c.target(t.Context(), "https://127.0.0.1/"); err == nil || c.targets.all["https://127.0.0.1/"] != nil {
		t.Errorf("got %v", err)
	}
}

// TestPrepare: the header to the byte.
func TestPrepare(t *testing.T) {
	c := New(Options{})
	for _, tt := range []struct {
		url     string
		headers []webhook.Header
		want    string
	}{
		{"https://a.example.com", nil,
			"POST / HTTP/1.1\r\nHost: a.example.com\r\nUser-Agent: Cr3dentials-Webhooks/dev\r\nContent-Length: 2\r\n\r\n"},
		{"https://a.example.com:8443/b?c=%20", []webhook.Header{{Name: "x-a-1b", Value: "c: d"}, {Name: "X-BIG_name", Value: ""}},
			"POST /b?c=%20 HTTP/1.1\r\nHost: a.example.com:8443\r\nX-A-1b: c: d\r\nX-Big_name: \r\n" +
				"User-Agent: Cr3dentials-Webhooks/dev\r\nContent-Length: 2\r\n\r\n"},
		{"https://a.example.com?q", []webhook.Header{{Name: "uSER-agent", Value: "mine"}},
			"POST /?q HTTP/1.1\r\nHost: a.example.com\r\nUser-Agent: mine\r\nContent-Length: 2\r\n\r\n"},
	} {
		r := webhook.Request{URL: tt.url, Headers: tt.headers, Body: []byte("{}")}
		for range 2 { // the second time the URL is remembered
			_, head, fault := c.prepare(t.Context(), &r, []byte("before "))
			if got := strings.TrimPrefix(string(head), "before "); fault != nil || got != tt.want {
				t.Errorf("%s: got %q, %v\nwant %q", tt.url, got, fault, tt.want)
			}
		}
		for _, h := range tt.headers { // as net/http writes names
			if got, want := string(appendName(nil, h.Name)), http.CanonicalHeaderKey(h.Name); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	}
}
