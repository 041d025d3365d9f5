package storm

import (
	"context"
	"slices"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/memory"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// tables is DynamoDB as the product's store: memory's, with latency and faults at each call, and with indexes that are
// behind their table.
type tables struct {
	*memory.Store
	w *world
	// index is a replica: what eventually consistent reads see. behind tells when the last change of an item reaches it.
	index  *memory.Store
	behind map[any]time.Duration
}

func newStore(w *world) *tables {
	return &tables{Store: memory.NewStore(), w: w, index: memory.NewStore(), behind: map[any]time.Duration{}}
}

// read makes one call that has a value and no effect.
func read[T any](s *tables, op, subject string, f func() (T, error)) (v T, err error) {
	err = s.w.call(dynamo, op, subject, func() (err error) {
		v, err = f()
		return err
	}, nil)
	if err != nil {
		var none T
		return none, err
	}
	return v, nil
}

// pair carries two values through read.
type pair[A, B any] struct {
	a A
	b B
}

func pairOf[A, B any](a A, b B, err error) (pair[A, B], error) { return pair[A, B]{a, b}, err }

func (s *tables) Partner(ctx context.Context, id string) (webhook.Partner, error) {
	return read(s, "Partner", id, func() (webhook.Partner, error) { return s.Store.Partner(ctx, id) })
}

func (s *tables) Credential(ctx context.Context, id string) (webhook.Credential, error) {
	return read(s, "Credential", id, func() (webhook.Credential, error) { return s.Store.Credential(ctx, id) })
}

func (s *tables) PartnerWebhooks(ctx context.Context, id string) (webhook.Partner, []webhook.Webhook, error) {
	if err := s.w.pay("PartnerWebhooks", id, s.w.capacity.partnerWebhooks(id)...); err != nil {
		return webhook.Partner{}, nil, err
	}
	p, err := read(s, "PartnerWebhooks", id, func() (pair[webhook.Partner, []webhook.Webhook], error) {
		return pairOf(s.Store.PartnerWebhooks(ctx, id))
	})
	return p.a, p.b, err
}

func (s *tables) Webhook(ctx context.Context, partnerID, id string) (webhook.Partner, webhook.Webhook, error) {
	if err := s.w.pay("Webhook", id, s.w.capacity.webhook(partnerID)...); err != nil {
		return webhook.Partner{}, webhook.Webhook{}, err
	}
	p, err := read(s, "Webhook", id, func() (pair[webhook.Partner, webhook.Webhook], error) {
		return pairOf(s.Store.Webhook(ctx, partnerID, id))
	})
	return p.a, p.b, err
}

func (s *tables) Webhooks(ctx context.Context, partnerID string, p webhook.Page) ([]webhook.Webhook, []byte, error) {
	r, err := read(s, "Webhooks", partnerID, func() (pair[[]webhook.Webhook, []byte], error) {
		return pairOf(s.Store.Webhooks(ctx, partnerID, p))
	})
	return r.a, r.b, err
}

func (s *tables) Delivery(ctx context.Context, ref webhook.Ref) (webhook.Delivery, error) {
	if err := s.w.pay("Delivery", ref.DeliveryID, s.w.capacity.delivery(ref.WebhookID)...); err != nil {
		return webhook.Delivery{}, err
	}
	return read(s, "Delivery", ref.DeliveryID, func() (webhook.Delivery, error) { return s.Store.Delivery(ctx, ref) })
}

func (s *tables) Job(ctx context.Context, ref webhook.JobRef) (webhook.Job, error) {
	return read(s, "Job", string(ref.Kind)+" "+ref.WebhookID, func() (webhook.Job, error) { return s.Store.Job(ctx, ref) })
}

func (s *tables) Due(ctx context.Context, before time.Time, limit int) ([]webhook.Ref, []webhook.JobRef, error) {
	r, err := read(s, "Due", "", func() (pair[[]webhook.Ref, []webhook.JobRef], error) {
		return pairOf(s.index.Due(ctx, before, limit))
	})
	return r.a, r.b, err
}

func (s *tables) Outbox(ctx context.Context, before time.Time, limit int) ([]webhook.OutboxEvent, error) {
	return read(s, "Outbox", "", func() ([]webhook.OutboxEvent, error) { return s.index.Outbox(ctx, before, limit) })
}

func (s *tables) RemoveOutbox(ctx context.Context, events []webhook.OutboxEvent) error {
	remove := func() error {
		err := s.Store.RemoveOutbox(ctx, events)
		s.w.truth.told(events)
		for _, e := range events {
			s.later(e.ID, func() error { return s.index.RemoveOutbox(ctx, []webhook.OutboxEvent{e}) })
		}
		return err
	}
	return s.w.call(dynamo, "RemoveOutbox", events[0].WebhookID, remove, func() { _ = remove() })
}

func (s *tables) Held(ctx context.Context, partnerID, webhookID string, p webhook.Page) ([]webhook.Ref, []byte, error) {
	r, err := read(s, "Held", webhookID, func() (pair[[]webhook.Ref, []byte], error) {
		return pairOf(s.index.Held(ctx, partnerID, webhookID, p))
	})
	return r.a, r.b, err
}

func (s *tables) HeldCount(ctx context.Context, partnerID, webhookID string, most int) (int, error) {
	return read(s, "HeldCount", webhookID, func() (int, error) { return s.index.HeldCount(ctx, partnerID, webhookID, most) })
}

func (s *tables) Deliveries(ctx context.Context, q webhook.DeliveryQuery) ([]webhook.Delivery, []byte, error) {
	from := s.Store
	if q.VerificationID != "" {
		from = s.index
	}
	r, err := read(s, "Deliveries", q.WebhookID, func() (pair[[]webhook.Delivery, []byte], error) {
		return pairOf(from.Deliveries(ctx, q))
	})
	return r.a, r.b, err
}

func (s *tables) Answer(ctx context.Context, partnerID, key string, now time.Time) (webhook.Answer, error) {
	return read(s, "Answer", key, func() (webhook.Answer, error) { return s.Store.Answer(ctx, partnerID, key, now) })
}

func (s *tables) Stats(ctx context.Context, partnerID, webhookID string, limit int) ([]webhook.Stats, error) {
	return read(s, "Stats", webhookID, func() ([]webhook.Stats, error) { return s.Store.Stats(ctx, partnerID, webhookID, limit) })
}

func (s *tables) AddStats(ctx context.Context, partnerID, webhookID string, x webhook.Stats) error {
	if err := s.w.pay("AddStats", webhookID, s.w.capacity.stats(webhookID)...); err != nil {
		return err
	}
	add := func() error { return s.Store.AddStats(ctx, partnerID, webhookID, x) }
	return s.w.call(dynamo, "AddStats", webhookID, add, func() { _ = add() })
}

// Commit makes a change real, has the oracle judge it, and lets the indexes follow.
func (s *tables) Commit(ctx context.Context, c webhook.Change) error {
	mine := copyChange(c)
	by := s.w.s.cur
	apply := func() error {
		if err := s.Store.Commit(ctx, mine); err != nil {
			return err
		}
		s.w.truth.committed(&mine, by)
		s.replicate(ctx, &mine)
		return nil
	}
	if err := s.w.pay("Commit", changeSubject(&c), s.w.capacity.commits(&mine)...); err != nil {
		return err
	}
	err := s.w.call(dynamo, "Commit", changeSubject(&c), apply, func() { s.w.note("late Commit", changeSubject(&mine), outcomeOf(apply())) })
	if err == nil {
		c.Stored()
	}
	return err
}

// copyChange copies what the caller might change while the write is under way. Committing sets the copies' Rev.
func copyChange(c webhook.Change) webhook.Change {
	if c.Partner != nil {
		p := *c.Partner
		c.Partner = &p
	}
	if c.Webhook != nil {
		x := *c.Webhook
		c.Webhook = &x
	}
	c.Deliveries = slices.Clone(c.Deliveries)
	for i, d := range c.Deliveries {
		x := *d
		c.Deliveries[i] = &x
	}
	c.Jobs = slices.Clone(c.Jobs)
	for i, j := range c.Jobs {
		x := *j
		c.Jobs[i] = &x
	}
	return c
}

func changeSubject(c *webhook.Change) string {
	switch {
	case len(c.Deliveries) > 0:
		return c.Deliveries[0].ID
	case c.Webhook != nil:
		return c.Webhook.ID
	case c.RemoveWebhook != nil:
		return c.RemoveWebhook.ID
	case c.Partner != nil:
		return c.Partner.ID
	case len(c.Jobs) > 0:
		return string(c.Jobs[0].Kind) + " " + c.Jobs[0].WebhookID
	}
	return ""
}

// replicate lets each changed item reach the indexes after a lag of its own, in the order of its versions.
func (s *tables) replicate(ctx context.Context, c *webhook.Change) {
	for _, d := range c.Deliveries {
		x := *d
		x.Rev-- // the version before is the one that the replica has
		x.Body = nil
		s.later(d.Ref(), func() error { return s.index.Commit(ctx, webhook.Change{Deliveries: []*webhook.Delivery{&x}}) })
	}
	for _, j := range c.Jobs {
		x := *j
		x.Rev--
		s.later(j.Ref(), func() error { return s.index.Commit(ctx, webhook.Change{Jobs: []*webhook.Job{&x}}) })
	}
	for _, e := range c.Outbox {
		s.later(e.ID, func() error { return s.index.Commit(ctx, webhook.Change{Outbox: []webhook.OutboxEvent{e}}) })
	}
}

func (s *tables) later(item any, f func() error) {
	at := max(s.w.s.now+s.w.between(0, s.w.plan.indexLag), s.behind[item]+1)
	s.behind[item] = at
	s.w.s.after(at-s.w.s.now, func() {
		if err := f(); err != nil {
			panic("storm: the replica lost its way: " + err.Error())
		}
	})
}

func (s *tables) PutDetour(ctx context.Context, partnerID, webhookID string, d webhook.Detour) error {
	if err := s.w.pay("PutDetour", webhookID, s.w.capacity.detour(partnerID)...); err != nil {
		return err
	}
	put := func() error { return s.Store.PutDetour(ctx, partnerID, webhookID, d) }
	return s.w.call(dynamo, "PutDetour", webhookID, put, func() { _ = put() })
}

func (s *tables) TakePlaces(
	ctx context.Context, partnerID, webhookID string, n int, gap time.Duration, now, until time.Time,
) (first time.Time, ok bool, err error) {
	if err := s.w.pay("TakePlaces", webhookID, s.w.capacity.detour(partnerID)...); err != nil {
		return time.Time{}, false, err
	}
	take := func() (err error) {
		first, ok, err = s.Store.TakePlaces(ctx, partnerID, webhookID, n, gap, now, until)
		return err
	}
	err = s.w.call(dynamo, "TakePlaces", webhookID, take, func() { _, _, _ = s.Store.TakePlaces(ctx, partnerID, webhookID, n, gap, now, until) })
	return first, ok, err
}
