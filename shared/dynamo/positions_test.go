package dynamo_test

import (
	"context"
	"strconv"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/storetest"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestPositions checks that what is not a position of the list at hand is refused, and that one reaches no other
// partner's partition.
func TestPositions(t *testing.T) {
	x := newTables(t)
	s := x.store()
	ctx := context.Background()
	commit(t, s, webhook.Change{Webhook: &webhook.Webhook{PartnerID: "p", ID: "w1"}})
	commit(t, s, webhook.Change{Webhook: &webhook.Webhook{PartnerID: "p", ID: "w2"}})
	commit(t, s, webhook.Change{Webhook: &webhook.Webhook{PartnerID: "other", ID: "w2"}})
	_, next, err := s.Webhooks(ctx, "p", webhook.Page{Limit: 1})
	if err != nil || next == nil {
		t.Fatalf("next is %q, %v", next, err)
	}
	items, _, err := s.Webhooks(ctx, "other", webhook.Page{Limit: 10, After: next})
	if err != nil || len(items) != 1 || items[0].PartnerID != "other" {
		t.Fatalf("got %+v, %v", items, err)
	}
	for _, after := range [][]byte{[]byte("x"), []byte("w"), []byte("w#"), []byte("w\x00"), make([]byte, 300), append(next, ' ')} {
		if _, _, err := s.Webhooks(ctx, "p", webhook.Page{Limit: 1, After: after}); webhook.CodeOf(err) != webhook.Invalid {
			t.Errorf("webhooks after %q: %v, want invalid", after, err)
		}
	}
	// A position of deliveries goes on in its own direction only.
	for i := range 2 {
		commit(t, s, deliveries(storetest.Delivery("p", "w", strconv.Itoa(i), at)))
	}
	for _, oldestFirst := range []bool{false, true} {
		q := webhook.DeliveryQuery{PartnerID: "p", WebhookID: "w", OldestFirst: oldestFirst, Page: webhook.Page{Limit: 1}}
		_, after, err := s.Deliveries(ctx, q)
		if err != nil || after == nil {
			t.Fatalf("the next position is %q, %v", after, err)
		}
		q.OldestFirst, q.After = !oldestFirst, after
		if _, _, err := s.Deliveries(ctx, q); webhook.CodeOf(err) != webhook.Invalid {
			t.Errorf("deliveries after a position of the other direction: %v, want invalid", err)
		}
	}
	for name, list := range map[string]func(webhook.Page) error{
		"partners":    func(p webhook.Page) error { _, _, err := s.Partners(ctx, p); return err },
		"credentials": func(p webhook.Page) error { _, _, err := s.Credentials(ctx, "p", p); return err },
		"deliveries": func(p webhook.Page) error {
			_, _, err := s.Deliveries(ctx, webhook.DeliveryQuery{PartnerID: "p", WebhookID: "w", Page: p})
			return err
		},
	} {
		if err := list(webhook.Page{Limit: 1, After: next}); webhook.CodeOf(err) != webhook.Invalid {
			t.Errorf("%s after a position of webhooks: %v, want invalid", name, err)
		}
	}
}
