package delivery

import (
	"context"
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
		e.logPutOff(ctx, c.Outbox[0], err)
	}
	return nil
}

// logPutOff tells that an operational event stays in the outbox.
func (e *Engine) logPutOff(ctx context.Context, x webhook.OutboxEvent, err error) {
	e.Log.LogAttrs(ctx, slog.LevelWarn, "operational event put off", append(errorAttrs(err), slog.String("event", "outbox.put_off"),
		slog.String("partnerId", x.PartnerID), slog.String("webhookId", x.WebhookID))...)
}

// publish tells others of operational events and removes those that were accepted. It returns those that stay in the
// outbox, and why.
func (e *Engine) publish(ctx context.Context, events []webhook.OutboxEvent) (left []webhook.OutboxEvent, err error) {
	if len(events) == 0 || e.Bus == nil {
		return events, nil
	}
	accepted, err := e.Bus.Publish(ctx, events)
	if len(accepted) == 0 {
		return events, err
	}
	if removed := e.Store.RemoveOutbox(ctx, accepted); removed != nil {
		return events, removed
	}
	if len(accepted) == len(events) {
		return nil, err
	}
	told := map[string]bool{}
	for _, x := range accepted {
		told[x.ID] = true
	}
	return slices.DeleteFunc(slices.Clone(events), func(x webhook.OutboxEvent) bool { return told[x.ID] }), err
}

const (
	// outboxAge is how old an operational event is that whoever stored it did not publish.
	outboxAge = 15 * time.Second
	// outboxPage is how many operational events are published at once.
	outboxPage = 100
)

// publishLeft publishes the operational events that were left in the outbox. The error says that it is not known which.
func (s *sweeping) publishLeft(ctx context.Context) error {
	if s.Bus == nil {
		return nil
	}
	before := s.Now().Add(-outboxAge)
	seen := map[string]bool{}
	for full := true; full && s.hasTime(ctx); {
		limit := outboxPage + len(seen) // what was removed may still be listed, what is refused for good stays in front
		events, err := s.Store.Outbox(ctx, before, limit)
		if err != nil {
			return err
		}
		full = len(events) == limit
		events = slices.DeleteFunc(events, func(x webhook.OutboxEvent) bool { return seen[x.ID] })
		if len(events) == 0 {
			break
		}
		for _, x := range events {
			seen[x.ID] = true
		}
		left, err := s.publish(ctx, events)
		s.out.Published += len(events) - len(left)
		for _, x := range left {
			if s.out.Refused++; err != nil && s.out.Refused <= sweepLines {
				s.logPutOff(ctx, x, err)
			}
		}
		if len(left) == len(events) {
			break // the bus is down
		}
	}
	return nil
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
