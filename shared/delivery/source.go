package delivery

import (
	"context"
	"slices"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// sourcePage is how many deliveries a job looks ahead.
const sourcePage = 50

// source finds the deliveries that a job is about, in the order of their records.
type source struct {
	e   *Engine
	job *webhook.Job
	// ahead is what the last page held that was not looked at yet; after is where it ended, nil at the end.
	ahead []webhook.Ref
	after []byte
	// refused is set when a drain that a probe started has left out what the webhook refused before; last when it is
	// the turn of that.
	refused, last bool
	// drained is set if a drain runs beside a recovery: what waits comes by that, in its order.
	drained bool
}

func (e *Engine) newSource(ctx context.Context, j *webhook.Job) (*source, error) {
	s := &source{e: e, job: j}
	if j.Kind == webhook.RecoverJob {
		drain, err := e.presentJob(ctx, j.PartnerID, j.WebhookID, webhook.DrainJob)
		if err != nil {
			return nil, err
		}
		s.drained = drain.State == webhook.JobRunning
	}
	return s, nil
}

// next returns the next delivery for a round as it is stored: lists may show what deliveries were. It is nil if there is
// none, or with more set if the invocation's time ended in the search. The job has not reached it before its round begins.
func (s *source) next(ctx context.Context, w *webhook.Webhook) (d *webhook.Delivery, more bool, err error) {
	for first := len(s.ahead) == 0; ; first = false {
		for len(s.ahead) > 0 {
			ref := s.ahead[0]
			s.ahead = s.ahead[1:]
			d, err := s.e.Store.Delivery(ctx, ref)
			if err != nil && !s.e.skip(ctx, ref, err) {
				return nil, false, err
			}
			if err == nil && s.wants(&d) && !w.Discarded(&d) && !s.later(&d) {
				return &d, false, nil
			}
			s.job.Last = ref.DeliveryID
		}
		if !s.e.canSend(ctx) {
			return nil, true, nil
		}
		more, err := s.page(ctx, first)
		if err != nil {
			return nil, false, err
		}
		if !more {
			if !s.refused || s.last {
				return nil, false, nil
			}
			s.last, s.after, s.ahead = true, nil, nil
			if _, err := s.page(ctx, true); err != nil {
				return nil, false, err
			}
		}
	}
}

func (s *source) wants(d *webhook.Delivery) bool {
	if s.job.Kind == webhook.RecoverJob {
		return chosen(s.job, d) && (!s.drained || !d.Waiting())
	}
	return d.Waiting()
}

// later tells whether d is to come last, because the webhook refused it right after a probe before. Drains that probes
// start would bring it first again and again, and what is held behind it would expire.
func (s *source) later(d *webhook.Delivery) bool {
	again := s.job.Probed && !s.last && d.Tripped && d.Probed
	s.refused = s.refused || again
	return again
}

// chosen tells whether a recovery is about d, as far as its time does not decide it.
func chosen(j *webhook.Job, d *webhook.Delivery) bool {
	return slices.Contains(j.States, d.State) && (j.EventType == "" || j.EventType == d.Event.Type)
}

// page looks further ahead; more is false if there is nothing more. A drain begins at the front whenever it has come to
// the end of a page: what it brought is no longer there, and what was held late may stand anywhere.
func (s *source) page(ctx context.Context, first bool) (more bool, err error) {
	if s.job.Kind == webhook.RecoverJob {
		items, err := s.e.recoveryPage(ctx, s.job)
		for i := range items {
			if s.wants(&items[i]) {
				s.ahead = append(s.ahead, items[i].Ref())
			}
		}
		if len(items) > 0 && len(s.ahead) == 0 {
			s.job.Last = items[len(items)-1].ID
		}
		return len(items) > 0, err
	}
	if first {
		s.after = nil
	} else if s.after == nil {
		return false, nil
	}
	s.ahead, s.after, err = s.e.Store.Held(ctx, s.job.PartnerID, s.job.WebhookID, webhook.Page{Limit: sourcePage, After: s.after})
	return len(s.ahead) > 0 || s.after != nil, err
}

// recoveryPage reads what follows the delivery that a recovery has reached, from the oldest on; nothing at the end.
func (e *Engine) recoveryPage(ctx context.Context, j *webhook.Job) ([]webhook.Delivery, error) {
	q := webhook.DeliveryQuery{
		PartnerID: j.PartnerID, WebhookID: j.WebhookID, Since: j.Since, Until: j.Until,
		OldestFirst: true, AfterID: j.Last, Page: webhook.Page{Limit: walkPage},
	}
	for {
		items, next, err := e.Store.Deliveries(ctx, q)
		if err != nil || len(items) > 0 || next == nil {
			return items, err
		}
		q.After = next
	}
}

// count finds out how many deliveries a recovery is about and tells whether it is through and the recovery may begin.
func (e *Engine) count(ctx context.Context, j *webhook.Job, began time.Time) (counted bool, err error) {
	for {
		items, err := e.recoveryPage(ctx, j)
		if err != nil {
			return false, err
		}
		for i := range items {
			if chosen(j, &items[i]) {
				j.Total++
			}
		}
		if len(items) == 0 {
			break
		}
		j.Last = items[len(items)-1].ID
		if !e.canSend(ctx) || e.Now().Sub(began) > inlineTime {
			return false, e.handOver(ctx, j, 0)
		}
	}
	j.Counted, j.Last = true, ""
	if j.DryRun {
		return false, e.endJob(ctx, j, webhook.JobDone)
	}
	return true, nil
}
