package portal

import (
	"context"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Store is the durable state behind the API. Reads are strongly consistent unless a method says otherwise. Errors carry
// the codes NotFound, Conflict or Unavailable; after Unavailable from a write, the write may have become real.
// Every method takes the partner from its caller, who has it from the credential and from nowhere else.
type Store interface {
	// Partner returns a partner.
	Partner(ctx context.Context, partnerID string) (webhook.Partner, error)
	// Partners lists all partners by id. Eventually consistent.
	Partners(ctx context.Context, p webhook.Page) (items []webhook.Partner, next []byte, err error)

	// Webhook returns one webhook and its partner. NotFound if either is absent.
	Webhook(ctx context.Context, partnerID, webhookID string) (webhook.Partner, webhook.Webhook, error)
	// Webhooks lists a partner's webhooks by id, which is the order of their creation.
	Webhooks(ctx context.Context, partnerID string, p webhook.Page) (items []webhook.Webhook, next []byte, err error)

	// Deliveries lists deliveries, newest first, without bodies and with their logs. Filters other than the time and
	// the verification id look at a bounded number of items, so a page may come back short or empty and still have a
	// successor. Eventually consistent when VerificationID is set.
	Deliveries(ctx context.Context, q webhook.DeliveryQuery) (items []webhook.Delivery, next []byte, err error)
	// Delivery returns a delivery with its body.
	Delivery(ctx context.Context, ref webhook.Ref) (webhook.Delivery, error)
	// Job is as in delivery.Store.
	Job(ctx context.Context, ref webhook.JobRef) (webhook.Job, error)
	// HeldCount counts the deliveries in state held of a webhook and stops at most. Eventually consistent.
	HeldCount(ctx context.Context, partnerID, webhookID string, most int) (int, error)
	// Stats returns the newest hours that have counters, newest first, at most limit. Eventually consistent.
	Stats(ctx context.Context, partnerID, webhookID string, limit int) ([]webhook.Stats, error)

	// Credential returns an API key or portal session by its id, expired or not.
	Credential(ctx context.Context, id string) (webhook.Credential, error)
	// Credentials lists a partner's API keys by id; portal sessions are not listed.
	Credentials(ctx context.Context, partnerID string, p webhook.Page) (items []webhook.Credential, next []byte, err error)
	// RemoveCredential removes a credential of a partner. NotFound if that partner has none of that id, which after an
	// Unavailable may be the caller's own doing.
	RemoveCredential(ctx context.Context, partnerID, id string) error

	// Answer returns the stored answer to an idempotent request, NotFound if there is none or it has ended by now.
	Answer(ctx context.Context, partnerID, key string, now time.Time) (webhook.Answer, error)
	// Commit makes a Change real or refuses it whole, as in delivery.Store.
	Commit(ctx context.Context, c webhook.Change) error

	// CountRequest counts one request of a partner in the second that now lies in and returns the count so far. It may
	// count one request twice, and after Unavailable may have counted.
	CountRequest(ctx context.Context, partnerID string, now time.Time) (int, error)
	// AcquireTest takes one of the partner's slots for tests until the given time, for owner; ok is false if all
	// slots are taken. The caller gives it back with ReleaseTest; a slot whose time has ended is free. After Unavailable
	// a slot may be taken.
	AcquireTest(ctx context.Context, partnerID, owner string, slots int, now, until time.Time) (ok bool, err error)
	// ReleaseTest gives all of owner's slots back; it succeeds if owner has none, so repeating it is safe.
	ReleaseTest(ctx context.Context, partnerID, owner string) error
}

// Verifications reads the table that verification systems write.
type Verifications interface {
	// Verification returns a record's attributes in DynamoDB's JSON, as the new image of a stream record has them.
	// Strongly consistent. NotFound if there is no such record, whoever's it would be.
	Verification(ctx context.Context, verificationID string) (image []byte, err error)
}

// Vault seals and opens what must not be stored in the clear. Codes as in delivery.Vault.
type Vault interface {
	// SealSecrets encrypts s bound to the webhook's partner and id.
	SealSecrets(ctx context.Context, w *webhook.Webhook, s webhook.Secrets) ([]byte, error)
	OpenSecrets(ctx context.Context, w *webhook.Webhook) (webhook.Secrets, error)
	// Seal encrypts plain bound to purpose; Open refuses it under another purpose with Corrupt.
	Seal(ctx context.Context, purpose string, plain []byte) ([]byte, error)
	Open(ctx context.Context, purpose string, sealed []byte) ([]byte, error)
}

// Parked lists and redrives parked records, for administrators.
type Parked interface {
	List(ctx context.Context, p webhook.Page) (items []webhook.ParkedSummary, next []byte, err error)
	// Parked returns one with its record. NotFound if there is none.
	Parked(ctx context.Context, id string) (webhook.Parked, error)
}

// Queue sends messages to the delivery queue; see delivery.Queue.
type Queue interface {
	Send(ctx context.Context, ms ...webhook.Message) error
}

// Sender makes the one POST of a test; see delivery.Sender.
type Sender interface {
	Send(ctx context.Context, r webhook.Request) webhook.Response
}

// URLChecker refuses a URL that no webhook may have, with Invalid and a message that tells no internal address. It
// returns the URL as it is to be stored. A name that does not resolve, or not within 2 s, is accepted.
type URLChecker interface {
	CheckURL(ctx context.Context, raw string) (normalised string, err error)
}
