package portal

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func (p *portal) secretRoutes(rs *routes) {
	errs := []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed}
	register(rs, huma.Operation{
		OperationID: "rotateSecret", Method: http.MethodPost, Path: webhookPath + "/secret/rotate", Tags: []string{"secrets"},
		Summary: "Rotate the signing secret",
		Description: "Makes a new signing secret, which is shown in this answer only. During the overlap x-webhook-signature " +
			"is still made with the old secret, x-webhook-signature-next with the new one, and webhook-signature holds both " +
			"signatures; then the new secret takes the old one's place. Refused with 409 during an overlap, unless replace is " +
			"true: then the new secret that was pending is replaced and the overlap starts anew. A repeated request with the " +
			"same Idempotency-Key gets the same answer, even if the secret in it has been replaced by then.",
		DefaultStatus: http.StatusOK, Errors: errs,
	}, optionalBody, p.rotate)
	register(rs, huma.Operation{
		OperationID: "completeRotation", Method: http.MethodPost, Path: webhookPath + "/secret/complete", Tags: []string{"secrets"},
		Summary: "Let the new secret take the old one's place now", Description: "Refused with 409 if no rotation is under way.",
		DefaultStatus: http.StatusOK, Errors: errs,
	}, optionalBody, p.completeRotation)
	register(rs, huma.Operation{
		OperationID: "cancelRotation", Method: http.MethodPost, Path: webhookPath + "/secret/cancel", Tags: []string{"secrets"},
		Summary: "Discard the new secret and keep the old one", Description: "Refused with 409 if no rotation is under way.",
		DefaultStatus: http.StatusOK, Errors: errs,
	}, optionalBody, p.cancelRotation)
}

type rotateInput struct {
	WebhookParam
	Precondition
	Repeatable
	Body *rotateBody `nameHint:"RotateBody"`
}

type rotateBody struct {
	Secret       optional[string] `json:"secret,omitempty" maxLength:"128" doc:"An own signing secret: 24 to 128 printable ASCII characters; after whsec_, base64 of 24 to 64 bytes. One is generated if left out."`
	OverlapHours optional[int]    `json:"overlapHours,omitempty" minimum:"0" maximum:"168" doc:"How many hours both secrets are in use; 24 if left out. 0 replaces the secret at once."`
	Replace      optional[bool]   `json:"replace,omitempty" doc:"Whether a rotation that is under way is replaced; false if left out."`
}

type rotateOutput struct {
	ETag string `header:"ETag" doc:"The version, for If-Match."`
	Body createdView
}

// rotate starts a rotation. The answer to a repeated request is looked for before anything else, and again if the
// request is refused: what refuses it may be that the same request was faster.
func (p *portal) rotate(ctx context.Context, in *rotateInput) (*rotateOutput, error) {
	idem, err := newIdempotency(ctx, in.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	// The stored answer holds the secret: it is given out for as long as the webhook exists.
	if _, _, err := p.load(ctx, in.WebhookID); err != nil {
		return nil, err
	}
	if out, err := recall[rotateOutput](ctx, p, idem); out != nil || err != nil {
		return out, err
	}
	out, err := p.rotateNow(ctx, in, idem)
	switch webhook.CodeOf(err) {
	case webhook.Conflict, webhook.Precondition, webhook.Invalid:
		if earlier, err := recall[rotateOutput](ctx, p, idem); earlier != nil || err != nil {
			return earlier, err
		}
	default: // done, or nothing that the same request could have caused
	}
	return out, err
}

func (p *portal) rotateNow(ctx context.Context, in *rotateInput, idem *idempotency) (*rotateOutput, error) {
	var body rotateBody
	if in.Body != nil {
		body = *in.Body
	}
	secret, overlap, err := body.wanted(p)
	if err != nil {
		return nil, err
	}
	var out *rotateOutput
	_, err = p.writeSecrets(ctx, in.WebhookID, in.Precondition, func(w *webhook.Webhook, s webhook.Secrets) (webhook.Secrets, error) {
		return w.StartRotation(s, secret, overlap, body.Replace.value, p.cfg.Now())
	}, func(w *webhook.Webhook) (*webhook.Answer, error) {
		v, err := p.view(ctx, w)
		if err != nil {
			return nil, err
		}
		out = &rotateOutput{ETag: etag(w.Rev + 1), Body: createdView{WebhookView: v, Secret: secret}}
		return remember(ctx, p, idem, out)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// wanted returns what the body asks for.
func (b rotateBody) wanted(p *portal) (secret string, overlap time.Duration, err error) {
	hours := webhook.DefaultOverlapHours
	if b.OverlapHours.given() {
		hours = b.OverlapHours.value
	}
	if b.Secret.given() {
		secret, err = b.Secret.value, checkSecret(b.Secret.value)
	} else {
		secret = webhook.NewSecret(p.cfg.Rand)
	}
	return secret, time.Duration(hours) * time.Hour, err
}

type endRotationInput struct {
	WebhookParam
	Precondition
	Body *emptyBody
}

func (p *portal) completeRotation(ctx context.Context, in *endRotationInput) (*webhookAnswer, error) {
	return p.endRotation(ctx, in, (*webhook.Webhook).CompleteRotation)
}

func (p *portal) cancelRotation(ctx context.Context, in *endRotationInput) (*webhookAnswer, error) {
	return p.endRotation(ctx, in, (*webhook.Webhook).CancelRotation)
}

func (p *portal) endRotation(ctx context.Context, in *endRotationInput, end func(*webhook.Webhook, webhook.Secrets, time.Time) (webhook.Secrets, error)) (*webhookAnswer, error) {
	w, err := p.writeSecrets(ctx, in.WebhookID, in.Precondition, func(w *webhook.Webhook, s webhook.Secrets) (webhook.Secrets, error) {
		return end(w, s, p.cfg.Now())
	}, func(*webhook.Webhook) (*webhook.Answer, error) { return nil, nil })
	if err != nil {
		return nil, err
	}
	return p.answerWith(ctx, w)
}

// writeSecrets changes a webhook's signing secrets as change says, and keeps the answer that is made of the outcome with
// them. If another request changes them at the same time, this one is refused: its caller decided on other secrets, and
// of two rotations at once one would hand out a secret that is never used.
func (p *portal) writeSecrets(
	ctx context.Context, id string, cond Precondition,
	change func(*webhook.Webhook, webhook.Secrets) (webhook.Secrets, error), answer func(*webhook.Webhook) (*webhook.Answer, error),
) (*webhook.Webhook, error) {
	var first *webhook.Secrets
	return p.write(ctx, id, cond, func(w *webhook.Webhook) (edited, error) {
		s, err := p.cfg.Vault.OpenSecrets(ctx, w)
		if err != nil {
			return edited{}, err
		}
		before := s
		if first == nil {
			first = &before
		}
		if s, err = change(w, s); err != nil {
			return edited{}, err
		}
		if before.Signing != first.Signing || before.Next != first.Next {
			return edited{}, webhook.Errorf(webhook.Conflict, "Another request changed the secret at the same time.")
		}
		if w.Sealed, err = p.cfg.Vault.SealSecrets(ctx, w, s); err != nil {
			return edited{}, err
		}
		a, err := answer(w)
		return edited{changed: true, answer: a}, err
	})
}
