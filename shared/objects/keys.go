package objects

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// The keys. That of a parked record holds what a list shows, so that listing reads no object:
//
//	parked/<id>/<unix ms>-<size of the record>-<reason>.json
//	records/<partner>/<webhook>/<delivery>.json
//
// Ids sort by time, so lists are by age; the latest object of an id is its last.
const (
	parkedPrefix = "parked/"
	suffix       = ".json"
)

func parkedKey(p *webhook.Parked) string {
	return fmt.Sprintf("%s%s/%013d-%d-%s%s", parkedPrefix, p.ID, p.ParkedAt.UnixMilli(), len(p.Record),
		url.PathEscape(p.Reason), suffix)
}

func recordKey(r webhook.Ref) string {
	return "records/" + r.PartnerID + "/" + r.WebhookID + "/" + r.DeliveryID + suffix
}

// parseParkedKey reads a summary from a key; ok is false for an object that is not a parked record.
func parseParkedKey(key string) (s webhook.ParkedSummary, ok bool) {
	rest, isParked := strings.CutPrefix(key, parkedPrefix)
	rest, isJSON := strings.CutSuffix(rest, suffix)
	id, name, found := strings.Cut(rest, "/")
	parts := strings.SplitN(name, "-", 3)
	if !isParked || !isJSON || !found || len(parts) != 3 {
		return s, false
	}
	ms, err1 := strconv.ParseInt(parts[0], 10, 64)
	size, err2 := strconv.ParseInt(parts[1], 10, 64)
	reason, err3 := url.PathUnescape(parts[2])
	if err1 != nil || err2 != nil || err3 != nil {
		return s, false
	}
	return webhook.ParkedSummary{ID: id, Reason: reason, ParkedAt: time.UnixMilli(ms).UTC(), Size: size}, true
}

// afterID sorts behind every key of an id and before those of the next.
func afterID(id string) string { return parkedPrefix + id + "/~" }

// List implements portal.Parked with ListObjectsV2 alone. A position is the last id of its page.
func (o *Objects) List(ctx context.Context, p webhook.Page) ([]webhook.ParkedSummary, []byte, error) {
	after := ""
	if len(p.After) > 0 {
		if !webhook.ValidParkedID(string(p.After)) {
			return nil, nil, webhook.Errorf(webhook.Invalid, "the position is not of this list")
		}
		after = afterID(string(p.After))
	}
	var items []webhook.ParkedSummary
	for {
		in := &s3.ListObjectsV2Input{Bucket: aws.String(o.bucket), Prefix: aws.String(parkedPrefix), MaxKeys: aws.Int32(listStep)}
		if after != "" {
			in.StartAfter = aws.String(after)
		}
		page, err := o.client.ListObjectsV2(ctx, in)
		if err != nil {
			return nil, nil, webhook.Wrap(webhook.Unavailable, err, "parked records were not listed")
		}
		for _, c := range page.Contents {
			after = aws.ToString(c.Key)
			s, ok := parseParkedKey(after)
			switch {
			case !ok:
			case len(items) > 0 && items[len(items)-1].ID == s.ID:
				items[len(items)-1] = s
			case len(items) == p.Limit:
				return items, []byte(items[len(items)-1].ID), nil
			default:
				items = append(items, s)
			}
		}
		if !aws.ToBool(page.IsTruncated) {
			return items, nil, nil
		}
	}
}

// listStep is how many keys one request lists.
const listStep = 200

// keysOf returns the keys of one parked record, the latest last. There are more than a few only if it was parked again
// and again.
func (o *Objects) keysOf(ctx context.Context, id string) ([]string, error) {
	var keys []string
	pages := s3.NewListObjectsV2Paginator(o.client, &s3.ListObjectsV2Input{
		Bucket: aws.String(o.bucket), Prefix: aws.String(parkedPrefix + id + "/"),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, webhook.Wrap(webhook.Unavailable, err, "a parked record was not looked up")
		}
		for _, c := range page.Contents {
			keys = append(keys, aws.ToString(c.Key))
		}
	}
	return keys, nil
}
