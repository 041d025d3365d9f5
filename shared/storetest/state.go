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

func testStats(t *testing.T, s Store) {
	ctx := testContext(t)
	var add webhook.Stats
	Fill(t, &add)
	add.Hour = webhook.HourOf(start())
	must(t, s.AddStats(ctx, "p", "w", add))
	stats := func(limit int) func() []webhook.Stats {
		return func() []webhook.Stats {
			got, err := s.Stats(ctx, "p", "w", limit)
			must(t, err)
			return got
		}
	}
	eventually(t, []webhook.Stats{add}, stats(10))
	var want []webhook.Stats
	for i := range 5 {
		hour := add
		hour.Hour = add.Hour.Add(time.Duration(i+1) * time.Hour)
		must(t, s.AddStats(ctx, "p", "w", hour))
		want = append([]webhook.Stats{hour}, want...)
	}
	want = append(want, add)
	must(t, s.AddStats(ctx, "p", "other", add))
	must(t, s.AddStats(ctx, "other", "w", add))
	eventually(t, want, stats(10))
	eventually(t, want[:2], stats(2))
}

func testStatsTrailing(t *testing.T, s Store) {
	ctx := testContext(t)
	hour := webhook.HourOf(start())
	failures := func(n int, code webhook.ErrorCode, status int) webhook.Stats {
		return webhook.Stats{Hour: hour, Failed: n, Trailing: n, LastError: code, LastStatusCode: status}
	}
	steps := []struct{ add, want webhook.Stats }{
		{
			failures(2, webhook.ErrHTTPStatus, 500),
			webhook.Stats{Failed: 2, Trailing: 2, LastError: webhook.ErrHTTPStatus, LastStatusCode: 500},
		},
		{
			failures(1, webhook.ErrTimeout, 0),
			webhook.Stats{Failed: 3, Trailing: 3, LastError: webhook.ErrTimeout},
		},
		{
			webhook.Stats{Hour: hour, Delivered: 1, LastDeliveryAt: start()},
			webhook.Stats{Delivered: 1, Failed: 3, LastDeliveryAt: start(), LastError: webhook.ErrTimeout},
		},
		{
			webhook.Stats{Hour: hour, Delivered: 2, Failed: 4, Trailing: 1, LastDeliveryAt: clockAt(5)(), LastError: webhook.ErrTLS},
			webhook.Stats{Delivered: 3, Failed: 7, Trailing: 1, LastDeliveryAt: clockAt(5)(), LastError: webhook.ErrTLS},
		},
		{
			webhook.Stats{Hour: hour, Exhausted: 1, Failed: 1, Trailing: 1, LastError: webhook.ErrHTTPStatus, LastStatusCode: 404},
			webhook.Stats{
				Delivered: 3, Exhausted: 1, Failed: 8, Trailing: 2, LastDeliveryAt: clockAt(5)(),
				LastError: webhook.ErrHTTPStatus, LastStatusCode: 404,
			},
		},
	}
	for _, step := range steps {
		must(t, s.AddStats(ctx, "p", "w", step.add))
		step.want.Hour = hour
		eventually(t, []webhook.Stats{step.want}, func() []webhook.Stats {
			got, err := s.Stats(ctx, "p", "w", 10)
			must(t, err)
			return got
		})
	}
	for _, err := range race(func(int) error { return s.AddStats(ctx, "p", "many", failures(1, webhook.ErrTimeout, 0)) }) {
		must(t, err)
	}
	eventually(t, racers, func() int {
		got, err := s.Stats(ctx, "p", "many", 1)
		must(t, err)
		return got[0].Failed
	})
}

func testCredential(t *testing.T, s Store) {
	ctx := testContext(t)
	for _, kind := range []webhook.CredentialKind{webhook.APIKey, webhook.PortalSession} {
		var c webhook.Credential
		Fill(t, &c)
		c.ID, c.Kind = ids().Owner(), kind
		_, err := s.Credential(ctx, c.ID)
		wantCode(t, err, webhook.NotFound)
		must(t, s.Commit(ctx, webhook.Change{AddCredential: &c}))
		got, err := s.Credential(ctx, c.ID)
		must(t, err)
		wantEqual(t, got, c)
		wantCode(t, s.Commit(ctx, webhook.Change{AddCredential: &c}), webhook.Conflict)

		wantCode(t, s.RemoveCredential(ctx, "another", c.ID), webhook.NotFound)
		_, err = s.Credential(ctx, c.ID)
		must(t, err)
		must(t, s.RemoveCredential(ctx, c.PartnerID, c.ID))
		_, err = s.Credential(ctx, c.ID)
		wantCode(t, err, webhook.NotFound)
		wantCode(t, s.RemoveCredential(ctx, c.PartnerID, c.ID), webhook.NotFound)
		items, _, err := s.Credentials(ctx, c.PartnerID, webhook.Page{Limit: 10})
		must(t, err)
		if len(items) != 0 {
			t.Fatal("a removed credential is still listed")
		}
	}
	// One without an end.
	c := webhook.Credential{ID: ids().Owner(), PartnerID: "p", Kind: webhook.APIKey, CreatedAt: start()}
	must(t, s.Commit(ctx, webhook.Change{AddCredential: &c}))
	got, err := s.Credential(ctx, c.ID)
	must(t, err)
	wantEqual(t, got, c)
}

func testCredentials(t *testing.T, s Store) {
	ctx := testContext(t)
	var want []string
	for i := range 7 {
		var c webhook.Credential
		Fill(t, &c)
		c.ID, c.PartnerID, c.Kind = "key"+strconv.Itoa(i), "p", webhook.APIKey
		session, foreign := c, c
		session.ID, session.Kind = "session"+strconv.Itoa(i), webhook.PortalSession
		foreign.ID, foreign.PartnerID = "foreign"+strconv.Itoa(i), "p2"
		for _, x := range []webhook.Credential{c, session, foreign} {
			must(t, s.Commit(ctx, webhook.Change{AddCredential: &x}))
		}
		want = append(want, c.ID)
	}
	list := func(p webhook.Page) ([]webhook.Credential, []byte, error) { return s.Credentials(ctx, "p", p) }
	eachLimit(t, want, func(c webhook.Credential) string { return c.ID }, list)
	listed := collect(t, 10, list)[3]
	single, err := s.Credential(ctx, listed.ID)
	must(t, err)
	wantEqual(t, listed, single)
}

func testAnswer(t *testing.T, s Store) {
	ctx := testContext(t)
	var a webhook.Answer
	Fill(t, &a)
	created := start()
	a.ExpiresAt = created.Add(webhook.AnswerLife)
	_, err := s.Answer(ctx, a.PartnerID, a.Key, created)
	wantCode(t, err, webhook.NotFound)
	must(t, s.Commit(ctx, webhook.Change{Answer: &a}))
	got, err := s.Answer(ctx, a.PartnerID, a.Key, a.ExpiresAt.Add(-1))
	must(t, err)
	wantEqual(t, got, a)
	_, err = s.Answer(ctx, a.PartnerID, a.Key, a.ExpiresAt)
	wantCode(t, err, webhook.NotFound)
	_, err = s.Answer(ctx, "another", a.Key, created)
	wantCode(t, err, webhook.NotFound)

	early := a
	early.ExpiresAt = a.ExpiresAt.Add(webhook.AnswerLife - 1)
	wantCode(t, s.Commit(ctx, webhook.Change{Answer: &early}), webhook.Conflict)
	next := a
	next.Sealed, next.ExpiresAt = []byte("next"), a.ExpiresAt.Add(webhook.AnswerLife)
	must(t, s.Commit(ctx, webhook.Change{Answer: &next}))
	got, err = s.Answer(ctx, a.PartnerID, a.Key, a.ExpiresAt)
	must(t, err)
	wantEqual(t, got, next)
}

func testRequests(t *testing.T, s Store) {
	ctx := testContext(t)
	second := start().Truncate(time.Second)
	counts := make([]int, racers)
	for _, err := range race(func(n int) error {
		var err error
		counts[n], err = s.CountRequest(ctx, "p", second.Add(time.Duration(n)*20*time.Millisecond))
		return err
	}) {
		must(t, err)
	}
	slices.Sort(counts)
	for i, n := range counts {
		if n != i+1 {
			t.Fatalf("counts are %v, want each from 1 to %d once", counts, racers)
		}
	}
	for _, c := range []struct {
		partner string
		at      time.Time
	}{{"p", second.Add(time.Second)}, {"p2", second}} {
		n, err := s.CountRequest(ctx, c.partner, c.at)
		must(t, err)
		if n != 1 {
			t.Fatalf("counted %d in another second or for another partner, want 1", n)
		}
	}
}

func testSlots(t *testing.T, s Store) {
	ctx := testContext(t)
	now, until := start(), start().Add(time.Minute)
	acquire := func(owner string, slots int, now time.Time, want bool) {
		t.Helper()
		ok, err := s.AcquireTest(ctx, "p", owner, slots, now, now.Add(time.Minute))
		must(t, err)
		if ok != want {
			t.Fatalf("%s: got %v, want %v", owner, ok, want)
		}
	}
	must(t, s.ReleaseTest(ctx, "p", "nobody"))
	acquire("a", 2, now, true)
	acquire("b", 2, now, true)
	acquire("c", 2, now, false)
	ok, err := s.AcquireTest(ctx, "p2", "c", 1, now, until)
	must(t, err)
	if !ok {
		t.Fatal("another partner's slots are taken")
	}
	must(t, s.ReleaseTest(ctx, "p", "c"))
	acquire("c", 2, now, false)
	must(t, s.ReleaseTest(ctx, "p2", "a"))
	acquire("c", 2, now, false)
	must(t, s.ReleaseTest(ctx, "p", "a"))
	acquire("c", 2, now.Add(30*time.Second), true)
	acquire("d", 2, now.Add(30*time.Second), false)
	acquire("d", 2, until.Add(-1), false)
	acquire("d", 2, until, true) // b's time has ended
	must(t, s.ReleaseTest(ctx, "p", "b"))
	acquire("e", 2, until, false)
}

func testSlotsRace(t *testing.T, s Store) {
	ctx := testContext(t)
	won := make([]bool, racers)
	for _, err := range race(func(n int) error {
		var err error
		won[n], err = s.AcquireTest(ctx, "p", strconv.Itoa(n), webhook.MaxConcurrentTests, start(), start().Add(time.Minute))
		return err
	}) {
		must(t, err)
	}
	n := 0
	for _, ok := range won {
		if ok {
			n++
		}
	}
	if n != webhook.MaxConcurrentTests {
		t.Fatalf("%d took a slot, want %d", n, webhook.MaxConcurrentTests)
	}
}
