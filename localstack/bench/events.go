package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// bodySize is the default body of the bench's records, in bytes: what the other senders were measured with.
const bodySize = 634

// maker makes stream records as DynamoDB writes them: about 1.7 KB each, whose default body has bodySize bytes. Values
// differ from record to record as in life, so that nothing compresses better than it would there. Repeatable: the
// values follow from the seed.
type maker struct {
	rand     *rand.Rand
	sequence uint64
}

func newMaker(seed uint64) *maker {
	return &maker{rand: rand.New(rand.NewPCG(seed, 0)), sequence: seed * 1_000_000_000}
}

var (
	employers = []string{"Northwind Logistics", "Aurora Medical Group", "Blue Harbor Foods", "Castle Peak School District", "Delta Tooling"}
	words     = strings.Fields("statement matches the payroll deposits of the last three months and the employer confirmed position salary and start date by telephone without any open question")
)

// record makes the change of one verification to VERIFIED at a time. Streams tell whole seconds.
func (m *maker) record(partnerID string, at time.Time) []byte {
	return m.recordOf(partnerID, at, "")
}

// recordOf is record with one more string of proof, for bodies of other sizes.
func (m *maker) recordOf(partnerID string, at time.Time, proof string) []byte {
	m.sequence++
	hash := make([]byte, 32)
	for i := range hash {
		hash[i] = byte(m.rand.Uint32())
	}
	verification := fmt.Sprintf("ver_%016x", m.rand.Uint64())
	session := strconv.Itoa(100_000 + m.rand.IntN(900_000))
	amount := fmt.Sprintf("%d.%d%d", 1000+m.rand.IntN(9000), m.rand.IntN(10), 1+m.rand.IntN(9))
	employer := employers[m.rand.IntN(len(employers))]
	note := m.text(162 - len(employer))
	old := attributes{
		"verificationId": s(verification), "partnerId": s(partnerID), "status": s("IN_PROGRESS"), "sessionId": n(session), "stepId": n("3"),
		"formattedData": attribute{"M": attributes{"incomeVerified": b(false), "employer": s(employer), "pending": s(m.text(100))}},
		"metadata":      attribute{"M": attributes{"reference": s("loan-" + session), "channel": s("portal")}},
	}
	proofs := attributes{
		"provider": s("payroll"), "documentHash": s(hex.EncodeToString(hash)), "verified": b(true), "note": s(note),
	}
	if proof != "" {
		proofs["proof"] = s(proof)
	}
	image := attributes{
		"verificationId": s(verification), "partnerId": s(partnerID), "status": s("VERIFIED"), "sessionId": n(session), "stepId": n("4"),
		"proofData": attribute{"M": proofs},
		"formattedData": attribute{"M": attributes{
			"incomeVerified": b(true), "employer": s(employer), "monthlyAmount": n(amount), "currency": s("USD"),
			"verificationScore": n("95.5"),
		}},
		"metadata": attribute{"M": attributes{"reference": s("loan-" + session), "channel": s("portal")}},
	}
	raw, err := json.Marshal(map[string]any{
		"eventID": hex.EncodeToString(hash[:16]), "eventName": "MODIFY", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
		"awsRegion":      "us-east-1",
		"eventSourceARN": "arn:aws:dynamodb:us-east-1:111122223333:table/verifications/stream/2026-07-01T00:00:00.000",
		"dynamodb": map[string]any{
			"ApproximateCreationDateTime": at.Unix(), "Keys": attributes{"verificationId": s(verification)},
			"OldImage": old, "NewImage": image, "SequenceNumber": fmt.Sprintf("1111%020d", m.sequence),
			"SizeBytes": 900, "StreamViewType": "NEW_AND_OLD_IMAGES",
		},
	})
	if err != nil {
		panic(err) // maps of strings
	}
	return raw
}

// text is prose of a length.
func (m *maker) text(length int) string {
	var b strings.Builder
	for b.Len() < length {
		b.WriteString(words[m.rand.IntN(len(words))] + " ")
	}
	return b.String()[:length]
}

// noise is text of a length that does not compress below three quarters of it.
func (m *maker) noise(length int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	out := make([]byte, length)
	for i := range out {
		out[i] = letters[m.rand.IntN(len(letters))]
	}
	return string(out)
}

// attribute is a value in DynamoDB's JSON.
type (
	attribute  map[string]any
	attributes map[string]attribute
)

func s(v string) attribute { return attribute{"S": v} }
func n(v string) attribute { return attribute{"N": v} }
func b(v bool) attribute   { return attribute{"BOOL": v} }

// streamEvent is what Lambda hands to a function for some records.
func streamEvent(records ...[]byte) []byte {
	size := len(`{"Records":[]}`)
	for _, r := range records {
		size += len(r) + 1
	}
	out := append(make([]byte, 0, size), `{"Records":[`...)
	for i, r := range records {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, r...)
	}
	return append(out, `]}`...)
}

// decoded reads a record of the bench's own.
func decoded(raw []byte) payload.Record {
	r, ok, err := payload.Decode(raw)
	if !ok || err != nil {
		panic(fmt.Sprintf("a record of the bench is no event: %v", err))
	}
	return r
}

// defaultBody is what is posted for a record to a webhook without a template.
func defaultBody(raw []byte) []byte {
	body, err := decoded(raw).Body(webhook.GuideNaming, nil)
	if err != nil {
		panic(err)
	}
	return body
}
