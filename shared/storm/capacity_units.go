package storm

import (
	"hash/fnv"
	"math"
	"strconv"

	schema "github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// What the store's calls cost, in units of DynamoDB: shared/dynamo/README.md says which requests they are, and make bench
// counts them. Items are below 1 KB, a webhook's is three quarters.

const webhookKB = 0.75

// writes charges units of a table's partition and of the table.
func (m *capacity) writes(table, partition resource, key string, units float64) []charge {
	return []charge{{partition, key, m.limits.PartitionWrites, units}, {table, "", m.limits.TableWrites, units}}
}

func (m *capacity) reads(partition resource, key string, units float64) []charge {
	return []charge{{partition, key, m.limits.PartitionReads, units}, {serviceReads, "", m.limits.TableReads, units}}
}

// commits charges a change.
func (m *capacity) commits(c *webhook.Change) (all []charge) {
	if m == nil {
		return nil
	}
	each := 1.0
	if items(c) > 1 {
		each = 2 // a transaction
	}
	for _, d := range c.Deliveries {
		all = append(all, m.writes(deliveriesTable, webhookPartition, d.WebhookID, each)...)
		was := webhook.Delivery{}
		if f := m.w.truth.flights[d.ID]; f != nil {
			was = f.state
		} else {
			all = append(all, charge{verificationIndex, "", m.limits.TableWrites, 1})
		}
		if units := dueUnits(&was, d); units > 0 {
			all = append(all, m.writes(dueIndex, dueShard, shardOf(d.ID), units)...)
		}
	}
	for _, j := range c.Jobs {
		all = append(all, m.writes(deliveriesTable, webhookPartition, j.WebhookID, each)...)
	}
	if w := c.Webhook; w != nil {
		all = append(all, m.writes(serviceWrites, partnerPartition, w.PartnerID, each)...)
	}
	if n := len(c.Outbox); n > 0 {
		all = append(all, charge{serviceWrites, "", m.limits.TableWrites, each * float64(n)})
	}
	return all
}

func items(c *webhook.Change) int {
	n := len(c.Deliveries) + len(c.Jobs) + len(c.Outbox)
	if c.Webhook != nil {
		n++
	}
	return n
}

// dueUnits is what the index by due time takes: one for an entry that is put or removed, two for one that moves.
func dueUnits(was, is *webhook.Delivery) float64 {
	switch {
	case was.DueAt.Equal(is.DueAt):
		return 0
	case was.DueAt.IsZero() || is.DueAt.IsZero():
		return 1
	}
	return 2
}

func shardOf(id string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return strconv.Itoa(int(h.Sum32() % schema.DueShards))
}

// partnerWebhooks charges reading a partner with its webhooks.
func (m *capacity) partnerWebhooks(partnerID string) []charge {
	if m == nil {
		return nil
	}
	kb := 0.5 + webhookKB*float64(len(m.w.truth.byPartner[partnerID]))
	return m.reads(partnerReads, partnerID, math.Ceil(kb/4))
}

// webhook charges reading a webhook and its partner.
func (m *capacity) webhook(partnerID string) []charge {
	if m == nil {
		return nil
	}
	return m.reads(partnerReads, partnerID, 2)
}

func (m *capacity) delivery(webhookID string) []charge {
	if m == nil {
		return nil
	}
	return []charge{{webhookReads, webhookID, m.limits.PartitionReads, 1}}
}

func (m *capacity) stats(webhookID string) []charge {
	if m == nil {
		return nil
	}
	return m.writes(serviceWrites, statsPartition, webhookID, 1)
}

func (m *capacity) detour(partnerID string) []charge {
	if m == nil {
		return nil
	}
	return m.writes(serviceWrites, partnerPartition, partnerID, 1)
}
