package objects

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// The keys. That of a parked record holds what a list shows, so that listing reads no object:
//
//	parked/<id>/<unix ms>-<size of the record>-<reason>/<partner>/<verification>/<attribute>/<detail>.json
//	records/<partner>/<webhook>/<delivery>.json
//	aws/lambda/...                                what Lambda puts there by itself: see lost.go
//
// Ids sort by time, so lists are by age; the latest object of an id is its last. The parts from the partner on are
// missing in keys of earlier versions.
const (
	parkedPrefix  = "parked/"
	recordsPrefix = "records/"
	suffix        = ".json"
)

func parkedKey(p *webhook.Parked) string {
	parts := []string{
		fmt.Sprintf("%013d-%d-%s", p.ParkedAt.UnixMilli(), len(p.Record), url.PathEscape(p.Reason)),
		fitting(p.PartnerID, 192), fitting(p.VerificationID, 320), fitting(p.Attribute, 40), fitting(p.Detail, 320),
	}
	return parkedPrefix + p.ID + "/" + strings.Join(parts, "/") + suffix
}

// fitting returns a part of a key, empty if it would be longer than most bytes: a whole key has at most 1,024.
func fitting(s string, most int) string {
	if escaped := url.PathEscape(s); utf8.ValidString(s) && len(escaped) <= most {
		return escaped
	}
	return ""
}

func recordKey(r webhook.Ref) string {
	return recordsPrefix + r.PartnerID + "/" + r.WebhookID + "/" + r.DeliveryID + suffix
}

// parseParkedKey reads a summary from a key; ok is false for an object that is not a parked record.
func parseParkedKey(key string) (s webhook.ParkedSummary, ok bool) {
	rest, isParked := strings.CutPrefix(key, parkedPrefix)
	rest, isJSON := strings.CutSuffix(rest, suffix)
	parts := strings.Split(rest, "/")
	if !isParked || !isJSON || len(parts) != 2 && len(parts) != 6 {
		return s, false
	}
	first := strings.SplitN(parts[1], "-", 3)
	if len(first) != 3 {
		return s, false
	}
	ms, err1 := strconv.ParseInt(first[0], 10, 64)
	size, err2 := strconv.ParseInt(first[1], 10, 64)
	s = webhook.ParkedSummary{ID: parts[0], ParkedAt: time.UnixMilli(ms).UTC(), Size: size}
	parts[1] = first[2]
	to := []*string{&s.Reason, &s.PartnerID, &s.VerificationID, &s.Attribute, &s.Detail}
	for i, part := range parts[1:] {
		var err error
		if *to[i], err = url.PathUnescape(part); err != nil {
			return s, false
		}
	}
	return s, err1 == nil && err2 == nil
}

// afterID sorts behind every key of an id and before those of the next.
func afterID(id string) string { return parkedPrefix + id + "/~" }

// List implements portal.Parked with ListObjectsV2 alone: what was parked, then what the stream lost. A position is the
// last id of its page.
func (o *Objects) List(ctx context.Context, p webhook.Page) ([]webhook.ParkedSummary, []byte, error) {
	last := string(p.After)
	if isLost(last) {
		return o.listLost(ctx, last, p.Limit)
	}
	if last != "" && !webhook.ValidParkedID(last) {
		return nil, nil, webhook.Errorf(webhook.Invalid, "the position is not of this list")
	}
	items, more, err := o.listParked(ctx, last, p.Limit)
	if err != nil {
		return nil, nil, err
	}
	if more {
		return items, []byte(items[len(items)-1].ID), nil
	}
	if len(items) < p.Limit {
		lost, next, err := o.listLost(ctx, "", p.Limit-len(items))
		return append(items, lost...), next, err
	}
	lost, _, err := o.listLost(ctx, "", 1)
	if err != nil || len(lost) == 0 {
		return items, nil, err
	}
	return items, []byte(items[len(items)-1].ID), nil
}

// listParked returns what was parked under ids after the last one, at most limit, and tells whether there is more.
func (o *Objects) listParked(ctx context.Context, last string, limit int) (items []webhook.ParkedSummary, more bool, err error) {
	after := ""
	if last != "" {
		after = afterID(last)
	}
	for {
		page, err := o.listObjects(ctx, parkedPrefix, after)
		if err != nil {
			return nil, false, err
		}
		for _, c := range page.Contents {
			after = aws.ToString(c.Key)
			s, ok := parseParkedKey(after)
			switch {
			case !ok:
			case len(items) > 0 && items[len(items)-1].ID == s.ID:
				items[len(items)-1] = s
			case len(items) == limit:
				return items, true, nil
			default:
				items = append(items, s)
			}
		}
		if !aws.ToBool(page.IsTruncated) {
			return items, false, nil
		}
	}
}

// listObjects lists the next objects whose keys follow after.
func (o *Objects) listObjects(ctx context.Context, prefix, after string) (*s3.ListObjectsV2Output, error) {
	in := &s3.ListObjectsV2Input{Bucket: aws.String(o.bucket), Prefix: aws.String(prefix), MaxKeys: aws.Int32(listStep)}
	if after != "" {
		in.StartAfter = aws.String(after)
	}
	page, err := o.client.ListObjectsV2(ctx, in)
	return page, webhook.Wrap(webhook.Unavailable, err, "parked records were not listed")
}

// listStep is how many keys one request lists.
const listStep = 200

// keysOf returns the keys of what is parked under an id, the latest last, none for what cannot be an id. There are more
// than a few only if a record was parked again and again.
func (o *Objects) keysOf(ctx context.Context, id string) ([]string, error) {
	if key, ok := lostKey(id); ok {
		return []string{key}, nil
	}
	if !webhook.ValidParkedID(id) {
		return nil, nil
	}
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
