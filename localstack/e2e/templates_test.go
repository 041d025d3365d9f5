package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

// A partner writes a template, sees what it makes of a real record, and gets just that; the guide's verification of the
// signature holds for it as for every body.
func TestTemplate(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p := newPartner(t, w)
	r := local.NewReceiver(w.ports.Receiver(), w.ports.Control())
	h := p.webhook(r.URL(p.id), nil)
	must(t, r.SetPartner(t.Context(), p.id, h.Secret))
	first, second := newID("template-a"), newID("template-b")
	p.write(first, "VERIFIED")
	p.awaitDelivery(h.ID, first, "delivered", 10*time.Second)

	template := map[string]any{
		"type": "{{ type }}", "data": map[string]any{"verificationId": "{{ data.verificationId }}"},
		"10": "<{{ data.sessionId }}> {{ data.proofData.income.source }}", "9": "{{ data.proofData.income }}",
	}
	want := func(id string) string {
		return `{"9":{"monthlyAmount":5000,"source":"chase-bank","verified":true},"10":"<123> chase-bank","data":{"verificationId":"` +
			id + `"},"type":"verification.completed"}`
	}
	var preview struct{ Body string }
	path := "/v1/webhooks/" + h.ID
	p.call("POST", path+"/template/preview", map[string]any{"payloadTemplate": template, "verificationId": first}, &preview)
	if preview.Body != want(first) {
		t.Errorf("the preview is %s, want %s", preview.Body, want(first))
	}
	p.call("PATCH", path, map[string]any{"payloadTemplate": template}, nil)
	p.write(second, "VERIFIED")
	if d := p.awaitDelivery(h.ID, second, "delivered", 10*time.Second); d.Body == nil || *d.Body != want(second) {
		t.Errorf("the delivery's body is %v, want %s", d.Body, want(second))
	}
	e, err := r.Effects(t.Context(), p.id)
	must(t, err)
	if last := e.Requests[len(e.Requests)-1]; !last.Verified || last.Text != want(second) {
		t.Errorf("the receiver got %+v", last)
	}
	foreign := newPartner(t, w)
	other := foreign.webhook(r.URL(foreign.id), nil)
	a, err := foreign.api.Do(t.Context(), "POST", "/v1/webhooks/"+other.ID+"/template/preview", map[string]any{"verificationId": first})
	must(t, err)
	if a.Status != 422 || strings.Contains(string(a.Body), "chase") {
		t.Errorf("another partner's record is shown: %d %s", a.Status, a.Body)
	}
}

// A template that fails on an event sends nothing, keeps the record, and says so in the delivery and the health.
func TestTemplateThatFails(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, e, h := hooked(t, w, always(200))
	path := "/v1/webhooks/" + h.ID
	a, err := p.api.Do(t.Context(), "PATCH", path, map[string]any{"payloadTemplate": map[string]any{"v": []string{"{{ data.x[*] }}"}}})
	must(t, err)
	if a.Status != 422 || !strings.Contains(string(a.Body), `"body.payloadTemplate.v[0]"`) || !strings.Contains(string(a.Body), "character 10") {
		t.Errorf("a bad template is answered %d %s", a.Status, a.Body)
	}
	p.call("PATCH", path, map[string]any{"payloadTemplate": map[string]any{"v": "{{ length(data.sessionId) }}"}}, nil)
	id := newID("failing")
	p.write(id, "VERIFIED")
	d := p.awaitDelivery(h.ID, id, "undeliverable", 10*time.Second)
	if d.Reason == nil || !strings.Contains(*d.Reason, "v, character 1") || d.Body != nil || e.count() != 0 {
		t.Errorf("the delivery is %+v, the endpoint saw %d requests", d, e.count())
	}
	await(t, "the health says so", 10*time.Second, func() bool {
		return strings.Contains(p.getWebhook(h.ID).HealthReason, "template failed")
	})
	if kept := keptRecord(t, w, p.id, h.ID, d.ID); !strings.Contains(kept, id) {
		t.Errorf("the record kept is %q", kept)
	}
	p.call("PATCH", path, map[string]any{"payloadTemplate": nil}, nil)
	if reason := p.getWebhook(h.ID).HealthReason; strings.Contains(reason, "template") {
		t.Errorf("after mending, the health says %q", reason)
	}
}
