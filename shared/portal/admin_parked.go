package portal

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func (a *admin) parkedRoutes(rs *routes) {
	register(rs, huma.Operation{OperationID: "listParked", Method: http.MethodGet, Path: "/admin/parked"}, noBody, a.listParked)
	register(rs, huma.Operation{
		OperationID: "redriveParked", Method: http.MethodPost, Path: "/admin/parked/{id}/redrive", DefaultStatus: http.StatusAccepted,
	}, optionalBody, a.redrive)
}

type parkedView struct {
	ID       string    `json:"id"`
	Reason   string    `json:"reason"`
	ParkedAt time.Time `json:"parkedAt"`
	Size     int64     `json:"size" doc:"Of the record, in bytes."`
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
		out.Body.Items = append(out.Body.Items, parkedView{ID: x.ID, Reason: x.Reason, ParkedAt: shownTime(x.ParkedAt), Size: x.Size})
	}
	out.Body.NextCursor, err = a.cursors.next(ctx, after, "admin", "parked")
	return out, err
}

type redriveInput struct {
	ID   string `path:"id"`
	Body *emptyBody
}

type redriveOutput struct {
	Body struct {
		ID string `json:"id"`
	} `nameHint:"Redriven"`
}

// redrive has a parked record handled again, by the retrier.
func (a *admin) redrive(ctx context.Context, in *redriveInput) (*redriveOutput, error) {
	if !webhook.ValidParkedID(in.ID) {
		return nil, webhook.Errorf(webhook.NotFound, notFoundText)
	}
	parked, err := a.cfg.Parked.Parked(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := &redriveOutput{}
	out.Body.ID = parked.ID
	return out, a.cfg.Queue.Send(ctx, webhook.Message{Kind: webhook.RedriveMessage, ParkedID: parked.ID})
}
