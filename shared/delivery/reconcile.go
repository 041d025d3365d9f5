package delivery

import (
	"context"
	"errors"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Reconciliation says how to look for what a stream never brought.
type Reconciliation struct {
	// At is when the record reached its status, as well as anybody knows. It is part of the ids.
	At time.Time
	// Known tells that At is that time and not just any: webhooks that were created later get nothing.
	Known bool
	// Apply creates what is missing; without it nothing is changed.
	Apply bool
}

// Missing is a delivery that there is not, as it was or would be created.
type Missing struct {
	webhook.Delivery
	// Created tells that it is there now.
	Created bool
}

// Reconcile compares a verification record, its attributes in DynamoDB's JSON, with the deliveries that there are of it,
// and returns those that are missing: pending with their messages queued, held for a webhook that is inactive, or
// undeliverable if there can be no body. It sends nothing, and needs neither Sender nor Vault. It is for records that the
// stream will never bring: what it brings afterwards has another id and is sent too.
//
// A webhook's delivery counts as there in any state, also one that the partner discarded, if its event could be the one
// that reaching the record's status makes. What stood there before is not known: so a completed manual review is taken
// for either status that it ends with, and none is ever created, only what the status is without one.
//
// The lookup is eventually consistent. What was created by an earlier or concurrent call, whatever its At, is found all the
// same: each creation stores a mark with the delivery. The error is a *payload.Unusable for a record that makes no event,
// now or later; otherwise it comes with what was found or created all the same, and calling again is safe.
func (e *Engine) Reconcile(ctx context.Context, image []byte, o Reconciliation) ([]Missing, error) {
	raw, err := payload.Inserted(image, o.At)
	if err != nil {
		return nil, err
	}
	r, isEvent, err := payload.Decode(raw)
	if err != nil || !isEvent {
		return nil, err
	}
	p, webhooks, err := e.Store.PartnerWebhooks(ctx, r.Event.PartnerID)
	if webhook.CodeOf(err) == webhook.NotFound {
		return nil, noPartner()
	}
	if err != nil {
		return nil, err
	}
	b := e.newBatch()
	defer e.flush(ctx, b.tally)
	var found []Missing
	var errs []error
	for i := range webhooks {
		w := &webhooks[i]
		if !w.Subscribed(r.Event.Type) || o.Known && !w.Eligible(r.Event, b.grace) || !w.EverActive && !w.Active {
			continue
		}
		there, err := e.reached(ctx, r, w)
		if err == nil && !there {
			var d webhook.Delivery
			if d, there, err = e.supply(ctx, b, r, w, w.Active && !p.Suspended, o.Apply); !there {
				found = append(found, Missing{Delivery: d, Created: o.Apply && err == nil})
			}
		}
		errs = append(errs, err)
	}
	return found, errors.Join(errs...)
}

// reached tells whether there is a delivery to w of an event that reaching the record's status makes.
func (e *Engine) reached(ctx context.Context, r payload.Record, w *webhook.Webhook) (bool, error) {
	q := webhook.DeliveryQuery{
		PartnerID: w.PartnerID, WebhookID: w.ID, VerificationID: r.Event.VerificationID, Page: webhook.Page{Limit: 100},
	}
	reviewed, _ := webhook.EventFor(webhook.ManualReview, r.Status)
	for {
		items, next, err := e.Store.Deliveries(ctx, q)
		if err != nil {
			return false, err
		}
		for i := range items {
			if t := items[i].Event.Type; t == r.Event.Type || t == reviewed {
				return true, nil
			}
		}
		if next == nil {
			return false, nil
		}
		q.After = next
	}
}

// reconciledFor is how long it is remembered that a delivery was created here. Indexes lag by seconds.
const reconciledFor = time.Hour

// supply makes the delivery of r to w that is missing, and with apply stores it and queues its message. there says that
// somebody else has just created one.
func (e *Engine) supply(ctx context.Context, b *batch, r payload.Record, w *webhook.Webhook, on, apply bool) (d webhook.Delivery, there bool, err error) {
	now := e.Now()
	d = webhook.Delivery{
		PartnerID: w.PartnerID, WebhookID: w.ID, ID: webhook.DeliveryID(r.Event, w.ID), Event: r.Event, CreatedAt: now,
	}
	mark, there, err := e.reconciled(ctx, w, r.Event)
	if err != nil || there {
		if there && apply { // its message may have been lost with whoever created it
			err = e.resumeIfStored(ctx, webhook.Ref{PartnerID: w.PartnerID, WebhookID: w.ID, DeliveryID: mark.Current})
		}
		return d, there, err
	}
	mark.ID, mark.State, mark.Current, mark.CreatedAt, mark.UpdatedAt = e.IDs.Job(), webhook.JobDone, d.ID, now, now
	body, without := e.body(r, w)
	d.Body = body
	switch {
	case without != nil && !apply:
		d.GiveUp(now, payload.Reason(without))
	case without != nil:
		err = e.insertWithoutBody(ctx, b, &d, r, w, without, &mark)
	case on:
		d.StartRound(now, w.Generation, now, "")
	default:
		d.Hold(now, w.Generation, e.HoldTime)
	}
	if without == nil && apply {
		err = e.insert(ctx, &d, &mark)
	}
	if webhook.CodeOf(err) == webhook.Conflict {
		return e.supplied(ctx, d, w)
	}
	return d, false, err
}

// reconciled returns the mark of a webhook's event, and whether it names a delivery that was created just now and is there.
func (e *Engine) reconciled(ctx context.Context, w *webhook.Webhook, x webhook.Event) (mark webhook.Job, there bool, err error) {
	mark, err = e.presentJob(ctx, w.PartnerID, w.ID, webhook.ReconciledJob(x))
	if err != nil || mark.Rev == 0 || e.Now().Sub(mark.UpdatedAt) >= reconciledFor {
		return mark, false, err
	}
	_, err = e.Store.Delivery(ctx, webhook.Ref{PartnerID: w.PartnerID, WebhookID: w.ID, DeliveryID: mark.Current})
	if webhook.CodeOf(err) == webhook.NotFound {
		return mark, false, nil
	}
	return mark, err == nil, err
}

// supplied is for a delivery that could not be created as something was there: this one, from the stream or an earlier
// call, or a mark. If neither can be seen, calling again is right.
func (e *Engine) supplied(ctx context.Context, d webhook.Delivery, w *webhook.Webhook) (webhook.Delivery, bool, error) {
	err := e.resume(ctx, d.Ref())
	if webhook.CodeOf(err) != webhook.NotFound {
		return d, err == nil, err
	}
	_, there, err := e.reconciled(ctx, w, d.Event)
	if err == nil && !there {
		err = webhook.Errorf(webhook.Unavailable, "changed by somebody else")
	}
	return d, there, err
}
