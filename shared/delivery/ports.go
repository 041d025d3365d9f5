package delivery

import (
	"context"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Store is the durable state that deliveries need. All reads are strongly consistent unless a method says otherwise:
// they show every write that was answered before the read began. Errors carry the codes NotFound, Conflict or
// Unavailable.
//
// Unavailable from a write means that the outcome is not known: it may have become real, now or a little later. Whoever
// reads again and decides anew from what is stored is safe; the same Change sent again may meet its own first write and
// get Conflict.
type Store interface {
	// PartnerWebhooks returns a partner and all its webhooks with their detours in one read. NotFound if there is no such
	// partner.
	PartnerWebhooks(ctx context.Context, partnerID string) (webhook.Partner, []webhook.Webhook, error)
	// Webhook returns one webhook, its detour and its partner. NotFound if either the webhook or the partner is absent.
	Webhook(ctx context.Context, partnerID, webhookID string) (webhook.Partner, webhook.Webhook, error)
	// Delivery returns a delivery with its body. NotFound if it is absent.
	Delivery(ctx context.Context, ref webhook.Ref) (webhook.Delivery, error)
	// Commit makes a Change real or refuses it whole: Conflict if what is stored is not what the Change was built on. An
	// adapter that repeats a request by itself recognises its own first write; but that may have become real and
	// somebody else may have built on it since, so on Conflict, too, the caller reads again and decides from what is
	// stored.
	Commit(ctx context.Context, c webhook.Change) error
	// AddStats adds an hour's counters to those stored. It is not idempotent: a request that the adapter repeated may
	// count twice, and an error may have counted or not.
	AddStats(ctx context.Context, partnerID, webhookID string, s webhook.Stats) error
	// PutDetour stores how a webhook stands to the stream's path, in the place of what was stored before, for 30 days from
	// its At. It is a hint: of two at once the last one stays, after an error it may be stored or not, and one that can't be
	// read counts as none. It does not matter whether the webhook exists.
	PutDetour(ctx context.Context, partnerID, webhookID string, d webhook.Detour) error
	// TakePlaces takes n places in the pace of a webhook on a detour. The first begins at the returned time, each other one
	// a gap after the one before; nobody else gets these places, and the next caller's follow them. The first is not before
	// now. If it would be after until, none is taken and ok is false. It is not idempotent: a request that the adapter
	// repeated may take more places than it returns, and after an error some may be taken or not.
	TakePlaces(ctx context.Context, partnerID, webhookID string, n int, gap time.Duration, now, until time.Time) (first time.Time, ok bool, err error)
	// Job returns the present job of a kind, or with an id that job, whether it is the present one or an earlier one.
	// NotFound if there is none.
	Job(ctx context.Context, ref webhook.JobRef) (webhook.Job, error)
	// Due returns what has a DueAt at or before the given time, longest overdue first, at most limit of deliveries and
	// jobs together. Eventually consistent: it may miss what was written just now and show what has moved on.
	Due(ctx context.Context, before time.Time, limit int) (deliveries []webhook.Ref, jobs []webhook.JobRef, err error)
	// Held lists the deliveries that wait for a webhook's activation (Delivery.Waiting) in the order of their records.
	// Eventually consistent.
	Held(ctx context.Context, partnerID, webhookID string, p webhook.Page) (refs []webhook.Ref, next []byte, err error)
	// Outbox returns operational events that happened at or before the given time and were not removed, oldest first, at
	// most limit. Eventually consistent.
	Outbox(ctx context.Context, before time.Time, limit int) ([]webhook.OutboxEvent, error)
	// RemoveOutbox removes operational events; those that are gone already do not matter, so repeating it is safe.
	RemoveOutbox(ctx context.Context, events []webhook.OutboxEvent) error
	// Deliveries lists a webhook's deliveries without bodies. A filter by state looks at a bounded
	// number of items, so a page may come back short or empty and still have a successor.
	Deliveries(ctx context.Context, q webhook.DeliveryQuery) (items []webhook.Delivery, next []byte, err error)
}

// Queue is the delivery queue: at least once, in no order, each message after its own delay.
type Queue interface {
	// Send stores the messages, any number. A nil error says that all of them are stored; otherwise any of them may
	// be, and sending all of them again is safe because receivers look at the stored state. Codes: Unavailable;
	// Internal if the queue will never take one of them, so that sending again does not help.
	Send(ctx context.Context, ms ...webhook.Message) error
	// Waiting returns about how many messages are ready and not yet received, the delayed ones left out.
	Waiting(ctx context.Context) (int, error)
}

// Sender makes the POST of an attempt. It reports what happened and never fails otherwise. It returns within MaxSend of
// being called and follows no redirect. It may make the POST twice where the outcome of the first can't be known
// (webhook.Response.Resent). Safe for concurrent use.
type Sender interface {
	Send(ctx context.Context, r webhook.Request) webhook.Response
}

// Vault opens the ciphertext of a webhook's secrets. Codes: Corrupt if it can never be opened, Unavailable if the key
// service did not answer. Safe for concurrent use; a hit in its key cache makes no call.
type Vault interface {
	OpenSecrets(ctx context.Context, w *webhook.Webhook) (webhook.Secrets, error)
}

// Objects keeps what must not be lost and fits in no table: parked records, and the records of deliveries whose body
// could not be built. Codes: Unavailable, NotFound. After Unavailable a write may have happened; repeating it is safe.
type Objects interface {
	// Park stores p under its id; parking the same again replaces it by itself.
	Park(ctx context.Context, p webhook.Parked) error
	// Parked returns what is parked under id.
	Parked(ctx context.Context, id string) (webhook.Parked, error)
	// Unpark removes what is parked under id; it succeeds if nothing is.
	Unpark(ctx context.Context, id string) error
	// KeepRecord stores the stream record of a delivery that is undeliverable, so that its body can be built anew.
	KeepRecord(ctx context.Context, ref webhook.Ref, record []byte) error
	// KeptRecord returns what KeepRecord stored; NotFound if nothing.
	KeptRecord(ctx context.Context, ref webhook.Ref) ([]byte, error)
}

// Bus tells others of operational events, at least once each: receivers know an event by its id.
type Bus interface {
	// Publish returns the events that were accepted; the others may have been, and are safe to publish again. err is
	// for the log and says why not all of them are among the accepted. Code: Unavailable.
	Publish(ctx context.Context, events []webhook.OutboxEvent) (accepted []webhook.OutboxEvent, err error)
}

// MaxSend bounds one send: connecting and TLS 5 s, writing the request 5 s, the answer's header 10 s, the excerpt 1 s, and
// 1 s to spare.
const MaxSend = 22 * time.Second
