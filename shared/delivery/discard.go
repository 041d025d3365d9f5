package delivery

import (
	"context"
	"log/slog"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

const (
	// walkPage is how many deliveries one message of a walk looks at.
	walkPage = 100
	// maxWalkSteps bounds the messages of one walk: a million deliveries. The sweeper takes what is left.
	maxWalkSteps = 10_000
)

// discard cancels a page of what is held for a webhook that was deleted or whose held events its partner discarded, and
// sends the message for the next page while there is one. The stored webhook decides what is discarded, so a repeated
// or late message cancels nothing else.
func (e *Engine) discard(ctx context.Context, m webhook.Message) error {
	_, w, err := e.Store.Webhook(ctx, m.Ref.PartnerID, m.Ref.WebhookID)
	deleted := webhook.CodeOf(err) == webhook.NotFound
	if err != nil && !deleted {
		return err
	}
	refs, next, err := e.Store.Held(ctx, m.Ref.PartnerID, m.Ref.WebhookID, walk(m))
	if err != nil {
		return err
	}
	for _, ref := range refs {
		d, err := e.Store.Delivery(ctx, ref)
		if e.skip(ctx, ref, err) {
			continue
		}
		if err != nil {
			return err
		}
		if !d.Waiting() || !deleted && !w.Discarded(&d) || d.Claim != nil {
			continue // under a claim it is being sent by hand: the sweeper ends its waiting after that
		}
		e.endWaiting(&d, deleted)
		switch err := e.save(ctx, &d); webhook.CodeOf(err) {
		case "":
			e.logEnded(ctx, &d)
		case webhook.Conflict:
		default:
			return err
		}
	}
	return e.walkOn(ctx, m, next)
}

// endWaiting ends the waiting of a delivery for an activation: what was held is cancelled, what is exhausted stays so.
func (e *Engine) endWaiting(d *webhook.Delivery, deleted bool) {
	if d.Tripped {
		d.Untrip(e.Now())
		return
	}
	d.Cancel(e.Now(), cancelReason(deleted))
}

// abandonSince is how old a delivery of a deleted webhook may be whose first attempt was cut short: its record stays on
// the stream for a day, and brought it to life when it was read.
const abandonSince = 25 * time.Hour

// abandon repeats the next step of what is pending for a deleted webhook, which cancels it. Nothing else would do it
// for a first attempt that was cut short: its record comes again, but finds no webhook to ask for.
func (e *Engine) abandon(ctx context.Context, m webhook.Message) error {
	_, _, err := e.Store.Webhook(ctx, m.Ref.PartnerID, m.Ref.WebhookID)
	if webhook.CodeOf(err) != webhook.NotFound {
		return err // it is not deleted, or that is not known
	}
	items, next, err := e.Store.Deliveries(ctx, webhook.DeliveryQuery{
		PartnerID: m.Ref.PartnerID, WebhookID: m.Ref.WebhookID, State: webhook.StatePending,
		Since: e.Now().Add(-abandonSince), Page: walk(m),
	})
	if err != nil {
		return err
	}
	for i := range items {
		err := e.resume(ctx, items[i].Ref())
		if err != nil && webhook.CodeOf(err) != webhook.Conflict && !e.skip(ctx, items[i].Ref(), err) {
			return err
		}
	}
	return e.walkOn(ctx, m, next)
}

// walk is the page that a message asks for.
func walk(m webhook.Message) webhook.Page {
	p := webhook.Page{Limit: walkPage}
	if m.After != "" {
		p.After = []byte(m.After)
	}
	return p
}

// walkOn sends the message for the next page of a walk.
func (e *Engine) walkOn(ctx context.Context, m webhook.Message, next []byte) error {
	if next == nil || m.Step >= maxWalkSteps {
		return nil
	}
	m.Step, m.After, m.Delay = m.Step+1, string(next), 0
	return e.Queue.Send(ctx, m)
}

// skip tells whether a walk goes on without a delivery: it is gone, or can't be read, now or later.
func (e *Engine) skip(ctx context.Context, ref webhook.Ref, err error) bool {
	switch webhook.CodeOf(err) {
	case webhook.NotFound:
		return true
	case webhook.Corrupt:
		e.Log.LogAttrs(ctx, slog.LevelError, "delivery can't be read", append(append(refAttrs(ref), errorAttrs(err)...),
			slog.String("event", "delivery.unreadable"))...)
		return true
	default:
		return false
	}
}

func cancelReason(deleted bool) string {
	if deleted {
		return "The webhook was deleted."
	}
	return "The waiting events were discarded."
}
