package portal

import (
	"context"
	"errors"
	"fmt"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

type authHeaderBody struct {
	Name  string `json:"name" minLength:"1" maxLength:"64"`
	Value string `json:"value" minLength:"1" maxLength:"4096"`
}

type createBody struct {
	URL             string                         `json:"url" minLength:"1" maxLength:"2048" doc:"Where events are sent: https, a public host, port 443 or 1024 to 65535." example:"https://example.com/webhooks"`
	Active          optional[bool]                 `json:"active,omitempty" doc:"Whether events are sent; true if left out. A webhook that was never active holds none either."`
	AutoReactivate  optional[bool]                 `json:"autoReactivate,omitempty" doc:"Whether a webhook that failures switched off is to be asked whether it is well again; false if left out."`
	Description     optional[string]               `json:"description,omitempty" maxLength:"500"`
	EventTypes      optional[names[eventTypeName]] `json:"eventTypes,omitempty" minItems:"1" doc:"Which events are sent; all if left out."`
	TypeNaming      optional[typeNamingName]       `json:"typeNaming,omitempty" doc:"guide: the body's type is verification.completed for every event. detailed: it is the event's own type."`
	AuthHeader      optional[authHeaderBody]       `json:"authHeader,omitempty" doc:"A header that is sent with every request."`
	PayloadTemplate optional[templateText]         `json:"payloadTemplate,omitempty" doc:"A JSON object in place of the default body. A string in it may be {{ expression }}, or hold some in its text; expressions are a safe part of JMESPath over type, status, data and event{id, type, occurredAt}. At most 16 KiB and 64 expressions of 1 KiB."`
	Secret          optional[string]               `json:"secret,omitempty" maxLength:"128" doc:"An own signing secret: 24 to 128 printable ASCII characters; after whsec_, base64 of 24 to 64 bytes. One is generated if left out."`
}

type createInput struct {
	Repeatable
	Body createBody
}

type createdView struct {
	WebhookView
	Secret string `json:"secret" doc:"The new signing secret. It is shown here only."`
}

type createOutput struct {
	ETag     string `header:"ETag" doc:"The version, for If-Match."`
	Location string `header:"Location" doc:"The webhook's path, relative to this request's."`
	Body     createdView
}

func (p *portal) create(ctx context.Context, in *createInput) (*createOutput, error) {
	idem, err := newIdempotency(ctx, in.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	if out, err := p.recallCreated(ctx, idem); out != nil || err != nil {
		return out, err
	}
	w, secrets, err := p.newWebhook(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	if w.Sealed, err = p.cfg.Vault.SealSecrets(ctx, w, secrets); err != nil {
		return nil, err
	}
	out := createdAnswer(w, secrets, p)
	answer, err := remember(ctx, p, idem, out)
	if err != nil {
		return nil, err
	}
	callFrom(ctx).webhookID = w.ID
	return p.commitNew(ctx, w, answer, idem, out)
}

// commitNew stores the webhook with its answer, unless that is one too many or the same request was faster.
func (p *portal) commitNew(ctx context.Context, w *webhook.Webhook, answer *webhook.Answer, idem *idempotency, out *createOutput) (*createOutput, error) {
	for try := range writeTries {
		p.backOff(ctx, try)
		partner, err := p.cfg.Store.Partner(ctx, w.PartnerID)
		if err != nil {
			return nil, err
		}
		full := partner.WebhookCount >= webhook.MaxWebhooks
		if !full {
			partner.WebhookCount++
			err = p.cfg.Store.Commit(ctx, webhook.Change{Partner: &partner, Webhook: w, Answer: answer})
			if webhook.CodeOf(err) != webhook.Conflict {
				return out, err
			}
		}
		// Another change of the partner came first, and it may have been the same request.
		if earlier, err := p.recallCreated(ctx, idem); earlier != nil || err != nil {
			return earlier, err
		}
		if full {
			return nil, webhook.Errorf(webhook.LimitReached, "There are %d webhooks already; that is the most.", webhook.MaxWebhooks)
		}
	}
	return nil, errBusy
}

// recallCreated returns the answer to the same creation, nil if there was none. It holds the secret, which a deletion
// destroys.
func (p *portal) recallCreated(ctx context.Context, idem *idempotency) (*createOutput, error) {
	out, err := recall[createOutput](ctx, p, idem)
	if out == nil || err != nil {
		return nil, err
	}
	callFrom(ctx).webhookID = out.Body.ID
	_, _, err = p.cfg.Store.Webhook(ctx, idem.partnerID, out.Body.ID)
	if webhook.CodeOf(err) == webhook.NotFound {
		return nil, webhook.Errorf(webhook.Conflict, "The webhook that this request made was deleted.")
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// createdAnswer shows a webhook that nothing was sent to yet.
func createdAnswer(w *webhook.Webhook, s webhook.Secrets, p *portal) *createOutput {
	return &createOutput{
		ETag: etag(1), Location: "webhooks/" + w.ID,
		Body: createdView{WebhookView: viewOf(w, nil, 0, webhook.Job{}, p.cfg.Now()), Secret: s.Signing},
	}
}

// newWebhook checks every field of the body and makes the webhook, not yet sealed. All faults are reported at once.
func (p *portal) newWebhook(ctx context.Context, b createBody) (*webhook.Webhook, webhook.Secrets, error) {
	now := p.cfg.Now()
	w := &webhook.Webhook{
		PartnerID: callFrom(ctx).partnerID, ID: p.ids.Webhook(), Active: !b.Active.given() || b.Active.value, Generation: 1,
		AutoReactivate: b.AutoReactivate.value, Description: b.Description.value, EventTypes: eventTypesOf(b.EventTypes.value), TypeNaming: namingOf(b.TypeNaming),
		CreatedAt: now, UpdatedAt: now,
	}
	w.EverActive = w.Active
	secrets := webhook.Secrets{Signing: b.Secret.value}
	faults := []error{checkDescription(b.Description.value), b.EventTypes.value.check("body.eventTypes")}
	template, err := templateOf(b.PayloadTemplate)
	if faults = append(faults, err); template != nil {
		w.PayloadTemplate, w.TemplateAt = template.Text(), now
	}
	if w.URL, err = p.cfg.URLs.CheckURL(ctx, b.URL); err != nil {
		faults = append(faults, atField("body.url", err))
	}
	if b.Secret.given() {
		faults = append(faults, checkSecret(b.Secret.value))
	} else {
		secrets.Signing = webhook.NewSecret(p.cfg.Rand)
	}
	if h := b.AuthHeader; h.given() {
		w.AuthHeaderName, secrets.AuthHeaderValue = h.value.Name, h.value.Value
		faults = append(faults, checkAuthHeader(h.value.Name, h.value.Value))
	}
	w.SecretHint = webhook.HintOf(secrets.Signing)
	return w, secrets, errors.Join(faults...)
}

// atField gives an Invalid error the location of the field it is about. Other errors stay what they are.
func atField(field string, err error) error {
	var e *webhook.Error
	if !errors.As(err, &e) || e.Code != webhook.Invalid {
		return fmt.Errorf("checking %s: %w", field, err)
	}
	return &webhook.Error{Code: e.Code, Field: field, Message: e.Message}
}
