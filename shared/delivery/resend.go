package delivery

import (
	"context"
	"errors"
	"log/slog"

	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Reasons of undeliverable deliveries that payload does not know.
const (
	unreadableSecret = "The webhook's secret could not be read." //nolint:gosec // a sentence
	noRecord         = "The verification's record is no longer kept."
	interrupted      = "The sender was interrupted on every try."
)

// resend makes the attempt by hand that a partner asked for, outside the round. Whatever ends it without an attempt
// leaves the delivery's state as it was. It returns Conflict if somebody else moved the delivery first.
func (e *Engine) resend(ctx context.Context, b *batch, d *webhook.Delivery, p *webhook.Partner, w *webhook.Webhook) error {
	if p.Suspended || d.State == webhook.Cancelled {
		return e.dropResend(ctx, d, "not allowed any more")
	}
	secrets, reason, err := e.ready(ctx, d, w)
	if err != nil {
		return err
	}
	if reason != "" {
		if d.State == webhook.Undeliverable {
			d.Reason = reason
		}
		return e.dropResend(ctx, d, reason)
	}
	if !e.canSend(ctx) {
		return e.enqueue(ctx, d)
	}
	d.TakeManualClaim(e.Now(), e.IDs.Owner())
	if err := e.save(ctx, d); err != nil {
		return err
	}
	if !e.claimed(ctx, d) {
		return e.giveBack(ctx, d)
	}
	return e.attempt(ctx, d, w, secrets, b.tally)
}

// dropResend stores that the attempt by hand will not be made, and goes on with what else waits.
func (e *Engine) dropResend(ctx context.Context, d *webhook.Delivery, reason string) error {
	d.DropResend(e.Now())
	if err := e.save(ctx, d); err != nil {
		return err
	}
	e.Log.LogAttrs(ctx, slog.LevelWarn, "attempt by hand dropped", append(deliveryAttrs(d), slog.String("event", "delivery.resend_dropped"),
		slog.String("reason", reason))...)
	return e.enqueue(ctx, d)
}

// ready makes sure that d can be sent: it builds the body that is missing, from the kept record with the webhook's
// present template, and opens the secrets. reason says why d can't be sent, for as long as nobody changes anything.
func (e *Engine) ready(ctx context.Context, d *webhook.Delivery, w *webhook.Webhook) (s webhook.Secrets, reason string, err error) {
	if len(d.Body) == 0 {
		raw, err := e.Objects.KeptRecord(ctx, d.Ref())
		if webhook.CodeOf(err) == webhook.NotFound {
			return s, noRecord, nil
		}
		if err != nil {
			return s, "", err
		}
		record, _, err := payload.Decode(raw)
		var unusable *payload.Unusable
		if errors.As(err, &unusable) {
			return s, noRecord, nil
		}
		if err != nil {
			return s, "", err
		}
		if d.Body, err = e.body(record, w); err != nil {
			return s, payload.Reason(err), nil
		}
	}
	s, err = e.Vault.OpenSecrets(ctx, w)
	if webhook.CodeOf(err) == webhook.Corrupt {
		return s, unreadableSecret, nil
	}
	return s, "", err
}
