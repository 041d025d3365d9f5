package portal

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"io"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// A credential is a prefix that names its kind, 16 characters of key id, and 56 characters that hold a 256-bit secret
// and a 24-bit checksum, all in Crockford's base32. The checksum tells a mistyped credential from a wrong one without a
// look-up, and lets scanners of leaked text be sure. Ten and 35 bytes fill their characters without a bit to spare, so
// a credential has one spelling.
const (
	apiKeyPrefix  = "crk_"
	sessionPrefix = "crs_"

	keyIDBytes  = 10
	secretBytes = 32
	sumBytes    = 3

	prefixLen     = len(apiKeyPrefix)
	keyIDLen      = keyIDBytes * 8 / 5
	credentialLen = prefixLen + keyIDLen + (secretBytes+sumBytes)*8/5
)

var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// idPrefix is what the stored id of a credential begins with. It differs by kind: a token of one kind never finds a
// credential of the other.
func idPrefix(kind webhook.CredentialKind) string {
	if kind == webhook.PortalSession {
		return "ses_"
	}
	return "key_"
}

// newCredential makes a credential and returns it with its text, which is shown once and not stored.
func newCredential(random io.Reader, kind webhook.CredentialKind, partnerID string, now time.Time) (webhook.Credential, string, error) {
	raw := make([]byte, keyIDBytes+secretBytes)
	if _, err := io.ReadFull(random, raw); err != nil {
		return webhook.Credential{}, "", fmt.Errorf("reading random bytes: %w", err)
	}
	prefix := apiKeyPrefix
	if kind == webhook.PortalSession {
		prefix = sessionPrefix
	}
	id := crockford.EncodeToString(raw[:keyIDBytes])
	secret := raw[keyIDBytes:]
	text := prefix + id + crockford.EncodeToString(append(secret, checksum(prefix+id, secret)...))
	return webhook.Credential{
		ID: idPrefix(kind) + id, PartnerID: partnerID, Kind: kind, SecretHash: sha256.Sum256([]byte(text)), CreatedAt: now,
	}, text, nil
}

// parseCredential returns the stored id that a credential's text names; ok is false for what no credential looks like.
func parseCredential(text string) (id string, kind webhook.CredentialKind, ok bool) {
	if len(text) != credentialLen {
		return "", "", false
	}
	switch text[:prefixLen] {
	case apiKeyPrefix:
		kind = webhook.APIKey
	case sessionPrefix:
		kind = webhook.PortalSession
	default:
		return "", "", false
	}
	head, tail := text[:prefixLen+keyIDLen], text[prefixLen+keyIDLen:]
	if !spelled(head[prefixLen:]) || !spelled(tail) {
		return "", "", false
	}
	raw, err := crockford.DecodeString(tail)
	if err != nil || string(raw[secretBytes:]) != string(checksum(head, raw[:secretBytes])) {
		return "", "", false
	}
	return idPrefix(kind) + head[prefixLen:], kind, true
}

// spelled tells whether s is exactly what the encoder would write. The decoder alone skips line breaks.
func spelled(s string) bool {
	raw, err := crockford.DecodeString(s)
	return err == nil && crockford.EncodeToString(raw) == s
}

func checksum(head string, secret []byte) []byte {
	sum := sha256.Sum256(append([]byte(head), secret...))
	return sum[:sumBytes]
}

// validKeyID tells whether s could be the id of an API key.
func validKeyID(s string) bool {
	prefix := idPrefix(webhook.APIKey)
	return len(s) == len(prefix)+keyIDLen && s[:len(prefix)] == prefix && spelled(s[len(prefix):])
}
