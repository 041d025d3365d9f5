package portal

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func (p *portal) deliveryRoutes(rs *routes) {
	register(rs, huma.Operation{
		OperationID: "listDeliveries", Method: http.MethodGet, Path: webhookPath + "/deliveries", Tags: []string{"deliveries"},
		Summary: "List a webhook's deliveries", Description: "Newest first. A page may hold fewer than limit, or none, and still have a successor.",
		Errors: []int{http.StatusBadRequest, http.StatusNotFound},
	}, noBody, p.deliveries)
	register(rs, huma.Operation{
		OperationID: "getDelivery", Method: http.MethodGet, Path: webhookPath + "/deliveries/{deliveryId}", Tags: []string{"deliveries"},
		Summary: "Get a delivery", Errors: []int{http.StatusNotFound},
	}, noBody, p.delivery)
}

// DeliveryView is a delivery in a list.
type DeliveryView struct {
	ID             string             `json:"id"`
	State          webhook.State      `json:"state" enum:"pending,delivered,exhausted,held,cancelled,undeliverable,expired"`
	EventType      eventTypeName      `json:"eventType"`
	VerificationID string             `json:"verificationId"`
	CreatedAt      time.Time          `json:"createdAt" doc:"When the verification's record was written; lists are in its order, and since and until mean it."`
	UpdatedAt      time.Time          `json:"updatedAt"`
	Attempts       int                `json:"attempts" doc:"How many attempts have ended."`
	LastStatusCode *int               `json:"lastStatusCode"`
	LastErrorCode  *webhook.ErrorCode `json:"lastErrorCode"`
	NextAttemptAt  *time.Time         `json:"nextAttemptAt" nullable:"true"`
	ResendAt       *time.Time         `json:"resendRequestedAt" nullable:"true" doc:"When an attempt by hand was asked for that has not been made yet."`
	Reason         *string            `json:"reason" doc:"Why the delivery is undeliverable or cancelled."`
}

type attemptView struct {
	Number     int                  `json:"number" doc:"As in x-webhook-attempt."`
	StartedAt  time.Time            `json:"startedAt"`
	DurationMs int64                `json:"durationMs"`
	Manual     bool                 `json:"manual" doc:"Whether it was asked for by hand."`
	StatusCode *int                 `json:"statusCode"`
	Error      orNull[attemptError] `json:"error" doc:"null if the attempt succeeded."`
	Response   *string              `json:"response" doc:"The start of the answer's body, for failures only; secrets are removed."`
}

type deliveryDetail struct {
	DeliveryView
	Body       *string       `json:"body" doc:"The exact body that is sent, as text: its signature can be checked against it. null if it could not be built."`
	AttemptLog []attemptView `json:"attemptLog" nullable:"false" doc:"The latest attempts, at most 25, oldest first."`
}

func deliveryViewOf(d *webhook.Delivery) DeliveryView {
	v := DeliveryView{
		ID: d.ID, State: d.State, EventType: eventTypeName(d.Event.Type), VerificationID: d.Event.VerificationID,
		CreatedAt: shownTime(d.Event.OccurredAt), UpdatedAt: shownTime(d.UpdatedAt), Attempts: d.Attempts,
		LastErrorCode: textOrNull(d.LastErrorCode), NextAttemptAt: shownTimeOrNull(d.NextAttemptAt),
		ResendAt: shownTimeOrNull(d.ResendAt), Reason: textOrNull(d.Reason), LastStatusCode: statusOrNull(d.LastStatusCode),
	}
	return v
}

func statusOrNull(status int) *int {
	if status == 0 {
		return nil
	}
	return &status
}

func deliveryDetailOf(d *webhook.Delivery) deliveryDetail {
	v := deliveryDetail{DeliveryView: deliveryViewOf(d), Body: textOrNull(string(d.Body)), AttemptLog: []attemptView{}}
	for _, a := range d.Log {
		row := attemptView{
			Number: a.Number, StartedAt: shownTime(a.StartedAt), DurationMs: a.Duration.Milliseconds(), Manual: a.Manual,
			StatusCode: statusOrNull(a.StatusCode), Response: textOrNull(a.Excerpt),
		}
		if a.ErrorCode != "" {
			row.Error = some(attemptError{Code: a.ErrorCode, Message: a.ErrorMessage})
		}
		v.AttemptLog = append(v.AttemptLog, row)
	}
	return v
}

type deliveriesInput struct {
	WebhookParam
	PageParams
	State          webhook.State `query:"state" enum:"pending,delivered,exhausted,held,cancelled,undeliverable,expired"`
	EventType      string        `query:"eventType" enum:"verification.completed,verification.failed,verification.expired,verification.manual_review_completed"`
	VerificationID string        `query:"verificationId" maxLength:"1024"`
	Since          string        `query:"since" format:"date-time" doc:"Events from this time on, RFC 3339." example:"2026-01-31T00:00:00Z"`
	Until          string        `query:"until" format:"date-time" doc:"Events before this time, RFC 3339." example:"2026-02-01T00:00:00Z"`
}

// query checks the filters.
func (in *deliveriesInput) query(partnerID string) (webhook.DeliveryQuery, error) {
	since, err1 := timeParam("query.since", in.Since)
	until, err2 := timeParam("query.until", in.Until)
	err := errors.Join(err1, err2)
	if err == nil && !since.IsZero() && !until.IsZero() && !since.Before(until) {
		err = webhook.FieldErrorf("query.until", "must be after since")
	}
	return webhook.DeliveryQuery{
		PartnerID: partnerID, WebhookID: in.WebhookID, State: in.State, EventType: webhook.EventType(in.EventType),
		VerificationID: in.VerificationID, Since: since, Until: until,
	}, err
}

func timeParam(field, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.Year() < 1970 {
		return time.Time{}, webhook.FieldErrorf(field, "must be a time as in RFC 3339, such as 2026-01-31T00:00:00Z")
	}
	return t.UTC(), nil
}

type deliveriesOutput struct{ Body list[DeliveryView] }

func (p *portal) deliveries(ctx context.Context, in *deliveriesInput) (*deliveriesOutput, error) {
	q, err := in.query(callFrom(ctx).partnerID)
	if err != nil {
		return nil, err
	}
	if _, _, err := p.load(ctx, in.WebhookID); err != nil {
		return nil, err
	}
	scope := []string{
		q.PartnerID, "deliveries", q.WebhookID, string(q.State), string(q.EventType), q.VerificationID, in.Since, in.Until,
	}
	if q.Page, err = p.cursors.page(ctx, in.PageParams, scope...); err != nil {
		return nil, err
	}
	ds, after, err := p.cfg.Store.Deliveries(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &deliveriesOutput{Body: list[DeliveryView]{Items: make([]DeliveryView, 0, len(ds))}}
	for i := range ds {
		out.Body.Items = append(out.Body.Items, deliveryViewOf(&ds[i]))
	}
	out.Body.NextCursor, err = p.cursors.next(ctx, after, scope...)
	return out, err
}

// DeliveryParam names a delivery in a path. It is exported because huma reads it by reflection.
type DeliveryParam struct {
	WebhookParam
	DeliveryID string `path:"deliveryId" doc:"The delivery's id."`
}

type deliveryOutput struct{ Body deliveryDetail }

func (p *portal) delivery(ctx context.Context, in *DeliveryParam) (*deliveryOutput, error) {
	_, d, err := p.loadDelivery(ctx, in.WebhookID, in.DeliveryID)
	if err != nil {
		return nil, err
	}
	return &deliveryOutput{Body: deliveryDetailOf(&d)}, nil
}

// loadDelivery returns a delivery of one of the caller's webhooks, and the webhook. One whose time to live has ended is
// absent, whether the store has dropped it yet or not.
func (p *portal) loadDelivery(ctx context.Context, webhookID, deliveryID string) (webhook.Webhook, webhook.Delivery, error) {
	absent := webhook.Errorf(webhook.NotFound, notFoundText)
	if !webhook.ValidDeliveryID(deliveryID) {
		return webhook.Webhook{}, webhook.Delivery{}, absent
	}
	_, w, err := p.load(ctx, webhookID)
	if err != nil {
		return w, webhook.Delivery{}, err
	}
	d, err := p.cfg.Store.Delivery(ctx, webhook.Ref{PartnerID: w.PartnerID, WebhookID: w.ID, DeliveryID: deliveryID})
	if err != nil {
		return w, d, err
	}
	if end := d.ExpiresAt(); !end.IsZero() && !p.cfg.Now().Before(end) {
		return w, d, absent
	}
	c := callFrom(ctx)
	c.verificationID, c.eventID = d.Event.VerificationID, d.Event.ID
	return w, d, nil
}
