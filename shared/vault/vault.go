// Package vault keeps secrets unreadable at rest: AES-256-GCM under data keys that AWS KMS wraps. It satisfies the
// vaults that the packages delivery and portal ask for; their comments are the contract.
package vault

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// KeyStore keeps wrapped data keys. Reads are strongly consistent. Codes: NotFound, Conflict, Unavailable.
type KeyStore interface {
	// DataKey returns the wrapped data key of an id.
	DataKey(ctx context.Context, id string) (wrapped []byte, err error)
	// CurrentDataKey returns the key under which new values are sealed. NotFound if there is none yet.
	CurrentDataKey(ctx context.Context) (id string, wrapped []byte, createdAt time.Time, err error)
	// AddDataKey stores a new key and makes it the current one, if the current one is still that of the id replaces
	// ("" for none). Conflict otherwise, and nothing is stored.
	AddDataKey(ctx context.Context, id string, wrapped []byte, createdAt time.Time, replaces string) error
}

// Options say where the keys are.
type Options struct {
	// KMS is the key service.
	KMS KMS
	// KeyID names the KMS key that wraps new data keys. A vault that only opens needs none.
	KeyID string
	// Keys keeps the wrapped data keys.
	Keys KeyStore
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Rand is a cryptographic source that never fails; nil means crypto/rand.Reader.
	Rand io.Reader
}

// Vault seals and opens secrets. It keeps unwrapped data keys in memory for as long as it lives, so that only the
// first use of each calls the key service. It is safe for concurrent use.
type Vault struct {
	keys *keyring
	rand io.Reader
}

// New returns a Vault.
func New(o Options) *Vault {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	return &Vault{keys: newKeyring(o), rand: o.Rand}
}

// A sealed value is the format version, the id of its data key, the nonce, and the ciphertext with its tag.
const (
	formatVersion = 1
	keyIDSize     = 12
	nonceSize     = 12
	tagSize       = 16
	headerSize    = 1 + keyIDSize + nonceSize
)

// Seal implements portal.Vault.
func (v *Vault) Seal(ctx context.Context, purpose string, plain []byte) ([]byte, error) {
	return v.seal(ctx, additionalData("value", purpose), plain)
}

// Open implements portal.Vault.
func (v *Vault) Open(ctx context.Context, purpose string, sealed []byte) ([]byte, error) {
	return v.open(ctx, additionalData("value", purpose), sealed)
}

// SealSecrets implements portal.Vault. What it returns opens for this webhook alone.
func (v *Vault) SealSecrets(ctx context.Context, w *webhook.Webhook, s webhook.Secrets) ([]byte, error) {
	plain, err := json.Marshal(s)
	if err != nil {
		return nil, webhook.Wrap(webhook.Internal, err, "secrets could not be encoded")
	}
	return v.seal(ctx, additionalData("webhook", w.PartnerID, w.ID), plain)
}

// OpenSecrets implements delivery.Vault and portal.Vault.
func (v *Vault) OpenSecrets(ctx context.Context, w *webhook.Webhook) (webhook.Secrets, error) {
	plain, err := v.open(ctx, additionalData("webhook", w.PartnerID, w.ID), w.Sealed)
	if err != nil {
		return webhook.Secrets{}, err
	}
	var s webhook.Secrets
	if json.Unmarshal(plain, &s) != nil {
		// The decoder's error is left out: it may quote the secret.
		return webhook.Secrets{}, webhook.Errorf(webhook.Corrupt, "the webhook's secrets could not be read")
	}
	return s, nil
}

func (v *Vault) seal(ctx context.Context, bound, plain []byte) ([]byte, error) {
	k, err := v.keys.current(ctx)
	if err != nil {
		return nil, err
	}
	header := make([]byte, headerSize, headerSize+len(plain)+tagSize)
	header[0] = formatVersion
	if _, err := hex.Decode(header[1:1+keyIDSize], []byte(k.id)); err != nil || len(k.id) != 2*keyIDSize {
		return nil, webhook.Errorf(webhook.Corrupt, "a data key has an unknown id")
	}
	nonce := header[1+keyIDSize:]
	if _, err := io.ReadFull(v.rand, nonce); err != nil {
		return nil, webhook.Wrap(webhook.Internal, err, "the random source failed")
	}
	return k.aead.Seal(header, nonce, plain, bound), nil
}

func (v *Vault) open(ctx context.Context, bound, sealed []byte) ([]byte, error) {
	if len(sealed) < headerSize+tagSize || sealed[0] != formatVersion {
		return nil, webhook.Errorf(webhook.Corrupt, "a sealed value has an unknown format")
	}
	k, err := v.keys.get(ctx, hex.EncodeToString(sealed[1:1+keyIDSize]))
	if err != nil {
		return nil, err
	}
	plain, err := k.aead.Open(nil, sealed[1+keyIDSize:headerSize], sealed[headerSize:], bound)
	return plain, webhook.Wrap(webhook.Corrupt, err, "a sealed value could not be opened")
}

// additionalData binds a ciphertext to what it is for. Each part is preceded by its length, so that no two lists of
// parts give the same bytes.
func additionalData(parts ...string) []byte {
	var b []byte
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return b
}
