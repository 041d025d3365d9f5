package vault_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/cr3dentials/verification-webhooks/shared/vault"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestSecretsOfEveryForm: one ciphertext holds all of a webhook's secrets, under a key that was met once.
func TestSecretsOfEveryForm(t *testing.T) {
	w := newWorld()
	v, other := w.process(), w.process()
	hook := &webhook.Webhook{PartnerID: "p", ID: "w"}
	for name, s := range map[string]webhook.Secrets{
		"one":                      {Signing: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
		"rotation":                 {Signing: "an old secret of 24 chars", Next: "a new secret of 24 chars.", AuthHeaderValue: "Bearer x"},
		"from an older system":     {Signing: "abc123"},
		"rotation from such a one": {Signing: "ключ", Next: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
	} {
		sealed, err := v.SealSecrets(t.Context(), hook, s)
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range s.Values() {
			if bytes.Contains(sealed, []byte(value)) {
				t.Errorf("%s: a secret in the clear", name)
			}
		}
		hook.Sealed = sealed
		for _, opener := range []*vault.Vault{v, other} {
			if got, err := opener.OpenSecrets(t.Context(), hook); err != nil || got != s {
				t.Errorf("%s: opened something else: %v", name, err)
			}
		}
	}
	if w.kms.generated != 1 || w.kms.decrypt != 1 {
		t.Errorf("%d keys made and %d opened, want 1 of each", w.kms.generated, w.kms.decrypt)
	}
}

// goldenKMS opens one wrapped key, that of goldenSealed.
type goldenKMS struct{ fakeKMS }

func (*goldenKMS) Decrypt(_ context.Context, in *kms.DecryptInput, _ ...func(*kms.Options)) (*kms.DecryptOutput, error) {
	if string(in.CiphertextBlob) != "wrapped" {
		return nil, &types.InvalidCiphertextException{}
	}
	return &kms.DecryptOutput{Plaintext: bytes.Repeat([]byte{7}, 32)}, nil
}

// goldenSealed is {"signing":"an old secret of 24 chars"} of the webhook w of the partner p in the form that was stored
// before rotations existed, sealed with Node's crypto.
const goldenSealed = "01000102030405060708090a0b0c0d0e0f1011121314151617daf9a306375e23fd978fbd2595f496741d2999289f862e632185914af43f08998a4bcf347045d435d7cb985c70ad4ba04be7dddf9cafbe"

// TestOldSecretsOpen: what is stored already opens in every later version.
func TestOldSecretsOpen(t *testing.T) {
	sealed, err := hex.DecodeString(goldenSealed)
	if err != nil {
		t.Fatal(err)
	}
	keys := &memoryKeys{wrapped: map[string][]byte{"000102030405060708090a0b": []byte("wrapped")}}
	v := vault.New(vault.Options{KMS: &goldenKMS{}, Keys: keys})
	got, err := v.OpenSecrets(t.Context(), &webhook.Webhook{PartnerID: "p", ID: "w", Sealed: sealed})
	if want := (webhook.Secrets{Signing: "an old secret of 24 chars"}); err != nil || got != want {
		t.Fatalf("opened something else: %v", err)
	}
}
