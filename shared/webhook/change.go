package webhook

import "time"

// Change is a set of conditional writes that become real together or not at all.
//
// Every value carries in Rev the version its caller read, 0 for one that must not exist yet. A store refuses the whole
// Change with Conflict if any of them has another version by now. On success the store has set Rev in each value to
// the new version. At most 100 values.
type Change struct {
	Partner *Partner
	Webhook *Webhook
	// RemoveWebhook removes a webhook, its secrets with it, if its version is still the one given.
	RemoveWebhook *Webhook
	Deliveries    []*Delivery
	// RemoveDelivery removes a delivery with its body, if its version is still the one given. With version 0 there must be no
	// such delivery, and what goes is the body that it left behind.
	RemoveDelivery *Delivery
	Jobs           []*Job
	// EndedJob is a job that has ended and whose place one of Jobs takes: it is kept under its id until its time is over.
	EndedJob *Job
	// Outbox rows are new: their ids have never been used.
	Outbox []OutboxEvent
	// AddCredential is new: its id has never been used. Credentials never change.
	AddCredential *Credential
	// Answer must not exist yet, or have ended (ExpiresAt).
	Answer *Answer
}

// Stored tells the values of a Change that became real their new versions; stores call it.
func (c Change) Stored() {
	if c.Partner != nil {
		c.Partner.Rev++
	}
	if c.Webhook != nil {
		c.Webhook.Rev++
	}
	for _, d := range c.Deliveries {
		d.Rev++
	}
	for _, j := range c.Jobs {
		j.Rev++
	}
}

// Answer is the stored answer to a request that carried an Idempotency-Key.
type Answer struct {
	PartnerID string
	// Key is a hash of the route and the caller's key.
	Key string
	// RequestHash is the SHA-256 of the request's body.
	RequestHash [32]byte
	// Sealed is the ciphertext of the answer: it may hold a secret.
	Sealed    []byte
	ExpiresAt time.Time
}

// Page asks for a part of a list.
type Page struct {
	// Limit is the most items wanted, 1 to 100. A page may be shorter and still have a successor.
	Limit int
	// After is the position an earlier page ended at, as its store gave it; nil for the first page. It holds no
	// tenant: the store adds the partner of the call, so a position taken from elsewhere reaches nothing.
	After []byte
}

// DeliveryQuery asks for deliveries of one webhook, newest first unless OldestFirst. Zero fields do not filter.
type DeliveryQuery struct {
	PartnerID, WebhookID string
	State                State
	EventType            EventType
	VerificationID       string
	// Since and Until bound Event.OccurredAt, inclusive and exclusive.
	Since, Until time.Time
	// OldestFirst turns the order round. AfterID, with it, leaves out what does not follow that delivery. Neither goes
	// together with VerificationID.
	OldestFirst bool
	AfterID     string
	Page
}

// MessageKind says what a queue message asks for.
type MessageKind string

const (
	// AttemptMessage asks for attempt Number of the delivery Ref.
	AttemptMessage MessageKind = "attempt"
	// DiscardMessage asks to cancel what is held for the webhook of Ref and was discarded, a page at a time.
	DiscardMessage MessageKind = "discard"
	// AbandonMessage asks to end what was pending for the deleted webhook of Ref and that nothing else would move.
	AbandonMessage MessageKind = "abandon"
	// JobMessage asks for the next step of the job Job of the webhook of Ref.
	JobMessage MessageKind = "job"
	// RedriveMessage asks to handle the parked record ParkedID again.
	RedriveMessage MessageKind = "redrive"
)

// Message is one message on the delivery queue. It holds ids only: whoever receives it reads the stored state.
type Message struct {
	Kind     MessageKind
	Ref      Ref
	Number   int
	Job      JobKind
	ParkedID string
	// Step counts the messages of a chain, from 0, and After is the position its last page ended at.
	Step  int
	After string
	// Faults counts how often the message was put off in a row because of faults that should pass.
	Faults int
	// Slow says that it is about an attempt to a webhook that is slow. Only the sender's queue looks at it; it is not part of
	// what is received.
	Slow bool
	// Delay is how long the queue keeps the message back, 0 to 900 s; a queue rounds it up to whole seconds.
	Delay time.Duration
}

// Group names whose message it is: a queue prefers those of groups that have little under way. A webhook's messages are a
// group, so that it starves nobody; those about slow webhooks are one together, since many of them would do what one of
// them does, and none would stand out.
func (m Message) Group() string {
	switch {
	case m.Slow:
		return "slow"
	case m.Ref.WebhookID != "":
		return m.Ref.WebhookID
	}
	return string(m.Kind)
}

// AnswerLife is how long the answer to an idempotent request is kept.
const AnswerLife = 24 * time.Hour
