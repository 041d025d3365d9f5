package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
	"github.com/cr3dentials/verification-webhooks/shared/memory"
	"github.com/cr3dentials/verification-webhooks/shared/portal"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// outage is the real APIs over a store in memory, with a clock that only the tests and the command's waits move.
type outage struct {
	t     *testing.T
	store *memory.Store
	queue *memory.Queue
	url   string
	// meddle, if set, sees each request before it is served, and may answer it: then it returns true.
	meddle func(w http.ResponseWriter, r *http.Request) bool

	mu     sync.Mutex
	now    time.Time
	asked  []string        // the method and path of each request
	waited []time.Duration // each wait of the command
}

var outageBegan = time.Date(2026, 3, 4, 1, 30, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

func newOutage(t *testing.T) *outage {
	t.Helper()
	o := &outage{t: t, store: memory.NewStore(), queue: &memory.Queue{}, now: outageBegan}
	log := slog.New(slog.DiscardHandler)
	partners := portal.New(portal.Config{
		Store: o.store, Vault: &memory.Vault{}, Queue: o.queue, Sender: anywhere{}, URLs: anywhere{}, Verifications: memory.Verifications{},
		Now: o.clock, Rand: rand.Reader, Log: log,
	})
	admin := portal.NewAdmin(portal.AdminConfig{
		Store: o.store, Parked: memory.NewObjects(), Queue: o.queue, Vault: &memory.Vault{}, Now: o.clock, Rand: rand.Reader, Log: log,
	})
	server := httptest.NewServer(http.StripPrefix("/dev", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		o.asked = append(o.asked, r.Method+" "+r.URL.Path)
		o.mu.Unlock()
		switch {
		case o.meddle != nil && o.meddle(w, r):
		case strings.HasPrefix(r.URL.Path, "/admin/"):
			caller := portal.Caller{IAMUserARN: "arn:aws:iam::1:user/ops", BaseURL: o.url}
			admin.ServeHTTP(w, r.WithContext(portal.WithCaller(r.Context(), caller)))
		default:
			partners.ServeHTTP(w, r)
		}
	})))
	t.Cleanup(server.Close)
	o.url = server.URL + "/dev"
	return o
}

func (o *outage) clock() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now
}

// wait moves the clock instead of waiting.
func (o *outage) wait(ctx context.Context, d time.Duration) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waited = append(o.waited, d)
	o.now = o.now.Add(d)
	return ctx.Err()
}

// anywhere takes every URL, and sends nothing.
type anywhere struct{}

func (anywhere) CheckURL(_ context.Context, raw string) (string, error) { return raw, nil }

func (anywhere) Send(context.Context, webhook.Request) webhook.Response { return webhook.Response{} }

func (o *outage) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *outage) admin(method, path string, body, out any) {
	o.t.Helper()
	o.must(local.Client{Base: o.url}.Call(o.t.Context(), method, path, body, out))
}

// partner makes a partner and returns a client with its key.
func (o *outage) partner(id string) local.Client {
	o.t.Helper()
	var key struct{ Key string }
	o.admin("POST", "/admin/partners", map[string]string{"id": id, "name": id}, nil)
	o.admin("POST", "/admin/partners/"+id+"/api-keys", nil, &key)
	return local.Client{Base: o.url, Token: key.Key}
}

func (o *outage) webhook(p local.Client, host string) string {
	o.t.Helper()
	var made struct{ ID string }
	o.must(p.Call(o.t.Context(), "POST", "/v1/webhooks", map[string]string{"url": "https://" + host + "/in?token=x"}, &made))
	return made.ID
}

func (o *outage) stored(partnerID, id string) webhook.Webhook {
	o.t.Helper()
	_, w, err := o.store.Webhook(context.Background(), partnerID, id)
	o.must(err)
	return w
}

// trip switches a webhook off as failures do, some time after the outage began, with events held.
func (o *outage) trip(partnerID, id string, after time.Duration, held int) {
	o.t.Helper()
	w, at := o.stored(partnerID, id), outageBegan.Add(after)
	w.Deactivate(at, webhook.ReasonFailures, "dlv_1")
	c := webhook.Change{Webhook: &w}
	for i := range held {
		e := webhook.Event{ID: fmt.Sprintf("evt_%d", i), Type: webhook.Completed, PartnerID: partnerID, OccurredAt: at, Sequence: fmt.Sprint(i)}
		c.Deliveries = append(c.Deliveries, &webhook.Delivery{
			PartnerID: partnerID, WebhookID: id, ID: webhook.DeliveryID(e, id), Event: e, State: webhook.Held, CreatedAt: at, UpdatedAt: at,
			HeldUntil: at.Add(time.Hour), Generation: w.Generation,
		})
	}
	o.must(o.store.Commit(context.Background(), c))
}

// run is the command with further arguments; it looks at the hour since the outage began.
func (o *outage) run(args ...string) (out string, err error) {
	o.t.Helper()
	o.asked, o.waited = nil, nil
	hour := []string{"-since", outageBegan.Format(time.RFC3339), "-until", outageBegan.Add(time.Hour).Format(time.RFC3339)}
	a, err := parseActivation(append(hour, args...), time.Now())
	o.must(err)
	var text, progress bytes.Buffer
	a.admin, a.api, a.out, a.progress, a.wait = local.Client{Base: o.url}, o.url, &text, &progress, o.wait
	err = a.run(o.t.Context())
	if token := regexp.MustCompile(`crs_\w+`).FindString(fmt.Sprint(text.String(), progress.String(), err)); token != "" {
		o.t.Errorf("a session is printed: %s", token)
	}
	return text.String(), err
}

// count is how many requests there were that end like this.
func (o *outage) count(method, suffix string) (n int) {
	for _, r := range o.asked {
		if strings.HasPrefix(r, method+" ") && strings.HasSuffix(r, suffix) {
			n++
		}
	}
	return n
}
