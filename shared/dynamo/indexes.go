package dynamo

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// overdue is one entry of the index by due time.
type overdue struct {
	key key
	due int64
}

// Due implements delivery.Store: one Query per shard, all at once. Of all that is due it returns the longest overdue.
func (s *Store) Due(ctx context.Context, before time.Time, limit int) ([]webhook.Ref, []webhook.JobRef, error) {
	var shards [env.DueShards][]overdue
	var errs [env.DueShards]error
	var wg sync.WaitGroup
	for n := range shards {
		wg.Go(func() { shards[n], errs[n] = s.dueOf(ctx, n, before, limit) })
	}
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, nil, err
	}
	all := slices.Concat(shards[:]...)
	slices.SortStableFunc(all, func(a, b overdue) int {
		return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.key.sk, b.key.sk))
	})
	var refs []webhook.Ref
	var jobs []webhook.JobRef
	for _, o := range all[:min(limit, len(all))] {
		if ref, ok := refOf(o.key); ok {
			refs = append(refs, ref)
		} else if ref, ok := jobRefOf(o.key); ok {
			jobs = append(jobs, ref)
		}
	}
	return refs, jobs, nil
}

func (s *Store) dueOf(ctx context.Context, shard int, before time.Time, limit int) ([]overdue, error) {
	q := queryIndex(s.o.DeliveriesTable, env.ByDue, env.ByDuePartition, strconv.Itoa(shard))
	q.KeyConditionExpression = aws.String("#ip = :ip AND #due <= :due")
	q.ExpressionAttributeNames["#due"] = env.ByDueSort
	q.ExpressionAttributeValues[":due"] = num(before.UnixMilli())
	q.Limit = aws.Int32(int32(limit))
	page, err := s.client.Query(ctx, q)
	if err != nil {
		return nil, classify(err)
	}
	var found []overdue
	for _, it := range page.Items {
		found = append(found, overdue{keyOf(it), number(it[env.ByDueSort])})
	}
	return found, nil
}

// Held implements delivery.Store with one Query of the index of what waits.
func (s *Store) Held(ctx context.Context, partnerID, webhookID string, p webhook.Page) ([]webhook.Ref, []byte, error) {
	after, err := parsePosition(heldListPosition, p.After)
	if err != nil {
		return nil, nil, err
	}
	q := queryIndex(s.o.DeliveriesTable, env.ByHeld, env.ByHeldPartition, webhookPartition(partnerID, webhookID))
	q.Limit = aws.Int32(int32(p.Limit))
	if after != "" {
		order, id, ok := strings.Cut(after, heldPositionSeparator)
		if !ok {
			return nil, nil, webhook.Errorf(webhook.Invalid, "the position is not of this list")
		}
		q.ExclusiveStartKey = deliveryKey(webhook.Ref{PartnerID: partnerID, WebhookID: webhookID, DeliveryID: id}).attributes()
		q.ExclusiveStartKey[env.ByHeldPartition] = str(webhookPartition(partnerID, webhookID))
		q.ExclusiveStartKey[env.ByHeldSort] = str(strings.Replace(order, ",", "#", 1))
	}
	page, err := s.client.Query(ctx, q)
	if err != nil {
		return nil, nil, classify(err)
	}
	var refs []webhook.Ref
	for _, it := range page.Items {
		if ref, ok := refOf(keyOf(it)); ok {
			refs = append(refs, ref)
		}
	}
	return refs, nextHeld(page), nil
}

// A position in what waits is the order key, its # written as a comma, and the delivery's id.
const (
	heldListPosition      = 'h'
	heldPositionSeparator = "/"
)

func nextHeld(page *dynamodb.QueryOutput) []byte {
	order, ok := page.LastEvaluatedKey[env.ByHeldSort].(*types.AttributeValueMemberS)
	ref, isDelivery := refOf(keyOf(page.LastEvaluatedKey))
	if !ok || !isDelivery {
		return nil
	}
	return position(heldListPosition, strings.Replace(order.Value, "#", ",", 1)+heldPositionSeparator+ref.DeliveryID)
}

// countStep is the fewest items that one counting Query looks at: its limit is counted before its filter.
const countStep = 100

// HeldCount implements portal.Store with counting Queries of the index of what waits, without what is not held.
func (s *Store) HeldCount(ctx context.Context, partnerID, webhookID string, most int) (int, error) {
	q := queryIndex(s.o.DeliveriesTable, env.ByHeld, env.ByHeldPartition, webhookPartition(partnerID, webhookID))
	q.Select = types.SelectCount
	q.FilterExpression = aws.String("#st = :st")
	q.ExpressionAttributeNames["#st"] = env.ByHeldState
	q.ExpressionAttributeValues[":st"] = str(string(webhook.Held))
	n := 0
	for n < most {
		q.Limit = aws.Int32(int32(max(most-n, countStep)))
		page, err := s.client.Query(ctx, q)
		if err != nil {
			return 0, classify(err)
		}
		n += int(page.Count)
		if len(page.LastEvaluatedKey) == 0 {
			break
		}
		q.ExclusiveStartKey = page.LastEvaluatedKey
	}
	return min(n, most), nil
}
