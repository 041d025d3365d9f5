package dynamo_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/storetest"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestRemovedBetweenReads removes a delivery with its body after the first of the two was read: it is gone, not damaged.
func TestRemovedBetweenReads(t *testing.T) {
	x := newLyingTable(t, functionsConfig(t), tryTimeout)
	d := largeDelivery()
	commit(t, x.store, deliveries(d))
	x.Tell(storetest.Lie{Meanwhile: func() { clear(x.items) }})
	if _, err := x.store.Delivery(t.Context(), d.Ref()); webhook.CodeOf(err) != webhook.NotFound {
		t.Errorf("%v, want not found", err)
	}
	if asked := x.Asked(); len(asked) != 3 {
		t.Errorf("asked %v", asked)
	}
}

// TestTornBody puts another version of a body beside its delivery: the two must not be mixed.
func TestTornBody(t *testing.T) {
	x := newTables(t)
	s := x.store()
	ctx := context.Background()
	d := largeDelivery()
	commit(t, s, deliveries(d))
	k := map[string]types.AttributeValue{
		env.PartitionKey: &types.AttributeValueMemberS{Value: "p#w"},
		env.SortKey:      &types.AttributeValueMemberS{Value: "B#" + d.ID},
	}
	_, err := x.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: aws.String(x.options.DeliveriesTable), Key: k, UpdateExpression: aws.String("SET bv = :bv"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":bv": &types.AttributeValueMemberS{Value: "other-1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Delivery(ctx, d.Ref()); webhook.CodeOf(err) != webhook.Unavailable {
		t.Errorf("a body of another version: %v, want unavailable", err)
	}
	if _, err := x.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: aws.String(x.options.DeliveriesTable), Key: k}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Delivery(ctx, d.Ref()); webhook.CodeOf(err) != webhook.Corrupt {
		t.Errorf("a body that is gone: %v, want corrupt", err)
	}
}
