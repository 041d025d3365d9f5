package delivery

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// commit stores a Change and tells others of its operational events. If this ends in between, or the Change became real
// though its answer was lost, the sweeper tells them.
func (e *Engine) commit(ctx context.Context, c webhook.Change) error {
	if err := e.Store.Commit(ctx, c); err != nil {
		return err
	}
	if _, err := e.publish(ctx, c.Outbox); err != nil {
		e.Log.LogAttrs(ctx, slog.LevelWarn, "operational event put off", append(errorAttrs(err), slog.String("event", "outbox.put_off"),
			slog.String("partnerId", c.Outbox[0].PartnerID), slog.String("webhookId", c.Outbox[0].WebhookID))...)
	}
	return nil
}

// publish tells others of operational events, removes those that were accepted and returns how many.
func (e *Engine) publish(ctx context.Context, events []webhook.OutboxEvent) (n int, err error) {
	if len(events) == 0 || e.Bus == nil {
		return 0, nil
	}
	accepted, err := e.Bus.Publish(ctx, events)
	if len(accepted) == 0 {
		return 0, err
	}
	if removed := e.Store.RemoveOutbox(ctx, accepted); removed != nil {
		return len(accepted), removed
	}
	return len(accepted), err
}

const (
	// outboxAge is how old an operational event is that whoever stored it did not publish.
	outboxAge = 15 * time.Second
	// outboxPage is how many operational events are published at once.
	outboxPage = 100
)

// publishLeft publishes the operational events that were left in the outbox, and returns how many.
func (e *Engine) publishLeft(ctx context.Context) (n int, err error) {
	if e.Bus == nil {
		return 0, nil
	}
	before := e.Now().Add(-outboxAge)
	seen := map[string]bool{}
	var refused error
	for full := true; full && e.hasTime(ctx); {
		limit := outboxPage + len(seen) // what was removed may still be listed, what is refused for good stays in front
		events, err := e.Store.Outbox(ctx, before, limit)
		if err != nil {
			return n, err
		}
		full = len(events) == limit
		events = slices.DeleteFunc(events, func(x webhook.OutboxEvent) bool { return seen[x.ID] })
		if len(events) == 0 {
			break
		}
		for _, x := range events {
			seen[x.ID] = true
		}
		accepted, err := e.publish(ctx, events)
		n += accepted
		refused = errors.Join(refused, err)
		if accepted == 0 {
			break // the bus is down
		}
	}
	return n, refused
}

func (e *Engine) event(kind webhook.OutboxKind, d *webhook.Delivery, reason string) webhook.OutboxEvent {
	return webhook.OutboxEvent{
		ID: e.IDs.Outbox(), Kind: kind, PartnerID: d.PartnerID, WebhookID: d.WebhookID, DeliveryID: d.ID,
		Reason: reason, At: e.Now(),
	}
}

const (
	// warnAfter is the failed attempt of a round that a partner is warned at: three in a row are no accident, and the
	// webhook is not switched off for another 28 s at least.
	warnAfter = 3
	// warnEvery is how long the same failures are not told again.
	warnEvery = time.Hour
)

// warn adds an early warning to the Change that stores a failed attempt, if one is due.
func (e *Engine) warn(ctx context.Context, d *webhook.Delivery, c *webhook.Change) error {
	if d.RoundAttempts != warnAfter {
		return nil
	}
	j, err := e.presentJob(ctx, d.PartnerID, d.WebhookID, webhook.WarningJob)
	if err != nil {
		return err
	}
	now := e.Now()
	if d.Generation < j.Generation || j.Generation == d.Generation && now.Sub(j.UpdatedAt) < warnEvery {
		return nil // what fails was replaced, or it was told
	}
	j.ID, j.State, j.Generation = e.IDs.Job(), webhook.JobDone, d.Generation
	j.CreatedAt, j.UpdatedAt = now, now
	c.Jobs = append(c.Jobs, &j)
	c.Outbox = append(c.Outbox, e.event(webhook.WebhookFailing, d, string(d.LastErrorCode)))
	return nil
}
