package delivery

import (
	"context"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// storeWith overrides single operations of a Store.
type storeWith struct {
	Store
	partnerWebhooks func(ctx context.Context, id string) (webhook.Partner, []webhook.Webhook, error)
	commit          func(ctx context.Context, c webhook.Change) error
}

func (s storeWith) PartnerWebhooks(ctx context.Context, id string) (webhook.Partner, []webhook.Webhook, error) {
	if s.partnerWebhooks == nil {
		return s.Store.PartnerWebhooks(ctx, id)
	}
	return s.partnerWebhooks(ctx, id)
}

func (s storeWith) Commit(ctx context.Context, c webhook.Change) error {
	if s.commit == nil {
		return s.Store.Commit(ctx, c)
	}
	return s.commit(ctx, c)
}

func (w *world) send(m webhook.Message, h *webhook.Webhook) {
	w.t.Helper()
	m.Ref = webhook.Ref{PartnerID: h.PartnerID, WebhookID: h.ID}
	if err := w.queue.Send(context.Background(), m); err != nil {
		w.t.Fatal(err)
	}
}

func TestFirstAttemptCutShortOfAWebhookThatChangesMeanwhile(t *testing.T) {
	for _, tt := range []struct {
		name string
		act  func(w *world, h *webhook.Webhook)
		want webhook.State
	}{
		{"unsubscribed", func(w *world, h *webhook.Webhook) {
			w.edit(h, func(s *webhook.Webhook) {
				s.EventTypes, s.UpdatedAt = []webhook.EventType{webhook.ExpiredType}, w.clock()
			})
		}, webhook.Delivered},
		{"deleted", func(w *world, h *webhook.Webhook) {
			s := w.stored(h)
			w.commit(webhook.Change{RemoveWebhook: &s})
			w.send(webhook.Message{Kind: webhook.AbandonMessage}, h)
		}, webhook.Cancelled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			h := w.hook("acme", nil)
			w.advance(time.Second)
			raw := record("acme", "ver_1", start)
			w.killedDuring(1, func() { w.Dispatch(context.Background(), [][]byte{raw}) })
			tt.act(w, h)
			w.stream(raw)
			w.rest(5 * time.Minute)
			if d := w.only(); d.State != tt.want {
				t.Errorf("%s, want %s", d.State, tt.want)
			}
		})
	}
}

func TestAbandonWalksEveryPageAndSparesTheLiving(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	w.answer = failFirst(1000)
	for range walkPage + 30 {
		w.stream(record("acme", "ver", start))
	}
	w.queue.Take()
	w.send(webhook.Message{Kind: webhook.AbandonMessage}, h)
	if ms := w.queue.Take(); w.Receive(context.Background(), ms)[0] != nil || len(w.queue.Take()) != 0 {
		t.Fatal("a webhook that is there was abandoned")
	}
	s := w.stored(h)
	w.commit(webhook.Change{RemoveWebhook: &s})
	w.send(webhook.Message{Kind: webhook.AbandonMessage}, h)
	w.rest(50 * time.Second) // before the sweeper could have helped
	for _, d := range w.store.AllDeliveries() {
		if d.State != webhook.Cancelled {
			t.Fatalf("%s", d.State)
		}
	}
}

func TestRedriveKeepsARecordThatPanicsAgain(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	w.vault.Fail = func() error { panic("bug") }
	w.stream(record("acme", "ver_1", start))
	parked := func() []webhook.ParkedSummary {
		items, _, _ := w.objects.List(context.Background(), webhook.Page{Limit: 10})
		return items
	}
	if len(parked()) != 1 {
		t.Fatal("not parked")
	}
	redrive := webhook.Message{Kind: webhook.RedriveMessage, ParkedID: parked()[0].ID}
	w.Receive(context.Background(), []webhook.Message{redrive})
	if len(parked()) != 1 {
		t.Fatal("the record is gone, and nothing was delivered")
	}
	w.vault.Fail = nil
	w.Receive(context.Background(), []webhook.Message{redrive})
	if d := w.only(); len(parked()) != 0 || d.State != webhook.Delivered {
		t.Errorf("%d parked, %s", len(parked()), d.State)
	}
}

func TestUnreadableStateBlocksNobody(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	w.Store = storeWith{Store: w.store, partnerWebhooks: func(ctx context.Context, id string) (webhook.Partner, []webhook.Webhook, error) {
		if id == "bad" {
			return webhook.Partner{}, nil, webhook.Errorf(webhook.Corrupt, "an item has the unknown format 9")
		}
		return w.store.PartnerWebhooks(ctx, id)
	}}
	w.stream(record("bad", "ver_1", start), record("acme", "ver_2", start))
	items, _, _ := w.objects.List(context.Background(), webhook.Page{Limit: 10})
	if d := w.only(); d.State != webhook.Delivered || len(items) != 1 || items[0].Reason != internalError {
		t.Errorf("%s, parked %+v", d.State, items)
	}
}

func TestTransientFaultOfOneWebhookWinsOverALastingOneOfAnother(t *testing.T) {
	lasting, passing := webhook.Errorf(webhook.Corrupt, "x"), webhook.Errorf(webhook.Unavailable, "y")
	for _, errs := range [][]error{{lasting, passing, nil}, {passing, lasting}, {errPanic, passing}} {
		if err := worst(errs); webhook.CodeOf(err) != webhook.Unavailable {
			t.Errorf("%v: the record would be parked though it can succeed", err)
		}
	}
	if worst([]error{nil, lasting}) == nil || worst([]error{nil, nil}) != nil {
		t.Error("worst")
	}
}

func TestDiscardReachesEverythingHeldForLong(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", func(h *webhook.Webhook) { h.Deactivate(start, webhook.ReasonPartner, "") })
	for range 2*walkPage + 30 {
		w.stream(record("acme", "old", start))
	}
	w.rest(5 * time.Minute) // the sweeper has looked at them and will not until their hold time ends
	w.edit(h, func(s *webhook.Webhook) { s.Activate(w.clock()); s.DiscardBelow = s.Generation })
	w.edit(h, func(s *webhook.Webhook) { s.Deactivate(w.clock(), webhook.ReasonPartner, "") })
	for range walkPage + 1 { // held since, of an earlier record: they stand before the others
		w.stream(record("acme", "new", start.Add(-time.Minute)))
	}
	w.send(webhook.Message{Kind: webhook.DiscardMessage}, h)
	w.rest(time.Second)
	want := map[string]webhook.State{"old": webhook.Cancelled, "new": webhook.Held}
	for _, d := range w.store.AllDeliveries() {
		if d.State != want[d.Event.VerificationID] {
			t.Fatalf("%s is %s", d.Event.VerificationID, d.State)
		}
	}
}

func TestDiscardReachesAWaitingRetry(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	w.answer = failFirst(1)
	w.stream(record("acme", "ver_1", start))
	w.edit(h, func(s *webhook.Webhook) {
		s.Deactivate(w.clock(), webhook.ReasonPartner, "")
		s.Activate(w.clock())
		s.DiscardBelow = s.Generation
	})
	w.rest(time.Minute)
	if d := w.only(); d.State != webhook.Cancelled || len(w.posts) != 1 {
		t.Errorf("%s after %d posts", d.State, len(w.posts))
	}
}

func TestSweeperReachesTheOverdueBehindABacklogOfHeld(t *testing.T) {
	w := newWorld(t)
	w.hook("quiet", func(h *webhook.Webhook) { h.Deactivate(start, webhook.ReasonPartner, "") })
	w.hook("acme", nil)
	for range 3 * sweepPage {
		w.stream(record("quiet", "held", start))
	}
	w.answer = failFirst(1)
	w.stream(record("acme", "lost", start))
	w.queue.Take()
	w.advance(2 * time.Minute)
	if out, err := w.Sweep(context.Background()); err != nil || out.Requeued != 1 {
		t.Errorf("one run: %+v, %v", out, err)
	}
}

func TestClaimThatTookLongToStoreSendsNothing(t *testing.T) {
	for _, slow := range []time.Duration{2 * time.Second, 26 * time.Second} {
		w := newWorld(t)
		w.hook("acme", nil)
		commits := 0
		w.Store = storeWith{Store: w.store, commit: func(ctx context.Context, c webhook.Change) error {
			err := w.store.Commit(ctx, c)
			if commits++; commits == 1 {
				w.advance(slow)
			}
			return err
		}}
		w.stream(record("acme", "ver_1", start))
		if sent := len(w.posts) == 1; sent != (slow <= webhook.Lease-MaxSend-spare) {
			t.Errorf("claim stored after %v: sent %v", slow, sent)
		}
		w.rest(time.Minute)
		if d := w.only(); d.State != webhook.Delivered || len(w.posts) != 1 || len(d.Log) != 1 {
			t.Errorf("%d posts, %+v", len(w.posts), d)
		}
	}
}

func TestWhatIsLateIsLeftToTheQueue(t *testing.T) {
	for _, late := range []time.Duration{startWithin, startWithin + time.Second} {
		w := newWorld(t)
		h := w.hook("acme", nil)
		w.Store = storeWith{Store: w.store, partnerWebhooks: func(ctx context.Context, id string) (webhook.Partner, []webhook.Webhook, error) {
			p, ws, err := w.store.PartnerWebhooks(ctx, id)
			w.edit(h, func(s *webhook.Webhook) { s.URL, s.Generation = "https://new.example.com/", s.Generation+1 })
			w.advance(late)
			return p, ws, err
		}}
		w.stream(record("acme", "ver_1", start))
		if sent := len(w.posts) == 1; sent != (late <= startWithin) {
			t.Errorf("%v late: %d posts from the stream", late, len(w.posts))
		}
		w.rest(time.Minute)
		if fresh := w.posts[0].req.URL == "https://new.example.com/"; len(w.posts) != 1 || fresh != (late > startWithin) {
			t.Errorf("%v late: %d posts, the first to %s", late, len(w.posts), w.posts[0].req.URL)
		}
	}
}

func TestFaultThatPassesDelaysAMessageBySeconds(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	w.answer = failFirst(1)
	w.stream(record("acme", "ver_1", start))
	w.queue.Take()
	w.advance(2 * time.Second)
	w.store.Fail = func(string) error { return webhook.Errorf(webhook.Unavailable, "throttled") }
	if err := w.receiveNow(w.only()); err != nil {
		t.Fatal(err)
	}
	w.store.Fail = nil
	if ms := w.queue.Take(); len(ms) != 1 || ms[0].Delay != faultDelay || ms[0].Kind != webhook.AttemptMessage {
		t.Errorf("%+v", ms)
	}
}
