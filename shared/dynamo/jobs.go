package dynamo

import (
	"context"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// jobItem is a job without what its keys say. Times are unix nanoseconds but Due.
type jobItem struct {
	header
	Rev int64

	// The index by due time, as for deliveries: if and only if DueAt is set and the job is the present one.
	DPK string
	Due int64 // unix milliseconds, rounded up

	ID         string
	State      string
	Generation int64
	Current    string
	Done       int
	Total      int
	Step       int
	Since      *int64 // 0 is 1970, a partner's way to say all
	Until      *int64
	States     []webhook.State
	EventType  string
	DryRun     bool
	Probed     bool
	Counted    bool
	Last       string
	CreatedAt  int64
	UpdatedAt  int64
	DueAt      int64
	Kept       webhook.Kept
}

func (i *jobItem) fields(c *coder) {
	i.header.fields(c)
	c.int64("rev", &i.Rev, always)
	c.text("dpk", &i.DPK, ifSet)
	c.int64("due", &i.Due, ifSet)
	c.text("id", &i.ID, always)
	c.text("st", &i.State, always)
	c.int64("g", &i.Generation, ifSet)
	c.text("c", &i.Current, ifSet)
	c.int("d", &i.Done, ifSet)
	c.int("t", &i.Total, ifSet)
	c.int("s", &i.Step, ifSet)
	c.bound("si", &i.Since)
	c.bound("un", &i.Until)
	texts(c, "ss", &i.States)
	c.text("et", &i.EventType, ifSet)
	c.flag("dr", &i.DryRun)
	c.flag("pr", &i.Probed)
	c.flag("co", &i.Counted)
	c.text("l", &i.Last, ifSet)
	c.int64("ca", &i.CreatedAt, ifSet)
	c.int64("ua", &i.UpdatedAt, ifSet)
	c.int64("da", &i.DueAt, ifSet)
	c.rest(i, &i.Kept)
}

func newJobItem(j *webhook.Job, token string) *jobItem {
	i := &jobItem{
		header: headerOf(jobKey(j.Ref()), token, j.ExpiresAt()), Rev: j.Rev + 1,
		ID: j.ID, State: string(j.State), Generation: j.Generation, Current: j.Current,
		Done: j.Done, Total: j.Total, Step: j.Step, Since: bound(j.Since), Until: bound(j.Until), States: j.States,
		EventType: string(j.EventType), DryRun: j.DryRun, Probed: j.Probed, Counted: j.Counted, Last: j.Last,
		CreatedAt: nanos(j.CreatedAt), UpdatedAt: nanos(j.UpdatedAt), DueAt: nanos(j.DueAt), Kept: j.Kept,
	}
	if !j.DueAt.IsZero() {
		i.DPK, i.Due = dueShard(j.WebhookID+"#"+string(j.Kind)), j.DueAt.Add(time.Millisecond-1).UnixMilli()
	}
	return i
}

// bound is nanos for a time that may be 1970.
func bound(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	n := t.UnixNano()
	return &n
}

func fromBound(n *int64) time.Time {
	if n == nil {
		return time.Time{}
	}
	return time.Unix(0, *n).UTC()
}

// endedJobKey is where a job is kept once another has taken its place.
func endedJobKey(j *webhook.Job) key {
	r := j.Ref()
	r.ID = j.ID
	return jobKey(r)
}

// newEndedJobItem is j as it stood in its place, in none of the indexes.
func newEndedJobItem(j *webhook.Job, token string) *jobItem {
	i := newJobItem(j, token)
	i.header = headerOf(endedJobKey(j), token, j.ExpiresAt())
	i.Rev, i.DPK, i.Due = j.Rev, "", 0
	return i
}

func (i *jobItem) job(r webhook.JobRef) webhook.Job {
	return webhook.Job{
		PartnerID: r.PartnerID, WebhookID: r.WebhookID, Kind: r.Kind,
		ID: i.ID, State: webhook.JobState(i.State), Generation: i.Generation, Current: i.Current,
		Done: i.Done, Total: i.Total, Step: i.Step, Since: fromBound(i.Since), Until: fromBound(i.Until), States: i.States,
		EventType: webhook.EventType(i.EventType), DryRun: i.DryRun, Probed: i.Probed, Counted: i.Counted, Last: i.Last,
		CreatedAt: fromNanos(i.CreatedAt), UpdatedAt: fromNanos(i.UpdatedAt), DueAt: fromNanos(i.DueAt), Rev: i.Rev,
		Kept: i.Kept,
	}
}

// Job implements delivery.Store and portal.Store with one GetItem; two for an earlier job. The present one is read
// first: a job that is not there any more was put under its id in the same write.
func (s *Store) Job(ctx context.Context, ref webhook.JobRef) (webhook.Job, error) {
	present := ref
	present.ID = ""
	var i jobItem
	err := s.get(ctx, s.o.DeliveriesTable, jobKey(present), &i)
	if ref.ID != "" && (webhook.CodeOf(err) == webhook.NotFound || err == nil && i.ID != ref.ID) {
		i = jobItem{}
		err = s.get(ctx, s.o.DeliveriesTable, jobKey(ref), &i)
	}
	if err != nil {
		return webhook.Job{}, named(err, "no such job")
	}
	return i.job(ref), nil
}
