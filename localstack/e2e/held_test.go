package e2e

import (
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/dynamo"
)

func TestHeldEventsAreDiscarded(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, e, h := hooked(t, w, always(200))
	p.call("POST", "/v1/webhooks/"+h.ID+"/deactivate", nil, nil)
	first, second, third := newID("held-a"), newID("held-b"), newID("after")
	p.write(first, "VERIFIED")
	p.write(second, "FAILED")
	p.awaitDelivery(h.ID, first, "held", 10*time.Second)
	p.awaitDelivery(h.ID, second, "held", 10*time.Second)
	if off := p.getWebhook(h.ID); off.Active || off.HeldCount != 2 || off.Deactivation == nil || off.Deactivation.Reason != "partner" {
		t.Errorf("the webhook is %+v, want it switched off by the partner with 2 held", off)
	}
	p.call("POST", "/v1/webhooks/"+h.ID+"/activate", map[string]any{"held": "discard"}, nil)
	p.awaitDelivery(h.ID, first, "cancelled", 15*time.Second)
	p.awaitDelivery(h.ID, second, "cancelled", 15*time.Second)
	p.write(third, "VERIFIED")
	p.awaitDelivery(h.ID, third, "delivered", 10*time.Second)
	if e.count() != 1 || p.getWebhook(h.ID).HeldCount != 0 {
		t.Errorf("the endpoint saw %d requests, %d are held; want 1 and 0", e.count(), p.getWebhook(h.ID).HeldCount)
	}
}

// A retry that waits while its webhook is switched off is held, not sent.
func TestWaitingRetryIsHeld(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, e, h := hooked(t, w, always(500))
	id := newID("waiting")
	p.write(id, "VERIFIED")
	await(t, "three attempts", 15*time.Second, func() bool { return e.count() == 3 })
	p.call("PATCH", "/v1/webhooks/"+h.ID, map[string]any{"active": false}, nil)
	d := p.awaitDelivery(h.ID, id, "held", 15*time.Second)
	if e.count() != 3 || d.Attempts != 3 {
		t.Errorf("the endpoint saw %d requests, the delivery has %d attempts; want 3", e.count(), d.Attempts)
	}
}

// A webhook that was never active holds nothing.
func TestNeverActiveHoldsNothing(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, e, active := hooked(t, w, always(200))
	never := p.webhook(e.url, map[string]any{"active": false})
	id := newID("never")
	p.write(id, "VERIFIED")
	p.awaitDelivery(active.ID, id, "delivered", 10*time.Second)
	var page struct{ Items []deliveryView }
	p.call("GET", "/v1/webhooks/"+never.ID+"/deliveries", nil, &page)
	if len(page.Items) != 0 || e.count() != 1 {
		t.Errorf("it has %d deliveries and the endpoint saw %d requests; want 0 and 1", len(page.Items), e.count())
	}
}

func TestSuspendedPartner(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, e, h := hooked(t, w, always(200))
	suspend := func(on bool) {
		must(t, w.admin.Call(t.Context(), "PATCH", "/admin/partners/"+p.id, map[string]any{"suspended": on}, nil))
	}
	suspend(true)
	// A revoked or suspended credential stops within 30 s.
	await(t, "the API refuses the partner", 35*time.Second, func() bool {
		a, err := p.api.Do(t.Context(), "GET", "/v1/webhooks", nil)
		return err == nil && a.Status == 403
	})
	during, after := newID("suspended"), newID("back")
	p.write(during, "VERIFIED")
	// The API shows the partner nothing now, so the store is asked: the event counts as one of the time of suspension
	// only once it is held.
	store := dynamo.New(w.db, dynamo.Options{ServiceTable: w.outputs["ServiceTable"], DeliveriesTable: w.outputs["DeliveriesTable"]})
	await(t, "the event is held", 15*time.Second, func() bool {
		n, err := store.HeldCount(t.Context(), p.id, h.ID, 2)
		return err == nil && n == 1
	})
	suspend(false)
	p.write(after, "VERIFIED")
	await(t, "the API takes the partner again", 35*time.Second, func() bool {
		a, err := p.api.Do(t.Context(), "GET", "/v1/webhooks", nil)
		return err == nil && a.Status == 200
	})
	p.awaitDelivery(h.ID, after, "delivered", 15*time.Second)
	// What was held meanwhile is brought when the suspension ends.
	p.awaitDelivery(h.ID, during, "delivered", 30*time.Second)
	if e.about(during) != 1 {
		t.Errorf("the held event was sent %d times", e.about(during))
	}
}

func TestDeletedWebhook(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, gone, h := hooked(t, w, always(500))
	stays := newEndpoint(t, w, always(200))
	other := p.webhook(stays.url, nil)
	stays.expect(other.Secret)
	first, second := newID("deleted"), newID("later")
	p.write(first, "VERIFIED")
	await(t, "two attempts", 15*time.Second, func() bool { return gone.count() == 2 })
	p.call("DELETE", "/v1/webhooks/"+h.ID, nil, nil)
	if a, err := p.api.Do(t.Context(), "GET", "/v1/webhooks/"+h.ID, nil); err != nil || a.Status != 404 {
		t.Errorf("the deleted webhook answers %d, %v", a.Status, err)
	}
	before := gone.count()
	p.write(second, "VERIFIED")
	p.awaitDelivery(other.ID, second, "delivered", 10*time.Second)
	if gone.count() != before {
		t.Errorf("the deleted webhook's endpoint saw %d more requests", gone.count()-before)
	}
}
