package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// page cuts a sorted list at a position, which is the id of the last item already given.
func page[T any](all []T, p webhook.Page, id func(T) string, newestFirst bool) (items []T, next []byte) {
	for _, x := range all {
		after := string(p.After)
		if p.After != nil && (!newestFirst && id(x) <= after || newestFirst && id(x) >= after) {
			continue
		}
		if len(items) == p.Limit {
			return items, []byte(id(items[len(items)-1]))
		}
		items = append(items, x)
	}
	return items, nil
}

// Partners implements portal.Store.
func (s *Store) Partners(_ context.Context, p webhook.Page) (items []webhook.Partner, next []byte, err error) {
	err = s.do("Partners", func() error {
		var all []webhook.Partner
		for _, x := range s.partners {
			all = append(all, x)
		}
		slices.SortFunc(all, func(a, b webhook.Partner) int { return cmp.Compare(a.ID, b.ID) })
		items, next = page(all, p, func(x webhook.Partner) string { return x.ID }, false)
		return nil
	})
	return items, next, err
}

// Webhooks implements portal.Store.
func (s *Store) Webhooks(_ context.Context, partnerID string, p webhook.Page) (items []webhook.Webhook, next []byte, err error) {
	err = s.do("Webhooks", func() error {
		items, next = page(s.webhooksOf(partnerID), p, func(x webhook.Webhook) string { return x.ID }, false)
		return nil
	})
	return items, next, err
}

// Deliveries implements portal.Store.
func (s *Store) Deliveries(_ context.Context, q webhook.DeliveryQuery) (items []webhook.Delivery, next []byte, err error) {
	err = s.do("Deliveries", func() error {
		var all []webhook.Delivery
		for ref, d := range s.deliveries {
			if ref.PartnerID == q.PartnerID && ref.WebhookID == q.WebhookID && matches(q, d) {
				d = copyDelivery(d)
				d.Body = nil
				all = append(all, d)
			}
		}
		slices.SortFunc(all, func(a, b webhook.Delivery) int { return cmp.Compare(b.ID, a.ID) })
		if q.OldestFirst {
			slices.Reverse(all)
		}
		items, next = page(all, q.Page, func(x webhook.Delivery) string { return x.ID }, !q.OldestFirst)
		return nil
	})
	return items, next, err
}

func matches(q webhook.DeliveryQuery, d webhook.Delivery) bool {
	return (q.State == "" || d.State == q.State) &&
		(q.EventType == "" || d.Event.Type == q.EventType) &&
		(q.VerificationID == "" || d.Event.VerificationID == q.VerificationID) &&
		(!q.OldestFirst || d.ID > q.AfterID) &&
		(q.Since.IsZero() || !d.Event.OccurredAt.Before(q.Since)) &&
		(q.Until.IsZero() || d.Event.OccurredAt.Before(q.Until))
}

// HeldCount implements portal.Store.
func (s *Store) HeldCount(_ context.Context, partnerID, webhookID string, most int) (n int, err error) {
	err = s.do("HeldCount", func() error {
		held := func(d *webhook.Delivery) bool { return d.State == webhook.Held }
		n = min(most, len(s.deliveriesOf(partnerID, webhookID, held)))
		return nil
	})
	return n, err
}

// Stats implements portal.Store.
func (s *Store) Stats(_ context.Context, partnerID, webhookID string, limit int) (all []webhook.Stats, err error) {
	err = s.do("Stats", func() error {
		for k, x := range s.stats {
			if k.webhookKey == (webhookKey{partnerID, webhookID}) {
				all = append(all, x)
			}
		}
		slices.SortFunc(all, func(a, b webhook.Stats) int { return b.Hour.Compare(a.Hour) })
		all = all[:min(limit, len(all))]
		return nil
	})
	return all, err
}

// Credential implements portal.Store.
func (s *Store) Credential(_ context.Context, id string) (c webhook.Credential, err error) {
	err = s.do("Credential", func() error {
		var ok bool
		if c, ok = s.credentials[id]; !ok {
			return notFound("credential")
		}
		return nil
	})
	return c, err
}

// Credentials implements portal.Store.
func (s *Store) Credentials(_ context.Context, partnerID string, p webhook.Page) (items []webhook.Credential, next []byte, err error) {
	err = s.do("Credentials", func() error {
		var all []webhook.Credential
		for _, c := range s.credentials {
			if c.PartnerID == partnerID && c.Kind == webhook.APIKey {
				all = append(all, c)
			}
		}
		slices.SortFunc(all, func(a, b webhook.Credential) int { return cmp.Compare(a.ID, b.ID) })
		items, next = page(all, p, func(x webhook.Credential) string { return x.ID }, false)
		return nil
	})
	return items, next, err
}

// RemoveCredential implements portal.Store.
func (s *Store) RemoveCredential(_ context.Context, partnerID, id string) error {
	return s.do("RemoveCredential", func() error {
		if c, ok := s.credentials[id]; !ok || c.PartnerID != partnerID {
			return notFound("credential")
		}
		delete(s.credentials, id)
		return nil
	})
}

// Answer implements portal.Store.
func (s *Store) Answer(_ context.Context, partnerID, key string, now time.Time) (a webhook.Answer, err error) {
	err = s.do("Answer", func() error {
		var ok bool
		if a, ok = s.answers[[2]string{partnerID, key}]; !ok || !now.Before(a.ExpiresAt) {
			a = webhook.Answer{}
			return notFound("answer")
		}
		return nil
	})
	return a, err
}

// CountRequest implements portal.Store.
func (s *Store) CountRequest(_ context.Context, partnerID string, now time.Time) (n int, err error) {
	err = s.do("CountRequest", func() error {
		k := partnerID + "#" + now.UTC().Format(time.DateTime)
		s.requests[k]++
		n = s.requests[k]
		return nil
	})
	return n, err
}

// AcquireTest implements portal.Store.
func (s *Store) AcquireTest(_ context.Context, partnerID, owner string, slots int, now, until time.Time) (ok bool, err error) {
	err = s.do("AcquireTest", func() error {
		held := s.tests[partnerID]
		if held == nil {
			held = map[string]time.Time{}
			s.tests[partnerID] = held
		}
		for o, end := range held {
			if !end.After(now) {
				delete(held, o)
			}
		}
		if ok = len(held) < slots; ok {
			held[owner] = until
		}
		return nil
	})
	return ok, err
}

// ReleaseTest implements portal.Store.
func (s *Store) ReleaseTest(_ context.Context, partnerID, owner string) error {
	return s.do("ReleaseTest", func() error {
		delete(s.tests[partnerID], owner)
		return nil
	})
}
