// Package payload turns records of the verifications table's stream into events, and events into request bodies.
package payload

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// The reasons for which a record cannot become an event. They are stored with parked records.
const (
	// MalformedRecord is a record that DynamoDB does not write: not JSON, no known event name, no creation time,
	// no sequence number, no new image or no key.
	MalformedRecord = "malformed_record"
	// MissingPartner is a record without a partnerId.
	MissingPartner = "missing_partner"
	// InvalidPartner is a record whose partnerId cannot name a partner (webhook.ValidPartnerID).
	InvalidPartner = "invalid_partner"
	// WrongType is a record with an attribute of another type than the design's section 2.1 gives it.
	WrongType = "wrong_type"
	// UnknownStatus is a record whose status is missing or not one of webhook.Status.
	UnknownStatus = "unknown_status"
	// MissingOldImage is a change without the image before it: whether it makes an event cannot be known.
	MissingOldImage = "missing_old_image"
)

// Unusable is the error of a record that cannot become an event, now or when it is read again.
type Unusable struct {
	// Reason is one of the constants of this package.
	Reason string
	// Detail says more, for operators. It names attributes and types, never a value from the record.
	Detail string
	// Attribute is the attribute at fault, which Detail names too; empty if it is none.
	Attribute string
}

func (u *Unusable) Error() string { return u.Reason + ": " + u.Detail }

func unusable(reason, detail string) *Unusable { return &Unusable{Reason: reason, Detail: detail} }

// faulty is unusable for one attribute's fault.
func faulty(reason, attribute, fault string) *Unusable {
	return &Unusable{Reason: reason, Detail: attribute + " " + fault, Attribute: attribute}
}

// Record is a stream record that makes an event.
type Record struct {
	Event webhook.Event
	// Status is the status the verification reached; it is final.
	Status webhook.Status
	// Raw is the record as it came, in the memory that Decode was given: Lambda uses an event's again for the next
	// invocation. Nothing else here shares it. Decode(Raw) gives this Record again.
	Raw []byte
	// data is the body's `data`: the members that the record has.
	data jsbytes.Value
	// bodies are the default bodies, which all copies of the Record share.
	bodies *bodies
}

// The names of the events of a DynamoDB stream.
const (
	insertEvent = "INSERT"
	modifyEvent = "MODIFY"
	removeEvent = "REMOVE"
)

// dataMembers are the members of the body's `data`, in their order (partner guide, "Default Webhook Payload"), with the
// DynamoDB types of the attributes they come from.
func dataMembers() []dataMember {
	return []dataMember{
		{"verificationId", "S", false}, {"sessionId", "N", false}, {"stepId", "N", true}, {"status", "S", false},
		{"proofData", "M", true}, {"formattedData", "M", true}, {"metadata", "M", true},
	}
}

type dataMember struct {
	name, kind string
	optional   bool
}

// Decode reads one element of a DynamoDB stream event's `Records`, as Lambda delivers it in JSON. ok tells whether the
// record makes an event (design, section 2.1). err is nil or an *Unusable, for a record that must be parked.
//
//   - A removal makes no event, whatever else it holds; neither does a new image with a known status that is not final.
//   - An old image with a missing, unknown or mistyped status counts as having another status: the record did reach a
//     final one, and the event must not be lost for what stood there before.
//   - verificationId, partnerId and status must be there. sessionId, stepId and the three maps may be missing and are
//     then left out of the body; under another type than theirs they make the record unusable. A stepId or map that is
//     DynamoDB's NULL counts as missing.
//
// It never panics; the memory it takes is a small multiple of len(raw), which Lambda bounds at 6 MB.
func Decode(raw []byte) (rec Record, ok bool, err error) {
	t, fault := parseRecord(raw)
	if fault != nil {
		return Record{}, false, fault
	}
	r, ok, fault := decode(&t)
	if fault != nil {
		return Record{}, false, fault
	}
	if !ok {
		return Record{}, false, nil
	}
	r.Raw = raw
	return r, true, nil
}

func decode(t *jsbytes.Tree) (Record, bool, *Unusable) {
	name, change := textOf(t, t.Member(0, "eventName")), t.Member(0, "dynamodb")
	switch {
	case name == removeEvent:
		return Record{}, false, nil
	case name != insertEvent && name != modifyEvent:
		return Record{}, false, unusable(MalformedRecord, "eventName is not one of DynamoDB's")
	}
	image := t.Member(change, "NewImage")
	if t.Kind(image) != jsbytes.KindObject {
		return Record{}, false, unusable(MalformedRecord, "there is no NewImage")
	}
	status, fault := newStatus(t, image)
	if fault != nil {
		return Record{}, false, fault
	}
	if !status.Final() {
		return Record{}, false, nil
	}
	old, fault := oldStatus(t, name, change)
	if fault != nil {
		return Record{}, false, fault
	}
	eventType, ok := webhook.EventFor(old, status)
	if !ok {
		return Record{}, false, nil
	}
	sequence, at := position(t, change)
	r, fault := newRecord(t, image, status, eventType, sequence, at)
	if fault != nil {
		return Record{}, false, fault
	}
	if sequence == "" || at.IsZero() {
		return Record{}, false, unusable(MalformedRecord, "there is no usable SequenceNumber or creation time")
	}
	return r, true, nil
}

// DecodeImage is Decode for the attributes of a record alone, in DynamoDB's JSON, as they stand at the given time: the
// event is the one that reaching the record's status without a manual review makes, and there is no Raw. partnerID is
// the record's, also with an error and without an event, empty if it has none that is usable.
func DecodeImage(image []byte, at time.Time) (partnerID string, r Record, ok bool, err error) {
	t, fault := parseRecord(image)
	if fault != nil {
		return "", Record{}, false, fault
	}
	if partnerID, fault = partnerOf(&t, 0); fault != nil {
		return "", Record{}, false, fault
	}
	status, fault := newStatus(&t, 0)
	if fault != nil {
		return partnerID, Record{}, false, fault
	}
	eventType, ok := webhook.EventFor("", status)
	if !ok {
		return partnerID, Record{}, false, nil
	}
	if r, fault = newRecord(&t, 0, status, eventType, "0", at); fault != nil {
		return partnerID, Record{}, false, fault
	}
	return partnerID, r, true, nil
}

func newRecord(t *jsbytes.Tree, image int, status webhook.Status, e webhook.EventType, sequence string, at time.Time) (Record, *Unusable) {
	partnerID, fault := partnerOf(t, image)
	if fault != nil {
		return Record{}, fault
	}
	verificationID, fault := verificationOf(t, image)
	if fault != nil {
		return Record{}, fault
	}
	data, fault := dataOf(t, image)
	if fault != nil {
		return Record{}, fault
	}
	// Events outlive their records: their texts must not hold on to all of the record's text.
	partnerID, verificationID, sequence = strings.Clone(partnerID), strings.Clone(verificationID), strings.Clone(sequence)
	return Record{
		Event: webhook.Event{
			ID: webhook.EventID(verificationID, sequence, at), Type: e, PartnerID: partnerID,
			VerificationID: verificationID, OccurredAt: at, Sequence: sequence,
		},
		Status: status, data: data, bodies: &bodies{},
	}, nil
}

// SequenceNumber returns a record's sequence number and creation time, also of records that Decode refuses: "" and the
// zero time for what it does not have.
func SequenceNumber(raw []byte) (string, time.Time) {
	t, fault := parseRecord(raw)
	if fault != nil {
		return "", time.Time{}
	}
	return position(&t, t.Member(0, "dynamodb"))
}

// maxNesting is how deep a record may be: deep enough for whatever DynamoDB could ever send, and no danger to the stack.
const maxNesting = 10_000

func parseRecord(raw []byte) (jsbytes.Tree, *Unusable) {
	t, rest, err := jsbytes.Scan(raw, maxNesting, maxNesting)
	if err != nil || t.Kind(0) != jsbytes.KindObject {
		return jsbytes.Tree{}, unusable(MalformedRecord, "the record is not a JSON object")
	}
	if len(rest) > 0 {
		return jsbytes.Tree{}, unusable(MalformedRecord, "something follows the record")
	}
	return t, nil
}

// textOf returns a string's text, and "" for what is none.
func textOf(t *jsbytes.Tree, v int) string {
	if t.Kind(v) != jsbytes.KindString {
		return ""
	}
	return t.Text(v)
}

// maxSequence is the most digits a sequence number has (DynamoDB API reference, StreamRecord).
const maxSequence = 40

// position reads what orders a record among others.
func position(t *jsbytes.Tree, change int) (sequence string, at time.Time) {
	if s := textOf(t, t.Member(change, "SequenceNumber")); s != "" && len(s) <= maxSequence && allDigits(s) {
		sequence = s
	}
	n := t.Member(change, "ApproximateCreationDateTime")
	if t.Kind(n) != jsbytes.KindNumber {
		return sequence, at
	}
	// Seconds since 1970. A double holds milliseconds exactly enough until the year 9999, which also bounds the time.
	const year9999 = 253_402_300_799
	if f, err := strconv.ParseFloat(t.Text(n), 64); err == nil && f > 0 && f <= year9999 {
		at = time.UnixMilli(int64(math.Round(f * 1000))).UTC()
	}
	return sequence, at
}

func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
