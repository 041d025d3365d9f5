// Package delivery brings events to webhooks: dispatch, retry, sweep, hold and redrive. It owns the order of steps that
// loses nothing: record -> claim -> send -> settle -> queue -> acknowledge.
package delivery

import (
	"context"
	"log/slog"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/retry"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Engine runs the use cases on its ports. All fields but Bus, Group and Sleep are required. Safe for concurrent use.
type Engine struct {
	Store   Store
	Queue   Queue
	Sender  Sender
	Vault   Vault
	Objects Objects
	// Bus tells others of operational events. Nil leaves them in the outbox.
	Bus Bus
	IDs webhook.IDSource
	Now func() time.Time
	// HoldTime is how long events are held for an inactive webhook.
	HoldTime time.Duration
	Log      *slog.Logger
	// Group makes what runs things concurrently; nil means NewGroup.
	Group func(limit int) Group
	// Sleep waits, or returns when ctx has ended; nil means real time.
	Sleep func(ctx context.Context, d time.Duration)

	templates payload.Templates
	hosts     hosts
}

func (e *Engine) group(limit int) Group {
	if e.Group == nil {
		return NewGroup(limit)
	}
	return e.Group(limit)
}

func (e *Engine) each(n, limit int, f func(i int)) { EachIn(e.group(limit), n, f) }

// spare is what an invocation keeps of its time for storing an outcome and queueing what follows.
const spare = 5 * time.Second

// canSend tells whether a whole attempt still fits into the invocation's time.
func (e *Engine) canSend(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return !ok || deadline.Sub(e.Now()) > MaxSend+spare
}

// claimed tells whether the claim that was just stored leaves enough of its lease, and of the invocation's time, for a
// whole attempt. Storing it may have taken long.
func (e *Engine) claimed(ctx context.Context, d *webhook.Delivery) bool {
	return d.Claim.LeaseUntil.Sub(e.Now()) >= MaxSend+spare && e.canSend(ctx)
}

// giveBack ends a claim under which nothing was sent and queues the attempt.
func (e *Engine) giveBack(ctx context.Context, d *webhook.Delivery) error {
	d.Release(e.Now())
	if err := e.save(ctx, d); err != nil {
		return err
	}
	return e.enqueue(ctx, d)
}

// attempt makes the claimed attempt of d, stores its outcome and queues what follows from it. It returns an error only if
// that could not be done; an outcome that is not stored lets the claim run out, and the attempt is repeated.
func (e *Engine) attempt(ctx context.Context, d *webhook.Delivery, w *webhook.Webhook, s webhook.Secrets, t *tally) error {
	manual := d.Claim.Manual
	stored, detour, err := e.send(ctx, d, w, s, t)
	if err != nil {
		return err
	}
	if manual && stored.State == webhook.StatePending && stored.NextAttemptAt.After(e.Now()) {
		return nil // the round's own message is on its way
	}
	if err := e.enqueue(ctx, stored); err != nil {
		return err
	}
	e.putDetour(ctx, w, detour)
	return nil
}

// send makes the claimed attempt of d and returns what is stored after it. The caller holds the claim, and stores the
// detour, if there is one, after what follows from the attempt.
func (e *Engine) send(
	ctx context.Context, d *webhook.Delivery, w *webhook.Webhook, s webhook.Secrets, t *tally,
) (stored *webhook.Delivery, detour *webhook.Detour, err error) {
	claim := *d.Claim
	req := BuildRequest(w, s, d.ID, d.Event.Type, claim.Number, d.Body, e.Now())
	resp := e.Sender.Send(ctx, req)
	a := webhook.Attempt{
		Number: claim.Number, Manual: claim.Manual, StartedAt: resp.StartedAt, Duration: resp.Duration,
		StatusCode: resp.StatusCode, ErrorCode: resp.ErrorCode, ErrorMessage: resp.ErrorMessage,
	}
	if !resp.OK() {
		a.Excerpt = resp.Excerpt
	}
	if a.ErrorCode == webhook.ErrInterrupted {
		// Our time ended, not the endpoint's: the outcome is not known, and the claim is left to run out.
		err := webhook.Errorf(webhook.Unavailable, "the invocation's time ended during an attempt")
		e.logAttempt(ctx, d, w, a, nil, resp.Resent, err)
		return nil, nil, err
	}
	if !a.Manual {
		if e.hosts.saw(w, a) {
			e.Log.LogAttrs(ctx, slog.LevelWarn, "host avoided", slog.String("event", "host.avoided"),
				slog.String("partnerId", w.PartnerID), slog.String("webhookId", w.ID), slog.String("host", hostOf(w.URL)),
				slog.Int64("tookMs", a.Duration.Milliseconds()))
		}
		detour = t.attempted(w, a, e.Now())
	}
	stored, err = e.settle(ctx, *d, a, resp.RetryAfter)
	e.logAttempt(ctx, d, w, a, stored, resp.Resent, err)
	if err == nil && !a.Manual {
		t.add(stored, a)
	}
	return stored, detour, err
}

const (
	// settleTries bounds how often an outcome is stored anew after somebody else changed the delivery or its webhook, or
	// when the store does not answer.
	settleTries = 5
	// settlePause is how long the second try waits for a store that did not answer; each further one waits twice as long.
	// A store that throttles many at once uses up what the SDK grants a process for trying again: then its errors come at
	// once, and five of them in a row would leave an outcome that is known to be found out by a second POST.
	settlePause = 500 * time.Millisecond
)

// settle stores the outcome of the claimed attempt: one conditional write, or one transaction when the round is
// exhausted. A write that conflicts or whose fate is unknown is decided anew from what is stored, for as long as the
// claim is still ours. It returns what is stored in the end.
func (e *Engine) settle(ctx context.Context, d webhook.Delivery, a webhook.Attempt, retryAfter time.Duration) (*webhook.Delivery, error) {
	owner := d.Claim.Owner
	var err error
	for try := range settleTries {
		if webhook.CodeOf(err) == webhook.Unavailable {
			e.pause(ctx, settlePause<<(try-1))
		}
		next := d
		var change webhook.Change
		if change, err = e.outcome(ctx, &next, a, retryAfter, try == settleTries-1); err == nil {
			if err = e.commit(ctx, change); err == nil {
				e.logSwitchedOff(ctx, &next, change.Webhook)
				return &next, nil
			}
		}
		stored, readErr := e.Store.Delivery(ctx, d.Ref())
		if webhook.CodeOf(readErr) == webhook.NotFound {
			// Only what is settled is ever removed, so an outcome was stored, this one or that of whoever took over. A next
			// step of this one's would find nothing.
			return &next, nil
		}
		if readErr != nil {
			continue
		}
		if stored.Claim == nil || stored.Claim.Owner != owner {
			// Either our own write was committed though its answer was lost, or the lease ran out and another
			// invocation took over. What is stored is the truth now, and its next step is safe to repeat.
			return &stored, nil
		}
		d = stored
	}
	return nil, webhook.Wrap(webhook.Unavailable, err, "couldn't store the outcome of an attempt")
}

// pause lets time pass if the invocation has enough of it.
func (e *Engine) pause(ctx context.Context, d time.Duration) {
	if deadline, ok := ctx.Deadline(); ok && deadline.Sub(e.Now()) < d+spare {
		return
	}
	if e.Sleep != nil {
		e.Sleep(ctx, d)
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// outcome applies a finished attempt to d and returns the Change that makes it real. On the last try it does without
// the jobs that can't be read: a warning and a probe are not worth an outcome.
func (e *Engine) outcome(ctx context.Context, d *webhook.Delivery, a webhook.Attempt, retryAfter time.Duration, last bool) (webhook.Change, error) {
	d.Finish(a)
	change := webhook.Change{Deliveries: []*webhook.Delivery{d}}
	switch {
	case a.ErrorCode == "":
		d.Succeed()
		return change, nil
	case a.Manual:
		d.KeepState()
		return change, nil
	}
	if delay, ok := retry.Next(d.RoundAttempts, retryAfter); ok {
		d.Retry(d.UpdatedAt.Add(delay))
		err := e.skipping(ctx, d, webhook.WarningJob, last, e.warn(ctx, d, &change))
		return change, err
	}
	_, w, err := e.Store.Webhook(ctx, d.PartnerID, d.WebhookID)
	switch webhook.CodeOf(err) {
	case "":
	case webhook.NotFound:
		d.Exhaust(false)
		return change, nil
	default:
		return webhook.Change{}, err
	}
	d.Exhaust(w.Trips(d))
	// The generation is the fence: a round that started under an older configuration proves nothing about this one.
	if w.Generation != d.Generation || !w.Deactivate(d.UpdatedAt, webhook.ReasonFailures, d.ID) {
		return change, nil
	}
	change.Webhook = &w
	change.Outbox = []webhook.OutboxEvent{e.event(webhook.WebhookDeactivated, d, string(webhook.ReasonFailures))}
	if w.AutoReactivate {
		old, err := e.presentJob(ctx, d.PartnerID, d.WebhookID, webhook.ProbeJob)
		if err != nil {
			return change, e.skipping(ctx, d, webhook.ProbeJob, last, err)
		}
		change.Jobs = []*webhook.Job{webhook.NewProbe(old, &w, e.Now(), e.IDs.Job())}
	}
	return change, nil
}

// skipping forgives an error about a job that goes with an outcome, if this is the last try or the job can't be read.
func (e *Engine) skipping(ctx context.Context, d *webhook.Delivery, kind webhook.JobKind, last bool, err error) error {
	if err == nil || !last && webhook.CodeOf(err) != webhook.Corrupt {
		return err
	}
	attrs := append(deliveryAttrs(d), slog.String("event", "job.skipped"), slog.String("job", string(kind)))
	e.Log.LogAttrs(ctx, slog.LevelError, "job skipped", append(attrs, errorAttrs(err)...)...)
	return nil
}

// enqueue sends the message for what is stored as d's next step; nothing if there is none. Sending it twice is safe.
func (e *Engine) enqueue(ctx context.Context, d *webhook.Delivery) error {
	m, ok := e.nextStep(d)
	if !ok {
		return nil
	}
	if d.Claim == nil && d.State == webhook.StatePending && !d.ResendAt.IsZero() {
		// The attempt by hand comes first; the round's own is not to wait for it.
		round := *d
		round.ResendAt = time.Time{}
		own, _ := e.nextStep(&round)
		return e.Queue.Send(ctx, m, own)
	}
	return e.Queue.Send(ctx, m)
}

// nextStep returns the message that moves a delivery on: when the lease of whoever is sending now has ended, at once for
// an attempt by hand, when the next attempt is due, or to the job that waited for the round's end.
func (e *Engine) nextStep(d *webhook.Delivery) (webhook.Message, bool) {
	now := e.Now()
	at := now
	switch {
	case d.Claim != nil:
		at = d.Claim.LeaseUntil
	case !d.ResendAt.IsZero():
	case d.State == webhook.StatePending:
		at = d.NextAttemptAt
	case d.Job != "":
		return webhook.JobRef{PartnerID: d.PartnerID, WebhookID: d.WebhookID, Kind: d.Job}.Message(), true
	default:
		return webhook.Message{}, false
	}
	delay := min(max(at.Sub(now), 0), retry.MaxDelay)
	return webhook.Message{
		Kind: webhook.AttemptMessage, Ref: d.Ref(), Number: d.NextNumber(), Slow: d.Paced, Delay: delay,
	}, true
}

// giveUp makes d undeliverable with an operational event, and stores it with jobs.
func (e *Engine) giveUp(ctx context.Context, d *webhook.Delivery, reason string, jobs ...*webhook.Job) error {
	d.GiveUp(e.Now(), reason)
	err := e.commit(ctx, webhook.Change{
		Deliveries: []*webhook.Delivery{d}, Jobs: jobs,
		Outbox: []webhook.OutboxEvent{e.event(webhook.DeliveryUndeliverable, d, reason)},
	})
	if err != nil {
		return err
	}
	e.logUndeliverable(ctx, d)
	return nil
}
