package dynamo

import (
	"context"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// jobItem is a job without what its keys say. Times are unix nanoseconds but Due.
type jobItem struct {
	header
	Rev int64 `dynamodbav:"rev"`

	// The index by due time, as for deliveries: if and only if DueAt is set and the job is the present one.
	DPK string `dynamodbav:"dpk,omitempty"`
	Due int64  `dynamodbav:"due,omitempty"` // unix milliseconds, rounded up

	ID         string          `dynamodbav:"id"`
	State      string          `dynamodbav:"st"`
	Generation int64           `dynamodbav:"g,omitempty"`
	Current    string          `dynamodbav:"c,omitempty"`
	Done       int             `dynamodbav:"d,omitempty"`
	Total      int             `dynamodbav:"t,omitempty"`
	Step       int             `dynamodbav:"s,omitempty"`
	Since      *int64          `dynamodbav:"si,omitempty"` // 0 is 1970, a partner's way to say all
	Until      *int64          `dynamodbav:"un,omitempty"`
	States     []webhook.State `dynamodbav:"ss,omitempty"`
	EventType  string          `dynamodbav:"et,omitempty"`
	DryRun     bool            `dynamodbav:"dr,omitempty"`
	Probed     bool            `dynamodbav:"pr,omitempty"`
	Counted    bool            `dynamodbav:"co,omitempty"`
	Last       string          `dynamodbav:"l,omitempty"`
	CreatedAt  int64           `dynamodbav:"ca,omitempty"`
	UpdatedAt  int64           `dynamodbav:"ua,omitempty"`
	DueAt      int64           `dynamodbav:"da,omitempty"`
}

func newJobItem(j *webhook.Job, token string) jobItem {
	i := jobItem{
		header: headerOf(jobKey(j.Ref()), token, j.ExpiresAt()), Rev: j.Rev + 1,
		ID: j.ID, State: string(j.State), Generation: j.Generation, Current: j.Current,
		Done: j.Done, Total: j.Total, Step: j.Step, Since: bound(j.Since), Until: bound(j.Until), States: j.States,
		EventType: string(j.EventType), DryRun: j.DryRun, Probed: j.Probed, Counted: j.Counted, Last: j.Last,
		CreatedAt: nanos(j.CreatedAt), UpdatedAt: nanos(j.UpdatedAt), DueAt: nanos(j.DueAt),
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
func newEndedJobItem(j *webhook.Job, token string) jobItem {
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
