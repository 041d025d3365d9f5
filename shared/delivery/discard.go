package delivery

import (
	"context"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// discardPage is how many held deliveries one message looks at.
const discardPage = 100

// discard cancels a page of what is held for a webhook that was deleted or whose held events its partner discarded, and
// sends the message for the next page while there is one. The stored webhook decides what is discarded, so a repeated
// or late message cancels nothing else. A page that cancels nothing ends the chain.
func (e *Engine) discard(ctx context.Context, m webhook.Message) error {
	_, w, err := e.Store.Webhook(ctx, m.Ref.PartnerID, m.Ref.WebhookID)
	deleted := webhook.CodeOf(err) == webhook.NotFound
	if err != nil && !deleted {
		return err
	}
	refs, err := e.Store.Held(ctx, m.Ref.PartnerID, m.Ref.WebhookID, discardPage)
	if err != nil {
		return err
	}
	cancelled := 0
	for _, ref := range refs {
		d, err := e.Store.Delivery(ctx, ref)
		if err != nil {
			return err
		}
		if d.State != webhook.Held || !deleted && !w.Discarded(&d) {
			continue
		}
		d.Cancel(e.Now(), cancelReason(deleted))
		if err := e.save(ctx, &d); err != nil && webhook.CodeOf(err) != webhook.Conflict {
			return err
		}
		cancelled++
	}
	if len(refs) < discardPage || cancelled == 0 {
		return nil
	}
	m.Step++
	m.Delay = 0
	return e.Queue.Send(ctx, m)
}

func cancelReason(deleted bool) string {
	if deleted {
		return "The webhook was deleted."
	}
	return "The held events were discarded."
}
