package portal

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

const templateField = "body.payloadTemplate"

// templateText is a payload template as it was sent.
type templateText string

// UnmarshalJSON implements json.Unmarshaler.
func (t *templateText) UnmarshalJSON(b []byte) error {
	*t = templateText(b)
	return nil
}

// Schema implements huma.SchemaProvider.
func (templateText) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}

// templateOf compiles a template that was sent; nil for null and for none. Nothing is kept: any number of them may be
// tried.
func templateOf(o optional[templateText]) (*payload.Template, error) {
	if !o.given() {
		return nil, nil
	}
	template, err := payload.Compile(string(o.value))
	return template, templateFault(err)
}

// presentTemplate compiles a webhook's template; nil for the default body. Its errors are payload's.
func presentTemplate(w *webhook.Webhook) (*payload.Template, error) {
	if w.PayloadTemplate == "" {
		return nil, nil
	}
	return payload.Compile(w.PayloadTemplate)
}

// textOf returns a template as it is stored; empty for none.
func textOf(t *payload.Template) string {
	if t == nil {
		return ""
	}
	return t.Text()
}

// patchTemplate reports whether the template became another one.
func (p *portal) patchTemplate(w *webhook.Webhook, o optional[templateText]) (bool, error) {
	if !o.set {
		return false, nil
	}
	template, err := templateOf(o)
	text := textOf(template)
	if err != nil || text == w.PayloadTemplate {
		return false, err
	}
	w.PayloadTemplate, w.TemplateAt = text, p.cfg.Now()
	return true, nil
}

// templateFault turns what is wrong with a template, or with what it makes of an event, into a fault of the field.
func templateFault(err error) error {
	var e *payload.TemplateError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, payload.ErrTooLarge):
		return webhook.FieldErrorf(templateField, "makes a body of more than %d bytes", payload.MaxBody)
	case !errors.As(err, &e):
		return webhook.FieldErrorf(templateField, "makes a body of too many levels")
	case e.Position > 0:
		return webhook.FieldErrorf(templateField+e.Path, "at character %d: %s", e.Position, e.Message)
	}
	return webhook.FieldErrorf(templateField+e.Path, "%s", e.Message)
}

func shownTemplate(text string) orNull[jsonObject] {
	if text == "" {
		return orNull[jsonObject]{}
	}
	return some(jsonObject(text))
}

type previewBody struct {
	PayloadTemplate optional[templateText]   `json:"payloadTemplate,omitempty" doc:"The template to try; null: the default body. Left out: the webhook's present one."`
	EventType       optional[eventTypeName]  `json:"eventType,omitempty" doc:"Which sample is shown; verification.completed if left out."`
	VerificationID  optional[string]         `json:"verificationId,omitempty" minLength:"1" doc:"A verification that has ended, to be shown in place of a sample."`
	TypeNaming      optional[typeNamingName] `json:"typeNaming,omitempty" doc:"As in a webhook. Left out: the webhook's, or guide."`
}

type previewInput struct {
	WebhookParam
	Body *previewBody `nameHint:"PreviewBody"`
}

type newPreviewInput struct {
	Body *previewBody `nameHint:"PreviewBody"`
}

type previewView struct {
	EventType eventTypeName `json:"eventType"`
	Body      string        `json:"body" doc:"The exact body that would be sent, as text."`
	Size      int           `json:"size" doc:"Its bytes."`
}

type previewOutput struct{ Body previewView }

func (p *portal) templateRoutes(rs *routes) {
	register(rs, huma.Operation{
		OperationID: "previewTemplate", Method: http.MethodPost, Path: webhookPath + "/template/preview", Tags: []string{"webhooks"},
		Summary: "Show what a payload template makes",
		Description: "Of a sample, or of the record of one of your verifications. Nothing is sent and nothing is stored. A template " +
			"that fails is answered 422 with the place.",
		DefaultStatus: http.StatusOK, Errors: []int{http.StatusNotFound},
	}, optionalBody, p.preview)
	register(rs, huma.Operation{
		OperationID: "previewNewTemplate", Method: http.MethodPost, Path: "/v1/template/preview", Tags: []string{"webhooks"},
		Summary:       "Show what a payload template would make in a webhook that does not exist yet",
		Description:   "As the preview of a webhook, but that what is left out is what a new webhook has.",
		DefaultStatus: http.StatusOK,
	}, optionalBody, p.previewNew)
}

func (p *portal) preview(ctx context.Context, in *previewInput) (*previewOutput, error) {
	_, w, err := p.load(ctx, in.WebhookID)
	if err != nil {
		return nil, err
	}
	return p.previewFor(ctx, &w, in.Body)
}

func (p *portal) previewNew(ctx context.Context, in *newPreviewInput) (*previewOutput, error) {
	return p.previewFor(ctx, &webhook.Webhook{PartnerID: callFrom(ctx).partnerID, TypeNaming: webhook.GuideNaming}, in.Body)
}

// previewFor shows what w would send. It changes w, which is the caller's own.
func (p *portal) previewFor(ctx context.Context, w *webhook.Webhook, body *previewBody) (*previewOutput, error) {
	var b previewBody
	if body != nil {
		b = *body
	}
	if b.TypeNaming.given() {
		w.TypeNaming = webhook.TypeNaming(b.TypeNaming.value)
	}
	template, err := templateOf(b.PayloadTemplate)
	if !b.PayloadTemplate.set {
		template, err = presentTemplate(w)
		err = templateFault(err)
	}
	if err != nil {
		return nil, err
	}
	if b.VerificationID.given() {
		return p.previewOf(ctx, w, b, template)
	}
	eventType := webhook.Completed
	if b.EventType.given() {
		eventType = webhook.EventType(b.EventType.value)
	}
	sample, err := payload.SampleWith(eventType, w.TypeNaming, template)
	return previewed(eventType, sample, err)
}

// maxVerificationID is the most bytes of a table's partition key.
const maxVerificationID = 2048

// previewOf shows the record of a verification. One of another partner is as good as none.
func (p *portal) previewOf(ctx context.Context, w *webhook.Webhook, b previewBody, template *payload.Template) (*previewOutput, error) {
	const field = "body.verificationId"
	if b.EventType.given() {
		return nil, webhook.FieldErrorf("body.eventType", "follows from the verification; leave it out")
	}
	unknown := webhook.FieldErrorf(field, "is not the id of one of your verifications")
	if len(b.VerificationID.value) > maxVerificationID {
		return nil, unknown
	}
	image, err := p.cfg.Verifications.Verification(ctx, b.VerificationID.value)
	if webhook.CodeOf(err) == webhook.NotFound {
		return nil, unknown
	}
	if err != nil {
		return nil, err
	}
	partnerID, record, isEvent, err := payload.DecodeImage(image, p.cfg.Now())
	switch {
	case partnerID != w.PartnerID:
		return nil, unknown
	case err != nil:
		return nil, webhook.FieldErrorf(field, "names a record that cannot become an event")
	case !isEvent:
		return nil, webhook.FieldErrorf(field, "names a verification that has not ended yet")
	}
	body, err := record.Body(w.TypeNaming, template)
	if err != nil && template == nil {
		return nil, webhook.FieldErrorf(field, "names a record that makes too large a body")
	}
	return previewed(record.Event.Type, body, err)
}

func previewed(t webhook.EventType, body []byte, err error) (*previewOutput, error) {
	if err != nil {
		return nil, templateFault(err)
	}
	return &previewOutput{previewView{EventType: eventTypeName(t), Body: string(body), Size: len(body)}}, nil
}

// jsonObject is a JSON object as it is.
type jsonObject jsontext.Value

// MarshalJSON implements json.Marshaler.
func (o jsonObject) MarshalJSON() ([]byte, error) { return o, nil }

// UnmarshalJSON implements json.Unmarshaler.
func (o *jsonObject) UnmarshalJSON(b []byte) error {
	*o = append((*o)[:0], b...)
	return nil
}

// Schema implements huma.SchemaProvider.
func (jsonObject) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}
