package memory

import (
	"context"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// detour is a webhook's detour and the end of the places that were taken in its pace.
type detour struct {
	webhook.Detour
	next time.Time
}

// stored is what a read of the webhook brings: nil if it never had one.
func (d detour) stored() *webhook.Detour {
	if d.Since.IsZero() {
		return nil
	}
	return &d.Detour
}

// PutDetour implements delivery.Store.
func (s *Store) PutDetour(_ context.Context, partnerID, webhookID string, d webhook.Detour) error {
	return s.do("PutDetour", func() error {
		k := webhookKey{partnerID, webhookID}
		s.detours[k] = detour{d, s.detours[k].next}
		return nil
	})
}

// TakePlaces implements delivery.Store.
func (s *Store) TakePlaces(
	_ context.Context, partnerID, webhookID string, n int, gap time.Duration, now, until time.Time,
) (first time.Time, ok bool, err error) {
	err = s.do("TakePlaces", func() error {
		k := webhookKey{partnerID, webhookID}
		d := s.detours[k]
		first = now
		if d.next.After(now) {
			first = d.next
		}
		if ok = !first.After(until); !ok {
			first = time.Time{}
			return nil
		}
		d.next = first.Add(time.Duration(n) * gap)
		s.detours[k] = d
		return nil
	})
	return first, ok, err
}
