// Package bus tells others of operational events by way of EventBridge. It satisfies what the package delivery asks for
// as Bus; that comment is its contract.
package bus

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Source is the source of all events.
const Source = "cr3dentials.webhooks"

const (
	// batchLimit is the most entries of one PutEvents, a limit of EventBridge.
	batchLimit = 10
	// maxEntry bounds one entry, in bytes, so that no batch reaches the 256 KiB that EventBridge took of one request
	// before it took more. Entries are a few hundred bytes.
	maxEntry = 16 << 10
)

// Bus is an event bus. It is safe for concurrent use.
type Bus struct {
	client *eventbridge.Client
	name   *string
}

// New returns the Bus of that name or ARN, the account's default bus if it is empty.
func New(client *eventbridge.Client, name string) *Bus {
	b := &Bus{client: client}
	if name != "" {
		b.name = aws.String(name)
	}
	return b
}

// detail is what an event says. Members are added, never renamed: rules and receivers rely on them.
type detail struct {
	ID         string    `json:"id"`
	Kind       string    `json:"kind"`
	PartnerID  string    `json:"partnerId"`
	WebhookID  string    `json:"webhookId"`
	DeliveryID string    `json:"deliveryId,omitempty"`
	Reason     string    `json:"reason,omitempty"`
	Count      int       `json:"count,omitempty"`
	At         time.Time `json:"at"`
}

// Publish implements delivery.Bus with one PutEvents for each ten events. A request that fails whole is the last: its
// events and those after it are not among the accepted.
func (b *Bus) Publish(ctx context.Context, events []webhook.OutboxEvent) ([]webhook.OutboxEvent, error) {
	var accepted, fitting []webhook.OutboxEvent
	var entries []types.PutEventsRequestEntry
	var refused []string
	for _, e := range events {
		entry, err := b.entry(e)
		if err != nil {
			return nil, err
		}
		if size(entry) > maxEntry {
			refused = append(refused, "too large")
			continue
		}
		fitting, entries = append(fitting, e), append(entries, entry)
	}
	for batch := range slices.Chunk(entries, batchLimit) {
		r, err := b.client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: batch})
		if err != nil {
			return accepted, webhook.Wrap(webhook.Unavailable, err, "the event bus did not answer")
		}
		for i, e := range fitting[:len(batch)] {
			// What was accepted has an id; all else counts as refused.
			if i < len(r.Entries) && aws.ToString(r.Entries[i].EventId) != "" {
				accepted = append(accepted, e)
			} else {
				refused = append(refused, refusal(r.Entries, i))
			}
		}
		fitting = fitting[len(batch):]
	}
	if refused != nil {
		n := len(refused)
		slices.Sort(refused)
		return accepted, webhook.Errorf(webhook.Unavailable, "the event bus refused %d of %d events: %s", n, len(events),
			strings.Join(slices.Compact(refused), ", "))
	}
	return accepted, nil
}

func (b *Bus) entry(e webhook.OutboxEvent) (types.PutEventsRequestEntry, error) {
	text, err := json.Marshal(detail{
		ID: e.ID, Kind: string(e.Kind), PartnerID: e.PartnerID, WebhookID: e.WebhookID, DeliveryID: e.DeliveryID,
		Reason: e.Reason, Count: e.Count, At: e.At.UTC(),
	})
	return types.PutEventsRequestEntry{
		EventBusName: b.name, Source: aws.String(Source), DetailType: aws.String(string(e.Kind)),
		Detail: aws.String(string(text)), Time: aws.Time(e.At),
	}, webhook.Wrap(webhook.Internal, err, "an operational event could not be encoded")
}

// size is an entry's size as EventBridge counts it.
func size(e types.PutEventsRequestEntry) int {
	const timeSize = 14
	return timeSize + len(*e.Source) + len(*e.DetailType) + len(*e.Detail)
}

// refusal says why entry i was not accepted.
func refusal(results []types.PutEventsResultEntry, i int) string {
	if i >= len(results) || results[i].ErrorCode == nil {
		return "no result"
	}
	return *results[i].ErrorCode
}
