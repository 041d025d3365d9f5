// Package dynamo keeps the durable state in two DynamoDB tables. Store satisfies the stores that the packages delivery
// and portal ask for, and the vault's key store; their comments are the contract, README.md lists the items.
package dynamo

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Options name the tables and inject what is not the table's.
type Options struct {
	// ServiceTable holds partners, webhooks, credentials, stats, the outbox and everything else that is small.
	ServiceTable string
	// DeliveriesTable holds deliveries and their bodies.
	DeliveriesTable string
	// VerificationsTable holds what verification systems write. It is only read, for previews of templates and by
	// reconciliation.
	VerificationsTable string
	// Token makes a new random string of 1 to 36 characters for each write, by which a write recognises itself after
	// its answer was lost. Nil means crypto/rand.Text.
	Token func() string
}

// Store is the DynamoDB store. It is safe for concurrent use.
type Store struct {
	client *dynamodb.Client
	o      Options
	packer packer
}

// New returns a Store that uses client.
func New(client *dynamodb.Client, o Options) *Store {
	if o.Token == nil {
		o.Token = rand.Text
	}
	return &Store{client: client, o: o}
}

// get reads one item, strongly consistent, into out. NotFound if it is absent.
func (s *Store) get(ctx context.Context, table string, k key, out fielder) error {
	r, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: aws.String(table), Key: k.attributes(), ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return classify(err)
	}
	if len(r.Item) == 0 {
		return webhook.Errorf(webhook.NotFound, "no such item")
	}
	return decode(r.Item, out)
}

// batchLimit is the most keys of one BatchGetItem, and batchTries how often a batch is sent for what of it was
// not processed; the pause before the second try doubles.
const (
	batchLimit = 100
	batchTries = 5
	firstPause = 20 * time.Millisecond
)

// batchGet reads up to batchLimit items of one table and returns those that exist, by key.
func (s *Store) batchGet(ctx context.Context, table string, keys []key, consistent bool) (map[key]item, error) {
	found := make(map[key]item, len(keys))
	if len(keys) == 0 {
		return found, nil
	}
	ask := types.KeysAndAttributes{ConsistentRead: aws.Bool(consistent)}
	for _, k := range keys {
		ask.Keys = append(ask.Keys, k.attributes())
	}
	for try := range batchTries {
		if try > 0 {
			if err := pause(ctx, firstPause<<(try-1)); err != nil {
				return nil, err
			}
		}
		r, err := s.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
			RequestItems: map[string]types.KeysAndAttributes{table: ask},
		})
		if err != nil {
			return nil, classify(err)
		}
		for _, it := range r.Responses[table] {
			found[keyOf(it)] = it
		}
		rest, more := r.UnprocessedKeys[table]
		if !more || len(rest.Keys) == 0 {
			return found, nil
		}
		ask = rest
	}
	return nil, webhook.Errorf(webhook.Unavailable, "the table did not answer for all keys")
}

// pause waits for d, or until ctx ends: then it returns Unavailable.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return webhook.Wrap(webhook.Unavailable, ctx.Err(), "the table was busy")
	}
}

// keyOf returns the primary key of an item.
func keyOf(it item) key { return key{text(it[env.PartitionKey]), text(it[env.SortKey])} }
