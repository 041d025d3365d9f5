package dynamo

import "github.com/cr3dentials/verification-webhooks/shared/webhook"

// outboxItem is an operational event that waits to be published. Its sort key begins with its time.
type outboxItem struct {
	header
	ID         string `dynamodbav:"id"`
	Kind       string `dynamodbav:"k"`
	PartnerID  string `dynamodbav:"p,omitempty"`
	WebhookID  string `dynamodbav:"wh,omitempty"`
	DeliveryID string `dynamodbav:"d,omitempty"`
	Reason     string `dynamodbav:"re,omitempty"`
	At         int64  `dynamodbav:"at,omitempty"`
}

func newOutboxItem(e webhook.OutboxEvent, token string) outboxItem {
	return outboxItem{
		header: headerOf(outboxKey(e), token, noExpiry), ID: e.ID, Kind: string(e.Kind), PartnerID: e.PartnerID,
		WebhookID: e.WebhookID, DeliveryID: e.DeliveryID, Reason: e.Reason, At: nanos(e.At),
	}
}
