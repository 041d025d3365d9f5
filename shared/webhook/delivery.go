package webhook

import (
	"time"
)

// State is where a delivery stands.
type State string

// The states. StatePending and Held are the only ones that are not final.
const (
	StatePending  State = "pending"
	Delivered     State = "delivered"
	Exhausted     State = "exhausted"
	Held          State = "held"
	Cancelled     State = "cancelled"
	Undeliverable State = "undeliverable"
	StateExpired  State = "expired"
)

// States returns all states.
func States() []State {
	return []State{StatePending, Delivered, Exhausted, Held, Cancelled, Undeliverable, StateExpired}
}

// Final tells whether nothing more happens to a delivery in this state by itself.
func (s State) Final() bool { return s != StatePending && s != Held }

// MaxLoggedAttempts bounds the attempt log of one delivery: the oldest rows go first. Attempts counts on.
const MaxLoggedAttempts = 25

// Delivery is one event on its way to one webhook. Its methods are the only transitions between states; they change
// the value in memory, and a store's conditional write on Rev makes the change real or refuses it.
type Delivery struct {
	PartnerID string
	WebhookID string
	ID        string
	Event     Event
	State     State
	// Body is what every attempt sends, built once. Empty if State is Undeliverable because it could not be built.
	Body []byte
	// Reason tells a partner why State is Undeliverable or Cancelled.
	Reason    string
	CreatedAt time.Time
	UpdatedAt time.Time
	// Generation is the webhook's generation when the present round started or, for Held, when it was held.
	Generation int64
	// RoundAttempts counts the finished attempts of the present round, 0 to 6; an interrupted one does not count.
	RoundAttempts int
	// Attempts is the number of the last finished attempt over the delivery's whole life, from 1; 0 before it.
	Attempts int
	// Claim is set from before a POST until its outcome is stored.
	Claim *Claim
	// Interruptions counts the claims of the present attempt that ended without a stored outcome.
	Interruptions int
	// Tripped is set while State is Exhausted and the webhook's next activation must bring d again: its round ended
	// under the generation that was switched off.
	Tripped bool
	// Job is the kind of job that started the present or last round and goes on after it; empty if none did.
	Job JobKind
	// Probed is set if Job is a drain that a successful probe started: what is refused then is refused by a webhook that
	// is well.
	Probed bool
	// Paced is set if the round's first attempt has its place in the pace of a slow webhook, at NextAttemptAt.
	Paced bool
	// ResendAt is when a partner asked for an attempt by hand that has not been made yet; zero if none is asked for.
	ResendAt time.Time
	// NextAttemptAt is when the next attempt of the round is due; zero unless State is pending and no attempt of the
	// round is under way.
	NextAttemptAt time.Time
	// HeldUntil is when a held delivery expires; zero unless State is Held.
	HeldUntil      time.Time
	LastStatusCode int
	LastErrorCode  ErrorCode
	Log            []Attempt
	// DueAt is when the sweeper must look at this delivery, because by then something else should have moved it; zero
	// if nothing can be overdue. The first claim of a new delivery leaves it zero: the stream delivers again.
	DueAt time.Time
	// Rev counts the stored versions, from 1.
	Rev int64
	// Kept belongs to the store.
	Kept Kept
}

// Ref names a delivery.
type Ref struct{ PartnerID, WebhookID, DeliveryID string }

// Ref returns the delivery's name.
func (d *Delivery) Ref() Ref { return Ref{d.PartnerID, d.WebhookID, d.ID} }

// Claim is the right to make one attempt, held before its POST.
type Claim struct {
	// Number is the attempt's number over the delivery's whole life, as in `x-webhook-attempt`.
	Number int
	// Owner is unique to one invocation's claim.
	Owner      string
	LeaseUntil time.Time
	StartedAt  time.Time
	// Manual marks an attempt by hand, outside the round.
	Manual bool
}

// Live tells whether the claim's holder may still be sending.
func (c *Claim) Live(now time.Time) bool { return c != nil && now.Before(c.LeaseUntil) }

// Attempt is one row of a delivery's log.
type Attempt struct {
	Number    int
	StartedAt time.Time
	Duration  time.Duration
	// Manual marks a resend by the partner.
	Manual     bool
	StatusCode int
	// ErrorCode is empty if and only if the attempt succeeded.
	ErrorCode    ErrorCode
	ErrorMessage string
	// Excerpt is the start of the response's body, at most 4 KiB, redacted; kept for failures only.
	Excerpt string
}

// ErrorCode classifies a failed attempt for partners. The set is part of the API.
type ErrorCode string

// The codes of failed attempts.
const (
	ErrDNS               ErrorCode = "dns_error"
	ErrBlockedAddress    ErrorCode = "blocked_address"
	ErrConnectionRefused ErrorCode = "connection_refused"
	ErrConnectionReset   ErrorCode = "connection_reset"
	ErrConnectTimeout    ErrorCode = "connect_timeout"
	ErrTLS               ErrorCode = "tls_error"
	ErrTimeout           ErrorCode = "timeout"
	ErrHTTPStatus        ErrorCode = "http_status"
	ErrProtocol          ErrorCode = "protocol_error"
	ErrInterrupted       ErrorCode = "interrupted"
)

// ErrorCodes returns all codes of failed attempts.
func ErrorCodes() []ErrorCode {
	return []ErrorCode{
		ErrDNS, ErrBlockedAddress, ErrConnectionRefused, ErrConnectionReset, ErrConnectTimeout, ErrTLS, ErrTimeout, ErrHTTPStatus,
		ErrProtocol, ErrInterrupted,
	}
}

// Times of a delivery's life.
const (
	// Lease is how long a claim is exclusive. It covers the longest send (21 s: connect 5, write 5, answer 10,
	// excerpt 1) and the storing of its outcome.
	Lease = 30 * time.Second
	// Grace is how long after its due time a delivery counts as overdue.
	Grace = 60 * time.Second
	// MaxInterruptions is how many claims of one attempt may end without an outcome before the delivery is parked.
	MaxInterruptions = 3
)

// NextNumber is the number of the attempt that is under way or comes next.
func (d *Delivery) NextNumber() int { return d.Attempts + 1 }

// Waiting tells whether d waits for its webhook's activation.
func (d *Delivery) Waiting() bool { return d.State == Held || d.Tripped }

// Unsettled says why something may still become of d by itself; empty if nothing will, so that nobody misses it.
func (d *Delivery) Unsettled() string {
	switch {
	case !d.State.Final():
		return string(d.State)
	case d.Claim != nil:
		return "an attempt is under way"
	case !d.ResendAt.IsZero():
		return "an attempt by hand was asked for"
	case d.Waiting():
		return "it waits for its webhook's activation"
	}
	return ""
}

// StartRound makes d pending with a new round of attempts under a webhook's generation, the first due at. job is the
// kind of job that starts it, or empty.
func (d *Delivery) StartRound(now time.Time, generation int64, at time.Time, job JobKind) {
	d.State, d.Generation, d.RoundAttempts, d.Job = StatePending, generation, 0, job
	d.Claim, d.Interruptions, d.HeldUntil, d.Reason, d.Tripped, d.Probed, d.Paced = nil, 0, time.Time{}, "", false, false, false
	d.NextAttemptAt, d.UpdatedAt = at, now
	d.setDue(now)
}

// PutOff sets when the round's first attempt is due. paced says that it has its place in its webhook's pace then.
func (d *Delivery) PutOff(now, at time.Time, paced bool) {
	d.NextAttemptAt, d.UpdatedAt, d.Paced = at, now, paced
	d.setDue(now)
}

// TakeClaim gives the next attempt of the round to owner. The caller has checked that d is pending and no other claim is
// live.
func (d *Delivery) TakeClaim(now time.Time, owner string) {
	d.Claim = &Claim{Number: d.NextNumber(), Owner: owner, StartedAt: now, LeaseUntil: now.Add(Lease)}
	d.NextAttemptAt, d.UpdatedAt = time.Time{}, now
	d.setDue(now)
}

// TakeManualClaim gives the attempt by hand that was asked for to owner, whatever the state. The caller has checked that
// no other claim is live.
func (d *Delivery) TakeManualClaim(now time.Time, owner string) {
	d.Claim = &Claim{Number: d.NextNumber(), Owner: owner, StartedAt: now, LeaseUntil: now.Add(Lease), Manual: true}
	d.UpdatedAt = now
	d.setDue(now)
}

// Release gives the present claim back before its POST began: the attempt is due at once.
func (d *Delivery) Release(now time.Time) {
	d.endClaim(now)
	d.UpdatedAt = now
	d.setDue(now)
}

// Interrupt logs that the present claim's lease ended without an outcome: whether the POST arrived is not known, the
// partner is not charged, and the same number is tried again.
func (d *Delivery) Interrupt(now time.Time) {
	c := d.Claim
	d.log(Attempt{
		Number: c.Number, StartedAt: c.StartedAt, Duration: c.LeaseUntil.Sub(c.StartedAt), Manual: c.Manual,
		ErrorCode: ErrInterrupted, ErrorMessage: "The sender was interrupted; whether the request arrived is not known.",
	})
	d.LastStatusCode, d.LastErrorCode = 0, ErrInterrupted
	d.Interruptions++
	d.endClaim(now)
	d.UpdatedAt = now
	d.setDue(now)
}

// endClaim makes the claimed attempt due again.
func (d *Delivery) endClaim(now time.Time) {
	if !d.Claim.Manual {
		d.NextAttemptAt = now
	}
	d.Claim = nil
}

// Finish logs the claimed attempt's outcome and ends the claim. One of Succeed, Retry, Exhaust and, after an attempt by
// hand that failed, KeepState must follow.
func (d *Delivery) Finish(a Attempt) {
	d.log(a)
	d.Attempts = a.Number
	if a.Manual {
		d.ResendAt = time.Time{}
	} else {
		d.RoundAttempts++
	}
	d.Claim, d.Interruptions = nil, 0
	d.LastStatusCode, d.LastErrorCode = a.StatusCode, a.ErrorCode
	d.UpdatedAt = a.StartedAt.Add(a.Duration)
}

// Succeed makes d delivered.
func (d *Delivery) Succeed() { d.final(Delivered, d.UpdatedAt) }

// Retry sets when the next attempt of the round is due.
func (d *Delivery) Retry(at time.Time) {
	d.NextAttemptAt = at
	d.setDue(d.UpdatedAt)
}

// Exhaust makes d exhausted: the round's last attempt failed. tripped is what Webhook.Trips says.
func (d *Delivery) Exhaust(tripped bool) {
	d.final(Exhausted, d.UpdatedAt)
	d.Tripped = tripped
	d.setDue(d.UpdatedAt)
}

// KeepState leaves d as it was before an attempt by hand that failed.
func (d *Delivery) KeepState() { d.setDue(d.UpdatedAt) }

// AskResend asks for one attempt by hand.
func (d *Delivery) AskResend(now time.Time) {
	d.ResendAt, d.UpdatedAt = now, now
	d.setDue(now)
}

// DropResend takes the wish for an attempt by hand back.
func (d *Delivery) DropResend(now time.Time) {
	d.ResendAt, d.Interruptions, d.UpdatedAt = time.Time{}, 0, now
	d.setDue(now)
}

// Hold makes d held for a webhook of the given generation until its hold time ends.
func (d *Delivery) Hold(now time.Time, generation int64, holdTime time.Duration) {
	d.State, d.Generation, d.RoundAttempts = Held, generation, 0
	d.Claim, d.Interruptions, d.NextAttemptAt = nil, 0, time.Time{}
	d.HeldUntil, d.UpdatedAt = now.Add(holdTime), now
	d.setDue(now)
}

// Untrip ends the waiting of an exhausted delivery: it stays exhausted.
func (d *Delivery) Untrip(now time.Time) {
	d.Tripped, d.UpdatedAt = false, now
	d.setDue(now)
}

// Cancel makes d cancelled; the reason is shown to the partner.
func (d *Delivery) Cancel(now time.Time, reason string) {
	d.final(Cancelled, now)
	d.Reason = reason
}

// GiveUp makes d undeliverable for a reason that is not the endpoint's fault; the reason is shown to the partner.
func (d *Delivery) GiveUp(now time.Time, reason string) {
	d.final(Undeliverable, now)
	d.Reason = reason
}

// Expire makes a held delivery expired.
func (d *Delivery) Expire(now time.Time) { d.final(StateExpired, now) }

func (d *Delivery) final(s State, now time.Time) {
	d.State, d.UpdatedAt, d.Tripped = s, now, false
	d.Claim, d.NextAttemptAt, d.HeldUntil = nil, time.Time{}, time.Time{}
	d.setDue(now)
}

// setDue sets when something should have moved d on, whatever its state.
func (d *Delivery) setDue(now time.Time) {
	switch {
	case d.Claim != nil:
		d.DueAt = d.Claim.LeaseUntil.Add(Grace)
	case d.State == StatePending && !d.NextAttemptAt.IsZero():
		d.DueAt = d.NextAttemptAt.Add(Grace)
		if !d.ResendAt.IsZero() {
			d.DueAt = now.Add(Grace)
		}
	case !d.ResendAt.IsZero(), d.Waiting():
		d.DueAt = now.Add(Grace)
	default:
		d.DueAt = time.Time{}
	}
}

// ExpiresAt is when the store may drop d, zero while it must not.
func (d *Delivery) ExpiresAt() time.Time {
	if !d.State.Final() {
		return time.Time{}
	}
	return d.UpdatedAt.Add(FinalRetention)
}

func (d *Delivery) log(a Attempt) {
	log := append([]Attempt(nil), d.Log...)
	if len(log) >= MaxLoggedAttempts {
		log = log[len(log)-MaxLoggedAttempts+1:]
	}
	d.Log = append(log, a)
}
