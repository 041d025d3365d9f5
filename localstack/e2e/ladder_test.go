package e2e

import (
	"testing"
	"time"
)

// The waits between attempts that partners were promised, and how late the emulator may be: its queue ticks each second.
var ladder = []time.Duration{1 * time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second} //nolint:gochecknoglobals // a table

const lateness = 2 * time.Second

// checkLadder holds the gaps between an endpoint's requests to the ladder. The endpoint answers at once, so an attempt
// ends when it begins.
func checkLadder(t *testing.T, e *endpoint) {
	t.Helper()
	requests := e.arrived()
	for i := 1; i < len(requests) && i <= len(ladder); i++ {
		gap := requests[i].at.Sub(requests[i-1].at)
		t.Logf("attempt %d came %.2f s after attempt %d", i+1, gap.Seconds(), i)
		if gap < ladder[i-1] || gap > ladder[i-1]+lateness {
			t.Errorf("attempt %d came %s after attempt %d, want %s to %s", i+1, gap, i, ladder[i-1], ladder[i-1]+lateness)
		}
	}
}

func TestFiveFailuresThenSuccess(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, e, h := hooked(t, w, failing(5))
	id := newID("five")
	p.write(id, "VERIFIED")
	d := p.awaitDelivery(h.ID, id, "delivered", 50*time.Second)
	checkLadder(t, e)
	if got := e.attempts(); got != "1 2 3 4 5 6" || d.Attempts != 6 || len(d.AttemptLog) != 6 {
		t.Errorf("attempts: endpoint saw %q, delivery has %d, log %d rows", got, d.Attempts, len(d.AttemptLog))
	}
	sameEveryTime(t, e)
	if now := p.getWebhook(h.ID); !now.Active || now.Deactivation != nil || now.SuccessRate == nil || *now.SuccessRate != 1 {
		t.Errorf("the webhook is %+v, want it active with a success rate of 1", now)
	}
}

// sameEveryTime: body, id and signature of the guide are the same on every attempt.
func sameEveryTime(t *testing.T, e *endpoint) {
	t.Helper()
	requests := e.arrived()
	for _, r := range requests {
		if r.body != requests[0].body || r.headers.Get("Webhook-Id") != requests[0].headers.Get("Webhook-Id") {
			t.Error("an attempt had another body or webhook-id than the first")
		}
	}
}

func TestSixFailuresSwitchOff(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, e, h := hooked(t, w, failing(6))
	first := newID("six")
	p.write(first, "FAILED")
	d := p.awaitDelivery(h.ID, first, "exhausted", 50*time.Second)
	checkLadder(t, e)
	if len(d.AttemptLog) != 6 || d.Attempts != 6 || e.count() != 6 {
		t.Errorf("log has %d rows, delivery %d attempts, endpoint saw %d; want 6", len(d.AttemptLog), d.Attempts, e.count())
	}
	for i, row := range d.AttemptLog {
		if row.Number != i+1 || row.StatusCode == nil || *row.StatusCode != 500 || row.Error == nil || row.Error.Code != "http_status" ||
			deref(row.Response) != `{"answer":"scripted"}` {
			t.Errorf("row %d of the log is %+v", i+1, row)
		}
	}
	off := p.getWebhook(h.ID)
	if off.Active || off.Health != "red" || off.Deactivation == nil || off.Deactivation.Reason != "failures" || off.Deactivation.DeliveryID != d.ID {
		t.Errorf("the webhook is %+v, want it switched off by %s", off, d.ID)
	}

	second := newID("six-held")
	p.write(second, "VERIFIED")
	p.awaitDelivery(h.ID, second, "held", 10*time.Second)
	if n := p.getWebhook(h.ID).HeldCount; n != 1 || e.count() != 6 {
		t.Errorf("held %d, endpoint saw %d requests; want 1 and 6", n, e.count())
	}

	var on hook
	p.call("POST", "/v1/webhooks/"+h.ID+"/activate", map[string]any{"held": "deliver"}, &on)
	if !on.Active || on.Deactivation != nil {
		t.Errorf("the reactivated webhook is %+v", on)
	}
	third := newID("six-again")
	p.write(third, "VERIFIED")
	p.awaitDelivery(h.ID, third, "delivered", 10*time.Second)
}

// A failing round says nothing about a url that it did not start with.
func TestURLEditedDuringLastWait(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, old, h := hooked(t, w, always(500))
	other := newEndpoint(t, w, always(500))
	other.expect(h.Secret)
	id := newID("edited")
	p.write(id, "VERIFIED")
	await(t, "five attempts", 30*time.Second, func() bool { return old.count() == 5 })
	p.call("PATCH", "/v1/webhooks/"+h.ID, map[string]any{"url": other.url}, nil)
	p.awaitDelivery(h.ID, id, "exhausted", 30*time.Second)
	if old.count() != 5 || other.attempts() != "6" {
		t.Errorf("the old endpoint saw %d requests, the new one attempts %q; want 5 and 6", old.count(), other.attempts())
	}
	if now := p.getWebhook(h.ID); !now.Active || now.Deactivation != nil {
		t.Errorf("the webhook is %+v, want it active", now)
	}
}
