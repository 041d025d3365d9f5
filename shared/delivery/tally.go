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

// tally collects the counters of one invocation, so that each webhook's are written once. Safe for concurrent use.
type tally struct {
	mu    sync.Mutex
	hours map[tallyKey]*webhook.Stats
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
	hours := t.hours
	t.hours = nil
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
}
