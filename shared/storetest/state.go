package storetest

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

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

// testStatsDurations: what was measured is added mark by mark, by however many at once, and an hour that was counted before
// anything was measured has nothing of it. So is what was undeliverable.
func testStatsDurations(t *testing.T, s Store) {
	ctx := testContext(t)
	hour := webhook.HourOf(start())
	took := func(ds ...time.Duration) (h webhook.Durations) {
		for _, d := range ds {
			h.Add(d)
		}
		return h
	}
	add := func(h webhook.Durations) error {
		return s.AddStats(ctx, "p", "w", webhook.Stats{Hour: hour, Delivered: 1, Undeliverable: 2, Durations: h})
	}
	stored := func() webhook.Durations {
		got, err := s.Stats(ctx, "p", "w", 1)
		must(t, err)
		if len(got) != 1 {
			return webhook.Durations{}
		}
		return got[0].Durations
	}
	must(t, add(webhook.Durations{}))
	eventually(t, 1, func() int {
		got, err := s.Stats(ctx, "p", "w", 1)
		must(t, err)
		return len(got)
	})
	wantEqual(t, stored(), webhook.Durations{})
	must(t, add(took(0, 20*time.Millisecond)))
	eventually(t, took(0, 20*time.Millisecond), stored)
	must(t, add(took(20*time.Millisecond, time.Hour)))
	want := took(0, 20*time.Millisecond, 20*time.Millisecond, time.Hour)
	eventually(t, want, stored)
	each := func(i int) webhook.Durations {
		return took(10*time.Second, 20*time.Millisecond, time.Duration(i)*50*time.Millisecond)
	}
	for i, err := range race(func(i int) error { return add(each(i)) }) {
		must(t, err)
		h := each(i)
		want.Merge(&h)
	}
	eventually(t, want, stored)
	got, err := s.Stats(ctx, "p", "w", 1)
	must(t, err)
	if all := 3 + racers; got[0].Delivered != all || got[0].Undeliverable != 2*all {
		t.Errorf("%d delivered and %d undeliverable, want %d and %d", got[0].Delivered, got[0].Undeliverable, all, 2*all)
	}
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
