package e2e

import (
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"
)

// The drains are not parallel: they keep the emulator busy while others would measure time.

const heldEvents = 200

// held makes a webhook that is switched off and holds n events, and returns them in the order of their records.
func held(t *testing.T, w *world, s script, n int) (*partner, *endpoint, hook, []string) {
	t.Helper()
	p, e, h := hooked(t, w, s)
	p.call("POST", "/v1/webhooks/"+h.ID+"/deactivate", nil, nil)
	var ids []string
	for range n {
		id := newID("drain")
		ids = append(ids, id)
		p.write(id, "VERIFIED")
	}
	await(t, "all events are held", time.Minute, func() bool { return p.getWebhook(h.ID).HeldCount == n })
	return p, e, h, ids
}

func TestDrainBringsAllInOrder(t *testing.T) {
	w := theWorld(t)
	p, e, h, ids := held(t, w, always(200), heldEvents)
	began := time.Now()
	p.call("POST", "/v1/webhooks/"+h.ID+"/activate", map[string]any{"held": "deliver"}, nil)
	seen := 0
	await(t, "the drain is done", 3*time.Minute, func() bool {
		d := p.getWebhook(h.ID).Drain
		if d == nil || d.Done < seen || d.Done > d.Total {
			t.Fatalf("drain %+v after %d were done", d, seen)
		}
		seen = d.Done
		return d.State == "done"
	})
	if d := p.getWebhook(h.ID); d.Drain.Done != heldEvents || d.Drain.Total != heldEvents || d.HeldCount != 0 || !d.Active {
		t.Errorf("after the drain: %+v, drain %+v", d, d.Drain)
	}
	t.Logf("%d held events in %s", heldEvents, time.Since(began).Round(100*time.Millisecond))
	if got := e.verifications(); !slices.Equal(got, ids) {
		t.Errorf("%d requests for %d events, in order: %v", len(got), len(ids), slices.Equal(slices.Compact(slices.Clone(got)), ids))
	}
}

// TestDrainSurvivesKills kills the functions at 20 random moments while they drain 200 events and dispatch new ones.
func TestDrainSurvivesKills(t *testing.T) {
	w := theWorld(t)
	if runtime.GOOS != "linux" {
		t.Skip("finds the functions' processes in /proc")
	}
	const kills, within, newEvents = 20, 60 * time.Second, 10
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("KILL_SEED"); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		must(t, err)
	}
	t.Logf("KILL_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	p, e, h, ids := held(t, w, func(int) reply { return reply{status: 200, after: 200 * time.Millisecond} }, heldEvents)
	began := time.Now()
	p.call("POST", "/v1/webhooks/"+h.ID+"/activate", map[string]any{"held": "deliver"}, nil)
	var moments []time.Duration
	for range kills {
		moments = append(moments, time.Duration(random.Int64N(int64(within))))
	}
	slices.Sort(moments)
	killed := 0
	for i, m := range moments {
		time.Sleep(time.Until(began.Add(m))) // the moment is what is tested: there is nothing to wait for
		for _, f := range []string{"DispatcherFunction", "RetrierFunction", "SweeperFunction"} {
			killed += killFunction(t, w, w.outputs[f])
		}
		if i%(kills/newEvents) == 0 {
			id := newID("meanwhile")
			ids = append(ids, id)
			p.write(id, "VERIFIED")
		}
	}
	// While a drain waits for the lease of what was killed, no process may be alive.
	if killed < kills/2 {
		t.Errorf("only %d processes were killed", killed)
	}
	await(t, "every event has arrived", 15*time.Minute, func() bool {
		got := e.verifications()
		return !slices.ContainsFunc(ids, func(id string) bool { return !slices.Contains(got, id) })
	})
	await(t, "every delivery is stored as delivered", 10*time.Minute, func() bool {
		return len(p.deliveries(h.ID, "delivered")) == len(ids)
	})
	t.Logf("%d events with %d processes killed at %d moments: %s, %d requests", len(ids), killed, kills,
		time.Since(began).Round(time.Second), e.count())
	e.onlyUnknownTwice(t, p, h)
	// Requests may come twice, but the first ones of the held events come in their order.
	var firsts []string
	for _, id := range e.verifications() {
		if slices.Contains(ids[:heldEvents], id) && !slices.Contains(firsts, id) {
			firsts = append(firsts, id)
		}
	}
	if !slices.Equal(firsts, ids[:heldEvents]) {
		t.Errorf("the held events came in another order: %v", firsts)
	}
}

// onlyUnknownTwice checks that an attempt was repeated only where its outcome could not be known.
func (e *endpoint) onlyUnknownTwice(t *testing.T, p *partner, h hook) {
	t.Helper()
	posts := map[string]int{}
	for _, r := range e.arrived() {
		posts[r.headers.Get("Webhook-Id")]++
		if n := r.headers.Get("X-Webhook-Attempt"); n != "1" {
			t.Errorf("attempt %s of a delivery whose endpoint never failed", n)
		}
	}
	for id, n := range posts {
		if n == 1 {
			continue
		}
		var d deliveryView
		p.call("GET", "/v1/webhooks/"+h.ID+"/deliveries/"+id, nil, &d)
		interrupted := 0
		for _, a := range d.AttemptLog {
			if a.Error != nil && a.Error.Code == "interrupted" {
				interrupted++
			}
		}
		if n > 1+interrupted {
			t.Errorf("delivery %s was sent %d times with %d interruptions", id, n, interrupted)
		}
	}
}

// verifications are what the requests were about, in the order of arrival.
func (e *endpoint) verifications() []string {
	var ids []string
	for _, r := range e.arrived() {
		ids = append(ids, verificationOf(r))
	}
	return ids
}

// deliveries lists all of a webhook's deliveries in a state.
func (p *partner) deliveries(webhookID, state string) (all []deliveryView) {
	p.t.Helper()
	for cursor := ""; ; {
		var page struct {
			Items      []deliveryView
			NextCursor *string
		}
		p.call("GET", "/v1/webhooks/"+webhookID+"/deliveries?limit=100&state="+state+cursor, nil, &page)
		all = append(all, page.Items...)
		if page.NextCursor == nil {
			return all
		}
		cursor = "&cursor=" + *page.NextCursor
	}
}

// TestExhaustedWebhookIsBroughtBack: what tripped the switch and what was held meanwhile arrive after the activation.
func TestExhaustedWebhookIsBroughtBack(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, e, h := hooked(t, w, failing(6))
	first, second := newID("tripped"), newID("held")
	p.write(first, "VERIFIED")
	p.awaitDelivery(h.ID, first, "exhausted", time.Minute)
	p.write(second, "FAILED")
	p.awaitDelivery(h.ID, second, "held", 15*time.Second)
	p.call("PATCH", "/v1/webhooks/"+h.ID, map[string]any{"active": true}, nil)
	p.awaitDelivery(h.ID, second, "delivered", 30*time.Second)
	if d := p.awaitDelivery(h.ID, first, "delivered", time.Second); d.Attempts != 7 || e.attempts() != "1 2 3 4 5 6 7 1" {
		t.Errorf("%d attempts, endpoint saw %q", d.Attempts, e.attempts())
	}
}

func TestResendAndRecover(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, e, h := hooked(t, w, failing(7))
	began := time.Now().Add(-time.Minute).UTC().Format(time.RFC3339)
	first := newID("resend")
	p.write(first, "VERIFIED")
	d := p.awaitDelivery(h.ID, first, "exhausted", time.Minute)
	resend := "/v1/webhooks/" + h.ID + "/deliveries/" + d.ID + "/resend"
	p.call("POST", resend, nil, nil)
	await(t, "the attempt by hand", 15*time.Second, func() bool { return e.count() == 7 })
	await(t, "its row", 15*time.Second, func() bool {
		p.call("GET", "/v1/webhooks/"+h.ID+"/deliveries/"+d.ID, nil, &d)
		return len(d.AttemptLog) == 7
	})
	if row := d.AttemptLog[6]; d.State != "exhausted" || row.Number != 7 || !row.Manual {
		t.Errorf("after a resend that failed: %s, %+v", d.State, row)
	}
	p.call("POST", resend, nil, nil)
	d = p.awaitDelivery(h.ID, first, "delivered", 15*time.Second)
	if d.Attempts != 8 || p.getWebhook(h.ID).Active {
		t.Errorf("after a resend that succeeded: %+v", d)
	}

	p.call("POST", "/v1/webhooks/"+h.ID+"/activate", map[string]any{"held": "discard"}, nil)
	// A template that fails makes an event undeliverable; mended, recover builds its body anew.
	p.call("PATCH", "/v1/webhooks/"+h.ID, map[string]any{"payloadTemplate": map[string]any{"n": "{{ length(data.sessionId) }}"}}, nil)
	second := newID("recover")
	p.write(second, "VERIFIED")
	p.awaitDelivery(h.ID, second, "undeliverable", 15*time.Second)
	p.call("PATCH", "/v1/webhooks/"+h.ID, map[string]any{"payloadTemplate": nil}, nil)
	recover := func(dryRun bool) (j jobView) {
		var started struct{ JobID string }
		p.call("POST", "/v1/webhooks/"+h.ID+"/recover", map[string]any{
			"since": began, "states": []string{"exhausted", "undeliverable"}, "dryRun": dryRun,
		}, &started)
		await(t, "the job is done", 30*time.Second, func() bool {
			p.call("GET", "/v1/webhooks/"+h.ID+"/jobs/"+started.JobID, nil, &j)
			return j.State == "done"
		})
		return j
	}
	if j := recover(true); j.Total != 1 || j.Done != 0 || e.count() != 8 {
		t.Errorf("the dry run says %+v and sent %d", j, e.count()-8)
	}
	if j := recover(false); j.Total != 1 || j.Done != 1 {
		t.Errorf("the recovery says %+v", j)
	}
	p.awaitDelivery(h.ID, second, "delivered", 15*time.Second)
	if e.about(second) != 1 {
		t.Errorf("the recovered event arrived %d times", e.about(second))
	}
}

type jobView struct {
	State       string
	Done, Total int
}
