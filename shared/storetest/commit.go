package storetest

import (
	"strconv"
	"sync"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func testAllOrNothing(t *testing.T, s Store) {
	ctx := testContext(t)
	p := newPartner(t, s)
	w := newWebhook(t, s, p.ID)
	stored := Delivery(p.ID, w.ID, "v", start())
	store(t, s, stored)
	change := func() webhook.Change {
		partner, hook, old := *p, *w, *stored
		partner.Name, hook.URL, old.Reason = "changed", "https://changed.example/", "changed"
		fresh := Delivery(p.ID, w.ID, "fresh", start())
		fresh.Body = randomBytes(6000)
		return webhook.Change{
			Partner: &partner, Webhook: &hook, Deliveries: []*webhook.Delivery{&old, fresh},
			Jobs: []*webhook.Job{newJob(webhook.DrainJob, "job_new")}, EndedJob: newJob(webhook.DrainJob, "job_old"),
			Outbox: []webhook.OutboxEvent{{
				ID: ids().Outbox(), Kind: webhook.WebhookDeactivated, PartnerID: p.ID, WebhookID: w.ID, At: start(),
			}},
			AddCredential: &webhook.Credential{ID: "cred", PartnerID: p.ID, Kind: webhook.APIKey},
			Answer:        &webhook.Answer{PartnerID: p.ID, Key: "key", ExpiresAt: start().Add(webhook.AnswerLife)},
		}
	}
	gone := webhook.Credential{ID: "taken", PartnerID: p.ID, Kind: webhook.PortalSession}
	must(t, s.Commit(ctx, webhook.Change{AddCredential: &gone}))
	taken := webhook.Answer{PartnerID: p.ID, Key: "taken", ExpiresAt: start().Add(webhook.AnswerLife)}
	must(t, s.Commit(ctx, webhook.Change{Answer: &taken}))

	for name, spoil := range map[string]func(*webhook.Change){
		"partner":      func(c *webhook.Change) { c.Partner.Rev-- },
		"webhook":      func(c *webhook.Change) { c.Webhook.Rev++ },
		"old delivery": func(c *webhook.Change) { c.Deliveries[0].Rev = 0 },
		"new delivery": func(c *webhook.Change) { c.Deliveries[1].Rev = 1 },
		"job":          func(c *webhook.Change) { c.Jobs[0].Rev = 1 },
		"credential":   func(c *webhook.Change) { c.AddCredential.ID = "taken" },
		"answer":       func(c *webhook.Change) { c.Answer.Key = "taken" },
		"forgetting": func(c *webhook.Change) {
			c.RemoveDelivery = &webhook.Delivery{PartnerID: p.ID, WebhookID: w.ID, ID: "dlv_none", Rev: 1}
		},
		"removal": func(c *webhook.Change) { c.RemoveWebhook = &webhook.Webhook{PartnerID: p.ID, ID: "whk_none", Rev: 1} },
	} {
		c := change()
		spoil(&c)
		if code := webhook.CodeOf(s.Commit(ctx, c)); code != webhook.Conflict {
			t.Fatalf("%s: got code %q, want conflict", name, code)
		}
		wantUntouched(t, s, p, w, stored, change().Deliveries[1])
	}
	c := change()
	must(t, s.Commit(ctx, c))
	_, hook, err := s.Webhook(ctx, p.ID, w.ID)
	must(t, err)
	wantEqual(t, hook, *c.Webhook)
	for _, want := range c.Deliveries {
		d, err := s.Delivery(ctx, want.Ref())
		must(t, err)
		wantEqual(t, d, *want)
	}
	wantJob(t, s, c.Jobs[0].Ref(), c.Jobs[0])
	wantJob(t, s, byID(c.EndedJob), c.EndedJob)
	eventually(t, 1, func() int {
		events, err := s.Outbox(ctx, start(), 10)
		must(t, err)
		return len(events)
	})
	_, err = s.Credential(ctx, "cred")
	must(t, err)
	_, err = s.Answer(ctx, p.ID, "key", start())
	must(t, err)
}

func wantUntouched(t *testing.T, s Store, p *webhook.Partner, w *webhook.Webhook, old, fresh *webhook.Delivery) {
	t.Helper()
	ctx := testContext(t)
	partner, hook, err := s.Webhook(ctx, p.ID, w.ID)
	must(t, err)
	wantEqual(t, partner, *p)
	wantEqual(t, hook, *w)
	d, err := s.Delivery(ctx, old.Ref())
	must(t, err)
	wantEqual(t, d, *old)
	_, err = s.Delivery(ctx, fresh.Ref())
	wantCode(t, err, webhook.NotFound)
	for _, id := range []string{"", "job_old"} {
		_, err = s.Job(ctx, webhook.JobRef{PartnerID: "p", WebhookID: "w", Kind: webhook.DrainJob, ID: id})
		wantCode(t, err, webhook.NotFound)
	}
	events, err := s.Outbox(ctx, start(), 10)
	must(t, err)
	if len(events) != 0 {
		t.Fatal("a refused Change wrote to the outbox")
	}
	_, err = s.Credential(ctx, "cred")
	wantCode(t, err, webhook.NotFound)
	_, err = s.Answer(ctx, p.ID, "key", start())
	wantCode(t, err, webhook.NotFound)
}

func testManyDeliveries(t *testing.T, s Store) {
	ctx := testContext(t)
	must(t, s.Commit(ctx, webhook.Change{}))
	var c webhook.Change
	for i := range 100 {
		c.Deliveries = append(c.Deliveries, Delivery("p", "w", strconv.Itoa(i), clockAt(i)()))
	}
	must(t, s.Commit(ctx, c))
	for _, d := range c.Deliveries {
		if d.Rev != 1 {
			t.Fatalf("Rev is %d, want 1", d.Rev)
		}
		d.Reason = "changed"
	}
	must(t, s.Commit(ctx, c))
	got, err := s.Delivery(ctx, c.Deliveries[99].Ref())
	must(t, err)
	wantEqual(t, got, *c.Deliveries[99])
}

func testCommitCopies(t *testing.T, s Store) {
	ctx := testContext(t)
	p := newPartner(t, s)
	var w webhook.Webhook
	Fill(t, &w)
	w.PartnerID, w.Rev = p.ID, 0
	must(t, s.Commit(ctx, webhook.Change{Webhook: &w}))
	var d webhook.Delivery
	Fill(t, &d)
	d.Rev = 0
	store(t, s, &d)
	j := newJob(webhook.RecoverJob, "job_1")
	j.States = []webhook.State{webhook.Exhausted}
	must(t, s.Commit(ctx, jobs(j)))
	w.EventTypes[0], w.Sealed[0], w.Deactivation.DeliveryID = "x", 0, "x"
	d.Body[0], d.Log[0].Number, d.Claim.Owner = 0, 0, "x"
	j.States[0] = "x"
	job, err := s.Job(ctx, j.Ref())
	must(t, err)
	if job.States[0] == "x" {
		t.Fatal("changing a committed job changed the store")
	}
	_, hook, err := s.Webhook(ctx, p.ID, w.ID)
	must(t, err)
	if hook.EventTypes[0] == "x" || hook.Sealed[0] == 0 || hook.Deactivation.DeliveryID == "x" {
		t.Fatal("changing a committed webhook changed the store")
	}
	got, err := s.Delivery(ctx, d.Ref())
	must(t, err)
	if got.Body[0] == 0 || got.Log[0].Number == 0 || got.Claim.Owner == "x" {
		t.Fatal("changing a committed delivery changed the store")
	}
}

// racers is how many try at once.
const racers = 40

// race runs try in racers goroutines at once and returns the errors.
func race(try func(n int) error) []error {
	errs := make([]error, racers)
	var wg sync.WaitGroup
	gate := make(chan struct{})
	for n := range errs {
		wg.Go(func() {
			<-gate
			errs[n] = try(n)
		})
	}
	close(gate)
	wg.Wait()
	return errs
}

// winners returns who succeeded; all others must have met Conflict.
func winners(t *testing.T, errs []error) []int {
	t.Helper()
	var won []int
	for n, err := range errs {
		if err == nil {
			won = append(won, n)
			continue
		}
		wantCode(t, err, webhook.Conflict)
	}
	return won
}

func testRace(t *testing.T, s Store) {
	ctx := testContext(t)
	for _, size := range []int{30, 6000} {
		d := Delivery("p", "w", strconv.Itoa(size), start())
		d.Body = randomBytes(size)
		for round := range 3 { // the first creates
			owner := func(n int) string { return strconv.Itoa(round) + "-" + strconv.Itoa(n) }
			won := winners(t, race(func(n int) error {
				mine := *d
				mine.TakeClaim(start(), owner(n))
				return s.Commit(ctx, webhook.Change{Deliveries: []*webhook.Delivery{&mine}})
			}))
			got, err := s.Delivery(ctx, d.Ref())
			must(t, err)
			// A store may refuse everyone if it can't tell who was first; it must not let two in.
			if len(won) != 1 {
				t.Fatalf("%d of %d won, want 1", len(won), racers)
			}
			if got.Claim == nil || got.Claim.Owner != owner(won[0]) || got.Rev != int64(round)+1 {
				t.Fatalf("stored is not what won: %s", show(got))
			}
			d = &got
		}
	}
}

func testRaceOfSeveral(t *testing.T, s Store) {
	ctx := testContext(t)
	p := newPartner(t, s)
	w := newWebhook(t, s, p.ID)
	const tries = 10
	for range tries {
		errs := race(func(n int) error {
			hook := *w
			hook.Description = strconv.Itoa(n)
			d := Delivery(p.ID, w.ID, strconv.Itoa(n), clockAt(n)())
			return s.Commit(ctx, webhook.Change{Webhook: &hook, Deliveries: []*webhook.Delivery{d}})
		})
		won := winners(t, errs)
		if len(won) == 0 {
			continue // transactions that meet may all be refused
		}
		_, got, err := s.Webhook(ctx, p.ID, w.ID)
		must(t, err)
		ds := collect(t, 100, func(page webhook.Page) ([]webhook.Delivery, []byte, error) {
			return s.Deliveries(ctx, webhook.DeliveryQuery{PartnerID: p.ID, WebhookID: w.ID, Page: page})
		})
		if len(won) != 1 || len(ds) != 1 || got.Description != strconv.Itoa(won[0]) || ds[0].Event.VerificationID != got.Description {
			t.Fatalf("won: %v, webhook: %s, deliveries: %d", won, show(got), len(ds))
		}
		return
	}
	t.Fatalf("nobody won in %d races", tries)
}
