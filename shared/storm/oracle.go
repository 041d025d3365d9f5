package storm

import (
	"context"
	"slices"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// oracle knows what was committed and what was sent, from the models' side alone, and holds the product to it.
type oracle struct {
	w     *world
	hooks map[string]*hook
	urls  map[string]*hook // whose URL it is, or was
	// byPartner are all that a partner ever had.
	byPartner map[string][]*hook
	partners  map[string]*partnerTruth
	flights   map[string]*flight
	events    []*eventTruth
	secrets   map[string]bool
	outbox    map[string]*told
	jobs      map[webhook.JobRef]*webhook.Job
	// The slices keep things in the order of their creation: maps have none.
	flightOrder []*flight
	hookOrder   []*hook
	outboxOrder []*told
}

// eventTruth is a record that was written.
type eventTruth struct {
	verification, partner, seq, status string
	// at is the stream's time, in whole seconds; written is the true one.
	at      time.Time
	written time.Duration
	kind    recordKind
	typ     webhook.EventType
	// early: its partner did not exist. redriven is when an operator first put its record back; 0 if nobody did.
	early    bool
	redriven time.Duration
}

// hook is a webhook's history.
type hook struct {
	id, partner string
	created     time.Time
	versions    []version
	// deleted is when it was; negative if it was not.
	deleted   time.Duration
	discarded bool
	// discardedAt is when its owner last discarded what waited.
	discardedAt time.Duration
	// probedAt is when the last probe left.
	probedAt time.Duration
}

type version struct {
	at      time.Duration
	webhook webhook.Webhook
	secrets webhook.Secrets
}

func (h *hook) now() *version { return &h.versions[len(h.versions)-1] }

// within calls f with each version that was in force at some time from a moment on, until it returns true.
func (h *hook) within(from time.Duration, f func(v *version) bool) bool {
	for i := len(h.versions) - 1; i >= 0; i-- {
		if f(&h.versions[i]) {
			return true
		}
		if h.versions[i].at <= from {
			break
		}
	}
	return false
}

type partnerTruth struct {
	id       string
	versions []partnerVersion
}

type partnerVersion struct {
	at        time.Duration
	suspended bool
	webhooks  int
}

// suspended tells whether the partner was suspended all the time from a moment on.
func (p *partnerTruth) suspended(from time.Duration) bool {
	for i := len(p.versions) - 1; i >= 0; i-- {
		if !p.versions[i].suspended {
			return false
		}
		if p.versions[i].at <= from {
			break
		}
	}
	return true
}

// flight is a delivery as the oracle sees it.
type flight struct {
	ref   webhook.Ref
	state webhook.Delivery // without its body
	body  []byte
	posts []*post
	// round counts the rounds that were started. accepted is true once the endpoint answered 2xx.
	round    int
	accepted bool
	reason   []webhook.State // the states it went through
	// since is when it was held or its round began, waiting is since when it waits for an activation.
	since, waiting time.Duration
	// tripped: its round ended under the generation that was then switched off. owed: the webhook was activated since,
	// and the round that this owes has not begun.
	tripped, owed bool
	// interrupted: an attempt ended without a known outcome, and its log says so.
	interrupted bool
	// wishes counts the attempts by hand that were asked for.
	wishes int
}

// post is one request that left.
type post struct {
	subject    string
	flight     *flight
	hook       *hook
	number     int
	manual     bool
	round      int
	start, end time.Duration
	env        *env
	faults     int
	status     int
	retryAfter time.Duration
	// answered: the endpoint has decided. reported: the sender knew. failed: it knew of a failure.
	answered, reported, failed bool
}

func (p *post) about() []string {
	if p.flight != nil {
		return []string{p.flight.ref.DeliveryID, p.flight.ref.WebhookID}
	}
	return []string{p.subject}
}

func newOracle(w *world) *oracle {
	return &oracle{
		w: w, hooks: map[string]*hook{}, urls: map[string]*hook{}, byPartner: map[string][]*hook{}, partners: map[string]*partnerTruth{}, flights: map[string]*flight{}, secrets: map[string]bool{}, outbox: map[string]*told{},
		jobs: map[webhook.JobRef]*webhook.Job{},
	}
}

// committed judges a change that has become real.
func (o *oracle) committed(c *webhook.Change, by *task) {
	if p := c.Partner; p != nil {
		o.partnerCommitted(p)
	}
	if x := c.RemoveWebhook; x != nil {
		h := o.hooks[x.ID]
		h.deleted = o.w.s.now
		o.w.note("= deleted", x.ID, "")
	}
	var before *version
	if x := c.Webhook; x != nil {
		before = o.webhookCommitted(c, x)
	}
	for _, d := range c.Deliveries {
		o.deliveryCommitted(c, d, before)
	}
	for _, j := range c.Jobs {
		o.jobCommitted(c, j)
	}
	for _, x := range c.Outbox {
		if o.outbox[x.ID] != nil {
			o.w.fail("I13 each cause is told once", []string{x.WebhookID}, "row %s is stored twice", x.ID)
		}
		t := &told{row: x}
		o.outbox[x.ID], o.outboxOrder = t, append(o.outboxOrder, t)
	}
	_ = by
}

func (o *oracle) partnerCommitted(p *webhook.Partner) {
	t := o.partners[p.ID]
	if t == nil {
		t = &partnerTruth{id: p.ID}
		o.partners[p.ID] = t
	}
	t.versions = append(t.versions, partnerVersion{o.w.s.now, p.Suspended, p.WebhookCount})
}

// webhookCommitted notes a version of a webhook and returns the one before, nil if there is none.
func (o *oracle) webhookCommitted(c *webhook.Change, x *webhook.Webhook) *version {
	s, err := o.w.vault.OpenSecrets(context.Background(), x)
	if err != nil {
		o.w.fail("I8 what is sealed can be opened", []string{x.ID}, "%v", err)
	}
	for _, v := range s.Values() {
		o.secrets[v] = true
	}
	next := version{o.w.s.now, *x, s}
	h := o.hooks[x.ID]
	if h == nil {
		h = &hook{id: x.ID, partner: x.PartnerID, created: x.CreatedAt, deleted: -1, versions: []version{next}}
		o.hooks[x.ID] = h
		// Each creation has a URL of its own, so a second webhook with it was made by repeating one.
		if twin := o.hookOf(x.URL); twin != nil {
			o.w.fail("I19 a repeated creation makes one webhook", []string{x.ID, twin.id}, "%s was made before", twin.id)
		}
		o.hookOrder = append(o.hookOrder, h)
		o.urls[x.URL] = h
		o.byPartner[h.partner] = append(o.byPartner[h.partner], h)
		return nil
	}
	before := *h.now()
	h.versions = append(h.versions, next)
	if o.urls[x.URL] == nil {
		o.urls[x.URL] = h
	}
	if x.DiscardBelow > before.webhook.DiscardBelow {
		h.discarded, h.discardedAt = true, o.w.s.now
	}
	o.checkEdit(c, &before, &next)
	o.activated(h, &before, &next)
	if x.Active != before.webhook.Active {
		o.w.note("= active", x.ID, map[bool]string{true: "yes", false: "no"}[x.Active])
	}
	return &before
}

// checkEdit holds what every change of a webhook must keep: the generation, and what is told to others.
func (o *oracle) checkEdit(c *webhook.Change, before, next *version) {
	a, b := &before.webhook, &next.webhook
	about := []string{a.ID}
	if b.Generation < a.Generation {
		o.w.fail("I6 the generation grows", about, "from %d to %d", a.Generation, b.Generation)
	}
	edited := a.URL != b.URL || a.AuthHeaderName != b.AuthHeaderName || a.PayloadTemplate != b.PayloadTemplate ||
		before.secrets.Signing != next.secrets.Signing || before.secrets.AuthHeaderValue != next.secrets.AuthHeaderValue
	if (edited || b.Active && !a.Active) && b.Generation == a.Generation {
		o.w.fail("I6 an edit and an activation make a new generation", about, "it stays %d", b.Generation)
	}
	off, on := a.Active && !b.Active, !a.Active && b.Active && a.EverActive
	if off {
		o.checkOff(c, a, b)
	}
	if a.Deactivation != nil && b.Deactivation != nil && a.Deactivation.Reason != b.Deactivation.Reason {
		off = true // its owner switches off what failures had: that is told, too
	}
	for kind, caused := range map[webhook.OutboxKind]bool{webhook.WebhookDeactivated: off, webhook.WebhookReactivated: on} {
		if n := count(c.Outbox, kind, b.ID); caused && n != 1 || !caused && n != 0 {
			o.w.fail("I13 each cause is told once", about, "%s %d times", kind, n)
		}
	}
}

// checkOff holds who may switch a webhook off: its owner, or a round that exhausted under its present generation.
func (o *oracle) checkOff(c *webhook.Change, a, b *webhook.Webhook) {
	if b.Deactivation == nil || b.Deactivation.Reason == webhook.ReasonPartner {
		return
	}
	for _, d := range c.Deliveries {
		if d.State == webhook.Exhausted && d.ID == b.Deactivation.DeliveryID && d.Generation == a.Generation {
			return
		}
	}
	o.w.fail("I6 only a round under the present generation switches off", []string{a.ID, b.Deactivation.DeliveryID},
		"generation %d, switched off for %s", a.Generation, b.Deactivation.DeliveryID)
}

func count(rows []webhook.OutboxEvent, kind webhook.OutboxKind, webhookID string) (n int) {
	for _, r := range rows {
		if r.Kind == kind && r.WebhookID == webhookID {
			n++
		}
	}
	return n
}

// allowed are the changes of state that the design knows.
var allowed = map[webhook.State][]webhook.State{
	"": {webhook.StatePending, webhook.Held, webhook.Undeliverable},
	webhook.StatePending: {
		webhook.Delivered, webhook.Exhausted, webhook.Held, webhook.Cancelled, webhook.Undeliverable,
	},
	webhook.Held:          {webhook.StatePending, webhook.Cancelled, webhook.StateExpired, webhook.Delivered, webhook.Undeliverable},
	webhook.Exhausted:     {webhook.Delivered, webhook.StatePending, webhook.Undeliverable},
	webhook.Undeliverable: {webhook.Delivered, webhook.StatePending},
	webhook.StateExpired:  {webhook.Delivered, webhook.StatePending, webhook.Undeliverable},
}

// deliveryCommitted judges a version of a delivery. before is the webhook's version that the same change replaces, if any.
func (o *oracle) deliveryCommitted(c *webhook.Change, d *webhook.Delivery, before *version) {
	f := o.flights[d.ID]
	if f == nil {
		f = &flight{ref: d.Ref(), waiting: -1}
		o.flights[d.ID] = f
		o.flightOrder = append(o.flightOrder, f)
	}
	old, about := f.state, []string{d.ID, d.WebhookID}
	if d.State != old.State {
		if !slices.Contains(allowed[old.State], d.State) {
			o.w.fail("I1 a state follows from another", about, "%s after %s", d.State, old.State)
		}
		f.reason = append(f.reason, d.State)
		o.discardJudged(f, d, &old)
	}
	if d.State == webhook.StatePending && d.RoundAttempts == 0 && (old.State != webhook.StatePending || d.Generation != old.Generation) {
		f.round++
		o.roundBegins(f, d)
	}
	o.handCommitted(f, d, &old)
	if !waits(d) {
		f.waiting = -1
	} else if !waits(&old) {
		f.waiting = o.w.s.now
	}
	if d.Attempts < old.Attempts || d.Attempts > old.Attempts+1 {
		o.w.fail("I3 attempts are numbered without a gap", about, "%d after %d", d.Attempts, old.Attempts)
	}
	if d.State == webhook.Delivered && old.State != webhook.Delivered && !f.accepted {
		o.w.fail("I2 delivered means that the endpoint answered 2xx", about, "it never did")
	}
	if d.State == webhook.Exhausted && old.State == webhook.StatePending {
		o.checkExhausted(c, d, f, before)
	}
	if d.State == webhook.Undeliverable && old.State != webhook.Undeliverable {
		if n := count(c.Outbox, webhook.DeliveryUndeliverable, d.WebhookID); n != 1 {
			o.w.fail("I13 each cause is told once", about, "undeliverable is told %d times", n)
		}
	}
	if n := len(d.Log); n > 0 && d.Log[n-1].ErrorCode == webhook.ErrInterrupted {
		f.interrupted = true
	}
	if len(d.Body) > 0 {
		if f.body != nil && string(f.body) != string(d.Body) && !slices.Contains(f.reason, webhook.Undeliverable) {
			o.w.fail("I8 the same bytes on every attempt", about, "the stored body changed")
		}
		f.body = d.Body
	}
	if d.State != old.State {
		o.w.note("= "+string(d.State), d.ID, d.WebhookID)
	}
	f.state = *d
	f.state.Body = nil
}

// checkExhausted holds that a round has six attempts that failed, and that it switches off the generation it began under.
func (o *oracle) checkExhausted(c *webhook.Change, d *webhook.Delivery, f *flight, before *version) {
	about := []string{d.ID, d.WebhookID}
	failed := 0
	for _, p := range f.charged(f.round) {
		if p.failed {
			failed++
		}
	}
	if failed != 6 {
		o.w.fail("I5 a round is six failed attempts", about, "exhausted after %d", failed)
	}
	h := o.hooks[d.WebhookID]
	if h == nil || h.deleted >= 0 {
		return
	}
	v := h.now()
	if before != nil {
		v = before
	}
	f.tripped = v.webhook.Generation == d.Generation
	if v.webhook.Active && v.webhook.Generation == d.Generation && (c.Webhook == nil || c.Webhook.Active) {
		o.w.fail("I6 a round that exhausts switches the webhook off", about, "it stays active under generation %d", d.Generation)
	}
}

// died notes that whatever an environment was doing has an unknown outcome.
func (o *oracle) died(e *env) { e.faults++ }

// waits tells whether a delivery waits for its webhook's activation.
func waits(d *webhook.Delivery) bool {
	return d.State == webhook.Held || d.State == webhook.Exhausted && d.Tripped
}
