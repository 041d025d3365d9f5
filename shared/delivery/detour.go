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

// direct tells whether the first attempt to w, which has no detour, may be made from here, now. If it may, leave must be called after it. What
// may not goes by way of the queue.
func (e *Engine) direct(ctx context.Context, b *batch, r *partnerRead, w *webhook.Webhook) (leave func(), ok bool) {
	if b.tally.detoured(w) || e.Now().Sub(b.began) > startWithin || !e.canSend(ctx) {
		return nil, false
	}
	ok, hangs, took := e.hosts.enter(w, r.at)
	if hangs && b.tally.leaves(w, webhook.Detour{Since: e.Now(), Took: took}) {
		if e.putDetour(ctx, w, webhook.Detour{Since: e.Now(), Took: took}) {
			e.hosts.detoured(w, e.Now())
		}
	}
	return func() { e.hosts.leave(w) }, ok
}

// track notes what an attempt says about whether its webhook delays others. One that does leaves the stream's path at
// once; the rest is stored when the invocation ends.
func (e *Engine) track(ctx context.Context, t *tally, w *webhook.Webhook, a webhook.Attempt) {
	e.hosts.saw(w, a)
	if d, leaves := t.attempted(w, a, e.Now()); leaves {
		e.putDetour(ctx, w, d)
	}
}

// putDetour stores a detour. It is a hint: without it one more invocation waits for the webhook.
func (e *Engine) putDetour(ctx context.Context, w *webhook.Webhook, d webhook.Detour) bool {
	err := e.Store.PutDetour(ctx, w.PartnerID, w.ID, d)
	name, level := "webhook.detoured", slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("partnerId", w.PartnerID), slog.String("webhookId", w.ID), slog.Int64("tookMs", d.Took.Milliseconds()),
		slog.Int("fast", d.Fast),
	}
	switch {
	case err != nil:
		name, level = "webhook.detour_failed", slog.LevelWarn
		attrs = append(attrs, slog.String("error", err.Error()))
	case d.Over():
		name = "webhook.returned"
	}
	e.Log.LogAttrs(ctx, level, "detour", append(attrs, slog.String("event", name))...)
	return err == nil
}

// place is when the first attempt of a delivery is due. paced tells that the time is its place in its webhook's pace.
type place struct {
	at    time.Time
	paced bool
}

// places takes n places in the pace of a slow webhook and returns them in order. Where there are none for longer than a
// message may wait, and if the pace can't be had, the attempts ask again when they are due.
func (e *Engine) places(ctx context.Context, w *webhook.Webhook, n int) []place {
	now, gap := e.Now(), w.Detour.Gap()
	all := make([]place, n)
	for i := range all {
		all[i].at = now
	}
	if n == 0 || gap == 0 {
		return all
	}
	first, ok, err := e.Store.TakePlaces(ctx, w.PartnerID, w.ID, n, gap, now, now.Add(retry.MaxDelay))
	if err != nil {
		e.Log.LogAttrs(ctx, slog.LevelWarn, "no places", slog.String("event", "webhook.pace_failed"),
			slog.String("partnerId", w.PartnerID), slog.String("webhookId", w.ID), slog.String("error", err.Error()))
		return all
	}
	for i := range all {
		if all[i] = (place{first.Add(time.Duration(i) * gap), true}); !ok {
			all[i] = place{at: now.Add(retry.MaxDelay)}
		}
	}
	return all
}

// paced tells whether the first attempt of d, which is due, has its place in the pace of a slow webhook or needs none.
// If it gets a later place, that is stored.
func (e *Engine) paced(ctx context.Context, d *webhook.Delivery, w *webhook.Webhook) (bool, error) {
	if d.Paced || d.Attempts > 0 || d.Job != "" || w.Detour.Gap() == 0 {
		return true, nil
	}
	now, p := e.Now(), e.places(ctx, w, 1)[0]
	if p.at.Sub(now) < time.Second {
		return true, nil // a queue knows whole seconds only
	}
	d.PutOff(now, p.at, p.paced)
	return false, e.saveAndGoOn(ctx, d)
}
