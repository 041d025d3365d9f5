package portal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func TestSendTest(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, map[string]any{
		"active": false, "secret": "an own secret of 24 chars", "authHeader": map[string]string{"name": "X-Api-Key", "value": "sesame"},
	})
	before := w.stored("acme", id)
	w.sender.answer = webhook.Response{
		StatusCode: 204, Duration: 1500 * time.Millisecond, Headers: []webhook.Header{{Name: "server", Value: "x"}, {Name: "date", Value: "a"}, {Name: "date", Value: "b"}}, Excerpt: "ok",
	}
	r := w.do(req{method: "POST", path: "/v1/webhooks/" + id + "/test", key: key}).want(200)
	got := r.json()
	request := got["request"].(map[string]any)
	sent := w.sender.sent[0]
	want := map[string]any{
		"delivered": true, "statusCode": 204.0, "durationMs": 1500.0, "error": nil, "request": request,
		"response": map[string]any{"headers": map[string]any{"server": "x", "date": "a, b"}, "body": "ok"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %v\nwant %v", got, want)
	}
	if request["body"] != string(sent.Body) || !strings.Contains(string(sent.Body), `"verificationId":"test_123"`) ||
		sent.URL != "https://hooks.example.com/in" {
		t.Fatalf("%+v", sent)
	}
	shown := map[string]string{}
	for name, value := range request["headers"].(map[string]any) {
		shown[name] = value.(string)
	}
	mac := hmac.New(sha256.New, []byte("an own secret of 24 chars"))
	mac.Write(sent.Body)
	for name, value := range map[string]string{
		"content-type": "application/json", "x-webhook-event": "verification.completed", "x-webhook-attempt": "1",
		"x-webhook-signature": hex.EncodeToString(mac.Sum(nil)), "webhook-timestamp": "1772600767", "x-api-key": Mask,
	} {
		if shown[name] != value {
			t.Errorf("%s is %q, want %q", name, shown[name], value)
		}
	}
	if !strings.HasPrefix(shown["user-agent"], "Cr3dentials-Webhooks/") || len(shown) != len(sent.Headers) {
		t.Errorf("%v", shown)
	}
	real := map[string]string{}
	for _, h := range sent.Headers {
		real[h.Name] = h.Value
	}
	if real["X-Api-Key"] != "sesame" {
		t.Error("the authentication header was not sent")
	}
	if after := w.stored("acme", id); !reflect.DeepEqual(before, after) || len(w.store.AllDeliveries()) != 0 || len(w.queue.Take()) != 0 {
		t.Fatal("a test left something behind")
	}
}

func TestSendTestFails(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	path := "/v1/webhooks/" + w.webhook(key, map[string]any{"typeNaming": "detailed"}) + "/test"
	w.sender.answer = webhook.Response{Duration: 5 * time.Second, ErrorCode: webhook.ErrConnectTimeout, ErrorMessage: "No answer."}
	got := w.do(req{method: "POST", path: path, key: key, body: "{}"}).want(200).json()
	if got["delivered"] != false || got["statusCode"] != nil || got["response"] != nil ||
		!reflect.DeepEqual(got["error"], map[string]any{"code": "connect_timeout", "message": "No answer."}) {
		t.Fatalf("%v", got)
	}
	w.sender.answer = webhook.Response{StatusCode: 500, ErrorCode: webhook.ErrHTTPStatus, ErrorMessage: "500."}
	got = w.do(req{method: "POST", path: path, key: key}).want(200).json()
	if got["delivered"] != false || got["statusCode"] != 500.0 || got["response"] == nil {
		t.Fatalf("%v", got)
	}
	w.do(req{method: "POST", path: path, key: key, body: `{"url":"https://b.example.com"}`}).problem(422, "body.url")
}

func TestTestsAtOnce(t *testing.T) {
	w := newWorld(t)
	key, other := w.partner("acme"), w.partner("globex")
	path := "/v1/webhooks/" + w.webhook(key, nil) + "/test"
	otherPath := "/v1/webhooks/" + w.webhook(other, nil) + "/test"
	w.sender.block, w.sender.entered = make(chan struct{}), make(chan struct{})
	done := make(chan response)
	for range webhook.MaxConcurrentTests {
		go func() { done <- w.do(req{method: "POST", path: path, key: key}) }()
		<-w.sender.entered
	}
	if r := w.do(req{method: "POST", path: path, key: key}).problem(429); r.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	go func() { done <- w.do(req{method: "POST", path: otherPath, key: other}) }()
	<-w.sender.entered
	for range webhook.MaxConcurrentTests + 1 {
		w.sender.block <- struct{}{}
	}
	for range webhook.MaxConcurrentTests + 1 {
		(<-done).want(200)
	}
	go func() { done <- w.do(req{method: "POST", path: path, key: key}) }()
	<-w.sender.entered
	w.sender.block <- struct{}{}
	(<-done).want(200)
}
