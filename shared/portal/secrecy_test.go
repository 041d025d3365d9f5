package portal

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

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
	try(req{method: "PATCH", path: hook, body: `{"secret":"` + next + `"}`})
	try(req{method: "PATCH", path: hook, body: `{"authHeader":{"name":"x-other","value":"` + header + `"}}`})
	try(req{method: "POST", path: hook + "/test"})
	try(req{method: "POST", path: hook + "/deactivate"})
	try(req{method: "POST", path: hook + "/activate", body: `{"held":"` + own + `"}`})
	// Every way in which the input is wrong, with a secret in it.
	for _, body := range wrongBodies(own, header) {
		try(req{method: "POST", path: "/v1/webhooks", body: body})
		try(req{method: "PATCH", path: hook, body: body})
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
