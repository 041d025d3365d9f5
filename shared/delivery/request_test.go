package delivery

import (
	"reflect"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

const (
	oldSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	newSecret = "a partner's own new secret"

	// openssl dgst -sha256 -hmac KEY of the body {"test": 2432232314}
	oldHex = "80ec8a89ce3cd22133a1066caecb4d04fea7467657c8514d717ec42c38a5c94c"
	newHex = "a71d681fd48609174b41797c1fef06dba4e243c23890d5bfd975ca0cc025f788"
	// The first is an official vector of Standard Webhooks; the second openssl's of id.timestamp.body.
	oldStandard = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	newStandard = "v1,ItHhgxDJs0WhYrFvRZeIYW1HANIn4afZS2tTp4/rwx8="
)

var signedAt = time.Unix(1614265330, 999_999_999).UTC()

func build(w webhook.Webhook, s webhook.Secrets) webhook.Request {
	return BuildRequest(&w, s, "msg_p5jXN8AQM9LWM0D4loKWxJek", webhook.FailedType, 3, []byte(`{"test": 2432232314}`), signedAt)
}

// headers are all headers in their order, with those of the signatures given.
func headers(hex, next, standard string) []webhook.Header {
	hs := []webhook.Header{
		{Name: "content-type", Value: "application/json"}, {Name: "x-webhook-event", Value: "verification.failed"},
		{Name: "x-webhook-attempt", Value: "3"}, {Name: "x-webhook-signature", Value: hex},
	}
	if next != "" {
		hs = append(hs, webhook.Header{Name: "x-webhook-signature-next", Value: next})
	}
	return append(hs,
		webhook.Header{Name: "webhook-id", Value: "msg_p5jXN8AQM9LWM0D4loKWxJek"},
		webhook.Header{Name: "webhook-timestamp", Value: "1614265330"},
		webhook.Header{Name: "webhook-signature", Value: standard},
	)
}

func TestBuildRequestThroughRotation(t *testing.T) {
	rotating := webhook.Secrets{Signing: oldSecret, Next: newSecret}
	until := func(at time.Time) *webhook.Rotation { return &webhook.Rotation{EndsAt: at} }
	for name, c := range map[string]struct {
		rotation *webhook.Rotation
		secrets  webhook.Secrets
		want     []webhook.Header
	}{
		"none":       {nil, webhook.Secrets{Signing: oldSecret}, headers(oldHex, "", oldStandard)},
		"under way":  {until(signedAt.Add(time.Hour)), rotating, headers(oldHex, newHex, oldStandard+" "+newStandard)},
		"last":       {until(signedAt.Add(1)), rotating, headers(oldHex, newHex, oldStandard+" "+newStandard)},
		"just ended": {until(signedAt), rotating, headers(newHex, "", newStandard)},
		"long ended": {until(signedAt.Add(-1000 * time.Hour)), rotating, headers(newHex, "", newStandard)},
		"completed":  {nil, webhook.Secrets{Signing: newSecret}, headers(newHex, "", newStandard)},
	} {
		t.Run(name, func(t *testing.T) {
			w := webhook.Webhook{URL: "https://hooks.example.com/in", Rotation: c.rotation}
			r := build(w, c.secrets)
			if !reflect.DeepEqual(r.Headers, c.want) {
				t.Errorf("got  %v\nwant %v", r.Headers, c.want)
			}
			if r.URL != w.URL || string(r.Body) != `{"test": 2432232314}` {
				t.Errorf("%s %s", r.URL, r.Body)
			}
			w.AuthHeaderName, c.secrets.AuthHeaderValue = "X-Api-Key", "sesame"
			if r = build(w, c.secrets); !reflect.DeepEqual(r.Headers, append(c.want, webhook.Header{Name: "X-Api-Key", Value: "sesame"})) {
				t.Errorf("with the partner's header: %v", r.Headers)
			}
		})
	}
}

// Whatever is stored is redacted, whether it is in use or not: a receiver may still echo the old secret.
func TestBuildRequestRedactsEverySecret(t *testing.T) {
	for _, ends := range []time.Time{signedAt, signedAt.Add(time.Hour)} {
		w := webhook.Webhook{AuthHeaderName: "x-api-key", Rotation: &webhook.Rotation{EndsAt: ends}}
		r := build(w, webhook.Secrets{Signing: "abc123", Next: newSecret, AuthHeaderValue: "sesame"})
		if want := []string{"abc123", newSecret, "sesame"}; !reflect.DeepEqual(r.Redact, want) {
			t.Errorf("redacts %q", r.Redact)
		}
	}
}

// A secret from an older system may be shorter than any that is accepted now.
func TestBuildRequestWithShortSecret(t *testing.T) {
	r := build(webhook.Webhook{}, webhook.Secrets{Signing: "abc123"})
	if want := headers("92b41da613c69e45a914b1251afbffc23d9834d74709756b34e2f05045088a9c", "", "v1,vHCNW9tCDVgLhmG4YD+BymOwE3i6s7uVC1LVQGsiQto="); !reflect.DeepEqual(r.Headers, want) {
		t.Errorf("got  %v\nwant %v", r.Headers, want)
	}
}
