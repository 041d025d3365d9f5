package portal

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// heldChoice says what becomes of held events when a webhook is activated.
type heldChoice string

const (
	deliverHeld heldChoice = "deliver"
	discardHeld heldChoice = "discard"
)

func (p *portal) lifecycleRoutes(rs *routes) {
	errs := []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed}
	register(rs, huma.Operation{
		OperationID: "activateWebhook", Method: http.MethodPost, Path: webhookPath + "/activate", Tags: []string{"webhooks"},
		Summary: "Activate a webhook",
		Description: "Unless held is discard, what was held meanwhile, and the events whose failed retries switched the webhook " +
			"off, are delivered now: in the order of their records, one at a time, each with its retries before the next. " +
			"New events do not wait for them. The member drain of the webhook tells how far it is. If the webhook becomes " +
			"inactive again, what is left stays held. Activating an active webhook changes nothing. PATCH with active true " +
			"does the same.",
		DefaultStatus: http.StatusOK, Errors: errs,
	}, optionalBody, p.activate)
	register(rs, huma.Operation{
		OperationID: "deactivateWebhook", Method: http.MethodPost, Path: webhookPath + "/deactivate", Tags: []string{"webhooks"},
		Summary: "Deactivate a webhook", Description: "Its events are held until it is activated again, for 7 days.",
		DefaultStatus: http.StatusOK, Errors: errs,
	}, optionalBody, p.deactivate)
	register(rs, huma.Operation{
		OperationID: "testWebhook", Method: http.MethodPost, Path: webhookPath + "/test", Tags: []string{"webhooks"},
		Summary:       "Send a sample now",
		Description:   "Sends a sample event the way a real one is sent, to an inactive webhook too, and tells what happened. It counts for nothing. A payload template that fails on the sample is answered 409.",
		DefaultStatus: http.StatusOK, Errors: []int{http.StatusNotFound, http.StatusConflict},
	}, optionalBody, p.test)
}

// emptyBody is the body of a route that takes none: nothing, or an empty object.
type emptyBody struct{}

type activateInput struct {
	WebhookParam
	Precondition
	Body *struct {
		Held heldChoice `json:"held,omitempty" enum:"deliver,discard" default:"deliver" doc:"What becomes of the events that waited: they are delivered, or cancelled."`
	} `nameHint:"ActivateBody"`
}

func (p *portal) activate(ctx context.Context, in *activateInput) (*webhookAnswer, error) {
	held := deliverHeld
	if in.Body != nil && in.Body.Held != "" {
		held = in.Body.Held
	}
	activated := false
	out, err := p.edit(ctx, in.WebhookID, in.Precondition, func(w *webhook.Webhook) (edited, error) {
		done, err := p.activated(ctx, w, held)
		activated = done.changed
		return done, err
	})
	if err != nil {
		return nil, err
	}
	if activated && held == discardHeld {
		out.Body.HeldCount, out.Body.HeldCountCapped = 0, false // what is still to be cancelled is held no more
	}
	return out, nil
}

type deactivateInput struct {
	WebhookParam
	Precondition
	Body *emptyBody
}

func (p *portal) deactivate(ctx context.Context, in *deactivateInput) (*webhookAnswer, error) {
	return p.edit(ctx, in.WebhookID, in.Precondition, func(w *webhook.Webhook) (edited, error) {
		return p.deactivated(w), nil
	})
}

// deactivated makes w inactive.
func (p *portal) deactivated(w *webhook.Webhook) edited {
	if !w.Deactivate(p.cfg.Now(), webhook.ReasonPartner, "") {
		return edited{}
	}
	return edited{changed: true, outbox: []webhook.OutboxEvent{p.outbox(w, webhook.WebhookDeactivated)}}
}

func (p *portal) outbox(w *webhook.Webhook, kind webhook.OutboxKind) webhook.OutboxEvent {
	return webhook.OutboxEvent{
		ID: p.ids.Outbox(), Kind: kind, PartnerID: w.PartnerID, WebhookID: w.ID, Reason: string(webhook.ReasonPartner),
		At: p.cfg.Now(),
	}
}

type removeInput struct {
	WebhookParam
	Precondition
}

// remove deletes a webhook and its secrets. Deliveries that still wait find it gone and are cancelled then.
func (p *portal) remove(ctx context.Context, in *removeInput) (*struct{}, error) {
	for try := range writeTries {
		p.backOff(ctx, try)
		partner, w, err := p.load(ctx, in.WebhookID)
		if err != nil {
			return nil, err
		}
		if err := in.check(w.Rev); err != nil {
			return nil, err
		}
		for _, kind := range []webhook.MessageKind{webhook.DiscardMessage, webhook.AbandonMessage} {
			if err := p.cfg.Queue.Send(ctx, ending(&w, kind, insuranceDelay)); err != nil {
				return nil, err
			}
		}
		partner.WebhookCount = max(0, partner.WebhookCount-1)
		err = p.cfg.Store.Commit(ctx, webhook.Change{Partner: &partner, RemoveWebhook: &w})
		if err == nil {
			sendStored(ctx, p.cfg.Queue, ending(&w, webhook.DiscardMessage, 0))
			return nil, nil
		}
		if webhook.CodeOf(err) != webhook.Conflict {
			return nil, err
		}
	}
	return nil, errBusy
}

// insuranceDelay is how long the message waits that is sent before a discard or a deletion is stored: longer than this
// function can live, and than a dispatcher may still act on what it read before. It finds the change stored, or nothing
// to do, whatever becomes of this function in between.
const insuranceDelay = 60 * time.Second

// ending asks for what waits for w to be cancelled, if by then it was discarded or deleted.
func ending(w *webhook.Webhook, kind webhook.MessageKind, delay time.Duration) webhook.Message {
	return webhook.Message{Kind: kind, Ref: webhook.Ref{PartnerID: w.PartnerID, WebhookID: w.ID}, Delay: delay}
}
