package egress

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// shown lists the response headers that are kept, in the order in which they are shown. All others may hold what is
// not ours to store, cookies above all.
var shown = [...]string{
	"content-type", "content-length", "content-encoding", "date", "location", "retry-after", "server",
	"x-request-id", "x-correlation-id", "x-amzn-requestid", "cf-ray",
}

// Bounds on the headers that are kept.
const (
	maxHeaderValue = 256     // bytes of a value as it is shown
	maxKeptValue   = 4 << 10 // bytes of a value before secrets are replaced
	maxSameName    = 4       // headers of one name
)

// show fills in what is kept of an answer: its fields that may be shown, the start of its body.
func show(out *webhook.Response, a *answer, start []byte, whole bool, values []string) {
	texts := []text{{string(start), !whole}}
	var names []string
	for _, name := range shown {
		for _, f := range a.fields {
			if f.Name == name {
				names = append(names, name)
				texts = append(texts, text{f.Value, len(f.Value) == maxKeptValue})
			}
		}
	}
	clean := redact(values, texts)
	out.Excerpt = excerpt(clean[0])
	for i, name := range names {
		out.Headers = append(out.Headers, webhook.Header{Name: name, Value: cut(safe(clean[i+1]), maxHeaderValue)})
	}
}

// maxRetryAfter keeps a Retry-After in bounds; how long is really waited is decided by the ladder of retries.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads the header of a 429 or 503: seconds or a date (RFC 9110, 10.2.3). 0 if there is none to follow.
func retryAfter(status int, value string, now time.Time) time.Duration {
	if status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
		return 0
	}
	if digits(value) {
		seconds, err := strconv.ParseInt(value, 10, 32)
		if err != nil {
			return maxRetryAfter // more digits than that many seconds have
		}
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}

// excerpt makes the start of a body, without secrets, fit to store and show: valid UTF-8 without control characters, cut.
func excerpt(clean string) string {
	// Cut twice: what safe writes is never shorter than what it reads, and may be six times as long.
	return cut(safe(cut(clean, MaxExcerpt)), MaxExcerpt)
}

// safe returns s as valid UTF-8 in which every character that is not visible is written as an escape, line feed and tab
// excepted. They are not removed: that could join the halves of a secret.
func safe(s string) string {
	var b strings.Builder
	for _, r := range s { // an invalid byte reads as U+FFFD
		switch {
		case r == '\n' || r == '\t' || unicode.IsGraphic(r):
			b.WriteRune(r)
		case r <= 0xFFFF:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}

// cut returns at most n bytes of s, ending between characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
