package objects

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// lostPrefix is where Lambda puts what it gives to the on-failure destination of the stream, one object for each batch
// of records that left the stream unhandled:
//
//	aws/lambda/<event source mapping>/<shard>/<yyyy>/<mm>/<dd>/<time>-<uuid>
//
// Its id is lostIDPrefix and the rest of its key in base64, so that no list is needed to find it. Every object there
// counts, whatever the rest of its key looks like: an object that nobody lists would be forgotten.
const (
	lostPrefix   = "aws/lambda/"
	lostIDPrefix = "lost_"
)

func isLost(id string) bool { return strings.HasPrefix(id, lostIDPrefix) }

// lostID returns the id of an object; ok is false for what is no object of Lambda's, such as a folder's mark.
func lostID(key string) (id string, ok bool) {
	rest, found := strings.CutPrefix(key, lostPrefix)
	return lostIDPrefix + base64.RawURLEncoding.EncodeToString([]byte(rest)), found && plain(rest)
}

// lostKey returns the key of a lost batch's object; ok is false for what cannot be an id.
func lostKey(id string) (key string, ok bool) {
	rest, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimPrefix(id, lostIDPrefix))
	return lostPrefix + string(rest), isLost(id) && err == nil && plain(string(rest))
}

// plain tells whether a key's rest stays below its prefix, whoever reads it as a path.
func plain(rest string) bool {
	return utf8.ValidString(rest) && rest != "" && path.Clean("/"+rest) == "/"+rest
}

func (o *Objects) listLost(ctx context.Context, last string, limit int) (items []webhook.ParkedSummary, next []byte, err error) {
	after := ""
	if last != "" {
		key, ok := lostKey(last)
		if !ok {
			return nil, nil, webhook.Errorf(webhook.Invalid, "the position is not of this list")
		}
		after = key
	}
	for {
		page, err := o.listObjects(ctx, lostPrefix, after)
		if err != nil {
			return nil, nil, err
		}
		for _, c := range page.Contents {
			after = aws.ToString(c.Key)
			id, ok := lostID(after)
			switch {
			case !ok:
			case len(items) == limit:
				return items, []byte(items[len(items)-1].ID), nil
			default:
				items = append(items, webhook.ParkedSummary{
					ID: id, Reason: webhook.ReasonLeftStream, ParkedAt: aws.ToTime(c.LastModified).UTC(), Size: aws.ToInt64(c.Size),
				})
			}
		}
		if !aws.ToBool(page.IsTruncated) {
			return items, nil, nil
		}
	}
}

// invocation is what is needed of the invocation record that Lambda writes (Lambda developer guide, "Retain discarded
// records for a DynamoDB event source").
type invocation struct {
	RequestContext struct {
		Condition string `json:"condition"`
	} `json:"requestContext"`
	Batch struct {
		ShardID string `json:"shardId"`
		Size    int    `json:"batchSize"`
	} `json:"DDBStreamBatchInfo"`
	// Payload is the whole event as the text of its JSON.
	Payload json.RawMessage `json:"payload"`
}

// lost reads the object of a lost batch. Its Record is the event; if it has none, the whole object.
func (o *Objects) lost(ctx context.Context, id string) (webhook.Parked, error) {
	key, ok := lostKey(id)
	if !ok {
		return webhook.Parked{}, webhook.Errorf(webhook.NotFound, "no such parked record")
	}
	b, at, err := o.get(ctx, key)
	if err != nil {
		return webhook.Parked{}, err
	}
	return lostBatch(id, b, at), nil
}

func lostBatch(id string, b []byte, at time.Time) webhook.Parked {
	p := webhook.Parked{ID: id, Reason: webhook.ReasonLeftStream, ParkedAt: at.UTC().Truncate(time.Second), Record: b}
	var i invocation
	if err := json.Unmarshal(b, &i); err != nil || len(i.Payload) == 0 {
		p.Detail = "the records themselves are not in it: only `make reconcile` can find what they were"
		return p
	}
	p.Detail = fmt.Sprintf("%s: %d records of %s", i.RequestContext.Condition, i.Batch.Size, i.Batch.ShardID)
	var text string
	if err := json.Unmarshal(i.Payload, &text); err == nil {
		p.Record = []byte(text)
	} else {
		p.Record = i.Payload
	}
	return p
}
