package portal

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func (a *admin) parkedRoutes(rs *routes) {
	register(rs, huma.Operation{OperationID: "listParked", Method: http.MethodGet, Path: "/admin/parked"}, noBody, a.listParked)
	register(rs, huma.Operation{OperationID: "getParked", Method: http.MethodGet, Path: "/admin/parked/{id}"}, noBody, a.getParked)
	register(rs, huma.Operation{
		OperationID: "redriveParked", Method: http.MethodPost, Path: "/admin/parked/{id}/redrive", DefaultStatus: http.StatusAccepted,
	}, optionalBody, a.redrive)
	a.deadLetterRoutes(rs)
}

type parkedView struct {
	ID             string    `json:"id"`
	Kind           string    `json:"kind" doc:"record: it cannot become an event; delivery: its attempts kept being interrupted; lost: a batch of records that left the stream unhandled."`
	Reason         string    `json:"reason"`
	Detail         string    `json:"detail,omitempty"`
	Attribute      string    `json:"attribute,omitempty" doc:"The attribute of the record that is at fault."`
	PartnerID      string    `json:"partnerId,omitempty" doc:"As the record has it; it may be of any form."`
	VerificationID string    `json:"verificationId,omitempty"`
	ParkedAt       time.Time `json:"parkedAt"`
	Size           int64     `json:"size" doc:"In bytes: of the record, or of a lost batch as Lambda wrote it."`
}

type listParkedOutput struct{ Body list[parkedView] }

func (a *admin) listParked(ctx context.Context, in *PageParams) (*listParkedOutput, error) {
	page, err := a.cursors.page(ctx, *in, "admin", "parked")
	if err != nil {
		return nil, err
	}
	items, after, err := a.cfg.Parked.List(ctx, page)
	if err != nil {
		return nil, err
	}
	out := &listParkedOutput{Body: list[parkedView]{Items: []parkedView{}}}
	for _, x := range items {
		out.Body.Items = append(out.Body.Items, parkedViewOf(x))
	}
	out.Body.NextCursor, err = a.cursors.next(ctx, after, "admin", "parked")
	return out, err
}

func parkedViewOf(x webhook.ParkedSummary) parkedView {
	return parkedView{
		ID: x.ID, Kind: string(webhook.ParkedKindOf(x.Reason)), Reason: x.Reason, Detail: x.Detail, Attribute: x.Attribute,
		PartnerID: x.PartnerID, VerificationID: x.VerificationID, ParkedAt: shownTime(x.ParkedAt), Size: x.Size,
	}
}

// ParkedParam is the id in a path. It is exported because huma reads it by reflection.
type ParkedParam struct {
	ID string `path:"id"`
}

// maxShownRecord is the most bytes that a record may take in an answer: a function's answer has at most 6 MB.
const maxShownRecord = 5 << 20

// showable returns a record as text, empty if it would not fit into an answer, where it is escaped twice: once as a
// string in the body, and then with the body as a string.
func showable(record []byte) string {
	text := strings.ToValidUTF8(string(record), "\uFFFD")
	escaped := text
	for range 2 {
		b, err := json.Marshal(escaped)
		if err != nil {
			return ""
		}
		escaped = string(b)
	}
	if len(escaped) > maxShownRecord {
		return ""
	}
	return text
}

type parkedDetails struct {
	parkedView
	WebhookID  string        `json:"webhookId,omitempty" doc:"Of a delivery."`
	DeliveryID string        `json:"deliveryId,omitempty" doc:"Of a delivery."`
	Records    []subjectView `json:"records,omitempty" doc:"What a lost batch holds."`
	Record     string        `json:"record,omitempty" doc:"The record's JSON as text. Left out if it is too large for an answer; the bucket of parked records has it."`
}

type subjectView struct {
	PartnerID      string `json:"partnerId,omitempty"`
	VerificationID string `json:"verificationId,omitempty"`
}

type parkedOutput struct {
	Body parkedDetails `nameHint:"ParkedDetails"`
}

func (a *admin) getParked(ctx context.Context, in *ParkedParam) (*parkedOutput, error) {
	p, err := a.cfg.Parked.Parked(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	v := parkedDetails{parkedView: parkedViewOf(webhook.ParkedSummary{
		ID: p.ID, Reason: p.Reason, Detail: p.Detail, Attribute: p.Attribute, PartnerID: p.PartnerID,
		VerificationID: p.VerificationID, ParkedAt: p.ParkedAt, Size: int64(len(p.Record)),
	})}
	switch webhook.ParkedKindOf(p.Reason) {
	case webhook.ParkedDelivery:
		var ref webhook.Ref
		if err := json.Unmarshal(p.Record, &ref); err == nil {
			v.PartnerID, v.WebhookID, v.DeliveryID = ref.PartnerID, ref.WebhookID, ref.DeliveryID
		}
	case webhook.ParkedLost:
		if records, err := payload.Split(p.Record); err == nil { // otherwise the record shows why
			for _, raw := range records {
				var s subjectView
				s.PartnerID, s.VerificationID = payload.Subject(raw)
				v.Records = append(v.Records, s)
			}
		}
	case webhook.ParkedRecord:
		// Records that were parked by earlier versions were stored without it.
		v.PartnerID, v.VerificationID = payload.Subject(p.Record)
	}
	v.Record = showable(p.Record)
	return &parkedOutput{Body: v}, nil
}

type redriveInput struct {
	ParkedParam
	Body *emptyBody
}

type redriveOutput struct {
	Body struct {
		ID string `json:"id"`
	} `nameHint:"Redriven"`
}

// redrive has what is parked handled again, by the retrier.
func (a *admin) redrive(ctx context.Context, in *redriveInput) (*redriveOutput, error) {
	parked, err := a.cfg.Parked.Parked(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := &redriveOutput{}
	out.Body.ID = parked.ID
	return out, a.cfg.Queue.Send(ctx, webhook.Message{Kind: webhook.RedriveMessage, ParkedID: parked.ID})
}
