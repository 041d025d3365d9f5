package webhook

import "time"

// CredentialKind tells an API key from a portal session's token.
type CredentialKind string

// The kinds of credentials.
const (
	APIKey        CredentialKind = "api_key"
	PortalSession CredentialKind = "portal_session"
)

// Credential is a stored API key or portal session. Only a hash of its secret is kept.
type Credential struct {
	ID        string
	PartnerID string
	Kind      CredentialKind
	// Name is the administrator's label.
	Name string
	// SecretHash is the SHA-256 of the whole credential string.
	SecretHash [32]byte
	CreatedAt  time.Time
	// ExpiresAt is zero for a credential without an end. It is compared by code: a store's TTL is late.
	ExpiresAt time.Time
}

// OutboxKind names an operational event.
type OutboxKind string

// The operational events.
const (
	WebhookDeactivated    OutboxKind = "webhook.deactivated"
	WebhookReactivated    OutboxKind = "webhook.reactivated"
	DeliveryUndeliverable OutboxKind = "delivery.undeliverable"
	// WebhookDrained says that everything that waited for a webhook was brought to it; Count says how much.
	WebhookDrained OutboxKind = "webhook.drained"
	// WebhookFailing warns that attempts at a webhook began to fail; it is not switched off yet.
	WebhookFailing OutboxKind = "webhook.failing"
)

// OutboxEvent is an operational event, stored in the transaction that caused it and published from there. It carries
// no payload data.
type OutboxEvent struct {
	ID         string
	Kind       OutboxKind
	PartnerID  string
	WebhookID  string
	DeliveryID string
	// Reason is a code: a DeactivationReason, an ErrorCode, or text of a fixed set that holds no payload data.
	Reason string
	// Count is how many deliveries a drain was about.
	Count int
	At    time.Time
}
