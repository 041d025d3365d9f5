package dynamo

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strconv"
	"time"

	stateless "github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/s2"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// The first byte of a stored body says how it is stored.
const (
	bodyRaw     = 0
	bodyDeflate = 1 // raw DEFLATE with bodyDictionary
	bodyS2      = 2 // a block of S2 with bodyDictionary
)

// A body of up to quickBody bytes is packed with S2 if that makes it no larger than quickPacked: its delivery's item is
// within one write unit either way, and DEFLATE takes several times as long.
const (
	quickBody   = 1 << 10
	quickPacked = 512
)

// bodyDictionary is the text that default bodies share. Changing it needs a new first byte: what is stored must stay
// readable.
const bodyDictionary = `"proofData":{"formattedData":{"metadata":{"firstName":"","lastName":"","email":"","name":"","createdAt":"",` +
	`"timestamp":"","provider":"","userId":"","amount":"currency":"country":"true,"false,"null,` +
	`verification.manual_review_completedverification.expiredverification.failed"status":"FAILED","status":"EXPIRED",` +
	`{"type":"verification.completed","status":"failed","data":{"verificationId":"` +
	`{"type":"verification.completed","status":"success","data":{"verificationId":"","sessionId":,"stepId":,` +
	`"status":"VERIFIED","proofData":{"},"formattedData":{"},"metadata":{"}}}`

// inlineBody is the largest stored body, in bytes, that stands in the delivery's own item: every save writes it again.
const inlineBody = 4 << 10

var (
	deflateDictionary = []byte(bodyDictionary)
	s2Dictionary      = s2.MakeDict(deflateDictionary, []byte(`{"type":"verification.completed"`))
)

// packBody returns a body as it is stored: compressed if that makes it smaller. Nil for an empty one. The compressors hold
// nothing between two calls. S2's takes 64 KiB of stack.
func packBody(body []byte) []byte {
	if len(body) == 0 {
		return nil
	}
	if len(body) <= quickBody {
		var b [1 + quickBody + quickBody/4]byte
		if packed := s2Dictionary.Encode(b[1:], body); len(packed) < min(quickPacked, len(body)) {
			b[0] = bodyS2
			return bytes.Clone(b[:1+len(packed)])
		}
	}
	b := bytes.NewBuffer(make([]byte, 0, 1+len(body)))
	b.WriteByte(bodyDeflate)
	if err := stateless.StatelessDeflate(b, body, true, deflateDictionary); err == nil && b.Len() <= len(body) {
		return b.Bytes()
	}
	return append([]byte{bodyRaw}, body...)
}

func unpackBody(stored []byte) ([]byte, error) {
	if len(stored) == 0 {
		return nil, nil
	}
	switch stored[0] {
	case bodyRaw:
		return stored[1:], nil
	case bodyDeflate:
		r := flate.NewReaderDict(bytes.NewReader(stored[1:]), deflateDictionary)
		body, err := io.ReadAll(r)
		return body, webhook.Wrap(webhook.Corrupt, err, "a stored body could not be read")
	case bodyS2:
		if n, err := s2.DecodedLen(stored[1:]); err != nil || n > quickBody {
			return nil, webhook.Errorf(webhook.Corrupt, "a stored body of %d bytes does not begin with its length", len(stored))
		}
		body, err := s2Dictionary.Decode(nil, stored[1:])
		return body, webhook.Wrap(webhook.Corrupt, err, "a stored body could not be read")
	}
	return nil, webhook.Errorf(webhook.Corrupt, "a stored body has the unknown format %d", stored[0])
}

// bodyItem holds a body that is too large for its delivery's item. It is written with the delivery that first needs it
// and again only if the body or the period changes.
type bodyItem struct {
	header
	Version string
	Body    []byte
}

func (i *bodyItem) fields(c *coder) {
	i.header.fields(c)
	c.text("bv", &i.Version, always)
	c.bytes("b", &i.Body, always)
}

// bodyPeriod is the grain of a body item's lifetime. The item is not written whenever its delivery is, so its TTL is
// the end of a period that is long enough for nearly all deliveries: counted from the delivery's creation, the first
// period's end that the delivery cannot outlive as it stands. A delivery that succeeds at once is kept for 30 days, its
// large body for 45.
const bodyPeriod = 15 * 24 * time.Hour

// bodySlack covers a delivery that is overdue for a long time before it comes to its final state.
const bodySlack = 14 * 24 * time.Hour

// bodyExpiry returns the number of the period in which d's body item ends, and its end.
func bodyExpiry(d *webhook.Delivery) (period int64, end time.Time) {
	last := d.UpdatedAt
	for _, t := range []time.Time{d.CreatedAt, d.HeldUntil, d.NextAttemptAt} {
		if t.After(last) {
			last = t
		}
	}
	need := last.Add(webhook.FinalRetention + bodySlack).Sub(d.CreatedAt)
	period = int64(need/bodyPeriod) + 1
	return period, d.CreatedAt.Add(time.Duration(period) * bodyPeriod)
}

// bodyVersion names the content and the lifetime of a body item. The delivery's item holds it, so that a save finds
// out by its own condition whether the body that is there is the right one.
func bodyVersion(body []byte, period int64) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:12]) + "-" + strconv.FormatInt(period, 10)
}
