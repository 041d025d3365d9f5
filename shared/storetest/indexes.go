package storetest

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func refIDs(t *testing.T, refs []webhook.Ref, err error) []string {
	t.Helper()
	must(t, err)
	got := []string{}
	for _, r := range refs {
		got = append(got, r.PartnerID+" "+r.WebhookID+" "+r.DeliveryID)
	}
	return got
}

func testDue(t *testing.T, s Store) {
	ctx := testContext(t)
	due := func(before time.Time, limit int) func() []string {
		return func() []string {
			refs, _, err := s.Due(ctx, before, limit)
			return refIDs(t, refs, err)
		}
	}
	var all []*webhook.Delivery
	var want []string
	for i := range 20 {
		d := Delivery("p"+strconv.Itoa(i%3), "w", "v", clockAt(i)())
		d.NextAttemptAt, d.DueAt = clockAt(i)(), clockAt(i)()
		store(t, s, d)
		all = append(all, d)
		want = append(want, d.PartnerID+" w "+d.ID)
	}
	store(t, s, Delivery("p", "w", "never due", start()))
	sorted := func(before time.Time, limit int) func() []string {
		return func() []string {
			got := due(before, limit)()
			slices.Sort(got)
			return got
		}
	}
	inOrder := func(n int) []string { return slices.Sorted(slices.Values(want[:n])) }
	eventually(t, inOrder(20), sorted(clockAt(99)(), 100))
	// DueAt is inclusive; stores may round it up to the next millisecond.
	eventually(t, inOrder(6), sorted(clockAt(5)().Add(time.Millisecond), 100))
	eventually(t, inOrder(5), sorted(clockAt(5)().Add(-1), 100))
	eventually(t, []string{}, due(start().Add(-time.Second), 100))
	if n := len(due(clockAt(99)(), 7)()); n != 7 {
		t.Fatalf("got %d, limit 7", n)
	}
	// A new due time replaces the old one, and a final state leaves the list.
	all[0].DueAt = clockAt(500)()
	all[1].Cancel(start(), "test")
	store(t, s, all[0], all[1])
	eventually(t, slices.Sorted(slices.Values(want[2:])), sorted(clockAt(99)(), 100))
}

func testHeld(t *testing.T, s Store) {
	ctx := testContext(t)
	held := func(limit int) func() []string {
		return func() []string {
			refs, _, err := s.Held(ctx, "p", "w", webhook.Page{Limit: limit})
			return refIDs(t, refs, err)
		}
	}
	paged := func(limit int) func() []string {
		return func() []string {
			all := []string{}
			page := webhook.Page{Limit: limit}
			for {
				refs, next, err := s.Held(ctx, "p", "w", page)
				all = append(all, refIDs(t, refs, err)...)
				if page.After = next; next == nil {
					return all
				}
			}
		}
	}
	count := func(most int) func() int {
		return func() int {
			n, err := s.HeldCount(ctx, "p", "w", most)
			must(t, err)
			return n
		}
	}
	eventually(t, []string{}, held(10))
	eventually(t, 0, count(10))
	var all []*webhook.Delivery
	// Of one time, in the order of their sequence numbers as numbers: 9 before 10.
	for _, sequence := range []string{"100", "9", "0010", "99999999999999999999999999"} {
		d := Delivery("p", "w", "v"+sequence, start())
		d.Event.Sequence = sequence
		all = append(all, d)
	}
	all = append(all, Delivery("p", "w", "earlier", start().Add(-time.Second)))
	for _, d := range all {
		d.Hold(start(), 1, time.Hour)
	}
	store(t, s, all...)
	other := Delivery("p", "w2", "v", start())
	other.Hold(start(), 1, time.Hour)
	store(t, s, other, Delivery("p", "w", "pending", start()))
	order := []*webhook.Delivery{all[4], all[1], all[2], all[0], all[3]}
	want := []string{}
	for _, d := range order {
		want = append(want, "p w "+d.ID)
	}
	eventually(t, want, held(10))
	eventually(t, want[:2], held(2))
	for limit := 1; limit <= 6; limit++ {
		eventually(t, want, paged(limit))
	}
	for most, n := range []int{0, 1, 2, 3, 4, 5, 5} {
		eventually(t, n, count(most))
	}
	order[0].StartRound(start(), 2, start(), webhook.DrainJob)
	store(t, s, order[0])
	eventually(t, want[1:], held(10))
	eventually(t, 4, count(10))
	order[0].Hold(start(), 2, time.Hour)
	order[1].Expire(start())
	store(t, s, order[0], order[1])
	eventually(t, append([]string{want[0]}, want[2:]...), held(10))
	eventually(t, 4, count(10))

	// What tripped the switch waits with the others and is not held.
	order[3].State, order[3].HeldUntil, order[3].Tripped = webhook.Exhausted, time.Time{}, true
	store(t, s, order[3])
	eventually(t, append([]string{want[0]}, want[2:]...), held(10))
	eventually(t, 3, count(10))
	order[3].Untrip(start())
	store(t, s, order[3])
	eventually(t, []string{want[0], want[2], want[4]}, held(10))
	eventually(t, 3, count(10))
}

// testHeldCount counts a few held deliveries behind hundreds that wait in another state.
func testHeldCount(t *testing.T, s Store) {
	ctx := testContext(t)
	const tripped, held = 230, 3
	var c webhook.Change
	for i := range tripped + held {
		d := Delivery("p", "w", strconv.Itoa(i), clockAt(i)())
		d.Hold(start(), 1, time.Hour)
		if i < tripped {
			d.State, d.HeldUntil, d.Tripped = webhook.Exhausted, time.Time{}, true
		}
		if c.Deliveries = append(c.Deliveries, d); len(c.Deliveries) == 50 || i == tripped+held-1 {
			must(t, s.Commit(ctx, c))
			c.Deliveries = nil
		}
	}
	for most, want := range []int{0, 1, 2, 3, 3} {
		eventually(t, want, func() int {
			n, err := s.HeldCount(ctx, "p", "w", most)
			must(t, err)
			return n
		})
	}
}
