package webhook

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"io"
	"strings"
	"time"
)

// Ids are a prefix that names the kind, then 26 characters of Crockford's base32: 48 bits of milliseconds since 1970,
// then 80 bits that are random, a hash, or half a sequence number. They sort by time as strings, which the delivery log relies on.
const (
	partnerPrefix  = "prt_"
	webhookPrefix  = "whk_"
	eventPrefix    = "evt_"
	deliveryPrefix = "dlv_"
	outboxPrefix   = "obx_"
	parkedPrefix   = "prk_"
	jobPrefix      = "job_"
)

var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// IDSource makes new ids. Rand must be a cryptographic source; Now is the clock. Safe for concurrent use if both are.
type IDSource struct {
	Now  func() time.Time
	Rand io.Reader
}

// Partner returns a new partner id.
func (s IDSource) Partner() string { return s.random(partnerPrefix) }

// Webhook returns a new webhook id.
func (s IDSource) Webhook() string { return s.random(webhookPrefix) }

// Outbox returns a new id for a row of the outbox.
func (s IDSource) Outbox() string { return s.random(outboxPrefix) }

// Job returns a new id for a job.
func (s IDSource) Job() string { return s.random(jobPrefix) }

// Probe returns a new id for a probe, which is stored nowhere.
func (s IDSource) Probe() string { return s.random("probe_") }

// TestDelivery returns a new id for a test send, which is stored nowhere.
func (s IDSource) TestDelivery() string { return s.random("test_") }

// Owner returns a token that names one holder of a lease.
func (s IDSource) Owner() string { return s.random("") }

func (s IDSource) random(prefix string) string {
	var tail [10]byte
	mustRead(s.Rand, tail[:])
	return prefix + encodeID(s.Now(), tail[:])
}

// mustRead fills b. A random source that fails leaves nothing safe to do, so it panics, as crypto/rand itself does.
func mustRead(r io.Reader, b []byte) {
	if _, err := io.ReadFull(r, b); err != nil {
		panic("webhook: random source failed: " + err.Error())
	}
}

// EventID derives the id of the event that a change of a verification record makes. The sequence number of a stream
// record is unique within its shard and all changes of one item go through one line of shards, so the same change has
// the same id however often it is delivered.
func EventID(verificationID, sequenceNumber string, at time.Time) string {
	return derive(eventPrefix, at, verificationID, sequenceNumber)
}

// DeliveryID derives the id of the delivery of an event to a webhook: a redelivered stream record finds itself. Streams
// tell times in whole seconds, so the low bits of the sequence number follow: ids of one second sort in the order of
// their records, as long as they come from one shard.
func DeliveryID(e Event, webhookID string) string {
	tail := hash(e.ID, webhookID)
	if n, ok := lowBits(e.Sequence); ok {
		var low [8]byte
		binary.BigEndian.PutUint64(low[:], n)
		copy(tail[:5], low[3:])
	}
	return deliveryPrefix + encodeID(e.OccurredAt, tail)
}

// lowBits returns a number, written in decimal, modulo 2^64; ok is false for 0 and for what is no number.
func lowBits(decimal string) (n uint64, ok bool) {
	for i := range len(decimal) {
		c := decimal[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + uint64(c-'0') // what overflows is what is left out
		ok = ok || c != '0'
	}
	return n, ok
}

// ParkedID derives the id under which an unusable stream record is parked; raw is the record as it came.
func ParkedID(raw []byte, at time.Time) string { return derive(parkedPrefix, at, string(raw)) }

// ValidParkedID tells whether s could be the id of a parked record.
func ValidParkedID(s string) bool { return validID(s, parkedPrefix) }

// ValidJobID tells whether s could be a job's id.
func ValidJobID(s string) bool { return validID(s, jobPrefix) }

// DeliveryIDAt returns the smallest possible delivery id of a time, for ranges over the log.
func DeliveryIDAt(at time.Time) string {
	return deliveryPrefix + encodeID(at, make([]byte, 10))
}

func derive(prefix string, at time.Time, parts ...string) string {
	return prefix + encodeID(at, hash(parts...))
}

// hash hashes length-prefixed parts, so that no two lists of parts have the same hash input, to 80 bits.
func hash(parts ...string) []byte {
	in := make([]byte, 0, 128)
	for _, p := range parts {
		in = binary.BigEndian.AppendUint64(in, uint64(len(p)))
		in = append(in, p...)
	}
	sum := sha256.Sum256(in)
	return sum[:10]
}

func encodeID(at time.Time, tail []byte) string {
	var raw [16]byte
	ms := at.UnixMilli()
	if ms < 0 {
		ms = 0
	}
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(ms))
	copy(raw[:6], b[2:])
	copy(raw[6:], tail)
	return crockford.EncodeToString(raw[:])
}

// validID tells whether s has the form of an id of ours with the given kind's prefix; ids in URLs are checked with it
// before any store sees them.
func validID(s, prefix string) bool {
	rest, ok := strings.CutPrefix(s, prefix)
	if !ok || len(rest) != 26 {
		return false
	}
	_, err := crockford.DecodeString(rest)
	return err == nil
}

// ValidWebhookID tells whether s could be a webhook's id.
func ValidWebhookID(s string) bool { return validID(s, webhookPrefix) }

// ValidDeliveryID tells whether s could be a delivery's id.
func ValidDeliveryID(s string) bool { return validID(s, deliveryPrefix) }

// ValidPartnerID tells whether s may name a partner: 1 to 64 of [A-Za-z0-9._-], since partners bring the ids they
// already have in the verification records.
func ValidPartnerID(s string) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
