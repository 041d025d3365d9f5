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
	// At is when the record reached its status, as well as anybody knows. It is part of the ids: the same time every
	// time makes a delivery that is created twice find itself.
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
// undeliverable if there can be no body. It sends nothing, and needs neither Sender nor Vault. It is for records that the stream will never bring: what it brings afterwards has another id and is sent too.
//
// A webhook's delivery counts as there in any state, also one that the partner discarded, if its event could be the one
// that reaching the record's status makes. What stood there before is not known: so a completed manual review is taken
// for either status that it ends with, and none is ever created, only what the status is without one.
//
// The lookup is eventually consistent. What was created by an earlier or concurrent call with the same At is found by
// its id all the same. The error is a *payload.Unusable for a record that makes no event, now or later; otherwise it
// comes with what was found or created all the same, and calling again is safe.
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
			d, err = e.supply(ctx, b, r, w, w.Active && !p.Suspended, o.Apply)
			found = append(found, Missing{Delivery: d, Created: o.Apply && err == nil})
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

// supply makes the delivery of r to w that is missing, and with apply stores it and queues its message.
func (e *Engine) supply(ctx context.Context, b *batch, r payload.Record, w *webhook.Webhook, on, apply bool) (webhook.Delivery, error) {
	now := e.Now()
	d := webhook.Delivery{
		PartnerID: w.PartnerID, WebhookID: w.ID, ID: webhook.DeliveryID(r.Event, w.ID), Event: r.Event, CreatedAt: now,
	}
	body, err := e.body(r, w)
	if err != nil && apply {
		err = e.firstWithoutBody(ctx, b, &d, r, w, err)
		return d, err
	}
	switch {
	case err != nil:
		d.GiveUp(now, payload.Reason(err))
		return d, nil
	case on:
		d.StartRound(now, w.Generation, now, "")
	default:
		d.Hold(now, w.Generation, e.HoldTime)
	}
	d.Body = body
	if apply {
		err = e.create(ctx, &d)
	}
	return d, err
}
