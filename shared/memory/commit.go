package memory

import (
	"context"
	"slices"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Commit implements delivery.Store and portal.Store. A lost answer (FailAfter) leaves the callers' Rev as it was, as a
// network would.
func (s *Store) Commit(_ context.Context, c webhook.Change) error {
	err := s.do("Commit", func() error {
		if err := s.check(c); err != nil {
			return err
		}
		s.apply(c)
		return nil
	})
	if err == nil {
		c.Stored()
	}
	return err
}

func (s *Store) check(c webhook.Change) error {
	conflict := webhook.Errorf(webhook.Conflict, "changed by somebody else")
	if p := c.Partner; p != nil && s.partners[p.ID].Rev != p.Rev {
		return conflict
	}
	for _, w := range []*webhook.Webhook{c.Webhook, c.RemoveWebhook} {
		if w != nil && s.webhooks[w.PartnerID][w.ID].Rev != w.Rev {
			return conflict
		}
	}
	for _, d := range append(slices.Clone(c.Deliveries), c.RemoveDelivery) {
		if d != nil && s.deliveries[d.Ref()].Rev != d.Rev {
			return conflict
		}
	}
	for _, j := range c.Jobs {
		if s.jobs[j.Ref()].Rev != j.Rev {
			return conflict
		}
	}
	if cr := c.AddCredential; cr != nil {
		if _, exists := s.credentials[cr.ID]; exists {
			return conflict
		}
	}
	if a := c.Answer; a != nil {
		old, exists := s.answers[[2]string{a.PartnerID, a.Key}]
		// The answer that is being written ends a fixed time after now, so it tells whether the old one has ended.
		if exists && old.ExpiresAt.Add(webhook.AnswerLife).After(a.ExpiresAt) {
			return conflict
		}
	}
	return nil
}

func (s *Store) apply(c webhook.Change) {
	if p := c.Partner; p != nil {
		stored := *p
		stored.Rev++
		s.partners[p.ID] = stored
	}
	if w := c.Webhook; w != nil {
		stored := copyWebhook(*w)
		stored.Rev++
		if s.webhooks[w.PartnerID] == nil {
			s.webhooks[w.PartnerID] = map[string]webhook.Webhook{}
		}
		s.webhooks[w.PartnerID][w.ID] = stored
	}
	if w := c.RemoveWebhook; w != nil {
		delete(s.webhooks[w.PartnerID], w.ID)
	}
	for _, d := range c.Deliveries {
		stored := copyDelivery(*d)
		stored.Rev++
		s.deliveries[d.Ref()] = stored
	}
	if d := c.RemoveDelivery; d != nil {
		delete(s.deliveries, d.Ref())
	}
	for _, j := range c.Jobs {
		stored := copyJob(*j)
		stored.Rev++
		s.jobs[j.Ref()] = stored
	}
	if j := c.EndedJob; j != nil {
		ref := j.Ref()
		ref.ID = j.ID
		s.jobs[ref] = copyJob(*j)
	}
	s.outbox = append(s.outbox, c.Outbox...)
	if cr := c.AddCredential; cr != nil {
		s.credentials[cr.ID] = *cr
	}
	if a := c.Answer; a != nil {
		s.answers[[2]string{a.PartnerID, a.Key}] = *a
	}
}
