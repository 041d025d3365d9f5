package delivery

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"

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
	// Overdue counts the deliveries looked at, Requeued those whose next step was queued again, Cancelled and Expired
	// those that were held and came to an end.
	Overdue, Requeued, Cancelled, Expired int
}

// Sweep takes up deliveries that are overdue: something that should have moved them on was lost. Each one's due time is
// moved forward, conditionally, before its message is sent, so concurrent sweepers send once and a lost message is
// noticed again. It ends when nothing is overdue, after 5,000, or when the invocation's time does.
func (e *Engine) Sweep(ctx context.Context) (Swept, error) {
	var out Swept
	waiting, err := e.Queue.Waiting(ctx)
	if err != nil {
		return out, err
	}
	if out.HeldBack = waiting > sweepBacklog; out.HeldBack {
		return out, nil
	}
	seen := map[webhook.Ref]bool{}
	var errs []error
	for len(seen) < sweepMost && e.hasTime(ctx) {
		refs, err := e.Store.Due(ctx, e.Now(), sweepPage)
		if err != nil {
			return out, err
		}
		// What was moved on may still stand in the index, and what could not be moved does.
		refs = slices.DeleteFunc(refs, func(r webhook.Ref) bool { return seen[r] })
		if len(refs) == 0 {
			break
		}
		for _, r := range refs {
			seen[r] = true
		}
		errs = append(errs, e.sweepAll(ctx, refs, &out)...)
	}
	out.Overdue = len(seen)
	return out, errors.Join(errs...)
}

// hasTime tells whether another page fits into the invocation's time.
func (e *Engine) hasTime(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return !ok || deadline.Sub(e.Now()) > 4*spare
}

// sweepAll moves deliveries on, some at once, and counts what became of them.
func (e *Engine) sweepAll(ctx context.Context, refs []webhook.Ref, out *Swept) (errs []error) {
	var mu sync.Mutex
	e.each(len(refs), sweepConcurrency, func(i int) {
		moved, err := e.sweepOne(ctx, refs[i])
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
	if d.State == webhook.Held {
		return e.sweepHeld(ctx, &d)
	}
	next, _ := e.nextStep(&d)
	d.DueAt = e.Now().Add(next.Delay + webhook.Grace)
	if err := e.save(ctx, &d); err != nil {
		return "", err
	}
	e.Log.LogAttrs(ctx, slog.LevelWarn, "delivery was overdue", slog.String("event", "delivery.overdue"),
		slog.String("partnerId", d.PartnerID), slog.String("webhookId", d.WebhookID), slog.String("deliveryId", d.ID))
	return webhook.StatePending, e.Queue.Send(ctx, next)
}

// sweepHeld ends what is held for a deleted webhook, was discarded, or has been held for its whole time.
func (e *Engine) sweepHeld(ctx context.Context, d *webhook.Delivery) (webhook.State, error) {
	_, w, err := e.Store.Webhook(ctx, d.PartnerID, d.WebhookID)
	deleted := webhook.CodeOf(err) == webhook.NotFound
	switch {
	case err != nil && !deleted:
		return "", err
	case deleted || w.Discarded(d):
		d.Cancel(e.Now(), cancelReason(deleted))
	case !d.HeldUntil.After(e.Now()):
		d.Expire(e.Now())
	default:
		d.DueAt = d.HeldUntil
	}
	return d.State, e.save(ctx, d)
}
