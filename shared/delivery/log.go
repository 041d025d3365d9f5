package delivery

import (
	"context"
	"log/slog"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// The log's events, with who must find what in them, are listed in shared/logbook. They hold ids and outcomes, no payload
// and no secret.

// deliveryAttrs are the ids of a delivery.
func deliveryAttrs(d *webhook.Delivery) []slog.Attr {
	return []slog.Attr{
		slog.String("partnerId", d.PartnerID), slog.String("webhookId", d.WebhookID), slog.String("deliveryId", d.ID),
		slog.String("verificationId", d.Event.VerificationID), slog.String("eventId", d.Event.ID),
	}
}

// jobAttrs are the ids of a job, and how far it is.
func jobAttrs(j *webhook.Job) []slog.Attr {
	return []slog.Attr{
		slog.String("partnerId", j.PartnerID), slog.String("webhookId", j.WebhookID), slog.String("jobId", j.ID),
		slog.String("job", string(j.Kind)), slog.String("state", string(j.State)), slog.Int("done", j.Done),
		slog.Int("total", j.Total), slog.Int("step", j.Step),
	}
}

// refAttrs are the ids of a delivery that was not read.
func refAttrs(r webhook.Ref) []slog.Attr {
	return []slog.Attr{
		slog.String("partnerId", r.PartnerID), slog.String("webhookId", r.WebhookID), slog.String("deliveryId", r.DeliveryID),
	}
}

// jobRefAttrs are the ids of a job that was not read.
func jobRefAttrs(r webhook.JobRef) []slog.Attr {
	return []slog.Attr{
		slog.String("partnerId", r.PartnerID), slog.String("webhookId", r.WebhookID), slog.String("job", string(r.Kind)),
	}
}

// messageAttrs are the ids in a message of the queue: those that its kind has.
func messageAttrs(m webhook.Message) []slog.Attr {
	attrs := []slog.Attr{slog.String("kind", string(m.Kind)), slog.Int("faults", m.Faults)}
	for _, a := range []slog.Attr{
		slog.String("partnerId", m.Ref.PartnerID), slog.String("webhookId", m.Ref.WebhookID),
		slog.String("deliveryId", m.Ref.DeliveryID), slog.String("job", string(m.Job)), slog.String("parkedId", m.ParkedID),
	} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	return attrs
}

// errorAttrs tell of a fault of ours.
func errorAttrs(err error) []slog.Attr {
	return []slog.Attr{slog.String("code", string(webhook.CodeOf(err))), slog.String("error", err.Error())}
}

// logAttempt emits the one wide event of an attempt.
func (e *Engine) logAttempt(
	ctx context.Context, d *webhook.Delivery, w *webhook.Webhook, a webhook.Attempt, stored *webhook.Delivery, resent bool, err error,
) {
	attrs := make([]slog.Attr, 0, 20)
	attrs = append(attrs, slog.String("event", "delivery.attempted"))
	attrs = append(attrs, deliveryAttrs(d)...)
	attrs = append(attrs, slog.String("eventType", string(d.Event.Type)), slog.Int("attempt", a.Number), slog.Bool("manual", a.Manual),
		slog.Int("statusCode", a.StatusCode), slog.String("errorCode", string(a.ErrorCode)),
		slog.Int64("durationMs", a.Duration.Milliseconds()))
	if d.Job != "" {
		attrs = append(attrs, slog.String("job", string(d.Job)))
	} else if a.Number == 1 && !a.Manual {
		attrs = append(attrs, slog.Int64("ageMs", a.StartedAt.Sub(d.Event.OccurredAt).Milliseconds()))
	}
	if d.Paced || w.Detour.Gap() > 0 {
		attrs = append(attrs, slog.Bool("paced", true))
	}
	level := slog.LevelInfo
	if stored != nil {
		attrs = append(attrs, slog.String("state", string(stored.State)))
		if !stored.NextAttemptAt.IsZero() {
			attrs = append(attrs, slog.Time("nextAttemptAt", stored.NextAttemptAt))
		}
	}
	if resent {
		attrs = append(attrs, slog.Bool("resent", true))
	}
	if err != nil {
		level = slog.LevelError
		attrs = append(attrs, errorAttrs(err)...)
	}
	e.Log.LogAttrs(ctx, level, "attempt", attrs...)
}

// logWaiting tells what becomes of a delivery that is stored and not sent from here.
func (e *Engine) logWaiting(ctx context.Context, d *webhook.Delivery) {
	attrs := deliveryAttrs(d)
	switch d.State {
	case webhook.Held:
		e.Log.LogAttrs(ctx, slog.LevelInfo, "delivery held", append(attrs, slog.String("event", "delivery.held"),
			slog.Time("heldUntil", d.HeldUntil))...)
	case webhook.StatePending:
		e.Log.LogAttrs(ctx, slog.LevelInfo, "delivery queued", append(attrs, slog.String("event", "delivery.queued"),
			slog.Time("nextAttemptAt", d.NextAttemptAt), slog.Bool("paced", d.Paced))...)
	default:
	}
}

// logInterrupted tells that the present claim of d ended without an outcome. d.Interrupt follows.
func (e *Engine) logInterrupted(ctx context.Context, d *webhook.Delivery) {
	e.Log.LogAttrs(ctx, slog.LevelWarn, "attempt interrupted", append(deliveryAttrs(d), slog.String("event", "delivery.interrupted"),
		slog.Int("attempt", d.Claim.Number), slog.Bool("manual", d.Claim.Manual), slog.Time("startedAt", d.Claim.StartedAt))...)
}

func (e *Engine) logCancelled(ctx context.Context, d *webhook.Delivery) {
	e.Log.LogAttrs(ctx, slog.LevelInfo, "delivery cancelled", append(deliveryAttrs(d), slog.String("event", "delivery.cancelled"),
		slog.String("reason", d.Reason))...)
}

// logEnded tells that the waiting of d ended without an attempt, if it did.
func (e *Engine) logEnded(ctx context.Context, d *webhook.Delivery) {
	switch d.State {
	case webhook.Cancelled:
		e.logCancelled(ctx, d)
	case webhook.StateExpired:
		e.Log.LogAttrs(ctx, slog.LevelError, "held delivery expired", append(deliveryAttrs(d), slog.String("event", "delivery.expired"))...)
	default:
	}
}

func (e *Engine) logUndeliverable(ctx context.Context, d *webhook.Delivery) {
	e.Log.LogAttrs(ctx, slog.LevelError, "undeliverable", append(deliveryAttrs(d), slog.String("event", "delivery.undeliverable"),
		slog.String("reason", d.Reason))...)
}

// logOverdue tells that something should have moved d on at a time.
func (e *Engine) logOverdue(ctx context.Context, d *webhook.Delivery, due time.Time) {
	e.Log.LogAttrs(ctx, slog.LevelWarn, "delivery was overdue", append(deliveryAttrs(d), slog.String("event", "delivery.overdue"),
		slog.Int64("lateMs", e.Now().Sub(due).Milliseconds()))...)
}

// logSwitchedOff tells that the failed round of d switched w off; w is nil if it did not.
func (e *Engine) logSwitchedOff(ctx context.Context, d *webhook.Delivery, w *webhook.Webhook) {
	if w == nil {
		return
	}
	e.Log.LogAttrs(ctx, slog.LevelWarn, "webhook switched off", append(deliveryAttrs(d), slog.String("event", "webhook.deactivated"),
		slog.String("host", hostOf(w.URL)), slog.String("errorCode", string(d.LastErrorCode)), slog.Int("statusCode", d.LastStatusCode))...)
}
