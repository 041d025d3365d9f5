package dynamo

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// slotItem is one taken slot for a test. A free one has no item, or one whose time has ended.
type slotItem struct {
	header
	Owner string
	Until int64
}

func (i *slotItem) fields(c *coder) {
	i.header.fields(c)
	c.text("o", &i.Owner, always)
	c.int64("u", &i.Until, always)
}

// AcquireTest implements portal.Store: one Query for the taken slots and a conditional PutItem for each that looks
// free, until one succeeds.
func (s *Store) AcquireTest(ctx context.Context, partnerID, owner string, slots int, now, until time.Time) (bool, error) {
	taken, err := s.slotsOf(ctx, partnerID)
	if err != nil {
		return false, err
	}
	busy := map[string]bool{}
	for _, i := range taken {
		busy[i.SK] = fromNanos(i.Until).After(now)
	}
	for n := range slots {
		k := slotKey(partnerID, n)
		if busy[k.sk] {
			continue
		}
		ok, err := s.takeSlot(ctx, k, owner, now, until)
		if ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func (s *Store) takeSlot(ctx context.Context, k key, owner string, now, until time.Time) (bool, error) {
	i := slotItem{header: headerOf(k, s.o.Token(), until), Owner: owner, Until: nanos(until)}
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: aws.String(s.o.ServiceTable), Item: encode(&i),
		// The owner's own item is there if the answer to its write was lost.
		ConditionExpression:       aws.String("attribute_not_exists(#pk) OR #u <= :now OR #o = :o"),
		ExpressionAttributeNames:  map[string]string{"#pk": "pk", "#u": "u", "#o": "o"},
		ExpressionAttributeValues: item{":now": num(nanos(now)), ":o": str(owner)},
	})
	if classifyCode(err) == webhook.Conflict {
		return false, nil
	}
	return err == nil, classify(err)
}

// ReleaseTest implements portal.Store: one Query for the owner's slot and a conditional DeleteItem.
func (s *Store) ReleaseTest(ctx context.Context, partnerID, owner string) error {
	taken, err := s.slotsOf(ctx, partnerID)
	if err != nil {
		return err
	}
	for _, i := range taken {
		if i.Owner != owner {
			continue
		}
		_, err := s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: aws.String(s.o.ServiceTable), Key: key{i.PK, i.SK}.attributes(),
			ConditionExpression:       aws.String("#o = :o"),
			ExpressionAttributeNames:  map[string]string{"#o": "o"},
			ExpressionAttributeValues: item{":o": str(owner)},
		})
		var gone *types.ConditionalCheckFailedException
		if err != nil && !errors.As(err, &gone) {
			return classify(err)
		}
	}
	return nil
}

func (s *Store) slotsOf(ctx context.Context, partnerID string) ([]slotItem, error) {
	page, err := s.client.Query(ctx, queryPrefix(s.o.ServiceTable, slotsPartition(partnerID), ""))
	if err != nil {
		return nil, classify(err)
	}
	var items []slotItem
	for _, it := range page.Items {
		var i slotItem
		if err := decode(it, &i); err != nil {
			return nil, err
		}
		items = append(items, i)
	}
	return items, nil
}
