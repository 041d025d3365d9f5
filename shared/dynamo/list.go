package dynamo

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

const (
	deliveryPosition = 'd'
	oldestPosition   = 'o' // a list that begins with the oldest
	// maxRead is how many items one page with a filter looks at, give or take the last request's.
	maxRead = 500
	// filterStep is how many items one request with a filter looks at.
	filterStep = 100
)

// Deliveries implements portal.Store: Queries of the webhook's partition, in either order; with VerificationID a Query of
// the index by verification and a BatchGetItem.
func (s *Store) Deliveries(ctx context.Context, q webhook.DeliveryQuery) ([]webhook.Delivery, []byte, error) {
	kind := byte(deliveryPosition)
	if q.OldestFirst {
		kind = oldestPosition
	}
	after, err := parsePosition(kind, q.After)
	if err != nil {
		return nil, nil, err
	}
	in, empty := s.deliveriesQuery(q, after)
	if empty {
		return nil, nil, nil
	}
	filtered := q.State != "" || q.EventType != "" || q.VerificationID != ""
	var items []webhook.Delivery
	for read := 0; ; {
		step := q.Limit - len(items)
		if filtered {
			step = filterStep
		}
		in.Limit = aws.Int32(int32(step))
		page, err := s.client.Query(ctx, in)
		if err != nil {
			return nil, nil, classify(err)
		}
		found, err := s.pageDeliveries(ctx, q, page)
		if err != nil {
			return nil, nil, err
		}
		for i := range found {
			if !matches(&q, &found[i]) {
				continue
			}
			if len(items) == q.Limit {
				return items, position(kind, items[len(items)-1].ID), nil
			}
			items = append(items, found[i])
		}
		read += int(page.ScannedCount)
		if len(page.LastEvaluatedKey) == 0 {
			return items, nil, nil
		}
		if len(items) == q.Limit || read >= maxRead {
			return items, nextPosition(page, kind, deliverySortPrefix), nil
		}
		in.ExclusiveStartKey = page.LastEvaluatedKey
	}
}

// deliveriesQuery bounds the sort key by the time: a delivery's id begins with it. It reports empty for bounds that
// leave nothing, which DynamoDB refuses.
func (s *Store) deliveriesQuery(q webhook.DeliveryQuery, after string) (in *dynamodb.QueryInput, empty bool) {
	from, to := deliverySortPrefix, deliverySortPrefix+"~"
	if !q.Since.IsZero() {
		from += webhook.DeliveryIDAt(q.Since)
	}
	if !q.Until.IsZero() {
		to = deliverySortPrefix + webhook.DeliveryIDAt(q.Until.Add(time.Millisecond-1))
	}
	if q.OldestFirst && q.AfterID != "" {
		from = max(from, deliverySortPrefix+q.AfterID+"!") // it follows the id and precedes every other one after it
	}
	last := deliverySortPrefix + after
	// A position from outside the bounds is refused; one before them is as good as none, one behind them leaves nothing.
	before, behind := last > to, last < from
	if q.OldestFirst {
		before, behind = behind, before
	}
	if from > to || after != "" && behind {
		return nil, true
	}
	pk := webhookPartition(q.PartnerID, q.WebhookID)
	in = queryRange(s.o.DeliveriesTable, pk, from, to)
	in.ScanIndexForward = aws.Bool(q.OldestFirst)
	start := deliveryKey(webhook.Ref{PartnerID: q.PartnerID, WebhookID: q.WebhookID, DeliveryID: after}).attributes()
	if q.VerificationID != "" {
		vpk := str(verificationPartition(q.PartnerID, q.WebhookID, q.VerificationID))
		in.IndexName, in.ConsistentRead = aws.String(env.ByVerification), nil
		in.ExpressionAttributeNames["#pk"] = env.ByVerificationPartition
		in.ExpressionAttributeValues[":pk"] = vpk
		start[env.ByVerificationPartition] = vpk
	} else {
		filterQuery(in, q)
	}
	if after != "" && !before {
		in.ExclusiveStartKey = start
	}
	return in, false
}

// filterQuery leaves out on the table's side what matches would refuse; it saves the transfer, not the read.
func filterQuery(in *dynamodb.QueryInput, q webhook.DeliveryQuery) {
	var terms []string
	if q.State != "" {
		terms = append(terms, "#st = :st")
		in.ExpressionAttributeNames["#st"] = "st"
		in.ExpressionAttributeValues[":st"] = str(string(q.State))
	}
	if q.EventType != "" {
		terms = append(terms, "#et = :et")
		in.ExpressionAttributeNames["#et"] = "et"
		in.ExpressionAttributeValues[":et"] = str(string(q.EventType))
	}
	if terms != nil {
		in.FilterExpression = aws.String(strings.Join(terms, " AND "))
	}
}

// pageDeliveries decodes a page's deliveries, without bodies; for a page of the index it reads them first.
func (s *Store) pageDeliveries(ctx context.Context, q webhook.DeliveryQuery, page *dynamodb.QueryOutput) ([]webhook.Delivery, error) {
	items := page.Items
	if q.VerificationID != "" {
		keys := make([]key, len(items))
		for i, it := range items {
			keys[i] = keyOf(it)
		}
		found, err := s.batchGet(ctx, s.o.DeliveriesTable, keys, true)
		if err != nil {
			return nil, err
		}
		items = nil
		for _, k := range keys {
			if it, ok := found[k]; ok {
				items = append(items, it)
			}
		}
	}
	ds := make([]webhook.Delivery, 0, len(items))
	for _, it := range items {
		var i deliveryItem
		if err := decode(it, &i); err != nil {
			return nil, err
		}
		d, err := i.delivery()
		if err != nil {
			return nil, err
		}
		ds = append(ds, d)
	}
	return ds, nil
}

func matches(q *webhook.DeliveryQuery, d *webhook.Delivery) bool {
	return (q.State == "" || d.State == q.State) &&
		(q.EventType == "" || d.Event.Type == q.EventType) &&
		(q.VerificationID == "" || d.Event.VerificationID == q.VerificationID) &&
		(q.Since.IsZero() || !d.Event.OccurredAt.Before(q.Since)) &&
		(q.Until.IsZero() || d.Event.OccurredAt.Before(q.Until))
}
