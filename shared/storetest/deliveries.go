package storetest

import (
	"bytes"
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// clockAt returns a clock that stands n seconds after start.
func clockAt(n int) func() time.Time {
	return func() time.Time { return start().Add(time.Duration(n) * time.Second) }
}

// zeroes is a source of zeroes.
type zeroes struct{}

func (zeroes) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func testDelivery(t *testing.T, s Store) {
	ctx := testContext(t)
	var d webhook.Delivery
	Fill(t, &d)
	d.Rev = 0
	_, err := s.Delivery(ctx, d.Ref())
	wantCode(t, err, webhook.NotFound)
	store(t, s, &d)
	got, err := s.Delivery(ctx, d.Ref())
	must(t, err)
	wantEqual(t, got, d)

	// What was set can be taken away again.
	d = webhook.Delivery{PartnerID: d.PartnerID, WebhookID: d.WebhookID, ID: d.ID, State: webhook.StatePending, Rev: d.Rev}
	d.Event = webhook.Event{PartnerID: d.PartnerID, Type: webhook.Completed}
	store(t, s, &d)
	got, err = s.Delivery(ctx, d.Ref())
	must(t, err)
	wantEqual(t, got, d)

	again := d
	again.Rev = 0
	wantCode(t, s.Commit(ctx, webhook.Change{Deliveries: []*webhook.Delivery{&again}}), webhook.Conflict)
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// testBodies saves each size of body twice: a store may keep large ones apart and not write them again.
func testBodies(t *testing.T, s Store) {
	ctx := testContext(t)
	text := []byte(strings.Repeat(`{"type":"verification.completed","status":"success","data":{"amount":"12,50 €"}}`, 1300))
	for i, body := range [][]byte{
		nil, {0}, randomBytes(1000), randomBytes(4095), randomBytes(4096), randomBytes(5000), randomBytes(102_400),
		text[:1], text[:1000], text[:5000], text[:102_400],
	} {
		d := Delivery("p", "w", "v", clockAt(i)())
		d.Body = body
		for range 2 {
			store(t, s, d)
			got, err := s.Delivery(ctx, d.Ref())
			must(t, err)
			if !bytes.Equal(got.Body, body) {
				t.Fatalf("body %d of %d bytes came back with %d", i, len(body), len(got.Body))
			}
			d.Reason += "again"
			d.UpdatedAt = d.UpdatedAt.Add(time.Hour)
		}
	}
}

func testBodyBuiltAnew(t *testing.T, s Store) {
	ctx := testContext(t)
	d := Delivery("p", "w", "v", start())
	for i, body := range [][]byte{
		randomBytes(9000), randomBytes(9000), []byte("small"), randomBytes(9000), nil, randomBytes(8000),
	} {
		d.Body = body
		stale := *d
		store(t, s, d)
		got, err := s.Delivery(ctx, d.Ref())
		must(t, err)
		wantEqual(t, got, *d)
		stale.Body = randomBytes(7000)
		wantCode(t, s.Commit(ctx, webhook.Change{Deliveries: []*webhook.Delivery{&stale}}), webhook.Conflict)
		got, err = s.Delivery(ctx, d.Ref())
		must(t, err)
		if !bytes.Equal(got.Body, body) {
			t.Fatalf("a refused Change changed body %d", i)
		}
	}
	// A delivery that lives on and on keeps its body.
	for range 5 {
		d.UpdatedAt = d.UpdatedAt.Add(webhook.FinalRetention * 2)
		store(t, s, d)
	}
	got, err := s.Delivery(ctx, d.Ref())
	must(t, err)
	wantEqual(t, got, *d)
}

func testClaim(t *testing.T, s Store) {
	ctx := testContext(t)
	d := Delivery("p", "w", "v", start())
	d.TakeClaim(start(), "owner-1")
	store(t, s, d)
	d.Finish(webhook.Attempt{Number: 1, StartedAt: start(), Duration: time.Second, StatusCode: 200})
	d.Succeed()
	store(t, s, d)
	got, err := s.Delivery(ctx, d.Ref())
	must(t, err)
	wantEqual(t, got, *d)
}

func testLongVerificationID(t *testing.T, s Store) {
	ctx := testContext(t)
	for _, id := range []string{strings.Repeat("v", 2000), strings.Repeat("v", 1999) + "w", "with#hash", "ünï cöde\x00"} {
		d := Delivery("p", "w", id, start())
		store(t, s, d)
		got, err := s.Delivery(ctx, d.Ref())
		must(t, err)
		wantEqual(t, got, *d)
		eachLimit(t, []string{d.ID}, deliveryID, func(p webhook.Page) ([]webhook.Delivery, []byte, error) {
			return s.Deliveries(ctx, webhook.DeliveryQuery{PartnerID: "p", WebhookID: "w", VerificationID: id, Page: p})
		})
	}
}

func deliveryID(d webhook.Delivery) string { return d.ID }

// lister returns a list of deliveries of the webhook p, w under a query.
func lister(t *testing.T, s Store, q webhook.DeliveryQuery) func(webhook.Page) ([]webhook.Delivery, []byte, error) {
	ctx := testContext(t)
	q.PartnerID, q.WebhookID = "p", "w"
	return func(p webhook.Page) ([]webhook.Delivery, []byte, error) {
		q.Page = p
		return s.Deliveries(ctx, q)
	}
}

// elevenDeliveries stores eleven deliveries a second apart, and some of other webhooks; the newest comes first.
func elevenDeliveries(t *testing.T, s Store, set func(i int, d *webhook.Delivery)) []*webhook.Delivery {
	t.Helper()
	all := make([]*webhook.Delivery, 11)
	for i := range all {
		d := Delivery("p", "w", "ver_"+string(rune('a'+i%3)), clockAt(i)())
		d.TakeClaim(start(), "o")
		d.Finish(webhook.Attempt{Number: 1, StartedAt: start(), StatusCode: 500, ErrorCode: webhook.ErrHTTPStatus})
		if set != nil {
			set(i, d)
		}
		other := Delivery("p", "w2", d.Event.VerificationID, clockAt(i)())
		foreign := Delivery("p2", "w", d.Event.VerificationID, clockAt(i)())
		store(t, s, d, other, foreign)
		all[len(all)-1-i] = d
	}
	return all
}

func idsOf(ds []*webhook.Delivery, keep func(*webhook.Delivery) bool) []string {
	want := []string{}
	for _, d := range ds {
		if keep(d) {
			want = append(want, d.ID)
		}
	}
	return want
}

func testDeliveries(t *testing.T, s Store) {
	eachLimit(t, []string{}, deliveryID, lister(t, s, webhook.DeliveryQuery{}))
	all := elevenDeliveries(t, s, func(i int, d *webhook.Delivery) {
		if i%2 == 0 {
			d.Body = randomBytes(6000)
		}
	})
	list := lister(t, s, webhook.DeliveryQuery{})
	eachLimit(t, idsOf(all, func(*webhook.Delivery) bool { return true }), deliveryID, list)
	for i, got := range collect(t, 100, list) {
		want := *all[i]
		want.Body = nil
		wantEqual(t, got, want)
	}
}

func testDeliveriesByTime(t *testing.T, s Store) {
	all := elevenDeliveries(t, s, nil)
	for _, since := range []time.Time{{}, clockAt(0)(), clockAt(3)(), clockAt(3)().Add(1), clockAt(99)()} {
		for _, until := range []time.Time{{}, clockAt(0)(), clockAt(7)(), clockAt(7)().Add(1), clockAt(99)()} {
			for _, verificationID := range []string{"", "ver_b"} {
				q := webhook.DeliveryQuery{Since: since, Until: until, VerificationID: verificationID}
				want := idsOf(all, func(d *webhook.Delivery) bool {
					at := d.Event.OccurredAt
					return (since.IsZero() || !at.Before(since)) && (until.IsZero() || at.Before(until)) &&
						(verificationID == "" || d.Event.VerificationID == verificationID)
				})
				limits(t, []int{2, 11}, want, deliveryID, lister(t, s, q))
			}
		}
	}
}

func testDeliveriesByFilter(t *testing.T, s Store) {
	all := elevenDeliveries(t, s, func(i int, d *webhook.Delivery) {
		d.State = webhook.States()[i%4]
		d.Event.Type = webhook.EventTypes()[i%3]
	})
	for _, state := range append(webhook.States(), "") {
		for _, eventType := range append(webhook.EventTypes(), "") {
			for _, verificationID := range []string{"", "ver_a", "ver_none"} {
				q := webhook.DeliveryQuery{State: state, EventType: eventType, VerificationID: verificationID}
				want := idsOf(all, func(d *webhook.Delivery) bool {
					return (state == "" || d.State == state) && (eventType == "" || d.Event.Type == eventType) &&
						(verificationID == "" || d.Event.VerificationID == verificationID)
				})
				limits(t, []int{2, 11}, want, deliveryID, lister(t, s, q))
			}
		}
	}
}

func testDeliveriesByVerification(t *testing.T, s Store) {
	all := elevenDeliveries(t, s, nil)
	list := lister(t, s, webhook.DeliveryQuery{VerificationID: "ver_c"})
	want := idsOf(all, func(d *webhook.Delivery) bool { return d.Event.VerificationID == "ver_c" })
	eachLimit(t, want, deliveryID, list)
	for _, got := range collect(t, 100, list) {
		if got.Body != nil || len(got.Log) != 1 {
			t.Fatalf("a listed delivery has a body, or no log: %s", show(got))
		}
	}
}

// testOldestFirst lists the other way round, from behind any delivery on.
func testOldestFirst(t *testing.T, s Store) {
	all := elevenDeliveries(t, s, func(i int, d *webhook.Delivery) { d.State = webhook.States()[i%2] })
	slices.Reverse(all)
	none := Delivery("p", "w", "none", clockAt(4)().Add(time.Millisecond))
	for _, after := range []string{"", all[0].ID, all[3].ID, none.ID, all[9].ID, all[10].ID, "dlv_zzz"} {
		for _, since := range []time.Time{{}, clockAt(2)(), clockAt(3)().Add(1)} {
			for _, until := range []time.Time{{}, clockAt(4)(), clockAt(8)().Add(1)} {
				for _, state := range []webhook.State{"", webhook.Delivered} {
					q := webhook.DeliveryQuery{OldestFirst: true, AfterID: after, Since: since, Until: until, State: state}
					want := idsOf(all, func(d *webhook.Delivery) bool {
						at := d.Event.OccurredAt
						return d.ID > after && (state == "" || d.State == state) &&
							(since.IsZero() || !at.Before(since)) && (until.IsZero() || at.Before(until))
					})
					limits(t, []int{2, 11}, want, deliveryID, lister(t, s, q))
				}
			}
		}
	}
	eachLimit(t, idsOf(all, func(*webhook.Delivery) bool { return true }), deliveryID, lister(t, s, webhook.DeliveryQuery{OldestFirst: true}))
}

// testPositionOutside goes on from positions that later bounds leave out: those before the bounds are as good as none.
func testPositionOutside(t *testing.T, s Store) {
	all := elevenDeliveries(t, s, nil)
	for _, oldestFirst := range []bool{false, true} {
		if oldestFirst {
			slices.Reverse(all)
		}
		_, after, err := lister(t, s, webhook.DeliveryQuery{OldestFirst: oldestFirst})(webhook.Page{Limit: 6})
		must(t, err)
		for from := 0; from <= 10; from += 2 {
			for to := from; to <= 11; to++ {
				q := webhook.DeliveryQuery{OldestFirst: oldestFirst, Since: clockAt(from)(), Until: clockAt(to)()}
				want := idsOf(all[6:], func(d *webhook.Delivery) bool {
					return !d.Event.OccurredAt.Before(q.Since) && d.Event.OccurredAt.Before(q.Until)
				})
				eventually(t, want, func() []string {
					items, next, err := lister(t, s, q)(webhook.Page{Limit: 100, After: after})
					must(t, err)
					if next != nil {
						t.Fatal("a list of less than its limit has a successor")
					}
					got := []string{}
					for _, d := range items {
						got = append(got, d.ID)
					}
					return got
				})
			}
		}
	}
}

// testSparseFilter finds one delivery behind hundreds that a filter leaves out, in as many pages as the store likes.
func testSparseFilter(t *testing.T, s Store) {
	ctx := testContext(t)
	wanted := Delivery("p", "w", "v", start().Add(-time.Hour))
	wanted.State = webhook.Exhausted
	store(t, s, wanted)
	const batch, batches = 100, 7
	for b := range batches {
		var c webhook.Change
		for i := range batch {
			c.Deliveries = append(c.Deliveries, Delivery("p", "w", "v", start().Add(time.Duration(b*batch+i)*time.Millisecond)))
		}
		must(t, s.Commit(ctx, c))
	}
	for _, verificationID := range []string{"", "v"} {
		q := webhook.DeliveryQuery{State: webhook.Exhausted, VerificationID: verificationID}
		limits(t, []int{1, 100}, []string{wanted.ID}, deliveryID, lister(t, s, q))
	}
	if n := len(collect(t, 100, lister(t, s, webhook.DeliveryQuery{}))); n != batch*batches+1 {
		t.Fatalf("listed %d deliveries, want %d", n, batch*batches+1)
	}
}

// testRemoveDelivery removes deliveries with small and large bodies: nothing of them is left, and lists go on behind them.
func testRemoveDelivery(t *testing.T, s Store) {
	ctx := testContext(t)
	removal := func(d *webhook.Delivery) error { return s.Commit(ctx, webhook.Change{RemoveDelivery: d}) }
	var ds []*webhook.Delivery
	for i, size := range []int{100, 9000, 100, 9000, 100} {
		d := Delivery("p", "w", "v", clockAt(i)())
		d.Body = randomBytes(size)
		d.Exhaust(true)
		store(t, s, d)
		ds = append(ds, d)
	}
	list := func(verification string, oldestFirst bool) func(webhook.Page) ([]webhook.Delivery, []byte, error) {
		return lister(t, s, webhook.DeliveryQuery{VerificationID: verification, OldestFirst: oldestFirst})
	}
	eventually(t, 5, func() int { return len(collect(t, 5, list("v", false))) })
	var after [3][]byte
	for i, l := range []func(webhook.Page) ([]webhook.Delivery, []byte, error){list("", false), list("", true), list("v", false)} {
		var err error
		_, after[i], err = l(webhook.Page{Limit: 3})
		must(t, err)
	}
	for _, d := range ds[1:4] {
		stale := *d
		d.Untrip(start().Add(time.Hour))
		store(t, s, d)
		wantCode(t, removal(&stale), webhook.Conflict)
		got, err := s.Delivery(ctx, d.Ref())
		must(t, err)
		wantEqual(t, got, *d)
		unread := webhook.Delivery{PartnerID: d.PartnerID, WebhookID: d.WebhookID, ID: d.ID}
		wantCode(t, removal(&unread), webhook.Conflict)
		must(t, removal(d))
		_, err = s.Delivery(ctx, d.Ref())
		wantCode(t, err, webhook.NotFound)
		wantCode(t, removal(d), webhook.Conflict)
		wantCode(t, s.Commit(ctx, webhook.Change{Deliveries: []*webhook.Delivery{d}}), webhook.Conflict)
		must(t, removal(&unread)) // only a body that is left behind would go
	}
	for i, want := range [][]string{{ds[0].ID}, {ds[4].ID}, {ds[0].ID}} {
		l := list(map[int]string{2: "v"}[i], i == 1)
		var ids []string
		items, _, err := l(webhook.Page{Limit: 3, After: after[i]})
		must(t, err)
		for _, d := range items {
			ids = append(ids, d.ID)
		}
		wantEqual(t, ids, want)
	}
	eventually(t, 2, func() int {
		refs, _, err := s.Held(ctx, "p", "w", webhook.Page{Limit: 10})
		must(t, err)
		return len(refs)
	})
	eventually(t, 2, func() int { return len(collect(t, 5, list("v", false))) })
	again := *ds[1] // a record that the stream brings late
	again.Rev = 0
	store(t, s, &again)
	got, err := s.Delivery(ctx, again.Ref())
	must(t, err)
	wantEqual(t, got, again)
}
