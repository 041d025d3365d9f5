package payload

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"strconv"
	"time"
)

// Inserted makes a stream record out of a verification record as it stands, in DynamoDB's JSON: that of an insertion at
// the given time, in whole milliseconds. The same image and time always make the same event. Its sequence number, which
// no stream has given, is made of the verification's id and status: it has 64 bits, since a delivery's id takes its low
// ones in the place of a hash.
func Inserted(image []byte, at time.Time) ([]byte, error) {
	t, fault := parseRecord(image)
	if fault != nil {
		return nil, fault
	}
	id, _ := stringOf(&t, 0, "verificationId")
	status, _ := stringOf(&t, 0, "status")
	sum := sha256.Sum256([]byte(status + "\x00" + id))
	ms := at.UnixMilli()
	return json.Marshal(map[string]any{
		"eventName": insertEvent,
		"dynamodb": map[string]any{
			"ApproximateCreationDateTime": json.Number(strconv.FormatFloat(float64(ms)/1000, 'f', 3, 64)),
			"SequenceNumber":              strconv.FormatUint(binary.BigEndian.Uint64(sum[:]), 10),
			"NewImage":                    json.RawMessage(image),
		},
	})
}
