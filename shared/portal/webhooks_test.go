package portal

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

var allTypes = []any{
	"verification.completed", "verification.failed", "verification.expired", "verification.manual_review_completed",
}

func TestCreateWithDefaults(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	r := w.do(req{method: "POST", path: "/v1/webhooks", key: key, body: `{"url":"https://Hooks.example.com/in","description":null,"secret":null,
		"active":null,"autoReactivate":null,"eventTypes":null,"typeNaming":null,"authHeader":null,"payloadTemplate":null}`}).want(201)
	got := r.json()
	id, secret := r.str("id"), r.str("secret")
	want := map[string]any{
		"id": id, "url": "https://hooks.example.com/in", "active": true, "createdAt": "2026-03-04T05:06:07Z",
		"updatedAt": "2026-03-04T05:06:07Z", "lastDeliveryAt": nil, "successRate": nil, "health": "grey",
		"healthReason": "Nothing has been sent yet. Send a test to see whether your endpoint answers.",
		"eventTypes":   allTypes, "typeNaming": "guide", "description": nil, "authHeader": nil, "payloadTemplate": nil,
		"secretHint": "…" + secret[len(secret)-4:], "rotation": nil, "deactivation": nil, "heldCount": 0.0,
		"heldCountCapped": false, "drain": nil, "autoReactivate": false, "secret": secret,
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %v\nwant %v", got, want)
	}
	if err := webhook.CheckSecret("", secret); err != nil || !strings.HasPrefix(secret, "whsec_") {
		t.Fatalf("the generated secret is not usable: %v", err)
	}
	if r.header.Get("Etag") != `"1"` || r.header.Get("Location") != "webhooks/"+id {
		t.Fatalf("%v", r.header)
	}
	stored := w.stored("acme", id)
	if stored.Generation != 1 || !stored.EverActive || len(stored.EventTypes) != 0 {
		t.Fatalf("%+v", stored)
	}
	delete(want, "secret")
	if shown := w.do(req{method: "GET", path: "/v1/webhooks/" + id, key: key}).want(200); !reflect.DeepEqual(shown.json(), want) {
		t.Fatalf("got  %v\nwant %v", shown.json(), want)
	}
}

func TestCreateWithEverything(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	own := "an own secret of 24 chars"
	r := w.do(req{method: "POST", path: "/v1/webhooks", key: key, body: map[string]any{
		"url": "https://hooks.example.com/in", "active": false, "autoReactivate": true, "description": strings.Repeat("ü", 500),
		"eventTypes": []string{"verification.failed"}, "typeNaming": "detailed", "secret": own,
		"authHeader": map[string]string{"name": "X-Api-Key", "value": "sesame"},
	}}).want(201)
	got := r.json()
	if got["secret"] != own || got["secretHint"] != "…hars" || got["active"] != false || got["autoReactivate"] != true || got["typeNaming"] != "detailed" ||
		!reflect.DeepEqual(got["eventTypes"], []any{"verification.failed"}) ||
		!reflect.DeepEqual(got["authHeader"], map[string]any{"name": "X-Api-Key", "value": Mask}) {
		t.Fatalf("%v", got)
	}
	stored := w.stored("acme", r.str("id"))
	s, err := w.vault.OpenSecrets(t.Context(), &stored)
	if err != nil || s.Signing != own || s.AuthHeaderValue != "sesame" || stored.EverActive || stored.Deactivation != nil {
		t.Fatalf("%+v %v", stored, err)
	}
}

// badFields are single members that a webhook can't have, with where the fault is said to be.
var badFields = []struct{ member, location string }{
	{`"url":""`, "body.url"},
	{`"url":7`, "body.url"},
	{`"url":null`, "body.url"},
	{`"url":"http://hooks.example.com/"`, "body.url"},
	{`"url":"https://private.example.com/"`, "body.url"},
	{`"url":"https://x.example.com/` + strings.Repeat("a", 2048) + `"`, "body.url"},
	{`"active":"yes"`, "body.active"},
	{`"active":1`, "body.active"},
	{`"autoReactivate":"yes"`, "body.autoReactivate"},
	{`"description":"` + strings.Repeat("a", 501) + `"`, "body.description"},
	{`"description":"a\u0000b"`, "body.description"},
	{`"description":[]`, "body.description"},
	{`"eventTypes":[]`, "body.eventTypes"},
	{`"eventTypes":"verification.failed"`, "body.eventTypes"},
	{`"eventTypes":["verification.failed","verification.failed"]`, "body.eventTypes"},
	{`"eventTypes":["verification.failed","nothing"]`, "body.eventTypes[1]"},
	{`"eventTypes":[null]`, "body.eventTypes[0]"},
	{`"typeNaming":"Guide"`, "body.typeNaming"},
	{`"typeNaming":true`, "body.typeNaming"},
	{`"authHeader":"x-api-key: 1"`, "body.authHeader"},
	{`"authHeader":{"name":"","value":"sesame"}`, "body.authHeader.name"},
	{`"authHeader":{"name":"host","value":"sesame"}`, "body.authHeader.name"},
	{`"authHeader":{"name":"webhook-id","value":"sesame"}`, "body.authHeader.name"},
	{`"authHeader":{"name":"x api","value":"sesame"}`, "body.authHeader.name"},
	{`"authHeader":{"name":"x-api-key","value":""}`, "body.authHeader.value"},
	{`"authHeader":{"name":"x-api-key","value":" sesame"}`, "body.authHeader.value"},
	{`"authHeader":{"name":"x-api-key","value":"a\r\nb"}`, "body.authHeader.value"},
	{`"authHeader":{"name":"x-api-key","value":"` + Mask + `"}`, "body.authHeader.value"},
	{`"authHeader":{"name":"x-api-key","value":"••••"}`, "body.authHeader.value"},
	{`"authHeader":{"name":"x-api-key","value":"sesame","more":1}`, "body.authHeader.more"},
	{`"secret":""`, "body.secret"},
	{`"secret":"short"`, "body.secret"},
	{`"secret":"whsec_dG9vIHNob3J0"`, "body.secret"},
	{`"secret":"` + strings.Repeat("s", 129) + `"`, "body.secret"},
	{`"secret":"` + strings.Repeat("*", 30) + `"`, "body.secret"},
	{`"payloadTemplate":"x"`, "body.payloadTemplate"},
	{`"payloadTemplate":[]`, "body.payloadTemplate"},
	{`"payloadTemplate":{"a":["{{ data[*] }}"]}`, "body.payloadTemplate.a[0]"},
	{`"payloadTemplate":{"a":{"b":"{{ status"}}`, "body.payloadTemplate.a.b"},
	{`"payloadTemplate":{"a":"` + strings.Repeat("x", 16<<10) + `"}`, "body.payloadTemplate"},
	{`"colour":"red"`, "body.colour"},
	{`"URL":"https://hooks.example.com/"`, "body.URL"},
	{`"id":"whk_1"`, "body.id"},
}

func TestBadFields(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	hook := "/v1/webhooks/" + w.webhook(key, map[string]any{"authHeader": map[string]string{"name": "a", "value": "b"}})
	for _, f := range badFields {
		create := "{" + f.member + "}"
		if !strings.Contains(f.member, `"url"`) {
			create = `{"url":"https://hooks.example.com/in",` + f.member + "}"
		}
		w.advance(time.Second)
		w.do(req{method: "POST", path: "/v1/webhooks", key: key, body: create}).problem(422, f.location)
		w.do(req{method: "PATCH", path: hook, key: key, body: "{" + f.member + "}"}).problem(422, f.location)
	}
	if n := len(w.do(req{method: "GET", path: "/v1/webhooks", key: key}).json()["items"].([]any)); n != 1 {
		t.Fatalf("%d webhooks", n)
	}
	if rev := w.stored("acme", strings.TrimPrefix(hook, "/v1/webhooks/")).Rev; rev != 1 {
		t.Fatalf("a refused patch was stored: version %d", rev)
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	w.do(req{method: "POST", path: "/v1/webhooks", key: key, body: `{"url":"http://a","secret":"short","description":"\u0001","authHeader":{"name":"host","value":"x"}}`}).
		problem(422, "body.description", "body.url", "body.secret", "body.authHeader.name")
	w.do(req{method: "POST", path: "/v1/webhooks", key: key, body: `{"active":1,"colour":2}`}).problem(422)
}

func TestBadJSON(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	hook := "/v1/webhooks/" + w.webhook(key, nil)
	good := `{"url":"https://hooks.example.com/in"}`
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"empty":             {"", 400},
		"not JSON":          {"sesame", 400},
		"cut off":           {good[:20], 400},
		"trailing":          {good + "1", 400},
		"two":               {good + good, 400},
		"duplicate name":    {`{"url":"https://hooks.example.com/in","url":"https://sesame.example.com/"}`, 400},
		"duplicate unknown": {`{"sesame":1,"sesame":2}`, 400},
		"escaped duplicate": {`{"url":"https://hooks.example.com/in","\u0075rl":"https://sesame.example.com/"}`, 400},
		"nested duplicate":  {`{"authHeader":{"name":"sesame","name":"b"}}`, 400},
		"invalid UTF-8":     {"{\"description\":\"sesame\xff\"}", 400},
		"lone surrogate":    {`{"description":"sesame\ud800"}`, 400},
		"byte order mark":   {"\ufeff" + good, 400},
		"comment":           {good + "// sesame", 400},
		"deep":              {strings.Repeat("[", 30000), 400},
		"array":             {"[]", 422}, "null": {"null", 422}, "string": {`"sesame"`, 422}, "number": {"1", 422},
	} {
		w.advance(time.Second)
		for _, r := range []req{{method: "POST", path: "/v1/webhooks"}, {method: "PATCH", path: hook}} {
			r.key, r.body = key, c.body
			if got := w.do(r).problem(c.status); strings.Contains(got.body, "sesame") {
				t.Errorf("%s: the answer repeats the input: %s", name, got.body)
			}
		}
	}
}

func TestBadQuery(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	hook := "/v1/webhooks/" + w.webhook(key, nil)
	for query, location := range map[string]string{
		"limit=0": "query.limit", "limit=101": "query.limit", "limit=sesame": "query.limit", "limit=1.5": "query.limit",
		"limit=-1": "query.limit", "colour=1": "query.colour", "Limit=1": "query.Limit",
	} {
		r := w.do(req{method: "GET", path: "/v1/webhooks?" + query, key: key}).problem(422, location)
		if strings.Contains(r.body, "sesame") {
			t.Errorf("the answer repeats the input: %s", r.body)
		}
	}
	for query, location := range map[string]string{
		"state=sesame": "query.state", "eventType=sesame": "query.eventType", "since=sesame": "query.since",
		"until=2026-13-01T00:00:00Z": "query.until", "since=2026-01-02": "query.since",
		"since=2026-01-02T00:00:00Z&until=2026-01-02T00:00:00Z": "query.until",
		"verificationId=" + strings.Repeat("a", 1025):           "query.verificationId",
		"partnerId=globex": "query.partnerId",
	} {
		r := w.do(req{method: "GET", path: hook + "/deliveries?" + query, key: key}).problem(422, location)
		if strings.Contains(r.body, "sesame") {
			t.Errorf("the answer repeats the input: %s", r.body)
		}
	}
}

func TestListPages(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	var made []string
	for range 5 {
		made = append(made, w.webhook(key, nil))
		w.advance(time.Second)
	}
	var listed []string
	path := "/v1/webhooks?limit=2"
	for pages := 0; path != ""; pages++ {
		if pages > 3 {
			t.Fatal("the list does not end")
		}
		m := w.do(req{method: "GET", path: path, key: key}).want(200).json()
		for _, x := range m["items"].([]any) {
			listed = append(listed, x.(map[string]any)["id"].(string))
		}
		path = ""
		if c, ok := m["nextCursor"].(string); ok {
			path = "/v1/webhooks?limit=2&cursor=" + c
		}
	}
	if !slices.Equal(made, listed) {
		t.Fatalf("made %v, listed %v", made, listed)
	}
}

func TestCursorsAreBound(t *testing.T) {
	w := newWorld(t)
	key, other := w.partner("acme"), w.partner("globex")
	hook := "/v1/webhooks/" + w.webhook(key, nil)
	w.webhook(key, nil)
	next := w.do(req{method: "GET", path: "/v1/webhooks?limit=1", key: key}).want(200).str("nextCursor")
	with := func(key, path, cursor string) response {
		return w.do(req{method: "GET", path: path + "cursor=" + cursor, key: key})
	}
	with(key, "/v1/webhooks?limit=1&", next).want(200)
	with(other, "/v1/webhooks?", next).problem(400, "query.cursor")
	with(key, hook+"/deliveries?", next).problem(400, "query.cursor")
	for i := 0; i < len(next); i += 7 {
		w.advance(time.Second)
		c := byte('A')
		if next[i] == c {
			c = 'B'
		}
		with(key, "/v1/webhooks?", next[:i]+string(c)+next[i+1:]).problem(400, "query.cursor")
	}
	with(key, "/v1/webhooks?", "x").problem(400, "query.cursor")
	with(key, "/v1/webhooks?", next+"=").problem(400, "query.cursor")
	with(key, "/v1/webhooks?", strings.Repeat("A", 4097)).problem(422, "query.cursor")
	fresh := w.do(req{method: "GET", path: "/v1/webhooks?limit=1", key: key}).want(200).str("nextCursor")
	w.advance(cursorLife - time.Nanosecond)
	with(key, "/v1/webhooks?", fresh).want(200)
	w.advance(time.Nanosecond)
	with(key, "/v1/webhooks?", fresh).problem(400, "query.cursor")
}

func TestWebhookLimit(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	w.urls.together(webhook.MaxWebhooks + 5)
	var wg sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for range webhook.MaxWebhooks + 5 {
		wg.Go(func() {
			r := w.do(req{method: "POST", path: "/v1/webhooks", key: key, body: `{"url":"https://hooks.example.com/in"}`})
			mu.Lock()
			defer mu.Unlock()
			statuses[r.status]++
		})
	}
	wg.Wait()
	w.urls.block = nil
	if statuses[201] != webhook.MaxWebhooks || statuses[429] != 5 {
		t.Fatalf("%v", statuses)
	}
	w.advance(time.Second)
	list := w.do(req{method: "GET", path: "/v1/webhooks?limit=100", key: key}).want(200)
	var page struct{ Items []struct{ ID string } }
	if err := json.Unmarshal([]byte(list.body), &page); err != nil || len(page.Items) != webhook.MaxWebhooks {
		t.Fatalf("%d webhooks, %v", len(page.Items), err)
	}
	w.do(req{method: "DELETE", path: "/v1/webhooks/" + page.Items[0].ID, key: key}).want(204)
	w.webhook(key, nil)
	r := w.do(req{method: "POST", path: "/v1/webhooks", key: key, body: `{"url":"https://hooks.example.com/in"}`}).problem(429)
	if r.str("code") != "limit_reached" {
		t.Fatal(r.body)
	}
}

func TestDelete(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, nil)
	hook := "/v1/webhooks/" + id
	w.do(req{method: "DELETE", path: hook, key: key, header: http.Header{"If-Match": {`"9"`}}}).problem(412)
	w.do(req{method: "DELETE", path: hook, key: key, header: http.Header{"If-Match": {`"1"`}}}).want(204)
	ref := webhook.Ref{PartnerID: "acme", WebhookID: id}
	want := []webhook.Message{
		{Kind: webhook.DiscardMessage, Ref: ref, Delay: insuranceDelay},
		{Kind: webhook.AbandonMessage, Ref: ref, Delay: insuranceDelay},
		{Kind: webhook.DiscardMessage, Ref: ref},
	}
	if ms := w.queue.Take(); !reflect.DeepEqual(ms, want) {
		t.Fatalf("messages %+v", ms)
	}
	w.do(req{method: "GET", path: hook, key: key}).problem(404)
	w.do(req{method: "DELETE", path: hook, key: key}).problem(404)
	if p, err := w.store.Partner(t.Context(), "acme"); err != nil || p.WebhookCount != 0 {
		t.Fatalf("%+v %v", p, err)
	}
}

// What waits for a webhook must not outlive it: without the message that sees to that, nothing is deleted. Once it is on
// its way, a second one that can't be sent changes nothing.
func TestDeleteWithoutQueue(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, nil)
	down := webhook.Wrap(webhook.Unavailable, fmt.Errorf("no queue"), "queue")
	w.queue.Fail = func() error { return down }
	w.do(req{method: "DELETE", path: "/v1/webhooks/" + id, key: key}).problem(503)
	w.do(req{method: "GET", path: "/v1/webhooks/" + id, key: key}).want(200)
	sent := 0
	w.queue.Fail = func() error {
		if sent++; sent > 2 {
			return down
		}
		return nil
	}
	w.do(req{method: "DELETE", path: "/v1/webhooks/" + id, key: key}).want(204)
	lines := w.log.lines(t)
	if last := lines[len(lines)-1]; last["level"] != "WARN" || last["error"] == nil {
		t.Fatalf("%v", last)
	}
}
