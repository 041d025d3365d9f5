package dynamo

import (
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// formatVersion stands in every item as `v`; README.md says when it grows.
const formatVersion = 1

// readable returns nil if an item of the format v can be read, Corrupt otherwise. Without a number it is of the first.
func readable(v types.AttributeValue) error {
	n, err := strconv.Atoi(text(v))
	switch {
	case v == nil || err == nil && n > 0 && n <= formatVersion:
		return nil
	case err == nil && n > formatVersion:
		return webhook.Errorf(webhook.Corrupt, "an item has the format %d, a later release's: this one reads up to %d", n, formatVersion)
	}
	return webhook.Errorf(webhook.Corrupt, "an item has the unknown format %q", text(v))
}

// header stands in every item. Attribute names are short because each item pays for them.
type header struct {
	PK string
	SK string
	V  int
	// W names the write that made this version.
	W string
	// TTL is in unix seconds; DynamoDB deletes the item some time after it.
	TTL int64
}

func (i *header) fields(c *coder) {
	c.text("pk", &i.PK, always)
	c.text("sk", &i.SK, always)
	c.int("v", &i.V, always)
	c.text("w", &i.W, ifSet)
	c.int64("ttl", &i.TTL, ifSet)
}

func headerOf(k key, token string, expires time.Time) header {
	h := header{PK: k.pk, SK: k.sk, V: formatVersion, W: token}
	if !expires.IsZero() {
		h.TTL = expires.Unix() + 1
	}
	return h
}

// nanos stores a time exactly: nanoseconds since 1970, 0 for the zero time.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// text returns the text of a string or number, "" for anything else.
func text(v types.AttributeValue) string {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberN:
		return v.Value
	}
	return ""
}

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func num(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func number(v types.AttributeValue) int64 {
	n, _ := strconv.ParseInt(text(v), 10, 64)
	return n
}

// position makes the opaque end of a page: the kind of list and the id it ended at. It names no partition, which
// always comes from the caller.
func position(kind byte, id string) []byte { return append([]byte{kind}, id...) }

// parsePosition reads a position of this kind; "" is the start.
func parsePosition(kind byte, after []byte) (id string, err error) {
	if len(after) == 0 {
		return "", nil
	}
	if after[0] != kind || len(after) < 2 || len(after) > 200 {
		return "", webhook.Errorf(webhook.Invalid, "the position is not of this list")
	}
	for _, c := range after[1:] {
		if c <= ' ' || c > '~' || c == '#' {
			return "", webhook.Errorf(webhook.Invalid, "the position is not of this list")
		}
	}
	return string(after[1:]), nil
}
