package webhook

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// inState returns a delivery in each state that transitions lead to.
func inState(name string) Delivery {
	d := Delivery{ID: "dlv_1"}
	switch name {
	case "claimed":
		d.StartRound(t0, 1, t0, DrainJob)
		d.TakeClaim(t0, "o")
	case "between":
		d.StartRound(t0, 1, t0, "")
		d.TakeClaim(t0, "o")
		d.Finish(Attempt{Number: 1, StartedAt: t0, Duration: time.Second, ErrorCode: ErrTimeout})
		d.Retry(t0.Add(3 * time.Second))
	case "delivered":
		d.StartRound(t0, 1, t0, "")
		d.TakeClaim(t0, "o")
		d.Finish(Attempt{Number: 1, StartedAt: t0})
		d.Succeed()
	case "exhausted", "tripped":
		d.StartRound(t0, 1, t0, "")
		d.TakeClaim(t0, "o")
		d.Finish(Attempt{Number: 1, StartedAt: t0, ErrorCode: ErrTimeout})
		d.Exhaust(name == "tripped")
	case "held":
		d.Hold(t0, 1, DefaultHoldTime)
	case "expired":
		d.Hold(t0, 1, DefaultHoldTime)
		d.Expire(t0)
	case "cancelled":
		d.Hold(t0, 1, DefaultHoldTime)
		d.Cancel(t0, "x")
	case "undeliverable":
		d.GiveUp(t0, "x")
	default:
		panic(name)
	}
	return d
}

var stateNames = []string{"claimed", "between", "delivered", "exhausted", "tripped", "held", "expired", "cancelled", "undeliverable"}

// wantDue says, in its own words, when something should have moved d by.
func wantDue(d *Delivery, now time.Time) time.Time {
	if d.Claim != nil {
		return d.Claim.LeaseUntil.Add(Grace)
	}
	if !d.ResendAt.IsZero() {
		return now.Add(Grace)
	}
	if d.State == StatePending {
		return d.NextAttemptAt.Add(Grace)
	}
	if d.State == Held || d.State == Exhausted && d.Tripped {
		return now.Add(Grace)
	}
	return time.Time{}
}

// TestDueInEveryState: after every transition from every state something looks at what is not over, and at nothing else.
// What belongs to another state is gone.
func TestDueInEveryState(t *testing.T) {
	now := t0.Add(time.Minute)
	log := Attempt{StartedAt: now.Add(-time.Second), Duration: time.Second, ErrorCode: ErrTimeout}
	transitions := []struct {
		name string
		do   func(d *Delivery)
	}{
		{"none", func(*Delivery) {}},
		{"AskResend", func(d *Delivery) { d.AskResend(now) }},
		{"StartRound", func(d *Delivery) { d.StartRound(now, 2, now, "") }},
		{"TakeClaim", func(d *Delivery) { d.StartRound(now, 2, now, ""); d.TakeClaim(now, "p") }},
		{"TakeManualClaim", func(d *Delivery) { d.AskResend(now); d.TakeManualClaim(now, "p") }},
		{"manual failure", func(d *Delivery) {
			d.AskResend(now)
			d.TakeManualClaim(now, "p")
			a := log
			a.Manual = true
			d.Finish(a)
			d.KeepState()
		}},
		{"manual success", func(d *Delivery) {
			d.AskResend(now)
			d.TakeManualClaim(now, "p")
			d.Finish(Attempt{Manual: true, StartedAt: now})
			d.Succeed()
		}},
		{"manual interrupted", func(d *Delivery) { d.AskResend(now); d.TakeManualClaim(now, "p"); d.Interrupt(now) }},
		{"manual released", func(d *Delivery) { d.AskResend(now); d.TakeManualClaim(now, "p"); d.Release(now) }},
		{"DropResend", func(d *Delivery) { d.AskResend(now); d.DropResend(now) }},
		{"Hold", func(d *Delivery) { d.Hold(now, 2, DefaultHoldTime) }},
		{"Untrip", func(d *Delivery) { d.Untrip(now) }},
		{"Cancel", func(d *Delivery) { d.Cancel(now, "x") }},
		{"Cancel of one asked for", func(d *Delivery) { d.AskResend(now); d.Cancel(now, "x") }},
		{"GiveUp", func(d *Delivery) { d.GiveUp(now, "x") }},
		{"Expire", func(d *Delivery) { d.Expire(now) }},
	}
	for _, from := range stateNames {
		for _, tr := range transitions {
			t.Run(from+"/"+tr.name, func(t *testing.T) {
				d := inState(from)
				at := d.UpdatedAt
				if d.Claim != nil && strings.Contains(strings.ToLower(tr.name), "manual") {
					d.Interrupt(now) // callers see to it that there is no other claim
				}
				if tr.name == "Hold" && d.State.Final() {
					return // only what is pending is held
				}
				tr.do(&d)
				if tr.name != "none" {
					at = now
				}
				if want := wantDue(&d, at); !d.DueAt.Equal(want) {
					t.Errorf("due %v, want %v: %+v", d.DueAt, want, d)
				}
				if !d.UpdatedAt.Equal(at) {
					t.Errorf("updated %v", d.UpdatedAt)
				}
				if d.HeldUntil.IsZero() == (d.State == Held) || d.Tripped && d.State != Exhausted ||
					!d.NextAttemptAt.IsZero() && d.State != StatePending || d.Claim == nil && d.State == StatePending && d.NextAttemptAt.IsZero() {
					t.Errorf("%+v", d)
				}
				if d.Waiting() != (d.State == Held || d.State == Exhausted && d.Tripped) {
					t.Error("Waiting")
				}
				if kept := d.ExpiresAt(); d.State.Final() != kept.Equal(d.UpdatedAt.Add(FinalRetention)) || d.State.Final() == kept.IsZero() {
					t.Errorf("kept until %v", kept)
				}
			})
		}
	}
}

// TestManualKeepsTheRound: an attempt by hand takes a number and nothing else from the round.
func TestManualKeepsTheRound(t *testing.T) {
	d := inState("between")
	next, round := d.NextAttemptAt, d.RoundAttempts
	d.AskResend(t0)
	for n := range 2 {
		d.TakeManualClaim(t0.Add(time.Second), "o")
		if c := d.Claim; c.Number != 2 || !c.Manual || !c.Live(t0.Add(Lease)) || c.Live(t0.Add(time.Second+Lease)) {
			t.Errorf("%+v", c)
		}
		if n == 0 {
			d.Interrupt(t0.Add(2 * time.Second))
			if d.Interruptions != 1 || d.ResendAt.IsZero() || d.Attempts != 1 || !d.Log[1].Manual || d.Log[1].ErrorCode != ErrInterrupted {
				t.Errorf("%+v", d)
			}
		}
	}
	d.Finish(Attempt{Number: 2, Manual: true, StartedAt: t0, ErrorCode: ErrTimeout})
	d.KeepState()
	if !d.NextAttemptAt.Equal(next) || d.RoundAttempts != round || d.Attempts != 2 || !d.ResendAt.IsZero() || d.Interruptions != 0 || d.State != StatePending {
		t.Errorf("%+v", d)
	}
	if d.NextNumber() != 3 {
		t.Errorf("next %d", d.NextNumber())
	}
}

// TestStartRoundBeginsAnew: nothing of the round before, or of the waiting, is left; the numbers and the log are.
func TestStartRoundBeginsAnew(t *testing.T) {
	for _, from := range stateNames {
		d := inState(from)
		attempts, log := d.Attempts, len(d.Log)
		d.StartRound(t0, 5, t0.Add(time.Second), RecoverJob)
		if d.State != StatePending || d.Generation != 5 || d.RoundAttempts != 0 || d.Claim != nil || d.Tripped || d.Reason != "" ||
			d.Job != RecoverJob || !d.NextAttemptAt.Equal(t0.Add(time.Second)) || d.Attempts != attempts || len(d.Log) != log {
			t.Errorf("%s: %+v", from, d)
		}
	}
}

func TestTripsAndDiscarded(t *testing.T) {
	for _, tt := range []struct {
		of, generation, off, below int64
		trips                      bool
	}{
		{1, 1, 1, 0, true},  // switched off by it, or by another of its generation
		{1, 1, 0, 0, true},  // about to switch it off
		{1, 2, 1, 0, true},  // late: active again since
		{1, 2, 0, 0, false}, // edited since
		{1, 3, 2, 0, false}, // off and on twice since
		{2, 3, 2, 3, false}, // discarded
		{3, 3, 2, 3, true},
	} {
		w := Webhook{Generation: tt.generation, OffGeneration: tt.off, DiscardBelow: tt.below}
		d := Delivery{State: StatePending, Generation: tt.of}
		if got := w.Trips(&d); got != tt.trips {
			t.Errorf("%+v: trips %v", tt, got)
		}
	}
	w := Webhook{DiscardBelow: 2}
	for _, from := range stateNames {
		d := inState(from)
		waits := from == "claimed" || from == "between" || from == "held" || from == "tripped"
		if w.Discarded(&d) != waits {
			t.Errorf("%s: discarded %v", from, !waits)
		}
		d.Generation = 2
		if w.Discarded(&d) {
			t.Errorf("%s: discarded though it began later", from)
		}
	}
}

// TestOffGeneration: what was switched off last, by whomever, and no edit nor second wish moves it.
func TestOffGeneration(t *testing.T) {
	w := Webhook{Active: true, EverActive: true, Generation: 3, AutoReactivate: true}
	w.Deactivate(t0, ReasonFailures, "dlv")
	w.Generation = 4 // an edit
	if !w.Deactivate(t0, ReasonPartner, "") || w.OffGeneration != 3 || w.Deactivation.Reason != ReasonPartner {
		t.Errorf("%+v", w)
	}
	for _, reason := range []DeactivationReason{ReasonPartner, ReasonFailures} {
		if w.Deactivate(t0, reason, "") || w.Deactivation.Reason != ReasonPartner {
			t.Errorf("%s: %+v", reason, w)
		}
	}
	w.Activate(t0)
	if w.Generation != 5 || w.OffGeneration != 3 {
		t.Errorf("%+v", w)
	}
	never := Webhook{AutoReactivate: true}
	if never.Deactivate(t0, ReasonPartner, "") {
		t.Error("one that was never active")
	}
}

func TestJob(t *testing.T) {
	w := &Webhook{PartnerID: "p", ID: "w", Generation: 2}
	j := NewDrain(Job{Current: "dlv_1", Rev: 7, Done: 5, Step: 9, State: JobStopped}, w, t0, "job_1", 4)
	if j.State != JobRunning || j.Current != "dlv_1" || j.Rev != 7 || j.Done != 0 || j.Step != 0 || j.Total != 4 || j.Generation != 2 ||
		!j.DueAt.Equal(t0.Add(Grace)) || !j.ExpiresAt().IsZero() || j.Ref() != (JobRef{PartnerID: "p", WebhookID: "w", Kind: DrainJob}) {
		t.Errorf("%+v", j)
	}
	for i := range 6 {
		j.Wait(t0.Add(time.Hour), fmt.Sprint("dlv_", i))
		if j.Total < j.Done+1 || j.Total != max(4, i+1) || !j.DueAt.Equal(t0.Add(time.Hour+Grace)) {
			t.Errorf("%+v", j)
		}
		j.Finish()
	}
	j.Wait(t0.Add(time.Hour), "dlv_last")
	j.End(t0.Add(2*time.Hour), JobStopped)
	if j.Done != 6 || j.Current != "dlv_last" || !j.DueAt.IsZero() || !j.ExpiresAt().Equal(t0.Add(2*time.Hour+JobRetention)) {
		t.Errorf("%+v", j)
	}
}

func TestProbeTimes(t *testing.T) {
	w := &Webhook{PartnerID: "p", ID: "w", Generation: 2}
	j := NewProbe(Job{}, w, t0, "job_1")
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
		if got := j.ProbeAt().Sub(j.UpdatedAt); got != want*time.Minute-probeSlack {
			t.Errorf("probe %d after %v", i+1, got)
		}
		j.Step++
	}
	j.Step, j.UpdatedAt = 1<<40, t0 // no overflow
	if j.ProbeAt().Sub(t0) != time.Hour-probeSlack {
		t.Error(j.ProbeAt())
	}
	j.Step = 4
	j.End(t0, JobDone)
	if next := NewProbe(*j, w, t0.Add(59*time.Minute), "job_2"); next.Step != 4 || next.ProbeAt().Sub(t0) != 75*time.Minute-probeSlack || !next.DueAt.Equal(next.ProbeAt()) {
		t.Errorf("%+v", next)
	}
	if next := NewProbe(*j, w, t0.Add(time.Hour), "job_2"); next.Step != 0 || next.ProbeAt().Sub(t0) != 61*time.Minute-probeSlack {
		t.Errorf("%+v", next)
	}
}
