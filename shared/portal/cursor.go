package portal

import (
	"context"
	"encoding/base64"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// cursorLife is how long a list can be continued.
const cursorLife = 24 * time.Hour

// PageParams are the query parameters of every list.
type PageParams struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"The most items in the answer. There may be fewer, and still more to come."`
	Cursor string `query:"cursor" maxLength:"4096" doc:"The nextCursor of the answer before, with the same filters. Valid for 24 hours."`
}

// list is a part of a list.
type list[T any] struct {
	Items      []T     `json:"items" nullable:"false" doc:"The items."`
	NextCursor *string `json:"nextCursor" doc:"What continues the list; null at its end."`
}

// positionVersion stands in every position; one without it is of the first. A position of a later release is refused: its
// list begins anew.
const positionVersion = 1

// position is the plain text of a cursor.
type position struct {
	Version   int       `json:"v"`
	After     []byte    `json:"after"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// parsePosition reads what a cursor holds. Corrupt if a later release made it.
func parsePosition(plain []byte) (position, error) {
	var p position
	if err := json.Unmarshal(plain, &p); err != nil {
		return p, webhook.Wrap(webhook.Internal, err, "reading a cursor")
	}
	if p.Version > positionVersion {
		return p, webhook.Errorf(webhook.Corrupt, "a cursor has the version %d, a later release's: this one reads up to %d", p.Version, positionVersion)
	}
	return p, nil
}

// cursors make and read cursors. A cursor is a position of the store, sealed under the list it belongs to: it shows
// nothing, and is good for no other partner, route or filter.
type cursors struct {
	vault Vault
	now   func() time.Time
}

// page returns the part of the list that the caller asks for. scope names the list: the partner, route and filters.
func (c cursors) page(ctx context.Context, in PageParams, scope ...string) (webhook.Page, error) {
	page := webhook.Page{Limit: in.Limit}
	if in.Cursor == "" {
		return page, nil
	}
	const unusable = "is not a cursor of this list, or has expired"
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(in.Cursor)
	if err != nil {
		return page, badRequest("query.cursor", unusable)
	}
	purpose, err := cursorPurpose(scope)
	if err != nil {
		return page, err
	}
	plain, err := c.vault.Open(ctx, purpose, sealed)
	if webhook.CodeOf(err) == webhook.Corrupt {
		return page, badRequest("query.cursor", unusable)
	}
	if err != nil {
		return page, err
	}
	p, err := parsePosition(plain)
	if webhook.CodeOf(err) == webhook.Corrupt {
		return page, badRequest("query.cursor", "was made by another release of this service: begin the list anew")
	}
	if err != nil {
		return page, err
	}
	if !c.now().Before(p.ExpiresAt) {
		return page, badRequest("query.cursor", unusable)
	}
	page.After = p.After
	return page, nil
}

// next returns the cursor for a store's position, nil for none.
func (c cursors) next(ctx context.Context, after []byte, scope ...string) (*string, error) {
	if after == nil {
		return nil, nil
	}
	plain, err := json.Marshal(position{Version: positionVersion, After: after, ExpiresAt: c.now().Add(cursorLife)})
	if err != nil {
		return nil, err
	}
	purpose, err := cursorPurpose(scope)
	if err != nil {
		return nil, err
	}
	sealed, err := c.vault.Seal(ctx, purpose, plain)
	if err != nil {
		return nil, err
	}
	text := base64.RawURLEncoding.EncodeToString(sealed)
	return &text, nil
}

// cursorPurpose joins the scope so that no two scopes have the same text.
func cursorPurpose(scope []string) (string, error) {
	b, err := json.Marshal(append([]string{"cursor"}, scope...))
	return string(b), err
}
