package portal

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// deadLetters are a number of messages, of which one call moves at most so many.
type deadLetters struct {
	left, perCall, asked int
	during               time.Duration
	err                  error
}

func (d *deadLetters) Redrive(_ context.Context, most int, during time.Duration) (int, error) {
	d.asked, d.during = most, during
	n := min(most, d.perCall, d.left)
	d.left -= n
	return n, d.err
}

func (d *deadLetters) Count(context.Context) (int, error) { return d.left, d.err }

func TestDeadLetters(t *testing.T) {
	w := newWorld(t)
	d := &deadLetters{left: 2500, perCall: 1200}
	w.admin = NewAdmin(AdminConfig{
		Store: w.store, Parked: w.objects, DeadLetters: d, Queue: w.queue, Vault: w.vault, Now: w.clock, Rand: w.ids().Rand,
		Log: newLogger(w.log),
	})
	count := func(want int) {
		t.Helper()
		if r := w.doAdmin("GET", "/admin/dead-letters", nil).want(200); !reflect.DeepEqual(r.json(), map[string]any{"left": float64(want)}) {
			t.Error(r.body)
		}
	}
	count(2500)
	for _, c := range []struct {
		body               any
		asked, moved, left int
	}{
		{nil, 1000, 1000, 1500}, {`{}`, 1000, 1000, 500}, {`{"max":3}`, 3, 3, 497}, {`{"max":10000}`, 10000, 497, 0}, {nil, 1000, 0, 0},
	} {
		r := w.doAdmin("POST", "/admin/dead-letters/redrive", c.body).want(200)
		want := map[string]any{"moved": float64(c.moved), "left": float64(c.left)}
		if !reflect.DeepEqual(r.json(), want) || d.asked != c.asked || d.during <= 0 || d.during > 25*time.Second {
			t.Errorf("%v: asked %d for %v: %s", c.body, d.asked, d.during, r.body)
		}
		count(c.left)
	}
	for _, bad := range []string{`{"max":0}`, `{"max":10001}`, `{"max":"1"}`} {
		w.doAdmin("POST", "/admin/dead-letters/redrive", bad).problem(422, "body.max")
	}
	d.err = webhook.Errorf(webhook.Unavailable, "no queue")
	w.doAdmin("POST", "/admin/dead-letters/redrive", nil).problem(503)
	w.doAdmin("GET", "/admin/dead-letters", nil).problem(503)
}
