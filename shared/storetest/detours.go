package storetest

import (
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func testDetours(t *testing.T, s Store) {
	ctx := testContext(t)
	p := newPartner(t, s)
	w := &webhook.Webhook{PartnerID: p.ID, ID: "w"}
	other := &webhook.Webhook{PartnerID: p.ID, ID: "w2"}
	must(t, s.Commit(ctx, webhook.Change{Webhook: w}))
	must(t, s.Commit(ctx, webhook.Change{Webhook: other}))
	read := func() webhook.Detour {
		t.Helper()
		_, one, err := s.Webhook(ctx, p.ID, w.ID)
		must(t, err)
		_, all, err := s.PartnerWebhooks(ctx, p.ID)
		must(t, err)
		if len(all) != 2 || all[1].Detour != nil || (one.Detour == nil) != (all[0].Detour == nil) {
			t.Fatalf("%d webhooks, detours %v, %v and %v", len(all), one.Detour, all[0].Detour, all[1].Detour)
		}
		if one.Detour == nil {
			return webhook.Detour{}
		}
		wantEqual(t, *one.Detour, *all[0].Detour)
		return *one.Detour
	}
	wantEqual(t, read(), webhook.Detour{})
	now := time.Now().UTC().Round(0)
	d := webhook.Detour{Since: now, Took: 9500 * time.Millisecond, Need: 2}
	for d.Fast = 0; d.Fast <= d.Need; d.Fast++ { // over in the end, and still there
		d.At = now.Add(time.Duration(d.Fast) * time.Second)
		must(t, s.PutDetour(ctx, p.ID, w.ID, d))
		wantEqual(t, read(), d)
	}
	list, _, err := s.Webhooks(ctx, p.ID, webhook.Page{Limit: 10})
	must(t, err)
	if len(list) != 2 || list[0].Rev != 1 {
		t.Fatalf("the list has %d webhooks, the first in version %d", len(list), list[0].Rev)
	}
}

func testPlaces(t *testing.T, s Store) {
	ctx := testContext(t)
	p := newPartner(t, s)
	now := time.Now().UTC().Round(0)
	const gap, far = 100 * time.Millisecond, 10 * time.Second
	take := func(n int, now time.Time, want time.Duration) {
		t.Helper()
		first, ok, err := s.TakePlaces(ctx, p.ID, "w", n, gap, now, now.Add(far))
		must(t, err)
		if !ok || !first.Equal(now.Add(want)) {
			t.Fatalf("%d places begin at %v, %v; want %v", n, first.Sub(now), ok, want)
		}
	}
	take(3, now, 0)
	take(1, now, 3*gap)
	d := webhook.Detour{Since: now, At: now, Took: time.Second, Need: 3}
	must(t, s.PutDetour(ctx, p.ID, "w", d)) // takes no place away
	take(50, now, 4*gap)
	take(50, now, 54*gap)
	if first, ok, err := s.TakePlaces(ctx, p.ID, "w", 1, gap, now, now.Add(far)); err != nil || ok || !first.IsZero() {
		t.Fatalf("a place beyond the end: %v, %v, %v", first, ok, err)
	}
	take(1, now.Add(5*gap), 99*gap) // later there is one again
	take(1, now.Add(time.Minute), 0)
	take(1, now.Add(time.Minute), gap)
}
