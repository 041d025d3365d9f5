package webhook

import "time"

// JobKind says what a job does.
type JobKind string

// The kinds of jobs. A webhook has at most one job of each kind at a time, and its name is its kind.
const (
	// DrainJob brings what waits for a webhook (Delivery.Waiting) to it, after its activation.
	DrainJob JobKind = "drain"
	// RecoverJob starts a new round for deliveries that a partner chose by state and time.
	RecoverJob JobKind = "recover"
	// ProbeJob asks a webhook that failures switched off whether it is well again.
	ProbeJob JobKind = "probe"
	// WarningJob does nothing: it remembers when the webhook's partner was last warned of failures.
	WarningJob JobKind = "warning"
)

// ReconciledJob does nothing: it remembers for a webhook that a delivery of a verification's event was created without the
// stream, and which one (Current), while no index may show that delivery yet.
func ReconciledJob(e Event) JobKind {
	tail := hash("reconciled", e.VerificationID, string(e.Type))
	return JobKind("reconciled-" + crockford.EncodeToString(tail[:]))
}

// JobKinds returns all kinds that there is one of for each webhook.
func JobKinds() []JobKind { return []JobKind{DrainJob, RecoverJob, ProbeJob, WarningJob} }

// JobState is where a job stands.
type JobState string

// The states of a job. All but JobRunning are final.
const (
	JobRunning JobState = "running"
	JobDone    JobState = "done"
	// JobStopped says that the webhook became inactive or was deleted, or that the job ran out of steps.
	JobStopped JobState = "stopped"
)

// Times and limits of jobs.
const (
	// MaxJobSteps bounds Step, so that no chain of messages is endless.
	MaxJobSteps = 100_000
	// JobRetention is how long a job is kept after its end.
	JobRetention = 30 * 24 * time.Hour
)

// Job is work on one webhook that goes on in steps, each stored before its effect. What is stored decides what the next
// step is: messages that ask for one may be late, repeated or lost.
type Job struct {
	PartnerID string
	WebhookID string
	Kind      JobKind
	// ID names this job apart from earlier and later ones of its kind.
	ID    string
	State JobState
	// Generation is the webhook's generation when the job was started or last saw it. What keeps two jobs apart is Rev:
	// the next drain takes the place of the one before.
	Generation int64
	// Current is the delivery whose round the job waits for; empty if it waits for none.
	Current string
	// Done counts the deliveries that the job has finished with, Total how many it has found so far.
	Done, Total int
	// Step counts the invocations that worked on the job, or the probes.
	Step int
	// What a RecoverJob is about: events with OccurredAt in [Since, Until), in one of States and, if set, of EventType.
	Since, Until time.Time
	States       []State
	EventType    EventType
	// DryRun makes a RecoverJob count and do nothing else.
	DryRun bool
	// Probed marks a DrainJob that a probe started and no person.
	Probed bool
	// Counted is set when Total is known. Last is the id of the delivery that the present walk has reached; it goes
	// from the oldest to the newest.
	Counted bool
	Last    string

	CreatedAt time.Time
	UpdatedAt time.Time
	// DueAt is when the sweeper must look at the job; zero unless State is JobRunning.
	DueAt time.Time
	// Rev counts the stored versions, from 1.
	Rev int64
	// Kept belongs to the store.
	Kept Kept
}

// JobRef names the place of a job: the present one of its kind, or an earlier one by its id.
type JobRef struct {
	PartnerID string
	WebhookID string
	Kind      JobKind
	// ID is empty for the present job of the kind.
	ID string
}

// Message asks for the next step of the present job.
func (r JobRef) Message() Message {
	return Message{Kind: JobMessage, Job: r.Kind, Ref: Ref{PartnerID: r.PartnerID, WebhookID: r.WebhookID}}
}

// Ref returns the place of the present job of j's kind.
func (j *Job) Ref() JobRef {
	return JobRef{PartnerID: j.PartnerID, WebhookID: j.WebhookID, Kind: j.Kind}
}

// NewDrain returns the drain of a webhook that takes the place of old, the present one or a zero Job. It waits for the
// delivery that old waited for: one delivery at a time is on its way, also while drains follow each other. total is how
// many deliveries are known to wait.
func NewDrain(old Job, w *Webhook, now time.Time, id string, total int) *Job {
	j := &Job{
		PartnerID: w.PartnerID, WebhookID: w.ID, Kind: DrainJob, Current: old.Current, Total: total, Rev: old.Rev,
	}
	j.Start(now, id, w.Generation)
	return j
}

// Start makes j run from now on. The caller has set what it is about; Rev stays that of the job it takes the place of.
func (j *Job) Start(now time.Time, id string, generation int64) {
	j.ID, j.State, j.Generation = id, JobRunning, generation
	j.CreatedAt, j.UpdatedAt, j.DueAt = now, now, now.Add(Grace)
}

// NewProbe returns the probing of a webhook that takes the place of old, the present one or a zero Job. If that ended
// only just now, the webhook was well for a short time only, and the intervals go on growing.
func NewProbe(old Job, w *Webhook, now time.Time, id string) *Job {
	j := &Job{PartnerID: w.PartnerID, WebhookID: w.ID, Kind: ProbeJob, Rev: old.Rev}
	j.Start(now, id, w.Generation)
	if now.Sub(old.UpdatedAt) < maxProbeInterval {
		j.Step, j.CreatedAt = old.Step, old.CreatedAt
	}
	j.DueAt = j.ProbeAt()
	return j
}

const (
	maxProbeInterval = time.Hour
	probeSlack       = 10 * time.Second
)

// ProbeAt is when the next probe is due: 1, 2, 4, ... minutes after the one before, at most an hour. The sweeper comes by
// once a minute, and the probe a little after it: without the slack each would miss its turn by that little.
func (j *Job) ProbeAt() time.Time {
	const most = 6 // 64 minutes
	return j.UpdatedAt.Add(min(time.Minute<<min(j.Step, most), maxProbeInterval) - probeSlack)
}

// Wait makes j wait for the round of a delivery that starts now.
func (j *Job) Wait(now time.Time, deliveryID string) {
	j.Current = deliveryID
	j.Total = max(j.Total, j.Done+1)
	j.UpdatedAt, j.DueAt = now, now.Add(Grace)
}

// Finish counts the delivery that j waited for, whose round is over.
func (j *Job) Finish() {
	j.Current = ""
	j.Done++
	j.Total = max(j.Total, j.Done)
}

// End ends j. Current stays: its round may not be over.
func (j *Job) End(now time.Time, s JobState) {
	j.State = s
	j.UpdatedAt, j.DueAt = now, time.Time{}
}

// ExpiresAt is when the store may drop j, zero while it must not.
func (j *Job) ExpiresAt() time.Time {
	if j.State == JobRunning {
		return time.Time{}
	}
	return j.UpdatedAt.Add(JobRetention)
}
