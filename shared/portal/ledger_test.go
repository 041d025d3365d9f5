package portal

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/memory"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// ledger keeps every secret that the tests of its worlds made and every text that came out of them: log lines, answers
// without what they are there to show once, what was stored and what was queued. Safe for concurrent use.
type ledger struct {
	mu      sync.Mutex
	secrets map[string]bool
	emitted map[string]bool
}

func newLedger() *ledger { return &ledger{secrets: map[string]bool{}, emitted: map[string]bool{}} }

// shortest is the length in bytes from which a secret is looked for: shorter ones are found by chance.
const shortest = 6

func (l *ledger) made(secret string) {
	if len(secret) < shortest || isMask(secret) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.secrets[secret] = true
}

func (l *ledger) emit(text string) {
	if len(text) < shortest {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.emitted[text] = true
}

// keyed notes the secrets of a webhook.
func (l *ledger) keyed(s webhook.Secrets) {
	for _, v := range s.Values() {
		l.made(v)
	}
}

// asked notes the secrets that a request carries, whether it will be refused or not.
func (l *ledger) asked(r *http.Request, body string) {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		if _, _, ok := parseCredential(token); ok {
			l.made(token)
		}
	}
	var b struct {
		Secret     string
		AuthHeader struct{ Value string }
	}
	_ = json.Unmarshal([]byte(body), &b) // what is no such body holds no secrets
	l.keyed(webhook.Secrets{Signing: b.Secret, AuthHeaderValue: b.AuthHeader.Value})
}

// answered notes an answer. What it is there to show once is a secret; the rest of it is a text like any other.
func (l *ledger) answered(r *http.Request, a response) {
	for name, values := range a.header {
		l.emit(name + ": " + strings.Join(values, ", "))
	}
	shown := shownOnce(r.Method, r.URL.Path, a.status)
	var members map[string]json.RawMessage
	if shown == nil || json.Unmarshal([]byte(a.body), &members) != nil {
		l.emit(a.body)
		return
	}
	for name, value := range members {
		var text string
		if !slices.Contains(shown, name) || json.Unmarshal(value, &text) != nil {
			l.emit(name + ":" + string(value))
			continue
		}
		if _, token, ok := strings.Cut(text, "#"); ok { // a link with a token, which is a member of its own
			text = strings.TrimPrefix(token, "token=")
		}
		l.made(text)
	}
}

// shownOnce names the members of an answer that show a secret.
func shownOnce(method, path string, status int) []string {
	switch {
	case method != http.MethodPost:
		return nil
	case path == "/v1/webhooks" && status == http.StatusCreated, strings.HasSuffix(path, "/secret/rotate") && status == http.StatusOK:
		return []string{"secret"}
	case strings.HasSuffix(path, "/api-keys") && status == http.StatusCreated:
		return []string{"key"}
	case strings.HasSuffix(path, "/portal-sessions") && status == http.StatusCreated:
		return []string{"token", "url"}
	}
	return nil
}

// look notes every text within values, unexported fields and bytes included.
func (l *ledger) look(values ...any) {
	for _, v := range values {
		l.walk(reflect.ValueOf(v))
	}
}

func (l *ledger) walk(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		l.emit(v.String())
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			l.walk(v.Elem())
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			l.walk(v.Field(i))
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			l.walk(it.Key())
			l.walk(it.Value())
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			raw := make([]byte, v.Len())
			for i := range raw {
				raw[i] = byte(v.Index(i).Uint())
			}
			l.emit(string(raw))
			return
		}
		for i := range v.Len() {
			l.walk(v.Index(i))
		}
	default: // numbers, functions and the like hold no text
	}
}

// leaks returns a line for every text that holds a secret in one of its forms.
func (l *ledger) leaks() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	type form struct{ text, of string }
	forms := map[string][]form{} // by their first bytes, to look at every text once
	for _, secret := range slices.Sorted(maps.Keys(l.secrets)) {
		for _, f := range secretForms(secret) {
			if len(f) >= shortest {
				forms[f[:shortest]] = append(forms[f[:shortest]], form{f, secret})
			}
		}
	}
	var found []string
	for text := range l.emitted {
	text:
		for i := 0; i+shortest <= len(text); i++ {
			for _, f := range forms[text[i:i+shortest]] {
				if strings.HasPrefix(text[i:], f.text) {
					found = append(found, fmt.Sprintf("%q as %q in %.200q", f.of, f.text, text[max(0, i-100):]))
					break text
				}
			}
		}
	}
	return found
}

// secretForms are the ways in which a secret may stand in a text: as it is, its parts that are as secret as the whole,
// and each of them written as hex, base64 (alone or within more), JSON, Go, a URL or HTML writes it.
func secretForms(secret string) []string {
	parts := []string{secret}
	if rest, ok := strings.CutPrefix(secret, webhook.SecretPrefix); ok {
		parts = append(parts, rest)
		if key, err := base64.StdEncoding.DecodeString(rest); err == nil {
			parts = append(parts, string(key))
		}
	}
	if _, credential, ok := strings.Cut(secret, " "); ok && len(credential) >= 8 {
		parts = append(parts, credential)
	}
	if _, _, ok := parseCredential(secret); ok {
		tail := secret[prefixLen+keyIDLen:]
		raw, _ := crockford.DecodeString(tail)
		parts = append(parts, tail, string(raw[:secretBytes]))
	}
	var forms []string
	for _, p := range parts {
		lower := hex.EncodeToString([]byte(p))
		forms = append(forms, p, lower, strings.ToUpper(lower), url.QueryEscape(p), url.PathEscape(p), html.EscapeString(p))
		inText := []string{jsonForm(p, true), jsonForm(p, false), strings.Trim(strconv.Quote(p), `"`)}
		for _, f := range inText {
			forms = append(forms, f, jsonForm(f, false)) // the second in a log line
		}
		for before := range 3 {
			padded := append(make([]byte, before), p...)
			for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
				// The characters that p alone decides.
				forms = append(forms, e.EncodeToString(padded)[(4*before+2)/3:4*len(padded)/3])
			}
		}
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

func jsonForm(s string, escapeHTML bool) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(escapeHTML)
	_ = e.Encode(s) // a string always has a JSON form
	text := strings.TrimSpace(b.String())
	return text[1 : len(text)-1]
}

// storeTap notes what is written, since later writes may hide it.
type storeTap struct {
	*memory.Store
	ledger *ledger
}

func (s storeTap) Commit(ctx context.Context, c webhook.Change) error {
	s.ledger.look(c)
	return s.Store.Commit(ctx, c)
}

// queueTap notes what is sent, since tests take messages out.
type queueTap struct {
	*memory.Queue
	ledger *ledger
}

func (q queueTap) Send(ctx context.Context, ms ...webhook.Message) error {
	q.ledger.look(ms)
	return q.Queue.Send(ctx, ms...)
}
