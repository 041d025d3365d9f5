package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

type webhookItem struct {
	header
	Rev            int64               `dynamodbav:"rev"`
	PartnerID      string              `dynamodbav:"p"`
	ID             string              `dynamodbav:"id"`
	URL            string              `dynamodbav:"u,omitempty"`
	Active         bool                `dynamodbav:"ac,omitempty"`
	Generation     int64               `dynamodbav:"g,omitempty"`
	Description    string              `dynamodbav:"de,omitempty"`
	EventTypes     []webhook.EventType `dynamodbav:"et,omitempty"`
	TypeNaming     string              `dynamodbav:"tn,omitempty"`
	AuthHeaderName string              `dynamodbav:"ah,omitempty"`
	Sealed         []byte              `dynamodbav:"se,omitempty"`
	SecretHint     string              `dynamodbav:"sh,omitempty"`
	Rotation       *rotationItem       `dynamodbav:"ro,omitempty"`
	Template       []byte              `dynamodbav:"pt,omitempty"`
	TemplateAt     int64               `dynamodbav:"pa,omitempty"`
	Deactivation   *deactivationItem   `dynamodbav:"da,omitempty"`
	EverActive     bool                `dynamodbav:"ea,omitempty"`
	OffGeneration  int64               `dynamodbav:"og,omitempty"`
	AutoReactivate bool                `dynamodbav:"ar,omitempty"`
	DiscardBelow   int64               `dynamodbav:"db,omitempty"`
	CreatedAt      int64               `dynamodbav:"ca,omitempty"`
	UpdatedAt      int64               `dynamodbav:"ua,omitempty"`
}

type deactivationItem struct {
	At         int64  `dynamodbav:"at,omitempty"`
	Reason     string `dynamodbav:"re,omitempty"`
	DeliveryID string `dynamodbav:"d,omitempty"`
}

type rotationItem struct {
	EndsAt     int64  `dynamodbav:"at,omitempty"`
	SecretHint string `dynamodbav:"sh,omitempty"`
}

func newWebhookItem(w *webhook.Webhook, token string) webhookItem {
	i := webhookItem{
		header: headerOf(webhookKey(w.PartnerID, w.ID), token, noExpiry), Rev: w.Rev + 1,
		PartnerID: w.PartnerID, ID: w.ID, URL: w.URL, Active: w.Active, Generation: w.Generation,
		Description: w.Description, EventTypes: w.EventTypes, TypeNaming: string(w.TypeNaming),
		AuthHeaderName: w.AuthHeaderName, Sealed: w.Sealed, SecretHint: w.SecretHint,
		Template: packBody([]byte(w.PayloadTemplate)), TemplateAt: nanos(w.TemplateAt),
		EverActive: w.EverActive, OffGeneration: w.OffGeneration, AutoReactivate: w.AutoReactivate,
		DiscardBelow: w.DiscardBelow, CreatedAt: nanos(w.CreatedAt), UpdatedAt: nanos(w.UpdatedAt),
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
		CreatedAt:    fromNanos(i.CreatedAt), UpdatedAt: fromNanos(i.UpdatedAt), Rev: i.Rev,
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
	if err == nil {
		hook.Detour, err = decodeDetour(found[dk])
	}
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
