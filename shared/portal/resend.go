package portal

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func (p *portal) resendRoutes(rs *routes) {
	register(rs, huma.Operation{
		OperationID: "resendDelivery", Method: http.MethodPost, Path: webhookPath + "/deliveries/{deliveryId}/resend", Tags: []string{"deliveries"},
		Summary: "Send a delivery again",
		Description: "Asks for one more attempt at once, whatever the delivery's state and whether the webhook is active or not. " +
			"It is marked manual and stands outside the retries: a 2xx answer makes the delivery delivered, a failure changes " +
			"neither its state nor the webhook's. Until the attempt has been made, asking again asks for the same one. " +
			"An undeliverable delivery's body is built anew with the present template. A cancelled delivery is refused with 409.",
		DefaultStatus: http.StatusAccepted, Errors: []int{http.StatusNotFound, http.StatusConflict},
	}, optionalBody, p.resend)
}

type resendInput struct {
	DeliveryParam
	Body *emptyBody
}

type resendOutput struct{ Body DeliveryView }

func (p *portal) resend(ctx context.Context, in *resendInput) (*resendOutput, error) {
	for try := range writeTries {
		p.backOff(ctx, try)
		w, d, err := p.loadDelivery(ctx, in.WebhookID, in.DeliveryID)
		if err != nil {
			return nil, err
		}
		if d.State == webhook.Cancelled || !d.State.Final() && w.Discarded(&d) {
			return nil, webhook.Errorf(webhook.Conflict, "The delivery is cancelled; it can't be sent again.")
		}
		if d.ResendAt.IsZero() {
			d.AskResend(p.cfg.Now())
			err = p.cfg.Store.Commit(ctx, webhook.Change{Deliveries: []*webhook.Delivery{&d}})
		}
		if err == nil {
			// Sent for a repeated request too: the answer to the first one may have been lost before its message was sent.
			sendStored(ctx, p.cfg.Queue, webhook.Message{Kind: webhook.AttemptMessage, Ref: d.Ref(), Number: d.NextNumber()})
			return &resendOutput{Body: deliveryViewOf(&d)}, nil
		}
		if webhook.CodeOf(err) != webhook.Conflict {
			return nil, err
		}
	}
	return nil, errBusy
}
