package portal

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// hourly adds to the counters of an hour, ago hours before the present one.
func (w *world) hourly(partnerID, webhookID string, ago int, s webhook.Stats, took ...time.Duration) {
	w.t.Helper()
	s.Hour = webhook.HourOf(w.clock()).Add(-time.Duration(ago) * time.Hour)
	for _, d := range took {
		s.Durations.Add(d)
	}
	if err := w.store.AddStats(context.Background(), partnerID, webhookID, s); err != nil {
		w.t.Fatal(err)
	}
}

func (r response) items() []any {
	r.t.Helper()
	items, ok := r.json()["items"].([]any)
	if !ok {
		r.t.Fatalf("no items: %s", r.body)
	}
	return items
}

func TestStats(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, nil)
	path := "/v1/webhooks/" + id + "/stats"
	w.hourly("acme", id, -1, webhook.Stats{Delivered: 1000}, time.Second) // by a clock that is ahead
	w.hourly("acme", id, 0, webhook.Stats{Delivered: 2, Failed: 1}, 20*time.Millisecond, 30*time.Millisecond, 10*time.Second)
	w.hourly("acme", id, 0, webhook.Stats{Delivered: 1}, 20*time.Millisecond)
	w.hourly("acme", id, 2, webhook.Stats{Delivered: 7, Failed: 3}) // counted before durations were
	w.hourly("acme", id, 3, webhook.Stats{Failed: 2, Exhausted: 1}, 10*time.Second, 10*time.Second)
	w.hourly("acme", id, 4, webhook.Stats{Delivered: 1000}, time.Second)
	got := w.do(req{method: "GET", path: path + "?hours=4", key: key}).want(200).json()
	want := map[string]any{
		"items": []any{
			map[string]any{"hour": "2026-03-04T02:00:00Z", "delivered": 0.0, "failed": 2.0, "p50Ms": 10000.0, "p95Ms": 10000.0},
			map[string]any{"hour": "2026-03-04T03:00:00Z", "delivered": 7.0, "failed": 3.0, "p50Ms": nil, "p95Ms": nil},
			map[string]any{"hour": "2026-03-04T04:00:00Z", "delivered": 0.0, "failed": 0.0, "p50Ms": nil, "p95Ms": nil},
			map[string]any{"hour": "2026-03-04T05:00:00Z", "delivered": 3.0, "failed": 1.0, "p50Ms": 22.0, "p95Ms": 10000.0},
		},
		"total": map[string]any{"delivered": 10.0, "failed": 6.0, "p50Ms": 28.0, "p95Ms": 10000.0},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if one := w.do(req{method: "GET", path: path + "?hours=1", key: key}).want(200).items(); len(one) != 1 ||
		fmt.Sprint(one[0]) != fmt.Sprint(want["items"].([]any)[3]) {
		t.Errorf("the present hour: %v", one)
	}
}

// TestStatsHours: every hour is there, whatever is stored, the oldest first, up to the end of a week.
func TestStatsHours(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, nil)
	for ago := -1; ago < 200; ago++ {
		w.hourly("acme", id, ago, webhook.Stats{Delivered: ago + 1})
	}
	quiet := w.webhook(key, nil)
	for query, n := range map[string]int{"": 24, "?hours=1": 1, "?hours=24": 24, "?hours=168": 168} {
		for _, id := range []string{id, quiet} {
			items := w.do(req{method: "GET", path: "/v1/webhooks/" + id + "/stats" + query, key: key}).want(200).items()
			if len(items) != n {
				t.Fatalf("%q: %d hours, want %d", query, len(items), n)
			}
			for i, item := range items {
				hour, ago := item.(map[string]any), n-1-i
				if at := worldStart.Truncate(time.Hour).Add(-time.Duration(ago) * time.Hour).Format(time.RFC3339); hour["hour"] != at {
					t.Fatalf("%q: %v is at %d, want %s", query, hour["hour"], i, at)
				}
				if delivered := hour["delivered"].(float64); id != quiet && delivered != float64(ago+1) || id == quiet && delivered != 0 {
					t.Fatalf("%q: %v", query, hour)
				}
			}
		}
	}
}

// watched notes how many hours, and held deliveries, are asked for at most.
type watched struct {
	Store
	mu          sync.Mutex
	hours, held []int
}

func (s *watched) Stats(ctx context.Context, partnerID, webhookID string, limit int) ([]webhook.Stats, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hours = append(s.hours, limit)
	return s.Store.Stats(ctx, partnerID, webhookID, limit)
}

func (s *watched) HeldCount(ctx context.Context, partnerID, webhookID string, most int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = append(s.held, most)
	return s.Store.HeldCount(ctx, partnerID, webhookID, most)
}

// watch is the world's API, its reads noted.
func (w *world) watch() (*watched, http.Handler) {
	s := &watched{Store: w.store}
	c := Config{Store: s, Vault: w.vault, Queue: w.queue, URLs: w.urls, Now: w.clock, Rand: rand.Reader, Log: newLogger(w.log)}
	return s, New(c)
}

// TestStatsReads: one read of the hours asked for, and of one more at most.
func TestStatsReads(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, nil)
	s, api := w.watch()
	w.send(api, req{method: "GET", path: "/v1/webhooks/" + id + "/stats?hours=168", key: key}, Caller{}).want(200)
	if fmt.Sprint(s.hours, s.held) != "[169] []" {
		t.Errorf("asked for %v hours, %v held", s.hours, s.held)
	}
}

// TestListReads: a list of all webhooks that a partner may have reads a bounded number of items of each, whatever is stored.
func TestListReads(t *testing.T) {
	const most = 50
	w := newWorld(t)
	key := w.partner("acme")
	s, api := w.watch()
	for range most {
		w.webhook(key, nil)
	}
	before := w.store.Calls()
	got := w.send(api, req{method: "GET", path: "/v1/webhooks?limit=100", key: key}, Caller{}).want(200).items()
	after := w.store.Calls()
	for op, want := range map[string]int{"Webhooks": 1, "Stats": most, "HeldCount": most, "Job": most, "Deliveries": 0, "Delivery": 0} {
		if n := after[op] - before[op]; n != want {
			t.Errorf("%s is asked %d times, want %d", op, n, want)
		}
	}
	if len(got) != most || slices.Max(s.hours) > 48 || slices.Max(s.held) > 1001 {
		t.Errorf("%d webhooks, at most %d hours and %d held of each", len(got), slices.Max(s.hours), slices.Max(s.held))
	}
}

func TestStatsRefusals(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	path := "/v1/webhooks/" + w.webhook(key, nil) + "/stats"
	for _, hours := range []string{"0", "-1", "169", "x", "1.5", "99999999999999999999"} {
		w.do(req{method: "GET", path: path + "?hours=" + hours, key: key}).problem(http.StatusUnprocessableEntity, "query.hours")
	}
	w.do(req{method: "GET", path: path + "?days=1", key: key}).problem(http.StatusUnprocessableEntity, "query.days")
	w.do(req{method: "GET", path: path}).problem(http.StatusUnauthorized)
	w.do(req{method: "GET", path: "/v1/webhooks/nothing/stats", key: key}).problem(http.StatusNotFound)
	if allow := w.do(req{method: "POST", path: path, key: key}).problem(http.StatusMethodNotAllowed).header.Get("Allow"); allow != "GET, HEAD" {
		t.Errorf("Allow %q", allow)
	}
	if r := w.do(req{method: "HEAD", path: path, key: key}).want(200); r.body != "" {
		t.Errorf("HEAD: %s", r.body)
	}
	w.store.Fail = failing("Stats")
	w.do(req{method: "GET", path: path, key: key}).problem(http.StatusServiceUnavailable)
}

// TestStatsInASession: a portal session reads its own partner's webhook, and no other one's.
func TestStatsInASession(t *testing.T) {
	w := newWorld(t)
	id := w.webhook(w.partner("acme"), nil)
	other := w.webhook(w.partner("globex"), nil)
	session := w.addCredential(webhook.PortalSession, "acme", w.clock().Add(time.Hour))
	w.do(req{method: "GET", path: "/v1/webhooks/" + id + "/stats", key: session}).want(200)
	w.do(req{method: "GET", path: "/v1/webhooks/" + other + "/stats", key: session}).problem(http.StatusNotFound)
}
