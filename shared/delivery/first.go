package delivery

import (
	"bytes"
	"context"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// arrival is a record on its way to a webhook of its partner.
type arrival struct {
	record  *payload.Record
	read    *partnerRead
	webhook *webhook.Webhook
	// id is the delivery's.
	id string
	// later is when the queue is to make the first attempt; nil if the webhook is on the stream's path.
	later *place
}

func (a *arrival) ref() webhook.Ref {
	return webhook.Ref{PartnerID: a.webhook.PartnerID, WebhookID: a.webhook.ID, DeliveryID: a.id}
}

// first brings one event to one webhook: it stores the delivery, and makes the first attempt if it may and can.
func (e *Engine) first(ctx context.Context, b *batch, a *arrival) error {
	r, w := a.record, a.webhook
	on := w.Active && !a.read.partner.Suspended
	if !on && !w.EverActive {
		return nil
	}
	now := e.Now()
	d := webhook.Delivery{
		PartnerID: w.PartnerID, WebhookID: w.ID, ID: a.id, Event: r.Event, CreatedAt: now,
	}
	if w.PayloadTemplate != "" {
		if done, err := e.beforeTemplate(ctx, &d); done || err != nil {
			return err
		}
	}
	var err error
	if d.Body, err = e.body(*r, w); err != nil {
		return e.firstWithoutBody(ctx, b, &d, *r, w, err)
	}
	if !on {
		d.Hold(now, w.Generation, e.HoldTime)
		return e.create(ctx, &d)
	}
	d.StartRound(now, w.Generation, now, "")
	if a.later != nil {
		d.PutOff(now, a.later.at, a.later.paced)
		return e.create(ctx, &d)
	}
	secrets, err := e.Vault.OpenSecrets(ctx, w)
	if err != nil {
		return e.create(ctx, &d) // the queue knows what to do about secrets that can't be read
	}
	leave, detour, ok := e.direct(ctx, b, w)
	if !ok {
		if err := e.create(ctx, &d); err != nil {
			return err
		}
		e.putDetour(ctx, w, detour)
		return nil
	}
	defer leave()
	d.TakeClaim(e.Now(), e.IDs.Owner())
	if e.surelyFirst(r.Event, w) {
		d.DueAt = time.Time{} // the stream brings the record again until it is acknowledged: no need for the sweeper
	}
	switch err := e.save(ctx, &d); {
	case webhook.CodeOf(err) == webhook.Conflict:
		return e.resume(ctx, d.Ref())
	case err != nil:
		return err
	case !e.claimed(ctx, &d):
		return e.giveBack(ctx, &d)
	}
	return e.attempt(ctx, &d, w, secrets, b.tally)
}

// surelyFirst tells whether the stream still waits for this record's delivery to w to be stored. It may bring a record
// once more that it does not wait for; then whatever was to be stored is stored, unless w became eligible since.
func (e *Engine) surelyFirst(ev webhook.Event, w *webhook.Webhook) bool {
	return e.Now().Sub(ev.OccurredAt) <= redelivered && !w.UpdatedAt.After(ev.OccurredAt)
}

// redelivered is how old an event is that most likely came before: streams are a second behind, and tell whole seconds.
const redelivered = 10 * time.Second

// beforeTemplate keeps templates from taking an invocation's time again and again: a record that comes once more finds
// what is stored first, and one that comes too late is left to the stream. done tells that d needs nothing more.
func (e *Engine) beforeTemplate(ctx context.Context, d *webhook.Delivery) (done bool, err error) {
	if e.Now().Sub(d.Event.OccurredAt) > redelivered {
		err := e.resume(ctx, d.Ref())
		if webhook.CodeOf(err) != webhook.NotFound {
			return true, err
		}
	}
	if deadline, ok := ctx.Deadline(); ok && deadline.Sub(e.Now()) < spare {
		return true, webhook.Errorf(webhook.Unavailable, "no time is left to build a body")
	}
	return false, nil
}

// body builds what every attempt sends. A template that was accepted once may be refused by a later version: that, too,
// is an error of the template.
func (e *Engine) body(r payload.Record, w *webhook.Webhook) ([]byte, error) {
	template, err := e.templates.Get(w.PayloadTemplate)
	if err != nil {
		return nil, err
	}
	return r.Body(w.TypeNaming, template)
}

// firstWithoutBody stores a delivery whose body cannot be built, unless there is one already.
func (e *Engine) firstWithoutBody(ctx context.Context, b *batch, d *webhook.Delivery, r payload.Record, w *webhook.Webhook, cause error) error {
	err := e.insertWithoutBody(ctx, b, d, r, w, cause)
	if webhook.CodeOf(err) == webhook.Conflict {
		return e.resume(ctx, d.Ref()) // stored by an earlier delivery of the same record
	}
	return err
}

// insertWithoutBody stores a new delivery whose body cannot be built, with jobs, and keeps its record so that it can be built later.
// Conflict if there is one already.
func (e *Engine) insertWithoutBody(ctx context.Context, b *batch, d *webhook.Delivery, r payload.Record, w *webhook.Webhook, cause error, jobs ...*webhook.Job) error {
	// The record is a part of the invocation's event, whose memory the next one gets: a write that is given up on may
	// still read it then.
	if err := e.Objects.KeepRecord(ctx, d.Ref(), bytes.Clone(r.Raw)); err != nil {
		return err
	}
	err := e.giveUp(ctx, d, payload.Reason(cause), jobs...)
	if err == nil {
		b.tally.withoutBody(d, w)
	}
	return err
}

// create stores a new delivery that is not sent from here, unless there is one already, and queues its next step.
func (e *Engine) create(ctx context.Context, d *webhook.Delivery) error {
	err := e.insert(ctx, d)
	if webhook.CodeOf(err) == webhook.Conflict {
		return e.resume(ctx, d.Ref())
	}
	return err
}

// insert stores a new delivery that is not sent from here, with jobs, and queues its next step. Conflict if there is one already.
func (e *Engine) insert(ctx context.Context, d *webhook.Delivery, jobs ...*webhook.Job) error {
	if err := e.Store.Commit(ctx, webhook.Change{Deliveries: []*webhook.Delivery{d}, Jobs: jobs}); err != nil {
		return err
	}
	e.logWaiting(ctx, d)
	return e.enqueue(ctx, d)
}

// resume handles a record whose delivery is stored already: it repeats the delivery's next step. A claim that is still
// live is somebody's POST under way: a message looks at it when the lease has ended, and the sweeper after that.
func (e *Engine) resume(ctx context.Context, ref webhook.Ref) error {
	d, err := e.Store.Delivery(ctx, ref)
	if err != nil {
		return err
	}
	if d.State == webhook.StatePending && d.DueAt.IsZero() {
		d.DueAt = d.Claim.LeaseUntil.Add(webhook.Grace)
		if err := e.save(ctx, &d); err != nil {
			return err // a conflict means that the outcome is being stored: the record comes again and finds it
		}
	}
	return e.enqueue(ctx, &d)
}

// resumeIfStored is resume for a delivery that may not exist.
func (e *Engine) resumeIfStored(ctx context.Context, ref webhook.Ref) error {
	err := e.resume(ctx, ref)
	if webhook.CodeOf(err) == webhook.NotFound {
		return nil
	}
	return err
}
