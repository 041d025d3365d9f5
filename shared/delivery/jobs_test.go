package delivery

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestDrainCosts counts what a drain of 2,000 does: each of its numbers is a price.
func TestDrainCosts(t *testing.T) {
	const n = 2000
	w := newWorld(t)
	h := w.off()
	w.hold(n)
	w.rest(90 * time.Second) // the sweeper has seen them
	w.queue.Take()
	w.budget = 60 * time.Second
	before, received := w.store.Calls(), w.received
	began := w.clock()
	w.activate(h)
	waiting := 0
	for w.drain(h).State == webhook.JobRunning && w.clock().Sub(began) < 10*time.Minute {
		w.rest(time.Second)
		waiting = max(waiting, len(w.pending))
	}
	if w.counts()[webhook.Delivered] != n || len(w.posts) != n {
		t.Fatalf("%d posts, %v", len(w.posts), w.counts())
	}
	if took := w.clock().Sub(began); took > n*w.took+5*time.Second {
		t.Errorf("took %v: more than the endpoint's time", took)
	}
	got := map[string]int{}
	for op, c := range w.store.Calls() {
		got[op] = c - before[op]
	}
	steps := w.drain(h).Step
	messages := w.received - received
	t.Logf("%d steps, %d messages, calls %v", steps, messages, got)
	// Each one: its claim and its outcome; its delivery read; its webhook read for the drain.
	for op, most := range map[string]int{"Commit": 2*n + 200, "Delivery": n + 200, "Webhook": n + 200, "Held": n/sourcePage + 200} {
		if got[op] > most {
			t.Errorf("%d times %s, want at most %d", got[op], op, most)
		}
	}
	// An invocation's work is followed by one message and insured by another; they do not multiply even though nothing
	// here runs at once.
	if steps < 18 || steps > 25 || messages > 2*steps+5 || waiting > 6 {
		t.Errorf("%d steps, %d messages, %d waited at once", steps, messages, waiting)
	}
}

// TestDrainWhoseProcessDies: its insurance goes on as soon as the lease has ended, not the sweeper.
func TestDrainWhoseProcessDies(t *testing.T) {
	w := newWorld(t)
	w.Group = inTurn
	h := w.off()
	want := w.hold(3)
	began := w.clock()
	w.answer = func(n int, _ webhook.Request) webhook.Response {
		if n == 2 {
			w.dead = true // nothing after it is stored, and its message comes again in minutes
			w.store.Fail = func(string) error {
				if w.dead {
					return errKilled
				}
				return nil
			}
		}
		return webhook.Response{StatusCode: 200}
	}
	w.activate(h)
	w.rest(insuranceDelay + 5*time.Second)
	if got := w.sentVerifications(); !slices.Equal(got, []string{want[0], want[1], want[1], want[2]}) || w.drain(h).State != webhook.JobDone {
		t.Errorf("sent %v %v after the beginning, %+v", got, w.clock().Sub(began), w.drain(h))
	}
}

// TestDrainOfASlowEndpoint: one that takes nearly all of its time leaves others the invocation's concurrency.
func TestDrainOfASlowEndpoint(t *testing.T) {
	w := newWorld(t)
	h := w.off()
	want := w.hold(20)
	w.took, w.budget = 9500*time.Millisecond, 60*time.Second
	var begun []time.Time
	w.answer = func(int, webhook.Request) webhook.Response {
		begun = append(begun, w.clock())
		return webhook.Response{StatusCode: 200}
	}
	received := w.received
	w.activate(h)
	w.rest(20*9500*time.Millisecond + 2*time.Minute)
	if got := w.sentVerifications(); !slices.Equal(got, want) || w.drain(h).State != webhook.JobDone {
		t.Errorf("sent %v, %+v", got, w.drain(h))
	}
	if last := w.posts[len(w.posts)-1].at; last.Sub(w.posts[0].at) > 20*9600*time.Millisecond {
		t.Errorf("the last one %v after the first", last.Sub(w.posts[0].at))
	}
	if n := w.received - received; n > 40 {
		t.Errorf("%d messages", n)
	}
}

// TestJobWithoutAMessageIsFound: whatever it waited for is over and nobody says so; within two minutes it goes on.
func TestJobWithoutAMessageIsFound(t *testing.T) {
	for _, kind := range []webhook.JobKind{webhook.DrainJob, webhook.RecoverJob} {
		for _, current := range []bool{false, true} {
			t.Run(fmt.Sprint(kind, current), func(t *testing.T) {
				w := newWorld(t)
				h := w.off()
				w.hold(3)
				w.edit(h, func(s *webhook.Webhook) { s.Activate(w.clock()) })
				s := w.stored(h)
				j := webhook.NewDrain(webhook.Job{}, &s, w.clock(), w.IDs.Job(), 3)
				j.Kind, j.Since, j.Until, j.States = kind, start.Add(-time.Hour), w.clock(), []webhook.State{webhook.StateExpired}
				for _, d := range w.store.AllDeliveries() {
					if kind == webhook.RecoverJob { // what is held would be the sweeper's
						d.Expire(w.clock())
						w.commit(webhook.Change{Deliveries: []*webhook.Delivery{&d}})
					}
				}
				if current {
					d := w.of("ver_000")
					d.StartRound(w.clock(), s.Generation, w.clock(), kind)
					d.Succeed()
					j.Wait(w.clock(), d.ID)
					w.commit(webhook.Change{Deliveries: []*webhook.Delivery{&d}, Jobs: []*webhook.Job{j}})
				} else {
					w.commit(webhook.Change{Jobs: []*webhook.Job{j}})
				}
				w.queue.Take()
				w.rest(2*time.Minute + time.Second)
				if j := w.job(h, kind); j.State != webhook.JobDone || w.counts()[webhook.Delivered] != 3 || j.Done != 3 {
					t.Errorf("%v, %+v", w.counts(), j)
				}
			})
		}
	}
}

// TestJobAtItsLimit: no chain of messages is endless, and what the job did not reach is found.
func TestJobAtItsLimit(t *testing.T) {
	w := newWorld(t)
	h := w.off()
	w.hold(3)
	s := w.stored(h)
	s.Activate(w.clock())
	j := webhook.NewDrain(webhook.Job{}, &s, w.clock(), w.IDs.Job(), 3)
	j.Step = webhook.MaxJobSteps
	w.commit(webhook.Change{Webhook: &s, Jobs: []*webhook.Job{j}})
	poke := j.Ref().Message()
	if err := w.Receive(t.Context(), []webhook.Message{poke})[0]; err != nil {
		t.Fatal(err)
	}
	if j := w.drain(h); j.State != webhook.JobRunning || j.Step != 0 || j.DueAt.IsZero() || len(w.posts) != 0 || len(w.queue.Take()) != 0 {
		t.Fatalf("%d posts, %+v", len(w.posts), j)
	}
	w.rest(2*time.Minute + time.Second)
	if w.counts()[webhook.Delivered] != 3 {
		t.Errorf("%v", w.counts())
	}
}

// TestPokesDoNotMultiply: a webhook hangs with a long Retry-After, and somebody asks for the next step every minute, of
// the job and of the delivery: messages stay as many as were sent.
func TestPokesDoNotMultiply(t *testing.T) {
	w := newWorld(t)
	h := w.off()
	w.hold(3)
	w.took = 9500 * time.Millisecond
	w.answer = func(int, webhook.Request) webhook.Response {
		return webhook.Response{StatusCode: 503, ErrorCode: webhook.ErrHTTPStatus, RetryAfter: 15 * time.Minute}
	}
	w.activate(h)
	w.rest(5 * time.Minute)
	received := w.received
	w.rest(time.Hour)
	alone := w.received - received
	if alone > 75 { // the sweeper's of the job, one a minute
		t.Errorf("%d messages in an hour at rest", alone)
	}
	received = w.received
	d := w.of("ver_000")
	for range 10 {
		_ = w.queue.Send(t.Context(), webhook.JobRef{PartnerID: h.PartnerID, WebhookID: h.ID, Kind: webhook.DrainJob}.Message())
		w.rest(time.Minute)
	}
	if len(w.pending) > 3 {
		t.Errorf("%d messages wait", len(w.pending))
	}
	_ = w.queue.Send(t.Context(), webhook.Message{Kind: webhook.AttemptMessage, Ref: d.Ref()})
	w.rest(2 * time.Hour)
	if len(w.pending) > 0 || w.stored(h).Active || w.received-received > 10+150 {
		t.Errorf("%d messages wait, %d were received", len(w.pending), w.received-received)
	}
}
