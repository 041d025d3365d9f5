package portal

import (
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// image is a verification's record in DynamoDB's JSON.
func image(partnerID, status string) []byte {
	return []byte(`{"verificationId":{"S":"ver_1"},"partnerId":{"S":"` + partnerID + `"},"status":{"S":"` + status + `"},
		"sessionId":{"N":"7"},"metadata":{"M":{"source":{"S":"<bank>"}}}}`)
}

func TestTemplateIsStoredAndShownInOrder(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	body := `{"url":"https://hooks.example.com/in","payloadTemplate": {"b": "{{ type }}", "2": 1.0, "1": null, "a": [ ]} }`
	created := w.do(req{method: "POST", path: "/v1/webhooks", key: key, body: body}).want(201)
	const stored = `{"1":null,"2":1,"b":"{{ type }}","a":[]}`
	if !strings.Contains(created.body, `"payloadTemplate":`+stored) {
		t.Errorf("answered %s", created.body)
	}
	h := w.stored("acme", created.str("id"))
	if h.PayloadTemplate != stored || !h.TemplateAt.Equal(w.clock()) {
		t.Errorf("stored %s, set %v", h.PayloadTemplate, h.TemplateAt)
	}
	w.advance(time.Hour)
	w.do(req{method: "PATCH", path: "/v1/webhooks/" + h.ID, key: key, body: `{"description":"d"}`}).want(200)
	if again := w.stored("acme", h.ID); again.PayloadTemplate != stored || !again.TemplateAt.Equal(h.TemplateAt) {
		t.Errorf("after another edit: %s, set %v", again.PayloadTemplate, again.TemplateAt)
	}
	w.do(req{method: "PATCH", path: "/v1/webhooks/" + h.ID, key: key, body: `{"payloadTemplate":null}`}).want(200)
	if again := w.stored("acme", h.ID); again.PayloadTemplate != "" || !again.TemplateAt.Equal(w.clock()) {
		t.Errorf("removed: %q, set %v", again.PayloadTemplate, again.TemplateAt)
	}
}

func TestTemplateRefusedWithPosition(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	r := w.do(req{method: "POST", path: "/v1/webhooks", key: key,
		body: `{"url":"https://hooks.example.com/in","payloadTemplate":{"a":{"b":["é{{ data.[ }}"]}}}`}).want(422)
	if !strings.Contains(r.body, `"location":"body.payloadTemplate.a.b[0]"`) || !strings.Contains(r.body, "at character 12: ") {
		t.Errorf("answered %s", r.body)
	}
}

func TestTestSendsTheTemplate(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, map[string]any{"payloadTemplate": map[string]any{"v": "{{data.verificationId}} {{event.type}}"}})
	r := w.do(req{method: "POST", path: "/v1/webhooks/" + id + "/test", key: key}).want(200)
	const want = `{"v":"test_123 verification.completed"}`
	if sent := w.sender.sent; len(sent) != 1 || string(sent[0].Body) != want || !strings.Contains(r.body, `"body":"{\"v\":`) {
		t.Errorf("sent %+v, answered %s", sent, r.body)
	}
	id = w.webhook(key, map[string]any{"payloadTemplate": map[string]any{"v": "{{length(data.sessionId)}}"}})
	r = w.do(req{method: "POST", path: "/v1/webhooks/" + id + "/test", key: key}).want(409)
	if !strings.Contains(r.body, "Building the body failed: the payload template at v, character 1: ") || len(w.sender.sent) != 1 {
		t.Errorf("answered %s", r.body)
	}
}

func TestPreview(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	w.records["ver_1"] = image("acme", "FAILED")
	plain := w.webhook(key, map[string]any{"typeNaming": "detailed"})
	templated := w.webhook(key, map[string]any{"payloadTemplate": map[string]any{"v": "{{data.verificationId}}"}})
	for _, tt := range []struct{ name, id, body, eventType, want string }{
		{"nothing given", plain, "", "verification.completed", string(payload.Sample(webhook.Completed, webhook.DetailedNaming))},
		{"the webhook's own", templated, "", "verification.completed", `{"v":"test_123"}`},
		{"the webhook's own, {}", templated, `{}`, "verification.completed", `{"v":"test_123"}`},
		{"another", templated, `{"payloadTemplate":{"s":"{{status}}"}}`, "verification.completed", `{"s":"success"}`},
		{"the default", templated, `{"payloadTemplate":null}`, "verification.completed", string(payload.Sample(webhook.Completed, webhook.GuideNaming))},
		{"another event", templated, `{"eventType":"verification.expired","payloadTemplate":{"s":"{{event.type}} {{status}}"}}`,
			"verification.expired", `{"s":"verification.expired failed"}`},
		{"a record", templated, `{"verificationId":"ver_1"}`, "verification.failed", `{"v":"ver_1"}`},
		{"a record, by default", plain, `{"verificationId":"ver_1"}`, "verification.failed",
			`{"type":"verification.failed","status":"failed","data":{"verificationId":"ver_1","sessionId":7,"status":"FAILED","metadata":{"source":"<bank>"}}}`},
		{"another naming", plain, `{"typeNaming":"guide"}`, "verification.completed", string(payload.Sample(webhook.Completed, webhook.GuideNaming))},
		{"a new webhook", "", "", "verification.completed", string(payload.Sample(webhook.Completed, webhook.GuideNaming))},
		{"a new webhook's", "", `{"payloadTemplate":{"t":"{{type}}"},"typeNaming":"detailed","verificationId":"ver_1"}`,
			"verification.failed", `{"t":"verification.failed"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := w.do(req{method: "POST", path: previewPath(tt.id), key: key, body: tt.body}).want(200)
			if r.str("body") != tt.want || r.str("eventType") != tt.eventType || r.json()["size"] != float64(len(tt.want)) {
				t.Errorf("answered %s, want %s", r.body, tt.want)
			}
		})
	}
	if n := len(w.sender.sent); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// previewPath is the route for a webhook; for one that does not exist yet if id is empty.
func previewPath(id string) string {
	if id == "" {
		return "/v1/template/preview"
	}
	return "/v1/webhooks/" + id + "/template/preview"
}

func TestPreviewRefuses(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	w.partner("other")
	id := w.webhook(key, nil)
	w.records["foreign"], w.records["open"] = image("other", "VERIFIED"), image("acme", "IN_PROGRESS")
	w.records["odd"], w.records["nobody's"] = image("acme", "GONE"), []byte(`{"status":{"S":"VERIFIED"}}`)
	w.records["large"] = []byte(strings.Replace(string(image("acme", "VERIFIED")), "<bank>", strings.Repeat("x", payload.MaxBody), 1))
	w.records["broken"] = []byte(strings.Replace(string(image("acme", "VERIFIED")), `{"N":"7"}`, `{"S":"7"}`, 1))
	answers := map[string]string{}
	for _, tt := range []struct{ name, body, location, detail string }{
		{"no template", `{"payloadTemplate":{"a":["{{a ||}}"]}}`, "body.payloadTemplate.a[0]", "at character 7"},
		{"it fails", `{"payloadTemplate":{"a":"x{{lower(data)}}"}}`, "body.payloadTemplate.a", "at character 2"},
		{"a type", `{"eventType":"verification.gone"}`, "body.eventType", ""},
		{"both", `{"eventType":"verification.failed","verificationId":"open"}`, "body.eventType", ""},
		{"unknown", `{"verificationId":"nothing"}`, "body.verificationId", "not the id"},
		{"another partner's", `{"verificationId":"foreign"}`, "body.verificationId", "not the id"},
		{"nobody's", `{"verificationId":"nobody's"}`, "body.verificationId", "not the id"},
		{"longer than a key", `{"verificationId":"` + strings.Repeat("é", 1025) + `"}`, "body.verificationId", "not the id"},
		{"none", `{"verificationId":""}`, "body.verificationId", ""},
		{"still open", `{"verificationId":"open"}`, "body.verificationId", "not ended"},
		{"unknown status", `{"verificationId":"odd"}`, "body.verificationId", "cannot become"},
		{"too large", `{"verificationId":"large"}`, "body.verificationId", "too large"},
		{"too large by template", `{"verificationId":"large","payloadTemplate":{"a":"{{data}}"}}`, "body.payloadTemplate", "102400"},
		{"wrong type", `{"verificationId":"broken"}`, "body.verificationId", "cannot become"},
	} {
		r := w.do(req{method: "POST", path: previewPath(id), key: key, body: tt.body}).want(422)
		if again := w.do(req{method: "POST", path: previewPath(""), key: key, body: tt.body}).want(422); again.body != r.body {
			t.Errorf("%s: for a new webhook answered %s", tt.name, again.body)
		}
		if !strings.Contains(r.body, `"location":"`+tt.location+`"`) || !strings.Contains(r.body, tt.detail) {
			t.Errorf("%s: answered %s", tt.name, r.body)
		}
		answers[tt.name] = r.body
	}
	if answers["unknown"] != answers["another partner's"] {
		t.Errorf("another partner's record can be told from none:\n%s\n%s", answers["unknown"], answers["another partner's"])
	}
	foreign := w.webhook(w.partner("third"), nil)
	w.do(req{method: "POST", path: previewPath(foreign), key: key}).want(404)
}
