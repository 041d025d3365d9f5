// Package objects keeps in S3 what must not be lost and fits in no table. It satisfies what the packages delivery and
// portal ask for as Objects and Parked; their comments are the contract.
package objects

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Objects is a bucket. It is safe for concurrent use.
type Objects struct {
	client *s3.Client
	bucket string
}

// New returns the Objects in bucket.
func New(client *s3.Client, bucket string) *Objects { return &Objects{client: client, bucket: bucket} }

// formatVersion stands in every parked object as `v`.
const formatVersion = 1

// parked is a parked record as JSON. Record is base64, since it may be any bytes.
type parked struct {
	Version        int       `json:"v"`
	ID             string    `json:"id"`
	Reason         string    `json:"reason"`
	Detail         string    `json:"detail"`
	Attribute      string    `json:"attribute,omitempty"`
	PartnerID      string    `json:"partnerId,omitempty"`
	VerificationID string    `json:"verificationId,omitempty"`
	ParkedAt       time.Time `json:"parkedAt"`
	Record         []byte    `json:"record"`
}

// Park implements delivery.Objects with one PutObject. Parking the same record at another time or for another reason
// leaves the object before in place; readers take the latest.
func (o *Objects) Park(ctx context.Context, p webhook.Parked) error {
	b, err := encode(p)
	if err != nil {
		return err
	}
	return o.put(ctx, parkedKey(&p), b)
}

// Parked implements delivery.Objects and portal.Parked with one ListObjectsV2 and one GetObject, of which a lost batch
// takes the second only.
func (o *Objects) Parked(ctx context.Context, id string) (webhook.Parked, error) {
	if isLost(id) {
		return o.lost(ctx, id)
	}
	keys, err := o.keysOf(ctx, id)
	if err != nil {
		return webhook.Parked{}, err
	}
	if len(keys) == 0 {
		return webhook.Parked{}, webhook.Errorf(webhook.NotFound, "no such parked record")
	}
	b, _, err := o.get(ctx, keys[len(keys)-1])
	if err != nil {
		return webhook.Parked{}, err
	}
	p, err := decode(b)
	if err != nil {
		return webhook.Parked{}, webhook.Wrap(webhook.Corrupt, err, "the parked record "+id)
	}
	return p, nil
}

func encode(p webhook.Parked) ([]byte, error) {
	b, err := json.Marshal(parked{
		Version: formatVersion, ID: p.ID, Reason: p.Reason, Detail: p.Detail, Attribute: p.Attribute,
		PartnerID: p.PartnerID, VerificationID: p.VerificationID, ParkedAt: p.ParkedAt, Record: p.Record,
	})
	return b, webhook.Wrap(webhook.Internal, err, "a parked record could not be encoded")
}

// decode reads a parked object. Corrupt if it is none, or a later release's.
func decode(b []byte) (webhook.Parked, error) {
	var p parked
	if err := json.Unmarshal(b, &p); err != nil {
		return webhook.Parked{}, webhook.Wrap(webhook.Corrupt, err, "a parked record could not be read")
	}
	if p.Version > formatVersion {
		return webhook.Parked{}, webhook.Errorf(webhook.Corrupt,
			"a parked record has the format %d, a later release's: this one reads up to %d", p.Version, formatVersion)
	}
	if p.Version < 1 {
		return webhook.Parked{}, webhook.Errorf(webhook.Corrupt, "a parked record has the unknown format %d", p.Version)
	}
	return webhook.Parked{
		ID: p.ID, Reason: p.Reason, Detail: p.Detail, Attribute: p.Attribute, PartnerID: p.PartnerID,
		VerificationID: p.VerificationID, ParkedAt: p.ParkedAt, Record: p.Record,
	}, nil
}

// Unpark implements delivery.Objects with one ListObjectsV2 and a DeleteObject for each object of the record.
func (o *Objects) Unpark(ctx context.Context, id string) error {
	keys, err := o.keysOf(ctx, id)
	if err != nil {
		return err
	}
	// The object that readers take goes last: a removal cut short leaves the record, not an earlier state of it.
	for _, k := range keys {
		_, err := o.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(o.bucket), Key: aws.String(k)})
		if err != nil {
			return webhook.Wrap(webhook.Unavailable, err, "a parked record was not removed")
		}
	}
	return nil
}

// KeepRecord implements delivery.Objects with one PutObject.
func (o *Objects) KeepRecord(ctx context.Context, ref webhook.Ref, record []byte) error {
	return o.put(ctx, recordKey(ref), record)
}

// KeptRecord implements delivery.Objects with one GetObject.
func (o *Objects) KeptRecord(ctx context.Context, ref webhook.Ref) ([]byte, error) {
	b, _, err := o.get(ctx, recordKey(ref))
	return b, err
}

func (o *Objects) put(ctx context.Context, key string, b []byte) error {
	_, err := o.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(o.bucket), Key: aws.String(key), Body: bytes.NewReader(b),
		ContentType: aws.String("application/json"),
	})
	return webhook.Wrap(webhook.Unavailable, err, "an object was not stored")
}

// get returns an object and when it was stored.
func (o *Objects) get(ctx context.Context, key string) ([]byte, time.Time, error) {
	return o.getVersion(ctx, key, "")
}

// getVersion is get for one version, "" for the present one.
func (o *Objects) getVersion(ctx context.Context, key, version string) ([]byte, time.Time, error) {
	in := &s3.GetObjectInput{Bucket: aws.String(o.bucket), Key: aws.String(key)}
	if version != "" {
		in.VersionId = aws.String(version)
	}
	r, err := o.client.GetObject(ctx, in)
	var absent *types.NoSuchKey
	var code smithy.APIError
	if errors.As(err, &absent) || errors.As(err, &code) && code.ErrorCode() == "NoSuchVersion" {
		return nil, time.Time{}, webhook.Errorf(webhook.NotFound, "no such object")
	}
	if err != nil {
		return nil, time.Time{}, webhook.Wrap(webhook.Unavailable, err, "an object was not read")
	}
	b, err := io.ReadAll(r.Body)
	return b, aws.ToTime(r.LastModified), webhook.Wrap(webhook.Unavailable, errors.Join(err, r.Body.Close()), "an object was not read")
}
