package portal

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// addCredential stores a credential and returns its text.
func (w *world) addCredential(kind webhook.CredentialKind, partnerID string, expires time.Time) string {
	w.t.Helper()
	c, text, err := newCredential(rand.Reader, kind, partnerID, w.clock())
	if err != nil {
		w.t.Fatal(err)
	}
	c.ExpiresAt = expires
	w.commit(webhook.Change{AddCredential: &c})
	return text
}

func TestUnauthenticatedRequestsLookAlike(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	other := newWorld(t).partner("acme") // well-formed, but unknown here
	wrongSecret := func() string {
		id, _, _ := parseCredential(key)
		raw := make([]byte, secretBytes)
		head := apiKeyPrefix + strings.TrimPrefix(id, "key_")
		return head + crockford.EncodeToString(append(raw, checksum(head, raw)...))
	}()
	ended := w.addCredential(webhook.PortalSession, "acme", w.clock().Add(time.Minute))
	orphan := w.addCredential(webhook.APIKey, "nobody", time.Time{})
	w.advance(time.Minute)
	headers := map[string][]string{
		"none": nil, "empty": {""}, "basic": {"Basic " + key}, "bare key": {key}, "two": {"Bearer " + key, "Bearer " + key},
		"no token": {"Bearer "}, "two spaces": {"Bearer  " + key}, "trailing space": {"Bearer " + key + " "},
		"list": {"Bearer " + key + ", Bearer " + key}, "unknown": {"Bearer " + other}, "wrong secret": {"Bearer " + wrongSecret},
		"expired": {"Bearer " + ended}, "no partner": {"Bearer " + orphan}, "malformed": {"Bearer crk_123"},
		"upper case": {"Bearer " + strings.ToUpper(key)},
	}
	first := w.do(req{method: "GET", path: "/v1/webhooks"}).problem(401)
	for name, values := range headers {
		r := w.do(req{method: "GET", path: "/v1/webhooks", header: http.Header{"Authorization": values}})
		if r.status != 401 || r.body != first.body || r.header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	w.do(req{method: "GET", path: "/v1/webhooks", header: http.Header{"Authorization": {"bearer " + key}}}).want(200)
}

// Whoever has no credential learns nothing: neither which routes there are, nor what is wrong with a body.
func TestAuthenticationComesFirst(t *testing.T) {
	w := newWorld(t)
	want := w.do(req{method: "GET", path: "/v1/webhooks"}).problem(401).body
	for name, r := range map[string]req{
		"unknown route": {method: "GET", path: "/v1/nothing"}, "root": {method: "GET", path: "/"},
		"unclean path": {method: "GET", path: "/v1//webhooks"}, "wrong method": {method: "PUT", path: "/v1/webhooks"},
		"bad JSON": {method: "POST", path: "/v1/webhooks", body: "{"},
		"large":    {method: "POST", path: "/v1/webhooks", body: strings.Repeat(" ", MaxBody+1)},
		"no type":  {method: "POST", path: "/v1/webhooks", body: "{}", header: http.Header{"Content-Type": nil}},
		"bad id":   {method: "GET", path: "/v1/webhooks/x"}, "bad query": {method: "GET", path: "/v1/webhooks?limit=0"},
		"nearly a page": {method: "GET", path: "/consoles/"}, "below no page": {method: "GET", path: "/v1/openapi.json/x"},
	} {
		if got := w.do(r); got.status != 401 || got.body != want {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}

// An answer says whose it is, a refusal for other reasons too; who has no credential learns nothing.
func TestAnswersNameTheAccount(t *testing.T) {
	w := newWorld(t)
	acme, globex := w.partner("acme"), w.partner("globex")
	for _, c := range []struct{ key, path, want string }{
		{acme, "/v1/webhooks", "acme"}, {globex, "/v1/webhooks", "globex"}, {globex, "/v1/webhooks/" + w.ids().Webhook(), "globex"},
		{acme, "/v1/webhooks?limit=x", "acme"}, {acme, "/x", "acme"}, {"", "/v1/webhooks", ""}, {acme + "0", "/v1/webhooks", ""},
		{"", "/console/", ""}, {acme, "/v1/openapi.json", ""},
	} {
		if got := w.do(req{method: "GET", path: c.path, key: c.key}).header.Get("Account-Id"); got != c.want {
			t.Errorf("%s: account %q, want %q", c.path, got, c.want)
		}
	}
}

func TestRevokedKeyStopsAtOnce(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	w.do(req{method: "GET", path: "/v1/webhooks", key: key}).want(200)
	id, _, _ := parseCredential(key)
	w.doAdmin("DELETE", "/admin/partners/acme/api-keys/"+id, nil).want(204)
	w.do(req{method: "GET", path: "/v1/webhooks", key: key}).problem(401)
}

func TestSessionEndsInTime(t *testing.T) {
	w := newWorld(t)
	w.partner("acme")
	token := w.doAdmin("POST", "/admin/partners/acme/portal-sessions", map[string]any{"expiresInSeconds": 60}).want(201).str("token")
	w.advance(60*time.Second - time.Nanosecond)
	w.do(req{method: "GET", path: "/v1/webhooks", key: token}).want(200)
	w.advance(time.Nanosecond)
	w.do(req{method: "GET", path: "/v1/webhooks", key: token}).problem(401)
}

func TestSuspension(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	token := w.doAdmin("POST", "/admin/partners/acme/portal-sessions", nil).want(201).str("token")
	w.advance(time.Second)
	w.doAdmin("PATCH", "/admin/partners/acme", map[string]any{"suspended": true}).want(200)
	w.do(req{method: "GET", path: "/v1/webhooks", key: key}).problem(403)
	w.do(req{method: "GET", path: "/v1/webhooks", key: token}).problem(401)
	w.doAdmin("POST", "/admin/partners/acme/portal-sessions", nil).problem(409)
	w.advance(time.Second)
	w.doAdmin("PATCH", "/admin/partners/acme", map[string]any{"suspended": false}).want(200)
	w.do(req{method: "GET", path: "/v1/webhooks", key: key}).want(200)
	w.do(req{method: "GET", path: "/v1/webhooks", key: token}).problem(401)
	again := w.doAdmin("POST", "/admin/partners/acme/portal-sessions", nil).want(201).str("token")
	w.do(req{method: "GET", path: "/v1/webhooks", key: again}).want(200)
}

func TestRateLimit(t *testing.T) {
	w := newWorld(t)
	key, other := w.partner("acme"), w.partner("globex")
	for range webhook.MaxRequestsPerSec {
		w.do(req{method: "GET", path: "/v1/event-types", key: key}).want(200)
	}
	r := w.do(req{method: "GET", path: "/v1/event-types", key: key}).problem(429)
	if r.header.Get("Retry-After") != "1" {
		t.Fatalf("Retry-After %q", r.header.Get("Retry-After"))
	}
	w.do(req{method: "GET", path: "/v1/event-types", key: other}).want(200)
	w.advance(time.Second)
	w.do(req{method: "GET", path: "/v1/event-types", key: key}).want(200)
}

func TestStoreThatDoesNotAnswer(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	for _, op := range []string{"Credential", "Partner", "CountRequest", "Webhooks"} {
		w.store.Fail = func(x string) error {
			if x == op {
				return webhook.Wrap(webhook.Unavailable, context.DeadlineExceeded, "hidden text")
			}
			return nil
		}
		r := w.do(req{method: "GET", path: "/v1/webhooks", key: key}).problem(503)
		if r.header.Get("Retry-After") == "" || strings.Contains(r.body, "hidden") {
			t.Errorf("%s: %v %s", op, r.header, r.body)
		}
	}
}
