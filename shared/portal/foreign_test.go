package portal

import (
	"reflect"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// foreignRoutes are all routes below one webhook.
func foreignRoutes(id string) []req {
	hook := "/v1/webhooks/" + id
	return []req{
		{method: "GET", path: hook}, {method: "PATCH", path: hook, body: `{"description":"mine"}`}, {method: "DELETE", path: hook},
		{method: "POST", path: hook + "/activate"}, {method: "POST", path: hook + "/deactivate"},
		{method: "POST", path: hook + "/test"}, {method: "GET", path: hook + "/deliveries"},
		{method: "GET", path: hook + "/deliveries/" + webhook.DeliveryIDAt(worldStart)},
		{method: "POST", path: hook + "/deliveries/" + webhook.DeliveryIDAt(worldStart) + "/resend"},
		{method: "POST", path: hook + "/recover", body: `{"since":"2026-03-01T00:00:00Z","states":["held"],"dryRun":true}`},
		{method: "GET", path: hook + "/jobs/" + someJobID}, {method: "GET", path: hook + "/stats?hours=2"},
	}
}

// A partner sees the same bytes for another's webhook, for one that never was, and for what is no id at all.
func TestForeignWebhooksDoNotExist(t *testing.T) {
	w := newWorld(t)
	key, other := w.partner("acme"), w.partner("globex")
	id := w.webhook(key, nil)
	d := w.delivery("acme", id, nil)
	unknown := w.ids().Webhook()
	foreign, absent, malformed := foreignRoutes(id), foreignRoutes(unknown), foreignRoutes("nothing")
	drain := w.drained("acme", id, nil)
	for _, r := range []struct{ method, path, malformed string }{
		{"GET", "/deliveries/" + d.ID, "/deliveries/nothing"}, {"POST", "/deliveries/" + d.ID + "/resend", "/deliveries/nothing/resend"},
		{"GET", "/jobs/" + drain.ID, "/jobs/nothing"},
	} {
		foreign = append(foreign, req{method: r.method, path: "/v1/webhooks/" + id + r.path})
		absent = append(absent, req{method: r.method, path: "/v1/webhooks/" + unknown + r.path})
		malformed = append(malformed, req{method: r.method, path: "/v1/webhooks/" + id + r.malformed})
	}
	want := w.do(req{method: "GET", path: "/v1/nothing", key: other}).problem(404)
	lookups := func() int {
		calls := w.store.Calls()
		return calls["Webhook"] + calls["Delivery"] + calls["Job"]
	}
	before := lookups()
	for _, r := range malformed {
		r.key = other
		w.do(r)
	}
	if n := lookups() - before; n != 0 {
		t.Errorf("what is no id was looked up %d times", n)
	}
	for i := range foreign {
		for _, r := range []req{foreign[i], absent[i], malformed[i]} {
			r.key = other
			got := w.do(r)
			if got.status != 404 || got.body != want.body || !reflect.DeepEqual(got.header, want.header) {
				t.Errorf("%s %s: %d %s", r.method, r.path, got.status, got.body)
			}
		}
	}
	if items := w.do(req{method: "GET", path: "/v1/webhooks", key: other}).json()["items"]; len(items.([]any)) != 0 {
		t.Fatal("another partner's webhook is listed")
	}
	if stored := w.stored("acme", id); stored.Rev != 1 || len(w.queue.Take()) != 0 || len(w.sender.sent) != 0 {
		t.Fatal("another partner's webhook was touched")
	}
}
