package portal

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/memory"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// world is the API and the administration over one in-memory store.
type world struct {
	t       *testing.T
	store   *memory.Store
	queue   *memory.Queue
	objects *memory.Objects
	vault   *testVault
	sender  *fakeSender
	urls    *fakeURLs
	records memory.Verifications
	log     *syncBuffer
	ledger  *ledger
	portal  http.Handler
	admin   http.Handler

	mu     sync.Mutex
	events int
	now    time.Time
}

var worldStart = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOf(t, everything)
}

// newWorldOf is newWorld with a ledger of its own.
func newWorldOf(t *testing.T, l *ledger) *world {
	t.Helper()
	w := &world{
		t: t, store: memory.NewStore(), queue: &memory.Queue{}, objects: memory.NewObjects(), vault: newTestVault(l),
		sender: &fakeSender{}, urls: &fakeURLs{}, records: memory.Verifications{}, log: &syncBuffer{ledger: l}, ledger: l, now: worldStart,
	}
	t.Cleanup(func() { l.look(w.store, w.queue, w.objects) })
	log, store, queue := newLogger(w.log), storeTap{w.store, l}, queueTap{w.queue, l}
	w.portal = New(Config{
		Store: store, Vault: w.vault, Queue: queue, Sender: w.sender, URLs: w.urls, Verifications: w.records, Now: w.clock, Rand: rand.Reader,
		Log: log, Version: "1.2.3",
	})
	w.admin = NewAdmin(AdminConfig{
		Store: store, Parked: w.objects, Queue: queue, Vault: w.vault, Now: w.clock, Rand: rand.Reader, Log: log,
	})
	return w
}

// together lets n requests come to the check of their URLs before any goes on.
func (f *fakeURLs) together(n int) {
	f.block, f.entered = make(chan struct{}), make(chan struct{})
	go func() {
		for range n {
			<-f.entered
		}
		close(f.block)
	}()
}

func newLogger(to io.Writer) *slog.Logger { return slog.New(slog.NewJSONHandler(to, nil)) }

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

// response is an answer, read.
type response struct {
	t      *testing.T
	status int
	header http.Header
	body   string
}

// req is a request. A body that is a string goes out as it is, anything else as JSON.
type req struct {
	method, path, key string
	body              any
	header            http.Header
}

func (w *world) do(r req) response { return w.send(w.portal, r, Caller{RequestID: "req-1"}) }

func (w *world) doAdmin(method, path string, body any) response {
	return w.send(w.admin, req{method: method, path: path, body: body},
		Caller{IAMUserARN: "arn:aws:iam::1:user/ops", RequestID: "req-2", BaseURL: "https://api.example.com/prod"})
}

func (w *world) send(h http.Handler, r req, caller Caller) response {
	w.t.Helper()
	text, contentType := "", "application/json"
	switch b := r.body.(type) {
	case nil:
		contentType = ""
	case string:
		text = b
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			w.t.Fatal(err)
		}
		text = string(raw)
	}
	hr := httptest.NewRequestWithContext(WithCaller(context.Background(), caller), r.method, r.path, strings.NewReader(text))
	if contentType != "" {
		hr.Header.Set("Content-Type", contentType)
	}
	if r.key != "" {
		hr.Header.Set("Authorization", "Bearer "+r.key)
	}
	for name, values := range r.header {
		if values == nil {
			hr.Header.Del(name)
			continue
		}
		hr.Header[name] = values
	}
	rec := httptest.NewRecorder()
	w.ledger.asked(hr, text)
	h.ServeHTTP(rec, hr)
	res := response{t: w.t, status: rec.Code, header: rec.Header(), body: rec.Body.String()}
	w.ledger.answered(hr, res)
	return res
}

// want fails the test unless the answer has the status.
func (r response) want(status int) response {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("status %d, want %d: %s", r.status, status, r.body)
	}
	return r
}

// json reads the answer's body.
func (r response) json() map[string]any {
	r.t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(r.body), &m); err != nil {
		r.t.Fatalf("not JSON: %v: %s", err, r.body)
	}
	return m
}

func (r response) str(name string) string {
	r.t.Helper()
	s, ok := r.json()[name].(string)
	if !ok {
		r.t.Fatalf("%s is no string: %s", name, r.body)
	}
	return s
}

// problem fails the test unless the answer is a problem document with this status and a fault at each location.
func (r response) problem(status int, locations ...string) response {
	r.t.Helper()
	r.want(status)
	if ct := r.header.Get("Content-Type"); ct != "application/problem+json" {
		r.t.Fatalf("content type %q", ct)
	}
	m := r.json()
	for _, name := range []string{"type", "title", "code", "detail"} {
		if s, _ := m[name].(string); s == "" {
			r.t.Fatalf("%s is empty: %s", name, r.body)
		}
	}
	if m["status"] != float64(status) {
		r.t.Fatalf("status in the body: %s", r.body)
	}
	var got []string
	faults, _ := m["errors"].([]any)
	for _, f := range faults {
		fault := f.(map[string]any)
		if fault["message"] == "" || len(fault) != 2 {
			r.t.Fatalf("fault with other members than location and message: %s", r.body)
		}
		got = append(got, fault["location"].(string))
	}
	if locations != nil && strings.Join(got, " ") != strings.Join(locations, " ") {
		r.t.Fatalf("faults at %v, want %v: %s", got, locations, r.body)
	}
	return r
}

// partner makes a partner with an API key and returns both.
func (w *world) partner(id string) (key string) {
	w.t.Helper()
	w.doAdmin("POST", "/admin/partners", map[string]any{"id": id, "name": "Partner " + id}).want(201)
	return w.doAdmin("POST", "/admin/partners/"+id+"/api-keys", nil).want(201).str("key")
}

// webhook makes a webhook and returns its id.
func (w *world) webhook(key string, with map[string]any) string {
	w.t.Helper()
	body := map[string]any{"url": "https://hooks.example.com/in"}
	for k, v := range with {
		body[k] = v
	}
	return w.do(req{method: "POST", path: "/v1/webhooks", key: key, body: body}).want(201).str("id")
}

// stored returns a webhook as it is stored.
func (w *world) stored(partnerID, id string) webhook.Webhook {
	w.t.Helper()
	_, x, err := w.store.Webhook(context.Background(), partnerID, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return x
}

func (w *world) commit(c webhook.Change) {
	w.t.Helper()
	if err := w.store.Commit(context.Background(), c); err != nil {
		w.t.Fatal(err)
	}
}

// fakeURLs accepts every URL but those of private.example.com and bad ones, and normalises the host's case.
type fakeURLs struct {
	// block, if set, is received from before the answer; entered is sent to before that.
	block, entered chan struct{}
}

func (f *fakeURLs) CheckURL(_ context.Context, raw string) (string, error) {
	if f.block != nil {
		f.entered <- struct{}{}
		<-f.block
	}
	if !strings.HasPrefix(raw, "https://") {
		return "", webhook.FieldErrorf("", "must begin with https://")
	}
	if strings.Contains(raw, "private") {
		return "", webhook.FieldErrorf("", "must not lead to an address that is not public")
	}
	return strings.ToLower(raw), nil
}

// fakeSender answers every request with answer, and keeps what was sent.
type fakeSender struct {
	mu     sync.Mutex
	sent   []webhook.Request
	answer webhook.Response
	// block, if set, is received from before the answer; entered is sent to before that.
	block, entered chan struct{}
}

func (f *fakeSender) Send(_ context.Context, r webhook.Request) webhook.Response {
	f.mu.Lock()
	f.sent = append(f.sent, r)
	answer := f.answer
	f.mu.Unlock()
	if f.block != nil {
		f.entered <- struct{}{}
		<-f.block
	}
	return answer
}

// syncBuffer is a log that goroutines may write to.
type syncBuffer struct {
	mu     sync.Mutex
	buf    bytes.Buffer
	ledger *ledger
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ledger.emit(string(p))
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// lines returns the log's events.
func (b *syncBuffer) lines(t *testing.T) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(b.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

func (w *world) ids() webhook.IDSource { return webhook.IDSource{Now: w.clock, Rand: rand.Reader} }

// delivery stores a delivery of a new event; change, if given, completes it.
func (w *world) delivery(partnerID, webhookID string, change func(*webhook.Delivery)) webhook.Delivery {
	w.t.Helper()
	w.mu.Lock()
	w.events++
	sequence := w.events
	w.mu.Unlock()
	now := w.clock()
	verification := "ver-" + strconv.Itoa(sequence)
	eventID := webhook.EventID(verification, strconv.Itoa(sequence), now)
	d := &webhook.Delivery{
		PartnerID: partnerID, WebhookID: webhookID, ID: webhook.DeliveryID(webhook.Event{ID: eventID, OccurredAt: now}, webhookID),
		Event: webhook.Event{
			ID: eventID, Type: webhook.Completed, PartnerID: partnerID, VerificationID: verification, OccurredAt: now,
			Sequence: strconv.Itoa(sequence),
		},
		State: webhook.StatePending, Body: []byte(`{"type":"verification.completed"}`), CreatedAt: now, UpdatedAt: now,
		Generation: 1, NextAttemptAt: now.Add(time.Second),
	}
	if change != nil {
		change(d)
	}
	w.commit(webhook.Change{Deliveries: []*webhook.Delivery{d}})
	return *d
}
