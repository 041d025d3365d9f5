package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

// problem is an RFC 9457 document.
type problem struct {
	Status int
	Title  string
	Errors []struct{ Location, Message string }
}

func TestAPIRefusals(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	mine, other := newPartner(t, w), newPartner(t, w)
	foreign := other.webhook("https://hooks.example.com/in", nil)
	nobody := local.Client{Base: w.run.APIURL}
	wrongKey := local.Client{Base: w.run.APIURL, Token: w.run.APIKey + "x"}
	big := []byte(`{"url":"https://hooks.example.com/in","description":"` + strings.Repeat("a", 65<<10) + `"}`)
	good := map[string]any{"url": "https://hooks.example.com/in"}
	for _, c := range []struct {
		name         string
		client       local.Client
		method, path string
		body         any
		status       int
		location     string
		headers      []string
	}{
		{name: "no key", client: nobody, method: "GET", path: "/v1/webhooks", status: 401},
		{name: "wrong key", client: wrongKey, method: "GET", path: "/v1/webhooks", status: 401},
		{name: "no key comes before all else", client: nobody, method: "POST", path: "/v1/nothing", body: []byte("{"), status: 401},
		{name: "unknown path", client: mine.api, method: "GET", path: "/v1/nothing", status: 404},
		{name: "unknown webhook", client: mine.api, method: "GET", path: "/v1/webhooks/whk_06h0cbsq7jvjvvtt5zxhtx1ehg", status: 404},
		{name: "foreign webhook", client: mine.api, method: "GET", path: "/v1/webhooks/" + foreign.ID, status: 404},
		{name: "foreign webhook's edit", client: mine.api, method: "PATCH", path: "/v1/webhooks/" + foreign.ID, body: good, status: 404},
		{name: "foreign webhook's end", client: mine.api, method: "DELETE", path: "/v1/webhooks/" + foreign.ID, status: 404},
		{name: "foreign deliveries", client: mine.api, method: "GET", path: "/v1/webhooks/" + foreign.ID + "/deliveries", status: 404},
		{name: "wrong method", client: mine.api, method: "PUT", path: "/v1/webhooks", body: good, status: 405},
		{name: "too large", client: mine.api, method: "POST", path: "/v1/webhooks", body: big, status: 413},
		{name: "wrong type", client: mine.api, method: "POST", path: "/v1/webhooks", body: good, status: 415, headers: []string{"Content-Type", "text/plain"}},
		{name: "not JSON", client: mine.api, method: "POST", path: "/v1/webhooks", body: []byte("{"), status: 400},
		{name: "duplicate key", client: mine.api, method: "POST", path: "/v1/webhooks", body: []byte(`{"url":"https://a.example.com","url":"https://b.example.com"}`), status: 400},
		{name: "unknown field", client: mine.api, method: "POST", path: "/v1/webhooks", body: map[string]any{"url": "https://hooks.example.com", "colour": "red"}, status: 422, location: "body.colour"},
		{name: "not https", client: mine.api, method: "POST", path: "/v1/webhooks", body: map[string]any{"url": "http://hooks.example.com"}, status: 422, location: "body.url"},
		{name: "an address", client: mine.api, method: "POST", path: "/v1/webhooks", body: map[string]any{"url": "https://127.0.0.1/"}, status: 422, location: "body.url"},
		{name: "template", client: mine.api, method: "POST", path: "/v1/webhooks", body: map[string]any{"url": "https://hooks.example.com", "payloadTemplate": map[string]any{"a": "{{ b[*] }}"}}, status: 422, location: "body.payloadTemplate.a"},
		{name: "short secret", client: mine.api, method: "POST", path: "/v1/webhooks", body: map[string]any{"url": "https://hooks.example.com", "secret": "short"}, status: 422, location: "body.secret"},
		{name: "stale edit", client: other.api, method: "PATCH", path: "/v1/webhooks/" + foreign.ID, body: good, status: 412, headers: []string{"If-Match", `"999"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := c.client.Do(t.Context(), c.method, c.path, c.body, c.headers...)
			must(t, err)
			var doc problem
			if err := json.Unmarshal(a.Body, &doc); err != nil {
				t.Fatalf("%d, not a problem document: %s", a.Status, a.Body)
			}
			if a.Status != c.status || doc.Status != c.status || a.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("answer %d %s %s, want %d", a.Status, a.Header.Get("Content-Type"), a.Body, c.status)
			}
			if c.location != "" && (len(doc.Errors) == 0 || doc.Errors[0].Location != c.location) {
				t.Errorf("the errors are %+v, want one at %s", doc.Errors, c.location)
			}
		})
	}
}

// Nothing tells a foreign webhook from one that does not exist.
func TestForeignAndUnknownAnswerAlike(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	mine, other := newPartner(t, w), newPartner(t, w)
	foreign := other.webhook("https://hooks.example.com/in", nil)
	a, err := mine.api.Do(t.Context(), "GET", "/v1/webhooks/"+foreign.ID, nil)
	must(t, err)
	b, err := mine.api.Do(t.Context(), "GET", "/v1/webhooks/whk_06h0cbsq7jvjvvtt5zxhtx1ehg", nil)
	must(t, err)
	if a.Status != b.Status || string(a.Body) != string(b.Body) {
		t.Errorf("a foreign webhook answers %d %s, an unknown one %d %s", a.Status, a.Body, b.Status, b.Body)
	}
}

func TestIdempotencyAndEditing(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p := newPartner(t, w)
	body := map[string]any{"url": "https://hooks.example.com/in"}
	key := []string{"Idempotency-Key", newID("key")}
	first, err := p.api.Do(t.Context(), "POST", "/v1/webhooks", body, key...)
	must(t, err)
	again, err := p.api.Do(t.Context(), "POST", "/v1/webhooks", body, key...)
	must(t, err)
	if first.Status != 201 || string(first.Body) != string(again.Body) {
		t.Errorf("the repeated request answers %d %s, the first %d %s", again.Status, again.Body, first.Status, first.Body)
	}
	other, err := p.api.Do(t.Context(), "POST", "/v1/webhooks", map[string]any{"url": "https://other.example.com/"}, key...)
	must(t, err)
	if other.Status != 422 {
		t.Errorf("another body under the same key answers %d, want 422", other.Status)
	}
	var list struct{ Items []hook }
	p.call("GET", "/v1/webhooks", nil, &list)
	if len(list.Items) != 1 || list.Items[0].Secret != "" {
		t.Errorf("the list is %+v, want one webhook without its secret", list.Items)
	}
	etag := first.Header.Get("ETag")
	edit, err := p.api.Do(t.Context(), "PATCH", "/v1/webhooks/"+list.Items[0].ID, map[string]any{"description": "x"}, "If-Match", etag)
	must(t, err)
	if edit.Status != 200 || edit.Header.Get("ETag") == etag {
		t.Errorf("the edit answers %d with ETag %s", edit.Status, edit.Header.Get("ETag"))
	}
}

// The test route sends now, with the partner's authentication header, and counts for nothing.
func TestTestRoute(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, e := newPartner(t, w), newEndpoint(t, w, func(n int) reply {
		if n == 1 {
			return reply{status: 204}
		}
		return reply{status: 500}
	})
	h := p.webhook(e.url, map[string]any{"active": false, "authHeader": map[string]string{"name": "x-partner-key", "value": "top-secret-value"}})
	e.expect(h.Secret)
	type result struct {
		Delivered  bool
		StatusCode *int
		Error      *struct{ Code string }
		Request    struct{ Body string }
	}
	for i, want := range []struct {
		delivered bool
		status    int
	}{{true, 204}, {false, 500}} {
		a, err := p.api.Do(t.Context(), "POST", "/v1/webhooks/"+h.ID+"/test", nil)
		must(t, err)
		var got result
		must(t, json.Unmarshal(a.Body, &got))
		if a.Status != 200 || got.Delivered != want.delivered || got.StatusCode == nil || *got.StatusCode != want.status {
			t.Errorf("test %d answers %d %s, want delivered %v, status %d", i+1, a.Status, a.Body, want.delivered, want.status)
		}
		if strings.Contains(string(a.Body), "top-secret-value") || strings.Contains(string(a.Body), h.Secret) {
			t.Error("the answer shows a secret")
		}
		if !strings.Contains(got.Request.Body, "test_123") {
			t.Errorf("the body sent is %s", got.Request.Body)
		}
	}
	for _, r := range e.arrived() {
		if r.headers.Get("X-Partner-Key") != "top-secret-value" {
			t.Error("the authentication header is missing")
		}
	}
	var page struct{ Items []deliveryView }
	p.call("GET", "/v1/webhooks/"+h.ID+"/deliveries", nil, &page)
	if now := p.getWebhook(h.ID); len(page.Items) != 0 || now.SuccessRate != nil || now.Health != "grey" || now.Active {
		t.Errorf("tests counted: %d deliveries, webhook %+v", len(page.Items), now)
	}
}

func TestPublicPages(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	nobody := local.Client{Base: w.run.APIURL}
	var doc struct {
		OpenAPI string
		Paths   map[string]any
	}
	must(t, nobody.Call(t.Context(), "GET", "/v1/openapi.json", nil, &doc))
	if !strings.HasPrefix(doc.OpenAPI, "3.1") || doc.Paths["/v1/webhooks/{webhookId}/test"] == nil {
		t.Errorf("the OpenAPI document is %s with %d paths", doc.OpenAPI, len(doc.Paths))
	}
	for _, folder := range []string{"/console/", "/docs/"} {
		// LocalStack hands on compressed pages in base64; what a browser gets is seen in Chromium.
		page, err := nobody.Do(t.Context(), "GET", folder, nil, "Accept-Encoding", "identity")
		must(t, err)
		if page.Status != 200 || !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") ||
			page.Header.Get("Content-Security-Policy") == "" || !strings.Contains(string(page.Body), `<script type="module" src="main-`) {
			t.Errorf("%s answers %d %v %s", folder, page.Status, page.Header, page.Body)
		}
	}
}

func TestPortalSessionAndRevokedKey(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p := newPartner(t, w)
	var session struct{ Token, URL string }
	must(t, w.admin.Call(t.Context(), "POST", "/admin/partners/"+p.id+"/portal-sessions", nil, &session))
	c := local.Client{Base: w.run.APIURL, Token: session.Token}
	must(t, c.Call(t.Context(), "GET", "/v1/webhooks", nil, nil))
	if !strings.HasPrefix(session.URL, w.run.ConsoleURL) {
		t.Errorf("the session's console is %s, not under %s", session.URL, w.run.ConsoleURL)
	}
	var keys struct{ Items []struct{ ID string } }
	must(t, w.admin.Call(t.Context(), "GET", "/admin/partners/"+p.id+"/api-keys", nil, &keys))
	if len(keys.Items) != 1 {
		t.Fatalf("the partner has %d keys, want 1", len(keys.Items))
	}
	must(t, w.admin.Call(t.Context(), "DELETE", "/admin/partners/"+p.id+"/api-keys/"+keys.Items[0].ID, nil, nil))
	await(t, "the revoked key is refused", 35*time.Second, func() bool {
		a, err := p.api.Do(t.Context(), "GET", "/v1/webhooks", nil)
		return err == nil && a.Status == 401
	})
}
