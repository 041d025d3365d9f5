package portal

import (
	"context"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// admin is the administration, for DevOps and for the partner portal's own server.
type admin struct {
	cfg     AdminConfig
	ids     webhook.IDSource
	cursors cursors
	front   *front
}

const (
	partnerPath = "/admin/partners/{partnerId}"
	keysPath    = partnerPath + "/api-keys"
)

func newAdmin(c AdminConfig) *admin {
	a := &admin{
		cfg: c, ids: webhook.IDSource{Now: c.Now, Rand: c.Rand}, cursors: cursors{vault: c.Vault, now: c.Now},
	}
	rs := newRoutes("Verification webhooks: administration", c.Version, "")
	a.partnerRoutes(rs)
	a.credentialRoutes(rs)
	a.parkedRoutes(rs)
	a.front = &front{now: c.Now, log: c.Log, event: "admin.request", admit: admitIAM, mux: rs.mux, bodies: rs.bodies}
	return a
}

// admitIAM refuses a request that the gateway did not authenticate, in case the gateway is set up wrongly.
func admitIAM(r *http.Request, c *call) error {
	arn := CallerFrom(r.Context()).IAMUserARN
	if arn == "" && requireIAM {
		return webhook.Errorf(webhook.Forbidden, "The administration needs an IAM identity.")
	}
	c.keyID = arn
	return nil
}

type partnerView struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	Suspended    bool      `json:"suspended"`
	WebhookCount int       `json:"webhookCount"`
	CreatedAt    time.Time `json:"createdAt"`
	UpdatedAt    time.Time `json:"updatedAt"`
}

func partnerViewOf(p *webhook.Partner) partnerView {
	return partnerView{
		ID: p.ID, Name: p.Name, Suspended: p.Suspended, WebhookCount: p.WebhookCount,
		CreatedAt: shownTime(p.CreatedAt), UpdatedAt: shownTime(p.UpdatedAt),
	}
}

type partnerOutput struct{ Body partnerView }

// PartnerParam is the partner in a path. It is exported because huma reads it by reflection.
type PartnerParam struct {
	PartnerID string `path:"partnerId"`
}

func (a *admin) partnerRoutes(rs *routes) {
	register(rs, huma.Operation{
		OperationID: "createPartner", Method: http.MethodPost, Path: "/admin/partners", DefaultStatus: http.StatusCreated,
	}, jsonBody, a.createPartner)
	register(rs, huma.Operation{OperationID: "listPartners", Method: http.MethodGet, Path: "/admin/partners"}, noBody, a.listPartners)
	register(rs, huma.Operation{OperationID: "getPartner", Method: http.MethodGet, Path: partnerPath}, noBody, a.getPartner)
	register(rs, huma.Operation{OperationID: "updatePartner", Method: http.MethodPatch, Path: partnerPath}, patchBody, a.updatePartner)
}

type createPartnerInput struct {
	Body struct {
		ID   string `json:"id,omitempty" maxLength:"64" doc:"The partnerId of the verification records; generated if left out."`
		Name string `json:"name" maxLength:"200"`
	} `nameHint:"CreatePartnerBody"`
}

func (a *admin) createPartner(ctx context.Context, in *createPartnerInput) (*partnerOutput, error) {
	now := a.cfg.Now()
	p := webhook.Partner{ID: in.Body.ID, Name: in.Body.Name, CreatedAt: now, UpdatedAt: now}
	if p.ID == "" {
		p.ID = a.ids.Partner()
	}
	if !webhook.ValidPartnerID(p.ID) {
		return nil, webhook.FieldErrorf("body.id", "must have 1 to 64 of the characters a-z A-Z 0-9 . _ -")
	}
	if err := checkPartnerName(p.Name); err != nil {
		return nil, err
	}
	callFrom(ctx).partnerID = p.ID
	err := a.cfg.Store.Commit(ctx, webhook.Change{Partner: &p})
	if webhook.CodeOf(err) == webhook.Conflict {
		return nil, webhook.Errorf(webhook.Conflict, "There is a partner with this id already.")
	}
	return &partnerOutput{Body: partnerViewOf(&p)}, err
}

func checkPartnerName(name string) error {
	if strings.TrimSpace(name) == "" {
		return webhook.FieldErrorf("body.name", "must have 1 to %d characters", webhook.MaxPartnerName)
	}
	for _, r := range name {
		if unicode.IsControl(r) {
			return webhook.FieldErrorf("body.name", "must hold no control characters")
		}
	}
	return nil
}

type listPartnersOutput struct{ Body list[partnerView] }

func (a *admin) listPartners(ctx context.Context, in *PageParams) (*listPartnersOutput, error) {
	page, err := a.cursors.page(ctx, *in, "admin", "partners")
	if err != nil {
		return nil, err
	}
	items, after, err := a.cfg.Store.Partners(ctx, page)
	if err != nil {
		return nil, err
	}
	out := &listPartnersOutput{Body: list[partnerView]{Items: []partnerView{}}}
	for i := range items {
		out.Body.Items = append(out.Body.Items, partnerViewOf(&items[i]))
	}
	out.Body.NextCursor, err = a.cursors.next(ctx, after, "admin", "partners")
	return out, err
}

// partner returns a partner. What can't be an id reads as NotFound.
func (a *admin) partner(ctx context.Context, id string) (webhook.Partner, error) {
	if !webhook.ValidPartnerID(id) {
		return webhook.Partner{}, webhook.Errorf(webhook.NotFound, notFoundText)
	}
	callFrom(ctx).partnerID = id
	return a.cfg.Store.Partner(ctx, id)
}

func (a *admin) getPartner(ctx context.Context, in *PartnerParam) (*partnerOutput, error) {
	p, err := a.partner(ctx, in.PartnerID)
	return &partnerOutput{Body: partnerViewOf(&p)}, err
}

type updatePartnerInput struct {
	PartnerParam
	Body struct {
		Name      *string `json:"name,omitempty" maxLength:"200"`
		Suspended *bool   `json:"suspended,omitempty" doc:"A suspended partner's events are held, its API answers 403, its portal sessions end. false delivers what was held."`
	} `contentType:"application/merge-patch+json" nameHint:"UpdatePartnerBody"`
}

func (a *admin) updatePartner(ctx context.Context, in *updatePartnerInput) (*partnerOutput, error) {
	for range writeTries {
		p, err := a.partner(ctx, in.PartnerID)
		if err != nil {
			return nil, err
		}
		before := p
		if in.Body.Name != nil {
			if err := checkPartnerName(*in.Body.Name); err != nil {
				return nil, err
			}
			p.Name = *in.Body.Name
		}
		if in.Body.Suspended != nil {
			p.Suspended = *in.Body.Suspended
		}
		if p.Name == before.Name && p.Suspended == before.Suspended {
			return &partnerOutput{Body: partnerViewOf(&p)}, nil
		}
		p.UpdatedAt = a.cfg.Now()
		if p.Suspended && !before.Suspended {
			p.SessionsEndedAt = p.UpdatedAt
		}
		change := webhook.Change{Partner: &p}
		var messages []webhook.Message
		if before.Suspended && !p.Suspended {
			if change.Jobs, messages, err = a.drains(ctx, p.ID); err != nil {
				return nil, err
			}
		}
		err = a.cfg.Store.Commit(ctx, change)
		if err == nil {
			sendStored(ctx, a.cfg.Queue, messages...)
		}
		if webhook.CodeOf(err) != webhook.Conflict {
			return &partnerOutput{Body: partnerViewOf(&p)}, err
		}
	}
	return nil, webhook.Errorf(webhook.Conflict, "Other requests are changing the partner. Try again.")
}
