package storm

import (
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// activated notes what an activation owes: what tripped the switch, unless it is discarded. A discarding or a deletion
// ends the debt.
func (o *oracle) activated(h *hook, before, next *version) {
	a, b := &before.webhook, &next.webhook
	on := b.Active && !a.Active
	for _, f := range o.flightOrder {
		if f.ref.WebhookID != h.id || f.state.State != webhook.Exhausted {
			continue
		}
		switch {
		case f.state.Generation < b.DiscardBelow:
			f.owed, f.tripped = false, false
		case on && f.tripped:
			f.owed = true
		}
	}
}

// roundBegins judges the start of a round: a drain has one delivery on its way, and takes them in order.
func (o *oracle) roundBegins(f *flight, d *webhook.Delivery) {
	w := o.w
	f.owed, f.tripped = false, false
	if d.Job == "" {
		return
	}
	about := []string{d.ID, d.WebhookID}
	// A drain that a probe started brings last what the webhook has refused already.
	drain := o.jobs[webhook.JobRef{PartnerID: d.PartnerID, WebhookID: d.WebhookID, Kind: webhook.DrainJob}]
	probed := drain != nil && drain.Probed
	// What an index may not have shown yet, and what the page before showed.
	since := w.s.now - w.plan.indexLag - 10*time.Second - 4*w.plan.slowest
	for _, x := range o.flightOrder {
		if x == f || x.ref.WebhookID != d.WebhookID {
			continue
		}
		s := &x.state
		if d.Probed && s.Probed && s.State == webhook.Exhausted {
			continue // refused right after a probe: after the next one it comes last
		}
		if s.State == webhook.StatePending && s.Job == d.Job {
			w.fail("I15 a drain has one delivery on its way", about, "%s is on its way too", s.ID)
		}
		if probed && s.Tripped && s.Job == webhook.DrainJob {
			continue
		}
		if d.Job == webhook.DrainJob && x.waiting >= 0 && x.waiting < since && s.Event.OrderKey() < d.Event.OrderKey() &&
			s.Generation >= o.hooks[d.WebhookID].now().webhook.DiscardBelow {
			w.fail("I15 a drain keeps the order of records", about, "%s of an earlier record still waits", s.ID)
		}
	}
}

// overlooked holds, where nothing fails, that the sweeper takes up within two minutes what waits for an active webhook
// that has no drain. It is asked every minute.
func (o *oracle) overlooked() {
	w := o.w
	if !w.plan.clean {
		return
	}
	const most = 2*time.Minute + 30*time.Second
	for _, f := range o.flightOrder {
		if f.waiting < 0 || f.waiting > w.s.now-most || o.off(f.ref) || o.hooks[f.ref.WebhookID].deleted >= 0 {
			continue
		}
		h := o.hooks[f.ref.WebhookID]
		drain := o.jobs[webhook.JobRef{PartnerID: f.ref.PartnerID, WebhookID: f.ref.WebhookID, Kind: webhook.DrainJob}]
		since := max(h.activeSince(), o.partners[f.ref.PartnerID].since(), f.waiting)
		switch {
		case since > w.s.now-most, drain != nil && drain.State == webhook.JobRunning:
		case drain != nil && w.s.clock().Sub(drain.UpdatedAt) < most:
		case f.state.Generation < h.now().webhook.DiscardBelow:
		default:
			w.fail("I15 what waits for an active webhook is taken up", []string{f.ref.DeliveryID, f.ref.WebhookID},
				"it waits since %v, and no drain runs", epoch.Add(since))
		}
	}
}

// activeSince is when the webhook, active now, became so.
func (h *hook) activeSince() (at time.Duration) {
	for i := len(h.versions) - 1; i >= 0 && h.versions[i].webhook.Active; i-- {
		at = h.versions[i].at
	}
	return at
}

func (p *partnerTruth) since() time.Duration { return p.versions[len(p.versions)-1].at }

// discardJudged holds that a discarding ends what waited for it, and nothing else.
func (o *oracle) discardJudged(f *flight, d, old *webhook.Delivery) {
	h, w, about := o.hooks[d.WebhookID], o.w, []string{d.ID, d.WebhookID}
	switch {
	case h == nil || h.deleted >= 0:
	case d.State == webhook.Cancelled && (!h.discarded || f.since > h.discardedAt+w.stale()):
		w.fail("I1 only a deletion or a discarding cancels", about, "it waits since %v", epoch.Add(f.since))
	case d.State == webhook.StatePending && old.State == webhook.Held && h.discarded && f.since < h.discardedAt && w.s.now > h.discardedAt+w.stale():
		w.fail("I15 what was discarded is not sent", about, "discarded at %v", epoch.Add(h.discardedAt))
	}
	if d.State == webhook.Held || d.State == webhook.StatePending {
		f.since = w.s.now
	}
}

// handCommitted judges attempts by hand: each was asked for, and a failure changes nothing.
func (o *oracle) handCommitted(f *flight, d, old *webhook.Delivery) {
	if !d.ResendAt.IsZero() && old.ResendAt.IsZero() {
		f.wishes++
	}
	if old.Claim == nil || !old.Claim.Manual || d.Claim != nil || d.Attempts == old.Attempts {
		return
	}
	about := []string{d.ID, d.WebhookID}
	if d.State != old.State && d.State != webhook.Delivered {
		o.w.fail("I16 an attempt by hand changes no state but to delivered", about, "%s became %s", old.State, d.State)
	}
	if d.RoundAttempts != old.RoundAttempts && d.State == webhook.StatePending {
		o.w.fail("I16 an attempt by hand is outside the round", about, "the round has %d attempts after %d", d.RoundAttempts, old.RoundAttempts)
	}
	known := map[int]bool{}
	for _, p := range f.posts {
		if p.manual && !p.unknown() {
			known[p.number] = true
		}
	}
	if len(known) > f.wishes {
		o.w.fail("I16 one attempt for one wish", about, "%d attempts for %d wishes", len(known), f.wishes)
	}
}

// jobCommitted judges a job: one of a kind at a time.
func (o *oracle) jobCommitted(c *webhook.Change, j *webhook.Job) {
	old, about := o.jobs[j.Ref()], []string{j.ID, j.WebhookID}
	if old != nil && old.State == webhook.JobRunning && old.ID != j.ID && j.Kind == webhook.RecoverJob {
		o.w.fail("I17 one recovery at a time", about, "%s begins while %s runs", j.ID, old.ID)
	}
	if old != nil && old.ID == j.ID && j.Done < old.Done {
		o.w.fail("I17 progress goes forward", about, "%d after %d", j.Done, old.Done)
	}
	if old == nil || old.ID != j.ID || old.State != j.State {
		o.w.note("= job "+string(j.State), j.ID, string(j.Kind)+" "+j.WebhookID)
		ended := j.State == webhook.JobDone && j.Kind == webhook.DrainJob && j.Done > 0
		if n := count(c.Outbox, webhook.WebhookDrained, j.WebhookID); ended && n != 1 || !ended && n != 0 {
			o.w.fail("I13 each cause is told once", about, "the end of a drain is told %d times", n)
		}
	}
	x := *j
	o.jobs[j.Ref()] = &x
}

// told is an operational event: a row of the outbox and what became of it.
type told struct {
	row     webhook.OutboxEvent
	times   int
	removed bool
}

// published notes that the bus accepted events.
func (o *oracle) published(rows []webhook.OutboxEvent) {
	for _, x := range rows {
		t := o.outbox[x.ID]
		if t == nil || t.row != x {
			o.w.fail("I13 each cause is told once", []string{x.WebhookID, x.ID}, "%s is published and is not what is stored", x.ID)
			return
		}
		t.times++
	}
}

// told notes that rows were removed.
func (o *oracle) told(rows []webhook.OutboxEvent) {
	for _, x := range rows {
		if t := o.outbox[x.ID]; t == nil || t.times == 0 {
			o.w.fail("I13 each cause is told once", []string{x.WebhookID, x.ID}, "%s is removed before it was published", x.ID)
			return
		}
		o.outbox[x.ID].removed = true
	}
}
