// Package memory keeps the ports of delivery and portal in memory, for tests.
package memory

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

type webhookKey struct{ partner, id string }

type statsKey struct {
	webhookKey
	hour time.Time
}

// Store keeps everything in maps under one lock, so every read is strongly consistent and every Change is atomic. It is
// safe for concurrent use. Values are copied in and out.
type Store struct {
	// Fail, if set, is called before each operation with its name; a non-nil error is returned instead.
	Fail func(op string) error
	// FailAfter is the same after the operation took effect: a write that was committed though its answer was lost.
	FailAfter func(op string) error

	mu          sync.Mutex
	partners    map[string]webhook.Partner
	webhooks    map[string]map[string]webhook.Webhook // by partner: a simulation has 10,000 of them
	deliveries  map[webhook.Ref]webhook.Delivery
	jobs        map[webhook.JobRef]webhook.Job
	credentials map[string]webhook.Credential
	answers     map[[2]string]webhook.Answer
	stats       map[statsKey]webhook.Stats
	detours     map[webhookKey]detour
	outbox      []webhook.OutboxEvent // all there ever were
	published   map[string]bool       // the ids of those that were removed
	requests    map[string]int
	tests       map[string]map[string]time.Time
	calls       map[string]int
}

// NewStore returns an empty store.
func NewStore() *Store {
	return &Store{
		partners: map[string]webhook.Partner{}, webhooks: map[string]map[string]webhook.Webhook{},
		deliveries: map[webhook.Ref]webhook.Delivery{}, jobs: map[webhook.JobRef]webhook.Job{}, credentials: map[string]webhook.Credential{},
		answers: map[[2]string]webhook.Answer{}, stats: map[statsKey]webhook.Stats{}, detours: map[webhookKey]detour{}, published: map[string]bool{},
		requests: map[string]int{}, tests: map[string]map[string]time.Time{}, calls: map[string]int{},
	}
}

// Calls returns how often each operation was called.
func (s *Store) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// AllOutbox returns the operational events so far, removed ones too, in the order of their commits.
func (s *Store) AllOutbox() []webhook.OutboxEvent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.outbox)
}

// AllDeliveries returns every delivery by id.
func (s *Store) AllDeliveries() []webhook.Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]webhook.Delivery, 0, len(s.deliveries))
	for _, d := range s.deliveries {
		all = append(all, copyDelivery(d))
	}
	slices.SortFunc(all, func(a, b webhook.Delivery) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// do runs f under the lock, between the two fault hooks.
func (s *Store) do(op string, f func() error) error {
	if s.Fail != nil {
		if err := s.Fail(op); err != nil {
			return err
		}
	}
	s.mu.Lock()
	s.calls[op]++
	err := f()
	s.mu.Unlock()
	if err == nil && s.FailAfter != nil {
		err = s.FailAfter(op)
	}
	return err
}

func notFound(what string) error { return webhook.Errorf(webhook.NotFound, "no such %s", what) }

// Partner implements portal.Store.
func (s *Store) Partner(_ context.Context, partnerID string) (p webhook.Partner, err error) {
	err = s.do("Partner", func() error {
		var ok bool
		if p, ok = s.partners[partnerID]; !ok {
			return notFound("partner")
		}
		return nil
	})
	return p, err
}

// PartnerWebhooks implements delivery.Store.
func (s *Store) PartnerWebhooks(_ context.Context, partnerID string) (p webhook.Partner, ws []webhook.Webhook, err error) {
	err = s.do("PartnerWebhooks", func() error {
		var ok bool
		if p, ok = s.partners[partnerID]; !ok {
			return notFound("partner")
		}
		ws = s.webhooksOf(partnerID)
		return nil
	})
	return p, ws, err
}

func (s *Store) webhooksOf(partnerID string) []webhook.Webhook {
	var ws []webhook.Webhook
	for id, w := range s.webhooks[partnerID] {
		w = copyWebhook(w)
		w.Detour = s.detours[webhookKey{partnerID, id}].stored()
		ws = append(ws, w)
	}
	slices.SortFunc(ws, func(a, b webhook.Webhook) int { return cmp.Compare(a.ID, b.ID) })
	return ws
}

// Webhook implements delivery.Store and portal.Store.
func (s *Store) Webhook(_ context.Context, partnerID, webhookID string) (p webhook.Partner, w webhook.Webhook, err error) {
	err = s.do("Webhook", func() error {
		var ok bool
		if w, ok = s.webhooks[partnerID][webhookID]; !ok {
			return notFound("webhook")
		}
		if p, ok = s.partners[partnerID]; !ok {
			return notFound("partner")
		}
		w = copyWebhook(w)
		w.Detour = s.detours[webhookKey{partnerID, webhookID}].stored()
		return nil
	})
	return p, w, err
}

// Delivery implements delivery.Store and portal.Store.
func (s *Store) Delivery(_ context.Context, ref webhook.Ref) (d webhook.Delivery, err error) {
	err = s.do("Delivery", func() error {
		stored, ok := s.deliveries[ref]
		if !ok {
			return notFound("delivery")
		}
		d = copyDelivery(stored)
		return nil
	})
	return d, err
}

// AddStats implements delivery.Store.
func (s *Store) AddStats(_ context.Context, partnerID, webhookID string, add webhook.Stats) error {
	return s.do("AddStats", func() error {
		k := statsKey{webhookKey{partnerID, webhookID}, add.Hour.UTC()}
		sum := s.stats[k]
		sum.Hour = add.Hour.UTC()
		if add.Delivered > 0 {
			sum.Trailing = 0
		}
		sum.Delivered += add.Delivered
		sum.Exhausted += add.Exhausted
		sum.Failed += add.Failed
		sum.Trailing += add.Trailing
		sum.Undeliverable += add.Undeliverable
		if !add.LastDeliveryAt.IsZero() {
			sum.LastDeliveryAt = add.LastDeliveryAt
		}
		if add.LastError != "" {
			sum.LastError, sum.LastStatusCode = add.LastError, add.LastStatusCode
		}
		if !add.FailedTemplate.IsZero() {
			sum.FailedTemplate = add.FailedTemplate
		}
		sum.Durations.Merge(&add.Durations)
		s.stats[k] = sum
		return nil
	})
}

// Job implements delivery.Store and portal.Store.
func (s *Store) Job(_ context.Context, ref webhook.JobRef) (j webhook.Job, err error) {
	err = s.do("Job", func() error {
		present := ref
		present.ID = ""
		stored, ok := s.jobs[present]
		if ref.ID != "" && stored.ID != ref.ID {
			stored, ok = s.jobs[ref]
		}
		if !ok {
			return notFound("job")
		}
		j = copyJob(stored)
		return nil
	})
	return j, err
}

// Due implements delivery.Store.
func (s *Store) Due(_ context.Context, before time.Time, limit int) (refs []webhook.Ref, jobs []webhook.JobRef, err error) {
	type due struct {
		at  time.Time
		id  string
		ref *webhook.Ref
		job *webhook.JobRef
	}
	err = s.do("Due", func() error {
		var all []due
		for _, d := range s.deliveries {
			if ref := d.Ref(); !d.DueAt.IsZero() && !d.DueAt.After(before) {
				all = append(all, due{at: d.DueAt, id: d.ID, ref: &ref})
			}
		}
		for ref, j := range s.jobs {
			if ref.ID == "" && !j.DueAt.IsZero() && !j.DueAt.After(before) {
				all = append(all, due{at: j.DueAt, id: j.ID, job: &ref})
			}
		}
		slices.SortFunc(all, func(a, b due) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id)) })
		for _, x := range all[:min(limit, len(all))] {
			if x.ref != nil {
				refs = append(refs, *x.ref)
			} else {
				jobs = append(jobs, *x.job)
			}
		}
		return nil
	})
	return refs, jobs, err
}

// Outbox implements delivery.Store.
func (s *Store) Outbox(_ context.Context, before time.Time, limit int) (events []webhook.OutboxEvent, err error) {
	err = s.do("Outbox", func() error {
		for _, e := range s.outbox {
			if !s.published[e.ID] && !e.At.After(before) {
				events = append(events, e)
			}
		}
		slices.SortStableFunc(events, func(a, b webhook.OutboxEvent) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
		events = events[:min(limit, len(events))]
		return nil
	})
	return events, err
}

// RemoveOutbox implements delivery.Store.
func (s *Store) RemoveOutbox(_ context.Context, events []webhook.OutboxEvent) error {
	return s.do("RemoveOutbox", func() error {
		for _, e := range events {
			s.published[e.ID] = true
		}
		return nil
	})
}

// Held implements delivery.Store.
func (s *Store) Held(_ context.Context, partnerID, webhookID string, p webhook.Page) (refs []webhook.Ref, next []byte, err error) {
	err = s.do("Held", func() error {
		held := s.deliveriesOf(partnerID, webhookID, (*webhook.Delivery).Waiting)
		slices.SortFunc(held, func(a, b webhook.Delivery) int { return cmp.Compare(heldPosition(a), heldPosition(b)) })
		held, next = page(held, p, heldPosition, false)
		refs = refsOf(held, len(held))
		return nil
	})
	return refs, next, err
}

func heldPosition(d webhook.Delivery) string { return d.Event.OrderKey() + " " + d.ID }

func (s *Store) deliveriesOf(partnerID, webhookID string, wanted func(*webhook.Delivery) bool) []webhook.Delivery {
	var found []webhook.Delivery
	for ref, d := range s.deliveries {
		if ref.PartnerID == partnerID && ref.WebhookID == webhookID && wanted(&d) {
			found = append(found, d)
		}
	}
	return found
}

func refsOf(ds []webhook.Delivery, limit int) []webhook.Ref {
	var refs []webhook.Ref
	for i := range ds {
		if len(refs) == limit {
			break
		}
		refs = append(refs, ds[i].Ref())
	}
	return refs
}

func copyWebhook(w webhook.Webhook) webhook.Webhook {
	w.Detour = nil
	w.EventTypes, w.Sealed = slices.Clone(w.EventTypes), bytes.Clone(w.Sealed)
	if w.Deactivation != nil {
		d := *w.Deactivation
		w.Deactivation = &d
	}
	if w.Rotation != nil {
		r := *w.Rotation
		w.Rotation = &r
	}
	return w
}

func copyDelivery(d webhook.Delivery) webhook.Delivery {
	d.Body, d.Log = bytes.Clone(d.Body), slices.Clone(d.Log)
	if d.Claim != nil {
		c := *d.Claim
		d.Claim = &c
	}
	return d
}

func copyJob(j webhook.Job) webhook.Job {
	j.States = slices.Clone(j.States)
	return j
}
