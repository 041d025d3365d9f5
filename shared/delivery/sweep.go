package delivery

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
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
	sweepLines       = 100  // failures of deliveries and jobs that are logged one by one, and as many of operational events
)

// Swept tells what a run of the sweeper did.
type Swept struct {
	// HeldBack is true if the queue itself is late: what is overdue waits there already.
	HeldBack bool
	// Overdue counts the deliveries and jobs looked at, Requeued those whose next step was queued again, Cancelled and
	// Expired those that were held and came to an end, Published the operational events that were left in the outbox.
	Overdue, Requeued, Cancelled, Expired, Published int
	// Failed counts the deliveries and jobs that could not be moved on, Refused the operational events that were not
	// published. The next run tries all of them again.
	Failed, Refused int
}

// sweeping is a run of the sweeper.
type sweeping struct {
	*Engine
	mu  sync.Mutex
	out Swept
	// moved counts what was moved on. down is the first failure to which no delivery and no job is to blame.
	moved int
	down  error
}

// Sweep takes up deliveries that are overdue: something that should have moved them on was lost. Each one's due time is
// moved forward, conditionally, before its message is sent, so concurrent sweepers send once and a lost message is
// noticed again. It ends when nothing is overdue, after 5,000, or when the invocation's time does.
//
// What fails singly is logged and tried again by the next run, and what stands behind it is swept: a bus that is down
// and a delivery that can't be read are no failure of Sweep. It returns an error only if it could not do its work: it is
// not known what is overdue, what waits in the queue or what is left in the outbox; something was overdue, nothing of it
// could be moved on, and a service did not answer (Unavailable); or 5,000 in a row fail, so that it never sees what
// stands behind them.
func (e *Engine) Sweep(ctx context.Context) (Swept, error) {
	s := &sweeping{Engine: e}
	outbox := s.publishLeft(ctx)
	waiting, err := e.Queue.Waiting(ctx)
	if err != nil {
		return s.out, errors.Join(outbox, err)
	}
	if s.out.HeldBack = waiting > sweepBacklog; s.out.HeldBack {
		return s.out, outbox
	}
	return s.out, errors.Join(outbox, s.takeUp(ctx))
}

// takeUp moves on what is overdue, page by page.
func (s *sweeping) takeUp(ctx context.Context) error {
	seen := map[any]bool{}
	for len(seen) < sweepMost && s.hasTime(ctx) {
		refs, jobs, err := s.Store.Due(ctx, s.Now(), sweepPage+s.out.Failed) // what failed stands before the others
		if err != nil {
			return err
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
		s.page(ctx, refs, jobs)
		s.out.Overdue = len(seen)
	}
	switch {
	case s.moved > 0:
		return nil
	case s.down != nil:
		return webhook.Wrap(webhook.Unavailable, s.down, "nothing that is overdue could be moved on, for instance")
	case s.out.Failed >= sweepMost:
		return webhook.Errorf(webhook.Internal, "%d that fail stand before all else that is overdue", s.out.Failed)
	}
	return nil
}

// hasTime tells whether another page fits into the invocation's time.
func (e *Engine) hasTime(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return !ok || deadline.Sub(e.Now()) > 4*spare
}

// page moves deliveries and jobs on, some at once.
func (s *sweeping) page(ctx context.Context, refs []webhook.Ref, jobs []webhook.JobRef) {
	s.each(len(refs)+len(jobs), sweepConcurrency, func(i int) {
		var moved webhook.State
		var ids []slog.Attr
		err := s.recovering(ctx, func() (err error) {
			if i < len(refs) {
				ids = refAttrs(refs[i])
				moved, err = s.sweepOne(ctx, refs[i])
			} else {
				ids = jobRefAttrs(jobs[i-len(refs)])
				moved, err = s.sweepJob(ctx, jobs[i-len(refs)])
			}
			return err
		})
		s.count(ctx, moved, ids, err)
	})
}

// count notes what became of a delivery or job, and logs why it could not be moved on.
func (s *sweeping) count(ctx context.Context, moved webhook.State, ids []slog.Attr, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case webhook.CodeOf(err) == webhook.Conflict: // somebody else moves it on
		return
	case err != nil:
		level := slog.LevelError
		if webhook.CodeOf(err) == webhook.Unavailable { // it passes
			level, s.down = slog.LevelWarn, cmp.Or(s.down, err)
		}
		if s.out.Failed++; s.out.Failed <= sweepLines {
			s.Log.LogAttrs(ctx, level, "overdue and not moved on", append(append(ids, errorAttrs(err)...), slog.String("event", "overdue.put_off"))...)
		}
		return
	case moved == "":
		return
	case moved == webhook.StatePending:
		s.out.Requeued++
	case moved == webhook.Cancelled:
		s.out.Cancelled++
	case moved == webhook.StateExpired:
		s.out.Expired++
	}
	s.moved++
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
		moved, err := e.sweepWaiting(ctx, &d)
		if webhook.CodeOf(err) == webhook.Corrupt {
			// Its webhook, or the drain: all that waits for that would stand before the others each minute.
			d.DueAt = e.Now().Add(unreadableCheck)
			return "", errors.Join(err, e.save(ctx, &d))
		}
		return moved, err
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
	// unreadableCheck is the same behind a webhook or drain that can't be read: within each period of the alarm on that.
	unreadableCheck = 4 * time.Minute
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
