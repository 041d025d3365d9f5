package dynamo

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

type partnerItem struct {
	header
	Rev       int64
	ID        string
	Name      string
	Suspended bool
	CreatedAt int64
	UpdatedAt int64
	Webhooks  int
	Ended     int64 // SessionsEndedAt
	Kept      webhook.Kept
}

func (i *partnerItem) fields(c *coder) {
	i.header.fields(c)
	c.int64("rev", &i.Rev, always)
	c.text("id", &i.ID, always)
	c.text("n", &i.Name, ifSet)
	c.flag("su", &i.Suspended)
	c.int64("ca", &i.CreatedAt, ifSet)
	c.int64("ua", &i.UpdatedAt, ifSet)
	c.int("wc", &i.Webhooks, ifSet)
	c.int64("se", &i.Ended, ifSet)
	c.rest(i, &i.Kept)
}

// partnerPointer lists a partner in the partition of all partners.
type partnerPointer struct{ header }

func newPartnerItem(p *webhook.Partner, token string) *partnerItem {
	return &partnerItem{
		header: headerOf(partnerKey(p.ID), token, noExpiry), Rev: p.Rev + 1, ID: p.ID, Name: p.Name,
		Suspended: p.Suspended, CreatedAt: nanos(p.CreatedAt), UpdatedAt: nanos(p.UpdatedAt), Webhooks: p.WebhookCount,
		Ended: nanos(p.SessionsEndedAt), Kept: p.Kept,
	}
}

func (i *partnerItem) partner() webhook.Partner {
	return webhook.Partner{
		ID: i.ID, Name: i.Name, Suspended: i.Suspended, CreatedAt: fromNanos(i.CreatedAt),
		UpdatedAt: fromNanos(i.UpdatedAt), WebhookCount: i.Webhooks, SessionsEndedAt: fromNanos(i.Ended), Rev: i.Rev,
		Kept: i.Kept,
	}
}

// Partner implements portal.Store with one GetItem.
func (s *Store) Partner(ctx context.Context, partnerID string) (webhook.Partner, error) {
	var i partnerItem
	if err := s.get(ctx, s.o.ServiceTable, partnerKey(partnerID), &i); err != nil {
		return webhook.Partner{}, named(err, "no such partner")
	}
	return i.partner(), nil
}

// PartnerWebhooks implements delivery.Store with one Query for as long as the webhooks fit in 1 MB, which the limits
// on them see to.
func (s *Store) PartnerWebhooks(ctx context.Context, partnerID string) (webhook.Partner, []webhook.Webhook, error) {
	q := queryRange(s.o.ServiceTable, partnerPartition(partnerID), partnerSort, webhookSortEnd)
	var partner *webhook.Partner
	var hooks []webhook.Webhook
	detours := map[string]*webhook.Detour{}
	for {
		page, err := s.client.Query(ctx, q)
		if err != nil {
			return webhook.Partner{}, nil, classify(err)
		}
		for _, it := range page.Items {
			if text(it[env.SortKey]) == partnerSort {
				var i partnerItem
				if err := decode(it, &i); err != nil {
					return webhook.Partner{}, nil, err
				}
				p := i.partner()
				partner = &p
				continue
			}
			if sk := text(it[env.SortKey]); isDetour(sk) {
				detours[sk[len(detourSortPrefix):]] = decodeDetour(it)
				continue
			}
			var i webhookItem
			if err := decode(it, &i); err != nil {
				return webhook.Partner{}, nil, err
			}
			w, err := i.webhook()
			if err != nil {
				return webhook.Partner{}, nil, err
			}
			w.Detour = detours[w.ID]
			hooks = append(hooks, w)
		}
		if len(page.LastEvaluatedKey) == 0 {
			break
		}
		q.ExclusiveStartKey = page.LastEvaluatedKey
	}
	if partner == nil {
		return webhook.Partner{}, nil, webhook.Errorf(webhook.NotFound, "no such partner")
	}
	return *partner, hooks, nil
}

const partnerPosition = 'p'

// Partners implements portal.Store with one Query and one BatchGetItem.
func (s *Store) Partners(ctx context.Context, p webhook.Page) ([]webhook.Partner, []byte, error) {
	after, err := parsePosition(partnerPosition, p.After)
	if err != nil {
		return nil, nil, err
	}
	q := queryPrefix(s.o.ServiceTable, partnersPartition, "")
	q.ConsistentRead, q.Limit = nil, aws.Int32(int32(p.Limit))
	if after != "" {
		q.ExclusiveStartKey = partnerPointerKey(after).attributes()
	}
	page, err := s.client.Query(ctx, q)
	if err != nil {
		return nil, nil, classify(err)
	}
	keys := make([]key, 0, len(page.Items))
	for _, it := range page.Items {
		keys = append(keys, partnerKey(keyOf(it).sk))
	}
	found, err := s.batchGet(ctx, s.o.ServiceTable, keys, false)
	if err != nil {
		return nil, nil, err
	}
	items := make([]webhook.Partner, 0, len(keys))
	for _, k := range keys {
		it, ok := found[k]
		if !ok {
			continue
		}
		var i partnerItem
		if err := decode(it, &i); err != nil {
			return nil, nil, err
		}
		items = append(items, i.partner())
	}
	return items, nextPosition(page, partnerPosition, ""), nil
}

// nextPosition returns where a page ended, nil if it was the last. prefix is what precedes the id in the sort key.
func nextPosition(page *dynamodb.QueryOutput, kind byte, prefix string) []byte {
	if len(page.LastEvaluatedKey) == 0 {
		return nil
	}
	return position(kind, keyOf(page.LastEvaluatedKey).sk[len(prefix):])
}

// named says what was not found; other errors stay as they are.
func named(err error, message string) error {
	var e *webhook.Error
	if errors.As(err, &e) && e.Code == webhook.NotFound {
		return webhook.Errorf(webhook.NotFound, "%s", message)
	}
	return err
}
