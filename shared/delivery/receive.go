package delivery

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Receive handles the queue messages of one invocation, all at once. It returns an error per message: nil if the message
// may be deleted, because all that follows from it is stored.
func (e *Engine) Receive(ctx context.Context, ms []webhook.Message) []error {
	b := e.newBatch()
	errs := make([]error, len(ms))
	e.each(len(ms), maxAtOnce, func(i int) {
		err := e.recovering(ctx, func() error { return e.receive(ctx, b, ms[i]) })
		if webhook.CodeOf(err) == webhook.Unavailable {
			err = e.later(ctx, ms[i], err)
		}
		errs[i] = err
	})
	e.flush(ctx, b.tally)
	return errs
}

const (
	// faultDelay is how long a message waits that met a fault which should pass; the wait doubles with each fault in a
	// row, up to mostDelay.
	faultDelay = 5 * time.Second
	mostDelay  = 5 * time.Minute
	// mostFaults is how often a message is put off that the sweeper would send anew: it does so every minute, and each
	// of them must end if they are not to become more and more while a fault lasts.
	mostFaults = 6
)

// later sends a message again that met a fault which should pass: left on the queue, it would come back only after the
// visibility time-out, minutes later.
func (e *Engine) later(ctx context.Context, m webhook.Message, cause error) error {
	attrs := append(messageAttrs(m), errorAttrs(cause)...)
	if swept := m.Kind == webhook.AttemptMessage || m.Kind == webhook.JobMessage; swept && m.Faults >= mostFaults {
		e.Log.LogAttrs(ctx, slog.LevelWarn, "message met a fault", append(attrs, slog.String("event", "message.left_to_sweeper"))...)
		return nil
	}
	m.Delay = min(faultDelay<<min(m.Faults, mostFaults), mostDelay)
	m.Faults++
	if m.Kind == webhook.JobMessage {
		m.Step = 0 // what was stored before the fault is to be gone on from
	}
	if err := e.Queue.Send(ctx, m); err != nil {
		return err
	}
	e.Log.LogAttrs(ctx, slog.LevelWarn, "message met a fault", append(attrs, slog.String("event", "message.put_off"))...)
	return nil
}

func (e *Engine) receive(ctx context.Context, b *batch, m webhook.Message) error {
	switch m.Kind {
	case webhook.AttemptMessage:
		return e.next(ctx, b, m.Ref)
	case webhook.JobMessage:
		return e.work(ctx, b, m)
	case webhook.DiscardMessage:
		return e.discard(ctx, m)
	case webhook.AbandonMessage:
		return e.abandon(ctx, m)
	case webhook.RedriveMessage:
		return e.redrive(ctx, b, m.ParkedID)
	default:
		// An unknown kind is a newer version's message: it stays on the queue until a version that knows it runs, or
		// until it lands in the dead-letter queue.
		return webhook.Errorf(webhook.Internal, "unknown message kind %q", m.Kind)
	}
}

// claimTries bounds how often a message looks at its delivery again after somebody else changed it meanwhile.
const claimTries = 3

// next does whatever is the stored next step of a delivery. The message's own attempt number is for people only: what
// is stored decides, so late, early and repeated messages are all harmless.
func (e *Engine) next(ctx context.Context, b *batch, ref webhook.Ref) (err error) {
	for range claimTries {
		var d webhook.Delivery
		d, err = e.Store.Delivery(ctx, ref)
		if webhook.CodeOf(err) == webhook.NotFound {
			return nil // its time to live has ended
		}
		if err != nil {
			return err
		}
		now := e.Now()
		asked := d.Claim != nil || !d.ResendAt.IsZero()
		due := d.State == webhook.StatePending && !d.NextAttemptAt.After(now)
		if d.Claim.Live(now) || !asked && !due {
			return e.enqueue(ctx, &d)
		}
		if err = e.proceed(ctx, b, &d); webhook.CodeOf(err) != webhook.Conflict {
			return err
		}
	}
	return err
}

// proceed makes the due attempt of a delivery, or ends its waiting if there is to be none. It returns Conflict if
// somebody else moved the delivery first.
func (e *Engine) proceed(ctx context.Context, b *batch, d *webhook.Delivery) error {
	p, w, err := e.Store.Webhook(ctx, d.PartnerID, d.WebhookID)
	if webhook.CodeOf(err) == webhook.NotFound {
		return e.cancel(ctx, d, true)
	}
	if err != nil {
		return err
	}
	if c := d.Claim; c != nil {
		e.logInterrupted(ctx, d)
		d.Interrupt(e.Now())
		switch {
		case d.Interruptions < webhook.MaxInterruptions:
		case c.Manual:
			return e.dropResend(ctx, d, interrupted)
		default:
			return e.parkDelivery(ctx, d)
		}
	}
	if !d.ResendAt.IsZero() {
		return e.resend(ctx, b, d, &p, &w)
	}
	if d.State != webhook.StatePending || d.NextAttemptAt.After(e.Now()) {
		return e.saveAndGoOn(ctx, d)
	}
	return e.retry(ctx, b, d, &p, &w)
}

// retry makes the due attempt of a round.
func (e *Engine) retry(ctx context.Context, b *batch, d *webhook.Delivery, p *webhook.Partner, w *webhook.Webhook) error {
	if w.Discarded(d) {
		return e.cancel(ctx, d, false)
	}
	if !w.Active || p.Suspended {
		d.Hold(e.Now(), w.Generation, e.HoldTime)
		if err := e.save(ctx, d); err != nil {
			return err
		}
		e.logWaiting(ctx, d)
		return e.enqueue(ctx, d)
	}
	secrets, err := e.Vault.OpenSecrets(ctx, w)
	if webhook.CodeOf(err) == webhook.Corrupt {
		if err := e.giveUp(ctx, d, unreadableSecret); err != nil {
			return err
		}
		return e.enqueue(ctx, d)
	}
	if err != nil {
		return err
	}
	if goes, err := e.paced(ctx, d, w); !goes || err != nil {
		return err
	}
	if !e.canSend(ctx) {
		return e.enqueue(ctx, d)
	}
	d.TakeClaim(e.Now(), e.IDs.Owner())
	if err := e.save(ctx, d); err != nil {
		return err
	}
	if !e.claimed(ctx, d) {
		return e.giveBack(ctx, d)
	}
	return e.attempt(ctx, d, w, secrets, b.tally)
}

// cancel ends a delivery whose webhook was deleted, or whose waiting was discarded. What is final stays as it is.
func (e *Engine) cancel(ctx context.Context, d *webhook.Delivery, deleted bool) error {
	d.Claim = nil
	ends := !d.State.Final()
	if ends {
		d.Cancel(e.Now(), cancelReason(deleted))
	}
	d.DropResend(e.Now())
	if err := e.save(ctx, d); err != nil {
		return err
	}
	if ends {
		e.logCancelled(ctx, d)
	}
	return e.enqueue(ctx, d)
}

// saveAndGoOn stores d and queues what follows.
func (e *Engine) saveAndGoOn(ctx context.Context, d *webhook.Delivery) error {
	if err := e.save(ctx, d); err != nil {
		return err
	}
	return e.enqueue(ctx, d)
}

func (e *Engine) save(ctx context.Context, d *webhook.Delivery) error {
	return e.Store.Commit(ctx, webhook.Change{Deliveries: []*webhook.Delivery{d}})
}

// parkDelivery gives up on a delivery whose attempts keep ending without an outcome: something here is wrong, not the
// endpoint. It stays undeliverable, is parked for an operator, and can be redriven.
func (e *Engine) parkDelivery(ctx context.Context, d *webhook.Delivery) error {
	record, err := json.Marshal(d.Ref())
	if err != nil {
		return err
	}
	p := webhook.Parked{
		ID: webhook.ParkedID(record, d.Event.OccurredAt), Reason: webhook.ReasonInterrupted, ParkedAt: e.Now(), Record: record,
		Detail: "attempts ended without an outcome", PartnerID: d.PartnerID, VerificationID: d.Event.VerificationID,
	}
	if err := e.Objects.Park(ctx, p); err != nil {
		return err
	}
	if err := e.giveUp(ctx, d, interrupted); err != nil {
		return err
	}
	e.Log.LogAttrs(ctx, slog.LevelError, "delivery parked", append(deliveryAttrs(d), slog.String("event", "record.parked"),
		slog.String("parkedId", p.ID), slog.String("reason", p.Reason), slog.String("detail", p.Detail))...)
	return e.enqueue(ctx, d)
}
