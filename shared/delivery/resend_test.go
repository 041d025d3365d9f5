package delivery

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// ask does what the portal does: it stores the wish for an attempt by hand, then sends the message.
func (w *world) ask(d webhook.Delivery) {
	w.t.Helper()
	fresh := w.fresh(d)
	fresh.AskResend(w.clock())
	w.commit(webhook.Change{Deliveries: []*webhook.Delivery{&fresh}})
	if err := w.queue.Send(context.Background(), webhook.Message{Kind: webhook.AttemptMessage, Ref: d.Ref()}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) fresh(d webhook.Delivery) webhook.Delivery {
	w.t.Helper()
	fresh, err := w.store.Delivery(context.Background(), d.Ref())
	if err != nil {
		w.t.Fatal(err)
	}
	return fresh
}

// change changes the only delivery as if something else had.
func (w *world) change(f func(d *webhook.Delivery)) {
	w.t.Helper()
	d := w.only()
	f(&d)
	w.commit(webhook.Change{Deliveries: []*webhook.Delivery{&d}})
}

func (w *world) suspend(on bool) {
	w.t.Helper()
	p, err := w.store.Partner(context.Background(), "acme")
	if err != nil {
		w.t.Fatal(err)
	}
	p.Suspended = on
	w.commit(webhook.Change{Partner: &p})
}

func always(code int) func(int, webhook.Request) webhook.Response {
	return func(int, webhook.Request) webhook.Response {
		if code < 300 {
			return webhook.Response{StatusCode: code}
		}
		return failing(webhook.Response{})
	}
}

const badTemplate = `{"a":"{{length(data.sessionId)}}"}`

// resendStates brings the only delivery into each state that a resend may meet.
var resendStates = []struct {
	name string
	act  func(w *world, h *webhook.Webhook)
}{
	{"delivered", func(w *world, h *webhook.Webhook) { w.stream(record("acme", "ver_1", start)) }},
	{"exhausted", func(w *world, h *webhook.Webhook) {
		w.answer = always(500)
		w.stream(record("acme", "ver_1", start))
		w.edit(h, func(s *webhook.Webhook) { s.Generation++ })
		w.rest(time.Minute)
	}},
	{"tripped", func(w *world, h *webhook.Webhook) {
		w.answer = always(500)
		w.stream(record("acme", "ver_1", start))
		w.rest(time.Minute)
	}},
	{"held", func(w *world, h *webhook.Webhook) {
		w.deactivate(h)
		w.stream(record("acme", "ver_1", start))
	}},
	{"expired", func(w *world, h *webhook.Webhook) {
		w.deactivate(h)
		w.stream(record("acme", "ver_1", start))
		w.change(func(d *webhook.Delivery) { d.Expire(w.clock()) })
	}},
	{"undeliverable, template repaired", func(w *world, h *webhook.Webhook) {
		w.edit(h, withTemplate(badTemplate))
		w.stream(record("acme", "ver_1", start))
		w.edit(h, withTemplate(`{"id":"{{data.verificationId}}"}`))
	}},
	{"undeliverable with a body", func(w *world, h *webhook.Webhook) {
		w.stream(record("acme", "ver_1", start))
		w.change(func(d *webhook.Delivery) { d.GiveUp(w.clock(), interrupted) })
	}},
}

// TestResend: one attempt by hand of whatever state. A success delivers; a failure changes nothing but the log. Neither
// counts, and neither switches anything.
func TestResend(t *testing.T) {
	for _, st := range resendStates {
		for _, code := range []int{200, 500} {
			t.Run(fmt.Sprintf("%s/%d", st.name, code), func(t *testing.T) {
				w := newWorld(t)
				h := w.hook("acme", nil)
				st.act(w, h)
				w.queue.Take()
				before, hook, report, posts := w.only(), w.stored(h), w.report(h), len(w.posts)
				w.answer = always(code)
				w.ask(before)
				w.ask(before) // and its message twice
				w.rest(50 * time.Second)
				got := w.only()
				if len(w.posts) != posts+1 || !got.ResendAt.IsZero() || got.Claim != nil || got.Interruptions != 0 {
					t.Fatalf("%d posts, %+v", len(w.posts)-posts, got)
				}
				last := got.Log[len(got.Log)-1]
				if len(got.Log) != len(before.Log)+1 || !last.Manual || last.Number != before.Attempts+1 || got.Attempts != last.Number {
					t.Errorf("log %+v", got.Log)
				}
				if n := header(w.posts[posts].req, "x-webhook-attempt"); n != fmt.Sprint(last.Number) {
					t.Errorf("attempt %s", n)
				}
				if code == 200 {
					if got.State != webhook.Delivered || got.Tripped || !got.HeldUntil.IsZero() || !got.DueAt.IsZero() {
						t.Errorf("%+v", got)
					}
				} else if got.State != before.State || got.Tripped != before.Tripped || !got.HeldUntil.Equal(before.HeldUntil) ||
					got.Generation != before.Generation || got.RoundAttempts != before.RoundAttempts || got.Reason != before.Reason ||
					got.DueAt.IsZero() == before.Waiting() {
					t.Errorf("before %+v\nafter %+v", before, got)
				}
				if after := w.stored(h); !reflect.DeepEqual(after, hook) {
					t.Errorf("webhook %+v", after)
				}
				after := w.report(h)
				if !reflect.DeepEqual(after, report) {
					t.Errorf("report %+v, was %+v", after, report)
				}
			})
		}
	}
}

// TestResendDropped: what can't be sent any more, or not yet, stays as it was, but for the reason.
func TestResendDropped(t *testing.T) {
	for _, tt := range []struct {
		name, reason string
		state        webhook.State
		act          func(w *world, h *webhook.Webhook)
	}{
		{"cancelled", "gone", webhook.Cancelled, func(w *world, h *webhook.Webhook) {
			w.stream(record("acme", "ver_1", start))
			w.change(func(d *webhook.Delivery) { d.Cancel(w.clock(), "gone") })
		}},
		{"suspended", "", webhook.Delivered, func(w *world, h *webhook.Webhook) {
			w.stream(record("acme", "ver_1", start))
			w.suspend(true)
		}},
		{"deleted", "", webhook.Delivered, func(w *world, h *webhook.Webhook) {
			w.stream(record("acme", "ver_1", start))
			s := w.stored(h)
			w.commit(webhook.Change{RemoveWebhook: &s})
		}},
		{"deleted, held", cancelReason(true), webhook.Cancelled, func(w *world, h *webhook.Webhook) {
			w.deactivate(h)
			w.stream(record("acme", "ver_1", start))
			s := w.stored(h)
			w.commit(webhook.Change{RemoveWebhook: &s})
		}},
		{"record not kept", noRecord, webhook.Undeliverable, func(w *world, h *webhook.Webhook) {
			w.stream(record("acme", "ver_1", start))
			w.change(func(d *webhook.Delivery) { d.Body = nil; d.GiveUp(w.clock(), "before") })
		}},
		{"record unusable", noRecord, webhook.Undeliverable, func(w *world, h *webhook.Webhook) {
			w.stream(record("acme", "ver_1", start))
			w.change(func(d *webhook.Delivery) { d.Body = nil; d.GiveUp(w.clock(), "before") })
			d := w.only()
			_ = w.objects.KeepRecord(context.Background(), d.Ref(), []byte(`{"eventName":"MODIFY"}`))
		}},
		{"template fails in another way", "b, character 1", webhook.Undeliverable, func(w *world, h *webhook.Webhook) {
			w.edit(h, withTemplate(badTemplate))
			w.stream(record("acme", "ver_1", start))
			w.edit(h, withTemplate(`{"b":"{{length(data.sessionId)}}"}`))
		}},
		{"secret unreadable", unreadableSecret, webhook.Undeliverable, func(w *world, h *webhook.Webhook) {
			w.edit(h, withTemplate(badTemplate))
			w.stream(record("acme", "ver_1", start))
			w.edit(h, withTemplate(``))
			w.edit(h, func(s *webhook.Webhook) { s.Sealed = []byte("x") })
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			tt.act(w, w.hook("acme", nil))
			before, posts := w.only(), len(w.posts)
			w.ask(before)
			w.rest(10 * time.Second)
			got := w.only()
			if got.State != tt.state || len(w.posts) != posts || !got.ResendAt.IsZero() || !got.DueAt.IsZero() || len(got.Log) != len(before.Log) {
				t.Errorf("%d posts, %+v", len(w.posts)-posts, got)
			}
			if tt.reason != "" && !strings.Contains(got.Reason, tt.reason) {
				t.Errorf("reason %q", got.Reason)
			}
			if events := w.told(webhook.DeliveryUndeliverable); len(events) > 1 {
				t.Errorf("told again: %+v", events)
			}
			w.suspend(false)
			w.rest(10 * time.Minute)
			if len(w.posts) != posts {
				t.Error("sent after all")
			}
		})
	}
}

// TestResendBuildsTheBodyAnew: by the present template, and stores it before the POST.
func TestResendBuildsTheBodyAnew(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", withTemplate(badTemplate))
	w.stream(record("acme", "ver_1", start))
	w.edit(h, withTemplate(`{"id":"{{data.verificationId}}"}`))
	w.answer = func(_ int, r webhook.Request) webhook.Response {
		if d := w.only(); string(d.Body) != `{"id":"ver_1"}` || string(r.Body) != string(d.Body) || d.Claim == nil {
			t.Errorf("sent %s, stored %+v", r.Body, d)
		}
		return failing(webhook.Response{})
	}
	for range 2 {
		w.ask(w.only())
		w.rest(10 * time.Second)
		if d := w.only(); d.State != webhook.Undeliverable || d.Claim != nil {
			t.Errorf("%+v", d)
		}
	}
	if !slices.Equal(w.numbers(), []string{"1", "2"}) {
		t.Errorf("numbers %v", w.numbers())
	}
}

// TestResendWithoutTime: it is left to the next invocation.
func TestResendWithoutTime(t *testing.T) {
	w := newWorld(t)
	w.hook("acme", nil)
	w.stream(record("acme", "ver_1", start))
	w.ask(w.only())
	w.queue.Take()
	w.budget = 25 * time.Second
	ctx, cancel := w.begin()
	defer cancel()
	d := w.only()
	if err := w.Receive(ctx, []webhook.Message{{Kind: webhook.AttemptMessage, Ref: d.Ref()}})[0]; err != nil || len(w.posts) != 1 || w.only().Rev != d.Rev {
		t.Fatalf("%d posts, %v, %+v", len(w.posts), err, w.only())
	}
	w.budget = 0
	w.rest(10 * time.Second)
	if d := w.only(); len(w.posts) != 2 || !d.ResendAt.IsZero() {
		t.Errorf("%d posts, %+v", len(w.posts), d)
	}
}
