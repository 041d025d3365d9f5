package payload_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestInserted: the record decodes, to the same event whenever it is made, with the image's attributes as they are.
func TestInserted(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 5, 6, 7, 89_000_000, time.UTC)
	image := func(id, status string) []byte {
		return []byte(`{"verificationId":{"S":"` + id + `"},"partnerId":{"S":"acme"},"status":{"S":"` + status + `"},` +
			`"proofData":{"M":{"n":{"N":"12345678901234567890.5"},"s":{"S":"\u0000 \ud800 <é>"}}}}`)
	}
	events := map[webhook.Event]bool{}
	for _, id := range []string{"ver_1", "ver_2"} {
		for _, status := range []string{"VERIFIED", "FAILED", "EXPIRED"} {
			for _, when := range []time.Time{at, at.Add(time.Millisecond)} {
				raw, err := payload.Inserted(image(id, status), when)
				if err != nil {
					t.Fatal(err)
				}
				again, _ := payload.Inserted(image(id, status), when.Add(999*time.Microsecond))
				r, ok, err := payload.Decode(raw)
				if err != nil || !ok || !bytes.Equal(raw, again) || !r.Event.OccurredAt.Equal(when) || r.Event.VerificationID != id || string(r.Status) != status {
					t.Fatalf("%s %s: %v, %+v\n%s\n%s", id, status, err, r.Event, raw, again)
				}
				_, direct, _, err := payload.DecodeImage(image(id, status), when)
				if err != nil || direct.Event.Type != r.Event.Type {
					t.Fatalf("%s: %v, %s", status, err, r.Event.Type)
				}
				want, _ := direct.Body(webhook.DetailedNaming, nil)
				if got, err := r.Body(webhook.DetailedNaming, nil); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%v: got %s, want %s", err, got, want)
				}
				events[r.Event] = true
			}
		}
	}
	if len(events) != 12 {
		t.Errorf("%d different events, want 12", len(events))
	}
	for _, bad := range []string{"", "x", "[]", "null", "{} {}"} {
		if raw, err := payload.Inserted([]byte(bad), at); err == nil {
			t.Errorf("%q makes %s", bad, raw)
		}
	}
}
