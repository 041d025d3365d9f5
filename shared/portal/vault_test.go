package portal

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// testVault seals as the real one does, under a key of its own and without a key service.
type testVault struct {
	aead   cipher.AEAD
	ledger *ledger
}

func newTestVault(l *ledger) *testVault {
	key := make([]byte, 32)
	rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return &testVault{aead, l}
}

func (v *testVault) Seal(_ context.Context, purpose string, plain []byte) ([]byte, error) {
	return v.aead.Seal(nil, nil, plain, []byte(purpose)), nil
}

func (v *testVault) Open(_ context.Context, purpose string, sealed []byte) ([]byte, error) {
	plain, err := v.aead.Open(nil, nil, sealed, []byte(purpose))
	return plain, webhook.Wrap(webhook.Corrupt, err, "can't be opened")
}

func (v *testVault) SealSecrets(ctx context.Context, w *webhook.Webhook, s webhook.Secrets) ([]byte, error) {
	v.ledger.keyed(s)
	plain, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	return v.Seal(ctx, "webhook|"+w.PartnerID+"|"+w.ID, plain)
}

func (v *testVault) OpenSecrets(ctx context.Context, w *webhook.Webhook) (s webhook.Secrets, err error) {
	plain, err := v.Open(ctx, "webhook|"+w.PartnerID+"|"+w.ID, w.Sealed)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(plain, &s)
}
