package delivery

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/logbook"
	"github.com/cr3dentials/verification-webhooks/shared/memory"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// world is an Engine on in-memory ports with a clock that moves only when the test or the queue moves it.
type world struct {
	t *testing.T
	Engine
	store   *memory.Store
	queue   *memory.Queue
	objects *memory.Objects
	vault   *memory.Vault
	bus     *memory.Bus

	mu    sync.Mutex
	now   time.Time
	posts []post
	// answer decides what the endpoint says to a request; nil means 200.
	answer func(n int, r webhook.Request) webhook.Response
	// took is how long a POST takes, budget how much time an invocation has; 0 for no end.
	took, budget time.Duration
	// until is when the present invocation's time ends.
	until time.Time
	// dead is set from when the present invocation's process was killed until the next one begins.
	dead bool

	pending []pending
	// received counts the messages that were received.
	received int
}

type post struct {
	at  time.Time
	req webhook.Request
}

type pending struct {
	at       time.Time
	m        webhook.Message
	received int
}

const visibility = 360 * time.Second

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newWorld(t *testing.T) *world {
	w := &world{t: t, store: memory.NewStore(), queue: &memory.Queue{}, objects: memory.NewObjects(), vault: &memory.Vault{}, bus: &memory.Bus{}, now: start, took: 100 * time.Millisecond}
	w.Engine = Engine{
		Store: w.store, Queue: w.queue, Sender: w, Vault: w.vault, Objects: w.objects, Bus: w.bus, Now: w.clock,
		IDs: webhook.IDSource{Now: w.clock, Rand: rand.Reader}, HoldTime: webhook.DefaultHoldTime,
		Log:   slog.New(slog.NewJSONHandler(catalogued{t}, nil)),
		Sleep: func(_ context.Context, d time.Duration) { w.advance(d) },
	}
	return w
}

// catalogued is a log whose lines are as the catalogue of events says.
type catalogued struct{ t *testing.T }

func (c catalogued) Write(line []byte) (int, error) {
	if err := logbook.Check(line); err != nil {
		c.t.Error(err)
	}
	return len(line), nil
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// begin starts an invocation.
func (w *world) begin() (context.Context, context.CancelFunc) {
	w.dead = false
	if w.budget == 0 {
		return context.WithCancel(context.Background())
	}
	w.until = w.clock().Add(w.budget)
	return context.WithDeadline(context.Background(), w.until)
}

// Send implements Sender: it records the POST and takes 100 ms, or what was set.
func (w *world) Send(_ context.Context, r webhook.Request) webhook.Response {
	w.mu.Lock()
	if w.dead {
		w.mu.Unlock()
		return webhook.Response{ErrorCode: webhook.ErrInterrupted}
	}
	n := len(w.posts) + 1
	at := w.now
	w.posts = append(w.posts, post{at, r})
	took := w.took
	w.now = w.now.Add(took)
	answer := w.answer
	w.mu.Unlock()
	resp := webhook.Response{StatusCode: 200}
	if answer != nil {
		resp = answer(n, r)
	}
	resp.StartedAt, resp.Duration = at, took
	return resp
}

func failing(webhook.Response) webhook.Response {
	return webhook.Response{StatusCode: 500, ErrorCode: webhook.ErrHTTPStatus, ErrorMessage: "answered 500", Excerpt: "oops"}
}

func failFirst(k int) func(int, webhook.Request) webhook.Response {
	return func(n int, _ webhook.Request) webhook.Response {
		if n <= k {
			return failing(webhook.Response{})
		}
		return webhook.Response{StatusCode: 204}
	}
}

func (w *world) partner(id string) webhook.Partner {
	w.t.Helper()
	p := webhook.Partner{ID: id, Name: id, CreatedAt: w.clock()}
	w.commit(webhook.Change{Partner: &p})
	return p
}

// hook creates a partner (if need be) and an active webhook of it.
func (w *world) hook(partnerID string, edit func(*webhook.Webhook)) *webhook.Webhook {
	w.t.Helper()
	if _, err := w.store.Partner(context.Background(), partnerID); err != nil {
		w.partner(partnerID)
	}
	h := &webhook.Webhook{
		PartnerID: partnerID, ID: w.IDs.Webhook(), URL: "https://hooks.example.com/x", Active: true, EverActive: true,
		Generation: 1, TypeNaming: webhook.GuideNaming, CreatedAt: start.Add(-time.Hour),
	}
	if edit != nil {
		edit(h)
	}
	var err error
	if h.Sealed, err = w.vault.SealSecrets(context.Background(), h, webhook.Secrets{Signing: "0123456789abcdef0123456789abcdef"}); err != nil {
		w.t.Fatal(err)
	}
	w.commit(webhook.Change{Webhook: h})
	return h
}

func (w *world) commit(c webhook.Change) {
	w.t.Helper()
	if err := w.store.Commit(context.Background(), c); err != nil {
		w.t.Fatal(err)
	}
}

// edit changes a stored webhook.
func (w *world) edit(h *webhook.Webhook, f func(*webhook.Webhook)) {
	w.t.Helper()
	_, fresh, err := w.store.Webhook(context.Background(), h.PartnerID, h.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	f(&fresh)
	w.commit(webhook.Change{Webhook: &fresh})
}

func (w *world) stored(h *webhook.Webhook) webhook.Webhook {
	w.t.Helper()
	_, fresh, err := w.store.Webhook(context.Background(), h.PartnerID, h.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return fresh
}

var sequence = 100

// record makes a stream record of a verification that became VERIFIED.
func record(partnerID, verificationID string, at time.Time) []byte {
	return recordOf(partnerID, verificationID, at, "IN_PROGRESS", "VERIFIED")
}

func recordOf(partnerID, verificationID string, at time.Time, old, status string) []byte {
	sequence++
	image := func(status string) map[string]any {
		return map[string]any{
			"verificationId": map[string]any{"S": verificationID}, "partnerId": map[string]any{"S": partnerID},
			"status": map[string]any{"S": status}, "sessionId": map[string]any{"N": "123"},
		}
	}
	raw, err := json.Marshal(map[string]any{
		"eventID": fmt.Sprint("e", sequence), "eventName": "MODIFY", "eventSource": "aws:dynamodb",
		"dynamodb": map[string]any{
			"ApproximateCreationDateTime": at.Unix(), "SequenceNumber": fmt.Sprint(sequence),
			"Keys":     map[string]any{"verificationId": map[string]any{"S": verificationID}},
			"OldImage": image(old), "NewImage": image(status),
		},
	})
	if err != nil {
		panic(err)
	}
	return raw
}

// stream delivers records as an event source does: again and again, a second later, until they are handled.
func (w *world) stream(records ...[]byte) {
	w.t.Helper()
	for range 50 {
		errs := w.Dispatch(context.Background(), records)
		if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i < 0 {
			return
		}
		w.advance(time.Second)
	}
	w.t.Fatal("the stream is blocked")
}

// rest runs the queue, and the sweeper once a minute, until no message is left or the time is over.
func (w *world) rest(most time.Duration) {
	w.t.Helper()
	end, sweep := w.clock().Add(most), w.clock()
	for w.clock().Before(end) {
		if !w.clock().Before(sweep) {
			ctx, cancel := w.begin()
			_, _ = w.Sweep(ctx) // a failed run is followed by another
			cancel()
			sweep = w.clock().Add(time.Minute)
		}
		for _, m := range w.queue.Take() {
			w.pending = append(w.pending, pending{at: w.clock().Add(m.Delay), m: m})
		}
		slices.SortStableFunc(w.pending, func(a, b pending) int { return a.at.Compare(b.at) })
		next := sweep
		if len(w.pending) > 0 && w.pending[0].at.Before(next) {
			next = w.pending[0].at
		}
		if next.After(end) {
			next = end
		}
		if wait := next.Sub(w.clock()); wait > 0 {
			w.advance(wait)
		}
		if len(w.pending) == 0 || w.pending[0].at.After(w.clock()) {
			continue
		}
		p := w.pending[0]
		w.pending = w.pending[1:]
		w.received++
		ctx, cancel := w.begin()
		errs := w.Receive(ctx, []webhook.Message{p.m})
		cancel()
		if errs[0] != nil && p.received < 9 {
			w.pending = append(w.pending, pending{at: w.clock().Add(visibility), m: p.m, received: p.received + 1})
		}
	}
}

func (w *world) only() webhook.Delivery {
	w.t.Helper()
	all := w.store.AllDeliveries()
	if len(all) != 1 {
		w.t.Fatalf("%d deliveries, want 1", len(all))
	}
	return all[0]
}

// of returns the one delivery of a verification.
func (w *world) of(verificationID string) webhook.Delivery {
	w.t.Helper()
	for _, d := range w.store.AllDeliveries() {
		if d.Event.VerificationID == verificationID {
			return d
		}
	}
	w.t.Fatalf("no delivery of %s", verificationID)
	return webhook.Delivery{}
}

// told returns the operational events of a kind that others were told; they know an event by its id.
func (w *world) told(kind webhook.OutboxKind) (events []webhook.OutboxEvent) {
	for _, e := range w.bus.Published() {
		if e.Kind == kind && !slices.Contains(events, e) {
			events = append(events, e)
		}
	}
	return events
}

func (w *world) numbers() []string {
	var ns []string
	for _, p := range w.posts {
		ns = append(ns, header(p.req, "x-webhook-attempt"))
	}
	return ns
}

func header(r webhook.Request, name string) string {
	for _, h := range r.Headers {
		if h.Name == name {
			return h.Value
		}
	}
	return ""
}
