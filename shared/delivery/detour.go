package delivery

import (
	"context"
	"log/slog"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/retry"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// startWithin is how long after a batch came its first attempts may begin. What has no turn by then goes by way of the
// queue: whoever comes behind the batch waits for it.
const startWithin = 2 * time.Second

// direct tells whether the first attempt to w, which has no detour, may be made from here, now. If it may, leave must be
// called after it. What may not goes by way of the queue, and the caller then stores the detour if there is one.
func (e *Engine) direct(ctx context.Context, b *batch, w *webhook.Webhook) (leave func(), detour *webhook.Detour, ok bool) {
	if b.tally.detoured(w) || e.Now().Sub(b.began) > startWithin || !e.canSend(ctx) {
		return nil, nil, false
	}
	ok, hangs, took := e.hosts.enter(w)
	if hangs {
		detour = b.tally.leaves(w, e.Now(), took)
	}
	return func() { e.hosts.leave(w) }, detour, ok
}

// putDetour stores a detour, if there is one. It is a hint: without it one more invocation waits for the webhook. So
// whatever must be stored comes first.
func (e *Engine) putDetour(ctx context.Context, w *webhook.Webhook, d *webhook.Detour) {
	if d == nil {
		return
	}
	attrs := []slog.Attr{
		slog.String("partnerId", w.PartnerID), slog.String("webhookId", w.ID), slog.String("host", hostOf(w.URL)),
		slog.Int64("tookMs", d.Took.Milliseconds()), slog.Int("fast", d.Fast), slog.Int("need", d.Need),
	}
	switch err := e.Store.PutDetour(ctx, w.PartnerID, w.ID, *d); {
	case err != nil:
		attrs = append(attrs, errorAttrs(err)...)
		e.Log.LogAttrs(ctx, slog.LevelWarn, "detour", append(attrs, slog.String("event", "webhook.detour_failed"))...)
	case d.Over():
		e.Log.LogAttrs(ctx, slog.LevelInfo, "detour", append(attrs, slog.String("event", "webhook.returned"))...)
	default:
		e.Log.LogAttrs(ctx, slog.LevelInfo, "detour", append(attrs, slog.String("event", "webhook.detoured"))...)
	}
}

// place is when the first attempt of a delivery is due. paced tells that the time is its place in its webhook's pace.
type place struct {
	at    time.Time
	paced bool
}

const (
	// newPlaces is how far ahead deliveries that are new may take their places, those that come again up to retry.MaxDelay:
	// so whoever has waited longer has the better chance.
	newPlaces = 10 * time.Minute
	// askAgain is when a delivery that found no place asks again. The webhook may be fast by then.
	askAgain = 5 * time.Minute
)

// places takes n places in the pace of a slow webhook, none of them further ahead than so long, and returns them in order.
// Where there are none, and if the pace can't be had, the attempts ask again when they are due.
func (e *Engine) places(ctx context.Context, w *webhook.Webhook, n int, ahead time.Duration) []place {
	now, gap := e.Now(), w.Detour.Gap()
	all := make([]place, n)
	for i := range all {
		all[i].at = now
	}
	if n == 0 || gap == 0 {
		return all
	}
	first, ok, err := e.Store.TakePlaces(ctx, w.PartnerID, w.ID, n, gap, now, now.Add(ahead))
	if err != nil {
		e.Log.LogAttrs(ctx, slog.LevelWarn, "no places", append(errorAttrs(err), slog.String("event", "webhook.pace_failed"),
			slog.String("partnerId", w.PartnerID), slog.String("webhookId", w.ID))...)
		return all
	}
	for i := range all {
		if ok {
			all[i] = place{first.Add(time.Duration(i) * gap), true}
		} else {
			all[i].at = now.Add(askAgain)
		}
	}
	return all
}

// paced tells whether the first attempt of d, which is due, has its place in the pace of a slow webhook or needs none.
// If it gets a later place, that is stored.
func (e *Engine) paced(ctx context.Context, d *webhook.Delivery, w *webhook.Webhook) (bool, error) {
	if d.Paced || d.RoundAttempts > 0 || d.Job != "" || w.Detour.Gap() == 0 {
		return true, nil
	}
	now, p := e.Now(), e.places(ctx, w, 1, retry.MaxDelay)[0]
	if p.at.Sub(now) < time.Second {
		return true, nil // a queue knows whole seconds only
	}
	d.PutOff(now, p.at, p.paced)
	if err := e.save(ctx, d); err != nil {
		return false, err
	}
	e.logWaiting(ctx, d)
	return false, e.enqueue(ctx, d)
}
