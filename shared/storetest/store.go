package storetest

import (
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// RunStore checks a store against the contracts of delivery.Store and portal.Store. newStore returns an empty one.
func RunStore(t *testing.T, newStore func(t *testing.T) Store) {
	for name, test := range map[string]func(*testing.T, Store){
		"partner":                  testPartner,
		"partners":                 testPartners,
		"webhook":                  testWebhook,
		"webhooks":                 testWebhooks,
		"partner with webhooks":    testPartnerWebhooks,
		"remove webhook":           testRemoveWebhook,
		"delivery":                 testDelivery,
		"delivery bodies":          testBodies,
		"delivery body built anew": testBodyBuiltAnew,
		"delivery removed":         testRemoveDelivery,
		"delivery claimed":         testClaim,
		"long verification id":     testLongVerificationID,
		"commit all or nothing":    testAllOrNothing,
		"commit many":              testManyDeliveries,
		"commit copies":            testCommitCopies,
		"commit race":              testRace,
		"commit race of several":   testRaceOfSeveral,
		"deliveries":               testDeliveries,
		"deliveries by time":       testDeliveriesByTime,
		"deliveries by filter":     testDeliveriesByFilter,
		"deliveries by id":         testDeliveriesByVerification,
		"deliveries, sparse":       testSparseFilter,
		"deliveries, oldest first": testOldestFirst,
		"deliveries, outside":      testPositionOutside,
		"job":                      testJob,
		"job replaced":             testJobReplaced,
		"job race":                 testJobRace,
		"due":                      testDue,
		"due jobs":                 testDueJobs,
		"held":                     testHeld,
		"held count":               testHeldCount,
		"outbox":                   testOutbox,
		"detours":                  testDetours,
		"places in a pace":         testPlaces,
		"stats":                    testStats,
		"stats trailing":           testStatsTrailing,
		"stats durations":          testStatsDurations,
		"credential":               testCredential,
		"credentials":              testCredentials,
		"answer":                   testAnswer,
		"requests":                 testRequests,
		"test slots":               testSlots,
		"test slots race":          testSlotsRace,
		"foreign partner":          testForeign,
	} {
		t.Run(name, func(t *testing.T) { test(t, newStore(t)) })
	}
}

func testPartner(t *testing.T, s Store) {
	ctx := testContext(t)
	var p webhook.Partner
	Fill(t, &p)
	p.Rev = 0
	_, err := s.Partner(ctx, p.ID)
	wantCode(t, err, webhook.NotFound)
	must(t, s.Commit(ctx, webhook.Change{Partner: &p}))
	if p.Rev != 1 {
		t.Fatalf("Rev is %d after creation, want 1", p.Rev)
	}
	got, err := s.Partner(ctx, p.ID)
	must(t, err)
	wantEqual(t, got, p)

	again := p
	again.Rev = 0
	wantCode(t, s.Commit(ctx, webhook.Change{Partner: &again}), webhook.Conflict)
	if again.Rev != 0 {
		t.Fatal("a refused Change set Rev")
	}
	stale := p
	p.Name, p.Suspended = "", false
	must(t, s.Commit(ctx, webhook.Change{Partner: &p}))
	wantCode(t, s.Commit(ctx, webhook.Change{Partner: &stale}), webhook.Conflict)
	got, err = s.Partner(ctx, p.ID)
	must(t, err)
	wantEqual(t, got, p)
	if p.Rev != 2 {
		t.Fatalf("Rev is %d after a second version, want 2", p.Rev)
	}
	ghost := webhook.Partner{ID: "never-created", Rev: 3}
	wantCode(t, s.Commit(ctx, webhook.Change{Partner: &ghost}), webhook.Conflict)
}

func testPartners(t *testing.T, s Store) {
	ctx := testContext(t)
	var want []string
	for _, id := range []string{"-", ".dotted", "0", "A", "B.c_d-e", "a", "prt_x"} {
		p := &webhook.Partner{ID: id, Name: id}
		must(t, s.Commit(ctx, webhook.Change{Partner: p}))
		want = append(want, id)
		p.Name = "changed " + id
		must(t, s.Commit(ctx, webhook.Change{Partner: p}))
	}
	list := func(p webhook.Page) ([]webhook.Partner, []byte, error) { return s.Partners(ctx, p) }
	eachLimit(t, want, func(p webhook.Partner) string { return p.ID }, list)
	eventually(t, "changed a", func() string { return collect(t, 10, list)[5].Name })
}

func testWebhook(t *testing.T, s Store) {
	ctx := testContext(t)
	p := newPartner(t, s)
	var w webhook.Webhook
	Fill(t, &w)
	w.PartnerID, w.Rev = p.ID, 0
	_, _, err := s.Webhook(ctx, p.ID, w.ID)
	wantCode(t, err, webhook.NotFound)
	must(t, s.Commit(ctx, webhook.Change{Webhook: &w}))
	w.Detour = nil // no Change stores it
	gotPartner, got, err := s.Webhook(ctx, p.ID, w.ID)
	must(t, err)
	wantEqual(t, got, w)
	wantEqual(t, gotPartner, *p)

	// What was set can be taken away again.
	w = webhook.Webhook{PartnerID: w.PartnerID, ID: w.ID, Rev: w.Rev}
	must(t, s.Commit(ctx, webhook.Change{Webhook: &w}))
	_, got, err = s.Webhook(ctx, p.ID, w.ID)
	must(t, err)
	wantEqual(t, got, w)
	if w.Rev != 2 {
		t.Fatalf("Rev is %d, want 2", w.Rev)
	}
	_, _, err = s.Webhook(ctx, p.ID, "whk_none")
	wantCode(t, err, webhook.NotFound)
	orphan := newWebhook(t, s, "no-such-partner")
	_, _, err = s.Webhook(ctx, orphan.PartnerID, orphan.ID)
	wantCode(t, err, webhook.NotFound)
}

func testWebhooks(t *testing.T, s Store) {
	ctx := testContext(t)
	p, other := newPartner(t, s), newPartner(t, s)
	want := []string{}
	list := func(page webhook.Page) ([]webhook.Webhook, []byte, error) { return s.Webhooks(ctx, p.ID, page) }
	eachLimit(t, want, func(w webhook.Webhook) string { return w.ID }, list)
	for i := range 7 {
		w := &webhook.Webhook{PartnerID: p.ID, ID: webhook.IDSource{Now: clockAt(i), Rand: zeroes{}}.Webhook()}
		must(t, s.Commit(ctx, webhook.Change{Webhook: w}))
		want = append(want, w.ID)
		newWebhook(t, s, other.ID)
	}
	eachLimit(t, want, func(w webhook.Webhook) string { return w.ID }, list)
}

func testPartnerWebhooks(t *testing.T, s Store) {
	ctx := testContext(t)
	_, _, err := s.PartnerWebhooks(ctx, "nobody")
	wantCode(t, err, webhook.NotFound)
	p, other := newPartner(t, s), newPartner(t, s)
	must(t, s.Commit(ctx, webhook.Change{AddCredential: &webhook.Credential{
		ID: ids().Owner(), PartnerID: p.ID, Kind: webhook.APIKey,
	}}))
	got, hooks, err := s.PartnerWebhooks(ctx, p.ID)
	must(t, err)
	wantEqual(t, got, *p)
	if len(hooks) != 0 {
		t.Fatalf("got %d webhooks, want none", len(hooks))
	}
	want := map[string]webhook.Webhook{}
	for range webhook.MaxWebhooks {
		w := newWebhook(t, s, p.ID)
		w.URL += string(make([]byte, webhook.MaxURL))
		must(t, s.Commit(ctx, webhook.Change{Webhook: w}))
		want[w.ID] = *w
	}
	newWebhook(t, s, other.ID)
	_, hooks, err = s.PartnerWebhooks(ctx, p.ID)
	must(t, err)
	all := map[string]webhook.Webhook{}
	for _, w := range hooks {
		all[w.ID] = w
	}
	wantEqual(t, all, want)
}

func testRemoveWebhook(t *testing.T, s Store) {
	ctx := testContext(t)
	p := newPartner(t, s)
	w, stays := newWebhook(t, s, p.ID), newWebhook(t, s, p.ID)
	stale := *w
	must(t, s.Commit(ctx, webhook.Change{Webhook: w}))
	wantCode(t, s.Commit(ctx, webhook.Change{RemoveWebhook: &stale}), webhook.Conflict)
	p.WebhookCount = 1
	must(t, s.Commit(ctx, webhook.Change{Partner: p, RemoveWebhook: w}))
	_, _, err := s.Webhook(ctx, p.ID, w.ID)
	wantCode(t, err, webhook.NotFound)
	_, hooks, err := s.PartnerWebhooks(ctx, p.ID)
	must(t, err)
	if len(hooks) != 1 || hooks[0].ID != stays.ID {
		t.Fatalf("got %+v, want the other webhook alone", hooks)
	}
	wantCode(t, s.Commit(ctx, webhook.Change{RemoveWebhook: w}), webhook.Conflict)
	wantCode(t, s.Commit(ctx, webhook.Change{Webhook: w}), webhook.Conflict)
}

func testForeign(t *testing.T, s Store) {
	ctx := testContext(t)
	p, other := newPartner(t, s), newPartner(t, s)
	w := newWebhook(t, s, p.ID)
	d := Delivery(p.ID, w.ID, "ver_1", start())
	d.State = webhook.Held
	store(t, s, d)
	c := webhook.Credential{ID: ids().Owner(), PartnerID: p.ID, Kind: webhook.APIKey}
	must(t, s.Commit(ctx, webhook.Change{AddCredential: &c}))

	_, _, err := s.Webhook(ctx, other.ID, w.ID)
	wantCode(t, err, webhook.NotFound)
	_, err = s.Delivery(ctx, webhook.Ref{PartnerID: other.ID, WebhookID: w.ID, DeliveryID: d.ID})
	wantCode(t, err, webhook.NotFound)
	wantCode(t, s.RemoveCredential(ctx, other.ID, c.ID), webhook.NotFound)
	for _, verificationID := range []string{"", "ver_1"} {
		items, next, err := s.Deliveries(ctx, webhook.DeliveryQuery{
			PartnerID: other.ID, WebhookID: w.ID, VerificationID: verificationID, Page: webhook.Page{Limit: 10},
		})
		must(t, err)
		if len(items) != 0 || next != nil {
			t.Fatal("another partner's deliveries were listed")
		}
	}
	n, err := s.HeldCount(ctx, other.ID, w.ID, 10)
	must(t, err)
	if n != 0 {
		t.Fatal("another partner's held deliveries were counted")
	}
	eventually(t, 1, func() int {
		n, err := s.HeldCount(ctx, p.ID, w.ID, 10)
		must(t, err)
		return n
	})
}
