package delivery

import (
	"context"
	"encoding/json"
	"math"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// redrive handles a parked record again, as if the stream had brought it. What becomes of it is stored before it is
// unparked, and ids are derived from the record, so redriving twice delivers once.
func (e *Engine) redrive(ctx context.Context, b *batch, parkedID string) error {
	p, err := e.Objects.Parked(ctx, parkedID)
	if webhook.CodeOf(err) == webhook.NotFound {
		return nil // redriven already
	}
	if err != nil {
		return err
	}
	if p.Reason == interruptedReason {
		err = e.restart(ctx, p.Record)
	} else {
		if p.Reason == unknownPartner {
			// The partner came after the record, and so did all its webhooks: the operator's redrive is what makes
			// them eligible.
			b = &batch{tally: b.tally, grace: math.MaxInt64}
		}
		var parked bool
		if parked, err = e.dispatchRecord(ctx, b, p.Record); parked {
			return err // still unusable: it stays, under the same id
		}
	}
	if err != nil {
		return err
	}
	return e.Objects.Unpark(ctx, parkedID)
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
	d.StartRound(e.Now(), w.Generation, e.Now())
	if err := e.save(ctx, &d); err != nil {
		return err
	}
	return e.enqueue(ctx, &d)
}
