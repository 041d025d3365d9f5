package portal

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"

	"github.com/go-json-experiment/json"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Repeatable is the header of a request that may be repeated.
type Repeatable struct {
	IdempotencyKey string `header:"Idempotency-Key" minLength:"1" maxLength:"255" doc:"Any text of 1 to 255 printable ASCII characters. The same key and body get the same answer for 24 hours."`
}

// idempotency names a request that may be repeated. A nil *idempotency is one that may not.
type idempotency struct {
	partnerID string
	key       string
	body      [32]byte
}

// newIdempotency returns nil if the request carries no key.
func newIdempotency(ctx context.Context, key string) (*idempotency, error) {
	if key == "" {
		return nil, nil
	}
	for i := range len(key) {
		if key[i] < 0x20 || key[i] > 0x7e {
			return nil, webhook.FieldErrorf("header.Idempotency-Key", "must be printable ASCII")
		}
	}
	c := callFrom(ctx)
	sum := sha256.Sum256([]byte(c.path + "\x00" + key))
	return &idempotency{partnerID: c.partnerID, key: hex.EncodeToString(sum[:]), body: sha256.Sum256(c.body)}, nil
}

func (i *idempotency) purpose() string { return "answer|" + i.partnerID + "|" + i.key }

// recall returns the stored answer to the same request, nil if there is none.
func recall[O any](ctx context.Context, p *portal, i *idempotency) (*O, error) {
	if i == nil {
		return nil, nil
	}
	a, err := p.cfg.Store.Answer(ctx, i.partnerID, i.key, p.cfg.Now())
	if webhook.CodeOf(err) == webhook.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(a.RequestHash[:], i.body[:]) != 1 {
		return nil, webhook.FieldErrorf("header.Idempotency-Key", "was used with another body")
	}
	plain, err := p.cfg.Vault.Open(ctx, i.purpose(), a.Sealed)
	if err != nil {
		return nil, err
	}
	out := new(O)
	if json.Unmarshal(plain, out) != nil {
		// The decoder's error is left out: it may quote the secret.
		return nil, webhook.Errorf(webhook.Corrupt, "a stored answer could not be read")
	}
	return out, nil
}

// remember makes the stored answer, nil for a request without a key. It is written in the same transaction as what it
// tells of, so there is never the one without the other, and no state in between.
func remember[O any](ctx context.Context, p *portal, i *idempotency, out *O) (*webhook.Answer, error) {
	if i == nil {
		return nil, nil
	}
	plain, err := json.Marshal(out)
	if err != nil {
		return nil, webhook.Wrap(webhook.Internal, err, "storing an answer")
	}
	sealed, err := p.cfg.Vault.Seal(ctx, i.purpose(), plain)
	if err != nil {
		return nil, err
	}
	return &webhook.Answer{
		PartnerID: i.partnerID, Key: i.key, RequestHash: i.body, Sealed: sealed, ExpiresAt: p.cfg.Now().Add(webhook.AnswerLife),
	}, nil
}
