package portal

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func (w *world) createWithKey(key, idempotencyKey, body string) response {
	w.t.Helper()
	return w.do(req{
		method: "POST", path: "/v1/webhooks", key: key, body: body, header: http.Header{"Idempotency-Key": {idempotencyKey}},
	})
}

func (w *world) count(partnerID string) int {
	w.t.Helper()
	p, err := w.store.Partner(w.t.Context(), partnerID)
	if err != nil {
		w.t.Fatal(err)
	}
	return p.WebhookCount
}

const goodBody = `{"url":"https://hooks.example.com/in"}`

func TestRepeatedCreation(t *testing.T) {
	w := newWorld(t)
	key, other := w.partner("acme"), w.partner("globex")
	first := w.createWithKey(key, "order 1", goodBody).want(201)
	w.do(req{method: "PATCH", path: "/v1/webhooks/" + first.str("id"), key: key, body: `{"description":"later"}`}).want(200)
	w.advance(webhook.AnswerLife - time.Nanosecond)
	again := w.createWithKey(key, "order 1", goodBody).want(201)
	if again.body != first.body || !reflect.DeepEqual(again.header, first.header) {
		t.Fatalf("another answer:\n%s %v\n%s %v", first.body, first.header, again.body, again.header)
	}
	second := w.createWithKey(key, "order 3", goodBody).want(201).str("id")
	w.do(req{method: "DELETE", path: "/v1/webhooks/" + second, key: key}).want(204)
	if r := w.createWithKey(key, "order 3", goodBody).problem(409); strings.Contains(r.body, "whsec_") {
		t.Fatal("a deleted webhook's secret was shown again")
	}
	w.createWithKey(key, "order 1", goodBody+" ").problem(422, "header.Idempotency-Key")
	w.createWithKey(key, "order 2", goodBody).want(201)
	if n := w.count("acme"); n != 2 {
		t.Fatalf("%d webhooks", n)
	}
	if r := w.createWithKey(other, "order 1", goodBody).want(201); r.body == first.body {
		t.Fatal("another partner got the answer")
	}
	w.advance(time.Nanosecond)
	if r := w.createWithKey(key, "order 1", goodBody).want(201); r.str("id") == first.str("id") {
		t.Fatal("the answer outlived its time")
	}
}

func TestIdempotencyKeys(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	for _, bad := range []string{strings.Repeat("k", 256), "tab\tin it", "ümlaut", "\x7f"} {
		w.createWithKey(key, bad, goodBody).problem(422, "header.Idempotency-Key")
	}
	for _, good := range []string{"k", strings.Repeat("k", 255), `"quoted, text" ~`} {
		w.createWithKey(key, good, goodBody).want(201)
	}
}

// What failed is not an answer that is kept: the same key may be used again once the body is right.
func TestFailedCreationIsNotKept(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	w.createWithKey(key, "k", `{"url":"https://private.example.com/"}`).problem(422)
	w.createWithKey(key, "k", goodBody).want(201)
}

func TestConcurrentRepeatedCreation(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	const n = 8
	w.urls.together(n)
	answers := make(chan response, n)
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() { answers <- w.createWithKey(key, "k", goodBody) })
	}
	wg.Wait()
	first := <-answers
	first.want(201)
	for range n - 1 {
		if r := <-answers; r.status != 201 || r.body != first.body || !reflect.DeepEqual(r.header, first.header) {
			t.Fatalf("another answer: %d %s", r.status, r.body)
		}
	}
	if w.count("acme") != 1 {
		t.Fatalf("%d webhooks", w.count("acme"))
	}
}

// The last webhook that fits is one, also for who asks for it twice at once.
func TestConcurrentRepeatedCreationOfTheLast(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	p, err := w.store.Partner(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	p.WebhookCount = webhook.MaxWebhooks - 1
	w.commit(webhook.Change{Partner: &p})
	w.urls.together(2)
	answers := make(chan response, 2)
	for range 2 {
		go func() { answers <- w.createWithKey(key, "k", goodBody) }()
	}
	a, b := <-answers, <-answers
	if a.status != 201 || b.status != 201 || a.body != b.body {
		t.Fatalf("%d %s\n%d %s", a.status, a.body, b.status, b.body)
	}
}

// A write whose answer was lost is found by the repeated request.
func TestRepeatAfterLostAnswer(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	w.store.FailAfter = func(op string) error {
		if op == "Commit" {
			return webhook.Wrap(webhook.Unavailable, fmt.Errorf("lost"), "lost")
		}
		return nil
	}
	w.createWithKey(key, "k", goodBody).problem(503)
	w.store.FailAfter = nil
	w.createWithKey(key, "k", goodBody).want(201)
	if w.count("acme") != 1 {
		t.Fatalf("%d webhooks", w.count("acme"))
	}
}

// conflicting refuses every Change, as if others were always faster.
type conflicting struct{ Store }

func (conflicting) Commit(context.Context, webhook.Change) error {
	return webhook.Errorf(webhook.Conflict, "hidden text")
}

func TestConflictThatDoesNotEnd(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, nil)
	d := w.delivery("acme", id, nil)
	w.portal = New(Config{
		Store: conflicting{w.store}, Vault: w.vault, Queue: w.queue, Sender: w.sender, URLs: w.urls, Now: w.clock,
		Rand: zeros{}, Log: newLogger(w.log),
	})
	for _, r := range []req{
		{method: "POST", path: "/v1/webhooks", body: goodBody, header: http.Header{"Idempotency-Key": {"k"}}},
		{method: "PATCH", path: "/v1/webhooks/" + id, body: `{"description":"x"}`},
		{method: "DELETE", path: "/v1/webhooks/" + id}, {method: "POST", path: "/v1/webhooks/" + id + "/deactivate"},
		{method: "POST", path: "/v1/webhooks/" + id + "/secret/rotate"},
		{method: "POST", path: "/v1/webhooks/" + id + "/deliveries/" + d.ID + "/resend"},
		{method: "POST", path: "/v1/webhooks/" + id + "/recover", body: `{"since":"2026-03-01T00:00:00Z","states":["held"]}`},
	} {
		r.key = key
		if got := w.do(r).problem(409); strings.Contains(got.body, "hidden") {
			t.Error(got.body)
		}
	}
}

// zeros is a random source without jitter.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
