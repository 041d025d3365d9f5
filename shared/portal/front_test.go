package portal

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func TestUnknownRoutes(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, nil)
	hook := "/v1/webhooks/" + id
	for _, r := range []req{
		{method: "GET", path: "/"}, {method: "GET", path: "/v1"}, {method: "GET", path: "/v1/webhooks/"},
		{method: "GET", path: "/v1//webhooks"}, {method: "GET", path: "/v1/../v1/webhooks"}, {method: "GET", path: "/docs/x"},
		{method: "GET", path: "/admin/partners"}, {method: "POST", path: hook + "/secret"},
		{method: "POST", path: hook + "/template"}, {method: "GET", path: hook + "/stats/"},
		{method: "GET", path: hook + "/jobs"}, {method: "GET", path: "/V1/webhooks"},
		{method: "GET", path: "/v1/webhooks%2F" + id}, {method: "GET", path: hook + "/deliveries/a%2Fb"},
	} {
		r.key = key
		if got := w.do(r).problem(404); got.header.Get("Location") != "" {
			t.Errorf("%s: redirected", r.path)
		}
	}
}

func TestWrongMethod(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	for path, allow := range map[string]string{
		"/v1/webhooks": "GET, HEAD, POST", "/v1/event-types": "GET, HEAD", "/console/": "GET, HEAD", "/docs/x": "GET, HEAD", "/v1/openapi.json": "GET, HEAD",
	} {
		if got := w.do(req{method: "PUT", path: path, key: key}).problem(405).header.Get("Allow"); got != allow {
			t.Errorf("%s: Allow %q, want %q", path, got, allow)
		}
	}
}

func TestBodySize(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	body := `{"url":"https://hooks.example.com/in"}`
	largest := body + strings.Repeat(" ", MaxBody-len(body))
	w.do(req{method: "POST", path: "/v1/webhooks", key: key, body: largest}).want(201)
	w.do(req{method: "POST", path: "/v1/webhooks", key: key, body: largest + " "}).problem(413)
}

func TestContentType(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	hook := "/v1/webhooks/" + w.webhook(key, nil)
	create := req{method: "POST", path: "/v1/webhooks", body: `{"url":"https://hooks.example.com/in"}`}
	patch := req{method: "PATCH", path: hook, body: `{}`}
	activate := req{method: "POST", path: hook + "/activate", body: `{"held":"deliver"}`}
	nothing := req{method: "POST", path: hook + "/activate"}
	for _, c := range []struct {
		r      req
		types  []string
		status int
	}{
		{create, []string{"application/json"}, 201},
		{create, []string{"application/json; charset=utf-8"}, 201},
		{create, []string{"Application/JSON"}, 201},
		{create, nil, 415},
		{create, []string{""}, 415},
		{create, []string{"text/plain"}, 415},
		{create, []string{"application/json; charset=latin1"}, 415},
		{create, []string{"application/merge-patch+json"}, 415},
		{create, []string{"application/vnd.x+json"}, 415},
		{create, []string{"application/json", "application/json"}, 415},
		{req{method: "POST", path: "/v1/webhooks"}, nil, 415},
		{patch, []string{"application/json"}, 200},
		{patch, []string{"application/merge-patch+json"}, 200},
		{patch, nil, 415},
		{activate, []string{"application/json"}, 200},
		{activate, nil, 415},
		{activate, []string{"application/x-www-form-urlencoded"}, 415},
		{nothing, nil, 200},
		{nothing, []string{"application/json"}, 200},
		{nothing, []string{"text/plain"}, 200},
		{req{method: "POST", path: hook + "/deactivate"}, nil, 200},
		{req{method: "POST", path: hook + "/test"}, nil, 200},
		{req{method: "POST", path: hook + "/recover"}, nil, 415},
	} {
		c.r.key, c.r.header = key, http.Header{"Content-Type": c.types}
		if got := w.do(c.r); got.status != c.status {
			t.Errorf("%s %s %q: %d, want %d: %s", c.r.method, c.r.path, c.types, got.status, c.status, got.body)
		}
	}
}

// The API speaks JSON to everyone, and a caller without an Accept header is no special case.
func TestAcceptIsIgnored(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	for _, accept := range [][]string{nil, {"*/*"}, {"text/html"}, {"json"}, {"application/problem+json"}, {"application/json;q=0"}} {
		r := w.do(req{method: "GET", path: "/v1/webhooks", key: key, header: http.Header{"Accept": accept}}).want(200)
		if r.header.Get("Content-Type") != "application/json" {
			t.Errorf("%q: %q", accept, r.header.Get("Content-Type"))
		}
	}
}

func TestEveryAnswerIsSecured(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	for _, r := range []req{
		{method: "GET", path: "/v1/webhooks"}, {method: "GET", path: "/v1/webhooks", key: key}, {method: "GET", path: "/x", key: key},
		{method: "GET", path: "/console/"}, {method: "GET", path: "/console"}, {method: "GET", path: "/v1/openapi.json"},
		{method: "GET", path: "/console/x"}, {method: "GET", path: "/docs/"},
	} {
		got := w.do(r)
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Strict-Transport-Security": "max-age=63072000",
		} {
			if got.header.Get(name) != want {
				t.Errorf("%s: %s is %q", r.path, name, got.header.Get(name))
			}
		}
		csp := got.header.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", r.path, csp)
		}
		if r.key != "" && got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: Cache-Control %q", r.path, got.header.Get("Cache-Control"))
		}
	}
}

// panicky panics where the API expects a webhook.
type panicky struct{ Store }

func (panicky) Webhooks(context.Context, string, webhook.Page) ([]webhook.Webhook, []byte, error) {
	panic("whsec_secret in a panic")
}

func TestPanicIsA500WithoutText(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	p := newPortal(Config{
		Store: panicky{w.store}, Vault: w.vault, Queue: w.queue, Sender: w.sender, URLs: w.urls, Now: w.clock,
		Rand: strings.NewReader(""), Log: newLogger(w.log),
	})
	r := w.send(p.front, req{method: "GET", path: "/v1/webhooks", key: key}, Caller{}).problem(500)
	if strings.Contains(r.body+w.log.String(), "whsec_secret") {
		t.Fatal("the panic's text got out")
	}
	lines := w.log.lines(t)
	last := lines[len(lines)-1]
	if last["level"] != "ERROR" || !strings.Contains(last["error"].(string), "panic: string") || last["status"] != 500.0 {
		t.Fatalf("%v", last)
	}
}

// Nothing of an answer that was begun before a panic gets out.
func TestPanicInTheMiddleOfAnAnswer(t *testing.T) {
	w := newWorld(t)
	f := newPortal(Config{Now: w.clock, Log: newLogger(w.log)}).front
	f.public = map[string]http.Handler{"/half": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Half", "1")
		_, _ = w.Write([]byte("half"))
		panic("x")
	})}
	r := w.send(f, req{method: "GET", path: "/half"}, Caller{}).problem(500)
	if r.header.Get("X-Half") != "" || r.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Fatalf("%v", r.header)
	}
}

func TestOneEventPerRequest(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id, _, _ := parseCredential(key)
	hook := w.webhook(key, nil)
	before := len(w.log.lines(t))
	w.do(req{method: "GET", path: "/v1/webhooks/" + hook, key: key}).want(200)
	w.do(req{method: "GET", path: "/v1/webhooks/nothing", key: key}).want(404)
	w.do(req{method: "GET", path: "/v1/webhooks?limit=0", key: key}).want(422)
	w.do(req{method: "GET", path: "/v1/webhooks"}).want(401)
	lines := w.log.lines(t)[before:]
	if len(lines) != 4 {
		t.Fatalf("%d events", len(lines))
	}
	for i, want := range []map[string]any{
		{"route": "GET /v1/webhooks/{webhookId}", "status": 200.0, "code": "", "partnerId": "acme", "keyId": id},
		{"route": "GET /v1/webhooks/{webhookId}", "status": 404.0, "code": "not_found", "partnerId": "acme", "keyId": id},
		{"route": "GET /v1/webhooks", "status": 422.0, "code": "invalid", "partnerId": "acme", "keyId": id},
		{"route": "", "status": 401.0, "code": "unauthenticated", "partnerId": "", "keyId": ""},
	} {
		want["event"], want["method"], want["apiRequestId"], want["durationMs"] = "api.request", "GET", "req-1", 0.0
		for name, v := range want {
			if lines[i][name] != v {
				t.Errorf("event %d: %s is %v, want %v", i, name, lines[i][name], v)
			}
		}
	}
}

func TestHeadHasNoBody(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	r := w.do(req{method: "HEAD", path: "/v1/webhooks", key: key}).want(200)
	if r.body != "" || r.header.Get("Content-Length") == "0" {
		t.Fatalf("body %q, length %s", r.body, r.header.Get("Content-Length"))
	}
}
