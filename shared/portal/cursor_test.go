package portal

import (
	"encoding/base64"
	"encoding/json"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/storetest/forms"
)

// TestForms holds what a cursor says to the golden files of all releases.
func TestForms(t *testing.T) {
	p := position{Version: positionVersion, After: []byte("whk_1"), ExpiresAt: time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)}
	written, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	forms.Run(t, positionVersion, map[string]forms.Form{
		"cursor": {Written: written, Read: func(b []byte) (any, error) { return parsePosition(b) }},
	})
}

// TestCursorOfAnotherRelease: an older one has no version and goes on; a later one's list begins anew.
func TestCursorOfAnotherRelease(t *testing.T) {
	w := newWorld(t)
	c := cursors{vault: w.vault, now: func() time.Time { return w.now }}
	page := func(plain string) (string, error) {
		purpose, err := cursorPurpose([]string{"list"})
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := w.vault.Seal(t.Context(), purpose, []byte(plain))
		if err != nil {
			t.Fatal(err)
		}
		p, err := c.page(t.Context(), PageParams{Cursor: base64.RawURLEncoding.EncodeToString(sealed)}, "list")
		return string(p.After), err
	}
	if after, err := page(`{"after":"d2hrXzE=","expiresAt":"9999-01-01T00:00:00Z"}`); err != nil || after != "whk_1" {
		t.Errorf("without a version: %q, %v", after, err)
	}
	if after, err := page(`{"v":1,"later":{},"after":"d2hrXzE=","expiresAt":"9999-01-01T00:00:00Z"}`); err != nil || after != "whk_1" {
		t.Errorf("with a member that came later: %q, %v", after, err)
	}
	if after, err := page(`{"v":2,"after":"d2hrXzE=","expiresAt":"9999-01-01T00:00:00Z"}`); err == nil {
		t.Errorf("a later release's is read as %q", after)
	}
}
