package portal

import (
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// recovering is a world with a webhook whose deliveries are recovered.
type recovering struct {
	*world
	key, id string
}

func newRecovering(t *testing.T) recovering {
	t.Helper()
	w := newWorld(t)
	key := w.partner("acme")
	return recovering{w, key, w.webhook(key, nil)}
}

func (r recovering) recover(body string) response {
	return r.do(req{method: "POST", path: "/v1/webhooks/" + r.id + "/recover", key: r.key, body: body})
}

func (r recovering) getJob(id string) response {
	return r.do(req{method: "GET", path: "/v1/webhooks/" + r.id + "/jobs/" + id, key: r.key})
}

func (r recovering) present() webhook.Job { return r.jobOf("acme", r.id, webhook.RecoverJob) }

// step changes the present job as the engine does.
func (r recovering) step(change func(*webhook.Job)) {
	r.t.Helper()
	j := r.present()
	change(&j)
	r.commit(webhook.Change{Jobs: []*webhook.Job{&j}})
}

const someRecovery = `{"since":"2026-03-01T00:00:00Z","states":["held","exhausted"]}`

func TestRecover(t *testing.T) {
	at := func(text string) time.Time {
		x, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return x.UTC()
	}
	all := []webhook.State{webhook.Exhausted, webhook.StateExpired, webhook.Held, webhook.Undeliverable}
	for body, want := range map[string]webhook.Job{
		someRecovery: {Since: at("2026-03-01T00:00:00Z"), Until: worldStart, States: []webhook.State{webhook.Exhausted, webhook.Held}},
		`{"since":"2026-03-01T01:00:00.123456789+01:00","until":"2026-03-02T00:00:00Z","states":["undeliverable","exhausted","expired","held"],"eventType":"verification.failed","dryRun":false}`: {
			Since: at("2026-03-01T00:00:00.123456789Z"), Until: at("2026-03-02T00:00:00Z"), States: all, EventType: webhook.FailedType,
		},
		`{"since":"2026-03-01T00:00:00Z","until":null,"states":["held"],"eventType":null,"dryRun":null}`: {
			Since: at("2026-03-01T00:00:00Z"), Until: worldStart, States: []webhook.State{webhook.Held},
		},
		`{"since":"2026-03-01T00:00:00Z","until":"9999-12-31T00:00:00Z","states":["expired"],"dryRun":true}`: {
			Since: at("2026-03-01T00:00:00Z"), Until: worldStart, States: []webhook.State{webhook.StateExpired}, DryRun: true,
		},
	} {
		w := newRecovering(t)
		answer := w.recover(body).want(202)
		j := w.present()
		want.PartnerID, want.WebhookID, want.Kind, want.ID, want.State, want.Generation = "acme", w.id, webhook.RecoverJob, j.ID, webhook.JobRunning, 1
		want.CreatedAt, want.UpdatedAt, want.DueAt, want.Rev = worldStart, worldStart, worldStart.Add(webhook.Grace), 1
		if !reflect.DeepEqual(j, want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", body, j, want)
		}
		if m := answer.json(); m["jobId"] != j.ID || len(m) != 1 || !webhook.ValidJobID(j.ID) {
			t.Errorf("%s", answer.body)
		}
		if ms := w.queue.Take(); !reflect.DeepEqual(ms, []webhook.Message{w.jobMessage(webhook.RecoverJob, w.id)}) {
			t.Errorf("%+v", ms)
		}
	}
}

func TestRecoverRefuses(t *testing.T) {
	w := newRecovering(t)
	const since, states = `"since":"2026-03-01T00:00:00Z"`, `"states":["held"]`
	for body, location := range map[string]string{
		`{` + states + `}`:                                     "body",
		`{` + since + `}`:                                      "body",
		`{"since":null,` + states + `}`:                        "body.since",
		`{"since":"yesterday",` + states + `}`:                 "body.since",
		`{"since":"",` + states + `}`:                          "body.since",
		`{"since":"1969-12-31T23:59:59Z",` + states + `}`:      "body.since",
		`{"since":"2026-03-04T05:06:07Z",` + states + `}`:      "body.since",
		`{"since":"2026-03-04",` + states + `}`:                "body.since",
		`{` + since + `,` + states + `,"until":"tomorrow"}`:    "body.until",
		`{` + since + `,` + states + `,"until":""}`:            "body.until",
		`{` + since + `,` + states + `,` + sameUntil + `}`:     "body.until",
		`{` + since + `,"states":[]}`:                          "body.states",
		`{` + since + `,"states":null}`:                        "body.states",
		`{` + since + `,"states":"held"}`:                      "body.states",
		`{` + since + `,"states":["held","held"]}`:             "body.states",
		`{` + since + `,"states":["held","pending"]}`:          "body.states[1]",
		`{` + since + `,"states":["delivered"]}`:               "body.states[0]",
		`{` + since + `,` + states + `,"eventType":"x"}`:       "body.eventType",
		`{` + since + `,` + states + `,"dryRun":"yes"}`:        "body.dryRun",
		`{` + since + `,` + states + `,"verificationId":"v1"}`: "body.verificationId",
	} {
		if r := w.recover(body); r.status != 422 {
			t.Errorf("%s: %d %s", body, r.status, r.body)
		} else {
			r.problem(422, location)
		}
	}
	if w.present().ID != "" || len(w.queue.Take()) != 0 {
		t.Fatal("something was started")
	}
}

const sameUntil = `"until":"2026-03-01T00:00:00Z"`

// A webhook that sends nothing recovers nothing; what it would recover can be counted.
func TestRecoverOfInactive(t *testing.T) {
	w := newRecovering(t)
	w.off("acme", w.id)
	w.recover(someRecovery).problem(409)
	if w.present().ID != "" {
		t.Fatal("started")
	}
	w.recover(`{"since":"2026-03-01T00:00:00Z","states":["held"],"dryRun":true}`).want(202)
	if j := w.present(); !j.DryRun || j.State != webhook.JobRunning {
		t.Fatalf("%+v", j)
	}
}

// While a job runs, the same request gets its id, and another one is refused; afterwards a new one starts, and the
// earlier one can still be read.
func TestRecoverTwice(t *testing.T) {
	w := newRecovering(t)
	first := w.recover(someRecovery).want(202).str("jobId")
	w.queue.Take()
	w.advance(time.Minute)
	for _, same := range []string{
		someRecovery, `{"since":"2026-03-01T01:00:00+01:00","states":["exhausted","held"],"dryRun":false}`,
		`{"since":"2026-03-01T00:00:00Z","states":["held","exhausted"],"until":"2026-03-04T05:06:07Z"}`,
		`{"since":"2026-03-01T00:00:00Z","states":["held","exhausted"],"until":"2030-01-01T00:00:00Z"}`,
	} {
		if id := w.recover(same).want(202).str("jobId"); id != first {
			t.Errorf("%s started another job", same)
		}
	}
	for _, other := range []string{
		`{"since":"2026-03-01T00:00:01Z","states":["held","exhausted"]}`, `{"since":"2026-03-01T00:00:00Z","states":["held"]}`,
		`{"since":"2026-03-01T00:00:00Z","states":["held","exhausted"],"until":"2026-03-04T05:06:06Z"}`,
		`{"since":"2026-03-01T00:00:00Z","states":["held","exhausted"],"eventType":"verification.failed"}`,
		`{"since":"2026-03-01T00:00:00Z","states":["held","exhausted"],"dryRun":true}`,
	} {
		if r := w.recover(other).problem(409); !strings.Contains(r.str("detail"), first) {
			t.Error(r.body)
		}
	}
	if j := w.present(); j.Rev != 1 || len(w.queue.Take()) != 0 {
		t.Fatalf("%+v", j)
	}
	w.step(func(j *webhook.Job) { j.Done, j.Total = 3, 3; j.End(w.clock(), webhook.JobDone) })
	second := w.recover(someRecovery).want(202).str("jobId")
	if j := w.present(); second == first || j.ID != second || j.Rev != 3 || j.Done != 0 || !j.Until.Equal(w.clock()) {
		t.Fatalf("%+v", j)
	}
	if j := w.getJob(first).want(200).json(); j["state"] != "done" || j["done"] != 3.0 {
		t.Fatalf("%v", j)
	}
	if j := w.getJob(second).want(200).json(); j["state"] != "running" || j["done"] != 0.0 {
		t.Fatalf("%v", j)
	}
}

// allAfter makes the first n calls of op wait for each other after they took effect.
func allAfter(op string, n int) func(string) error {
	var mu sync.Mutex
	all := make(chan struct{})
	calls := 0
	return func(x string) error {
		if x != op {
			return nil
		}
		mu.Lock()
		if calls++; calls == n {
			close(all)
		}
		mu.Unlock()
		<-all
		return nil
	}
}

// Of the same requests at once, one starts a job, and all get its id.
func TestConcurrentRecoveries(t *testing.T) {
	w := newRecovering(t)
	w.recover(`{"since":"2026-03-02T00:00:00Z","states":["expired"]}`).want(202)
	w.step(func(j *webhook.Job) { j.End(w.clock(), webhook.JobStopped) })
	w.queue.Take()
	const n = 8
	w.store.FailAfter = allAfter("Job", n)
	ids := make(chan string, n)
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			r := w.recover(someRecovery)
			if r.status != 202 {
				t.Errorf("%d %s", r.status, r.body)
				return
			}
			ids <- r.str("jobId")
		})
	}
	wg.Wait()
	close(ids)
	w.store.FailAfter = nil
	j := w.present()
	for id := range ids {
		if id != j.ID {
			t.Errorf("%s and %s", id, j.ID)
		}
	}
	if ms := w.queue.Take(); len(ms) != 1 || j.Rev != 3 {
		t.Fatalf("%+v %+v", ms, j)
	}
}

func TestRecoverFails(t *testing.T) {
	w := newRecovering(t)
	for _, op := range []string{"Webhook", "Job", "Commit"} {
		w.store.Fail = failing(op)
		w.recover(someRecovery).problem(503)
	}
	w.store.Fail = nil
	w.store.FailAfter = failing("Commit")
	w.recover(someRecovery).problem(503)
	w.store.FailAfter = nil
	j := w.present()
	if id := w.recover(someRecovery).want(202).str("jobId"); id != j.ID || w.present().Rev != 1 {
		t.Fatalf("%s, not %s", id, j.ID)
	}
	w.step(func(j *webhook.Job) { j.End(w.clock(), webhook.JobDone) })
	w.queue.Fail = func() error { return noQueue }
	w.recover(someRecovery).want(202)
	if j := w.present(); j.State != webhook.JobRunning || !j.DueAt.Equal(w.clock().Add(webhook.Grace)) {
		t.Fatalf("%+v", j)
	}
}

func TestJobs(t *testing.T) {
	w := newRecovering(t)
	dry := w.recover(`{"since":"2026-03-01T00:00:00Z","states":["held"],"dryRun":true}`).want(202).str("jobId")
	w.advance(time.Minute)
	w.step(func(j *webhook.Job) { j.Total, j.UpdatedAt = 7, w.clock() })
	want := map[string]any{
		"id": dry, "kind": "recover", "state": "running", "done": 0.0, "total": 7.0, "dryRun": true,
		"createdAt": "2026-03-04T05:06:07Z", "updatedAt": "2026-03-04T05:07:07Z",
	}
	if got := w.getJob(dry).want(200).json(); !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %v\nwant %v", got, want)
	}
	// Held events are those of a drain only.
	w.hold("acme", w.id, 9)
	if got := w.getJob(dry).want(200).json(); !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %v\nwant %v", got, want)
	}
	sibling := w.webhook(w.key, nil)
	w.off("acme", w.id)
	w.do(req{method: "PATCH", path: "/v1/webhooks/" + w.id, key: w.key, body: `{"autoReactivate":true}`}).want(200)
	for _, path := range []string{
		w.id + "/jobs/" + someJobID, w.id + "/jobs/nothing", w.id + "/jobs/" + w.id, sibling + "/jobs/" + dry,
		w.id + "/jobs/" + w.jobOf("acme", w.id, webhook.ProbeJob).ID,
	} {
		w.do(req{method: "GET", path: "/v1/webhooks/" + path, key: w.key}).problem(404)
	}
	for _, op := range []string{"Webhook", "Job"} {
		failed := false
		w.store.Fail = func(x string) error { // once: what could not be read is not taken for absent
			if x != op || failed {
				return nil
			}
			failed = true
			return webhook.Errorf(webhook.Unavailable, "lost")
		}
		w.getJob(dry).problem(503)
	}
}
