package dynamo

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// outboxItem is an operational event that waits to be published. Its sort key begins with its time.
type outboxItem struct {
	header
	ID         string
	Kind       string
	PartnerID  string
	WebhookID  string
	DeliveryID string
	Reason     string
	Count      int
	At         int64
}

func (i *outboxItem) fields(c *coder) {
	i.header.fields(c)
	c.text("id", &i.ID, always)
	c.text("k", &i.Kind, always)
	c.text("p", &i.PartnerID, ifSet)
	c.text("wh", &i.WebhookID, ifSet)
	c.text("d", &i.DeliveryID, ifSet)
	c.text("re", &i.Reason, ifSet)
	c.int("n", &i.Count, ifSet)
	c.int64("at", &i.At, ifSet)
}

func newOutboxItem(e webhook.OutboxEvent, token string) *outboxItem {
	return &outboxItem{
		header: headerOf(outboxKey(e), token, noExpiry), ID: e.ID, Kind: string(e.Kind), PartnerID: e.PartnerID,
		WebhookID: e.WebhookID, DeliveryID: e.DeliveryID, Reason: e.Reason, Count: e.Count, At: nanos(e.At),
	}
}

func (i *outboxItem) event() webhook.OutboxEvent {
	return webhook.OutboxEvent{
		ID: i.ID, Kind: webhook.OutboxKind(i.Kind), PartnerID: i.PartnerID, WebhookID: i.WebhookID,
		DeliveryID: i.DeliveryID, Reason: i.Reason, Count: i.Count, At: fromNanos(i.At),
	}
}

// Outbox implements delivery.Store with one Query.
func (s *Store) Outbox(ctx context.Context, before time.Time, limit int) ([]webhook.OutboxEvent, error) {
	q := queryRange(s.o.ServiceTable, env.OutboxPartition, outboxSort(time.UnixMilli(0), ""), outboxSort(before, "~"))
	q.ConsistentRead = nil
	q.Limit = aws.Int32(int32(limit))
	page, err := s.client.Query(ctx, q)
	if err != nil {
		return nil, classify(err)
	}
	var events []webhook.OutboxEvent
	for _, it := range page.Items {
		var i outboxItem
		if decode(it, &i) != nil {
			continue // a later release's, which can read it; the others must not wait for that
		}
		// The sort key has milliseconds only.
		if e := i.event(); !e.At.After(before) {
			events = append(events, e)
		}
	}
	return events, nil
}

// removeLimit is the most writes of one BatchWriteItem.
const removeLimit = 25

// RemoveOutbox implements delivery.Store with one BatchWriteItem for each 25 events.
func (s *Store) RemoveOutbox(ctx context.Context, events []webhook.OutboxEvent) error {
	seen := map[key]bool{} // a batch that names a key twice is refused
	var removals []types.WriteRequest
	for _, e := range events {
		if k := outboxKey(e); !seen[k] {
			seen[k] = true
			removals = append(removals, types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: k.attributes()}})
		}
	}
	for len(removals) > 0 {
		n := min(removeLimit, len(removals))
		if err := s.batchRemove(ctx, removals[:n]); err != nil {
			return err
		}
		removals = removals[n:]
	}
	return nil
}

// batchRemove sends one batch of removals, what was not processed again.
func (s *Store) batchRemove(ctx context.Context, removals []types.WriteRequest) error {
	for try := range batchTries {
		if try > 0 {
			if err := pause(ctx, firstPause<<(try-1)); err != nil {
				return err
			}
		}
		r, err := s.client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
			RequestItems: map[string][]types.WriteRequest{s.o.ServiceTable: removals},
		})
		if err != nil {
			return classify(err)
		}
		if removals = r.UnprocessedItems[s.o.ServiceTable]; len(removals) == 0 {
			return nil
		}
	}
	return webhook.Errorf(webhook.Unavailable, "the table did not remove all rows")
}
