package delivery

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// tally collects what one invocation learns about webhooks, so that each webhook's counters and detour are written once.
// Safe for concurrent use.
type tally struct {
	mu    sync.Mutex
	hours map[tallyKey]*webhook.Stats
	ways  map[wayKey]*way
}

type wayKey struct{ partner, webhook string }

func wayOf(w *webhook.Webhook) wayKey { return wayKey{w.PartnerID, w.ID} }

// way is a webhook's detour as this invocation knows it, over if it has none. changed says that it is not stored so.
type way struct {
	webhook *webhook.Webhook
	detour  webhook.Detour
	changed bool
}

// way returns w's. The caller holds the lock.
func (t *tally) way(w *webhook.Webhook) *way {
	k := wayOf(w)
	x := t.ways[k]
	if x == nil {
		x = &way{webhook: w, detour: webhook.Detour{Fast: webhook.FastEnough}}
		if w.Detour != nil {
			x.detour = *w.Detour
		}
		if t.ways == nil {
			t.ways = map[wayKey]*way{}
		}
		t.ways[k] = x
	}
	return x
}

// detoured tells whether w left the stream's path in this invocation.
func (t *tally) detoured(w *webhook.Webhook) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.ways[wayOf(w)]
	return x != nil && !x.detour.Over()
}

// leaves takes w off the stream's path. It is false if it was off already; otherwise the caller stores d.
func (t *tally) leaves(w *webhook.Webhook, d webhook.Detour) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.way(w).leave(d)
}

func (x *way) leave(d webhook.Detour) bool {
	if !x.detour.Over() {
		return false
	}
	x.detour, x.changed = d, false
	return true
}

// attempted notes an attempt to w. leaves tells that w leaves the stream's path, which the caller stores.
func (t *tally) attempted(w *webhook.Webhook, a webhook.Attempt, now time.Time) (d webhook.Detour, leaves bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.way(w)
	if a.ErrorCode == "" && a.Duration < webhook.SlowAfter {
		if !x.detour.Over() {
			x.detour.Fast++
			x.changed = true
		}
		return x.detour, false
	}
	if x.leave(webhook.Detour{Since: now, Took: a.Duration}) {
		return x.detour, true
	}
	// A slow webhook that stays slow is not written again and again.
	if took := x.detour.Took; x.detour.Fast > 0 || a.Duration > 2*took || 2*a.Duration < took {
		x.detour.Fast, x.detour.Took, x.changed = 0, a.Duration, true
	}
	return x.detour, false
}

type tallyKey struct {
	partner, webhook string
	hour             time.Time
}

// add counts an attempt whose outcome is stored as d.
func (t *tally) add(d *webhook.Delivery, a webhook.Attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hour(d, a.StartedAt.Add(a.Duration)).Add(a, d.State)
}

// templateFailed notes that d, undeliverable as of now, has no body because of the template that w has.
func (t *tally) templateFailed(d *webhook.Delivery, w *webhook.Webhook) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hour(d, d.UpdatedAt).FailedTemplate = w.TemplateAt
}

// hour returns the counters of d's webhook at a time. The caller holds the lock.
func (t *tally) hour(d *webhook.Delivery, at time.Time) *webhook.Stats {
	if t.hours == nil {
		t.hours = map[tallyKey]*webhook.Stats{}
	}
	k := tallyKey{d.PartnerID, d.WebhookID, webhook.HourOf(at)}
	s := t.hours[k]
	if s == nil {
		s = &webhook.Stats{Hour: k.hour}
		t.hours[k] = s
	}
	return s
}

// statsAtOnce bounds the counters that are written at once.
const statsAtOnce = 32

// flush writes what was collected, in a fixed order. Counters may be off after a fault, so an error is logged and goes
// no further.
func (e *Engine) flush(ctx context.Context, t *tally) {
	t.mu.Lock()
	hours, ways := t.hours, t.ways
	t.hours, t.ways = nil, nil
	t.mu.Unlock()
	keys := slices.SortedFunc(maps.Keys(hours), func(a, b tallyKey) int {
		return cmp.Or(cmp.Compare(a.partner, b.partner), cmp.Compare(a.webhook, b.webhook), a.hour.Compare(b.hour))
	})
	e.each(len(keys), statsAtOnce, func(i int) {
		k := keys[i]
		if err := e.Store.AddStats(ctx, k.partner, k.webhook, *hours[k]); err != nil {
			e.Log.LogAttrs(ctx, slog.LevelWarn, "stats not counted", slog.String("event", "stats.failed"),
				slog.String("partnerId", k.partner), slog.String("webhookId", k.webhook), slog.String("error", err.Error()))
		}
	})
	changed := slices.SortedFunc(maps.Keys(ways), func(a, b wayKey) int {
		return cmp.Or(cmp.Compare(a.partner, b.partner), cmp.Compare(a.webhook, b.webhook))
	})
	changed = slices.DeleteFunc(changed, func(k wayKey) bool { return !ways[k].changed })
	e.each(len(changed), statsAtOnce, func(i int) {
		x := ways[changed[i]]
		e.putDetour(ctx, x.webhook, x.detour)
	})
}
