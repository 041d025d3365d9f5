package vault

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/storetest/forms"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestForms holds what is sealed to the golden files of all releases, under a data key and nonces that are known.
func TestForms(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	v := New(Options{Now: func() time.Time { return now }, Rand: bytes.NewReader(bytes.Repeat([]byte{7}, 2*nonceSize))})
	k, err := v.keys.remember("0123456789abcdef01234567", bytes.Repeat([]byte{9}, 32), now)
	if err != nil {
		t.Fatal(err)
	}
	v.keys.sealing = k
	w := &webhook.Webhook{PartnerID: "prt_1", ID: "whk_1"}
	secrets, err := v.SealSecrets(t.Context(), w, webhook.Secrets{Signing: "one", Next: "two", AuthHeaderValue: "three"})
	if err != nil {
		t.Fatal(err)
	}
	value, err := v.Seal(t.Context(), "purpose", []byte("plain"))
	if err != nil {
		t.Fatal(err)
	}
	forms.Run(t, formatVersion, map[string]forms.Form{
		"secrets": {Written: inJSON(t, secrets), Read: func(stored []byte) (any, error) {
			var b []byte
			if err := json.Unmarshal(stored, &b); err != nil {
				return nil, err
			}
			return v.OpenSecrets(t.Context(), &webhook.Webhook{PartnerID: w.PartnerID, ID: w.ID, Sealed: b})
		}},
		"value": {Written: inJSON(t, value), Read: func(stored []byte) (any, error) {
			var b []byte
			if err := json.Unmarshal(stored, &b); err != nil {
				return nil, err
			}
			plain, err := v.Open(t.Context(), "purpose", b)
			return string(plain), err
		}},
	})
}

func inJSON(t *testing.T, b []byte) []byte {
	t.Helper()
	j, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return j
}
