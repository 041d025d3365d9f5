package portal

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// full is a webhook with every field set.
var full = map[string]any{
	"description": "payroll", "eventTypes": []string{"verification.failed"}, "typeNaming": "detailed",
	"secret": "an own secret of 24 chars", "authHeader": map[string]string{"name": "x-api-key", "value": "sesame"},
	"payloadTemplate": map[string]any{"v": "{{status}}", "n": nil},
}

// updates are merge patches of the webhook full, and what they do to it.
var updates = map[string]struct {
	patch string
	// want are the members that change.
	want map[string]any
	// generation is the webhook's afterwards; it was 1.
	generation int64
	// written tells whether anything is stored.
	written bool
}{
	"nothing":               {`{}`, nil, 1, false},
	"same url":              {`{"url":"https://hooks.example.com/in"}`, nil, 1, false},
	"same url, other case":  {`{"url":"https://HOOKS.example.com/in"}`, nil, 1, false},
	"same secret":           {`{"secret":"an own secret of 24 chars"}`, nil, 1, false},
	"same header":           {`{"authHeader":{"name":"x-api-key","value":"sesame"}}`, nil, 1, false},
	"header without change": {`{"authHeader":{}}`, nil, 1, false},
	"same description":      {`{"description":"payroll"}`, nil, 1, false},
	"active as it is":       {`{"active":true}`, nil, 1, false},
	"same template":         {`{"payloadTemplate": {"n": null, "v": "{{status}}"}}`, nil, 1, false},
	"url":                   {`{"url":"https://b.example.com/"}`, map[string]any{"url": "https://b.example.com/"}, 2, true},
	"secret":                {`{"secret":"another secret of 24 bytes"}`, map[string]any{"secretHint": "…ytes"}, 2, true},
	"header value":          {`{"authHeader":{"value":"open"}}`, map[string]any{}, 2, true},
	"header name": {
		`{"authHeader":{"name":"x-other"}}`, map[string]any{"authHeader": map[string]any{"name": "x-other", "value": Mask}}, 2, true,
	},
	"template replaced, not merged": {
		`{"payloadTemplate":{"w":"{{type}}","n":null}}`, map[string]any{"payloadTemplate": map[string]any{"w": "{{type}}", "n": nil}}, 2, true,
	},
	"template removed": {`{"payloadTemplate":null}`, map[string]any{"payloadTemplate": nil}, 2, true},
	"header removed":   {`{"authHeader":null}`, map[string]any{"authHeader": nil}, 2, true},
	"url and secret": {
		`{"url":"https://b.example.com/","secret":"another secret of 24 bytes"}`,
		map[string]any{"url": "https://b.example.com/", "secretHint": "…ytes"}, 2, true,
	},
	"auto-reactivation":   {`{"autoReactivate":true}`, map[string]any{"autoReactivate": true}, 1, true},
	"none as it is":       {`{"autoReactivate":null}`, nil, 1, false},
	"description":         {`{"description":"rent"}`, map[string]any{"description": "rent"}, 1, true},
	"description removed": {`{"description":null}`, map[string]any{"description": nil}, 1, true},
	"types":               {`{"eventTypes":["verification.expired"]}`, map[string]any{"eventTypes": []any{"verification.expired"}}, 1, true},
	"types removed":       {`{"eventTypes":null}`, map[string]any{"eventTypes": allTypes}, 1, true},
	"naming":              {`{"typeNaming":"guide"}`, map[string]any{"typeNaming": "guide"}, 1, true},
	"naming removed":      {`{"typeNaming":null}`, map[string]any{"typeNaming": "guide"}, 1, true},
}

func TestUpdate(t *testing.T) {
	for name, c := range updates {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			key := w.partner("acme")
			id := w.webhook(key, full)
			before := w.do(req{method: "GET", path: "/v1/webhooks/" + id, key: key}).want(200)
			w.advance(time.Minute)
			r := w.do(req{method: "PATCH", path: "/v1/webhooks/" + id, key: key, body: c.patch}).want(200)
			want := before.json()
			for k, v := range c.want {
				want[k] = v
			}
			if c.written {
				want["updatedAt"] = "2026-03-04T05:07:07Z"
			}
			if !reflect.DeepEqual(r.json(), want) {
				t.Fatalf("got  %v\nwant %v", r.json(), want)
			}
			stored := w.stored("acme", id)
			if stored.Generation != c.generation {
				t.Fatalf("generation %d, want %d", stored.Generation, c.generation)
			}
			if (stored.Rev == 2) != c.written || r.header.Get("Etag") != etag(stored.Rev) {
				t.Fatalf("version %d, ETag %s", stored.Rev, r.header.Get("Etag"))
			}
		})
	}
}

func TestUpdateOfSecretsStoresThem(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, full)
	for _, c := range []struct {
		patch string
		want  webhook.Secrets
		name  string
	}{
		{`{"authHeader":{"name":"x-other"}}`, webhook.Secrets{Signing: "an own secret of 24 chars", AuthHeaderValue: "sesame"}, "x-other"},
		{`{"authHeader":{"value":"open"}}`, webhook.Secrets{Signing: "an own secret of 24 chars", AuthHeaderValue: "open"}, "x-other"},
		{`{"secret":"another secret of 24 bytes"}`, webhook.Secrets{Signing: "another secret of 24 bytes", AuthHeaderValue: "open"}, "x-other"},
		{`{"authHeader":null}`, webhook.Secrets{Signing: "another secret of 24 bytes"}, ""},
	} {
		w.do(req{method: "PATCH", path: "/v1/webhooks/" + id, key: key, body: c.patch}).want(200)
		stored := w.stored("acme", id)
		if s, err := w.vault.OpenSecrets(t.Context(), &stored); err != nil || s != c.want || stored.AuthHeaderName != c.name {
			t.Fatalf("%s: name %q, %v", c.patch, stored.AuthHeaderName, err)
		}
	}
}

func TestUpdateRefuses(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	bare, withHeader := w.webhook(key, nil), w.webhook(key, full)
	for _, c := range []struct{ id, patch, location string }{
		{bare, `{"authHeader":{"name":"x-api-key"}}`, "body.authHeader.value"},
		{bare, `{"authHeader":{"value":"sesame"}}`, "body.authHeader.name"},
		{bare, `{"authHeader":{}}`, "body.authHeader.name"},
		{withHeader, `{"authHeader":{"name":null}}`, "body.authHeader.name"},
		{withHeader, `{"authHeader":{"value":null}}`, "body.authHeader.value"},
		{withHeader, `{"authHeader":{"name":"x-api-key","value":"` + Mask + `"}}`, "body.authHeader.value"},
		{withHeader, `{"authHeader":{"name":"cookie"}}`, "body.authHeader.name"},
		{withHeader, `{"authHeader":{"colour":"red"}}`, "body.authHeader.colour"},
		{withHeader, `{"active":null}`, "body.active"},
		{withHeader, `{"secret":null}`, "body.secret"},
		{withHeader, `{"url":null}`, "body.url"},
		{withHeader, `{"updatedAt":"2026-01-01T00:00:00Z"}`, "body.updatedAt"},
	} {
		w.do(req{method: "PATCH", path: "/v1/webhooks/" + c.id, key: key, body: c.patch}).problem(422, c.location)
	}
}

// A url that is as it was is not looked up again: an edit of something else must not fail with its name server.
func TestSameURLIsNotChecked(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, nil)
	w.portal = New(Config{
		Store: w.store, Vault: w.vault, Queue: w.queue, Sender: w.sender, Now: w.clock, Rand: w.ids().Rand, Log: newLogger(w.log),
	})
	w.do(req{method: "PATCH", path: "/v1/webhooks/" + id, key: key, body: `{"url":"https://hooks.example.com/in","description":"rent"}`}).want(200)
}

func TestIfMatch(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	hook := "/v1/webhooks/" + w.webhook(key, nil)
	n := 0
	edit := func(tags ...string) response {
		n++
		w.advance(time.Second)
		return w.do(req{
			method: "PATCH", path: hook, key: key, body: `{"description":"` + strconv.Itoa(n) + `"}`,
			header: http.Header{"If-Match": tags},
		})
	}
	current := func() string { return w.do(req{method: "GET", path: hook, key: key}).want(200).header.Get("Etag") }
	for _, tag := range []string{`"0"`, `"2"`, `1`, `W/"1"`, `"1`, `"01"`, `""`, `x`, `W/*`} {
		edit(tag).problem(412)
	}
	if current() != `"1"` {
		t.Fatalf("changed to %s by an edit that was refused", current())
	}
	edit(`"1"`).want(200)
	edit(`"1"`).problem(412)
	edit(`*`).want(200)
	edit(`"7" , "3"`).want(200)
	edit().want(200)
	if current() != `"5"` {
		t.Fatal(current())
	}
	for _, path := range []string{"/activate", "/deactivate"} {
		w.do(req{method: "POST", path: hook + path, key: key, header: http.Header{"If-Match": {`"1"`}}}).problem(412)
	}
}

// Edits at once of different fields are all kept; with If-Match only one of those that saw the same version is.
func TestConcurrentUpdates(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, nil)
	patches := []string{
		`{"description":"rent"}`, `{"typeNaming":"detailed"}`, `{"url":"https://b.example.com/"}`,
		`{"eventTypes":["verification.failed"]}`, `{"authHeader":{"name":"x-api-key","value":"sesame"}}`, `{"active":false}`,
	}
	var wg sync.WaitGroup
	for _, p := range patches {
		wg.Go(func() {
			if r := w.do(req{method: "PATCH", path: "/v1/webhooks/" + id, key: key, body: p}); r.status != 200 {
				t.Errorf("%s: %d %s", p, r.status, r.body)
			}
		})
	}
	wg.Wait()
	s := w.stored("acme", id)
	if s.Description != "rent" || s.TypeNaming != webhook.DetailedNaming || s.URL != "https://b.example.com/" ||
		len(s.EventTypes) != 1 || s.AuthHeaderName != "x-api-key" || s.Active || s.Generation != 3 {
		t.Fatalf("an edit was lost: %+v", s)
	}
	tag := etag(s.Rev)
	var mu sync.Mutex
	statuses := map[int]int{}
	for i := range 5 {
		wg.Go(func() {
			r := w.do(req{
				method: "PATCH", path: "/v1/webhooks/" + id, key: key, body: `{"description":"` + strconv.Itoa(i) + `"}`,
				header: http.Header{"If-Match": {tag}},
			})
			mu.Lock()
			defer mu.Unlock()
			statuses[r.status]++
		})
	}
	wg.Wait()
	if statuses[200] != 1 || statuses[412] != 4 {
		t.Fatalf("%v", statuses)
	}
}

func TestActivation(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, nil)
	hook := "/v1/webhooks/" + id
	post := func(path string, body any) response {
		w.advance(time.Second)
		return w.do(req{method: "POST", path: hook + path, key: key, body: body})
	}
	r := post("/deactivate", nil).want(200)
	if want := (map[string]any{"at": "2026-03-04T05:06:08Z", "reason": "partner", "deliveryId": nil}); !reflect.DeepEqual(r.json()["deactivation"], want) || r.json()["active"] != false {
		t.Fatal(r.body)
	}
	if again := post("/deactivate", `{}`).want(200); again.body != r.body || again.header.Get("Etag") != r.header.Get("Etag") {
		t.Fatalf("deactivating twice changed something: %s", again.body)
	}
	r = post("/activate", nil).want(200)
	if r.json()["active"] != true || r.json()["deactivation"] != nil {
		t.Fatal(r.body)
	}
	ref := webhook.Ref{PartnerID: "acme", WebhookID: id}
	drain := []webhook.Message{{Kind: webhook.JobMessage, Job: webhook.DrainJob, Ref: ref}}
	s := w.stored("acme", id)
	if ms := w.queue.Take(); s.Generation != 2 || s.DiscardBelow != 0 || !reflect.DeepEqual(ms, drain) {
		t.Fatalf("%+v %+v", s, ms)
	}
	if again := post("/activate", `{"held":"discard"}`).want(200); again.body != r.body {
		t.Fatalf("activating twice changed something: %s", again.body)
	}
	if len(w.queue.Take()) != 0 {
		t.Fatal("activating an active webhook asked for something")
	}
	w.delivery("acme", id, func(d *webhook.Delivery) { d.Hold(w.clock(), 2, time.Hour) })
	if n := post("/deactivate", nil).want(200).json()["heldCount"]; n != 1.0 {
		t.Fatalf("%v held", n)
	}
	if n := post("/activate", `{"held":"discard"}`).want(200).json()["heldCount"]; n != 0.0 {
		t.Fatalf("%v held after they were discarded", n)
	}
	s = w.stored("acme", id)
	want := []webhook.Message{{Kind: webhook.DiscardMessage, Ref: ref, Delay: insuranceDelay}, {Kind: webhook.DiscardMessage, Ref: ref}}
	if ms := w.queue.Take(); s.Generation != 3 || s.DiscardBelow != 3 || !reflect.DeepEqual(ms, want) {
		t.Fatalf("%+v %+v", s, ms)
	}
	w.do(req{method: "PATCH", path: hook, key: key, body: `{"active":false}`}).want(200)
	w.do(req{method: "PATCH", path: hook, key: key, body: `{"active":true}`}).want(200)
	s = w.stored("acme", id)
	if ms := w.queue.Take(); s.Generation != 4 || s.DiscardBelow != 3 || !reflect.DeepEqual(ms, drain) {
		t.Fatalf("%+v %+v", s, ms)
	}
	var kinds []string
	for _, e := range w.store.AllOutbox() {
		if e.PartnerID != "acme" || e.WebhookID != id || e.Reason != "partner" {
			t.Fatalf("%+v", e)
		}
		kinds = append(kinds, strings.TrimPrefix(string(e.Kind), "webhook."))
	}
	if got := strings.Join(kinds, " "); got != "deactivated reactivated deactivated reactivated deactivated reactivated" {
		t.Fatal(got)
	}
}

func TestActivationBody(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	hook := "/v1/webhooks/" + w.webhook(key, map[string]any{"active": false})
	for body, location := range map[string]string{
		`{"held":"keep"}`: "body.held", `{"held":1}`: "body.held", `{"Held":"deliver"}`: "body.Held", `[]`: "body", `null`: "body",
	} {
		w.do(req{method: "POST", path: hook + "/activate", key: key, body: body}).problem(422, location)
	}
	w.do(req{method: "POST", path: hook + "/deactivate", key: key, body: `{"held":"deliver"}`}).problem(422, "body.held")
	w.do(req{method: "POST", path: hook + "/activate", key: key, body: `{"held":"deliver","held":"discard"}`}).problem(400)
	w.do(req{method: "POST", path: hook + "/activate", key: key, body: `{}`}).want(200)
	if n := len(w.store.AllOutbox()); n != 0 {
		t.Fatalf("the first activation told of %d events", n)
	}
}

func TestAutoReactivate(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, nil)
	patch := func(body string) {
		t.Helper()
		w.do(req{method: "PATCH", path: "/v1/webhooks/" + id, key: key, body: body}).want(200)
	}
	probe := func() webhook.Job { return w.jobOf("acme", id, webhook.ProbeJob) }
	patch(`{"autoReactivate":true}`)
	patch(`{"autoReactivate":false,"active":false}`)
	patch(`{"autoReactivate":true}`)
	if probe().ID != "" {
		t.Fatal("a webhook that its partner switched off is probed")
	}
	patch(`{"autoReactivate":false,"active":true}`)
	w.off("acme", id)
	patch(`{"description":"x"}`)
	if probe().ID != "" {
		t.Fatal("probed without being asked to")
	}
	w.advance(time.Minute)
	patch(`{"autoReactivate":true}`)
	first := probe()
	if s := w.stored("acme", id); first.State != webhook.JobRunning || !first.DueAt.Equal(first.ProbeAt()) || !first.UpdatedAt.Equal(w.clock()) || first.Generation != s.Generation {
		t.Fatalf("%+v", first)
	}
	patch(`{"autoReactivate":true,"description":"y"}`)
	if j := probe(); j.Rev != first.Rev {
		t.Fatalf("%+v", j)
	}
	// A probe that is about to find that it is not wanted any more must not end one that is wanted again.
	patch(`{"autoReactivate":false}`)
	patch(`{"autoReactivate":true}`)
	if j := probe(); j.ID == first.ID || j.Rev != first.Rev+1 {
		t.Fatalf("%+v", j)
	}
	patch(`{"autoReactivate":false}`)
	before := probe().Rev
	patch(`{"autoReactivate":true,"active":true}`)
	if j := probe(); j.Rev != before {
		t.Fatalf("an active webhook is probed: %+v", j)
	}
	w.off("acme", id)
	patch(`{"autoReactivate":false}`)
	w.store.Fail = failing("Job")
	w.do(req{method: "PATCH", path: "/v1/webhooks/" + id, key: key, body: `{"autoReactivate":true}`}).problem(503)
	w.store.Fail = nil
	if w.stored("acme", id).AutoReactivate {
		t.Fatal("stored without the probe")
	}
}
