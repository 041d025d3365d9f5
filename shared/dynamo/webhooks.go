package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

type webhookItem struct {
	header
	Rev            int64
	PartnerID      string
	ID             string
	URL            string
	Active         bool
	Generation     int64
	Description    string
	EventTypes     []webhook.EventType
	TypeNaming     string
	AuthHeaderName string
	Sealed         []byte
	SecretHint     string
	Rotation       *rotationItem
	Template       []byte
	TemplateAt     int64
	Deactivation   *deactivationItem
	EverActive     bool
	OffGeneration  int64
	AutoReactivate bool
	DiscardBelow   int64
	CreatedAt      int64
	UpdatedAt      int64
	Kept           webhook.Kept
}

func (i *webhookItem) fields(c *coder) {
	i.header.fields(c)
	c.int64("rev", &i.Rev, always)
	c.text("p", &i.PartnerID, always)
	c.text("id", &i.ID, always)
	c.text("u", &i.URL, ifSet)
	c.flag("ac", &i.Active)
	c.int64("g", &i.Generation, ifSet)
	c.text("de", &i.Description, ifSet)
	texts(c, "et", &i.EventTypes)
	c.text("tn", &i.TypeNaming, ifSet)
	c.text("ah", &i.AuthHeaderName, ifSet)
	c.bytes("se", &i.Sealed, ifSet)
	c.text("sh", &i.SecretHint, ifSet)
	one(c, "ro", &i.Rotation)
	c.bytes("pt", &i.Template, ifSet)
	c.int64("pa", &i.TemplateAt, ifSet)
	one(c, "da", &i.Deactivation)
	c.flag("ea", &i.EverActive)
	c.int64("og", &i.OffGeneration, ifSet)
	c.flag("ar", &i.AutoReactivate)
	c.int64("db", &i.DiscardBelow, ifSet)
	c.int64("ca", &i.CreatedAt, ifSet)
	c.int64("ua", &i.UpdatedAt, ifSet)
	c.rest(i, &i.Kept)
}

type deactivationItem struct {
	At         int64
	Reason     string
	DeliveryID string
}

func (i *deactivationItem) fields(c *coder) {
	c.int64("at", &i.At, ifSet)
	c.text("re", &i.Reason, ifSet)
	c.text("d", &i.DeliveryID, ifSet)
}

type rotationItem struct {
	EndsAt     int64
	SecretHint string
}

func (i *rotationItem) fields(c *coder) {
	c.int64("at", &i.EndsAt, ifSet)
	c.text("sh", &i.SecretHint, ifSet)
}

func newWebhookItem(w *webhook.Webhook, token string) *webhookItem {
	i := &webhookItem{
		header: headerOf(webhookKey(w.PartnerID, w.ID), token, noExpiry), Rev: w.Rev + 1,
		PartnerID: w.PartnerID, ID: w.ID, URL: w.URL, Active: w.Active, Generation: w.Generation,
		Description: w.Description, EventTypes: w.EventTypes, TypeNaming: string(w.TypeNaming),
		AuthHeaderName: w.AuthHeaderName, Sealed: w.Sealed, SecretHint: w.SecretHint,
		Template: packBody([]byte(w.PayloadTemplate)), TemplateAt: nanos(w.TemplateAt),
		EverActive: w.EverActive, OffGeneration: w.OffGeneration, AutoReactivate: w.AutoReactivate,
		DiscardBelow: w.DiscardBelow, CreatedAt: nanos(w.CreatedAt), UpdatedAt: nanos(w.UpdatedAt), Kept: w.Kept,
	}
	if d := w.Deactivation; d != nil {
		i.Deactivation = &deactivationItem{At: nanos(d.At), Reason: string(d.Reason), DeliveryID: d.DeliveryID}
	}
	if r := w.Rotation; r != nil {
		i.Rotation = &rotationItem{EndsAt: nanos(r.EndsAt), SecretHint: r.SecretHint}
	}
	return i
}

func (i *webhookItem) webhook() (webhook.Webhook, error) {
	template, err := unpackBody(i.Template)
	if err != nil {
		return webhook.Webhook{}, err
	}
	w := webhook.Webhook{
		PartnerID: i.PartnerID, ID: i.ID, URL: i.URL, Active: i.Active, Generation: i.Generation,
		Description: i.Description, EventTypes: i.EventTypes, TypeNaming: webhook.TypeNaming(i.TypeNaming),
		AuthHeaderName: i.AuthHeaderName, Sealed: i.Sealed, SecretHint: i.SecretHint,
		PayloadTemplate: string(template), TemplateAt: fromNanos(i.TemplateAt),
		EverActive: i.EverActive, OffGeneration: i.OffGeneration, AutoReactivate: i.AutoReactivate,
		DiscardBelow: i.DiscardBelow,
		CreatedAt:    fromNanos(i.CreatedAt), UpdatedAt: fromNanos(i.UpdatedAt), Rev: i.Rev, Kept: i.Kept,
	}
	if d := i.Deactivation; d != nil {
		w.Deactivation = &webhook.Deactivation{
			At: fromNanos(d.At), Reason: webhook.DeactivationReason(d.Reason), DeliveryID: d.DeliveryID,
		}
	}
	if r := i.Rotation; r != nil {
		w.Rotation = &webhook.Rotation{EndsAt: fromNanos(r.EndsAt), SecretHint: r.SecretHint}
	}
	return w, nil
}

// Webhook implements delivery.Store and portal.Store with one BatchGetItem.
func (s *Store) Webhook(ctx context.Context, partnerID, webhookID string) (webhook.Partner, webhook.Webhook, error) {
	pk, wk, dk := partnerKey(partnerID), webhookKey(partnerID, webhookID), detourKey(partnerID, webhookID)
	found, err := s.batchGet(ctx, s.o.ServiceTable, []key{pk, wk, dk}, true)
	if err != nil {
		return webhook.Partner{}, webhook.Webhook{}, err
	}
	if found[pk] == nil || found[wk] == nil {
		return webhook.Partner{}, webhook.Webhook{}, webhook.Errorf(webhook.NotFound, "no such webhook")
	}
	var p partnerItem
	if err := decode(found[pk], &p); err != nil {
		return webhook.Partner{}, webhook.Webhook{}, err
	}
	var w webhookItem
	if err := decode(found[wk], &w); err != nil {
		return webhook.Partner{}, webhook.Webhook{}, err
	}
	hook, err := w.webhook()
	hook.Detour = decodeDetour(found[dk])
	return p.partner(), hook, err
}

const webhookPosition = 'w'

// Webhooks implements portal.Store with one Query.
func (s *Store) Webhooks(ctx context.Context, partnerID string, p webhook.Page) ([]webhook.Webhook, []byte, error) {
	after, err := parsePosition(webhookPosition, p.After)
	if err != nil {
		return nil, nil, err
	}
	q := queryPrefix(s.o.ServiceTable, partnerPartition(partnerID), webhookSortPrefix)
	q.Limit = aws.Int32(int32(p.Limit))
	if after != "" {
		q.ExclusiveStartKey = webhookKey(partnerID, after).attributes()
	}
	page, err := s.client.Query(ctx, q)
	if err != nil {
		return nil, nil, classify(err)
	}
	items := make([]webhook.Webhook, 0, len(page.Items))
	for _, it := range page.Items {
		var i webhookItem
		if err := decode(it, &i); err != nil {
			return nil, nil, err
		}
		w, err := i.webhook()
		if err != nil {
			return nil, nil, err
		}
		items = append(items, w)
	}
	return items, nextPosition(page, webhookPosition, webhookSortPrefix), nil
}
