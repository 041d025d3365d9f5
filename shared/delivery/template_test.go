package delivery

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func (w *world) report(h *webhook.Webhook) webhook.HealthReport {
	w.t.Helper()
	stats, err := w.store.Stats(w.t.Context(), h.PartnerID, h.ID, 48)
	if err != nil {
		w.t.Fatal(err)
	}
	fresh := w.stored(h)
	return webhook.Report(&fresh, stats, w.clock())
}

func withTemplate(text string) func(*webhook.Webhook) {
	return func(h *webhook.Webhook) { h.PayloadTemplate, h.TemplateAt = text, h.CreatedAt }
}

// TestTemplate: the body is built once, by the template as it was then, and stays the same on every attempt.
func TestTemplate(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", withTemplate(`{"id":"{{data.verificationId}}","s":"{{status}} of {{data.sessionId}}","e":"{{event.type}}"}`))
	w.answer = func(n int, _ webhook.Request) webhook.Response {
		if n == 1 {
			w.edit(h, func(h *webhook.Webhook) { h.PayloadTemplate = `{"changed":true}` })
			return failing(webhook.Response{})
		}
		return webhook.Response{StatusCode: 200}
	}
	w.stream(record("acme", "ver_1", start))
	w.rest(time.Minute)
	want := `{"id":"ver_1","s":"success of 123","e":"verification.completed"}`
	if len(w.posts) != 2 || string(w.posts[0].req.Body) != want || string(w.posts[1].req.Body) != want {
		t.Errorf("sent %+v, want twice %s", w.posts, want)
	}
	w.stream(record("acme", "ver_2", w.clock()))
	if got := string(w.of("ver_2").Body); got != `{"changed":true}` {
		t.Errorf("after the change: %s", got)
	}
}

// TestTemplateFails: no request, a final state with a reason, the record kept, and a health that says so until the
// template is another one.
func TestTemplateFails(t *testing.T) {
	for _, tt := range []struct{ name, template, reason string }{
		{"an expression", `{"a":["{{length(data.sessionId)}}"]}`, "a[0], character 1"},
		{"its size", `{"a":"` + strings.Repeat(`{{to_string(data)}}`, 60) + `"}`, "102400 bytes"},
		{"one that is refused by now", `{"a":"{{data[*]}}"}`, "a, character 7"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			h := w.hook("acme", withTemplate(tt.template))
			raw := record("acme", "ver_1", start)
			if tt.name == "its size" {
				raw = []byte(strings.Replace(string(raw), `"123"}`, `"123"},"metadata":{"M":{"x":{"S":"`+strings.Repeat("x", 2000)+`"}}}`, 2))
			}
			w.stream(raw)
			w.rest(time.Minute)
			d := w.only()
			if d.State != webhook.Undeliverable || !strings.Contains(d.Reason, tt.reason) || len(w.posts) != 0 {
				t.Errorf("%s (%s), %d posts", d.State, d.Reason, len(w.posts))
			}
			if kept, _ := w.objects.KeptRecord(t.Context(), d.Ref()); string(kept) != string(raw) {
				t.Errorf("kept %q", kept)
			}
			if events := w.store.AllOutbox(); len(events) != 1 || events[0].Kind != webhook.DeliveryUndeliverable {
				t.Errorf("outbox %+v", events)
			}
			r := w.report(h)
			if r.Health != webhook.Grey || !strings.Contains(r.Reason, "template failed") || r.SuccessRate != nil {
				t.Errorf("health %s: %s", r.Health, r.Reason)
			}
			now := w.clock()
			w.advance(26 * time.Hour)
			if r := w.report(h); strings.Contains(r.Reason, "template") {
				t.Errorf("a day later: %s", r.Reason)
			}
			w.now = now
			w.edit(h, func(h *webhook.Webhook) { h.PayloadTemplate, h.TemplateAt = `{"a":1}`, w.clock() })
			if r := w.report(h); strings.Contains(r.Reason, "template") {
				t.Errorf("after mending: %s", r.Reason)
			}
		})
	}
}

// TestBodyTooLarge: no request, and a health that says so until the webhook has a template.
func TestBodyTooLarge(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	large := `"123"},"metadata":{"M":{"x":{"S":"` + strings.Repeat("x", 102_400) + `"}}}`
	w.stream([]byte(strings.Replace(string(record("acme", "ver_1", start)), `"123"}`, large, 2)))
	w.rest(time.Minute)
	if d := w.only(); d.State != webhook.Undeliverable || !strings.Contains(d.Reason, "102400 bytes") || len(w.posts) != 0 {
		t.Errorf("%s (%s), %d posts", d.State, d.Reason, len(w.posts))
	}
	if r := w.report(h); r.Health != webhook.Grey || !strings.Contains(r.Reason, "body is too large") || r.SuccessRate != nil {
		t.Errorf("health %s: %s", r.Health, r.Reason)
	}
	w.edit(h, func(h *webhook.Webhook) { h.PayloadTemplate, h.TemplateAt = `{"a":1}`, w.clock() })
	if r := w.report(h); strings.Contains(r.Reason, "too large") {
		t.Errorf("after mending: %s", r.Reason)
	}
}

// TestTemplateOfHeld: what is held has its body already.
func TestTemplateOfHeld(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", withTemplate(`{"v":"{{data.verificationId}}"}`))
	w.edit(h, func(h *webhook.Webhook) { h.Deactivate(w.clock(), webhook.ReasonPartner, "") })
	w.stream(record("acme", "ver_1", start))
	if d := w.only(); d.State != webhook.Held || string(d.Body) != `{"v":"ver_1"}` {
		t.Errorf("%s: %s", d.State, d.Body)
	}
}

// TestTemplateOfRedelivered: a record that comes once more costs a look at what is stored, and builds nothing.
func TestTemplateOfRedelivered(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", withTemplate(`{"v":"{{data.verificationId}}"}`))
	raw := record("acme", "ver_1", start)
	w.stream(raw)
	w.advance(time.Minute)
	commits, reads := w.store.Calls()["Commit"], w.store.Calls()["Delivery"]
	w.stream(raw)
	if c, r := w.store.Calls()["Commit"]-commits, w.store.Calls()["Delivery"]-reads; c != 0 || r != 1 || len(w.posts) != 1 {
		t.Errorf("%d commits, %d reads, %d posts", c, r, len(w.posts))
	}
	late := record("acme", "ver_2", start) // late, and new all the same
	w.stream(late)
	if d := w.of("ver_2"); d.State != webhook.Delivered {
		t.Errorf("a late record is %s", d.State)
	}
}

// TestTemplateWithoutTime: with no time left nothing is built, and the stream brings the record again.
func TestTemplateWithoutTime(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", withTemplate(`{"v":"{{data.verificationId}}"}`))
	raw := record("acme", "ver_1", start)
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(time.Hour))
	defer cancel()
	w.now = time.Now().Add(time.Hour - spare + time.Millisecond)
	if errs := w.Dispatch(ctx, [][]byte{raw}); webhook.CodeOf(errs[0]) != webhook.Unavailable || len(w.store.AllDeliveries()) != 0 {
		t.Errorf("got %v, %d deliveries", errs[0], len(w.store.AllDeliveries()))
	}
}
