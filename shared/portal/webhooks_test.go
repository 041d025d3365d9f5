package portal

import "testing"

func TestCreate(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	r := w.do(req{method: "POST", path: "/v1/webhooks", key: key, body: map[string]any{"url": "https://hooks.example.com/in"}}).want(201)
	t.Log(r.body, r.header)
	id := r.str("id")
	r = w.do(req{method: "GET", path: "/v1/webhooks/" + id, key: key}).want(200)
	t.Log(r.body, r.header)
	r = w.do(req{method: "GET", path: "/v1/webhooks", key: key}).want(200)
	t.Log(r.body, r.header)
	r = w.do(req{method: "PATCH", path: "/v1/webhooks/" + id, key: key, body: map[string]any{"url": "https://b.example.com/", "authHeader": map[string]any{"name": "x-api-key", "value": "hhhhhh"}}}).want(200)
	t.Log(r.body, r.header)
	r = w.do(req{method: "POST", path: "/v1/webhooks/" + id + "/deactivate", key: key}).want(200)
	r = w.do(req{method: "POST", path: "/v1/webhooks/" + id + "/activate", key: key}).want(200)
	r = w.do(req{method: "POST", path: "/v1/webhooks/" + id + "/test", key: key}).want(200)
	t.Log(r.body, r.header)
	r = w.do(req{method: "GET", path: "/v1/webhooks/" + id + "/deliveries", key: key}).want(200)
	r = w.do(req{method: "GET", path: "/v1/event-types", key: key}).want(200)
	t.Log(r.body, r.header)
	r = w.do(req{method: "DELETE", path: "/v1/webhooks/" + id, key: key}).want(204)
	t.Log(r.body, r.header)
	t.Log(w.log.String())
}
