package portal

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func (p *portal) statsRoutes(rs *routes) {
	register(rs, huma.Operation{
		OperationID: "getWebhookStats", Method: http.MethodGet, Path: webhookPath + "/stats", Tags: []string{"webhooks"},
		Summary: "Get a webhook's statistics",
		Description: "What was delivered and what failed, hour by hour, and how long the attempts took. Tests and attempts by hand " +
			"do not count. The numbers may lag by a few seconds.",
		Errors: []int{http.StatusNotFound},
	}, noBody, p.stats)
}

type statsInput struct {
	WebhookParam
	Hours int `query:"hours" minimum:"1" maximum:"168" default:"24" doc:"How many hours, the present one included."`
}

// StatsCounts are what happened in some time. It is exported because huma reads it by reflection.
type StatsCounts struct {
	Delivered int    `json:"delivered" doc:"How many deliveries succeeded."`
	Failed    int    `json:"failed" doc:"How many attempts failed. A delivery may have several, and succeed after them."`
	P50Ms     *int64 `json:"p50Ms" doc:"Half of the attempts, failed ones included, took at most this many milliseconds, connecting included; told to within 15 %. null if none was measured."`
	P95Ms     *int64 `json:"p95Ms" doc:"The same of 95 % of the attempts."`
}

type statsHour struct {
	Hour time.Time `json:"hour" doc:"When the hour begins."`
	StatsCounts
}

type statsOutput struct {
	Body struct {
		Items []statsHour `json:"items" nullable:"false" doc:"Every hour asked for, oldest first. The last one is the present hour, which is not over."`
		Total StatsCounts `json:"total" doc:"All of these hours together."`
	} `nameHint:"WebhookStats"`
}

// stats reads one item for each hour that has counters, however much was delivered in it.
func (p *portal) stats(ctx context.Context, in *statsInput) (*statsOutput, error) {
	_, w, err := p.load(ctx, in.WebhookID)
	if err != nil {
		return nil, err
	}
	// Where another machine's clock is ahead, one item more stands before those that are asked for.
	stored, err := p.cfg.Store.Stats(ctx, w.PartnerID, w.ID, in.Hours+1)
	if err != nil {
		return nil, err
	}
	last := webhook.HourOf(p.cfg.Now())
	hours := make([]webhook.Stats, in.Hours)
	for i := range hours {
		hours[i].Hour = last.Add(-time.Duration(in.Hours-1-i) * time.Hour)
	}
	var total webhook.Stats
	for i := range stored {
		s := &stored[i]
		at := int(s.Hour.Sub(hours[0].Hour) / time.Hour)
		if s.Hour.Before(hours[0].Hour) || s.Hour.After(last) {
			continue
		}
		hours[at] = *s
		total.Delivered += s.Delivered
		total.Failed += s.Failed
		total.Durations.Merge(&s.Durations)
	}
	out := &statsOutput{}
	for i := range hours {
		out.Body.Items = append(out.Body.Items, statsHour{shownTime(hours[i].Hour), statsCountsOf(&hours[i])})
	}
	out.Body.Total = statsCountsOf(&total)
	return out, nil
}

func statsCountsOf(s *webhook.Stats) StatsCounts {
	return StatsCounts{
		Delivered: s.Delivered, Failed: s.Failed, P50Ms: percentileMs(&s.Durations, 50), P95Ms: percentileMs(&s.Durations, 95),
	}
}

// percentileMs is null if nothing was measured.
func percentileMs(h *webhook.Durations, p int) *int64 {
	at, ok := h.Percentile(p)
	if !ok {
		return nil
	}
	ms := at.Round(time.Millisecond).Milliseconds()
	return &ms
}
