package webhook

import (
	"strings"
	"time"
)

// Status is the status of a verification record.
type Status string

// The statuses. The first three are not final; an event arises only when a record reaches one of the last three.
const (
	Pending      Status = "PENDING"
	InProgress   Status = "IN_PROGRESS"
	ManualReview Status = "MANUAL_REVIEW"
	Verified     Status = "VERIFIED"
	Failed       Status = "FAILED"
	Expired      Status = "EXPIRED"
)

// Known tells whether s is one of the statuses.
func (s Status) Known() bool {
	switch s {
	case Pending, InProgress, ManualReview, Verified, Failed, Expired:
		return true
	}
	return false
}

// Final tells whether a record with this status can make an event.
func (s Status) Final() bool { return s == Verified || s == Failed || s == Expired }

// EventType names what happened; it is what `eventTypes` filters and `x-webhook-event` use.
type EventType string

// The event types, in the order in which the API lists them.
const (
	Completed             EventType = "verification.completed"
	FailedType            EventType = "verification.failed"
	ExpiredType           EventType = "verification.expired"
	ManualReviewCompleted EventType = "verification.manual_review_completed"
)

// EventTypes returns all event types.
func EventTypes() []EventType {
	return []EventType{Completed, FailedType, ExpiredType, ManualReviewCompleted}
}

// Known tells whether t is one of the event types.
func (t EventType) Known() bool {
	for _, k := range EventTypes() {
		if t == k {
			return true
		}
	}
	return false
}

// EventFor returns the type of the event that a change from the old status to the new one makes; ok is false if it
// makes none. A record that was absent has the old status "". Both statuses must be known (or the old one empty).
// The table is that of the design's section 2.1.
func EventFor(old, new Status) (t EventType, ok bool) {
	if !new.Final() || old == new {
		return "", false
	}
	switch {
	case new == Expired:
		return ExpiredType, true
	case old == ManualReview:
		return ManualReviewCompleted, true
	case new == Verified:
		return Completed, true
	default:
		return FailedType, true
	}
}

// Outcome is the body's top-level `status`: "success" for VERIFIED, "failed" for every other final status.
func (s Status) Outcome() string {
	if s == Verified {
		return "success"
	}
	return "failed"
}

// TypeNaming chooses what a body's `type` says.
type TypeNaming string

const (
	// GuideNaming sends `verification.completed` for every event: the partner guide's handler acts on nothing else
	// and tells success from failure by `data.status`.
	GuideNaming TypeNaming = "guide"
	// DetailedNaming sends the event's own type.
	DetailedNaming TypeNaming = "detailed"
)

// BodyType returns the `type` that a body under this naming carries for an event.
func (n TypeNaming) BodyType(t EventType) EventType {
	if n == DetailedNaming {
		return t
	}
	return Completed
}

// Event is one thing that happened to a verification. It is made once, from one change of a record.
type Event struct {
	ID             string
	Type           EventType
	PartnerID      string
	VerificationID string
	// OccurredAt is the stream record's ApproximateCreationDateTime.
	OccurredAt time.Time
	// Sequence is the stream record's sequence number: decimal digits, at most 40.
	Sequence string
}

// OrderKey sorts events as strings in the order of their records: by creation time, then by sequence number as a
// number. DynamoDB promises an order per item only; this one is total and stable.
func (e Event) OrderKey() string {
	const width = 40
	seq := strings.TrimLeft(e.Sequence, "0")
	if len(seq) < width {
		seq = strings.Repeat("0", width-len(seq)) + seq
	}
	return e.OccurredAt.UTC().Format("20060102150405.000") + "#" + seq
}
