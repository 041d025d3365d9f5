package delivery

import (
	"fmt"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestOutageOfAnHour: the key service fails for an hour. Messages do not multiply meanwhile, though the sweeper adds
// some every minute, and everything goes on within minutes of the end.
func TestOutageOfAnHour(t *testing.T) {
	w := newWorld(t)
	w.Each = inTurn
	h := w.off()
	w.hold(3)
	w.activate(h)
	w.vault.Fail = func() error { return webhook.Errorf(webhook.Unavailable, "down") }
	for i := range 4 {
		w.stream(record("acme", fmt.Sprint("new_", i), w.clock()))
	}
	w.ask(w.of("new_0"))
	w.rest(10 * time.Minute)
	received, waiting := w.received, len(w.pending)
	w.rest(50 * time.Minute)
	if n := len(w.pending); n > waiting+5 || n > 35 {
		t.Errorf("%d messages wait for four deliveries and a drain, %d did after ten minutes", n, waiting)
	}
	if n := w.received - received; n > 50*45 {
		t.Errorf("%d messages in 50 minutes", n)
	}
	w.vault.Fail = nil
	w.rest(2*time.Minute + time.Second)
	if w.counts()[webhook.Delivered] != 7 || w.drain(h).State != webhook.JobDone {
		t.Errorf("%v, %+v", w.counts(), w.drain(h))
	}
	w.rest(6 * time.Minute)
	if len(w.pending) > 0 {
		t.Errorf("%d messages", len(w.pending))
	}
}
