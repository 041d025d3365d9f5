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
	b := newBatch()
	errs := make([]error, len(ms))
	e.each(len(ms), maxSends, func(i int) {
		err := e.recovering(ctx, func() error { return e.receive(ctx, b, ms[i]) })
		if webhook.CodeOf(err) == webhook.Unavailable {
			err = e.later(ctx, ms[i], err)
		}
		errs[i] = err
	})
	e.flush(ctx, b.tally)
	return errs
}

// faultDelay is how long a message waits that met a fault which should pass.
const faultDelay = 5 * time.Second

// later sends a message again that met a fault which should pass: left on the queue, it would come back only after the
// visibility time-out, minutes later.
func (e *Engine) later(ctx context.Context, m webhook.Message, cause error) error {
	m.Delay = faultDelay
	if err := e.Queue.Send(ctx, m); err != nil {
		return err
	}
	e.Log.LogAttrs(ctx, slog.LevelWarn, "message put off", slog.String("event", "message.put_off"),
		slog.String("kind", string(m.Kind)), slog.String("partnerId", m.Ref.PartnerID),
		slog.String("deliveryId", m.Ref.DeliveryID), slog.String("error", cause.Error()))
	return nil
}

func (e *Engine) receive(ctx context.Context, b *batch, m webhook.Message) error {
	switch m.Kind {
	case webhook.AttemptMessage:
		return e.next(ctx, b, m.Ref)
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
		if d.State != webhook.StatePending {
			return nil
		}
		if d.Claim.Live(now) || d.NextAttemptAt.After(now) {
			return e.enqueue(ctx, &d)
		}
		if err = e.retry(ctx, b, &d); webhook.CodeOf(err) != webhook.Conflict {
			return err
		}
	}
	return err
}

// retry makes the due attempt of a pending delivery, or ends its waiting if there is to be none. It returns Conflict if
// somebody else moved the delivery first.
func (e *Engine) retry(ctx context.Context, b *batch, d *webhook.Delivery) error {
	p, w, err := e.Store.Webhook(ctx, d.PartnerID, d.WebhookID)
	if webhook.CodeOf(err) == webhook.NotFound {
		d.Cancel(e.Now(), cancelReason(true))
		return e.save(ctx, d)
	}
	if err != nil {
		return err
	}
	if d.Claim != nil {
		d.Interrupt(e.Now())
		if d.Interruptions >= webhook.MaxInterruptions {
			return e.parkDelivery(ctx, d)
		}
	}
	if w.Discarded(d) {
		d.Cancel(e.Now(), cancelReason(false))
		return e.save(ctx, d)
	}
	if !w.Active || p.Suspended {
		d.Hold(e.Now(), w.Generation, e.HoldTime)
		return e.save(ctx, d)
	}
	secrets, err := e.Vault.OpenSecrets(ctx, &w)
	if webhook.CodeOf(err) == webhook.Corrupt {
		return e.giveUp(ctx, d, "The webhook's secret could not be read.")
	}
	if err != nil {
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
	return e.attempt(ctx, d, &w, secrets, b.tally)
}

func (e *Engine) save(ctx context.Context, d *webhook.Delivery) error {
	return e.Store.Commit(ctx, webhook.Change{Deliveries: []*webhook.Delivery{d}})
}

// interruptedReason marks a parked delivery, as opposed to a parked record.
const interruptedReason = "interrupted"

// parkDelivery gives up on a delivery whose attempts keep ending without an outcome: something here is wrong, not the
// endpoint. It stays undeliverable, is parked for an operator, and can be redriven.
func (e *Engine) parkDelivery(ctx context.Context, d *webhook.Delivery) error {
	record, err := json.Marshal(d.Ref())
	if err != nil {
		return err
	}
	p := webhook.Parked{
		ID: webhook.ParkedID(record, d.Event.OccurredAt), Reason: interruptedReason, ParkedAt: e.Now(), Record: record,
		Detail: "attempts ended without an outcome",
	}
	if err := e.Objects.Park(ctx, p); err != nil {
		return err
	}
	if err := e.giveUp(ctx, d, "The sender was interrupted on every try."); err != nil {
		return err
	}
	e.Log.LogAttrs(ctx, slog.LevelError, "delivery parked", slog.String("event", "record.parked"),
		slog.String("parkedId", p.ID), slog.String("reason", p.Reason), slog.String("deliveryId", d.ID))
	return nil
}
