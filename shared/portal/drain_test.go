package portal

import (
	"reflect"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// someJobID has the form of a job's id and names none.
const someJobID = "job_01jd3v9x7k2m4n6p8q0r2s4t6v"

// jobOf returns the stored present job of a kind, a zero Job if there is none.
func (w *world) jobOf(partnerID, webhookID string, kind webhook.JobKind) webhook.Job {
	w.t.Helper()
	j, err := presentJob(w.t.Context(), w.store, &webhook.Webhook{PartnerID: partnerID, ID: webhookID}, kind)
	if err != nil {
		w.t.Fatal(err)
	}
	return j
}

// drained stores a drain of a webhook; change, if given, completes it.
func (w *world) drained(partnerID, webhookID string, change func(*webhook.Job)) webhook.Job {
	w.t.Helper()
	x := w.stored(partnerID, webhookID)
	j := webhook.NewDrain(w.jobOf(partnerID, webhookID, webhook.DrainJob), &x, w.clock(), w.ids().Job(), 0)
	j.Current = ""
	if change != nil {
		change(j)
	}
	w.commit(webhook.Change{Jobs: []*webhook.Job{j}})
	return *j
}

// hold stores n held deliveries.
func (w *world) hold(partnerID, webhookID string, n int) {
	w.t.Helper()
	for range n {
		w.delivery(partnerID, webhookID, func(d *webhook.Delivery) { d.Hold(w.clock(), 1, time.Hour) })
	}
}

// off makes a webhook inactive as its failures do.
func (w *world) off(partnerID, webhookID string) {
	w.t.Helper()
	x := w.stored(partnerID, webhookID)
	x.Deactivate(w.clock(), webhook.ReasonFailures, "")
	w.commit(webhook.Change{Webhook: &x})
}

func (w *world) jobMessage(kind webhook.JobKind, webhookID string) webhook.Message {
	return webhook.Message{Kind: webhook.JobMessage, Job: kind, Ref: webhook.Ref{PartnerID: "acme", WebhookID: webhookID}}
}

var noQueue = webhook.Errorf(webhook.Unavailable, "no queue")

// Activation starts a drain in its own write, for either kind of deactivation and either route.
func TestActivationDrains(t *testing.T) {
	for name, c := range map[string]struct {
		failed       bool
		method, path string
		body         string
	}{
		"partner, activate":   {false, "POST", "/activate", `{"held":"deliver"}`},
		"partner, by default": {false, "POST", "/activate", `{}`},
		"partner, patch":      {false, "PATCH", "", `{"active":true}`},
		"failures, activate":  {true, "POST", "/activate", `{}`},
		"failures, patch":     {true, "PATCH", "", `{"active":true,"url":"https://b.example.com/"}`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			key := w.partner("acme")
			id := w.webhook(key, nil)
			hook := "/v1/webhooks/" + id
			if c.failed {
				w.off("acme", id)
			} else {
				w.do(req{method: "POST", path: hook + "/deactivate", key: key}).want(200)
			}
			w.hold("acme", id, 3)
			w.advance(time.Minute)
			commits := w.store.Calls()["Commit"]
			r := w.do(req{method: c.method, path: hook + c.path, key: key, body: c.body}).want(200)
			if n := w.store.Calls()["Commit"] - commits; n != 1 {
				t.Fatalf("%d writes", n)
			}
			j, now := w.jobOf("acme", id, webhook.DrainJob), w.clock()
			want := webhook.Job{
				PartnerID: "acme", WebhookID: id, Kind: webhook.DrainJob, ID: j.ID, State: webhook.JobRunning,
				Generation: w.stored("acme", id).Generation, Total: 3, CreatedAt: now, UpdatedAt: now, DueAt: now.Add(webhook.Grace), Rev: 1,
			}
			if !webhook.ValidJobID(j.ID) || !reflect.DeepEqual(j, want) {
				t.Fatalf("got  %+v\nwant %+v", j, want)
			}
			if ms := w.queue.Take(); !reflect.DeepEqual(ms, []webhook.Message{w.jobMessage(webhook.DrainJob, id)}) {
				t.Fatalf("%+v", ms)
			}
			m := r.json()
			if m["heldCount"] != 3.0 || !reflect.DeepEqual(m["drain"], map[string]any{"state": "running", "done": 0.0, "total": 3.0}) {
				t.Fatalf("%v %v", m["heldCount"], m["drain"])
			}
		})
	}
}

// A webhook that was never active has nothing to drain, and nothing to discard.
func TestFirstActivationDrainsNothing(t *testing.T) {
	for _, body := range []string{`{}`, `{"held":"discard"}`} {
		w := newWorld(t)
		key := w.partner("acme")
		id := w.webhook(key, map[string]any{"active": false})
		r := w.do(req{method: "POST", path: "/v1/webhooks/" + id + "/activate", key: key, body: body}).want(200)
		if j := w.jobOf("acme", id, webhook.DrainJob); j.ID != "" || len(w.queue.Take()) != 0 || r.json()["drain"] != nil {
			t.Fatalf("%+v %s", j, r.body)
		}
	}
}

// A drain that follows another waits for the delivery that is on its way; discarding ends the one that runs.
func TestActivationAfterDrain(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, nil)
	hook := "/v1/webhooks/" + id
	again := func(body string) response {
		w.do(req{method: "POST", path: hook + "/deactivate", key: key}).want(200)
		w.advance(time.Minute)
		w.queue.Take()
		return w.do(req{method: "POST", path: hook + "/activate", key: key, body: body}).want(200)
	}
	first := w.drained("acme", id, func(j *webhook.Job) { j.Current, j.Done, j.Total, j.Step = "dlv_1", 2, 5, 7 })
	again(`{}`)
	second := w.jobOf("acme", id, webhook.DrainJob)
	if second.ID == first.ID || second.Rev != 2 || second.Current != "dlv_1" || second.Done != 0 || second.Step != 0 || second.Generation != 2 {
		t.Fatalf("%+v", second)
	}
	r := again(`{"held":"discard"}`)
	third, now := w.jobOf("acme", id, webhook.DrainJob), w.clock()
	if third.ID != second.ID || third.State != webhook.JobStopped || third.Current != "dlv_1" || !third.DueAt.IsZero() || !third.UpdatedAt.Equal(now) {
		t.Fatalf("%+v", third)
	}
	if d := r.json()["drain"].(map[string]any); d["state"] != "stopped" {
		t.Fatal(r.body)
	}
	again(`{"held":"discard"}`)
	if j := w.jobOf("acme", id, webhook.DrainJob); j.Rev != third.Rev {
		t.Fatalf("an ended drain was written: %+v", j)
	}
	again(`{}`)
	if j := w.jobOf("acme", id, webhook.DrainJob); j.ID == third.ID || j.State != webhook.JobRunning || j.Rev != third.Rev+1 {
		t.Fatalf("%+v", j)
	}
}

// The message only saves time: the drain is stored, and its due time makes the sweeper see it.
func TestActivationWithoutQueue(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, nil)
	w.do(req{method: "POST", path: "/v1/webhooks/" + id + "/deactivate", key: key}).want(200)
	w.queue.Fail = func() error { return noQueue }
	w.do(req{method: "POST", path: "/v1/webhooks/" + id + "/activate", key: key}).want(200)
	if j := w.jobOf("acme", id, webhook.DrainJob); j.State != webhook.JobRunning || !j.DueAt.Equal(w.clock().Add(webhook.Grace)) {
		t.Fatalf("%+v", j)
	}
	lines := w.log.lines(t)
	if last := lines[len(lines)-1]; last["level"] != "WARN" || last["error"] == nil {
		t.Fatalf("%v", last)
	}
	// What is discarded must be asked for first.
	w.queue.Fail = nil
	w.do(req{method: "POST", path: "/v1/webhooks/" + id + "/deactivate", key: key}).want(200)
	w.queue.Fail = func() error { return noQueue }
	w.do(req{method: "POST", path: "/v1/webhooks/" + id + "/activate", key: key, body: `{"held":"discard"}`}).problem(503)
	if w.stored("acme", id).Active {
		t.Fatal("activated without the message that sees to what was discarded")
	}
}

// A store that fails leaves either nothing or the whole activation, whose drain the sweeper finds.
func TestActivationFails(t *testing.T) {
	for _, op := range []string{"Webhook", "Job", "HeldCount", "Commit"} {
		w := newWorld(t)
		key := w.partner("acme")
		id := w.webhook(key, nil)
		w.off("acme", id)
		activate := req{method: "POST", path: "/v1/webhooks/" + id + "/activate", key: key}
		w.store.Fail = failing(op)
		w.do(activate).problem(503)
		w.store.Fail = nil
		if w.stored("acme", id).Active || w.jobOf("acme", id, webhook.DrainJob).ID != "" || len(w.queue.Take()) != 0 {
			t.Fatalf("%s failed, and something was done", op)
		}
	}
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, nil)
	w.off("acme", id)
	activate := req{method: "POST", path: "/v1/webhooks/" + id + "/activate", key: key}
	w.store.FailAfter = failing("Commit")
	w.do(activate).problem(503)
	w.store.FailAfter = nil
	j := w.jobOf("acme", id, webhook.DrainJob)
	if r := w.do(activate).want(200); r.json()["drain"] == nil || j.State != webhook.JobRunning || j.DueAt.IsZero() {
		t.Fatalf("%+v %s", j, r.body)
	}
	if again := w.jobOf("acme", id, webhook.DrainJob); again.ID != j.ID || len(w.store.AllOutbox()) != 1 {
		t.Fatalf("the repeated activation started another drain: %+v", again)
	}
}

// Of activations at once, one starts a drain, while another request and a drain's own steps write at the same time.
func TestConcurrentActivations(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, nil)
	hook := "/v1/webhooks/" + id
	old := w.drained("acme", id, nil)
	w.do(req{method: "POST", path: hook + "/deactivate", key: key}).want(200)
	stepped := false
	w.store.Fail = func(op string) error { // the old drain makes a step between what is read and what is written
		if op == "Commit" && !stepped {
			stepped = true
			j := w.jobOf("acme", id, webhook.DrainJob)
			j.Step++
			j.Current = "dlv_2"
			w.commit(webhook.Change{Jobs: []*webhook.Job{&j}})
		}
		return nil
	}
	w.do(req{method: "POST", path: hook + "/activate", key: key}).want(200)
	w.store.Fail = nil
	j := w.jobOf("acme", id, webhook.DrainJob)
	if j.ID == old.ID || j.Current != "dlv_2" || j.Rev != 3 || len(w.queue.Take()) != 1 {
		t.Fatalf("%+v", j)
	}
	w.do(req{method: "POST", path: hook + "/deactivate", key: key}).want(200)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			r := req{method: "POST", path: hook + "/activate", key: key}
			if i%2 == 1 {
				r = req{method: "PATCH", path: hook, key: key, body: `{"active":true,"description":"` + strconv.Itoa(i) + `"}`}
			}
			if got := w.do(r); got.status != 200 {
				t.Errorf("%d %s", got.status, got.body)
			}
		})
	}
	wg.Wait()
	j = w.jobOf("acme", id, webhook.DrainJob)
	if ms := w.queue.Take(); len(ms) != 1 || j.Rev != 4 || j.State != webhook.JobRunning || w.stored("acme", id).Generation != 3 {
		t.Fatalf("%+v %+v", ms, j)
	}
}

func TestDrainView(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	id := w.webhook(key, nil)
	hook := "/v1/webhooks/" + id
	get := func() any { return w.do(req{method: "GET", path: hook, key: key}).want(200).json()["drain"] }
	if get() != nil {
		t.Fatal("a drain that never was")
	}
	w.hold("acme", id, 4)
	for name, c := range map[string]struct {
		change      func(*webhook.Job)
		state       string
		done, total float64
	}{
		"found as counted":         {func(j *webhook.Job) { j.Total = 9 }, "running", 0, 9},
		"more held than counted":   {func(j *webhook.Job) { j.Done, j.Total = 7, 9 }, "running", 7, 11},
		"one on its way":           {func(j *webhook.Job) { j.Done, j.Current = 7, "dlv_1" }, "running", 7, 12},
		"done":                     {func(j *webhook.Job) { j.Done, j.Total = 9, 9; j.End(w.clock(), webhook.JobDone) }, "done", 9, 9},
		"more done than counted":   {func(j *webhook.Job) { j.Done, j.Total = 9, 5; j.End(w.clock(), webhook.JobDone) }, "done", 9, 9},
		"stopped in the middle":    {func(j *webhook.Job) { j.Done, j.Total = 3, 9; j.End(w.clock(), webhook.JobStopped) }, "stopped", 3, 9},
		"stopped, one on its way":  {func(j *webhook.Job) { j.Done, j.Total, j.Current = 3, 3, "dlv_1"; j.End(w.clock(), webhook.JobStopped) }, "stopped", 3, 3},
		"nothing, and not counted": {func(j *webhook.Job) { j.Done, j.Total = 0, 0; j.End(w.clock(), webhook.JobDone) }, "done", 0, 0},
	} {
		j := w.drained("acme", id, c.change)
		if got, want := get(), (map[string]any{"state": c.state, "done": c.done, "total": c.total}); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
		job := w.do(req{method: "GET", path: hook + "/jobs/" + j.ID, key: key}).want(200).json()
		want := map[string]any{
			"id": j.ID, "kind": "drain", "state": c.state, "done": c.done, "total": c.total, "dryRun": false,
			"createdAt": "2026-03-04T05:06:07Z", "updatedAt": "2026-03-04T05:06:07Z",
		}
		if !reflect.DeepEqual(job, want) {
			t.Errorf("%s: got  %v\nwant %v", name, job, want)
		}
	}
	w.drained("acme", id, func(j *webhook.Job) { j.Done, j.Total, j.Current = 1, 2, "dlv_1" })
	off := w.do(req{method: "POST", path: hook + "/deactivate", key: key}).want(200)
	if want := (map[string]any{"state": "stopped", "done": 1.0, "total": 2.0}); !reflect.DeepEqual(off.json()["drain"], want) {
		t.Fatal(off.body)
	}
	list := w.do(req{method: "GET", path: "/v1/webhooks", key: key}).want(200).json()["items"].([]any)
	if list[0].(map[string]any)["drain"] == nil {
		t.Fatal("no drain in the list")
	}
}
