package e2e

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
	"github.com/cr3dentials/verification-webhooks/shared/dynamo"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// told is an operational event as a rule's target gets it.
type told struct {
	DetailType string `json:"detail-type"`
	Detail     struct {
		ID, Kind, PartnerID, WebhookID, DeliveryID, Reason string

		Count int
	}
}

// TestOperatorsAreTold follows a webhook that fails, is switched off, and comes back: a rule on the event bus sends what
// is told of it to a queue, each thing once.
func TestOperatorsAreTold(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, e, h := hooked(t, w, failing(6))
	receive := events(t, w, p.id)
	id := newID("told")
	p.write(id, "VERIFIED")
	await(t, "the webhook is switched off", time.Minute, func() bool { return !p.getWebhook(h.ID).Active })
	off := p.getWebhook(h.ID).Deactivation
	p.call("POST", "/v1/webhooks/"+h.ID+"/activate", map[string]any{"held": "deliver"}, nil)
	d := p.awaitDelivery(h.ID, id, "delivered", 30*time.Second)
	if off == nil || off.DeliveryID != d.ID || e.count() != 7 {
		t.Fatalf("deactivation %+v, %d requests; want one by %s and 7", off, e.count(), d.ID)
	}
	type event struct {
		kind, delivery, reason string
		count                  int
	}
	want := []event{
		{"webhook.deactivated", d.ID, "failures", 0}, {"webhook.drained", "", "", 1},
		{"webhook.failing", d.ID, "http_status", 0}, {"webhook.reactivated", "", "partner", 0},
	}
	var got []event
	ids := map[string]bool{}
	take := func() {
		for _, m := range receive() {
			if m.Detail.PartnerID != p.id || m.Detail.WebhookID != h.ID || m.DetailType != m.Detail.Kind {
				t.Errorf("told %+v", m)
			}
			ids[m.Detail.ID] = true
			got = append(got, event{m.Detail.Kind, m.Detail.DeliveryID, m.Detail.Reason, m.Detail.Count})
		}
	}
	// What the API stored is published by the sweeper, every minute. Once the outbox has nothing of it, nothing follows.
	await(t, "everything is told", 2*time.Minute, func() bool {
		take()
		return len(got) >= len(want) && !inOutbox(t, w, p.id)
	})
	take()
	slices.SortFunc(got, func(a, b event) int {
		if a.kind < b.kind {
			return -1
		}
		return 1
	})
	if !slices.Equal(got, want) || len(ids) != len(want) {
		t.Errorf("told %+v with %d ids\nwant %+v", got, len(ids), want)
	}
}

// inOutbox tells whether an operational event of a partner is still to be published.
func inOutbox(t *testing.T, w *world, partnerID string) bool {
	t.Helper()
	store := dynamo.New(w.db, dynamo.Options{ServiceTable: w.outputs["ServiceTable"], DeliveriesTable: w.outputs["DeliveriesTable"]})
	left, err := store.Outbox(t.Context(), time.Now().Add(time.Hour), 1000)
	must(t, err)
	return slices.ContainsFunc(left, func(e webhook.OutboxEvent) bool { return e.PartnerID == partnerID })
}

// events makes a rule that sends what is told of a partner to a queue, and returns a function that receives from it for
// some seconds at most.
func events(t *testing.T, w *world, partnerID string) func() []told {
	t.Helper()
	ctx, cfg, name := t.Context(), local.AWS(w.run.AWSEndpoint), "told-"+partnerID
	bus, queues := eventbridge.NewFromConfig(cfg), sqs.NewFromConfig(cfg)
	queue, err := queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name})
	must(t, err)
	a, err := queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: queue.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn},
	})
	must(t, err)
	_, err = bus.PutRule(ctx, &eventbridge.PutRuleInput{
		Name: &name, EventPattern: aws.String(`{"source":["cr3dentials.webhooks"],"detail":{"partnerId":["` + partnerID + `"]}}`),
	})
	must(t, err)
	_, err = bus.PutTargets(ctx, &eventbridge.PutTargetsInput{
		Rule: &name, Targets: []types.Target{{Id: &name, Arn: aws.String(a.Attributes["QueueArn"])}},
	})
	must(t, err)
	return func() []told {
		r, err := queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 5})
		must(t, err)
		var all []told
		for _, m := range r.Messages {
			var x told
			must(t, json.Unmarshal([]byte(*m.Body), &x))
			all = append(all, x)
			_, err := queues.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: queue.QueueUrl, ReceiptHandle: m.ReceiptHandle})
			must(t, err)
		}
		return all
	}
}
