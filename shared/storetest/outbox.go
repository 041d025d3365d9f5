package storetest

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func testOutbox(t *testing.T, s Store) {
	ctx := testContext(t)
	list := func(before time.Time, limit int) func() []webhook.OutboxEvent {
		return func() []webhook.OutboxEvent {
			got, err := s.Outbox(ctx, before, limit)
			must(t, err)
			return append([]webhook.OutboxEvent{}, got...)
		}
	}
	last := clockAt(99)()
	eventually(t, []webhook.OutboxEvent{}, list(last, 10))
	var all []webhook.OutboxEvent
	for i := range 60 {
		var e webhook.OutboxEvent
		Fill(t, &e)
		e.ID, e.At = "obx_"+strconv.Itoa(i), clockAt(i)()
		all = append(all, e)
	}
	bare := webhook.OutboxEvent{ID: "obx_bare", Kind: webhook.WebhookFailing, At: clockAt(60)()}
	all = append(all, bare)
	// Stored in another order than they happened.
	must(t, s.Commit(ctx, webhook.Change{Outbox: slices.Concat(all[40:], all[:40])}))
	eventually(t, all, list(last, 100))
	eventually(t, all[:7], list(last, 7))
	eventually(t, all[:1], list(last, 1))
	// The bound is inclusive, to the nanosecond.
	eventually(t, all[:6], list(clockAt(5)(), 100))
	eventually(t, all[:5], list(clockAt(5)().Add(-1), 100))
	eventually(t, []webhook.OutboxEvent{}, list(clockAt(-1)(), 100))

	must(t, s.RemoveOutbox(ctx, nil))
	must(t, s.RemoveOutbox(ctx, all[3:5]))
	rest := slices.Concat(all[:3], all[5:])
	eventually(t, rest, list(last, 100))
	// More than fit in one request, one of them twice, one that is gone and one that never was.
	never := bare
	never.ID = "obx_never"
	must(t, s.RemoveOutbox(ctx, slices.Concat(all[:58], []webhook.OutboxEvent{all[57], never})))
	eventually(t, all[58:], list(last, 100))
	must(t, s.RemoveOutbox(ctx, all))
	eventually(t, []webhook.OutboxEvent{}, list(last, 100))
}
