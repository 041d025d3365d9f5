package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

var (
	errDown       = webhook.Errorf(webhook.Unavailable, "the table did not answer")
	errUnreadable = webhook.Errorf(webhook.Corrupt, "an item has the unknown format 9")
	errRefused    = webhook.Errorf(webhook.Internal, "the table refused the request")
)

// refusing is a Store in which some deliveries, by id, can't be read. A nil error stands for a bug.
type refusing struct {
	Store
	errs map[string]error
}

func (s refusing) Delivery(ctx context.Context, ref webhook.Ref) (webhook.Delivery, error) {
	err, ok := s.errs[ref.DeliveryID]
	switch {
	case !ok:
		return s.Store.Delivery(ctx, ref)
	case err == nil:
		panic("a bug")
	}
	return webhook.Delivery{}, err
}

// overdue stores deliveries whose message was lost, named dlv_0 and so on.
func (w *world) overdue(n int) {
	w.t.Helper()
	for i := range n {
		d := webhook.Delivery{
			PartnerID: "acme", WebhookID: "whk_1", ID: fmt.Sprintf("dlv_%d", i), State: webhook.StatePending, NextAttemptAt: start, DueAt: start, Event: anyEvent,
		}
		w.commit(webhook.Change{Deliveries: []*webhook.Delivery{&d}})
	}
}

// written keeps what is logged from now on.
type written struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *written) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (w *world) written() *written {
	l := &written{}
	w.Log = slog.New(slog.NewJSONHandler(io.MultiWriter(catalogued{w.t}, l), nil))
	return l
}

// of returns the lines of an event.
func (l *written) of(event string) (lines []map[string]any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) == nil && fields["event"] == event {
			lines = append(lines, fields)
		}
	}
	return lines
}

// failing lets an operation of the store fail.
func (w *world) failing(op string) { w.storeFails(op, errDown) }

func (w *world) storeFails(op string, err error) {
	w.store.Fail = func(o string) error {
		if o != op {
			return nil
		}
		return err
	}
}

// TestSweepFailsOnlyAsAWhole: two deliveries are overdue and two operational events are left. A run is a failure only if
// the sweeper could not do its work; what fails singly is told with its ids, and counted.
func TestSweepFailsOnlyAsAWhole(t *testing.T) {
	for _, tt := range []struct {
		name   string
		breaks func(w *world)
		code   webhook.Code // of the run's error
		want   Swept
		lines  string // of what failed: event, level, delivery, code
	}{
		{name: "nothing", want: Swept{Overdue: 2, Requeued: 2, Published: 2}},
		{
			name: "one can't be read", breaks: func(w *world) { w.Store = refusing{w.store, map[string]error{"dlv_0": errUnreadable}} },
			want: Swept{Overdue: 2, Requeued: 1, Failed: 1, Published: 2}, lines: "overdue.put_off ERROR dlv_0 corrupt",
		},
		{
			name: "none can be read", breaks: func(w *world) {
				w.Store = refusing{w.store, map[string]error{"dlv_0": errUnreadable, "dlv_1": errUnreadable}}
			},
			want:  Swept{Overdue: 2, Failed: 2, Published: 2},
			lines: "overdue.put_off ERROR dlv_0 corrupt, overdue.put_off ERROR dlv_1 corrupt",
		},
		{
			name: "a bug and what can never be right", breaks: func(w *world) {
				w.Store = refusing{w.store, map[string]error{"dlv_0": nil, "dlv_1": errRefused}}
			},
			want:  Swept{Overdue: 2, Failed: 2, Published: 2},
			lines: "overdue.put_off ERROR dlv_0 internal, overdue.put_off ERROR dlv_1 internal",
		},
		{
			name: "one is throttled", breaks: func(w *world) { w.Store = refusing{w.store, map[string]error{"dlv_0": errDown}} },
			want: Swept{Overdue: 2, Requeued: 1, Failed: 1, Published: 2}, lines: "overdue.put_off WARN dlv_0 unavailable",
		},
		{
			name: "all are throttled", breaks: func(w *world) { w.failing("Delivery") }, code: webhook.Unavailable,
			want:  Swept{Overdue: 2, Failed: 2, Published: 2},
			lines: "overdue.put_off WARN dlv_0 unavailable, overdue.put_off WARN dlv_1 unavailable",
		},
		{
			name: "one is throttled, the other can't be read", code: webhook.Unavailable,
			breaks: func(w *world) {
				w.Store = refusing{w.store, map[string]error{"dlv_0": errUnreadable, "dlv_1": errDown}}
			},
			want:  Swept{Overdue: 2, Failed: 2, Published: 2},
			lines: "overdue.put_off ERROR dlv_0 corrupt, overdue.put_off WARN dlv_1 unavailable",
		},
		{
			name: "no write is taken", breaks: func(w *world) { w.failing("Commit") }, code: webhook.Unavailable,
			want:  Swept{Overdue: 2, Failed: 2, Published: 2},
			lines: "overdue.put_off WARN dlv_0 unavailable, overdue.put_off WARN dlv_1 unavailable",
		},
		{
			name: "the queue takes nothing", breaks: func(w *world) { w.queue.Fail = func() error { return errDown } }, code: webhook.Unavailable,
			want:  Swept{Overdue: 2, Failed: 2, Published: 2},
			lines: "overdue.put_off WARN dlv_0 unavailable, overdue.put_off WARN dlv_1 unavailable",
		},
		{
			name: "somebody else moved them on", breaks: func(w *world) { w.storeFails("Commit", webhook.Errorf(webhook.Conflict, "changed")) },
			want: Swept{Overdue: 2, Published: 2},
		},
		{
			name: "what waits in the queue is not known", breaks: func(w *world) { w.Queue = mute{w.queue} }, code: webhook.Unavailable,
			want: Swept{Published: 2},
		},
		{
			name: "what is overdue is not known", breaks: func(w *world) { w.failing("Due") }, code: webhook.Unavailable, want: Swept{Published: 2},
		},
		{
			name: "what is left in the outbox is not known", breaks: func(w *world) { w.failing("Outbox") }, code: webhook.Unavailable,
			want: Swept{Overdue: 2, Requeued: 2},
		},
		{
			name: "the bus is down", breaks: func(w *world) { w.bus.Fail = func() error { return errDown } },
			want:  Swept{Overdue: 2, Requeued: 2, Refused: 2},
			lines: "outbox.put_off WARN <nil> unavailable, outbox.put_off WARN <nil> unavailable",
		},
		{
			name: "the bus refuses one", breaks: func(w *world) {
				full := w.bus
				w.Bus = busWith{func(events []webhook.OutboxEvent) ([]webhook.OutboxEvent, error) {
					accepted, _ := full.Publish(t.Context(), events[:1])
					return accepted, errDown
				}}
			},
			want: Swept{Overdue: 2, Requeued: 2, Published: 1, Refused: 1}, lines: "outbox.put_off WARN <nil> unavailable",
		},
		{
			name: "what was told stays in the outbox", breaks: func(w *world) { w.failing("RemoveOutbox") },
			want:  Swept{Overdue: 2, Requeued: 2, Refused: 2},
			lines: "outbox.put_off WARN <nil> unavailable, outbox.put_off WARN <nil> unavailable",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.Group = inTurn
			w.overdue(2)
			w.leave(2)
			w.advance(2 * time.Minute)
			if tt.breaks != nil {
				tt.breaks(w)
			}
			log := w.written()
			out, err := w.Sweep(t.Context())
			if out != tt.want || webhook.CodeOf(err) != tt.code {
				t.Errorf("%+v, %v", out, err)
			}
			var lines []string
			for _, event := range []string{"overdue.put_off", "outbox.put_off"} {
				for _, l := range log.of(event) {
					lines = append(lines, fmt.Sprint(l["event"], " ", l["level"], " ", l["deliveryId"], " ", l["code"]))
				}
			}
			if got := strings.Join(lines, ", "); got != tt.lines {
				t.Errorf("logged %s, want %s", got, tt.lines)
			}
		})
	}
}

// mute is a Queue that does not tell its length.
type mute struct{ Queue }

func (mute) Waiting(context.Context) (int, error) { return 0, errDown }

// TestSweepOfAJobThatFails: it is told with its webhook and kind, and keeps nobody from being swept.
func TestSweepOfAJobThatFails(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	w.recover(h, nil)
	w.queue.Take()
	w.overdue(1)
	w.advance(2 * time.Minute)
	w.storeFails("Job", errUnreadable)
	log := w.written()
	out, err := w.Sweep(t.Context())
	if err != nil || out.Requeued != 1 || out.Failed != 1 {
		t.Errorf("%+v, %v", out, err)
	}
	if l := log.of("overdue.put_off"); len(l) != 1 || l[0]["partnerId"] != "acme" || l[0]["webhookId"] != h.ID || l[0]["job"] != string(webhook.RecoverJob) {
		t.Errorf("%v", l)
	}
}

// TestSweepLogIsBounded: 700 deliveries that can't be read, and as many events that the bus refuses, are a hundred lines each.
func TestSweepLogIsBounded(t *testing.T) {
	const n = sweepPage + 200
	w := newWorld(t)
	w.overdue(n)
	w.storeFails("Delivery", errUnreadable)
	w.leave(n)
	w.advance(2 * time.Minute)
	w.Bus = busWith{func(events []webhook.OutboxEvent) ([]webhook.OutboxEvent, error) { return events[:1], errDown }}
	log := w.written()
	out, err := w.Sweep(t.Context())
	if err != nil || out.Failed != n || out.Published != n/outboxPage || out.Refused != n-n/outboxPage {
		t.Errorf("%+v, %v", out, err)
	}
	if a, b := len(log.of("overdue.put_off")), len(log.of("outbox.put_off")); a != sweepLines || b != sweepLines {
		t.Errorf("%d and %d lines", a, b)
	}
}

// TestSweepSeesNothingBehind: so many that can't be read stand first that a run gets to nobody else. That is a stopped
// sweeper; one less is not.
func TestSweepSeesNothingBehind(t *testing.T) {
	for _, fewer := range []int{0, 1} {
		w := newWorld(t)
		w.overdue(sweepMost - fewer)
		w.storeFails("Delivery", errUnreadable)
		w.advance(2 * time.Minute)
		out, err := w.Sweep(t.Context())
		if out.Failed != sweepMost-fewer || (err != nil) != (fewer == 0) || err != nil && len(err.Error()) > 200 {
			t.Errorf("%+v, %v", out, err)
		}
	}
}

// TestSweepOfWaitingBehindAnUnreadableWebhook: all that is held for it does not stand before the others each minute. It is
// looked at again, and drained when the webhook can be read.
func TestSweepOfWaitingBehindAnUnreadableWebhook(t *testing.T) {
	w := newWorld(t)
	h := w.off()
	w.stream(record("acme", "ver_1", start))
	w.edit(h, func(s *webhook.Webhook) { s.Activate(w.clock()) })
	w.advance(webhook.Grace)
	w.storeFails("Webhook", errUnreadable)
	log := w.written()
	if out, err := w.Sweep(t.Context()); err != nil || out.Failed != 1 || len(log.of("overdue.put_off")) != 1 {
		t.Errorf("%+v, %v", out, err)
	}
	if d := w.only(); d.State != webhook.Held || d.DueAt.Sub(w.clock()) != unreadableCheck {
		t.Errorf("%+v", d)
	}
	if out, err := w.Sweep(t.Context()); err != nil || out.Overdue != 0 {
		t.Errorf("at once: %+v, %v", out, err)
	}
	w.store.Fail = nil
	w.rest(drainCheck + 2*time.Minute)
	if d := w.only(); d.State != webhook.Delivered {
		t.Errorf("%+v", d)
	}
}

// TestSweepSaysWhy: of many failures the error names one.
func TestSweepSaysWhy(t *testing.T) {
	w := newWorld(t)
	w.overdue(50)
	w.advance(2 * time.Minute)
	w.failing("Delivery")
	if _, err := w.Sweep(t.Context()); !errors.Is(err, errDown) || len(err.Error()) > 200 {
		t.Errorf("%v", err)
	}
}
