package dynamo_test

import (
	"context"
	"crypto/rand"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cr3dentials/verification-webhooks/shared/dynamo"
	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/storetest"
	"github.com/cr3dentials/verification-webhooks/shared/vault"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

var (
	_ storetest.Store = (*dynamo.Store)(nil)
	_ vault.KeyStore  = (*dynamo.Store)(nil)
)

func TestConformance(t *testing.T) {
	storetest.RunStore(t, func(t *testing.T) storetest.Store { return newTables(t).store() })
}

var at = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func commit(t *testing.T, s *dynamo.Store, c webhook.Change) {
	t.Helper()
	if err := s.Commit(context.Background(), c); err != nil {
		t.Fatal(err)
	}
}

func deliveries(ds ...*webhook.Delivery) webhook.Change { return webhook.Change{Deliveries: ds} }

// TestCallCounts holds the number of requests, which is the bill.
func TestCallCounts(t *testing.T) {
	x := newTables(t)
	s := x.store()
	ctx := context.Background()
	p := &webhook.Partner{ID: "p"}
	w := &webhook.Webhook{PartnerID: "p", ID: "w"}
	d := storetest.Delivery("p", "w", "v", at)
	d.TakeClaim(at, "owner")
	job := &webhook.Job{PartnerID: "p", WebhookID: "w", Kind: webhook.DrainJob, ID: "job_1", State: webhook.JobRunning}
	large := storetest.Delivery("p", "w", "large", at)
	large.Body = make([]byte, 50_000)
	_, _ = rand.Read(large.Body)
	for _, step := range []struct {
		name string
		do   func() error
		want map[string]int
	}{
		{"create partner", func() error { return s.Commit(ctx, webhook.Change{Partner: p}) }, map[string]int{"TransactWriteItems": 1}},
		{"create webhook", func() error { return s.Commit(ctx, webhook.Change{Webhook: w}) }, map[string]int{"PutItem": 1}},
		{"create delivery", func() error { return s.Commit(ctx, deliveries(d)) }, map[string]int{"PutItem": 1}},
		{"settle", func() error {
			d.Finish(webhook.Attempt{Number: 1, StartedAt: at, Duration: time.Second, StatusCode: 200})
			d.Succeed()
			return s.Commit(ctx, deliveries(d))
		}, map[string]int{"PutItem": 1}},
		{"create large", func() error { return s.Commit(ctx, deliveries(large)) }, map[string]int{"TransactWriteItems": 1}},
		{"settle large", func() error {
			large.Succeed()
			return s.Commit(ctx, deliveries(large))
		}, map[string]int{"PutItem": 1}},
		{"exhaust", func() error {
			return s.Commit(ctx, webhook.Change{Webhook: w, Deliveries: []*webhook.Delivery{d}, Outbox: []webhook.OutboxEvent{{ID: "o", At: at}}})
		}, map[string]int{"TransactWriteItems": 1}},
		{"start job", func() error { return s.Commit(ctx, webhook.Change{Jobs: []*webhook.Job{job}}) }, map[string]int{"PutItem": 1}},
		{"start another", func() error {
			old := *job
			job.ID = "job_2"
			return s.Commit(ctx, webhook.Change{Jobs: []*webhook.Job{job}, EndedJob: &old})
		}, map[string]int{"TransactWriteItems": 1}},
		{"job", func() error { _, err := s.Job(ctx, job.Ref()); return err }, map[string]int{"GetItem": 1}},
		{"earlier job", func() error {
			_, err := s.Job(ctx, webhook.JobRef{PartnerID: "p", WebhookID: "w", Kind: webhook.DrainJob, ID: "job_1"})
			return err
		}, map[string]int{"GetItem": 2}},
		{"outbox", func() error { _, err := s.Outbox(ctx, at, 100); return err }, map[string]int{"Query": 1}},
		{"remove from outbox", func() error {
			return s.RemoveOutbox(ctx, []webhook.OutboxEvent{{ID: "o", At: at}})
		}, map[string]int{"BatchWriteItem": 1}},
		{"read delivery", func() error { _, err := s.Delivery(ctx, d.Ref()); return err }, map[string]int{"GetItem": 1}},
		{"read large", func() error { _, err := s.Delivery(ctx, large.Ref()); return err }, map[string]int{"GetItem": 2}},
		{"partner and webhooks", func() error { _, _, err := s.PartnerWebhooks(ctx, "p"); return err }, map[string]int{"Query": 1}},
		{"webhook", func() error { _, _, err := s.Webhook(ctx, "p", "w"); return err }, map[string]int{"BatchGetItem": 1}},
		{"list", func() error {
			_, _, err := s.Deliveries(ctx, webhook.DeliveryQuery{PartnerID: "p", WebhookID: "w", Page: webhook.Page{Limit: 2}})
			return err
		}, map[string]int{"Query": 1}},
		{"list by verification", func() error {
			_, _, err := s.Deliveries(ctx, webhook.DeliveryQuery{
				PartnerID: "p", WebhookID: "w", VerificationID: "v", Page: webhook.Page{Limit: 2},
			})
			return err
		}, map[string]int{"Query": 1, "BatchGetItem": 1}},
		{"due", func() error { _, _, err := s.Due(ctx, at, 10); return err }, map[string]int{"Query": env.DueShards}},
		{"held count", func() error { _, err := s.HeldCount(ctx, "p", "w", 1001); return err }, map[string]int{"Query": 1}},
		{"stats", func() error { return s.AddStats(ctx, "p", "w", webhook.Stats{Hour: at}) }, map[string]int{"UpdateItem": 1}},
		{"count request", func() error { _, err := s.CountRequest(ctx, "p", at); return err }, map[string]int{"UpdateItem": 1}},
	} {
		x.wire.reset()
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := x.wire.count(); !maps.Equal(got, step.want) {
			t.Errorf("%s took %v, want %v", step.name, got, step.want)
		}
	}
}

// TestLostAnswer loses the answer to a write that was committed: the SDK repeats it, and the store must recognise its
// own write, and nobody else's.
func TestLostAnswer(t *testing.T) {
	x := newTables(t)
	s := x.store()
	ctx := context.Background()
	p := &webhook.Partner{ID: "p"}
	w := &webhook.Webhook{PartnerID: "p", ID: "w"}
	d := storetest.Delivery("p", "w", "v", at)
	job := &webhook.Job{PartnerID: "p", WebhookID: "w", Kind: webhook.DrainJob, ID: "job_1"}
	large := storetest.Delivery("p", "w", "large", at)
	large.Body = make([]byte, 9000)
	_, _ = rand.Read(large.Body)
	for name, c := range map[string]webhook.Change{
		"partner":    {Partner: p},
		"webhook":    {Webhook: w},
		"delivery":   deliveries(d),
		"large":      deliveries(large),
		"several":    deliveries(storetest.Delivery("p", "w", "1", at), storetest.Delivery("p", "w", "2", at)),
		"credential": {AddCredential: &webhook.Credential{ID: "session", Kind: webhook.PortalSession}},
		"api key":    {AddCredential: &webhook.Credential{ID: "key", Kind: webhook.APIKey}},
		"answer":     {Answer: &webhook.Answer{PartnerID: "p", Key: "k", ExpiresAt: at}},
		"outbox":     {Outbox: []webhook.OutboxEvent{{ID: "o", At: at}}},
		"job":        {Jobs: []*webhook.Job{job}},
	} {
		x.wire.lose = 1
		if err := s.Commit(ctx, c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if x.wire.lose != 0 {
			t.Errorf("%s: no answer was lost", name)
		}
	}
	for range 2 { // later versions
		x.wire.lose = 1
		commit(t, s, deliveries(d))
		x.wire.lose = 1
		commit(t, s, deliveries(large))
		x.wire.lose = 1
		commit(t, s, webhook.Change{Partner: p, Deliveries: []*webhook.Delivery{d, large}})
		x.wire.lose = 1
		commit(t, s, webhook.Change{Jobs: []*webhook.Job{job}})
		ended := *job
		x.wire.lose = 1
		commit(t, s, webhook.Change{Jobs: []*webhook.Job{job}, EndedJob: &ended})
	}
	got, err := s.Delivery(ctx, d.Ref())
	if err != nil || got.Rev != 5 || d.Rev != 5 {
		t.Fatalf("stored Rev %d, own Rev %d, %v; want 5", got.Rev, d.Rev, err)
	}
	x.wire.lose = 1
	commit(t, s, webhook.Change{RemoveWebhook: w})

	// The same content from somebody else is not one's own write.
	stale := *d
	commit(t, s, deliveries(d))
	x.wire.lose = 1
	if err := s.Commit(ctx, deliveries(&stale)); webhook.CodeOf(err) != webhook.Conflict {
		t.Fatalf("got %v, want a conflict", err)
	}
}

// onlyItem returns the single item of a table.
func onlyItem(t *testing.T, x *tables, table string) map[string]types.AttributeValue {
	t.Helper()
	r, err := x.Scan(context.Background(), &dynamodb.ScanInput{TableName: aws.String(table)})
	if err != nil || len(r.Items) != 1 {
		t.Fatalf("%d items, %v; want one", len(r.Items), err)
	}
	return r.Items[0]
}

// TestTTL checks which items end by themselves, and when.
func TestTTL(t *testing.T) {
	for name, c := range map[string]struct {
		change webhook.Change
		want   time.Time // zero for none
	}{
		"webhook":    {webhook.Change{Webhook: &webhook.Webhook{PartnerID: "p", ID: "w"}}, time.Time{}},
		"session":    {webhook.Change{AddCredential: &webhook.Credential{ID: "c", ExpiresAt: at}}, at.Add(time.Second)},
		"endless":    {webhook.Change{AddCredential: &webhook.Credential{ID: "c"}}, time.Time{}},
		"answer":     {webhook.Change{Answer: &webhook.Answer{PartnerID: "p", Key: "k", ExpiresAt: at}}, at.Add(time.Second)},
		"outbox":     {webhook.Change{Outbox: []webhook.OutboxEvent{{ID: "o", At: at}}}, time.Time{}},
		"pending":    {deliveries(storetest.Delivery("p", "w", "v", at)), time.Time{}},
		"delivered":  {deliveries(inState(webhook.Delivered)), at.Add(webhook.FinalRetention + time.Second)},
		"held":       {deliveries(inState(webhook.Held)), time.Time{}},
		"cancelled":  {deliveries(inState(webhook.Cancelled)), at.Add(webhook.FinalRetention + time.Second)},
		"tripped":    {deliveries(tripped()), at.Add(webhook.FinalRetention + time.Second)},
		"job":        {webhook.Change{Jobs: []*webhook.Job{jobIn(webhook.JobRunning)}}, time.Time{}},
		"job's end":  {webhook.Change{Jobs: []*webhook.Job{jobIn(webhook.JobDone)}}, at.Add(webhook.JobRetention + time.Second)},
		"kept job":   {webhook.Change{EndedJob: jobIn(webhook.JobStopped)}, at.Add(webhook.JobRetention + time.Second)},
		"large body": {deliveries(largeDelivery()), time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			x := newTables(t)
			commit(t, x.store(), c.change)
			table := x.options.ServiceTable
			if c.change.Deliveries != nil || c.change.Jobs != nil || c.change.EndedJob != nil {
				table = x.options.DeliveriesTable
			}
			r, err := x.Scan(context.Background(), &dynamodb.ScanInput{TableName: aws.String(table)})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Items) == 0 {
				t.Fatal("nothing was stored")
			}
			for _, it := range r.Items {
				got := ttlOf(it)
				sk, ok := it[env.SortKey].(*types.AttributeValueMemberS)
				if !ok {
					t.Fatalf("an item without a sort key: %v", it)
				}
				if strings.HasPrefix(sk.Value, "B#") {
					if got.Before(at.Add(webhook.FinalRetention)) {
						t.Errorf("a body's TTL is %v, before its delivery's can be", got)
					}
					continue
				}
				if !got.Equal(c.want) {
					t.Errorf("TTL is %v, want %v", got, c.want)
				}
			}
		})
	}
}

func ttlOf(it map[string]types.AttributeValue) time.Time {
	n, ok := it[env.TTLAttribute].(*types.AttributeValueMemberN)
	if !ok {
		return time.Time{}
	}
	d, err := time.ParseDuration(n.Value + "s")
	if err != nil {
		return time.Time{}
	}
	return time.Unix(0, 0).UTC().Add(d)
}

func inState(s webhook.State) *webhook.Delivery {
	d := storetest.Delivery("p", "w", "v", at)
	d.State = s
	return d
}

func tripped() *webhook.Delivery {
	d := inState(webhook.Exhausted)
	d.Tripped = true
	return d
}

func jobIn(s webhook.JobState) *webhook.Job {
	return &webhook.Job{PartnerID: "p", WebhookID: "w", Kind: webhook.RecoverJob, ID: "job_1", State: s, UpdatedAt: at}
}

func largeDelivery() *webhook.Delivery {
	d := storetest.Delivery("p", "w", "v", at)
	d.Body = make([]byte, 10_000)
	_, _ = rand.Read(d.Body)
	return d
}

// TestNewerFormat refuses to guess at items of a version that this program does not know.
func TestNewerFormat(t *testing.T) {
	x := newTables(t)
	s := x.store()
	ctx := context.Background()
	d := storetest.Delivery("p", "w", "v", at)
	commit(t, s, deliveries(d))
	it := onlyItem(t, x, x.options.DeliveriesTable)
	it["v"] = &types.AttributeValueMemberN{Value: "2"}
	if _, err := x.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(x.options.DeliveriesTable), Item: it}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Delivery(ctx, d.Ref()); webhook.CodeOf(err) != webhook.Corrupt {
		t.Fatalf("got %v, want corrupt", err)
	}
}
