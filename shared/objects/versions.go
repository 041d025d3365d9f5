package objects

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Versions are all versions of one object, and the marks of its deletion. A bucket without versions has one of each.
type Versions struct {
	Key string
	// IDs names the versions that have content, the latest first, Marks the others.
	IDs, Marks []string
}

// Len counts versions and marks.
func (v Versions) Len() int { return len(v.IDs) + len(v.Marks) }

// KeptVersions calls f with what is or was kept of each delivery of a partner, until f returns an error. It reads keys
// alone. The Ref is zero for an object whose key is none of this release's.
func (o *Objects) KeptVersions(ctx context.Context, partnerID string, f func(webhook.Ref, Versions) error) error {
	prefix := recordsPrefix + partnerID + "/"
	return o.versions(ctx, prefix, func(v Versions) error {
		rest, isJSON := strings.CutSuffix(strings.TrimPrefix(v.Key, prefix), suffix)
		hook, id, ok := strings.Cut(rest, "/")
		if !isJSON || !ok || hook == "" || id == "" || strings.Contains(id, "/") {
			return f(webhook.Ref{}, v)
		}
		return f(webhook.Ref{PartnerID: partnerID, WebhookID: hook, DeliveryID: id}, v)
	})
}

// ParkedVersions calls f with everything that is or was parked, lost batches too, until f returns an error. It reads keys
// alone: a summary lacks what its key has no room for, and has no ID for an object whose key is none of this release's.
func (o *Objects) ParkedVersions(ctx context.Context, f func(webhook.ParkedSummary, Versions) error) error {
	err := o.versions(ctx, parkedPrefix, func(v Versions) error {
		s, ok := parseParkedKey(v.Key)
		if !ok {
			return f(webhook.ParkedSummary{}, v)
		}
		return f(s, v)
	})
	if err != nil {
		return err
	}
	return o.versions(ctx, lostPrefix, func(v Versions) error {
		id, ok := lostID(v.Key)
		if !ok {
			return f(webhook.ParkedSummary{}, v)
		}
		return f(webhook.ParkedSummary{ID: id, Reason: webhook.ReasonLeftStream}, v)
	})
}

// versions lists the objects below a prefix, but for the marks of folders that S3's console makes. What
// ListObjectVersions tells of one key may stand on two pages.
func (o *Objects) versions(ctx context.Context, prefix string, f func(Versions) error) error {
	open := map[string]Versions{}
	pages := s3.NewListObjectVersionsPaginator(o.client, &s3.ListObjectVersionsInput{
		Bucket: aws.String(o.bucket), Prefix: aws.String(prefix), MaxKeys: aws.Int32(listStep),
	})
	for more := true; more; {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return webhook.Wrap(webhook.Unavailable, err, "versions of objects were not listed")
		}
		for _, x := range page.Versions {
			v := open[aws.ToString(x.Key)]
			v.IDs = append(v.IDs, aws.ToString(x.VersionId))
			open[aws.ToString(x.Key)] = v
		}
		for _, x := range page.DeleteMarkers {
			v := open[aws.ToString(x.Key)]
			v.Marks = append(v.Marks, aws.ToString(x.VersionId))
			open[aws.ToString(x.Key)] = v
		}
		keys := slices.Sorted(maps.Keys(open))
		if more = pages.HasMorePages(); more && len(keys) > 0 {
			keys = keys[:len(keys)-1]
		}
		for _, key := range keys {
			v := open[key]
			delete(open, key)
			v.Key = key
			if strings.HasSuffix(key, "/") {
				continue
			}
			if err := f(v); err != nil {
				return err
			}
		}
	}
	return nil
}

// Latest returns the content of the latest version that has any: NotFound if none has. What was parked is decoded, a
// kept record is its Record alone.
func (o *Objects) Latest(ctx context.Context, v Versions) (webhook.Parked, error) {
	if len(v.IDs) == 0 {
		return webhook.Parked{}, webhook.Errorf(webhook.NotFound, "only marks of its deletion")
	}
	b, at, err := o.getVersion(ctx, v.Key, v.IDs[0])
	if err != nil {
		return webhook.Parked{}, err
	}
	if id, ok := lostID(v.Key); ok {
		return lostBatch(id, b, at), nil
	}
	if !strings.HasPrefix(v.Key, parkedPrefix) {
		return webhook.Parked{Record: b}, nil
	}
	return decode(b)
}

// RemoveVersions removes an object with all its versions and marks, for good. Repeating it is safe; after an error some may
// be left. The latest content goes after what is older, so that what is left can still be told from other objects, and the
// marks go last: without the latest mark the content below it would be current again. A mark alone holds nothing.
func (o *Objects) RemoveVersions(ctx context.Context, v Versions) error {
	all := slices.Clone(v.IDs)
	slices.Reverse(all)
	for _, id := range append(all, v.Marks...) {
		_, err := o.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(o.bucket), Key: aws.String(v.Key), VersionId: aws.String(id)})
		if err != nil {
			return webhook.Wrap(webhook.Unavailable, err, "a version of an object was not removed")
		}
	}
	return nil
}
