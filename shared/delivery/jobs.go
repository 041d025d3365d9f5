package delivery

import (
	"context"
	"log/slog"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

const (
	// inlineTime is how long one invocation works on one job before it hands over to the next: other deliveries wait for
	// the same concurrency.
	inlineTime = 10 * time.Second
	// insuranceDelay is when a job is looked at again whatever becomes of the invocation that works on it: after the
	// lease of the claim that it may leave behind.
	insuranceDelay = webhook.Lease + spare
	// lateAttempt is how long after its time an attempt that a job waits for counts as forgotten.
	lateAttempt = 5 * time.Second
)

// presentJob returns the present job of a kind, or one without a version if there is none.
func (e *Engine) presentJob(ctx context.Context, partnerID, webhookID string, kind webhook.JobKind) (webhook.Job, error) {
	j, err := e.Store.Job(ctx, webhook.JobRef{PartnerID: partnerID, WebhookID: webhookID, Kind: kind})
	if webhook.CodeOf(err) == webhook.NotFound {
		return webhook.Job{PartnerID: partnerID, WebhookID: webhookID, Kind: kind}, nil
	}
	return j, err
}

// work makes the next steps of a job. The stored job decides what they are. Several messages may ask for them at once:
// every step is a conditional write of the job, so one goes on and the others find it waiting. A message that a job sent
// to itself says after which step: when the job is past that, another message came first, and this one ends. Otherwise
// each would go on beside the others whenever invocations are so few that they follow each other.
func (e *Engine) work(ctx context.Context, b *batch, m webhook.Message) error {
	var err error
	step := m.Step
	insurance := webhook.JobRef{PartnerID: m.Ref.PartnerID, WebhookID: m.Ref.WebhookID, Kind: m.Job}.Message()
	insurance.Faults = m.Faults + 1
	for range claimTries {
		var j webhook.Job
		j, err = e.presentJob(ctx, m.Ref.PartnerID, m.Ref.WebhookID, m.Job)
		if err != nil {
			return err
		}
		if j.State != webhook.JobRunning {
			return nil
		}
		if step > 0 && j.Step > step {
			return nil
		}
		switch j.Kind {
		case webhook.DrainJob, webhook.RecoverJob:
			err = e.recovering(ctx, func() error { return e.rounds(ctx, b, &j, &insurance) })
			step = j.Step
		case webhook.ProbeJob:
			err = e.probe(ctx, &j)
		case webhook.WarningJob:
		}
		if webhook.CodeOf(err) != webhook.Conflict {
			break
		}
	}
	if err != nil && insurance.Delay > 0 {
		// One message went in, so one goes out: two for each would soon be a storm while a fault lasts.
		attrs := append(messageAttrs(m), errorAttrs(err)...)
		e.Log.LogAttrs(ctx, slog.LevelWarn, "message met a fault", append(attrs, slog.String("event", "message.put_off"))...)
		return nil
	}
	if webhook.CodeOf(err) == webhook.Conflict {
		return webhook.Wrap(webhook.Unavailable, err, "a job was changed by others")
	}
	return err
}

// rounds brings deliveries to a webhook one after the other: it starts a round for the next one when the one before is
// through. A first attempt that succeeds goes on to the next at once; after one that fails the round's own messages do.
// Before its first round it sends the insurance, a message that comes whatever becomes of this invocation.
func (e *Engine) rounds(ctx context.Context, b *batch, j *webhook.Job, insurance *webhook.Message) error {
	began := e.Now()
	if j.Step++; j.Step > webhook.MaxJobSteps {
		e.Log.LogAttrs(ctx, slog.LevelError, "job ran out of steps", append(jobAttrs(j), slog.String("event", "job.stopped_by_limit"))...)
		if j.Kind != webhook.DrainJob {
			return e.endJob(ctx, j, webhook.JobStopped)
		}
		// What waits must not wait on: the sweeper begins the next one in a minute.
		w := webhook.Webhook{PartnerID: j.PartnerID, ID: j.WebhookID, Generation: j.Generation}
		return e.Store.Commit(ctx, webhook.Change{Jobs: []*webhook.Job{webhook.NewDrain(*j, &w, e.Now(), e.IDs.Job(), 0)}})
	}
	if !j.Counted && j.Kind == webhook.RecoverJob {
		if counted, err := e.count(ctx, j, began); !counted || err != nil {
			return err
		}
	}
	src, err := e.newSource(ctx, j)
	if err != nil {
		return err
	}
	for {
		p, w, err := e.Store.Webhook(ctx, j.PartnerID, j.WebhookID)
		if err != nil && webhook.CodeOf(err) != webhook.NotFound {
			return err
		}
		if err != nil || !w.Active || p.Suspended {
			return e.endJob(ctx, j, webhook.JobStopped)
		}
		j.Generation = w.Generation // an edit goes on under the new configuration
		if waiting, err := e.await(ctx, j); waiting || err != nil {
			return err
		}
		if !e.canSend(ctx) || e.Now().Sub(began) > inlineTime {
			return e.handOver(ctx, j, 0)
		}
		d, more, err := src.next(ctx, &w)
		switch {
		case err != nil:
			return err
		case more:
			return e.handOver(ctx, j, 0)
		case d == nil:
			return e.endJob(ctx, j, webhook.JobDone)
		case d.Claim.Live(e.Now()):
			return e.handOver(ctx, j, d.Claim.LeaseUntil.Sub(e.Now())) // it is being resent by hand
		}
		if insurance.Delay == 0 && insurance.Faults <= mostFaults {
			m := *insurance
			m.Step, m.Delay = j.Step, insuranceDelay
			if err := e.Queue.Send(ctx, m); err != nil {
				return err
			}
			*insurance = m
		}
		if over, err := e.round(ctx, b, j, d, &w); !over || err != nil {
			return err
		}
	}
}

// await looks at the delivery that j waits for and tells whether j has to wait on. A round that something else should
// have moved is moved from here.
func (e *Engine) await(ctx context.Context, j *webhook.Job) (waiting bool, err error) {
	if j.Current == "" {
		return false, nil
	}
	ref := webhook.Ref{PartnerID: j.PartnerID, WebhookID: j.WebhookID, DeliveryID: j.Current}
	d, err := e.Store.Delivery(ctx, ref)
	gone := err != nil && e.skip(ctx, ref, err)
	switch {
	case err != nil && !gone:
		return false, err
	case !gone && (d.Waiting() || d.State.Final() && d.UpdatedAt.Before(j.CreatedAt)):
		j.Current = "" // the job before this one waited for it: its turn comes again, or it was over
		return false, nil
	case gone || d.State != webhook.StatePending:
		j.Finish()
		return false, nil
	}
	now := e.Now()
	if d.Claim != nil && !d.Claim.Live(now) || d.Claim == nil && d.NextAttemptAt.Add(lateAttempt).Before(now) {
		return true, e.enqueue(ctx, &d)
	}
	return true, nil
}

// round starts a round for d and makes its first attempt. It tells whether the round is over already.
func (e *Engine) round(ctx context.Context, b *batch, j *webhook.Job, d *webhook.Delivery, w *webhook.Webhook) (over bool, err error) {
	secrets, reason, err := e.ready(ctx, d, w)
	if err != nil {
		return false, err
	}
	now := e.Now()
	if d.Claim != nil {
		e.logInterrupted(ctx, d) // an attempt by hand
		d.Interrupt(now)
	}
	j.Last = d.ID
	change := webhook.Change{Jobs: []*webhook.Job{j}, Deliveries: []*webhook.Delivery{d}}
	if reason != "" {
		if d.State != webhook.Undeliverable {
			change.Outbox = []webhook.OutboxEvent{e.event(webhook.DeliveryUndeliverable, d, reason)}
		}
		d.GiveUp(now, reason)
		j.Wait(now, "")
		j.Finish()
		if err := e.commit(ctx, change); err != nil {
			return false, err
		}
		e.logUndeliverable(ctx, d)
		return true, nil
	}
	d.StartRound(now, w.Generation, now, j.Kind)
	d.Probed = j.Probed
	d.TakeClaim(now, e.IDs.Owner())
	j.Wait(now, d.ID)
	if err := e.commit(ctx, change); err != nil {
		return false, err
	}
	if !e.claimed(ctx, d) {
		return false, e.giveBack(ctx, d)
	}
	stored, detour, err := e.send(ctx, d, w, secrets, b.tally)
	if err != nil {
		return false, err
	}
	defer e.putDetour(ctx, w, detour)
	if stored.State == webhook.StatePending {
		return false, e.enqueue(ctx, stored)
	}
	if !stored.ResendAt.IsZero() {
		if err := e.enqueue(ctx, stored); err != nil {
			return false, err
		}
	}
	j.Finish()
	return true, nil
}

// handOver sends the message for the job's next step. Until that is late, the sweeper is not to ask for it: each message
// more would be one more that goes on for as long as a count does.
func (e *Engine) handOver(ctx context.Context, j *webhook.Job, delay time.Duration) error {
	j.UpdatedAt = e.Now()
	j.DueAt = j.UpdatedAt.Add(max(delay, 0) + webhook.Grace)
	if err := e.Store.Commit(ctx, webhook.Change{Jobs: []*webhook.Job{j}}); err != nil {
		return err
	}
	m := j.Ref().Message()
	m.Step, m.Delay = j.Step, max(delay, 0)
	return e.Queue.Send(ctx, m)
}

// endJob stores a job's end.
func (e *Engine) endJob(ctx context.Context, j *webhook.Job, s webhook.JobState) error {
	now := e.Now()
	change := webhook.Change{Jobs: []*webhook.Job{j}}
	if s == webhook.JobDone && !j.DryRun {
		j.Total = j.Done
	}
	j.End(now, s)
	if s == webhook.JobDone && j.Kind == webhook.DrainJob && j.Done > 0 {
		change.Outbox = []webhook.OutboxEvent{{
			ID: e.IDs.Outbox(), Kind: webhook.WebhookDrained, PartnerID: j.PartnerID, WebhookID: j.WebhookID, Count: j.Done, At: now,
		}}
	}
	if err := e.commit(ctx, change); err != nil {
		return err
	}
	e.Log.LogAttrs(ctx, slog.LevelInfo, "job ended", append(jobAttrs(j), slog.String("event", "job.ended"))...)
	return nil
}
