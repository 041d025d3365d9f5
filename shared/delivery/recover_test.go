package delivery

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// recover does what the portal does: a job, then its message.
func (w *world) recover(h *webhook.Webhook, edit func(*webhook.Job)) {
	w.t.Helper()
	old, err := w.presentJob(context.Background(), h.PartnerID, h.ID, webhook.RecoverJob)
	if err != nil {
		w.t.Fatal(err)
	}
	j := &webhook.Job{
		PartnerID: h.PartnerID, WebhookID: h.ID, Kind: webhook.RecoverJob, Rev: old.Rev,
		Since: start.Add(-time.Hour), Until: w.clock(),
		States: []webhook.State{webhook.Exhausted, webhook.StateExpired, webhook.Held, webhook.Undeliverable},
	}
	if edit != nil {
		edit(j)
	}
	j.Start(w.clock(), w.IDs.Job(), w.stored(h).Generation)
	w.commit(webhook.Change{Jobs: []*webhook.Job{j}})
	_ = w.queue.Send(context.Background(), j.Ref().Message())
}

func (w *world) job(h *webhook.Webhook, kind webhook.JobKind) webhook.Job {
	w.t.Helper()
	j, err := w.presentJob(context.Background(), h.PartnerID, h.ID, kind)
	if err != nil {
		w.t.Fatal(err)
	}
	return j
}

// ended makes n deliveries, a second apart, in the states that turn gives each.
func (w *world) ended(h *webhook.Webhook, n int, turn func(i int, d *webhook.Delivery)) (verifications []string) {
	w.t.Helper()
	at := w.clock()
	w.deactivate(h)
	for i := range n {
		id := fmt.Sprintf("ver_%03d", i)
		w.stream(record("acme", id, at.Add(time.Duration(i)*time.Second)))
		d := w.of(id)
		turn(i, &d)
		w.commit(webhook.Change{Deliveries: []*webhook.Delivery{&d}})
		verifications = append(verifications, id)
	}
	w.advance(time.Duration(n) * time.Second)
	w.edit(h, func(s *webhook.Webhook) { s.Activate(w.clock()) })
	w.queue.Take()
	return verifications
}

func (w *world) expire(_ int, d *webhook.Delivery) { d.Expire(w.clock()) }

func (w *world) exhaust(d *webhook.Delivery) {
	d.StartRound(w.clock(), 1, w.clock(), "")
	d.Exhaust(false)
}

func TestRecoverFilters(t *testing.T) {
	turn := func(w *world) func(i int, d *webhook.Delivery) {
		return func(i int, d *webhook.Delivery) {
			switch i % 5 {
			case 0:
				w.exhaust(d)
			case 1:
				d.Expire(w.clock())
			case 2:
				d.GiveUp(w.clock(), interrupted)
			case 3:
				d.Cancel(w.clock(), "x")
			case 4:
				d.StartRound(w.clock(), 1, w.clock(), "")
				d.Succeed()
			}
			if i >= 10 {
				d.Event.Type = webhook.FailedType
			}
		}
	}
	for _, tt := range []struct {
		name string
		edit func(*webhook.Job)
		want []int
	}{
		{"all", nil, []int{0, 1, 2, 5, 6, 7, 10, 11, 12}},
		{"exhausted", func(j *webhook.Job) { j.States = []webhook.State{webhook.Exhausted} }, []int{0, 5, 10}},
		{"since", func(j *webhook.Job) { j.Since = start.Add(5 * time.Second) }, []int{5, 6, 7, 10, 11, 12}},
		{"until", func(j *webhook.Job) { j.Until = start.Add(10 * time.Second) }, []int{0, 1, 2, 5, 6, 7}},
		{"event type", func(j *webhook.Job) { j.EventType = webhook.FailedType }, []int{10, 11, 12}},
		{"nothing", func(j *webhook.Job) { j.Until = j.Since }, nil},
	} {
		for _, dry := range []bool{false, true} {
			t.Run(fmt.Sprint(tt.name, dry), func(t *testing.T) {
				w := newWorld(t)
				h := w.hook("acme", nil)
				all := w.ended(h, 15, turn(w))
				before := w.store.AllDeliveries()
				w.recover(h, func(j *webhook.Job) {
					if tt.edit != nil {
						tt.edit(j)
					}
					j.DryRun = dry
				})
				w.rest(30 * time.Second)
				var want []string
				for _, i := range tt.want {
					want = append(want, all[i])
				}
				done, total := len(want), len(want)
				if dry {
					done, want = 0, nil
				}
				if got := w.sentVerifications(); !slices.Equal(got, want) {
					t.Errorf("sent %v, want %v", got, want)
				}
				if j := w.job(h, webhook.RecoverJob); j.State != webhook.JobDone || j.Done != done || j.Total != total || !j.DueAt.IsZero() {
					t.Errorf("%+v", j)
				}
				for i, d := range w.store.AllDeliveries() {
					if dry && d.Rev != before[i].Rev {
						t.Error("a dry run wrote")
					}
					if !dry && slices.Contains(want, d.Event.VerificationID) != (d.State == webhook.Delivered && len(d.Log) == 1) {
						t.Errorf("%+v", d)
					}
				}
				if told := w.told(webhook.WebhookDrained); len(told) != 0 {
					t.Errorf("told %+v", told)
				}
			})
		}
	}
}

// TestRecoverInOrder: one in flight, more than a page, with long stretches that it is not about; a failed attempt is
// waited for.
func TestRecoverInOrder(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	all := w.ended(h, 3*walkPage+30, func(i int, d *webhook.Delivery) {
		if i > walkPage/2 && i < 2*walkPage+walkPage/2 || i%7 == 0 {
			d.Cancel(w.clock(), "x")
			return
		}
		d.Expire(w.clock())
	})
	var want []string
	for _, v := range all {
		if w.of(v).State == webhook.StateExpired {
			want = append(want, v)
		}
	}
	flying := 0
	w.answer = func(n int, r webhook.Request) webhook.Response {
		for _, d := range w.store.AllDeliveries() {
			if d.State == webhook.StatePending && d.Event.VerificationID != "new" {
				flying++
			}
		}
		if n > 3 && n < 6 {
			return failing(webhook.Response{})
		}
		return webhook.Response{StatusCode: 200}
	}
	w.recover(h, nil)
	w.rest(2 * time.Minute)
	got := w.sentVerifications()
	if len(got) != len(want)+2 || flying != len(got) || !slices.Equal(slices.Compact(got), want) {
		t.Errorf("sent %v, %d in flight", got, flying)
	}
	if j := w.job(h, webhook.RecoverJob); j.State != webhook.JobDone || j.Done != len(want) || j.Total != len(want) {
		t.Errorf("%+v", j)
	}
}

// TestRecoverInPieces: invocations end while it counts, and while it searches.
func TestRecoverInPieces(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	n := 5 * walkPage
	all := w.ended(h, n, func(i int, d *webhook.Delivery) {
		if i > 3 && i < n-3 {
			d.Cancel(w.clock(), "x")
			return
		}
		d.Expire(w.clock())
	})
	w.budget = 60 * time.Second
	most := 0
	w.Store = slowLists{w.store, func() {
		if w.advance(20 * time.Second); w.clock().After(w.until) {
			t.Error("an invocation went on when its time was over")
		}
		if j := w.job(h, webhook.RecoverJob); !j.Counted {
			most = max(most, len(w.pending))
		}
	}}
	w.recover(h, nil)
	w.rest(15 * time.Minute)
	if got := w.sentVerifications(); !slices.Equal(got, append(slices.Clone(all[:4]), all[n-3:]...)) {
		t.Errorf("sent %v", got)
	}
	if j := w.job(h, webhook.RecoverJob); j.State != webhook.JobDone || j.Done != 7 || j.Total != 7 || j.Step < 4 {
		t.Errorf("%+v", j)
	}
	if most > 0 {
		t.Errorf("%d messages beside the one that counts: the sweeper's go on as well", most)
	}
}

// TestRecoverWhoseHandOverFails: its step is stored and the message for the next one is not sent. What it was asked for
// by goes on from there in seconds.
func TestRecoverWhoseHandOverFails(t *testing.T) {
	w := newWorld(t)
	w.Group = inTurn
	h := w.hook("acme", nil)
	w.ended(h, 2*walkPage, w.expire)
	w.Store = slowLists{w.store, func() { w.advance(20 * time.Second) }}
	w.budget = 60 * time.Second
	sends := 0
	w.recover(h, func(j *webhook.Job) { j.DryRun = true })
	w.queue.Fail = func() error {
		if sends++; sends == 2 {
			return webhook.Errorf(webhook.Unavailable, "injected")
		}
		return nil
	}
	w.rest(59 * time.Second)
	w.rest(time.Minute)
	if j := w.job(h, webhook.RecoverJob); sends < 3 || j.State != webhook.JobDone || j.UpdatedAt.Sub(j.CreatedAt) > 3*20*time.Second+2*faultDelay {
		t.Errorf("%d messages, %+v", sends, j)
	}
}

// slowLists is a Store whose lists of deliveries take long.
type slowLists struct {
	Store
	wait func()
}

func (s slowLists) Deliveries(ctx context.Context, q webhook.DeliveryQuery) ([]webhook.Delivery, []byte, error) {
	s.wait()
	return s.Store.Deliveries(ctx, q)
}

// TestRecoverBesideADrain: what waits comes by the drain, one at a time and in order.
func TestRecoverBesideADrain(t *testing.T) {
	w := newWorld(t)
	h := w.off()
	want := w.hold(20)
	w.activate(h)
	w.recover(h, func(j *webhook.Job) { j.States = []webhook.State{webhook.Held} })
	w.rest(2 * time.Minute)
	if got := w.sentVerifications(); !slices.Equal(got, want) {
		t.Errorf("sent %v", got)
	}
	if j := w.job(h, webhook.RecoverJob); j.State != webhook.JobDone {
		t.Errorf("%+v", j)
	}
}
