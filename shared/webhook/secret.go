package webhook

import (
	"encoding/base64"
	"io"
	"strings"
)

// SecretPrefix marks a secret whose key is base64, as Standard Webhooks libraries need it.
const SecretPrefix = "whsec_"

// NewSecret generates a signing secret: 32 bytes from rand, a cryptographic source.
func NewSecret(rand io.Reader) string {
	key := make([]byte, 32)
	mustRead(rand, key)
	return SecretPrefix + base64.StdEncoding.EncodeToString(key)
}

// CheckSecret refuses a partner's own secret that is too weak or cannot be used: 24 to 128 printable ASCII characters;
// with the prefix `whsec_`, base64 of 24 to 64 bytes.
func CheckSecret(field, s string) error {
	if rest, ok := strings.CutPrefix(s, SecretPrefix); ok {
		key, err := base64.StdEncoding.Strict().DecodeString(rest)
		if err != nil || strings.ContainsAny(rest, "\r\n") {
			return FieldErrorf(field, "must be standard base64 with padding after %q", SecretPrefix)
		}
		if len(key) < 24 || len(key) > 64 {
			return FieldErrorf(field, "must hold 24 to 64 bytes of base64 after %q", SecretPrefix)
		}
		return nil
	}
	if len(s) < 24 || len(s) > 128 {
		return FieldErrorf(field, "must have 24 to 128 characters")
	}
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] > 0x7e {
			return FieldErrorf(field, "must be printable ASCII")
		}
	}
	return nil
}

// HintOf returns what may be shown of a secret: its last four characters, or nothing of one that has fewer than 12, as
// secrets from an older system may.
func HintOf(secret string) string {
	characters := []rune(secret)
	if len(characters) < 12 {
		return "…"
	}
	return "…" + string(characters[len(characters)-4:])
}
