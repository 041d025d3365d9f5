package egress

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// shown lists the response headers that are kept, in the order in which they are shown. All others may hold what is
// not ours to store, cookies above all.
func shown() []string {
	return []string{
		"content-type", "content-length", "content-encoding", "date", "location", "retry-after", "server",
		"x-request-id", "x-correlation-id", "x-amzn-requestid", "cf-ray",
	}
}

// maxHeaderValue bounds a kept header's value in bytes.
const maxHeaderValue = 256

func shownHeaders(h http.Header, red redactor) []webhook.Header {
	var kept []webhook.Header
	for _, name := range shown() {
		for i, value := range h.Values(name) {
			if i == 4 {
				break
			}
			kept = append(kept, webhook.Header{Name: name, Value: cut(safe(red.replace(value)), maxHeaderValue)})
		}
	}
	return kept
}

// maxRetryAfter keeps a Retry-After in bounds; how long is really waited is decided by the ladder of retries.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads the header of a 429 or 503: seconds or a date (RFC 9110, 10.2.3). 0 if there is none to follow.
func retryAfter(resp *http.Response, now time.Time) time.Duration {
	if resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	value := strings.TrimSpace(resp.Header.Get("Retry-After"))
	if value != "" && strings.Trim(value, "0123456789") == "" {
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

// excerpt makes what was read of a body fit to store and show: secrets replaced, then valid UTF-8 without control
// characters, then cut. whole tells whether raw is all of the body.
func excerpt(raw []byte, whole bool, red redactor) string {
	text := red.replace(string(raw))
	if !whole {
		text = red.trimPartial(text)
	}
	// Cut twice: what safe writes is never shorter than what it reads, and may be six times as long.
	return cut(safe(cut(text, MaxExcerpt)), MaxExcerpt)
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

// redactor replaces values that must not be kept, in the forms in which endpoints echo them.
type redactor struct {
	forms    []string
	replacer *strings.Replacer
}

func newRedactor(values []string) redactor {
	var forms []string
	for _, v := range values {
		forms = append(forms, formsOf(v)...)
		if rest, ok := strings.CutPrefix(v, webhook.SecretPrefix); ok {
			forms = append(forms, formsOf(rest)...)
		}
		// "Bearer x" and "Basic x": the credential alone is as secret as the value.
		if _, credential, ok := strings.Cut(v, " "); ok && len(credential) >= 8 {
			forms = append(forms, formsOf(credential)...)
		}
	}
	forms = slices.DeleteFunc(forms, func(f string) bool { return f == "" })
	// The longest first, since at one place the first that fits is taken.
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	forms = slices.Compact(forms)
	pairs := make([]string, 0, 2*len(forms))
	for _, f := range forms {
		pairs = append(pairs, f, "[redacted]")
	}
	return redactor{forms, strings.NewReplacer(pairs...)}
}

// formsOf returns a value as it stands and as JSON, URLs and HTML write it.
func formsOf(v string) []string {
	quoted, _ := json.Marshal(v) // a string always has a JSON form; this one escapes <, > and &
	plain := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(quoted))
	slashes := strings.ReplaceAll(plain, "/", `\/`)
	return []string{
		v, unquote(string(quoted)), unquote(plain), unquote(slashes),
		url.QueryEscape(v), url.PathEscape(v), html.EscapeString(v),
	}
}

func unquote(s string) string { return s[1 : len(s)-1] }

func (r redactor) replace(s string) string { return r.replacer.Replace(s) }

// trimPartial drops an end of s, in which whole values are replaced already, that may be the start of a value: where
// reading stopped, the rest is missing.
func (r redactor) trimPartial(s string) string {
	longest := 0
	for _, f := range r.forms {
		for n := min(len(f)-1, len(s)); n > longest; n-- {
			if strings.HasSuffix(s, f[:n]) {
				longest = n
			}
		}
	}
	return s[:len(s)-longest]
}
