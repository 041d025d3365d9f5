package portal

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/memory"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// everything is the ledger of all tests of the package.
var everything = newLedger()

// TestMain looks for every secret that any test made in everything that any test's world emitted.
func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	leaks := everything.leaks()
	for _, line := range leaks[:min(len(leaks), 20)] {
		fmt.Fprintln(os.Stderr, "a secret was emitted:", line)
	}
	if len(leaks) > 0 && code == 0 {
		fmt.Fprintf(os.Stderr, "%d texts hold a secret\n", len(leaks))
		code = 1
	}
	os.Exit(code) //nolint:forbidigo // this is the main of the tests
}

// Whatever a secret gets into, and in whatever form, the ledger finds it.
func TestLedgerFindsSecrets(t *testing.T) {
	const own, header = "own \"secret\" <0123456789> of the partner", "Bearer header-value-sesame"
	emit := func(w *world, r req, status int, name, body string) {
		w.portal = http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("X-Name", name)
			rw.WriteHeader(status)
			_, _ = rw.Write([]byte(body))
		})
		w.do(r)
	}
	create, get := req{method: "POST", path: "/v1/webhooks"}, req{method: "GET", path: "/v1/webhooks"}
	ways := map[string]func(w *world, text string){
		"log":                func(w *world, text string) { newLogger(w.log).Info("x", "y", "before "+text+" after") },
		"answer":             func(w *world, text string) { emit(w, get, 200, "", `["before `+text+` after"]`) },
		"answer's header":    func(w *world, text string) { emit(w, get, 200, text, "") },
		"failed creation":    func(w *world, text string) { emit(w, create, 422, "", `{"secret":"`+text+`"}`) },
		"member of creation": func(w *world, text string) { emit(w, create, 201, "", `{"secret":"other-secret","note":"`+text+`"}`) },
		"delivery": func(w *world, text string) {
			w.delivery("acme", "w", func(d *webhook.Delivery) { d.Body = []byte(text) })
		},
		"excerpt": func(w *world, text string) {
			w.delivery("acme", "w", func(d *webhook.Delivery) { d.Log = []webhook.Attempt{{Excerpt: text}} })
		},
		"answer that is kept": func(w *world, text string) { w.commit(webhook.Change{Answer: &webhook.Answer{Sealed: []byte(text)}}) },
		"parked record": func(w *world, text string) {
			_ = w.objects.Park(t.Context(), webhook.Parked{ID: "p", Record: []byte(text)})
		},
		"overwritten": func(w *world, text string) {
			_ = storeTap{w.store, w.ledger}.Commit(t.Context(), webhook.Change{Outbox: []webhook.OutboxEvent{{Reason: text}}})
			w.store = memory.NewStore()
		},
		"message": func(w *world, text string) {
			_ = queueTap{w.queue, w.ledger}.Send(t.Context(), webhook.Message{After: text})
			w.queue.Take()
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			l := newLedger()
			w := newWorldOf(t, l)
			secrets := []string{own, header, w.partner("acme"), w.doAdmin("POST", "/admin/partners/acme/portal-sessions", nil).want(201).str("token")}
			hook := w.do(req{method: "POST", path: "/v1/webhooks", key: secrets[2], body: map[string]any{
				"url": "https://hooks.example.com/in", "secret": own, "authHeader": map[string]string{"name": "x-api-key", "value": header},
			}}).want(201).str("id")
			rotated := w.do(req{method: "POST", path: "/v1/webhooks/" + hook + "/secret/rotate", key: secrets[2]}).want(200)
			secrets = append(secrets, rotated.str("secret"))
			l.look(w.store, w.queue, w.objects)
			if leaks := l.leaks(); len(leaks) != 0 || len(l.secrets) != len(secrets) {
				t.Fatalf("%d secrets, and these were emitted: %q", len(l.secrets), leaks)
			}
			clean := l.emitted
			for _, s := range secrets {
				for _, form := range planted(s) {
					l.emitted = maps.Clone(clean)
					w.store, w.queue, w.objects = memory.NewStore(), &memory.Queue{}, memory.NewObjects()
					way(w, form)
					l.look(w.store, w.queue, w.objects)
					if len(l.leaks()) == 0 {
						t.Errorf("not found: %q", form)
					}
				}
			}
		})
	}
}

// What the tests' own worlds make and emit is noted.
func TestEveryWorldIsNoted(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, map[string]any{"secret": "noted-secret-0123456789-abcdef"})
	line := w.log.String()[strings.LastIndex(strings.TrimSpace(w.log.String()), "\n")+1:]
	everything.mu.Lock()
	defer everything.mu.Unlock()
	if !everything.secrets[key] || !everything.secrets["noted-secret-0123456789-abcdef"] || !everything.emitted[line] || !everything.emitted[id] {
		t.Fatal("a secret or a text of this test is missing")
	}
}

// planted are forms of a secret, made in other ways than the ledger makes them.
func planted(secret string) []string {
	quoted, _ := json.Marshal(secret)
	forms := []string{
		strings.Trim(string(quoted), `"`), fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), url.QueryEscape(secret),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.URLEncoding.EncodeToString([]byte("x" + secret + "yz")),
	}
	if rest, ok := strings.CutPrefix(secret, "whsec_"); ok {
		key, _ := base64.StdEncoding.DecodeString(rest)
		forms = append(forms, rest, fmt.Sprintf("%x", key))
	}
	if _, rest, ok := strings.Cut(secret, "Bearer "); ok {
		forms = append(forms, rest)
	}
	if strings.HasPrefix(secret, "cr") {
		forms = append(forms, secret[20:])
	}
	return forms
}

// A secret is shown where it is made, and nowhere else: in no later answer, no problem, no log line, and not in the
// clear in the store.
func TestSecretsStaySecret(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	token := w.doAdmin("POST", "/admin/partners/acme/portal-sessions", nil).want(201).str("token")
	const own, header, next = "own-secret-0123456789-abcdef", "header-value-sesame", "next-secret-0123456789-abcdef"
	created := w.createWithKey(key, "k", `{"url":"https://hooks.example.com/in","secret":"`+own+`","authHeader":{"name":"x-api-key","value":"`+header+`"}}`).want(201)
	if strings.Count(created.body, own) != 1 || strings.Contains(created.body, header) {
		t.Fatal("the answer to a creation shows the secret once and the header's value never")
	}
	generated := w.do(req{method: "POST", path: "/v1/webhooks", key: key, body: goodBody}).want(201).str("secret")
	secrets := []string{key, token, own, header, next, generated, strings.TrimPrefix(generated, "whsec_")}
	hook := "/v1/webhooks/" + created.str("id")
	w.sender.answer = webhook.Response{ErrorCode: webhook.ErrTLS, ErrorMessage: "TLS."}
	var answers []response
	try := func(r req) {
		if r.key == "" {
			r.key = key
		}
		answers = append(answers, w.do(r))
	}
	try(req{method: "GET", path: "/v1/webhooks"})
	try(req{method: "GET", path: hook})
	rotated := w.do(req{method: "POST", path: hook + "/secret/rotate", key: key, body: `{"overlapHours":1}`}).want(200).str("secret")
	secrets = append(secrets, rotated, strings.TrimPrefix(rotated, "whsec_"))
	try(req{method: "POST", path: hook + "/test"})
	try(req{method: "POST", path: hook + "/secret/rotate", body: `{"secret":"` + own + `"}`})
	try(req{method: "POST", path: hook + "/secret/rotate", body: `{"secret":"` + own + `","replace":true}`})
	try(req{method: "POST", path: hook + "/secret/complete", body: `{"secret":"` + own + `"}`})
	try(req{method: "GET", path: hook})
	w.advance(time.Hour)
	try(req{method: "POST", path: hook + "/secret/complete"})
	try(req{method: "PATCH", path: hook, body: `{"secret":"` + next + `"}`})
	try(req{method: "POST", path: hook + "/secret/cancel"})
	try(req{method: "PATCH", path: hook, body: `{"authHeader":{"name":"x-other","value":"` + header + `"}}`})
	try(req{method: "POST", path: hook + "/test"})
	try(req{method: "POST", path: hook + "/deactivate"})
	try(req{method: "POST", path: hook + "/activate", body: `{"held":"` + own + `"}`})
	// Every way in which the input is wrong, with a secret in it.
	for _, body := range wrongBodies(own, header) {
		try(req{method: "POST", path: "/v1/webhooks", body: body})
		try(req{method: "PATCH", path: hook, body: body})
		try(req{method: "POST", path: hook + "/secret/rotate", body: body})
	}
	try(req{method: "GET", path: "/v1/webhooks?limit=" + own + "&cursor=" + own})
	try(req{method: "GET", path: hook + "/deliveries?state=" + own + "&since=" + own})
	try(req{method: "GET", path: "/v1/" + own})
	try(req{method: "GET", path: "/v1/webhooks/" + key})
	try(req{method: "GET", path: "/v1/webhooks", key: key[:len(key)-1] + "!"})
	try(req{method: "PATCH", path: hook, body: `{}`, header: http.Header{"If-Match": {own}, "Content-Type": {own}}})
	try(req{method: "POST", path: "/v1/webhooks", body: goodBody, header: http.Header{"Idempotency-Key": {own + "\xff"}}})
	for _, a := range answers {
		for _, s := range secrets {
			if strings.Contains(a.body, s) {
				t.Errorf("a secret in an answer with status %d: %s", a.status, a.body)
			}
		}
	}
	stored := w.stored("acme", created.str("id"))
	text := w.log.String() + string(stored.Sealed) + stored.SecretHint
	for _, s := range secrets {
		if strings.Contains(text, s) {
			t.Error("a secret in the log or in what is stored")
		}
	}
	if n := len(w.log.lines(t)); n < len(answers) {
		t.Fatalf("only %d log lines", n)
	}
}

// wrongBodies are bodies that are refused, each in another way, with a secret in them.
func wrongBodies(own, header string) []string {
	return []string{
		`{"secret":"` + own + `","secret":"` + own + `"}`, `{"secret":"` + own, `{"secret":["` + own + `"]}`, `"` + own + `"`,
		`{"secret":"` + own + "\xff\"}", `{"authHeader":"` + header + `"}`, `{"authHeader":{"name":"` + header + ` ","value":"` + header + `"}}`,
		`{"authHeader":{"name":"a","value":"` + header + `\n"}}`, `{"typeNaming":"` + own + `"}`, `{"eventTypes":["` + own + `"]}`,
		`{"url":"http://u:` + own + `@x.example.com"}`, `{"url":"https://private.example.com/` + own + `"}`, `{"secret":"` + strings.Repeat(own, 6) + `"}`,
		`{"payloadTemplate":"` + own + `"}`, `{"description":"\u0000` + own + `"}`, `{"active":"` + own + `"}`,
	}
}
