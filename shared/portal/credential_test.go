package portal

import (
	"crypto/rand"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func TestCredentialRoundTrip(t *testing.T) {
	for kind, prefixes := range map[webhook.CredentialKind][2]string{
		webhook.APIKey: {"crk_", "key_"}, webhook.PortalSession: {"crs_", "ses_"},
	} {
		c, text, err := newCredential(rand.Reader, kind, "acme", worldStart)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(text, prefixes[0]) || !strings.HasPrefix(c.ID, prefixes[1]) || c.Kind != kind {
			t.Fatalf("%s: text begins %q, id %q, kind %q", kind, text[:4], c.ID, c.Kind)
		}
		if c.SecretHash != sha256.Sum256([]byte(text)) || c.PartnerID != "acme" || !c.CreatedAt.Equal(worldStart) {
			t.Fatalf("%+v", c)
		}
		id, gotKind, ok := parseCredential(text)
		if !ok || id != c.ID || gotKind != kind {
			t.Fatalf("parsed %q %q %v", id, gotKind, ok)
		}
	}
}

// No change of one character, and no addition, makes another text that is looked up.
func TestCredentialHasOneSpelling(t *testing.T) {
	_, text, err := newCredential(rand.Reader, webhook.APIKey, "acme", worldStart)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(text) {
		for _, c := range []byte("0123456789abcdefghijklmnopqrstuvwxyzABCOIL_-=\n\r \x00\xff") {
			changed := text[:i] + string([]byte{c}) + text[i+1:]
			if changed == text {
				continue
			}
			if _, _, ok := parseCredential(changed); ok {
				t.Errorf("accepted with %q in place of character %d", c, i)
			}
		}
	}
	for name, s := range map[string]string{
		"empty": "", "prefix": "crk_", "longer": text + "0", "shorter": text[:len(text)-1], "padding": text + "=",
		"line feed": text + "\n", "leading space": " " + text, "upper case": strings.ToUpper(text),
		"line feeds":     text[:20] + strings.Repeat("\n", credentialLen-20),
		"session prefix": "crs_" + text[4:], "line feed inside": text[:30] + "\n" + text[30:],
	} {
		if _, _, ok := parseCredential(s); ok {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Whatever is accepted is exactly what its parts are written as.
func FuzzParseCredential(f *testing.F) {
	_, key, err := newCredential(rand.Reader, webhook.APIKey, "acme", worldStart)
	if err != nil {
		f.Fatal(err)
	}
	_, session, err := newCredential(rand.Reader, webhook.PortalSession, "acme", worldStart)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{key, session, "", "crk_", strings.Repeat("0", credentialLen), key[:40] + "\n" + key[41:]} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, kind, ok := parseCredential(s)
		if !ok {
			return
		}
		raw, err := crockford.DecodeString(s[prefixLen+keyIDLen:])
		if err != nil || len(raw) != secretBytes+sumBytes {
			t.Fatalf("accepted what does not decode: %q", s)
		}
		if again := s[:prefixLen] + strings.TrimPrefix(id, idPrefix(kind)) + crockford.EncodeToString(raw); again != s {
			t.Fatalf("second spelling: %q of %q", s, again)
		}
	})
}
