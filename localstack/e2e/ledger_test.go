package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

// ledger collects every secret that the tests make or are given, and everything that the system emits.
type ledger struct {
	mu      sync.Mutex
	secrets map[string]string // what each is
	emitted map[string]*bytes.Buffer
}

func newLedger(apiKey string) *ledger {
	l := &ledger{secrets: map[string]string{}, emitted: map[string]*bytes.Buffer{}}
	l.secret("the demo's API key", apiKey)
	return l
}

func (l *ledger) secret(what, value string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(value) >= 8 {
		l.secrets[value] = what
	}
}

// note keeps what was emitted at a place.
func (l *ledger) note(place string, text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.emitted[place]
	if b == nil {
		b = &bytes.Buffer{}
		l.emitted[place] = b
	}
	b.Write(text)
	b.WriteByte('\n')
}

// answer takes an API's answer, and the secrets that the request and the answer hold. What an answer is there to show,
// once, is cut out of it.
func (l *ledger) answer(request []byte, a local.Answer) {
	var given struct {
		Secret     string
		AuthHeader struct{ Value string }
	}
	if json.Unmarshal(request, &given) == nil {
		l.secret("a signing secret", given.Secret)
		l.secret("an authentication header's value", given.AuthHeader.Value)
	}
	body := a.Body
	var made struct{ Secret, Key, Token string }
	if json.Unmarshal(body, &made) == nil && a.Status < 300 {
		for what, value := range map[string]string{"a signing secret": made.Secret, "an API key": made.Key, "a session's token": made.Token} {
			if value == "" {
				continue
			}
			l.secret(what, value)
			n := -1 // a session's token stands in the console's address as well
			if what != "a session's token" {
				n = 1
			}
			body = bytes.Replace(body, []byte(value), nil, n)
		}
	}
	l.note("the APIs' answers", body)
	l.note("the APIs' answers", []byte(fmt.Sprint(a.Header)))
}

// request takes what an endpoint received. The authentication header belongs there.
func (l *ledger) request(h http.Header, body []byte) {
	l.mu.Lock()
	header := h.Clone()
	for name, values := range header {
		if l.secrets[values[0]] == "an authentication header's value" {
			delete(header, name)
		}
	}
	l.mu.Unlock()
	l.note("requests to endpoints", []byte(fmt.Sprint(header)))
	l.note("requests to endpoints", body)
}

// found lists the secrets that were emitted, in any of the forms that they are likely to have. It names none of them.
func (l *ledger) found() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var hits []string
	for value, what := range l.secrets {
		for place, b := range l.emitted {
			for form, text := range formsOf(value) {
				if i := bytes.Index(b.Bytes(), []byte(text)); i >= 0 {
					around := b.Bytes()[max(0, i-60):i]
					hits = append(hits, fmt.Sprintf("%s, %s, in %s after %q", what, form, place, around))
				}
			}
		}
	}
	return hits
}

func formsOf(secret string) map[string]string {
	forms := map[string]string{
		"as it is": secret, "in base64": base64.RawStdEncoding.EncodeToString([]byte(secret)), "in hex": hex.EncodeToString([]byte(secret)),
	}
	if rest, ok := strings.CutPrefix(secret, "whsec_"); ok {
		forms["without its prefix"] = rest
		if key, err := base64.StdEncoding.DecodeString(rest); err == nil {
			forms["as a key in hex"], forms["as a key in bytes"] = hex.EncodeToString(key), string(key)
		}
	}
	return forms
}

// TestLedgerSees proves that the search at the end of the tests can find what it looks for.
func TestLedgerSees(t *testing.T) {
	const signing, value = "whsec_c2VjcmV0IG9mIHRoZSBwYXJ0bmVyIQ==", "header-value-sesame"
	key := []byte("secret of the partner!")
	creation := []byte(`{"url":"https://x.example.com","authHeader":{"name":"x-key","value":"` + value + `"}}`)
	shown := func(body string) local.Answer { return local.Answer{Status: 201, Body: []byte(body)} }
	for _, tt := range []struct {
		name string
		emit func(l *ledger)
		want int
	}{
		{"nothing", func(*ledger) {}, 0},
		{"shown twice", func(l *ledger) { l.answer(nil, shown(`{"secret":"`+signing+`","again":"`+signing+`"}`)) }, 2}, // also without its prefix
		{"in a later answer", func(l *ledger) { l.answer(nil, local.Answer{Status: 422, Body: []byte("x" + signing[6:])}) }, 1},
		{"a header's value in its own answer", func(l *ledger) { l.answer(creation, shown(`{"value":"`+value+`"}`)) }, 1},
		{"a header's value where it belongs", func(l *ledger) { l.request(http.Header{"X-Key": {value}}, nil) }, 0},
		{"a secret in a request", func(l *ledger) { l.request(http.Header{"X-Key": {signing}}, nil) }, 2},
		{"in a log, in base64", func(l *ledger) { l.note("logs", []byte(base64.StdEncoding.EncodeToString([]byte(value)))) }, 1},
		{"the key in a table", func(l *ledger) { l.note("table", append([]byte{1}, key...)) }, 1},
		{"the key in hex", func(l *ledger) { l.note("table", []byte(hex.EncodeToString(key))) }, 1},
	} {
		l := newLedger("")
		l.answer(creation, shown(`{"secret":"`+signing+`"}`))
		tt.emit(l)
		if got := l.found(); len(got) != tt.want {
			t.Errorf("%s: found %q, want %d", tt.name, got, tt.want)
		}
	}
}
