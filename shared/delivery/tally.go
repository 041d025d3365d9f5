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

// tally collects what one invocation learns about webhooks, so that each webhook's counters are written once. Safe for
// concurrent use.
type tally struct {
	mu    sync.Mutex
	hours map[tallyKey]*webhook.Stats
	// detours are those of webhooks that were attempted or left the stream's path.
	detours map[wayKey]*webhook.Detour
}

type wayKey struct{ partner, webhook string }

func wayOf(w *webhook.Webhook) wayKey { return wayKey{w.PartnerID, w.ID} }

// detour returns w's as this invocation knows it; one that never was is over. The caller holds the lock.
func (t *tally) detour(w *webhook.Webhook) *webhook.Detour {
	k := wayOf(w)
	d := t.detours[k]
	if d == nil {
		d = &webhook.Detour{}
		if w.Detour != nil {
			*d = *w.Detour
		}
		if t.detours == nil {
			t.detours = map[wayKey]*webhook.Detour{}
		}
		t.detours[k] = d
	}
	return d
}

// detoured tells whether w left the stream's path in this invocation.
func (t *tally) detoured(w *webhook.Webhook) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.detours[wayOf(w)].Over()
}

// leaves takes w off the stream's path, where attempts take so long, and returns the detour that the caller stores. It is
// nil if w was off already.
func (t *tally) leaves(w *webhook.Webhook, now time.Time, took time.Duration) *webhook.Detour {
	t.mu.Lock()
	defer t.mu.Unlock()
	return leave(t.detour(w), now, took, false)
}

func leave(d *webhook.Detour, now time.Time, took time.Duration, failedFast bool) *webhook.Detour {
	if !d.Over() {
		return nil
	}
	*d = d.Leave(now, took, failedFast)
	stored := *d
	return &stored
}

// attempted notes an attempt to w, and returns the detour that the caller stores, nil if nothing changes.
func (t *tally) attempted(w *webhook.Webhook, a webhook.Attempt, now time.Time) *webhook.Detour {
	t.mu.Lock()
	defer t.mu.Unlock()
	d, failed, slow := t.detour(w), a.ErrorCode != "", a.Duration >= webhook.SlowAfter
	switch {
	case d.Over() && (failed || slow):
		return leave(d, now, a.Duration, !slow)
	case !d.Over() && d.Note(now, a.Duration, failed):
		stored := *d
		return &stored
	}
	return nil
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

// withoutBody notes that d, undeliverable as of now, has no body because of the template that w has, or because w has none.
func (t *tally) withoutBody(d *webhook.Delivery, w *webhook.Webhook) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.hour(d, d.UpdatedAt)
	if w.PayloadTemplate == "" {
		s.Undeliverable++
		return
	}
	s.FailedTemplate = w.TemplateAt
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
			e.Log.LogAttrs(ctx, slog.LevelWarn, "stats not counted", append(errorAttrs(err), slog.String("event", "stats.failed"),
				slog.String("partnerId", k.partner), slog.String("webhookId", k.webhook))...)
		}
	})
}
