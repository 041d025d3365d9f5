package portal

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// defaultSession is how long a portal session lasts unless its maker says otherwise; 12 hours is the most.
const defaultSession = time.Hour

func (a *admin) credentialRoutes(rs *routes) {
	register(rs, huma.Operation{
		OperationID: "createAPIKey", Method: http.MethodPost, Path: keysPath, DefaultStatus: http.StatusCreated,
	}, optionalBody, a.createKey)
	register(rs, huma.Operation{OperationID: "listAPIKeys", Method: http.MethodGet, Path: keysPath}, noBody, a.listKeys)
	register(rs, huma.Operation{OperationID: "deleteAPIKey", Method: http.MethodDelete, Path: keysPath + "/{keyId}"}, noBody, a.deleteKey)
	register(rs, huma.Operation{
		OperationID: "createPortalSession", Method: http.MethodPost, Path: partnerPath + "/portal-sessions",
		DefaultStatus: http.StatusCreated,
	}, optionalBody, a.createSession)
}

// KeyView is an API key without its secret.
type KeyView struct {
	ID        string    `json:"id"`
	Name      *string   `json:"name"`
	CreatedAt time.Time `json:"createdAt"`
}

func keyViewOf(c *webhook.Credential) KeyView {
	return KeyView{ID: c.ID, Name: textOrNull(c.Name), CreatedAt: shownTime(c.CreatedAt)}
}

type createKeyInput struct {
	PartnerParam
	Body *struct {
		Name string `json:"name,omitempty" maxLength:"200"`
	} `nameHint:"CreateKeyBody"`
}

type createKeyOutput struct {
	Body struct {
		KeyView
		Key string `json:"key" doc:"The API key. It is shown here only."`
	} `nameHint:"CreatedKey"`
}

// issue makes and stores a credential and returns it with its text. set completes it before it is stored.
func (a *admin) issue(ctx context.Context, kind webhook.CredentialKind, partnerID string, set func(*webhook.Credential)) (webhook.Credential, string, error) {
	c, text, err := newCredential(a.cfg.Rand, kind, partnerID, a.cfg.Now())
	if err != nil {
		return c, "", err
	}
	set(&c)
	callFrom(ctx).keyID = c.ID
	return c, text, a.cfg.Store.Commit(ctx, webhook.Change{AddCredential: &c})
}

func (a *admin) createKey(ctx context.Context, in *createKeyInput) (*createKeyOutput, error) {
	p, err := a.partner(ctx, in.PartnerID)
	if err != nil {
		return nil, err
	}
	c, text, err := a.issue(ctx, webhook.APIKey, p.ID, func(c *webhook.Credential) {
		if in.Body != nil {
			c.Name = in.Body.Name
		}
	})
	if err != nil {
		return nil, err
	}
	out := &createKeyOutput{}
	out.Body.KeyView, out.Body.Key = keyViewOf(&c), text
	return out, nil
}

type listKeysInput struct {
	PartnerParam
	PageParams
}

type listKeysOutput struct{ Body list[KeyView] }

func (a *admin) listKeys(ctx context.Context, in *listKeysInput) (*listKeysOutput, error) {
	p, err := a.partner(ctx, in.PartnerID)
	if err != nil {
		return nil, err
	}
	page, err := a.cursors.page(ctx, in.PageParams, "admin", "api-keys", p.ID)
	if err != nil {
		return nil, err
	}
	items, after, err := a.cfg.Store.Credentials(ctx, p.ID, page)
	if err != nil {
		return nil, err
	}
	out := &listKeysOutput{Body: list[KeyView]{Items: []KeyView{}}}
	for i := range items {
		out.Body.Items = append(out.Body.Items, keyViewOf(&items[i]))
	}
	out.Body.NextCursor, err = a.cursors.next(ctx, after, "admin", "api-keys", p.ID)
	return out, err
}

type deleteKeyInput struct {
	PartnerParam
	KeyID string `path:"keyId"`
}

// deleteKey revokes an API key: the next request with it is refused.
func (a *admin) deleteKey(ctx context.Context, in *deleteKeyInput) (*struct{}, error) {
	if !webhook.ValidPartnerID(in.PartnerID) || !validKeyID(in.KeyID) {
		return nil, webhook.Errorf(webhook.NotFound, notFoundText)
	}
	c := callFrom(ctx)
	c.partnerID, c.keyID = in.PartnerID, in.KeyID
	return nil, a.cfg.Store.RemoveCredential(ctx, in.PartnerID, in.KeyID)
}

type createSessionInput struct {
	PartnerParam
	Body *struct {
		ExpiresInSeconds int `json:"expiresInSeconds,omitempty" minimum:"60" maximum:"43200" default:"3600"`
	} `nameHint:"CreateSessionBody"`
}

type createSessionOutput struct {
	Body struct {
		Token     string    `json:"token" doc:"The session's token. It is shown here only."`
		ExpiresAt time.Time `json:"expiresAt"`
		URL       string    `json:"url" doc:"The console with the token in the fragment, which browsers do not send."`
	} `nameHint:"CreatedSession"`
}

func (a *admin) createSession(ctx context.Context, in *createSessionInput) (*createSessionOutput, error) {
	p, err := a.partner(ctx, in.PartnerID)
	if err != nil {
		return nil, err
	}
	if p.Suspended {
		return nil, webhook.Errorf(webhook.Conflict, "The partner is suspended.")
	}
	life := defaultSession
	if in.Body != nil && in.Body.ExpiresInSeconds > 0 {
		life = time.Duration(in.Body.ExpiresInSeconds) * time.Second
	}
	c, text, err := a.issue(ctx, webhook.PortalSession, p.ID, func(c *webhook.Credential) {
		c.ExpiresAt = c.CreatedAt.Add(life)
	})
	if err != nil {
		return nil, err
	}
	out := &createSessionOutput{}
	out.Body.Token, out.Body.ExpiresAt = text, shownTime(c.ExpiresAt)
	out.Body.URL = a.consoleURL(ctx) + "#token=" + text
	return out, nil
}

func (a *admin) consoleURL(ctx context.Context) string {
	if a.cfg.ConsoleURL != "" {
		return a.cfg.ConsoleURL
	}
	return CallerFrom(ctx).BaseURL + "/console/"
}
