package portal

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func (p *portal) recoverRoutes(rs *routes) {
	register(rs, huma.Operation{
		OperationID: "recoverDeliveries", Method: http.MethodPost, Path: webhookPath + "/recover", Tags: []string{"deliveries"},
		Summary: "Send again what was not delivered",
		Description: "Starts a job that begins a new round of attempts for every event since a time whose delivery is in one of " +
			"the given states. The webhook must be active, unless it is a dry run, which only counts. A webhook has one such " +
			"job at a time: while it runs, the same request gets the same jobId, and another one is refused with 409.",
		DefaultStatus: http.StatusAccepted, Errors: []int{http.StatusNotFound, http.StatusConflict},
	}, jsonBody, p.recover)
	register(rs, huma.Operation{
		OperationID: "getJob", Method: http.MethodGet, Path: webhookPath + "/jobs/{jobId}", Tags: []string{"deliveries"},
		Summary: "Get a job", Description: "Jobs are kept for 30 days after their end.", Errors: []int{http.StatusNotFound},
	}, noBody, p.job)
}

// recoverState is a state that deliveries can be recovered from.
type recoverState webhook.State

// Schema implements huma.SchemaProvider.
func (recoverState) Schema(huma.Registry) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, x := range []webhook.State{webhook.Exhausted, webhook.Undeliverable, webhook.StateExpired, webhook.Held} {
		s.Enum = append(s.Enum, string(x))
	}
	return s
}

type recoverInput struct {
	WebhookParam
	Body recoverBody
}

type recoverBody struct {
	Since     string                  `json:"since" format:"date-time" doc:"Events from this time on, RFC 3339." example:"2026-01-31T00:00:00Z"`
	Until     optional[string]        `json:"until,omitempty" format:"date-time" doc:"Events before this time, RFC 3339; now if left out or later." example:"2026-02-01T00:00:00Z"`
	States    names[recoverState]     `json:"states" nullable:"false" minItems:"1" doc:"The states to recover from."`
	EventType optional[eventTypeName] `json:"eventType,omitempty" doc:"Only events of this type; all if left out."`
	DryRun    optional[bool]          `json:"dryRun,omitempty" doc:"Whether to count only, as the job's total; false if left out."`
}

type recoverOutput struct {
	Body struct {
		JobID string `json:"jobId"`
	} `nameHint:"Recovering"`
}

// job returns what the body asks for, not started. ended tells whether the body says where it ends: an end to come is
// that of a request without one, so that the set of events is fixed.
func (b recoverBody) job(now time.Time) (j webhook.Job, ended bool, err error) {
	since, err1 := timeParam("body.since", b.Since)
	until, err2 := timeParam("body.until", b.Until.value)
	if err := errors.Join(err1, err2, b.States.check("body.states")); err != nil {
		return j, false, err
	}
	if !since.Before(now) {
		return j, false, webhook.FieldErrorf("body.since", "must be in the past")
	}
	if ended = b.Until.given() && until.Before(now); !ended {
		until = now
	}
	if !since.Before(until) {
		return j, ended, webhook.FieldErrorf("body.until", "must be after since")
	}
	j = webhook.Job{
		Kind: webhook.RecoverJob, Since: since, Until: until, EventType: webhook.EventType(b.EventType.value), DryRun: b.DryRun.value,
	}
	for _, s := range b.States {
		j.States = append(j.States, webhook.State(s))
	}
	slices.Sort(j.States)
	return j, ended, nil
}

// recover starts a job, or finds the one that the same request started. That the webhook is active is no condition of
// the write: a job whose webhook is not stops by itself.
func (p *portal) recover(ctx context.Context, in *recoverInput) (*recoverOutput, error) {
	want, ended, err := in.Body.job(p.cfg.Now())
	if err != nil {
		return nil, err
	}
	out := &recoverOutput{}
	for try := range writeTries {
		p.backOff(ctx, try)
		_, w, err := p.load(ctx, in.WebhookID)
		if err != nil {
			return nil, err
		}
		if !w.Active && !want.DryRun {
			return nil, webhook.Errorf(webhook.Conflict, "The webhook is inactive. Activate it first.")
		}
		present, err := presentJob(ctx, p.cfg.Store, &w, webhook.RecoverJob)
		if err != nil {
			return nil, err
		}
		if present.State == webhook.JobRunning {
			if !sameRecovery(&present, &want, ended) {
				return nil, webhook.Errorf(webhook.Conflict, "Another recovery is under way, %s. Ask again when it has ended.", present.ID)
			}
			out.Body.JobID, callFrom(ctx).jobID = present.ID, present.ID
			return out, nil
		}
		j := want
		j.PartnerID, j.WebhookID, j.Rev = w.PartnerID, w.ID, present.Rev
		j.Start(p.cfg.Now(), p.ids.Job(), w.Generation)
		change := webhook.Change{Jobs: []*webhook.Job{&j}}
		if present.ID != "" {
			change.EndedJob = &present
		}
		err = p.cfg.Store.Commit(ctx, change)
		if err == nil {
			sendStored(ctx, p.cfg.Queue, j.Ref().Message())
			out.Body.JobID, callFrom(ctx).jobID = j.ID, j.ID
			return out, nil
		}
		if webhook.CodeOf(err) != webhook.Conflict {
			return nil, err
		}
	}
	return nil, errBusy
}

// sameRecovery tells whether two jobs are about the same. A request that does not say where it ends means the end that
// the first one got.
func sameRecovery(a, b *webhook.Job, ended bool) bool {
	return a.Since.Equal(b.Since) && (!ended || a.Until.Equal(b.Until)) && slices.Equal(a.States, b.States) &&
		a.EventType == b.EventType && a.DryRun == b.DryRun
}

type jobInput struct {
	WebhookParam
	JobID string `path:"jobId" doc:"The job's id."`
}

type jobView struct {
	ID        string           `json:"id"`
	Kind      webhook.JobKind  `json:"kind" enum:"drain,recover"`
	State     webhook.JobState `json:"state" enum:"running,done,stopped" doc:"stopped: the webhook became inactive, or the job was too long."`
	Done      int              `json:"done" doc:"How many deliveries it has finished with; 0 for a dry run."`
	Total     int              `json:"total" doc:"How many deliveries it is about. It grows while they are counted."`
	DryRun    bool             `json:"dryRun" doc:"Whether it only counts."`
	CreatedAt time.Time        `json:"createdAt"`
	UpdatedAt time.Time        `json:"updatedAt"`
}

type jobOutput struct{ Body jobView }

func (p *portal) job(ctx context.Context, in *jobInput) (*jobOutput, error) {
	if !webhook.ValidJobID(in.JobID) {
		return nil, webhook.Errorf(webhook.NotFound, notFoundText)
	}
	_, w, err := p.load(ctx, in.WebhookID)
	if err != nil {
		return nil, err
	}
	ref := webhook.JobRef{PartnerID: w.PartnerID, WebhookID: w.ID, Kind: webhook.RecoverJob, ID: in.JobID}
	j, err := p.cfg.Store.Job(ctx, ref)
	if webhook.CodeOf(err) == webhook.NotFound {
		ref.Kind = webhook.DrainJob
		j, err = p.cfg.Store.Job(ctx, ref)
	}
	if err != nil {
		return nil, err
	}
	v := jobView{
		ID: j.ID, Kind: ref.Kind, State: j.State, Done: j.Done, Total: max(j.Total, j.Done), DryRun: j.DryRun,
		CreatedAt: shownTime(j.CreatedAt), UpdatedAt: shownTime(j.UpdatedAt),
	}
	if j.Kind == webhook.DrainJob {
		held, err := p.cfg.Store.HeldCount(ctx, w.PartnerID, w.ID, maxHeldCount+1)
		if err != nil {
			return nil, err
		}
		d := drainOf(&w, &j, held)
		v.State, v.Total = d.State, d.Total
	}
	return &jobOutput{Body: v}, nil
}
