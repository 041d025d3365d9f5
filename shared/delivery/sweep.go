package delivery

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Limits of one run of the sweeper.
const (
	sweepPage        = 500  // deliveries asked for at once
	sweepConcurrency = 16   // looked at at once
	sweepBacklog     = 1000 // messages waiting on the queue above which nothing is added to it
	sweepMost        = 5000 // deliveries looked at
)

// Swept tells what a run of the sweeper did.
type Swept struct {
	// HeldBack is true if the queue itself is late: what is overdue waits there already.
	HeldBack bool
	// Overdue counts the deliveries and jobs looked at, Requeued those whose next step was queued again, Cancelled and
	// Expired those that were held and came to an end, Published the operational events that were left in the outbox.
	Overdue, Requeued, Cancelled, Expired, Published int
}

// Sweep takes up deliveries that are overdue: something that should have moved them on was lost. Each one's due time is
// moved forward, conditionally, before its message is sent, so concurrent sweepers send once and a lost message is
// noticed again. It ends when nothing is overdue, after 5,000, or when the invocation's time does.
func (e *Engine) Sweep(ctx context.Context) (Swept, error) {
	var out Swept
	published, publishing := e.publishLeft(ctx)
	out.Published = published
	waiting, err := e.Queue.Waiting(ctx)
	if err != nil {
		return out, errors.Join(publishing, err)
	}
	if out.HeldBack = waiting > sweepBacklog; out.HeldBack {
		return out, publishing
	}
	seen, failed := map[any]bool{}, 0
	errs := []error{publishing}
	for len(seen) < sweepMost && e.hasTime(ctx) {
		refs, jobs, err := e.Store.Due(ctx, e.Now(), sweepPage+failed) // what failed stands before the others
		if err != nil {
			return out, errors.Join(append(errs, err)...)
		}
		// What was moved on may still stand in the index, and what could not be moved does.
		refs = slices.DeleteFunc(refs, func(r webhook.Ref) bool { return seen[r] })
		jobs = slices.DeleteFunc(jobs, func(r webhook.JobRef) bool { return seen[r] })
		if len(refs)+len(jobs) == 0 {
			break
		}
		for _, r := range refs {
			seen[r] = true
		}
		for _, r := range jobs {
			seen[r] = true
		}
		met := e.sweepAll(ctx, refs, jobs, &out)
		errs, failed = append(errs, met...), failed+len(met)
	}
	out.Overdue = len(seen)
	return out, errors.Join(errs...)
}

// hasTime tells whether another page fits into the invocation's time.
func (e *Engine) hasTime(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return !ok || deadline.Sub(e.Now()) > 4*spare
}

// sweepAll moves deliveries and jobs on, some at once, and counts what became of them.
func (e *Engine) sweepAll(ctx context.Context, refs []webhook.Ref, jobs []webhook.JobRef, out *Swept) (errs []error) {
	var mu sync.Mutex
	e.each(len(refs)+len(jobs), sweepConcurrency, func(i int) {
		var moved webhook.State
		var err error
		if i < len(refs) {
			moved, err = e.sweepOne(ctx, refs[i])
		} else {
			moved, err = e.sweepJob(ctx, jobs[i-len(refs)])
		}
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err != nil && webhook.CodeOf(err) != webhook.Conflict:
			errs = append(errs, err)
		case moved == webhook.StatePending:
			out.Requeued++
		case moved == webhook.Cancelled:
			out.Cancelled++
		case moved == webhook.StateExpired:
			out.Expired++
		}
	})
	return errs
}

// sweepOne moves one overdue delivery on and returns the state it is in then, or "" if it was not overdue after all.
func (e *Engine) sweepOne(ctx context.Context, ref webhook.Ref) (webhook.State, error) {
	d, err := e.Store.Delivery(ctx, ref)
	if webhook.CodeOf(err) == webhook.NotFound {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if d.DueAt.IsZero() || d.DueAt.After(e.Now()) {
		return "", nil
	}
	if d.Waiting() && d.Claim == nil && d.ResendAt.IsZero() {
		return e.sweepWaiting(ctx, &d)
	}
	due := d.DueAt
	next, ok := e.nextStep(&d)
	d.DueAt = e.Now().Add(next.Delay + webhook.Grace)
	if !ok {
		d.DueAt = time.Time{}
	}
	if err := e.save(ctx, &d); err != nil || !ok {
		return "", err
	}
	e.logOverdue(ctx, &d, due)
	return webhook.StatePending, e.Queue.Send(ctx, next)
}

const (
	// waitingCheck is how often what waits for an inactive webhook is looked at: a drain may have missed it.
	waitingCheck = 24 * time.Hour
	// drainCheck is the same while a drain runs.
	drainCheck = 10 * time.Minute
)

// sweepWaiting looks at what waits for a webhook's activation: it ends what was discarded, whose webhook was deleted or
// that was held for its whole time, and starts a drain if the webhook is active and none runs.
func (e *Engine) sweepWaiting(ctx context.Context, d *webhook.Delivery) (webhook.State, error) {
	p, w, err := e.Store.Webhook(ctx, d.PartnerID, d.WebhookID)
	deleted := webhook.CodeOf(err) == webhook.NotFound
	if err != nil && !deleted {
		return "", err
	}
	now := e.Now()
	switch {
	case deleted || w.Discarded(d):
		e.endWaiting(d, deleted)
	case w.Active && !p.Suspended:
		return d.State, e.overdueDrain(ctx, d, &w)
	case d.State == webhook.Held && !d.HeldUntil.After(now):
		d.Expire(now)
	default:
		d.DueAt = now.Add(waitingCheck)
		if d.State == webhook.Held && d.HeldUntil.Before(d.DueAt) {
			d.DueAt = d.HeldUntil
		}
	}
	if err := e.save(ctx, d); err != nil {
		return d.State, err
	}
	e.logEnded(ctx, d)
	return d.State, nil
}

// overdueDrain starts a drain for what waits for an active webhook, unless one runs.
func (e *Engine) overdueDrain(ctx context.Context, d *webhook.Delivery, w *webhook.Webhook) error {
	drain, err := e.presentJob(ctx, w.PartnerID, w.ID, webhook.DrainJob)
	if err != nil {
		return err
	}
	now := e.Now()
	d.DueAt = now.Add(drainCheck)
	if drain.State == webhook.JobRunning {
		return e.save(ctx, d)
	}
	next := webhook.NewDrain(drain, w, now, e.IDs.Job(), 0)
	if err := e.Store.Commit(ctx, webhook.Change{Jobs: []*webhook.Job{next}, Deliveries: []*webhook.Delivery{d}}); err != nil {
		return err
	}
	return e.Queue.Send(ctx, next.Ref().Message())
}

// sweepJob asks for the next step of a job that is due.
func (e *Engine) sweepJob(ctx context.Context, ref webhook.JobRef) (webhook.State, error) {
	j, err := e.Store.Job(ctx, ref)
	if webhook.CodeOf(err) == webhook.NotFound {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if j.DueAt.IsZero() || j.DueAt.After(e.Now()) {
		return "", nil
	}
	j.DueAt = e.Now().Add(webhook.Grace)
	if err := e.Store.Commit(ctx, webhook.Change{Jobs: []*webhook.Job{&j}}); err != nil {
		return "", err
	}
	return webhook.StatePending, e.Queue.Send(ctx, j.Ref().Message())
}
