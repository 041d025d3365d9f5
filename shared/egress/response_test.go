package egress

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func TestRedaction(t *testing.T) {
	const (
		signing = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
		header  = `Bearer s3cr3t/"<tok>&en\x`
	)
	echo := strings.Join([]string{
		signing, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", header, `s3cr3t/"<tok>&en\x`, `s3cr3t/\"<tok>&en\\x`,
		`s3cr3t\/\"<tok>&en\\x`, `s3cr3t/\"\u003ctok\u003e\u0026en\\x`, `s3cr3t%2F%22%3Ctok%3E%26en%5Cx`,
		`s3cr3t/&#34;&lt;tok&gt;&amp;en\x`,
	}, "\n")
	url := serve(t, goodTLS(t), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "https://x.example.com/?k="+signing)
		w.Header().Set("Set-Cookie", "session=1")
		w.Header().Set("X-Echo", r.Header.Get("Authorization"))
		w.Header().Set("X-Request-Id", "r-1")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(echo))
	})
	r := post(url)
	r.Headers = append(r.Headers, webhook.Header{Name: "authorization", Value: header})
	r.Redact = []string{signing, header}
	resp := newTestClient(t, quick()).Send(t.Context(), r)
	kept := fmt.Sprint(resp)
	for _, part := range []string{"MfKQ9r8GKY", "s3cr3t", "tok", "session="} {
		if strings.Contains(kept, part) {
			t.Errorf("%q is kept: %s", part, kept)
		}
	}
	if n := strings.Count(resp.Excerpt, "[redacted]"); n != 9 {
		t.Errorf("%d values replaced, want 9: %s", n, resp.Excerpt)
	}
	for _, h := range resp.Headers {
		if !slices.Contains(shown[:], h.Name) {
			t.Errorf("header %s is kept", h.Name)
		}
	}
	if !slices.Contains(resp.Headers, webhook.Header{Name: "x-request-id", Value: "r-1"}) ||
		!slices.Contains(resp.Headers, webhook.Header{Name: "location", Value: "https://x.example.com/?k=[redacted]"}) {
		t.Errorf("headers %v", resp.Headers)
	}
}

// TestRedactionAtEdges: no part of a secret is left where reading or keeping stops.
func TestRedactionAtEdges(t *testing.T) {
	secret := strings.Repeat("Secret-", 40)
	kept := func(body string, whole bool) string {
		return excerpt(redact([]string{secret}, []text{{body, !whole}})[0])
	}
	for _, at := range []int{0, 1, MaxExcerpt - len(secret) - 1, MaxExcerpt - 100, MaxExcerpt - 1, MaxExcerpt} {
		got := kept(strings.Repeat(".", at)+secret+"....", true)
		if strings.Contains(got, "Secret") || len(got) > MaxExcerpt {
			t.Errorf("at %d: %d bytes, ends with %q", at, len(got), got[max(0, len(got)-40):])
		}
	}
	// Where so much is replaced that the end of what was read comes into view, that end may be half a secret.
	many := strings.Repeat(secret, MaxRead/len(secret)+1)[:MaxRead]
	if got := kept(many, false); strings.Contains(got, "Secret") || got == "" {
		t.Errorf("half a secret is kept: %q", got)
	}
	if got := kept("ends with Secre", true); got != "ends with Secre" {
		t.Errorf("a whole body lost its end: %q", got)
	}
}

func TestExcerptIsSafe(t *testing.T) {
	for _, tt := range []struct{ raw, want string }{
		{"line\n\ttab", "line\n\ttab"},
		{"\x1b[31mred\r\x00\x7f", `\u001b[31mred\u000d\u0000\u007f`},
		{"\u0085\u202e\u2028\ufeff", `\u0085\u202e\u2028\ufeff`},
		{"\xff\xfea", "\ufffd\ufffda"},
		{"\U000e0001", `\U000e0001`},
		{"grüß 😀", "grüß 😀"},
	} {
		if got := excerpt(tt.raw); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.raw, got, tt.want)
		}
	}
	for n := range 4 {
		got := excerpt(strings.Repeat("a", n) + strings.Repeat("😀", MaxExcerpt))
		if !utf8.ValidString(got) || len(got) > MaxExcerpt || len(got) < MaxExcerpt-3 {
			t.Errorf("after %d bytes: kept %d", n, len(got))
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		status int
		value  string
		want   time.Duration
	}{
		{429, "7", 7 * time.Second}, {503, " 120 ", 2 * time.Minute}, {503, "0", 0},
		{503, "Fri, 02 Jan 2026 03:05:05 GMT", time.Minute}, {429, "Fri, 02 Jan 2026 03:03:05 GMT", 0},
		{429, "Sat, 02 Jan 2999 03:03:05 GMT", 24 * time.Hour}, {429, "99999999999999999999", 24 * time.Hour},
		{429, "2000000000", 24 * time.Hour},
		{429, "", 0}, {429, "-5", 0}, {429, "1.5", 0}, {429, "soon", 0}, {500, "7", 0}, {200, "7", 0},
	} {
		url := serve(t, goodTLS(t), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", tt.value)
			w.WriteHeader(tt.status)
		})
		o := quick()
		o.Now = func() time.Time { return now }
		resp := newTestClient(t, o).Send(t.Context(), post(url))
		if resp.StatusCode != tt.status || resp.RetryAfter != tt.want || !resp.StartedAt.Equal(now) {
			t.Errorf("%d %q: got %d, %v", tt.status, tt.value, resp.StatusCode, resp.RetryAfter)
		}
	}
}
