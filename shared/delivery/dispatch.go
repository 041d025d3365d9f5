package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// maxSends bounds the attempts of one invocation that are under way at once; a function has 1,024 file descriptors.
const maxSends = 128

// batch is what the records of one invocation share.
type batch struct {
	slots chan struct{}
	tally *tally
	// grace is how much later than a record a webhook may have been created and still get its event.
	grace time.Duration

	mu       sync.Mutex
	partners map[string]*partnerRead
}

// unknownPartner is the reason of a parked record whose partner does not exist.
const unknownPartner = "unknown_partner"

var errPanic = webhook.Errorf(webhook.Internal, "panic")

// partnerRead is one strongly consistent read of a partner and its webhooks. It happens after every record of the batch
// was written, so no webhook that existed then is missed.
type partnerRead struct {
	once     sync.Once
	partner  webhook.Partner
	webhooks []webhook.Webhook
	err      error
}

func newBatch() *batch {
	return &batch{slots: make(chan struct{}, maxSends), tally: &tally{}, grace: creationGrace, partners: map[string]*partnerRead{}}
}

// Dispatch handles the stream records of one invocation, all at once. For each one that is an event it makes sure that
// every eligible webhook's delivery is stored, sends what it can, and stores and queues what follows.
//
// It returns an error per record: nil if the record may be acknowledged, because all that follows from it is stored.
// An unusable record is parked, which counts as handled. One record's failure or panic concerns no other.
func (e *Engine) Dispatch(ctx context.Context, records [][]byte) []error {
	b := newBatch()
	errs := make([]error, len(records))
	var wg sync.WaitGroup
	for i, raw := range records {
		wg.Go(func() { _, errs[i] = e.dispatchRecord(ctx, b, raw) })
	}
	wg.Wait()
	e.flush(ctx, b.tally)
	return errs
}

// dispatchRecord handles one record and tells whether it was parked.
func (e *Engine) dispatchRecord(ctx context.Context, b *batch, raw []byte) (parked bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			e.Log.LogAttrs(ctx, slog.LevelError, "record panicked", slog.String("event", "record.panicked"),
				slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
			parked, err = true, e.park(ctx, raw, &payload.Unusable{Reason: "internal_error"})
		}
	}()
	record, isEvent, err := payload.Decode(raw)
	var unusable *payload.Unusable
	switch {
	case errors.As(err, &unusable):
		return true, e.park(ctx, raw, unusable)
	case err != nil:
		return false, err
	case !isEvent:
		return false, nil
	}
	p, webhooks, err := e.partner(ctx, b, record.Event.PartnerID)
	if webhook.CodeOf(err) == webhook.NotFound {
		return true, e.park(ctx, raw, &payload.Unusable{Reason: unknownPartner})
	}
	if err != nil {
		return false, err
	}
	errs := make([]error, len(webhooks))
	var wg sync.WaitGroup
	for i := range webhooks {
		w := &webhooks[i]
		if w.Eligible(record.Event, b.grace) {
			wg.Go(func() { errs[i] = e.firstOrPark(ctx, b, record, &p, w) })
		}
	}
	wg.Wait()
	return false, errors.Join(errs...)
}

// recovering turns a panic into an error, so that a goroutine's panic does not end the process and its neighbours.
func (e *Engine) recovering(ctx context.Context, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			e.Log.LogAttrs(ctx, slog.LevelError, "delivery panicked", slog.String("event", "delivery.panicked"),
				slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
			err = errPanic
		}
	}()
	return f()
}

// firstOrPark parks the record if its handling panics: returned to the stream, it would block its shard for a day. If
// the delivery was stored before the panic, its next step goes to the queue, where repeated panics end it.
func (e *Engine) firstOrPark(ctx context.Context, b *batch, r payload.Record, p *webhook.Partner, w *webhook.Webhook) error {
	err := e.recovering(ctx, func() error { return e.first(ctx, b, r, p, w) })
	if !errors.Is(err, errPanic) {
		return err
	}
	if err := e.park(ctx, r.Raw, &payload.Unusable{Reason: "internal_error"}); err != nil {
		return err
	}
	err = e.resume(ctx, webhook.Ref{PartnerID: w.PartnerID, WebhookID: w.ID, DeliveryID: deliveryID(r.Event, w)})
	if webhook.CodeOf(err) == webhook.NotFound {
		return nil
	}
	return err
}

func deliveryID(ev webhook.Event, w *webhook.Webhook) string {
	return webhook.DeliveryID(ev.ID, w.ID, ev.OccurredAt)
}

func (e *Engine) partner(ctx context.Context, b *batch, id string) (webhook.Partner, []webhook.Webhook, error) {
	b.mu.Lock()
	r := b.partners[id]
	if r == nil {
		r = &partnerRead{}
		b.partners[id] = r
	}
	b.mu.Unlock()
	r.once.Do(func() { r.partner, r.webhooks, r.err = e.Store.PartnerWebhooks(ctx, id) })
	return r.partner, r.webhooks, r.err
}

// park keeps a record that cannot become an event, whole, for an operator.
func (e *Engine) park(ctx context.Context, raw []byte, why *payload.Unusable) error {
	_, at := payload.SequenceNumber(raw)
	p := webhook.Parked{
		ID: webhook.ParkedID(raw, at), Reason: why.Reason, Detail: why.Detail, ParkedAt: e.Now(), Record: raw,
	}
	if err := e.Objects.Park(ctx, p); err != nil {
		return err
	}
	e.Log.LogAttrs(ctx, slog.LevelError, "record parked", slog.String("event", "record.parked"),
		slog.String("parkedId", p.ID), slog.String("reason", p.Reason), slog.String("detail", p.Detail))
	return nil
}

// first brings one event to one webhook: it stores the delivery, and makes the first attempt if it may and can.
func (e *Engine) first(ctx context.Context, b *batch, r payload.Record, p *webhook.Partner, w *webhook.Webhook) error {
	on := w.Active && !p.Suspended
	if !on && !w.EverActive {
		return nil
	}
	now := e.Now()
	d := webhook.Delivery{
		PartnerID: w.PartnerID, WebhookID: w.ID, ID: deliveryID(r.Event, w), Event: r.Event, CreatedAt: now,
	}
	body, err := r.Body(w.TypeNaming)
	if err != nil {
		return e.firstWithoutBody(ctx, &d, r, err)
	}
	d.Body = body
	if !on {
		d.Hold(now, w.Generation, e.HoldTime)
		return e.create(ctx, &d)
	}
	b.slots <- struct{}{}
	defer func() { <-b.slots }()
	secrets, err := e.Vault.OpenSecrets(ctx, w)
	d.StartRound(e.Now(), w.Generation, e.Now())
	if err != nil || !e.canSend(ctx) {
		// The queue takes over what cannot be sent from here; it also knows what to do about unreadable secrets.
		return e.create(ctx, &d)
	}
	d.TakeClaim(e.Now(), e.IDs.Owner())
	d.DueAt = time.Time{} // the stream brings the record again until it is acknowledged: no need for the sweeper
	switch err := e.Store.Commit(ctx, webhook.Change{Deliveries: []*webhook.Delivery{&d}}); webhook.CodeOf(err) {
	case "":
		return e.attempt(ctx, &d, w, secrets, b.tally)
	case webhook.Conflict:
		return e.resume(ctx, d.Ref())
	default:
		return err
	}
}

// firstWithoutBody stores a delivery whose body cannot be built, and keeps its record so that it can be built later.
func (e *Engine) firstWithoutBody(ctx context.Context, d *webhook.Delivery, r payload.Record, cause error) error {
	reason := "The body could not be built."
	if errors.Is(cause, payload.ErrTooLarge) {
		reason = fmt.Sprintf("The body is larger than %d bytes.", payload.MaxBody)
	}
	if err := e.Objects.KeepRecord(ctx, d.Ref(), r.Raw); err != nil {
		return err
	}
	err := e.giveUp(ctx, d, reason)
	if webhook.CodeOf(err) == webhook.Conflict {
		return nil // stored by an earlier delivery of the same record
	}
	return err
}

// create stores a new delivery that is not sent from here and queues its next step.
func (e *Engine) create(ctx context.Context, d *webhook.Delivery) error {
	err := e.Store.Commit(ctx, webhook.Change{Deliveries: []*webhook.Delivery{d}})
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
		if err := e.Store.Commit(ctx, webhook.Change{Deliveries: []*webhook.Delivery{&d}}); err != nil {
			return err // a conflict means that the outcome is being stored: the record comes again and finds it
		}
	}
	return e.enqueue(ctx, &d)
}
