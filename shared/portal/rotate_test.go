package portal

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/signature"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

const (
	firstSecret  = "first-secret-0123456789-aaaa"
	secondSecret = "second-secret-0123456789-bbbb"
	thirdSecret  = "third-secret-0123456789-cccc"
)

// rotating is a world with one webhook, whose signing secret is firstSecret.
type rotating struct {
	*world
	key, id, hook string
}

func newRotating(t *testing.T) *rotating {
	t.Helper()
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, map[string]any{"secret": firstSecret, "authHeader": map[string]string{"name": "x-api-key", "value": "sesame-street"}})
	return &rotating{w, key, id, "/v1/webhooks/" + id}
}

// post asks for a route below the webhook's secret. Names and values of headers follow the body.
func (w *rotating) post(route string, body any, header ...string) response {
	w.t.Helper()
	r := req{method: "POST", path: w.hook + "/secret/" + route, key: w.key, body: body, header: http.Header{}}
	for i := 0; i < len(header); i += 2 {
		r.header.Set(header[i], header[i+1])
	}
	return w.do(r)
}

func (w *rotating) patch(body string) response {
	w.t.Helper()
	return w.do(req{method: "PATCH", path: w.hook, key: w.key, body: body})
}

func (w *rotating) get() response {
	w.t.Helper()
	return w.do(req{method: "GET", path: w.hook, key: w.key}).want(200)
}

// signs fails the test unless a request is signed with these secrets now and the webhook says so. next is empty unless
// a rotation is under way.
func (w *rotating) signs(current, next string) {
	w.t.Helper()
	if fault := w.fault(current, next); fault != "" {
		w.t.Fatal(fault)
	}
}

func (w *rotating) fault(current, next string) string {
	w.t.Helper()
	w.do(req{method: "POST", path: w.hook + "/test", key: w.key}).want(200)
	sent := w.sender.sent[len(w.sender.sent)-1]
	got := map[string]string{}
	for _, h := range sent.Headers {
		got[h.Name] = h.Value
	}
	want := signature.Standard(current, got["webhook-id"], w.clock(), sent.Body)
	if next != "" {
		want += " " + signature.Standard(next, got["webhook-id"], w.clock(), sent.Body)
	}
	nextHex, both := got["x-webhook-signature-next"]
	if got["x-webhook-signature"] != signature.Hex(current, sent.Body) || got["webhook-signature"] != want || both != (next != "") ||
		both && nextHex != signature.Hex(next, sent.Body) {
		return fmt.Sprintf("not signed with %q and %q: %v", current, next, got)
	}
	view := w.get().json()
	rotation, _ := view["rotation"].(map[string]any)
	if view["secretHint"] != webhook.HintOf(current) || (rotation != nil) != both || both && rotation["secretHint"] != webhook.HintOf(next) {
		return fmt.Sprintf("shown as %v and %v", view["secretHint"], view["rotation"])
	}
	return ""
}

func TestRotation(t *testing.T) {
	w := newRotating(t)
	w.signs(firstSecret, "")
	before := w.get().json()
	w.advance(time.Minute)
	r := w.post("rotate", `{"secret":"`+secondSecret+`","overlapHours":3}`).want(200)
	const ends = "2026-03-04T08:07:07Z"
	want := before
	want["secret"], want["updatedAt"] = secondSecret, "2026-03-04T05:07:07Z"
	want["rotation"] = map[string]any{"endsAt": ends, "secretHint": "…bbbb"}
	want["healthReason"] = before["healthReason"].(string) + " The old signing secret stops being used at " + ends +
		"; make sure your endpoint knows the new one."
	if !reflect.DeepEqual(r.json(), want) || r.header.Get("Etag") != `"2"` || r.header.Get("Location") != "" {
		t.Fatalf("got  %v\nwant %v\n%v", r.json(), want, r.header)
	}
	delete(want, "secret")
	if got := w.get(); !reflect.DeepEqual(got.json(), want) || got.header.Get("Etag") != `"2"` {
		t.Fatalf("got  %v\nwant %v", got.json(), want)
	}
	w.signs(firstSecret, secondSecret)
	w.advance(3*time.Hour - 1)
	w.signs(firstSecret, secondSecret)
	w.advance(1)
	w.signs(secondSecret, "")
	if s := w.stored("acme", w.id); s.Rev != 2 || s.Generation != 2 {
		t.Fatalf("the end of a rotation wrote something: version %d, generation %d", s.Rev, s.Generation)
	}
	w.signs(secondSecret, "")
}

func TestRotationDefaults(t *testing.T) {
	for name, body := range map[string]any{
		"no body": nil, "empty object": `{}`, "replace without need": `{"replace":true}`,
		"nulls": `{"secret":null,"overlapHours":null,"replace":null}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newRotating(t)
			w.do(req{method: "POST", path: w.hook + "/deactivate", key: w.key}).want(200)
			r := w.post("rotate", body).want(200)
			secret := r.str("secret")
			if err := webhook.CheckSecret("", secret); err != nil || !strings.HasPrefix(secret, "whsec_") {
				t.Fatalf("generated a secret that would be refused: %v", err)
			}
			if got := r.json()["rotation"].(map[string]any)["endsAt"]; got != "2026-03-05T05:06:07Z" {
				t.Fatalf("ends at %v", got)
			}
			w.signs(firstSecret, secret)
		})
	}
}

func TestRotationAtOnce(t *testing.T) {
	w := newRotating(t)
	if r := w.post("rotate", `{"secret":"`+secondSecret+`","overlapHours":0}`).want(200).json(); r["rotation"] != nil || r["secretHint"] != "…bbbb" {
		t.Fatal(r)
	}
	w.signs(secondSecret, "")
	w.post("rotate", `{"secret":"`+thirdSecret+`"}`).want(200)
	w.post("rotate", `{"secret":"`+firstSecret+`","overlapHours":0}`).problem(409)
	w.signs(secondSecret, thirdSecret)
	w.post("rotate", `{"secret":"`+firstSecret+`","overlapHours":0,"replace":true}`).want(200)
	w.signs(firstSecret, "")
}

func TestRotationIsReplaced(t *testing.T) {
	w := newRotating(t)
	w.post("rotate", `{"secret":"`+secondSecret+`","overlapHours":1}`).want(200)
	w.advance(time.Hour - 1)
	refused := w.post("rotate", `{"secret":"`+thirdSecret+`"}`).problem(409)
	if refused.str("code") != "conflict" || !strings.Contains(refused.str("detail"), "replace") {
		t.Fatal(refused.body)
	}
	w.post("rotate", `{"secret":"`+thirdSecret+`","replace":false}`).problem(409)
	w.signs(firstSecret, secondSecret)
	w.post("rotate", `{"secret":"`+thirdSecret+`","overlapHours":1,"replace":true}`).want(200)
	w.advance(time.Hour - 1)
	w.signs(firstSecret, thirdSecret)
	w.advance(time.Second)
	w.signs(thirdSecret, "")
	w.post("rotate", `{"secret":"`+secondSecret+`"}`).want(200)
	w.signs(thirdSecret, secondSecret)
}

func TestRotationEndsEarly(t *testing.T) {
	for route, kept := range map[string]string{"complete": secondSecret, "cancel": firstSecret} {
		t.Run(route, func(t *testing.T) {
			w := newRotating(t)
			none := w.post(route, nil).problem(409)
			w.post("rotate", `{"secret":"`+secondSecret+`"}`).want(200)
			w.advance(time.Minute)
			r := w.post(route, nil).want(200)
			if m := r.json(); m["rotation"] != nil || m["secretHint"] != webhook.HintOf(kept) || m["secret"] != nil ||
				m["updatedAt"] != "2026-03-04T05:07:07Z" || r.header.Get("Etag") != `"3"` {
				t.Fatalf("%s %v", r.body, r.header)
			}
			w.signs(kept, "")
			s := w.stored("acme", w.id)
			if secrets, err := w.vault.OpenSecrets(t.Context(), &s); err != nil || secrets.Signing != kept || secrets.Next != "" || s.Generation != 3 {
				t.Fatalf("the other secret is still stored, or generation %d: %v", s.Generation, err)
			}
			if again := w.post(route, `{}`).problem(409); again.body != none.body {
				t.Fatal(again.body)
			}
			w.post("rotate", `{"secret":"`+thirdSecret+`","overlapHours":1}`).want(200)
			w.advance(time.Hour)
			ended := w.post(route, nil).problem(409)
			if !strings.Contains(ended.str("detail"), "has ended at 2026-03-04T06:07:07Z") || ended.str("code") != "conflict" {
				t.Fatal(ended.body)
			}
			w.signs(thirdSecret, "")
		})
	}
}

func TestRotationRefuses(t *testing.T) {
	long := strings.Repeat("x", 129)
	for name, c := range map[string]struct {
		route, body string
		status      int
		locations   []string
	}{
		"short secret":         {"rotate", `{"secret":"short"}`, 422, []string{"body.secret"}},
		"empty secret":         {"rotate", `{"secret":""}`, 422, []string{"body.secret"}},
		"long secret":          {"rotate", `{"secret":"` + long + `"}`, 422, []string{"body.secret"}},
		"mask":                 {"rotate", `{"secret":"` + strings.Repeat("*", 24) + `"}`, 422, []string{"body.secret"}},
		"not base64":           {"rotate", `{"secret":"whsec_not base64 at all, no"}`, 422, []string{"body.secret"}},
		"not ASCII":            {"rotate", `{"secret":"ümlauts are not ASCII, sorry"}`, 422, []string{"body.secret"}},
		"same secret":          {"rotate", `{"secret":"` + firstSecret + `"}`, 422, []string{"body.secret"}},
		"same secret at once":  {"rotate", `{"secret":"` + firstSecret + `","overlapHours":0}`, 422, []string{"body.secret"}},
		"negative":             {"rotate", `{"overlapHours":-1}`, 422, []string{"body.overlapHours"}},
		"more than a week":     {"rotate", `{"overlapHours":169}`, 422, []string{"body.overlapHours"}},
		"half an hour":         {"rotate", `{"overlapHours":0.5}`, 422, []string{"body.overlapHours"}},
		"huge":                 {"rotate", `{"overlapHours":1e30}`, 422, []string{"body.overlapHours"}},
		"written as a decimal": {"rotate", `{"overlapHours":24.0}`, 422, []string{"body"}},
		"text":                 {"rotate", `{"overlapHours":"24"}`, 422, []string{"body.overlapHours"}},
		"replace text":         {"rotate", `{"replace":"yes"}`, 422, []string{"body.replace"}},
		"unknown":              {"rotate", `{"colour":"red"}`, 422, []string{"body.colour"}},
		"wrong case":           {"rotate", `{"OverlapHours":1}`, 422, []string{"body.OverlapHours"}},
		"twice":                {"rotate", `{"replace":true,"replace":true}`, 400, nil},
		"null":                 {"rotate", `null`, 422, []string{"body"}},
		"array":                {"rotate", `[]`, 422, []string{"body"}},
		"broken":               {"rotate", `{`, 400, nil},
		"complete with a body": {"complete", `{"secret":"` + secondSecret + `"}`, 422, []string{"body.secret"}},
		"cancel with a body":   {"cancel", `{"replace":true}`, 422, []string{"body.replace"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newRotating(t)
			w.post(c.route, c.body).problem(c.status, c.locations...)
			w.signs(firstSecret, "")
			if s := w.stored("acme", w.id); s.Rev != 1 {
				t.Fatal("what was refused wrote something")
			}
		})
	}
	w := newRotating(t)
	w.post("rotate", `{"secret":"`+secondSecret+`"}`).want(200)
	for _, same := range []string{firstSecret, secondSecret} {
		w.post("rotate", `{"replace":true,"secret":"`+same+`"}`).problem(422, "body.secret")
	}
	w.signs(firstSecret, secondSecret)
}

func TestRotationWithoutWebhook(t *testing.T) {
	w := newRotating(t)
	other := w.partner("globex")
	for _, route := range []string{"rotate", "complete", "cancel"} {
		for _, id := range []string{w.id, "whk_01jd3v9x7k2m4n6p8q0r2s4t6v", "x"} {
			w.do(req{method: "POST", path: "/v1/webhooks/" + id + "/secret/" + route, key: other}).problem(404)
		}
		w.do(req{method: "POST", path: w.hook + "/secret/" + route, key: w.key, body: `{}`, header: http.Header{"Content-Type": nil}}).problem(415)
		w.do(req{method: "POST", path: w.hook + "/secret/" + route}).problem(401)
	}
	w.signs(firstSecret, "")
}

func TestRotationHonoursIfMatch(t *testing.T) {
	w := newRotating(t)
	for _, route := range []string{"rotate", "complete", "cancel"} {
		w.post(route, nil, "If-Match", `"7"`).problem(412)
	}
	w.post("rotate", nil, "If-Match", `"1"`).want(200)
	w.post("complete", nil, "If-Match", `"1"`).problem(412)
	w.post("cancel", nil, "If-Match", `"2"`).want(200)
	w.signs(firstSecret, "")
}

func TestSecretEditEndsRotation(t *testing.T) {
	for name, c := range map[string]struct {
		secret     string
		after      time.Duration
		generation int64
	}{
		"another": {thirdSecret, 0, 3}, "the old one": {firstSecret, 0, 3}, "the new one": {secondSecret, 0, 3},
		"ended, another": {thirdSecret, time.Hour, 3}, "ended, the old one": {firstSecret, time.Hour, 3},
		"ended, the same": {secondSecret, time.Hour, 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := newRotating(t)
			w.post("rotate", `{"secret":"`+secondSecret+`","overlapHours":1}`).want(200)
			w.advance(c.after)
			w.patch(`{"secret":"` + c.secret + `"}`).want(200)
			w.signs(c.secret, "")
			if s := w.stored("acme", w.id); s.Generation != c.generation || s.Rev != c.generation {
				t.Fatalf("generation %d, version %d", s.Generation, s.Rev)
			}
		})
	}
}

// An edit that writes the webhook but leaves its secrets as they are must not bring an old secret back.
func TestOtherEditsLeaveRotation(t *testing.T) {
	for _, patch := range []string{
		`{"description":"rent"}`, `{"description":"rent","secret":"` + secondSecret + `"}`, `{"description":"rent","authHeader":{}}`,
		`{"description":"rent","authHeader":{"value":"sesame-street"}}`, `{"authHeader":{"value":"another-street"}}`,
		`{"authHeader":null}`, `{"url":"https://b.example.com/"}`, `{"active":false}`,
	} {
		w := newRotating(t)
		w.post("rotate", `{"secret":"`+secondSecret+`","overlapHours":1}`).want(200)
		if !strings.Contains(patch, "secret") {
			w.patch(patch).want(200)
			w.signs(firstSecret, secondSecret)
		}
		w.advance(time.Hour)
		w.patch(patch).want(200)
		w.signs(secondSecret, "")
	}
}

// A secret from an older system may be shorter than any that is accepted now.
func TestRotationFromShortSecret(t *testing.T) {
	w := newRotating(t)
	const short = "abc123"
	stored := w.stored("acme", w.id)
	var err error
	if stored.Sealed, err = w.vault.SealSecrets(t.Context(), &stored, webhook.Secrets{Signing: short}); err != nil {
		t.Fatal(err)
	}
	stored.SecretHint, stored.AuthHeaderName = webhook.HintOf(short), ""
	w.commit(webhook.Change{Webhook: &stored})
	w.signs(short, "")
	if hint := w.get().str("secretHint"); hint != "…" {
		t.Fatalf("shown as %s", hint)
	}
	w.patch(`{"authHeader":{"name":"x-api-key","value":"sesame-street"}}`).want(200)
	w.signs(short, "")
	w.post("rotate", `{"secret":"`+secondSecret+`"}`).want(200)
	w.signs(short, secondSecret)
	w.post("cancel", nil).want(200)
	w.signs(short, "")
	w.post("rotate", `{"secret":"`+short+`","replace":true}`).problem(422, "body.secret")
}

func TestRepeatedRotation(t *testing.T) {
	w := newRotating(t)
	first := w.post("rotate", nil, "Idempotency-Key", "k", "If-Match", `"1"`).want(200)
	repeat := func() {
		t.Helper()
		again := w.post("rotate", nil, "Idempotency-Key", "k", "If-Match", `"1"`).want(200)
		if again.body != first.body || !reflect.DeepEqual(again.header, first.header) {
			t.Fatalf("another answer:\n%s\n%s", first.body, again.body)
		}
	}
	repeat()
	w.signs(firstSecret, first.str("secret"))
	w.post("rotate", `{}`, "Idempotency-Key", "k").problem(422, "header.Idempotency-Key")
	w.post("rotate", nil, "Idempotency-Key", "other").problem(409)
	w.post("rotate", nil, "Idempotency-Key", "\x7f").problem(422, "header.Idempotency-Key")
	w.patch(`{"secret":"` + thirdSecret + `"}`).want(200)
	w.advance(webhook.AnswerLife - 1)
	repeat()
	w.signs(thirdSecret, "")
	w.advance(1)
	if r := w.post("rotate", nil, "Idempotency-Key", "k").want(200); r.str("secret") == first.str("secret") {
		t.Fatal("the answer outlived its time")
	}
	w.do(req{method: "DELETE", path: w.hook, key: w.key}).want(204)
	w.post("rotate", nil, "Idempotency-Key", "k").problem(404)
}

// The key of one webhook's rotation is free for another one's, and for a creation.
func TestRotationKeysAreTheirRoutes(t *testing.T) {
	w := newRotating(t)
	first := w.post("rotate", nil, "Idempotency-Key", "k").want(200)
	w.createWithKey(w.key, "k", goodBody).want(201)
	w.hook = "/v1/webhooks/" + w.webhook(w.key, nil)
	if r := w.post("rotate", nil, "Idempotency-Key", "k").want(200); r.str("secret") == first.str("secret") {
		t.Fatal("another webhook's answer")
	}
}

// What failed is not an answer that is kept.
func TestFailedRotationIsNotKept(t *testing.T) {
	w := newRotating(t)
	w.post("rotate", `{"secret":"short"}`, "Idempotency-Key", "k").problem(422)
	w.store.FailAfter = failing("Commit")
	w.post("rotate", nil, "Idempotency-Key", "k").problem(503)
	w.store.FailAfter = nil
	// That one was stored, though its answer was lost: the repeated request finds it.
	r := w.post("rotate", nil, "Idempotency-Key", "k").want(200)
	w.signs(firstSecret, r.str("secret"))
}

func failing(name string) func(string) error {
	return func(op string) error {
		if op == name {
			return webhook.Errorf(webhook.Unavailable, "lost")
		}
		return nil
	}
}

// A rotation that was stored has its answer: nothing is read after it that could fail.
func TestRotationAnswersOnceStored(t *testing.T) {
	w := newRotating(t)
	w.store.FailAfter = func(op string) error {
		if op == "Commit" {
			w.store.Fail = failing("Stats")
		}
		return nil
	}
	w.post("rotate", nil).want(200)
}
