package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"

	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// redrive handles again what was parked, as if the stream had brought it. What becomes of it is stored before it is
// unparked, and ids are derived from the records, so redriving twice delivers once.
func (e *Engine) redrive(ctx context.Context, b *batch, parkedID string) error {
	p, err := e.Objects.Parked(ctx, parkedID)
	if webhook.CodeOf(err) == webhook.NotFound {
		return nil // redriven already
	}
	if err != nil {
		return err
	}
	stays := false
	switch webhook.ParkedKindOf(p.Reason) {
	case webhook.ParkedDelivery:
		err = e.restart(ctx, p.Record)
	case webhook.ParkedLost:
		stays, err = e.redriveLost(ctx, b, p)
	default:
		if p.Reason == unknownPartner {
			if stays, err = e.toNobody(ctx, p); err != nil || stays {
				return err
			}
			// The partner came after the record, and so did all its webhooks: the operator's redrive is what makes
			// them eligible.
			b = &batch{tally: b.tally, grace: math.MaxInt64, began: b.began}
		}
		// What is still unusable stays, under the same id.
		stays, err = e.dispatchRecord(ctx, b, p.Record)
	}
	if err != nil || stays {
		return err
	}
	if err := e.Objects.Unpark(ctx, parkedID); err != nil {
		return err
	}
	e.Log.LogAttrs(ctx, slog.LevelInfo, "redriven", slog.String("event", "record.redriven"), slog.String("parkedId", p.ID),
		slog.String("partnerId", p.PartnerID), slog.String("verificationId", p.VerificationID))
	return nil
}

// toNobody tells that the partner of a parked record is there by now and has no webhook: its event would go to nobody, so the
// record waits for the first one.
func (e *Engine) toNobody(ctx context.Context, p webhook.Parked) (bool, error) {
	partnerID, verificationID := payload.Subject(p.Record)
	_, webhooks, err := e.Store.PartnerWebhooks(ctx, partnerID)
	if webhook.CodeOf(err) == webhook.NotFound {
		return false, nil
	}
	if err != nil || len(webhooks) > 0 {
		return false, err
	}
	e.Log.LogAttrs(ctx, slog.LevelWarn, "its partner has no webhook yet", slog.String("event", "record.stays_parked"),
		slog.String("parkedId", p.ID), slog.String("partnerId", partnerID), slog.String("verificationId", verificationID))
	return true, nil
}

// redriveLost handles each record of a batch that left the stream. Those that cannot become events are parked by
// themselves, each under its own id, so that the batch goes when none of its records needs it any more. One that
// nobody can read stays.
func (e *Engine) redriveLost(ctx context.Context, b *batch, p webhook.Parked) (stays bool, err error) {
	records, err := payload.Split(p.Record)
	if err != nil {
		e.Log.LogAttrs(ctx, slog.LevelError, "lost batch unreadable", append(errorAttrs(err), slog.String("event", "lost.unreadable"),
			slog.String("parkedId", p.ID))...)
		return true, nil
	}
	_, errs := e.dispatch(ctx, b, records)
	return false, errors.Join(errs...)
}

// restart begins a new round for a delivery that was parked after interruptions.
func (e *Engine) restart(ctx context.Context, record []byte) error {
	var ref webhook.Ref
	if err := json.Unmarshal(record, &ref); err != nil {
		return webhook.Wrap(webhook.Corrupt, err, "parked delivery can't be read")
	}
	d, err := e.Store.Delivery(ctx, ref)
	if webhook.CodeOf(err) == webhook.NotFound || err == nil && d.State != webhook.Undeliverable {
		return nil
	}
	if err != nil {
		return err
	}
	_, w, err := e.Store.Webhook(ctx, ref.PartnerID, ref.WebhookID)
	if webhook.CodeOf(err) == webhook.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	d.StartRound(e.Now(), w.Generation, e.Now(), "")
	if err := e.save(ctx, &d); err != nil {
		return err
	}
	e.logWaiting(ctx, &d)
	return e.enqueue(ctx, &d)
}
