package objects

import (
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/storetest/forms"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestForms holds parked objects to the golden files of all releases.
func TestForms(t *testing.T) {
	written, err := encode(webhook.Parked{
		ID: "prk_1", Reason: "unknown_status", Detail: "detail", Attribute: "status", PartnerID: "prt_1", VerificationID: "ver_1",
		ParkedAt: time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC), Record: []byte(`{"eventName":"INSERT"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	forms.Run(t, formatVersion, map[string]forms.Form{
		"parked": {Written: written, Read: func(b []byte) (any, error) { return decode(b) }},
	})
	for _, body := range []string{"", "[]", "{}", `{"v":0}`, `{"v":2,"id":"prk_1"}`} {
		if p, err := decode([]byte(body)); webhook.CodeOf(err) != webhook.Corrupt {
			t.Errorf("%s is read as %+v, %v; want corrupt", body, p, err)
		}
	}
}
