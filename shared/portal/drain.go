package portal

import (
	"context"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

type drainView struct {
	State webhook.JobState `json:"state" enum:"running,done,stopped"`
	Done  int              `json:"done" doc:"How many events it has finished with."`
	Total int              `json:"total" doc:"How many events it is about, as far as is known: while it runs, what is held counts, up to 1000."`
}

// activated makes w active. With it, unless what waits is discarded, begins the drain that brings it. The first
// activation of a webhook that was created inactive is no reactivation: nothing waits, and nobody is told.
func (p *portal) activated(ctx context.Context, w *webhook.Webhook, held heldChoice) (edited, error) {
	again := w.EverActive
	if !w.Activate(p.cfg.Now()) {
		return edited{}, nil
	}
	done := edited{changed: true}
	if !again {
		return done, nil
	}
	done.outbox = []webhook.OutboxEvent{p.outbox(w, webhook.WebhookReactivated)}
	old, err := presentJob(ctx, p.cfg.Store, w, webhook.DrainJob)
	if err != nil {
		return edited{}, err
	}
	if held == discardHeld {
		return p.discarded(ctx, w, old, done)
	}
	waiting, err := p.cfg.Store.HeldCount(ctx, w.PartnerID, w.ID, maxHeldCount+1)
	if err != nil {
		return edited{}, err
	}
	drain := webhook.NewDrain(old, w, p.cfg.Now(), p.ids.Job(), waiting)
	done.jobs, done.messages = []*webhook.Job{drain}, []webhook.Message{drain.Ref().Message()}
	callFrom(ctx).jobID = drain.ID
	return done, nil
}

// discarded gives up what waits for w, which was just activated. A drain that has not noticed yet that w was inactive
// meanwhile must not go on.
func (p *portal) discarded(ctx context.Context, w *webhook.Webhook, drain webhook.Job, done edited) (edited, error) {
	w.DiscardBelow = w.Generation
	if drain.State == webhook.JobRunning {
		drain.End(p.cfg.Now(), webhook.JobStopped)
		done.jobs = []*webhook.Job{&drain}
	}
	done.messages = []webhook.Message{ending(w, webhook.DiscardMessage, 0)}
	return done, p.cfg.Queue.Send(ctx, ending(w, webhook.DiscardMessage, insuranceDelay))
}

// presentJob returns w's present job of a kind, or a zero Job.
func presentJob(ctx context.Context, s Store, w *webhook.Webhook, kind webhook.JobKind) (webhook.Job, error) {
	j, err := s.Job(ctx, webhook.JobRef{PartnerID: w.PartnerID, WebhookID: w.ID, Kind: kind})
	if webhook.CodeOf(err) == webhook.NotFound {
		return webhook.Job{}, nil
	}
	return j, err
}

// sendStored asks for the next step of what is stored already. The sweeper, or a message that waits, asks for it too, so
// a failure only delays it; the log tells.
func sendStored(ctx context.Context, q Queue, ms ...webhook.Message) {
	if len(ms) == 0 {
		return
	}
	if err := q.Send(ctx, ms...); err != nil {
		callFrom(ctx).cause = err
	}
}

// drainOf shows w's drain, of which held deliveries are known to wait. One that has not noticed yet that w became
// inactive counts as stopped.
func drainOf(w *webhook.Webhook, j *webhook.Job, held int) drainView {
	v := drainView{State: j.State, Done: j.Done, Total: max(j.Total, j.Done)}
	if j.State != webhook.JobRunning {
		return v
	}
	if !w.Active {
		v.State = webhook.JobStopped
		return v
	}
	if j.Current != "" {
		held++
	}
	v.Total = max(v.Total, j.Done+held)
	return v
}

// drains returns a drain for each active webhook of a partner whose suspension ends, and the messages that start them.
func (a *admin) drains(ctx context.Context, partnerID string) (jobs []*webhook.Job, ms []webhook.Message, err error) {
	page := webhook.Page{Limit: 100}
	for {
		ws, next, err := a.cfg.Store.Webhooks(ctx, partnerID, page)
		if err != nil {
			return nil, nil, err
		}
		for i := range ws {
			w := &ws[i]
			if !w.Active {
				continue
			}
			old, err := presentJob(ctx, a.cfg.Store, w, webhook.DrainJob)
			if err != nil {
				return nil, nil, err
			}
			// What is held is counted as the drain goes on.
			drain := webhook.NewDrain(old, w, a.cfg.Now(), a.ids.Job(), 0)
			jobs, ms = append(jobs, drain), append(ms, drain.Ref().Message())
		}
		if next == nil {
			return jobs, ms, nil
		}
		page.After = next
	}
}
