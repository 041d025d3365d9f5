package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
	"github.com/cr3dentials/verification-webhooks/shared/objects"
	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// parked removes the records of the verification that made no event.
func (f *forgetter) parked(ctx context.Context) error {
	return f.bucket.ParkedVersions(ctx, func(s webhook.ParkedSummary, v objects.Versions) error {
		if s.ID == "" {
			f.foreign(v)
			return ctx.Err()
		}
		if webhook.ParkedKindOf(s.Reason) == webhook.ParkedLost {
			f.batch(ctx, s.ID, v)
			return ctx.Err()
		}
		partnerID, verificationID := s.PartnerID, s.VerificationID
		if partnerID == "" || verificationID == "" { // its key has no room for them, or it has none
			p, err := f.bucket.Latest(ctx, v)
			if webhook.CodeOf(err) == webhook.NotFound {
				return nil
			}
			if err != nil {
				f.fail(err, "parked", s.ID)
				return ctx.Err()
			}
			partnerID, verificationID = p.PartnerID, p.VerificationID
			if verificationID == "" {
				partnerID, verificationID = payload.Subject(p.Record)
			}
		}
		switch {
		case verificationID != f.verificationID:
		case partnerID != "" && partnerID != f.partnerID:
			f.elsewhere++
			f.tell("stays", "parked", s.ID, "of partner "+partnerID)
		default:
			remove := func() error { return f.bucket.RemoveVersions(ctx, v) }
			f.remove(remove, "parked", s.ID, s.Reason, "versions", strconv.Itoa(v.Len()))
		}
		return ctx.Err()
	})
}

// foreign tells of an object that this release cannot name: it may be of the verification.
func (f *forgetter) foreign(v objects.Versions) {
	f.fail(errors.New("not a key of this release's: see what it is"), "object", v.Key)
}

// batch tells of a batch that left the stream if it holds the verification. It holds others' records too, so it stays.
func (f *forgetter) batch(ctx context.Context, id string, v objects.Versions) {
	p, err := f.bucket.Latest(ctx, v)
	if webhook.CodeOf(err) == webhook.NotFound {
		return
	}
	if err != nil {
		f.fail(err, "batch", id)
		return
	}
	records, err := payload.Split(p.Record)
	if err != nil {
		if names(p.Record, f.verificationID) {
			f.shared++
			f.tell("stays", "batch", id, "it can't be read, but names it")
		}
		return
	}
	own := 0
	for _, raw := range records {
		if _, verificationID := payload.Subject(raw); verificationID == f.verificationID {
			own++
		}
	}
	if own > 0 {
		f.shared++
		f.tell("stays", "batch", id, fmt.Sprintf("%d of its %d records", own, len(records)))
	}
}

// kept removes the records of the verification's undeliverable deliveries, also of those whose time has ended.
func (f *forgetter) kept(ctx context.Context) error {
	type object struct {
		ref webhook.Ref
		v   objects.Versions
		own bool
		err error
	}
	var all []*object
	err := f.bucket.KeptVersions(ctx, f.partnerID, func(r webhook.Ref, v objects.Versions) error {
		if r == (webhook.Ref{}) {
			f.foreign(v)
			return nil
		}
		all = append(all, &object{ref: r, v: v})
		return nil
	})
	if err != nil {
		return err
	}
	const atOnce = 16
	local.Each(all, atOnce, func(x *object) error {
		var p webhook.Parked
		if p, x.err = f.bucket.Latest(ctx, x.v); x.err == nil {
			_, id := payload.Subject(p.Record)
			x.own = id == f.verificationID
		}
		return nil // told below, in the order of the list
	})
	for _, x := range all {
		f.webhooks[x.ref.WebhookID] = true
		if err := ctx.Err(); err != nil {
			return err
		}
		_, known := f.fates[x.ref]
		switch {
		case x.err != nil && webhook.CodeOf(x.err) != webhook.NotFound:
			f.fail(x.err, "kept", x.ref.WebhookID, x.ref.DeliveryID)
		case (known || x.own) && f.delivery(ctx, x.ref) != stays:
			remove := func() error { return f.bucket.RemoveVersions(ctx, x.v) }
			f.remove(remove, "kept", x.ref.WebhookID, x.ref.DeliveryID, "versions", strconv.Itoa(x.v.Len()))
		}
	}
	return nil
}
