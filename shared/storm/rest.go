package storm

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// expected counts the pairs of an event and a webhook that must have become a delivery.
func (o *oracle) expected() (n int) {
	for _, e := range o.events {
		for _, h := range o.hookOrder {
			if must, _ := o.due(e, h); must {
				n++
			}
		}
	}
	return n
}

// due tells whether an event must, and whether it may, have a delivery for a webhook.
func (o *oracle) due(e *eventTruth, h *hook) (must, may bool) {
	since := e.written
	switch {
	case e.kind != isEvent || e.partner != h.partner:
		return false, false
	case e.redriven > 0: // whoever is there when it is put back gets it
		since = e.redriven
	case h.created.After(e.at.Add(time.Second)):
		return false, false
	}
	always, ever, wasActive := true, false, false
	everActive := false
	for i := range h.versions {
		v := &h.versions[i].webhook
		ok := len(v.EventTypes) == 0 || slices.Contains(v.EventTypes, e.typ)
		always, ever = always && ok, ever || ok
		everActive = everActive || v.EverActive
		if h.versions[i].at <= since {
			wasActive = v.EverActive
		}
	}
	may = ever && everActive
	must = may && always && wasActive && h.deleted < 0 && h.versions[0].at < since
	return must, may
}

// resting tells what is still under way; "" if nothing is.
func (w *world) resting() string {
	for _, fn := range []*function{w.dispatcher, w.retrier, w.sweeper, w.portal, w.admin} {
		if fn.running > 0 {
			return fn.name + " is running"
		}
	}
	switch {
	case w.putAside():
		return "something waits for the operator"
	case !w.stream.drained():
		return "the stream is not drained"
	case !w.queue.empty():
		return fmt.Sprintf("%d messages and %d dead letters are on the queue", len(w.queue.messages), len(w.queue.dead))
	}
	for _, f := range w.truth.flightOrder {
		d := &f.state
		switch {
		case d.State == webhook.StatePending:
			return d.ID + " of " + d.WebhookID + " is pending"
		case d.Claim != nil:
			return d.ID + " has a claim"
		case !d.ResendAt.IsZero():
			return d.ID + " is to be resent"
		case waits(d) && !w.truth.off(f.ref):
			return d.ID + " waits for " + d.WebhookID + ", which is active"
		case d.State == webhook.Held && w.s.clock().After(d.HeldUntil):
			return d.ID + " is held beyond its time"
		case d.State == webhook.Held && w.plan.holdTime < 2*time.Hour:
			return d.ID + " is held, and will expire soon"
		}
	}
	return w.truth.working()
}

// working names a job that has not ended, "" if there is none. Probes go on for as long as a webhook is off.
func (o *oracle) working() string {
	for _, h := range o.hookOrder {
		for _, kind := range webhook.JobKinds() {
			j := o.jobs[webhook.JobRef{PartnerID: h.partner, WebhookID: h.id, Kind: kind}]
			if j != nil && j.State == webhook.JobRunning && (kind != webhook.ProbeJob || !o.off(webhook.Ref{PartnerID: h.partner, WebhookID: h.id})) {
				return "the job " + string(kind) + " of " + h.id + " runs"
			}
		}
	}
	for _, x := range o.outboxOrder {
		if !x.removed {
			return "the outbox holds " + string(x.row.Kind) + " of " + x.row.WebhookID
		}
	}
	return ""
}

// off tells whether a webhook exists and gets nothing.
func (o *oracle) off(ref webhook.Ref) bool {
	h := o.hooks[ref.WebhookID]
	if h == nil || h.deleted >= 0 {
		return false
	}
	p := o.partners[ref.PartnerID]
	return !h.now().webhook.Active || p.versions[len(p.versions)-1].suspended
}

// judge holds the world at rest to everything that was promised.
func (o *oracle) judge() {
	stored := map[string]*webhook.Delivery{}
	all := o.w.store.AllDeliveries()
	for i := range all {
		d := &all[i]
		key := pairKey(d.Event.VerificationID, d.Event.Sequence, d.WebhookID)
		if stored[key] != nil {
			o.w.fail("I1 one delivery for an event and a webhook", []string{d.ID, stored[key].ID}, "there are two")
		}
		stored[key] = d
		o.judgeOne(d, o.flights[d.ID])
	}
	for _, e := range o.events {
		for _, h := range o.byPartner[e.partner] {
			key := pairKey(e.verification, e.seq, h.id)
			must, may := o.due(e, h)
			about := []string{e.verification, h.id}
			switch exists := stored[key] != nil; {
			case must && !exists:
				o.w.fail("I1 no event is lost", about, "record %s of %s never became a delivery for %s", e.seq, e.verification, h.id)
			case exists && !may:
				o.w.fail("I1 nothing is sent that is for nobody", about, "record %s of %s became a delivery for %s", e.seq, e.verification, h.id)
			}
			delete(stored, key)
		}
	}
	for key, d := range stored {
		o.w.fail("I1 nothing comes from nothing", []string{d.ID}, "%s has no event", key)
	}
	for _, f := range o.flightOrder {
		if f.owed && f.state.State == webhook.Exhausted && !o.off(f.ref) && o.hooks[f.ref.WebhookID].deleted < 0 {
			o.w.fail("I15 an activation brings what tripped the switch", []string{f.ref.DeliveryID, f.ref.WebhookID}, "it stays exhausted")
		}
	}
	for id, p := range o.partners {
		if n := p.versions[len(p.versions)-1].webhooks; n != len(o.webhooksOf(id)) {
			o.w.fail("I19 a partner's webhooks are counted", []string{id}, "%d are counted, %d are there", n, len(o.webhooksOf(id)))
		}
	}
	o.judgeParked()
	o.judgeLog()
}

func pairKey(verification, seq, hook string) string { return verification + " " + seq + " " + hook }

// judgeOne holds one delivery's state and its log to what the endpoint saw.
func (o *oracle) judgeOne(d *webhook.Delivery, f *flight) {
	about := []string{d.ID, d.WebhookID}
	h := o.hooks[d.WebhookID]
	if h == nil || f == nil {
		o.w.fail("I1 nothing comes from nothing", about, "its webhook or its first version is unknown")
		return
	}
	if f.accepted && d.State != webhook.Delivered && !f.interrupted && h.deleted < 0 && !h.discarded {
		o.w.fail("I2 what the endpoint answered 2xx is delivered", about, "it is %s", d.State)
	}
	if d.State == webhook.StateExpired && d.UpdatedAt.Sub(d.CreatedAt) < o.w.plan.holdTime {
		o.w.fail("I1 nothing expires before its hold time", about, "it was made at %v", d.CreatedAt)
	}
	o.judgeLogRows(d, f, about)
}

// judgeLogRows holds that the log has a row for each attempt, and each finished row a request.
func (o *oracle) judgeLogRows(d *webhook.Delivery, f *flight, about []string) {
	if len(d.Log) >= webhook.MaxLoggedAttempts {
		return // the oldest rows are gone
	}
	numbers := map[int]bool{}
	for _, a := range d.Log {
		numbers[a.Number] = true
		if a.ErrorCode == webhook.ErrInterrupted {
			continue
		}
		if !slices.ContainsFunc(f.posts, func(p *post) bool { return p.number == a.Number && p.answered && p.status == a.StatusCode }) {
			o.w.fail("I3 a row of the log is a request that was made", about, "row %d says %d %s", a.Number, a.StatusCode, a.ErrorCode)
		}
	}
	for _, p := range f.posts {
		if !numbers[p.number] && p.reported && !p.unknown() {
			o.w.fail("I3 a request has a row in the log", about, "number %d has none", p.number)
		}
	}
	for n := 1; n <= d.Attempts; n++ {
		if !numbers[n] {
			o.w.fail("I3 attempts are numbered without a gap", about, "the log has no row %d of %d", n, d.Attempts)
		}
	}
}

// judgeParked holds that exactly the bad records are parked.
func (o *oracle) judgeParked() {
	want, may := map[string]bool{}, map[string]bool{}
	for _, e := range o.events {
		switch early := e.kind == isEvent && e.early; {
		case e.kind == bad, early && o.partners[e.partner] == nil:
			want[e.seq] = true
		case early && !o.reachable(e.partner): // it had a webhook or not when it was redriven
			may[e.seq] = true
		}
	}
	parked, _, err := o.w.objects.List(context.Background(), webhook.Page{Limit: 10_000})
	if err != nil {
		panic(err)
	}
	for _, x := range parked {
		seq := o.sequence(x.ID)
		if !want[seq] && !may[seq] {
			o.w.fail("I14 exactly the bad records are parked", []string{x.ID, seq}, "%s is parked for %s", seq, x.Reason)
		}
		delete(want, seq)
	}
	for _, e := range o.events {
		if want[e.seq] {
			o.w.fail("I14 exactly the bad records are parked", []string{e.verification}, "record %s is not", e.seq)
		}
	}
}

// sequence returns the sequence number of a parked record.
func (o *oracle) sequence(id string) string {
	p, err := o.w.objects.Parked(context.Background(), id)
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(p.Record), `"SequenceNumber":"`)
	seq, _, _ := strings.Cut(rest, `"`)
	return seq
}

// redriven notes that an operator put the record of an unknown partner back.
func (o *oracle) redriven(id string) {
	p, err := o.w.objects.Parked(context.Background(), id)
	if err != nil || p.Reason != "unknown_partner" {
		return
	}
	seq := o.sequence(id)
	for _, e := range o.events {
		if e.seq == seq && e.redriven == 0 {
			e.redriven = o.w.s.now
		}
	}
}

// judgeLog holds that no secret is in the log.
func (o *oracle) judgeLog() {
	text := o.w.log.Bytes()
	for s := range o.secrets {
		key := strings.TrimPrefix(s, webhook.SecretPrefix)
		if i := bytes.Index(text, []byte(key)); i >= 0 {
			line := text[bytes.LastIndexByte(text[:i], '\n')+1:]
			line = line[:bytes.IndexByte(line, '\n')]
			o.w.fail("I12 no secret in any log line", nil, "%s", bytes.ReplaceAll(line, []byte(key), []byte("<SECRET>")))
		}
	}
}

// idsIn returns the ids that a text mentions.
func idsIn(text string) (ids []string) {
	for _, f := range strings.Fields(text) {
		if strings.HasPrefix(f, "dlv_") || strings.HasPrefix(f, "whk_") {
			ids = append(ids, strings.TrimRight(f, ",:"))
		}
	}
	return ids
}
