package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// imageOf is a verification record as it stands in the table.
func imageOf(partnerID, verificationID, status string) []byte {
	return fmt.Appendf(nil, `{"verificationId":{"S":%q},"partnerId":{"S":%q},"status":{"S":%q},"sessionId":{"N":"123"},"other":{"B":"AA=="}}`,
		verificationID, partnerID, status)
}

// reconciler is the world's engine with nothing but what reconciling may need.
func (w *world) reconciler() *Engine {
	return &Engine{Store: w.Store, Queue: w.Queue, Objects: w.Objects, IDs: w.IDs, Now: w.Now, HoldTime: w.HoldTime, Log: w.Log}
}

func (w *world) reconcile(image []byte, o Reconciliation) []Missing {
	w.t.Helper()
	ds, err := w.reconciler().Reconcile(context.Background(), image, o)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, d := range ds {
		if d.Created != o.Apply {
			w.t.Errorf("created: %v, %+v", d.Created, d)
		}
	}
	return ds
}

// TestReconcileCreatesExactlyWhatIsMissing: of many records some never came by the stream. A dry run names them and
// changes nothing; applied, each is delivered once, and doing it again does nothing.
func TestReconcileCreatesExactlyWhatIsMissing(t *testing.T) {
	w := newWorld(t)
	one, two := w.hook("acme", nil), w.hook("acme", nil)
	var images [][]byte
	for i := range 20 {
		id := fmt.Sprint("ver_", i)
		images = append(images, imageOf("acme", id, "VERIFIED"))
		if i%3 != 0 {
			w.stream(record("acme", id, w.clock()))
		}
	}
	w.rest(time.Minute)
	w.advance(48 * time.Hour)
	at := start.Add(time.Hour)
	count := func(apply bool) (n int) {
		for _, image := range images {
			n += len(w.reconcile(image, Reconciliation{At: at, Known: true, Apply: apply}))
		}
		return n
	}
	before := w.store.AllDeliveries()
	if n := count(false); n != 14 || len(w.store.AllDeliveries()) != len(before) {
		t.Fatalf("a dry run found %d and changed %d to %d deliveries", n, len(before), len(w.store.AllDeliveries()))
	}
	if waiting, _ := w.queue.Waiting(context.Background()); waiting != 0 {
		t.Fatalf("a dry run queued %d messages", waiting)
	}
	posts := len(w.posts)
	if n := count(true); n != 14 || len(w.posts) != posts {
		t.Fatalf("created %d, sent %d itself", n, len(w.posts)-posts)
	}
	if n := count(true); n != 0 {
		t.Errorf("the second time it created %d", n)
	}
	w.rest(time.Hour)
	perHook := map[string]int{}
	for _, d := range w.store.AllDeliveries() {
		perHook[d.WebhookID]++
		if d.State != webhook.Delivered {
			t.Errorf("%s is %s", d.Event.VerificationID, d.State)
		}
	}
	if perHook[one.ID] != 20 || perHook[two.ID] != 20 || len(w.posts) != 40 {
		t.Errorf("deliveries %v, %d requests; want 20 each", perHook, len(w.posts))
	}
}

// TestReconcileCreatesWhatTheStreamWould: the body of a created delivery is the one that the stream's record makes.
func TestReconcileCreatesWhatTheStreamWould(t *testing.T) {
	for status, want := range map[string]webhook.EventType{
		"VERIFIED": webhook.Completed, "FAILED": webhook.FailedType, "EXPIRED": webhook.ExpiredType,
		"PENDING": "", "IN_PROGRESS": "", "MANUAL_REVIEW": "",
	} {
		w := newWorld(t)
		h := w.hook("acme", nil)
		got := w.reconcile(imageOf("acme", "ver_1", status), Reconciliation{At: start.Add(-time.Minute), Apply: true})
		if want == "" {
			if len(got) != 0 {
				t.Errorf("%s: created %+v", status, got)
			}
			continue
		}
		d := w.only()
		stream := newWorld(t)
		stream.hook("acme", nil)
		stream.stream(recordOf("acme", "ver_1", start, "IN_PROGRESS", status))
		if d.Event.Type != want || !bytes.Equal(d.Body, stream.only().Body) || !d.Event.OccurredAt.Equal(start.Add(-time.Minute)) {
			t.Errorf("%s: %s at %s, body %s", status, d.Event.Type, d.Event.OccurredAt, d.Body)
		}
		if d.State != webhook.StatePending || d.WebhookID != h.ID || got[0].ID != d.ID {
			t.Errorf("%s: %+v", status, d)
		}
	}
}

// TestReconcileFindsWhatIsThere: whatever event could be that of the record's status counts, and no other does.
func TestReconcileFindsWhatIsThere(t *testing.T) {
	for _, tt := range []struct {
		old, was, is string
		missing      int
	}{
		{"IN_PROGRESS", "VERIFIED", "VERIFIED", 0},
		{"MANUAL_REVIEW", "VERIFIED", "VERIFIED", 0},
		{"MANUAL_REVIEW", "FAILED", "FAILED", 0},
		{"IN_PROGRESS", "EXPIRED", "EXPIRED", 0},
		{"IN_PROGRESS", "VERIFIED", "FAILED", 1},
		{"IN_PROGRESS", "FAILED", "VERIFIED", 1},
		{"IN_PROGRESS", "FAILED", "EXPIRED", 1},
		{"MANUAL_REVIEW", "VERIFIED", "EXPIRED", 1},
		// Which status a manual review ended with is not stored with its delivery.
		{"MANUAL_REVIEW", "FAILED", "VERIFIED", 0},
	} {
		w := newWorld(t)
		w.hook("acme", nil)
		w.stream(recordOf("acme", "ver_1", w.clock(), tt.old, tt.was), record("acme", "ver_2", w.clock()))
		if got := w.reconcile(imageOf("acme", "ver_1", tt.is), Reconciliation{At: start, Apply: true}); len(got) != tt.missing {
			t.Errorf("%+v: created %d", tt, len(got))
		}
		w.rest(time.Hour)
		if got := w.reconcile(imageOf("acme", "ver_1", tt.is), Reconciliation{At: start.Add(time.Hour), Apply: true}); len(got) != 0 {
			t.Errorf("%+v: created %d at another time", tt, len(got))
		}
	}
}

// TestReconcileAsksTheWebhook: who gets what is missing, and in which state.
func TestReconcileAsksTheWebhook(t *testing.T) {
	at := start.Add(-10 * time.Minute)
	off := func(h *webhook.Webhook) { h.Active = false }
	for _, tt := range []struct {
		name    string
		edit    func(*webhook.Webhook)
		suspend bool
		known   bool
		want    webhook.State // empty: nothing is created
	}{
		{"active", nil, false, true, webhook.StatePending},
		{"inactive", off, false, true, webhook.Held},
		{"never active", func(h *webhook.Webhook) { h.Active, h.EverActive = false, false }, false, true, ""},
		{"suspended partner", nil, true, true, webhook.Held},
		{"subscribed", func(h *webhook.Webhook) { h.EventTypes = []webhook.EventType{webhook.Completed} }, false, true, webhook.StatePending},
		{"subscribed to others", func(h *webhook.Webhook) {
			h.EventTypes = []webhook.EventType{webhook.FailedType, webhook.ManualReviewCompleted}
		}, false, true, ""},
		{"subscribed to others at no known time", func(h *webhook.Webhook) {
			h.EventTypes = []webhook.EventType{webhook.FailedType}
		}, false, false, ""},
		{"created later", func(h *webhook.Webhook) { h.CreatedAt = at.Add(creationGrace + time.Minute) }, false, true, ""},
		{"created later than nobody knows", func(h *webhook.Webhook) { h.CreatedAt = at.Add(time.Minute) }, false, false, webhook.StatePending},
		{"created in the same second", func(h *webhook.Webhook) { h.CreatedAt = at.Add(creationGrace) }, false, true, webhook.StatePending},
		{"template", func(h *webhook.Webhook) { h.PayloadTemplate = `{"id":"{{ data.verificationId }}"}` }, false, true, webhook.StatePending},
		{"template fails", func(h *webhook.Webhook) { h.PayloadTemplate = `{"x":"{{ no_such_function(data) }}"}` }, false, true, webhook.Undeliverable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			h := w.hook("acme", tt.edit)
			if tt.suspend {
				p, err := w.store.Partner(context.Background(), "acme")
				if err != nil {
					t.Fatal(err)
				}
				p.Suspended = true
				w.commit(webhook.Change{Partner: &p})
			}
			var states []webhook.State
			for _, apply := range []bool{false, true} {
				for _, d := range w.reconcile(imageOf("acme", "ver_1", "VERIFIED"), Reconciliation{At: at, Known: tt.known, Apply: apply}) {
					states = append(states, d.State)
				}
			}
			if tt.want == "" {
				if len(states) != 0 || len(w.store.AllDeliveries()) != 0 {
					t.Errorf("created %v", states)
				}
				return
			}
			d := w.only()
			if !slices.Equal(states, []webhook.State{tt.want, tt.want}) || d.State != tt.want || d.Generation != h.Generation && tt.want != webhook.Undeliverable {
				t.Errorf("announced and created %v, stored %+v", states, d)
			}
			if tt.want == webhook.Undeliverable {
				w.checkKept(t, d)
			}
		})
	}
}

// checkKept: the record that is kept of an undeliverable delivery makes the same event again.
func (w *world) checkKept(t *testing.T, d webhook.Delivery) {
	t.Helper()
	kept, _ := w.objects.KeptRecord(context.Background(), d.Ref())
	r, ok, err := payload.Decode(kept)
	if err != nil || !ok || r.Event != d.Event || d.Reason == "" {
		t.Errorf("kept %s: %v, %+v, want %+v; reason %q", kept, err, r.Event, d.Event, d.Reason)
	}
}

// TestReconcileRefusesWhatMakesNoEvent as the stream's records are parked for it.
func TestReconcileRefusesWhatMakesNoEvent(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	for image, reason := range map[string]string{
		`x`:  payload.MalformedRecord,
		`{}`: payload.UnknownStatus,
		string(imageOf("nobody", "ver_1", "VERIFIED")): unknownPartner,
		string(imageOf("acme", "", "VERIFIED")):        payload.MalformedRecord,
		string(imageOf("a b", "ver_1", "VERIFIED")):    payload.InvalidPartner,
		string(imageOf("acme", "ver_1", "DONE")):       payload.UnknownStatus,
	} {
		_, err := w.reconciler().Reconcile(context.Background(), []byte(image), Reconciliation{At: start, Apply: true})
		var u *payload.Unusable
		if !errors.As(err, &u) || u.Reason != reason {
			t.Errorf("%s: %v, want %s", image, err, reason)
		}
	}
	if len(w.store.AllDeliveries()) != 0 || len(w.parkedIDs()) != 0 {
		t.Error("something was stored")
	}
}

// blind is a store whose index shows nothing yet of what was written.
type blind struct{ Store }

func (blind) Deliveries(context.Context, webhook.DeliveryQuery) ([]webhook.Delivery, []byte, error) {
	return nil, nil, nil
}

// TestReconcileTwiceAtOnce: of runs of which none sees what the others write one creates a delivery, whatever time each takes
// for the record's.
func TestReconcileTwiceAtOnce(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	w.hook("acme", func(h *webhook.Webhook) { h.Active = false })
	w.hook("acme", func(h *webhook.Webhook) { h.PayloadTemplate = `{"x":"{{ no_such_function(data) }}"}` })
	w.Store = blind{w.store}
	for i, want := range []int{3, 0, 0, 0} {
		at := start.Add(time.Duration(i%3) * time.Hour)
		if got := w.reconcile(imageOf("acme", "ver_1", "VERIFIED"), Reconciliation{At: at, Apply: true}); len(got) != want {
			t.Errorf("run %d created %d, want %d", i, len(got), want)
		}
		if got := w.reconcile(imageOf("acme", "ver_1", "VERIFIED"), Reconciliation{At: at}); len(got) != 0 {
			t.Errorf("a dry run after run %d misses %d", i, len(got))
		}
		w.advance(10 * time.Minute)
	}
	if n := len(w.store.AllDeliveries()); n != 3 {
		t.Errorf("%d deliveries, want 3", n)
	}
	// Another status of the same verification is another event, and another verification too.
	w.reconcile(imageOf("acme", "ver_1", "FAILED"), Reconciliation{At: start, Apply: true})
	w.reconcile(imageOf("acme", "ver_2", "VERIFIED"), Reconciliation{At: start, Apply: true})
	if n := len(w.store.AllDeliveries()); n != 9 {
		t.Errorf("%d deliveries, want 9", n)
	}
	w.rest(time.Hour)
	if len(w.posts) != 3 {
		t.Errorf("%d requests, want 3", len(w.posts))
	}
	// What is gone by then may be created again: the mark is for the time in which the index may be behind.
	if got := w.reconcile(imageOf("acme", "ver_1", "VERIFIED"), Reconciliation{At: start.Add(time.Hour)}); len(got) != 3 {
		t.Errorf("after an hour %d are missing, want 3", len(got))
	}
	// With the same time it has the same id, and is found by that.
	if got := w.reconcile(imageOf("acme", "ver_1", "VERIFIED"), Reconciliation{At: start, Apply: true}); len(got) != 0 || len(w.store.AllDeliveries()) != 9 {
		t.Errorf("after an hour %d were created, want none", len(got))
	}
}

// TestReconcileOfWhatWasRemoved: what was created just now and is gone, as a runbook has it removed, is missing again.
func TestReconcileOfWhatWasRemoved(t *testing.T) {
	image := imageOf("acme", "ver_1", "VERIFIED")
	for _, later := range []time.Duration{0, time.Hour} {
		w := newWorld(t)
		w.hook("acme", nil)
		w.reconcile(image, Reconciliation{At: start, Apply: true})
		d := w.only()
		w.commit(webhook.Change{RemoveDelivery: &d})
		o := Reconciliation{At: start.Add(later)}
		if got := w.reconcile(image, o); len(got) != 1 {
			t.Errorf("%d are missing, want 1", len(got))
		}
		o.Apply = true
		if got := w.reconcile(image, o); len(got) != 1 {
			t.Errorf("%d were created, want 1", len(got))
		}
		w.rest(time.Hour)
		if d := w.only(); d.State != webhook.Delivered || len(w.posts) != 1 {
			t.Errorf("%s after %d requests", d.State, len(w.posts))
		}
	}
}

// TestReconcileMeetsAnother: a run whose creation comes between another's look and its creation.
func TestReconcileMeetsAnother(t *testing.T) {
	image := imageOf("acme", "ver_1", "VERIFIED")
	for name, template := range map[string]string{"a body": "", "no body": `{"x":"{{ no_such_function(data) }}"}`} {
		for _, later := range []time.Duration{0, time.Hour} {
			w := newWorld(t)
			w.hook("acme", func(h *webhook.Webhook) { h.PayloadTemplate = template })
			w.store.Fail = func(op string) error {
				if op == "Commit" {
					w.store.Fail = nil
					if got := w.reconcile(image, Reconciliation{At: start.Add(later), Apply: true}); len(got) != 1 {
						t.Errorf("%s: the other created %d", name, len(got))
					}
				}
				return nil
			}
			if got := w.reconcile(image, Reconciliation{At: start, Apply: true}); len(got) != 0 {
				t.Errorf("%s: created %d as well, %v later", name, len(got), later)
			}
			w.only()
		}
	}
}

// TestReconcileConflictWithNothing: a write that is refused for another's that did not become real is no delivery that is there.
func TestReconcileConflictWithNothing(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	w.store.Fail = func(op string) error {
		if op == "Commit" {
			return webhook.Errorf(webhook.Conflict, "changed by somebody else")
		}
		return nil
	}
	image, o := imageOf("acme", "ver_1", "VERIFIED"), Reconciliation{At: start, Apply: true}
	if got, err := w.reconciler().Reconcile(context.Background(), image, o); webhook.CodeOf(err) != webhook.Unavailable || len(got) != 1 || got[0].Created {
		t.Errorf("%+v, %v", got, err)
	}
	w.store.Fail = nil
	if got := w.reconcile(image, o); len(got) != 1 {
		t.Errorf("the second time it created %d", len(got))
	}
	w.only()
}

// TestReconcileAfterEveryFault: whatever call fails, before or after it took effect, the same command again leaves each
// missing delivery created once and sent once.
func TestReconcileAfterEveryFault(t *testing.T) {
	image := imageOf("acme", "ver_1", "VERIFIED")
	o := Reconciliation{At: start.Add(-time.Minute), Known: true, Apply: true}
	for _, after := range []bool{false, true} {
		for fault := 1; ; fault++ {
			w := newWorld(t)
			w.hook("acme", nil)
			w.hook("acme", func(h *webhook.Webhook) { h.Active = false })
			w.hook("acme", func(h *webhook.Webhook) { h.PayloadTemplate = `{"x":"{{ no_such_function(data) }}"}` })
			calls := 0
			fail := func(string) error {
				if calls++; calls == fault {
					return webhook.Errorf(webhook.Unavailable, "call %d failed", fault)
				}
				return nil
			}
			if after {
				w.store.FailAfter = fail
			} else {
				w.store.Fail, w.objects.Fail = fail, fail
				w.queue.Fail = func() error { return fail("Send") }
			}
			_, err := w.reconciler().Reconcile(context.Background(), image, o)
			w.store.Fail, w.store.FailAfter, w.objects.Fail, w.queue.Fail = nil, nil, nil, nil
			if calls < fault {
				if err != nil || fault < 5 {
					t.Fatalf("%v after %d calls", err, calls)
				}
				break
			}
			w.reconcile(image, o)
			w.rest(time.Hour)
			states := map[webhook.State]int{}
			for _, d := range w.store.AllDeliveries() {
				states[d.State]++
			}
			if len(w.store.AllDeliveries()) != 3 || states[webhook.Delivered] != 1 || states[webhook.Held] != 1 || states[webhook.Undeliverable] != 1 || len(w.posts) != 1 {
				t.Errorf("call %d failed (after: %v) with %v: %v, %d requests", fault, after, err, states, len(w.posts))
			}
		}
	}
}

// TestReconciledIDsAreSpread: many deliveries of one time must not share what their ids are made of, or two of them
// would be one.
func TestReconciledIDsAreSpread(t *testing.T) {
	seen := map[string]bool{}
	const n = 1000
	for i := range n {
		raw, err := payload.Inserted(imageOf("acme", fmt.Sprint("ver_", i), "VERIFIED"), start)
		if err != nil {
			t.Fatal(err)
		}
		r, ok, err := payload.Decode(raw)
		if err != nil || !ok {
			t.Fatal(err)
		}
		id := webhook.DeliveryID(r.Event, "whk_1")
		// Ten characters of time, then 16 of which the first eight come from the sequence number.
		seen[id[14:22]], seen[id[22:]] = true, true
		var again map[string]any
		if err := json.Unmarshal(raw, &again); err != nil || !r.Event.OccurredAt.Equal(start) {
			t.Fatalf("%v: %s", err, r.Event.OccurredAt)
		}
	}
	if len(seen) < 2*n-2 {
		t.Errorf("%d different halves of %d ids", len(seen), n)
	}
}
