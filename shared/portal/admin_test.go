package portal

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func TestAdminNeedsIAM(t *testing.T) {
	w := newWorld(t)
	want := http.StatusForbidden
	if !requireIAM {
		want = http.StatusOK
	}
	key := w.partner("acme")
	for _, header := range []http.Header{nil, {"Authorization": {"Bearer " + key}}} {
		r := w.send(w.admin, req{method: "GET", path: "/admin/partners", header: header}, Caller{})
		if r.status != want {
			t.Errorf("%d, want %d: %s", r.status, want, r.body)
		}
	}
	if requireIAM {
		w.send(w.admin, req{method: "GET", path: "/admin/nothing"}, Caller{}).problem(403)
		w.send(w.admin, req{method: "POST", path: "/admin/partners", body: "{"}, Caller{}).problem(403)
	}
}

func TestPartners(t *testing.T) {
	w := newWorld(t)
	r := w.doAdmin("POST", "/admin/partners", `{"id":"acme","name":"Acme"}`).want(201)
	want := map[string]any{
		"id": "acme", "name": "Acme", "suspended": false, "webhookCount": 0.0,
		"createdAt": "2026-03-04T05:06:07Z", "updatedAt": "2026-03-04T05:06:07Z",
	}
	if !reflect.DeepEqual(r.json(), want) {
		t.Fatal(r.body)
	}
	w.doAdmin("POST", "/admin/partners", `{"id":"acme","name":"Acme 2"}`).problem(409)
	made := w.doAdmin("POST", "/admin/partners", `{"name":"Globex"}`).want(201).str("id")
	if !strings.HasPrefix(made, "prt_") || !webhook.ValidPartnerID(made) {
		t.Fatal(made)
	}
	w.advance(time.Minute)
	got := w.doAdmin("PATCH", "/admin/partners/acme", `{"name":"Acme Ltd","suspended":true}`).want(200).json()
	want["name"], want["suspended"], want["updatedAt"] = "Acme Ltd", true, "2026-03-04T05:07:07Z"
	if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(w.doAdmin("GET", "/admin/partners/acme", nil).want(200).json(), want) {
		t.Fatalf("%v", got)
	}
	w.advance(time.Minute)
	if got := w.doAdmin("PATCH", "/admin/partners/acme", `{"suspended":true}`).want(200).json(); !reflect.DeepEqual(got, want) {
		t.Fatalf("nothing changed, yet %v", got)
	}
	kept, err := w.store.Partner(t.Context(), "acme")
	if kept.Kept = map[string]int{"a later release's": 1}; err != nil || w.store.Commit(t.Context(), webhook.Change{Partner: &kept}) != nil {
		t.Fatal(err)
	}
	w.doAdmin("PATCH", "/admin/partners/acme", `{"suspended":true}`).want(200)
	if p, err := w.store.Partner(t.Context(), "acme"); err != nil || !p.SessionsEndedAt.Equal(worldStart.Add(time.Minute)) {
		t.Fatalf("%+v %v", p, err)
	}
	first := w.doAdmin("GET", "/admin/partners?limit=1", nil).want(200)
	second := w.doAdmin("GET", "/admin/partners?limit=1&cursor="+first.str("nextCursor"), nil).want(200)
	if got := append(first.listed(), second.listed()...); !reflect.DeepEqual(got, []string{"acme", made}) {
		t.Fatalf("%v", got)
	}
}

func TestAdminRefuses(t *testing.T) {
	w := newWorld(t)
	w.partner("acme")
	for _, c := range []struct {
		method, path string
		body         any
		status       int
		location     string
	}{
		{"POST", "/admin/partners", `{}`, 422, "body"},
		{"POST", "/admin/partners", `{"name":" "}`, 422, "body.name"},
		{"POST", "/admin/partners", `{"name":"` + strings.Repeat("n", 201) + `"}`, 422, "body.name"},
		{"POST", "/admin/partners", `{"name":"n","id":"a/b"}`, 422, "body.id"},
		{"POST", "/admin/partners", `{"name":"n","id":"` + strings.Repeat("n", 65) + `"}`, 422, "body.id"},
		{"POST", "/admin/partners", `{"name":"n","suspended":true}`, 422, "body.suspended"},
		{"PATCH", "/admin/partners/acme", `{"name":""}`, 422, "body.name"},
		{"PATCH", "/admin/partners/acme", `{"id":"b"}`, 422, "body.id"},
		{"POST", "/admin/partners/acme/api-keys", `{"name":1}`, 422, "body.name"},
		{"POST", "/admin/partners/acme/portal-sessions", `{"expiresInSeconds":59}`, 422, "body.expiresInSeconds"},
		{"POST", "/admin/partners/acme/portal-sessions", `{"expiresInSeconds":43201}`, 422, "body.expiresInSeconds"},
	} {
		w.doAdmin(c.method, c.path, c.body).problem(c.status, c.location)
	}
	for _, c := range [][2]string{
		{"GET", "/admin/partners/nobody"}, {"GET", "/admin/partners/a%20b"}, {"GET", "/admin/partners/nobody/api-keys"},
		{"POST", "/admin/partners/nobody/api-keys"}, {"POST", "/admin/partners/nobody/portal-sessions"},
		{"DELETE", "/admin/partners/acme/api-keys/nothing"}, {"DELETE", "/admin/partners/acme/api-keys/key_0000000000000000"},
		{"POST", "/admin/parked/nothing/redrive"}, {"GET", "/admin"}, {"GET", "/v1/webhooks"},
	} {
		w.doAdmin(c[0], c[1], nil).problem(404)
	}
}

func TestAPIKeys(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	w.partner("globex")
	r := w.doAdmin("POST", "/admin/partners/acme/api-keys", `{"name":"server"}`).want(201)
	second := r.str("key")
	id, kind, ok := parseCredential(second)
	if !ok || kind != webhook.APIKey || r.str("id") != id || r.str("name") != "server" {
		t.Fatal(r.str("id"))
	}
	list := w.doAdmin("GET", "/admin/partners/acme/api-keys", nil).want(200)
	if len(list.listed()) != 2 || strings.Contains(list.body, "crk_") {
		t.Fatal("the list is not that of two keys without their text")
	}
	w.doAdmin("POST", "/admin/partners/acme/portal-sessions", nil).want(201)
	if n := len(w.doAdmin("GET", "/admin/partners/acme/api-keys", nil).listed()); n != 2 {
		t.Fatalf("%d keys", n)
	}
	w.doAdmin("DELETE", "/admin/partners/globex/api-keys/"+id, nil).problem(404)
	w.do(req{method: "GET", path: "/v1/webhooks", key: second}).want(200)
	w.doAdmin("DELETE", "/admin/partners/acme/api-keys/"+id, nil).want(204)
	w.do(req{method: "GET", path: "/v1/webhooks", key: second}).problem(401)
	w.do(req{method: "GET", path: "/v1/webhooks", key: key}).want(200)
}

func TestPortalSession(t *testing.T) {
	w := newWorld(t)
	w.partner("acme")
	for body, ends := range map[string]string{
		"": "2026-03-04T06:06:07Z", `{}`: "2026-03-04T06:06:07Z", `{"expiresInSeconds":43200}`: "2026-03-04T17:06:07Z",
	} {
		var b any
		if body != "" {
			b = body
		}
		r := w.doAdmin("POST", "/admin/partners/acme/portal-sessions", b).want(201)
		token := r.str("token")
		if _, kind, ok := parseCredential(token); !ok || kind != webhook.PortalSession {
			t.Fatal("not a session's token")
		}
		if r.str("expiresAt") != ends || r.str("url") != "https://api.example.com/prod/console/#token="+token {
			t.Fatalf("%s: ends %s", body, r.str("expiresAt"))
		}
		w.do(req{method: "GET", path: "/v1/webhooks", key: token}).want(200)
	}
	w.admin = NewAdmin(AdminConfig{
		Store: w.store, Parked: w.objects, Queue: w.queue, Vault: w.vault, Now: w.clock, Rand: w.ids().Rand,
		Log: newLogger(w.log), ConsoleURL: "https://portal.example.com/hooks/",
	})
	r := w.doAdmin("POST", "/admin/partners/acme/portal-sessions", nil).want(201)
	if r.str("url") != "https://portal.example.com/hooks/#token="+r.str("token") {
		t.Fatal("the console's own address is not used")
	}
}

func TestUnsuspensionDrains(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	w.webhook(w.partner("globex"), nil)
	first, inactive := w.webhook(key, nil), w.webhook(key, map[string]any{"active": false})
	w.advance(time.Second) // ids of one moment come in any order
	second := w.webhook(key, nil)
	old := w.drained("acme", second, func(j *webhook.Job) { j.Current = "dlv_1" })
	patch := func(body string) response { return w.doAdmin("PATCH", "/admin/partners/acme", body) }
	patch(`{"suspended":true}`).want(200)
	patch(`{"name":"Acme Ltd"}`).want(200)
	if len(w.queue.Take()) != 0 || w.jobOf("acme", second, webhook.DrainJob).Rev != old.Rev {
		t.Fatal("a suspended partner's webhooks are drained")
	}
	w.store.Fail = failing("Job")
	patch(`{"suspended":false}`).problem(503)
	w.store.Fail = nil
	if p, err := w.store.Partner(t.Context(), "acme"); err != nil || !p.Suspended || len(w.queue.Take()) != 0 {
		t.Fatalf("%+v %v", p, err)
	}
	w.advance(time.Minute)
	patch(`{"suspended":false}`).want(200)
	want := []webhook.Message{w.jobMessage(webhook.DrainJob, first), w.jobMessage(webhook.DrainJob, second)}
	if ms := w.queue.Take(); !reflect.DeepEqual(ms, want) {
		t.Fatalf("%+v", ms)
	}
	a, b := w.jobOf("acme", first, webhook.DrainJob), w.jobOf("acme", second, webhook.DrainJob)
	if a.State != webhook.JobRunning || !a.DueAt.Equal(w.clock().Add(webhook.Grace)) || b.ID == old.ID || b.Current != "dlv_1" || b.Rev != 2 {
		t.Fatalf("%+v\n%+v", a, b)
	}
	if j := w.jobOf("acme", inactive, webhook.DrainJob); j.ID != "" {
		t.Fatalf("%+v", j)
	}
	patch(`{"suspended":false}`).want(200)
	patch(`{"suspended":false,"name":"Acme"}`).want(200)
	if len(w.queue.Take()) != 0 {
		t.Fatal("a partner that was not suspended is drained")
	}
	patch(`{"suspended":true}`).want(200)
	w.queue.Fail = func() error { return noQueue }
	patch(`{"suspended":false}`).want(200)
	if j := w.jobOf("acme", first, webhook.DrainJob); j.ID == a.ID || j.State != webhook.JobRunning {
		t.Fatalf("%+v", j)
	}
}

// As many webhooks as a partner can have are drained in one write.
func TestUnsuspensionOfManyWebhooks(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	for range webhook.MaxWebhooks {
		w.webhook(key, nil)
	}
	w.doAdmin("PATCH", "/admin/partners/acme", `{"suspended":true}`).want(200)
	w.doAdmin("PATCH", "/admin/partners/acme", `{"suspended":false}`).want(200)
	if n := len(w.queue.Take()); n != webhook.MaxWebhooks {
		t.Fatalf("%d drains", n)
	}
}
