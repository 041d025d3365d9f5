package webhook

import "time"

// Parked is something that waits for an operator: see ParkedKind.
type Parked struct {
	// ID is derived from what is parked, so that parking it twice keeps one.
	ID string
	// Reason is a code: see payload.Unusable, delivery, and the reasons of this package.
	Reason string
	// Detail says more, for operators. It holds no payload data.
	Detail string
	// Attribute names the attribute of the verification record that is at fault; empty if it is none or more than one.
	Attribute string
	// PartnerID and VerificationID are those of the record as far as it has any; they may be of any form.
	PartnerID, VerificationID string
	ParkedAt                  time.Time
	// Record is what was parked, whole: a stream record as it came; of a ParkedDelivery its Ref in JSON; of what the
	// stream lost the event with all its records.
	Record []byte
}

// ParkedSummary is what a list of parked records shows.
type ParkedSummary struct {
	ID        string
	Reason    string
	Detail    string
	Attribute string
	// PartnerID and VerificationID are left out by a list that has no room for them.
	PartnerID, VerificationID string
	ParkedAt                  time.Time
	Size                      int64
}

// ParkedKind says what was parked.
type ParkedKind string

// The kinds.
const (
	// ParkedRecord is a stream record that cannot become an event.
	ParkedRecord ParkedKind = "record"
	// ParkedDelivery is a delivery whose attempts kept being interrupted.
	ParkedDelivery ParkedKind = "delivery"
	// ParkedLost is a batch of stream records that left the stream unhandled.
	ParkedLost ParkedKind = "lost"
)

// The reasons that make another kind than ParkedRecord.
const (
	ReasonInterrupted = "interrupted"
	ReasonLeftStream  = "left_stream"
)

// ParkedKindOf returns what is parked for a reason.
func ParkedKindOf(reason string) ParkedKind {
	switch reason {
	case ReasonInterrupted:
		return ParkedDelivery
	case ReasonLeftStream:
		return ParkedLost
	}
	return ParkedRecord
}
