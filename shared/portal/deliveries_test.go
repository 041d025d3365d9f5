package portal

import (
	"net/http"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// listed returns the ids of a list.
func (r response) listed() []string {
	r.t.Helper()
	ids := []string{}
	for _, x := range r.want(200).json()["items"].([]any) {
		ids = append(ids, x.(map[string]any)["id"].(string))
	}
	return ids
}

func TestDeliveries(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, nil)
	base := "/v1/webhooks/" + id + "/deliveries"
	var ids []string // oldest first
	for i := range 5 {
		d := w.delivery("acme", id, func(d *webhook.Delivery) {
			if i%2 == 1 {
				d.State, d.Event.Type, d.NextAttemptAt = webhook.Delivered, webhook.FailedType, time.Time{}
			}
		})
		ids = append(ids, d.ID)
		w.advance(time.Minute)
	}
	w.delivery("acme", w.webhook(key, nil), nil)
	for query, want := range map[string][]string{
		"":                                        {ids[4], ids[3], ids[2], ids[1], ids[0]},
		"?state=delivered":                        {ids[3], ids[1]},
		"?state=held":                             {},
		"?eventType=verification.completed":       {ids[4], ids[2], ids[0]},
		"?verificationId=ver-2":                   {ids[1]},
		"?since=2026-03-04T05:08:07Z":             {ids[4], ids[3], ids[2]},
		"?until=2026-03-04T06:08:07%2B01:00":      {ids[1], ids[0]},
		"?state=delivered&verificationId=ver-4":   {ids[3]},
		"?since=2026-03-04T05:07:07.001Z&limit=1": {ids[4]},
	} {
		if got := w.do(req{method: "GET", path: base + query, key: key}).listed(); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	page := w.do(req{method: "GET", path: base + "?limit=2", key: key})
	next := base + "?limit=2&cursor=" + page.str("nextCursor")
	if got := w.do(req{method: "GET", path: next, key: key}).listed(); !slices.Equal(got, []string{ids[2], ids[1]}) {
		t.Errorf("second page %v", got)
	}
	w.do(req{method: "GET", path: next + "&state=pending", key: key}).problem(400, "query.cursor")
}

func TestDeliveryView(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, nil)
	body := `{"type":"verification.completed","x":"ü\u2028"}`
	d := w.delivery("acme", id, func(d *webhook.Delivery) {
		d.Body = []byte(body)
		d.Attempts, d.LastStatusCode, d.LastErrorCode = 2, 500, webhook.ErrHTTPStatus
		d.Log = []webhook.Attempt{
			{Number: 1, StartedAt: worldStart, Duration: 1234567 * time.Microsecond, ErrorCode: webhook.ErrDNS, ErrorMessage: "No such host."},
			{Number: 2, StartedAt: worldStart.Add(2 * time.Second), Duration: time.Second, StatusCode: 500, ErrorCode: webhook.ErrHTTPStatus,
				ErrorMessage: "500.", Excerpt: "oops"},
			{Number: 3, StartedAt: worldStart.Add(5 * time.Second), StatusCode: 200, Manual: true},
		}
	})
	item := map[string]any{
		"id": d.ID, "state": "pending", "eventType": "verification.completed", "verificationId": "ver-1",
		"createdAt": "2026-03-04T05:06:07Z", "updatedAt": "2026-03-04T05:06:07Z", "attempts": 2.0, "lastStatusCode": 500.0,
		"lastErrorCode": "http_status", "nextAttemptAt": "2026-03-04T05:06:08Z", "resendRequestedAt": nil, "reason": nil,
	}
	list := w.do(req{method: "GET", path: "/v1/webhooks/" + id + "/deliveries", key: key}).want(200).json()
	if got := list["items"].([]any)[0]; !reflect.DeepEqual(got, item) {
		t.Fatalf("got  %v\nwant %v", got, item)
	}
	item["body"] = body
	item["attemptLog"] = []any{
		map[string]any{"number": 1.0, "startedAt": "2026-03-04T05:06:07Z", "durationMs": 1234.0, "manual": false, "statusCode": nil,
			"error": map[string]any{"code": "dns_error", "message": "No such host."}, "response": nil},
		map[string]any{"number": 2.0, "startedAt": "2026-03-04T05:06:09Z", "durationMs": 1000.0, "manual": false, "statusCode": 500.0,
			"error": map[string]any{"code": "http_status", "message": "500."}, "response": "oops"},
		map[string]any{"number": 3.0, "startedAt": "2026-03-04T05:06:12Z", "durationMs": 0.0, "manual": true, "statusCode": 200.0,
			"error": nil, "response": nil},
	}
	if got := w.do(req{method: "GET", path: "/v1/webhooks/" + id + "/deliveries/" + d.ID, key: key}).want(200).json(); !reflect.DeepEqual(got, item) {
		t.Fatalf("got  %v\nwant %v", got, item)
	}
}

func TestUndeliverableHasNoBody(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, nil)
	d := w.delivery("acme", id, func(d *webhook.Delivery) {
		d.Body = nil
		d.GiveUp(w.clock(), "The body is larger than 102400 bytes.")
	})
	got := w.do(req{method: "GET", path: "/v1/webhooks/" + id + "/deliveries/" + d.ID, key: key}).want(200).json()
	if got["body"] != nil || got["reason"] != "The body is larger than 102400 bytes." || got["nextAttemptAt"] != nil || len(got["attemptLog"].([]any)) != 0 {
		t.Fatalf("%v", got)
	}
}

func TestUnknownDeliveries(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id, sibling := w.webhook(key, nil), w.webhook(key, nil)
	d := w.delivery("acme", id, nil)
	for _, path := range []string{
		id + "/deliveries/" + webhook.DeliveryIDAt(worldStart), id + "/deliveries/nothing", sibling + "/deliveries/" + d.ID,
		id + "/deliveries/" + id,
	} {
		w.do(req{method: "GET", path: "/v1/webhooks/" + path, key: key}).problem(http.StatusNotFound)
	}
}

func TestHealthInTheWebhook(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, nil)
	at := w.clock().Add(-2 * time.Hour)
	if err := w.store.AddStats(t.Context(), "acme", id, webhook.Stats{
		Hour: webhook.HourOf(at), Delivered: 3, Exhausted: 1, Failed: 6, LastDeliveryAt: at,
	}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v1/webhooks/" + id, "/v1/webhooks"} {
		got := w.do(req{method: "GET", path: path, key: key}).want(200).json()
		if items, ok := got["items"].([]any); ok {
			got = items[0].(map[string]any)
		}
		if got["successRate"] != 0.75 || got["health"] != "yellow" || got["lastDeliveryAt"] != "2026-03-04T03:06:07Z" {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestHeldCount(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, nil)
	w.do(req{method: "POST", path: "/v1/webhooks/" + id + "/deactivate", key: key}).want(200)
	hold := func(n int) {
		for range n {
			w.delivery("acme", id, func(d *webhook.Delivery) { d.Hold(w.clock(), 1, time.Hour) })
		}
	}
	check := func(count float64, capped bool) {
		t.Helper()
		got := w.do(req{method: "GET", path: "/v1/webhooks/" + id, key: key}).want(200).json()
		if got["heldCount"] != count || got["heldCountCapped"] != capped {
			t.Fatalf("%v %v, want %v %v", got["heldCount"], got["heldCountCapped"], count, capped)
		}
	}
	check(0, false)
	hold(maxHeldCount)
	check(maxHeldCount, false)
	hold(1)
	check(maxHeldCount, true)
}
