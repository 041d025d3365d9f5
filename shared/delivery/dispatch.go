package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// maxAtOnce bounds what one invocation works on at once, attempts above all: each has one connection, and a function has
// 1,024 file descriptors, of which the connections that are kept and those to AWS take as many again.
const maxAtOnce = 256

// batch is what the records of one invocation share.
type batch struct {
	began time.Time
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
	partner  webhook.Partner
	webhooks []webhook.Webhook
}

func (e *Engine) newBatch() *batch {
	return &batch{began: e.Now(), tally: &tally{}, grace: creationGrace}
}

// Dispatch handles the stream records of one invocation, all at once. For each one that is an event it makes sure that
// every eligible webhook's delivery is stored, sends what it can, and stores and queues what follows.
//
// It returns an error per record: nil if the record may be acknowledged, because all that follows from it is stored.
// An unusable record is parked, which counts as handled. One record's failure or panic concerns no other.
func (e *Engine) Dispatch(ctx context.Context, records [][]byte) []error {
	b := e.newBatch()
	_, errs := e.dispatch(ctx, b, records)
	e.flush(ctx, b.tally)
	return errs
}

// dispatchRecord handles one record and tells whether it was parked.
func (e *Engine) dispatchRecord(ctx context.Context, b *batch, raw []byte) (parked bool, err error) {
	parkeds, errs := e.dispatch(ctx, b, [][]byte{raw})
	return parkeds[0], errs[0]
}

// dispatching is the work on the records of one batch. Each partner is read once, and whatever can be sent to its
// webhooks is, without waiting for other partners.
type dispatching struct {
	e     *Engine
	b     *batch
	group Group
	// records holds nil for what is no event. unusable says why a record can never be one, errs why it must come again.
	records  []*payload.Record
	unusable []*payload.Unusable
	errs     []error
	mu       sync.Mutex
	// failures holds what happened on the way to each record's webhooks.
	failures [][]error
}

// dispatch handles records and tells for each whether it was parked, and whether it failed. Panics and unreadable state
// of one webhook come back when all the others are done.
func (e *Engine) dispatch(ctx context.Context, b *batch, raws [][]byte) (parked []bool, errs []error) {
	parked, errs = make([]bool, len(raws)), make([]error, len(raws))
	d := &dispatching{e: e, b: b, group: e.group(maxAtOnce), errs: errs, failures: make([][]error, len(raws))}
	d.records, d.unusable = e.decode(ctx, raws, errs)
	var partners []string
	byPartner := map[string][]int{}
	for i, r := range d.records {
		if r == nil {
			continue
		}
		id := r.Event.PartnerID
		if byPartner[id] == nil {
			partners = append(partners, id)
		}
		byPartner[id] = append(byPartner[id], i)
	}
	for _, id := range partners {
		d.group.Go(func() { d.partner(ctx, id, byPartner[id]) })
	}
	d.group.Wait()
	for i, raw := range raws {
		if errs[i] == nil {
			errs[i] = worst(d.failures[i])
		}
		// Returned to the stream, these would come again for a day and block everybody behind them.
		if errors.Is(errs[i], errPanic) || webhook.CodeOf(errs[i]) == webhook.Corrupt {
			d.unusable[i] = &payload.Unusable{Reason: internalError}
		}
		if d.unusable[i] != nil {
			parked[i], errs[i] = true, e.park(ctx, raw, d.unusable[i])
		}
	}
	return parked, errs
}

// partner reads a partner and starts bringing the records with these numbers to its webhooks.
func (d *dispatching) partner(ctx context.Context, id string, numbers []int) {
	r := &partnerRead{}
	err := d.e.recovering(ctx, func() (err error) {
		r.partner, r.webhooks, err = d.e.Store.PartnerWebhooks(ctx, id)
		return err
	})
	for _, n := range numbers {
		switch {
		case webhook.CodeOf(err) == webhook.NotFound:
			d.unusable[n] = noPartner()
		case err != nil:
			d.errs[n] = err
		}
	}
	for i := range r.webhooks {
		w := &r.webhooks[i]
		if !w.Detour.Over() {
			d.group.Go(func() { d.detour(ctx, r, w, numbers) })
			continue
		}
		for _, n := range numbers {
			d.group.Go(func() { d.bring(ctx, n, r, w, nil) })
		}
	}
}

// detour brings records to a webhook that is not on the stream's path.
func (d *dispatching) detour(ctx context.Context, r *partnerRead, w *webhook.Webhook, numbers []int) {
	later := make([]place, len(numbers))
	err := d.e.recovering(ctx, func() error {
		goes := func(n int) bool {
			return w.Active && !r.partner.Suspended && w.Eligible(d.records[n].Event, d.b.grace)
		}
		count := 0
		for _, n := range numbers {
			if goes(n) {
				count++
			}
		}
		places := d.e.places(ctx, w, count, newPlaces)
		for i, n := range numbers {
			later[i].at = d.e.Now()
			if goes(n) {
				later[i], places = places[0], places[1:]
			}
		}
		return nil
	})
	for i, n := range numbers {
		if err != nil {
			d.failed(n, err)
			continue
		}
		d.group.Go(func() { d.bring(ctx, n, r, w, &later[i]) })
	}
}

func (d *dispatching) bring(ctx context.Context, n int, r *partnerRead, w *webhook.Webhook, later *place) {
	a := arrival{record: d.records[n], read: r, webhook: w, id: webhook.DeliveryID(d.records[n].Event, w.ID), later: later}
	if err := d.e.bring(ctx, d.b, &a); err != nil {
		d.failed(n, err)
	}
}

func (d *dispatching) failed(n int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failures[n] = append(d.failures[n], err)
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

// bring handles one record for one webhook of its partner. If it panics, whatever was stored before goes on by way of
// the queue, where repeated panics end it.
func (e *Engine) bring(ctx context.Context, b *batch, a *arrival) error {
	err := e.recovering(ctx, func() error {
		switch {
		case a.webhook.Eligible(a.record.Event, b.grace):
			return e.first(ctx, b, a)
		case a.webhook.UpdatedAt.After(a.record.Event.OccurredAt):
			// It may have been eligible when this record came for the first time and was cut short.
			return e.resumeIfStored(ctx, a.ref())
		}
		return nil
	})
	if errors.Is(err, errPanic) {
		if err := e.resumeIfStored(ctx, a.ref()); err != nil {
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
				slog.String("code", string(webhook.Internal)), slog.String("panic", what), slog.String("stack", string(debug.Stack())))
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
		slog.String("partnerId", p.PartnerID), slog.String("verificationId", p.VerificationID))
	return nil
}
