package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"
)

// During a rotation receivers that know the old secret go on as before, and those that know the new one find it.
func TestRotation(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p := newPartner(t, w)
	e := newEndpoint(t, w, always(200))
	h := p.webhook(e.url, map[string]any{"authHeader": map[string]string{"name": "x-partner-key", "value": "sesame-" + newID("value")}})
	e.expect(h.Secret)
	path := "/v1/webhooks/" + h.ID
	var rotated hook
	p.call("POST", path+"/secret/rotate", map[string]any{"overlapHours": 1}, &rotated)
	if rotated.Secret == "" || rotated.Secret == h.Secret || rotated.Rotation == nil || time.Until(rotated.Rotation.EndsAt) > time.Hour+time.Minute {
		t.Fatalf("rotated to %+v", rotated)
	}
	if a, err := p.api.Do(t.Context(), "POST", path+"/secret/rotate", nil); err != nil || a.Status != 409 {
		t.Errorf("a second rotation is answered %d, %v", a.Status, err)
	}
	during, after := newID("during"), newID("after")
	p.write(during, "VERIFIED")
	p.awaitDelivery(h.ID, during, "delivered", 10*time.Second)
	overlap := e.arrived()[0]
	next := hmac.New(sha256.New, []byte(rotated.Secret))
	next.Write([]byte(overlap.body))
	if overlap.headers.Get("X-Webhook-Signature-Next") != hex.EncodeToString(next.Sum(nil)) {
		t.Error("x-webhook-signature-next is not the new secret's")
	}
	if n := len(strings.Fields(overlap.headers.Get("Webhook-Signature"))); n != 2 {
		t.Errorf("webhook-signature holds %d signatures", n)
	}
	p.call("POST", path+"/secret/complete", nil, nil)
	e.expect(rotated.Secret) // the endpoint checks each request on arrival
	p.write(after, "VERIFIED")
	p.awaitDelivery(h.ID, after, "delivered", 10*time.Second)
	if last := e.arrived()[1]; last.headers.Get("X-Webhook-Signature-Next") != "" || !last.verified {
		t.Errorf("after the rotation: %v", last.headers)
	}
	if now := p.getWebhook(h.ID); now.Rotation != nil || !strings.HasSuffix(rotated.Secret, strings.TrimPrefix(now.SecretHint, "…")) {
		t.Errorf("the webhook is %+v", now)
	}
}
