package portal

import (
	"context"
	"encoding/binary"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// portal is the partners' API.
type portal struct {
	cfg     Config
	ids     webhook.IDSource
	cursors cursors
	front   *front
}

// A write that lost against another is decided anew, up to writeTries times, each after a random wait of up to
// firstWait that doubles up to maxWait: many creations at once by one partner must all come through.
const (
	writeTries = 16
	firstWait  = 10 * time.Millisecond
	maxWait    = 320 * time.Millisecond
)

var errBusy = webhook.Errorf(webhook.Conflict, "Other requests are changing the same thing. Try again.")

// backOff waits before another try of a write; the first, 0, needs no wait.
func (p *portal) backOff(ctx context.Context, try int) {
	if try == 0 {
		return
	}
	var b [2]byte
	// A source that fails leaves no jitter, and the next thing that needs it fails.
	_, _ = io.ReadFull(p.cfg.Rand, b[:])
	longest := min(firstWait<<(try-1), maxWait)
	p.cfg.Sleep(ctx, longest*time.Duration(binary.BigEndian.Uint16(b[:]))/(1<<16))
}

func newPortal(c Config) *portal {
	p := &portal{
		cfg: c, ids: webhook.IDSource{Now: c.Now, Rand: c.Rand}, cursors: cursors{vault: c.Vault, now: c.Now},
	}
	rs := newRoutes("Verification webhooks", c.Version, apiDescription)
	rs.security = []map[string][]string{{"apiKey": {}}, {"portalSession": {}}}
	rs.errors = []int{
		http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusServiceUnavailable,
	}
	rs.api.OpenAPI().Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"apiKey":        {Type: "http", Scheme: "bearer", BearerFormat: "crk_...", Description: "An API key. It begins with crk_."},
		"portalSession": {Type: "http", Scheme: "bearer", BearerFormat: "crs_...", Description: "A portal session's token, valid for hours. It begins with crs_."},
	}
	p.webhookRoutes(rs)
	p.lifecycleRoutes(rs)
	p.secretRoutes(rs)
	p.templateRoutes(rs)
	p.deliveryRoutes(rs)
	p.resendRoutes(rs)
	p.recoverRoutes(rs)
	p.statsRoutes(rs)
	eventTypeRoutes(rs)
	p.front = &front{
		now: c.Now, log: c.Log, event: "api.request", public: publicPages(rs.api.OpenAPI(), c.FrameAncestors), admit: p.admit,
		mux: rs.mux, bodies: rs.bodies,
	}
	return p
}

const apiDescription = `Manage the endpoints that verification events are sent to, and see what became of each event.

Names are camelCase and exact, times are RFC 3339 in UTC. Failures are RFC 9457 problem documents.
The header Account-Id of an answer says whose the key or session is.`

const webhookPath = "/v1/webhooks/{webhookId}"

func (p *portal) webhookRoutes(rs *routes) {
	register(rs, huma.Operation{
		OperationID: "createWebhook", Method: http.MethodPost, Path: "/v1/webhooks", Tags: []string{"webhooks"},
		Summary: "Create a webhook", Description: "The answer holds the signing secret. It is shown here only.",
		DefaultStatus: http.StatusCreated, Errors: []int{http.StatusConflict},
	}, jsonBody, p.create)
	register(rs, huma.Operation{
		OperationID: "listWebhooks", Method: http.MethodGet, Path: "/v1/webhooks", Tags: []string{"webhooks"},
		Summary: "List the webhooks", Errors: []int{http.StatusBadRequest},
	}, noBody, p.list)
	register(rs, huma.Operation{
		OperationID: "getWebhook", Method: http.MethodGet, Path: webhookPath, Tags: []string{"webhooks"},
		Summary: "Get a webhook", Errors: []int{http.StatusNotFound},
	}, noBody, p.get)
	register(rs, huma.Operation{
		OperationID: "updateWebhook", Method: http.MethodPatch, Path: webhookPath, Tags: []string{"webhooks"},
		Summary: "Change a webhook", Description: "A JSON merge patch (RFC 7396): what is left out stays, null removes.",
		Errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed},
	}, patchBody, p.update)
	register(rs, huma.Operation{
		OperationID: "deleteWebhook", Method: http.MethodDelete, Path: webhookPath, Tags: []string{"webhooks"},
		Summary: "Delete a webhook", Description: "Its waiting deliveries are cancelled and its secret is destroyed.",
		Errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed},
	}, noBody, p.remove)
}

// WebhookParam names a webhook in a path.
type WebhookParam struct {
	WebhookID string `path:"webhookId" doc:"The webhook's id." example:"whk_01jd3v9x7k2m4n6p8q0r2s4t6v"`
}

// load returns one of the caller's webhooks and the caller. What is absent, another partner's or not even an id all
// reads as NotFound.
func (p *portal) load(ctx context.Context, webhookID string) (webhook.Partner, webhook.Webhook, error) {
	if !webhook.ValidWebhookID(webhookID) {
		return webhook.Partner{}, webhook.Webhook{}, webhook.Errorf(webhook.NotFound, notFoundText)
	}
	return p.cfg.Store.Webhook(ctx, callFrom(ctx).partnerID, webhookID)
}

type listWebhooksInput struct{ PageParams }

type listWebhooksOutput struct{ Body list[WebhookView] }

func (p *portal) list(ctx context.Context, in *listWebhooksInput) (*listWebhooksOutput, error) {
	partnerID := callFrom(ctx).partnerID
	scope := []string{partnerID, "webhooks"}
	page, err := p.cursors.page(ctx, in.PageParams, scope...)
	if err != nil {
		return nil, err
	}
	ws, after, err := p.cfg.Store.Webhooks(ctx, partnerID, page)
	if err != nil {
		return nil, err
	}
	out := &listWebhooksOutput{}
	if out.Body.Items, err = p.views(ctx, ws); err != nil {
		return nil, err
	}
	out.Body.NextCursor, err = p.cursors.next(ctx, after, scope...)
	return out, err
}

func (p *portal) get(ctx context.Context, in *WebhookParam) (*webhookAnswer, error) {
	_, w, err := p.load(ctx, in.WebhookID)
	if err != nil {
		return nil, err
	}
	return p.answerWith(ctx, &w)
}
