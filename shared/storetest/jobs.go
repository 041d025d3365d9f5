package storetest

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// newJob returns a running job of the webhook p, w that is not stored yet.
func newJob(kind webhook.JobKind, id string) *webhook.Job {
	j := &webhook.Job{PartnerID: "p", WebhookID: "w", Kind: kind}
	j.Start(start(), id, 1)
	return j
}

// wantJob checks that a ref leads to want.
func wantJob(t *testing.T, s Store, ref webhook.JobRef, want *webhook.Job) {
	t.Helper()
	got, err := s.Job(testContext(t), ref)
	must(t, err)
	wantEqual(t, got, *want)
}

// byID is the ref of a job under its id.
func byID(j *webhook.Job) webhook.JobRef {
	ref := j.Ref()
	ref.ID = j.ID
	return ref
}

func jobs(js ...*webhook.Job) webhook.Change { return webhook.Change{Jobs: js} }

func testJob(t *testing.T, s Store) {
	ctx := testContext(t)
	var j webhook.Job
	Fill(t, &j)
	j.Rev = 0
	absent := func(refs ...webhook.JobRef) {
		t.Helper()
		for _, ref := range refs {
			_, err := s.Job(ctx, ref)
			wantCode(t, err, webhook.NotFound)
		}
	}
	absent(j.Ref(), byID(&j))
	must(t, s.Commit(ctx, jobs(&j)))
	if j.Rev != 1 {
		t.Fatalf("Rev is %d after creation, want 1", j.Rev)
	}
	wantJob(t, s, j.Ref(), &j)
	wantJob(t, s, byID(&j), &j)
	other := func(change func(*webhook.JobRef)) webhook.JobRef {
		ref := byID(&j)
		change(&ref)
		return ref
	}
	absent(
		other(func(r *webhook.JobRef) { r.ID = "another" }), other(func(r *webhook.JobRef) { r.Kind = webhook.ProbeJob }),
		other(func(r *webhook.JobRef) { r.WebhookID = "another" }), other(func(r *webhook.JobRef) { r.PartnerID = "another" }),
	)
	again, stale := j, j
	again.Rev = 0
	wantCode(t, s.Commit(ctx, jobs(&again)), webhook.Conflict)

	// What was set can be taken away again.
	j = webhook.Job{PartnerID: j.PartnerID, WebhookID: j.WebhookID, Kind: j.Kind, ID: j.ID, State: webhook.JobRunning, Rev: j.Rev}
	must(t, s.Commit(ctx, jobs(&j)))
	wantJob(t, s, j.Ref(), &j)
	wantCode(t, s.Commit(ctx, jobs(&stale)), webhook.Conflict)
	if stale.Rev != 1 || j.Rev != 2 {
		t.Fatalf("Rev is %d, that of the refused one %d; want 2 and 1", j.Rev, stale.Rev)
	}
	j.Since, j.Until = time.Unix(0, 0).UTC(), time.Unix(0, 1).UTC()
	must(t, s.Commit(ctx, jobs(&j)))
	wantJob(t, s, j.Ref(), &j)
	// A webhook's jobs of two kinds are two jobs.
	probe := newJob(webhook.ProbeJob, "job_probe")
	drain := newJob(webhook.DrainJob, "job_drain")
	must(t, s.Commit(ctx, jobs(probe, drain)))
	wantJob(t, s, probe.Ref(), probe)
	wantJob(t, s, drain.Ref(), drain)
}

// testJobReplaced starts one job after another in the same place: the earlier ones are found by their ids.
func testJobReplaced(t *testing.T, s Store) {
	ctx := testContext(t)
	present := newJob(webhook.RecoverJob, "job_0")
	must(t, s.Commit(ctx, jobs(present)))
	var ended []*webhook.Job
	for i := range 3 {
		present.Step++
		present.Done, present.States = i, []webhook.State{webhook.Exhausted}
		present.End(clockAt(i)(), webhook.JobDone)
		must(t, s.Commit(ctx, jobs(present)))
		old := *present
		next := newJob(webhook.RecoverJob, "job_"+strconv.Itoa(i+1))
		// Refused whole: the ended job is not kept then, and stays where it is.
		next.Rev = old.Rev - 1
		lost := old
		lost.ID = "job_lost"
		wantCode(t, s.Commit(ctx, webhook.Change{Jobs: []*webhook.Job{next}, EndedJob: &lost}), webhook.Conflict)
		_, err := s.Job(ctx, byID(&lost))
		wantCode(t, err, webhook.NotFound)
		wantJob(t, s, old.Ref(), &old)

		next.Rev = old.Rev
		must(t, s.Commit(ctx, webhook.Change{Jobs: []*webhook.Job{next}, EndedJob: &old}))
		ended = append(ended, &old)
		present = next
		wantJob(t, s, present.Ref(), present)
		wantJob(t, s, byID(present), present)
		for _, j := range ended {
			wantJob(t, s, byID(j), j)
		}
	}
	// The place goes on counting, so that nobody who knew an earlier job can write over a later one.
	if present.Rev != 7 {
		t.Fatalf("Rev is %d, want 7", present.Rev)
	}
	// One that is kept already may be kept again.
	next := newJob(webhook.RecoverJob, "job_again")
	next.Rev = present.Rev
	must(t, s.Commit(ctx, webhook.Change{Jobs: []*webhook.Job{next}, EndedJob: ended[0]}))
	wantJob(t, s, byID(ended[0]), ended[0])
}

func testJobRace(t *testing.T, s Store) {
	ctx := testContext(t)
	var rev int64
	for round := range 3 { // the first creates
		id := func(n int) string { return strconv.Itoa(round) + "-" + strconv.Itoa(n) }
		won := winners(t, race(func(n int) error {
			mine := newJob(webhook.DrainJob, id(n))
			mine.Rev = rev
			return s.Commit(ctx, jobs(mine))
		}))
		got, err := s.Job(ctx, newJob(webhook.DrainJob, "").Ref())
		must(t, err)
		if len(won) != 1 || got.ID != id(won[0]) {
			t.Fatalf("%v won, stored is %s; want one of %d, stored", won, got.ID, racers)
		}
		rev = got.Rev
	}
}

// due returns what Due says in words, the deliveries first. Stores may round due times up to the next millisecond.
func due(t *testing.T, s Store, second, limit int) func() []string {
	return func() []string {
		refs, jobs, err := s.Due(testContext(t), clockAt(second)().Add(time.Millisecond), limit)
		got := refIDs(t, refs, err)
		for _, r := range jobs {
			got = append(got, r.PartnerID+" "+r.WebhookID+" job "+string(r.Kind)+r.ID)
		}
		return got
	}
}

// testDueJobs mixes jobs and deliveries: the limit is for both, and each list begins with the longest overdue.
func testDueJobs(t *testing.T, s Store) {
	ctx := testContext(t)
	var ds []*webhook.Delivery
	var js []*webhook.Job
	var wantDeliveries, wantJobs []string
	for i := range 10 {
		d := Delivery("p", "w", strconv.Itoa(i), clockAt(i)())
		d.DueAt = clockAt(2 * i)()
		ds = append(ds, d)
		wantDeliveries = append(wantDeliveries, "p w "+d.ID)
		j := newJob(webhook.JobKinds()[i%4], "job_"+strconv.Itoa(i))
		j.WebhookID += strconv.Itoa(i)
		j.DueAt = clockAt(2*i + 1)()
		js = append(js, j)
		wantJobs = append(wantJobs, "p "+j.WebhookID+" job "+string(j.Kind))
	}
	must(t, s.Commit(ctx, webhook.Change{Deliveries: ds, Jobs: js}))
	both := func(deliveries, jobs int) []string {
		return append(slices.Clone(wantDeliveries[:deliveries]), wantJobs[:jobs]...)
	}
	eventually(t, both(10, 10), due(t, s, 99, 100))
	eventually(t, both(10, 10), due(t, s, 99, 20))
	eventually(t, both(4, 3), due(t, s, 99, 7))
	eventually(t, both(1, 0), due(t, s, 99, 1))
	eventually(t, both(3, 2), due(t, s, 4, 100))
	eventually(t, []string{}, due(t, s, -1, 100))

	// A step makes a job due later, its end never; nor is what took the place of one due at the old time.
	js[0].DueAt = clockAt(500)()
	js[1].End(start(), webhook.JobStopped)
	js[2].End(start(), webhook.JobDone)
	must(t, s.Commit(ctx, jobs(js[0], js[1], js[2])))
	next := newJob(js[2].Kind, "job_next")
	next.WebhookID, next.Rev, next.DueAt = js[2].WebhookID, js[2].Rev, clockAt(501)()
	must(t, s.Commit(ctx, webhook.Change{Jobs: []*webhook.Job{next}, EndedJob: js[2]}))
	eventually(t, append(slices.Clone(wantDeliveries), wantJobs[3:]...), due(t, s, 99, 100))
	want := append(slices.Clone(wantDeliveries), wantJobs[3:]...)
	eventually(t, append(want, wantJobs[0], wantJobs[2]), due(t, s, 999, 100))
}
