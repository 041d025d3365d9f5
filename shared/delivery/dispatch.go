package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// maxSends bounds the attempts of one invocation that are under way at once; a function has 1,024 file descriptors.
const maxSends = 128

// batch is what the records of one invocation share.
type batch struct {
	tally *tally
	// grace is how much later than a record a webhook may have been created and still get its event.
	grace time.Duration
}

// Reasons of parked records that payload does not know.
const (
	unknownPartner = "unknown_partner" // its partner does not exist
	internalError  = "internal_error"  // handling it panicked, or met stored state that can't be read
)

func noPartner() *payload.Unusable {
	return &payload.Unusable{Reason: unknownPartner, Detail: "partnerId names no partner", Attribute: "partnerId"}
}

var errPanic = webhook.Errorf(webhook.Internal, "panic")

// partnerRead is one strongly consistent read of a partner and its webhooks. It happens after every record of the batch
// was written, so no webhook that existed then is missed.
type partnerRead struct {
	at       time.Time
	partner  webhook.Partner
	webhooks []webhook.Webhook
	err      error
}

func newBatch() *batch { return &batch{tally: &tally{}, grace: creationGrace} }

// Dispatch handles the stream records of one invocation, all at once. For each one that is an event it makes sure that
// every eligible webhook's delivery is stored, sends what it can, and stores and queues what follows.
//
// It returns an error per record: nil if the record may be acknowledged, because all that follows from it is stored.
// An unusable record is parked, which counts as handled. One record's failure or panic concerns no other.
func (e *Engine) Dispatch(ctx context.Context, records [][]byte) []error {
	b := newBatch()
	_, errs := e.dispatch(ctx, b, records)
	e.flush(ctx, b.tally)
	return errs
}

// dispatchRecord handles one record and tells whether it was parked.
func (e *Engine) dispatchRecord(ctx context.Context, b *batch, raw []byte) (parked bool, err error) {
	parkeds, errs := e.dispatch(ctx, b, [][]byte{raw})
	return parkeds[0], errs[0]
}

// task is one record on its way to one webhook.
type task struct {
	record  int
	partner *partnerRead
	webhook *webhook.Webhook
}

// dispatch handles records and tells for each whether it was parked, and whether it failed. Panics and unreadable state
// of one webhook come back when all the others are done.
func (e *Engine) dispatch(ctx context.Context, b *batch, raws [][]byte) (parked []bool, errs []error) {
	parked, errs = make([]bool, len(raws)), make([]error, len(raws))
	records, unusable := e.decode(ctx, raws, errs)
	partners := e.partners(ctx, records)
	var tasks []task
	for i, r := range records {
		if r == nil {
			continue
		}
		switch p := partners[r.Event.PartnerID]; {
		case webhook.CodeOf(p.err) == webhook.NotFound:
			unusable[i] = noPartner()
		case p.err != nil:
			errs[i] = p.err
		default:
			for w := range p.webhooks {
				tasks = append(tasks, task{i, p, &p.webhooks[w]})
			}
		}
	}
	failures := make([]error, len(tasks))
	e.each(len(tasks), maxSends, func(i int) {
		t := tasks[i]
		failures[i] = e.bring(ctx, b, *records[t.record], t.partner, t.webhook)
	})
	perRecord := make([][]error, len(raws))
	for i, t := range tasks {
		perRecord[t.record] = append(perRecord[t.record], failures[i])
	}
	for i, raw := range raws {
		if errs[i] == nil {
			errs[i] = worst(perRecord[i])
		}
		// Returned to the stream, these would come again for a day and block everybody behind them.
		if errors.Is(errs[i], errPanic) || webhook.CodeOf(errs[i]) == webhook.Corrupt {
			unusable[i] = &payload.Unusable{Reason: internalError}
		}
		if unusable[i] != nil {
			parked[i], errs[i] = true, e.park(ctx, raw, unusable[i])
		}
	}
	return parked, errs
}

// decode reads the records: nil for what is no event, and why for what can never be one.
func (e *Engine) decode(ctx context.Context, raws [][]byte, errs []error) (records []*payload.Record, unusable []*payload.Unusable) {
	records, unusable = make([]*payload.Record, len(raws)), make([]*payload.Unusable, len(raws))
	for i, raw := range raws {
		err := e.recovering(ctx, func() error {
			record, isEvent, err := payload.Decode(raw)
			if isEvent && err == nil {
				records[i] = &record
			}
			return err
		})
		if !errors.As(err, &unusable[i]) {
			errs[i] = err
		}
	}
	return records, unusable
}

// partnersAtOnce bounds the reads of partners of one batch.
const partnersAtOnce = 32

// partners reads the partners of the records, each once.
func (e *Engine) partners(ctx context.Context, records []*payload.Record) map[string]*partnerRead {
	reads := map[string]*partnerRead{}
	var ids []string
	for _, r := range records {
		if r != nil && reads[r.Event.PartnerID] == nil {
			reads[r.Event.PartnerID] = &partnerRead{}
			ids = append(ids, r.Event.PartnerID)
		}
	}
	e.each(len(ids), partnersAtOnce, func(i int) {
		r := reads[ids[i]]
		r.err = e.recovering(ctx, func() (err error) {
			r.at = e.Now()
			r.partner, r.webhooks, err = e.Store.PartnerWebhooks(ctx, ids[i])
			return err
		})
	})
	return reads
}

// bring handles one record for one webhook of its partner. If it panics, whatever was stored before goes on by way of
// the queue, where repeated panics end it.
func (e *Engine) bring(ctx context.Context, b *batch, record payload.Record, r *partnerRead, w *webhook.Webhook) error {
	ref := webhook.Ref{PartnerID: w.PartnerID, WebhookID: w.ID, DeliveryID: webhook.DeliveryID(record.Event, w.ID)}
	err := e.recovering(ctx, func() error {
		switch {
		case w.Eligible(record.Event, b.grace):
			return e.first(ctx, b, record, r, w)
		case w.UpdatedAt.After(record.Event.OccurredAt):
			// It may have been eligible when this record came for the first time and was cut short.
			return e.resumeIfStored(ctx, ref)
		}
		return nil
	})
	if errors.Is(err, errPanic) {
		if err := e.resumeIfStored(ctx, ref); err != nil {
			return err
		}
	}
	return err
}

// worst returns an error that says whether the record must come again: if any webhook's error will pass, it does;
// otherwise the record is parked for one that will not.
func worst(errs []error) error {
	var lasting error
	var passing []error
	for _, err := range errs {
		switch {
		case err == nil:
		case errors.Is(err, errPanic), webhook.CodeOf(err) == webhook.Corrupt:
			lasting = err
		default:
			passing = append(passing, err)
		}
	}
	if passing != nil {
		return errors.Join(passing...)
	}
	return lasting
}

// recovering turns a panic into an error, so that a goroutine's panic does not end the process and its neighbours. A
// panic's value may hold anything, so only the runtime's own text is logged.
func (e *Engine) recovering(ctx context.Context, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			what := fmt.Sprintf("%T", p)
			if r, ok := p.(runtime.Error); ok {
				what = r.Error()
			}
			e.Log.LogAttrs(ctx, slog.LevelError, "panic", slog.String("event", "panic"),
				slog.String("panic", what), slog.String("stack", string(debug.Stack())))
			err = errPanic
		}
	}()
	return f()
}

// park keeps a record that cannot become an event, whole, for an operator.
func (e *Engine) park(ctx context.Context, raw []byte, why *payload.Unusable) error {
	_, at := payload.SequenceNumber(raw)
	p := webhook.Parked{
		ID: webhook.ParkedID(raw, at), Reason: why.Reason, Detail: why.Detail, Attribute: why.Attribute,
		ParkedAt: e.Now(), Record: raw,
	}
	p.PartnerID, p.VerificationID = payload.Subject(raw)
	if err := e.Objects.Park(ctx, p); err != nil {
		return err
	}
	e.Log.LogAttrs(ctx, slog.LevelError, "record parked", slog.String("event", "record.parked"),
		slog.String("parkedId", p.ID), slog.String("reason", p.Reason), slog.String("detail", p.Detail),
		slog.String("verificationId", p.VerificationID))
	return nil
}

// staleAfter is how old the batch's read of a partner may be when an attempt begins.
const staleAfter = 5 * time.Second

// current returns the partner and webhook as they are now, if the batch's read of them is too old.
func (e *Engine) current(ctx context.Context, r *partnerRead, w *webhook.Webhook) (*webhook.Partner, *webhook.Webhook, error) {
	if e.Now().Sub(r.at) <= staleAfter {
		return &r.partner, w, nil
	}
	p, fresh, err := e.Store.Webhook(ctx, w.PartnerID, w.ID)
	return &p, &fresh, err
}

// first brings one event to one webhook: it stores the delivery, and makes the first attempt if it may and can.
func (e *Engine) first(ctx context.Context, b *batch, r payload.Record, read *partnerRead, known *webhook.Webhook) error {
	p, w, err := e.current(ctx, read, known)
	if webhook.CodeOf(err) == webhook.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	on := w.Active && !p.Suspended
	if !on && !w.EverActive {
		return nil
	}
	now := e.Now()
	d := webhook.Delivery{
		PartnerID: w.PartnerID, WebhookID: w.ID, ID: webhook.DeliveryID(r.Event, w.ID), Event: r.Event, CreatedAt: now,
	}
	if w.PayloadTemplate != "" {
		if done, err := e.beforeTemplate(ctx, &d); done || err != nil {
			return err
		}
	}
	if d.Body, err = e.body(r, w); err != nil {
		return e.firstWithoutBody(ctx, b, &d, r, w, err)
	}
	if !on {
		d.Hold(now, w.Generation, e.HoldTime)
		return e.create(ctx, &d)
	}
	d.StartRound(now, w.Generation, now, "")
	secrets, err := e.Vault.OpenSecrets(ctx, w)
	if err != nil || !e.canSend(ctx) {
		// The queue takes over what cannot be sent from here; it also knows what to do about unreadable secrets.
		return e.create(ctx, &d)
	}
	d.TakeClaim(e.Now(), e.IDs.Owner())
	if e.surelyFirst(r.Event, w) {
		d.DueAt = time.Time{} // the stream brings the record again until it is acknowledged: no need for the sweeper
	}
	switch err := e.save(ctx, &d); {
	case webhook.CodeOf(err) == webhook.Conflict:
		return e.resume(ctx, d.Ref())
	case err != nil:
		return err
	case !e.claimed(ctx, &d):
		return e.giveBack(ctx, &d)
	}
	return e.attempt(ctx, &d, w, secrets, b.tally)
}

// surelyFirst tells whether the stream still waits for this record's delivery to w to be stored. It may bring a record
// once more that it does not wait for; then whatever was to be stored is stored, unless w became eligible since.
func (e *Engine) surelyFirst(ev webhook.Event, w *webhook.Webhook) bool {
	return e.Now().Sub(ev.OccurredAt) <= redelivered && !w.UpdatedAt.After(ev.OccurredAt)
}

// redelivered is how old an event is that most likely came before: streams are a second behind, and tell whole seconds.
const redelivered = 10 * time.Second

// beforeTemplate keeps templates from taking an invocation's time again and again: a record that comes once more finds
// what is stored first, and one that comes too late is left to the stream. done tells that d needs nothing more.
func (e *Engine) beforeTemplate(ctx context.Context, d *webhook.Delivery) (done bool, err error) {
	if e.Now().Sub(d.Event.OccurredAt) > redelivered {
		err := e.resume(ctx, d.Ref())
		if webhook.CodeOf(err) != webhook.NotFound {
			return true, err
		}
	}
	if deadline, ok := ctx.Deadline(); ok && deadline.Sub(e.Now()) < spare {
		return true, webhook.Errorf(webhook.Unavailable, "no time is left to build a body")
	}
	return false, nil
}

// body builds what every attempt sends. A template that was accepted once may be refused by a later version: that, too,
// is an error of the template.
func (e *Engine) body(r payload.Record, w *webhook.Webhook) ([]byte, error) {
	template, err := e.templates.Get(w.PayloadTemplate)
	if err != nil {
		return nil, err
	}
	return r.Body(w.TypeNaming, template)
}

// firstWithoutBody stores a delivery whose body cannot be built, and keeps its record so that it can be built later.
func (e *Engine) firstWithoutBody(ctx context.Context, b *batch, d *webhook.Delivery, r payload.Record, w *webhook.Webhook, cause error) error {
	if err := e.Objects.KeepRecord(ctx, d.Ref(), r.Raw); err != nil {
		return err
	}
	err := e.giveUp(ctx, d, payload.Reason(cause))
	if webhook.CodeOf(err) == webhook.Conflict {
		return e.resume(ctx, d.Ref()) // stored by an earlier delivery of the same record
	}
	if err == nil && w.PayloadTemplate != "" {
		b.tally.templateFailed(d, w)
	}
	return err
}

// create stores a new delivery that is not sent from here and queues its next step.
func (e *Engine) create(ctx context.Context, d *webhook.Delivery) error {
	err := e.save(ctx, d)
	if webhook.CodeOf(err) == webhook.Conflict {
		return e.resume(ctx, d.Ref())
	}
	if err != nil {
		return err
	}
	return e.enqueue(ctx, d)
}

// resume handles a record whose delivery is stored already: it repeats the delivery's next step. A claim that is still
// live is somebody's POST under way: a message looks at it when the lease has ended, and the sweeper after that.
func (e *Engine) resume(ctx context.Context, ref webhook.Ref) error {
	d, err := e.Store.Delivery(ctx, ref)
	if err != nil {
		return err
	}
	if d.State == webhook.StatePending && d.DueAt.IsZero() {
		d.DueAt = d.Claim.LeaseUntil.Add(webhook.Grace)
		if err := e.save(ctx, &d); err != nil {
			return err // a conflict means that the outcome is being stored: the record comes again and finds it
		}
	}
	return e.enqueue(ctx, &d)
}

// resumeIfStored is resume for a delivery that may not exist.
func (e *Engine) resumeIfStored(ctx context.Context, ref webhook.Ref) error {
	err := e.resume(ctx, ref)
	if webhook.CodeOf(err) == webhook.NotFound {
		return nil
	}
	return err
}
