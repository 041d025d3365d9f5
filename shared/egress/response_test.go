package egress

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestExcerptBounds: whatever follows the header of a 200, it is a success, soon over, and little is kept.
func TestExcerptBounds(t *testing.T) {
	for _, tt := range []struct {
		name  string
		speak func(net.Conn)
		want  int
	}{
		{"an endless body", endless("HTTP/1.1 200 OK\r\n\r\n", strings.Repeat("a", 1000)), MaxExcerpt},
		{"a body that drips", drip("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "a"), -1},
		{"a body that never comes", func(conn net.Conn) {
			readRequest(conn)
			_, _ = fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
			_, _ = conn.Read(make([]byte, 1))
		}, 0},
		{"a body cut off", func(conn net.Conn) {
			readRequest(conn)
			_, _ = fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
		}, 3},
		{"chunks that are none", func(conn net.Conn) {
			readRequest(conn)
			_, _ = fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n")
		}, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp := newTestClient(t, quick()).Send(t.Context(), post(serveRaw(t, goodTLS(t), tt.speak)))
			if !resp.OK() || resp.StatusCode != 200 || resp.Duration > 600*time.Millisecond {
				t.Errorf("got %d %q after %v", resp.StatusCode, resp.ErrorCode, resp.Duration)
			}
			if n := len(resp.Excerpt); n != tt.want && (tt.want >= 0 || n == 0 || n > 20) {
				t.Errorf("kept %d bytes, want %d", n, tt.want)
			}
		})
	}
}

// TestNoDecompression: 200 MB of zeros in 200 kB stay as they are sent.
func TestNoDecompression(t *testing.T) {
	var asked string
	url := serve(t, goodTLS(t), func(w http.ResponseWriter, r *http.Request) {
		asked = r.Header.Get("Accept-Encoding")
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write([]byte{0x1f, 0x8b, 8, 0})
	})
	resp := newTestClient(t, quick()).Send(t.Context(), post(url))
	if !resp.OK() || asked != "" || resp.Excerpt != "\\u001f\ufffd\\u0008\\u0000" {
		t.Errorf("got %q, excerpt %q, asked for %q", resp.ErrorCode, resp.Excerpt, asked)
	}
}

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
		if !isShown(h.Name) {
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
	red := newRedactor([]string{secret})
	for _, at := range []int{0, 1, MaxExcerpt - len(secret) - 1, MaxExcerpt - 100, MaxExcerpt - 1, MaxExcerpt} {
		got := excerpt([]byte(strings.Repeat(".", at)+secret+"...."), true, red)
		if strings.Contains(got, "Secret") || len(got) > MaxExcerpt {
			t.Errorf("at %d: %d bytes, ends with %q", at, len(got), got[max(0, len(got)-40):])
		}
	}
	// Where so much is replaced that the end of what was read comes into view, that end may be half a secret.
	many := []byte(strings.Repeat(secret, MaxRead/len(secret)+1))[:MaxRead]
	if got := excerpt(many, false, red); strings.Contains(got, "Secret") || got == "" {
		t.Errorf("half a secret is kept: %q", got)
	}
	if got := excerpt([]byte("ends with Secre"), true, red); got != "ends with Secre" {
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
		if got := excerpt([]byte(tt.raw), true, newRedactor(nil)); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.raw, got, tt.want)
		}
	}
	for n := range 4 {
		got := excerpt([]byte(strings.Repeat("a", n)+strings.Repeat("😀", MaxExcerpt)), true, newRedactor(nil))
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
