package bus_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/cr3dentials/verification-webhooks/shared/bus"
	"github.com/cr3dentials/verification-webhooks/shared/storetest"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// received is an event as a rule's target gets it. The emulator gives it a time of its own.
type received struct {
	Source     string
	DetailType string `json:"detail-type"`
	Detail     struct {
		ID, Kind, PartnerID, WebhookID, DeliveryID, Reason string

		Count int
		At    time.Time
	}
}

// TestRule publishes to a bus on which a rule picks the events of one partner for a queue, as operators would have it.
func TestRule(t *testing.T) {
	endpoint := storetest.Endpoint(t)
	cfg := config(endpoint, storetest.Transport(t))
	client := eventbridge.NewFromConfig(cfg)
	for _, name := range []string{"", "test-" + rand.Text()} {
		label := name
		if name == "" {
			label = "default"
		}
		t.Run(label, func(t *testing.T) {
			if name != "" {
				do(t)(client.CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: &name}))
				t.Cleanup(func() {
					do(t)(client.DeleteEventBus(context.Background(), &eventbridge.DeleteEventBusInput{Name: &name}))
				})
			}
			partner := "prt_" + rand.Text()
			receive := ruleToQueue(t, client, sqs.NewFromConfig(cfg), name, partner)
			want := map[string]webhook.OutboxEvent{}
			var all []webhook.OutboxEvent
			for i := range 12 {
				var e webhook.OutboxEvent
				storetest.Fill(t, &e)
				e.ID, e.PartnerID, e.Count = "obx_"+rand.Text(), partner, i
				if i%4 == 3 {
					e.PartnerID = "prt_other"
				} else {
					want[e.ID] = e
				}
				all = append(all, e)
			}
			accepted, err := bus.New(client, name).Publish(t.Context(), all)
			if err != nil || !slices.Equal(accepted, all) {
				t.Fatalf("%d of %d were accepted, %v", len(accepted), len(all), err)
			}
			if got := receive(len(want)); !maps.Equal(got, want) {
				t.Fatalf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

// do fails the test if a call did.
func do(t *testing.T) func(any, error) {
	return func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// ruleToQueue makes a rule that sends the events of a partner to a new queue, and returns a function that waits for n
// of them.
func ruleToQueue(
	t *testing.T, client *eventbridge.Client, queues *sqs.Client, busName, partner string,
) func(n int) map[string]webhook.OutboxEvent {
	t.Helper()
	ctx := t.Context()
	var eventBus *string
	if busName != "" {
		eventBus = &busName
	}
	rule := "test-" + rand.Text()
	queue, err := queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &rule})
	if err != nil {
		t.Fatal(err)
	}
	attributes, err := queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: queue.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn},
	})
	if err != nil {
		t.Fatal(err)
	}
	arn := attributes.Attributes[string(sqstypes.QueueAttributeNameQueueArn)]
	do(t)(client.PutRule(ctx, &eventbridge.PutRuleInput{
		Name: &rule, EventBusName: eventBus,
		EventPattern: aws.String(`{"source":["` + bus.Source + `"],"detail":{"partnerId":["` + partner + `"]}}`),
	}))
	do(t)(client.PutTargets(ctx, &eventbridge.PutTargetsInput{
		Rule: &rule, EventBusName: eventBus, Targets: []types.Target{{Id: aws.String("queue"), Arn: &arn}},
	}))
	t.Cleanup(func() {
		ctx := context.Background() // the test's own has ended by now
		do(t)(client.RemoveTargets(ctx, &eventbridge.RemoveTargetsInput{Rule: &rule, EventBusName: eventBus, Ids: []string{"queue"}}))
		do(t)(client.DeleteRule(ctx, &eventbridge.DeleteRuleInput{Name: &rule, EventBusName: eventBus}))
		do(t)(queues.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: queue.QueueUrl}))
	})
	return func(n int) map[string]webhook.OutboxEvent {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		got := map[string]webhook.OutboxEvent{}
		for len(got) < n {
			r, err := queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
				QueueUrl: queue.QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1,
			})
			if err != nil {
				t.Fatalf("received %d of %d events: %v", len(got), n, err)
			}
			for _, m := range r.Messages {
				e := decode(t, *m.Body)
				got[e.ID] = e
				do(t)(queues.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: queue.QueueUrl, ReceiptHandle: m.ReceiptHandle}))
			}
		}
		return got
	}
}

func decode(t *testing.T, body string) webhook.OutboxEvent {
	t.Helper()
	var r received
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatal(err)
	}
	d := r.Detail
	if r.Source != bus.Source || r.DetailType != d.Kind {
		t.Errorf("an event came as %s", body)
	}
	return webhook.OutboxEvent{
		ID: d.ID, Kind: webhook.OutboxKind(d.Kind), PartnerID: d.PartnerID, WebhookID: d.WebhookID, DeliveryID: d.DeliveryID,
		Reason: d.Reason, Count: d.Count, At: d.At,
	}
}
