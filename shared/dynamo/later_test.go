package dynamo_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/storetest"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestLaterRelease: beside a later release, or after going back from one, nothing of its is dropped or written over.
func TestLaterRelease(t *testing.T) {
	x := newTables(t)
	s, ctx := x.store(), t.Context()
	p, w := &webhook.Partner{ID: "p"}, &webhook.Webhook{PartnerID: "p", ID: "w"}
	d := storetest.Delivery("p", "w", "v", at)
	j := &webhook.Job{PartnerID: "p", WebhookID: "w", Kind: webhook.DrainJob, ID: "job_1", State: webhook.JobRunning}
	commit(t, s, webhook.Change{Partner: p, Webhook: w})
	commit(t, s, webhook.Change{Deliveries: []*webhook.Delivery{d}, Jobs: []*webhook.Job{j}})
	hour := webhook.Stats{Hour: at.Truncate(time.Hour), Delivered: 1}
	counters := map[string]func() error{
		"stats":  func() error { return s.AddStats(ctx, "p", "w", hour) },
		"detour": func() error { return s.PutDetour(ctx, "p", "w", webhook.Detour{Since: at, At: at}) },
		"places": func() error {
			_, _, err := s.TakePlaces(ctx, "p", "w", 1, time.Second, at, at.Add(time.Minute))
			return err
		},
		"requests": func() error { _, err := s.CountRequest(ctx, "p", at); return err },
	}
	for name, count := range counters {
		if err := count(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	later := map[string]types.AttributeValue{"later": &types.AttributeValueMemberS{Value: "x"}}
	x.setAll(t, "SET later = :later", map[string]types.AttributeValue{":later": later["later"]})
	change := func() map[string]error {
		got := map[string]error{}
		p, w, err := s.Webhook(ctx, "p", "w")
		if err == nil {
			w.Description = "changed"
			err = s.Commit(ctx, webhook.Change{Partner: &p, Webhook: &w})
		}
		got["webhook"] = err
		d, err := s.Delivery(ctx, d.Ref())
		if err == nil {
			d.TakeClaim(at, "owner")
			err = s.Commit(ctx, deliveries(&d))
		}
		got["delivery"] = err
		j, err := s.Job(ctx, j.Ref())
		if err == nil {
			j.Step++
			err = s.Commit(ctx, webhook.Change{Jobs: []*webhook.Job{&j}})
		}
		got["job"] = err
		for name, count := range counters {
			got[name] = count()
		}
		return got
	}
	for name, err := range change() {
		if err != nil {
			t.Errorf("%s with a later release's attribute: %v", name, err)
		}
	}
	listed := "PARTNERS p"
	for k, it := range x.all(t) {
		if !reflect.DeepEqual(it["later"], later["later"]) && k != listed {
			t.Errorf("%s has lost a later release's attribute: %v", k, it)
		}
	}

	x.setAll(t, "SET v = :v", map[string]types.AttributeValue{":v": &types.AttributeValueMemberN{Value: "2"}})
	before := x.all(t)
	for name, err := range change() {
		if webhook.CodeOf(err) != webhook.Corrupt {
			t.Errorf("%s of a later release: %v, want corrupt", name, err)
		}
	}
	if _, read, err := s.Webhook(ctx, "p", "w"); webhook.CodeOf(err) != webhook.Corrupt {
		t.Errorf("a webhook of a later release is read as %+v, %v", read, err)
	}
	if after := x.all(t); !reflect.DeepEqual(before, after) {
		t.Errorf("a later release's items were changed: %v\nwere %v", after, before)
	}
}

// all returns every item of both tables by its key.
func (x *tables) all(t *testing.T) map[string]map[string]types.AttributeValue {
	t.Helper()
	found := map[string]map[string]types.AttributeValue{}
	for _, table := range []string{x.options.ServiceTable, x.options.DeliveriesTable} {
		r, err := x.Scan(context.Background(), &dynamodb.ScanInput{TableName: aws.String(table), ConsistentRead: aws.Bool(true)})
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range r.Items {
			pk, _ := it[env.PartitionKey].(*types.AttributeValueMemberS)
			sk, _ := it[env.SortKey].(*types.AttributeValueMemberS)
			found[pk.Value+" "+sk.Value] = it
		}
	}
	return found
}

// setAll changes every item, as a later release could.
func (x *tables) setAll(t *testing.T, expression string, values map[string]types.AttributeValue) {
	t.Helper()
	for _, table := range []string{x.options.ServiceTable, x.options.DeliveriesTable} {
		r, err := x.Scan(context.Background(), &dynamodb.ScanInput{TableName: aws.String(table), ConsistentRead: aws.Bool(true)})
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range r.Items {
			_, err := x.UpdateItem(context.Background(), &dynamodb.UpdateItemInput{
				TableName: aws.String(table), UpdateExpression: aws.String(expression), ExpressionAttributeValues: values,
				Key: map[string]types.AttributeValue{env.PartitionKey: it[env.PartitionKey], env.SortKey: it[env.SortKey]},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}
