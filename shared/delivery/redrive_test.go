package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// lost stores a batch as Lambda's on-failure destination does, and returns its id.
func (w *world) lost(id string, event []byte) string {
	w.t.Helper()
	p := webhook.Parked{ID: id, Reason: webhook.ReasonLeftStream, ParkedAt: w.clock(), Record: event}
	if err := w.objects.Park(context.Background(), p); err != nil {
		w.t.Fatal(err)
	}
	return id
}

func eventOf(records ...[]byte) []byte {
	return []byte(`{"Records":[` + string(bytes.Join(records, []byte(","))) + `]}`)
}

func (w *world) redriveAll(ids ...string) {
	w.t.Helper()
	for _, id := range ids {
		if err := w.queue.Send(context.Background(), webhook.Message{Kind: webhook.RedriveMessage, ParkedID: id}); err != nil {
			w.t.Fatal(err)
		}
	}
	w.rest(time.Hour)
}

func (w *world) parkedIDs() (ids []string) {
	w.t.Helper()
	items, _, err := w.objects.List(context.Background(), webhook.Page{Limit: 100})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, p := range items {
		ids = append(ids, p.ID)
	}
	return ids
}

// TestLostBatchIsRedriven: every record of a batch that left the stream a day ago is handled as if the stream had brought
// it, bad ones are parked by themselves, and redriving again does nothing.
func TestLostBatchIsRedriven(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	lostAt := w.clock()
	bad := record("acme", "ver_bad", lostAt)
	bad = bytes.ReplaceAll(bad, []byte(`"sessionId":{"N":"123"}`), []byte(`"sessionId":{"S":"123"}`))
	event := eventOf(record("acme", "ver_1", lostAt), bad, record("nobody", "ver_2", lostAt), record("acme", "ver_3", lostAt),
		recordOf("acme", "ver_4", lostAt, "IN_PROGRESS", "MANUAL_REVIEW"))
	w.advance(25 * time.Hour)
	id := w.lost("lost_1", event)
	w.redriveAll(id, id)
	if n := len(w.store.AllDeliveries()); n != 2 || w.of("ver_1").State != webhook.Delivered || w.of("ver_3").State != webhook.Delivered {
		t.Errorf("%d deliveries", n)
	}
	ids := w.parkedIDs()
	if slices.Contains(ids, id) || len(ids) != 2 {
		t.Fatalf("parked: %v, want the two bad records and not the batch", ids)
	}
	// The same batch once more, as if its removal had been lost: nothing is sent again.
	w.redriveAll(w.lost(id, event))
	if len(w.posts) != 2 || !slices.Equal(w.parkedIDs(), ids) {
		t.Errorf("%d requests, parked %v", len(w.posts), w.parkedIDs())
	}
	if got := header(w.posts[0].req, "webhook-id"); got != w.of("ver_1").ID && got != w.of("ver_3").ID || w.stored(h).ID == "" {
		t.Errorf("webhook-id %s", got)
	}
}

// TestRedriveWaitsForAWebhook: the record of a partner that was made later is not handled before anybody can get it.
func TestRedriveWaitsForAWebhook(t *testing.T) {
	w := newWorld(t)
	w.stream(record("late", "ver_1", w.clock()))
	id := w.parkedIDs()
	w.redriveAll(id...)
	if !slices.Equal(w.parkedIDs(), id) {
		t.Fatalf("without a partner %v is parked, want %v", w.parkedIDs(), id)
	}
	w.partner("late")
	log := w.written()
	w.redriveAll(id...)
	if !slices.Equal(w.parkedIDs(), id) || len(log.of("record.stays_parked")) != 1 {
		t.Fatalf("without a webhook %v is parked, want %v", w.parkedIDs(), id)
	}
	w.store.Fail = func(op string) error {
		if op != "PartnerWebhooks" {
			return nil
		}
		w.store.Fail = nil
		return webhook.Errorf(webhook.Unavailable, "the table did not answer")
	}
	w.hook("late", func(h *webhook.Webhook) { h.CreatedAt = w.clock() })
	w.redriveAll(id...)
	if d := w.only(); d.State != webhook.Delivered || len(w.parkedIDs()) != 0 {
		t.Errorf("%s, parked: %v", d.State, w.parkedIDs())
	}
}

// TestLostBatchStaysUntilAllIsStored: a fault at any call leaves the batch where it is, and the rest follows from the
// next try.
func TestLostBatchStaysUntilAllIsStored(t *testing.T) {
	for fault := 1; ; fault++ {
		w := newWorld(t)
		w.hook("acme", nil)
		event := eventOf(record("acme", "ver_1", w.clock()), record("acme", "ver_2", w.clock()), record("nobody", "ver_3", w.clock()))
		w.advance(time.Minute)
		id := w.lost("lost_1", event)
		calls := 0
		fail := func(string) error {
			if calls++; calls == fault {
				return webhook.Errorf(webhook.Unavailable, "call %d failed", fault)
			}
			return nil
		}
		w.objects.Fail = fail
		w.queue.Fail = func() error { return fail("queue") }
		errs := w.Receive(context.Background(), []webhook.Message{{Kind: webhook.RedriveMessage, ParkedID: id}})
		w.objects.Fail, w.queue.Fail = nil, nil
		if calls < fault {
			return // every call has failed once
		}
		if !slices.Contains(w.parkedIDs(), id) {
			t.Errorf("call %d failed and the batch is gone: %v", fault, errs)
		}
		if waiting, err := w.queue.Waiting(context.Background()); err != nil || errs[0] == nil && waiting == 0 {
			t.Errorf("call %d failed and nothing asks for the batch any more", fault)
		}
		w.redriveAll(id)
		if len(w.posts) != 2 || len(w.parkedIDs()) != 1 {
			t.Errorf("call %d failed: %d requests, parked %v", fault, len(w.posts), w.parkedIDs())
		}
		if fault > 100 {
			t.Fatal("it does not end")
		}
	}
}

// TestUnreadableLostBatchStays: nobody can redrive it, and it blocks nothing.
func TestUnreadableLostBatchStays(t *testing.T) {
	for i, content := range []string{"", "x", "{}", `{"Records":[]}`} {
		w := newWorld(t)
		id := w.lost(fmt.Sprint("lost_", i), []byte(content))
		errs := w.Receive(context.Background(), []webhook.Message{{Kind: webhook.RedriveMessage, ParkedID: id}})
		if errs[0] != nil || !slices.Equal(w.parkedIDs(), []string{id}) {
			t.Errorf("%q: %v, parked %v", content, errs[0], w.parkedIDs())
		}
	}
}

// TestParkedRecordKeepsItsBytes: 400 KB of any characters survive parking and redriving, and what an operator needs is
// known without reading them.
func TestParkedRecordKeepsItsBytes(t *testing.T) {
	w := newWorld(t)
	raw := record("late", "ver_big", w.clock())
	hostile := `"metadata":{"M":{"text":{"S":"\u0000 \ud800 x \udfff \ud83d\ude00 <é>\/ ` + strings.Repeat("ÿ", 200_000) + `"}}}`
	raw = bytes.Replace(raw, []byte(`"NewImage":{`), []byte(`"NewImage":{`+hostile+`,`), 1)
	if !json.Valid(raw) {
		t.Fatal("the test's record is not JSON")
	}
	w.stream(raw)
	items, _, err := w.objects.List(context.Background(), webhook.Page{Limit: 10})
	if err != nil || len(items) != 1 || items[0].PartnerID != "late" || items[0].VerificationID != "ver_big" {
		t.Fatalf("%v, %+v", err, items)
	}
	p, err := w.objects.Parked(context.Background(), items[0].ID)
	if err != nil || !bytes.Equal(p.Record, raw) || p.Reason != unknownPartner {
		t.Fatalf("%v, %s, %d bytes, want %d", err, p.Reason, len(p.Record), len(raw))
	}
	w.hook("late", func(h *webhook.Webhook) { h.PayloadTemplate = `{"id":"{{ data.verificationId }}"}` })
	w.redriveAll(items[0].ID)
	if d := w.only(); d.State != webhook.Delivered || len(w.parkedIDs()) != 0 {
		t.Errorf("%s, parked %v", d.State, w.parkedIDs())
	}
	// With the default body it would be too large: its record is kept, with the same bytes.
	big := w.hook("late", nil)
	w.redriveAll(w.parkAgain(p))
	i := slices.IndexFunc(w.store.AllDeliveries(), func(d webhook.Delivery) bool { return d.WebhookID == big.ID })
	if i < 0 {
		t.Fatal("the second webhook got nothing")
	}
	d := w.store.AllDeliveries()[i]
	kept, err := w.objects.KeptRecord(context.Background(), d.Ref())
	if d.State != webhook.Undeliverable || err != nil || !bytes.Equal(kept, raw) {
		t.Errorf("%s, %v, %d bytes kept", d.State, err, len(kept))
	}
}

func (w *world) parkAgain(p webhook.Parked) string {
	w.t.Helper()
	if err := w.objects.Park(context.Background(), p); err != nil {
		w.t.Fatal(err)
	}
	return p.ID
}
