package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/cr3dentials/verification-webhooks/localstack/bench/stub"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Rows beside the table: what its point 7 says on paper, and its point 4.
const (
	scaleCPU      = "scale_cpu_s_per_10k"
	scaleFanOut   = "scale_webhooks_usd_per_million"
	scalePartners = "scale_partners_usd_per_million"
	scaleListing  = "scale_listing_rcu"
	scaleWebhook  = "scale_one_webhook_per_s"
	// isolationHang is isolation_p99_ratio with endpoints that never answer.
	isolationHang = "isolation_hang_p99_ratio"
)

// paid makes a row of a drive's price per million deliveries.
func (d drive) paid(ctx context.Context, b *bench, name, kase string, g goal) (row, error) {
	all, err := d.measured(ctx, b)
	if err != nil {
		return row{}, err
	}
	u := middle(all, func(u usage) float64 { return total(u.bill()) })
	return newRow(name, kase, total(u.bill()), "USD", g, "%v; %s; %s; %.3f WCU and %.3f RCU a delivery%s",
		d, listed(u.bill()), calls(u), sum(u.Counts.WCU)/u.Deliveries, sum(u.Counts.RCU)/u.Deliveries, note(all)), nil
}

func sum(m map[string]float64) (total float64) {
	for _, v := range m {
		total += v
	}
	return total
}

// measureFanOut: ten records of one partner at a time.
func measureFanOut(ctx context.Context, b *bench) ([]row, error) {
	var rows []row
	limit := 4.5
	for _, webhooks := range []int{1, 10, 100} {
		d := drive{latency: stubLatency, partners: 1, webhooks: webhooks, batch: 10, invocations: max(2, 60/webhooks), warm: 2, query: "delay=50ms"}
		r, err := d.paid(ctx, b, scaleFanOut, fmt.Sprintf("%d webhooks per partner", webhooks), atMost(limit))
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
		limit = *rows[0].Value // more webhooks do not make a delivery dearer
	}
	return rows, nil
}

// measurePartners: a batch of a hundred records holds those of one partner, or of some among many.
func measurePartners(ctx context.Context, b *bench) ([]row, error) {
	var rows []row
	for _, partners := range []int{1, 100, 10_000} {
		d := drive{latency: stubLatency, partners: partners, webhooks: 1, batch: batchSize, invocations: 10, warm: 2, query: "delay=50ms"}
		r, err := d.paid(ctx, b, scalePartners, fmt.Sprintf("%d partners per hour", partners), atMost(4.5))
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

const manyDeliveries = 1_000_000

// measureListing reads a webhook's log and statistics with a hundred deliveries and with a million.
func measureListing(ctx context.Context, b *bench) ([]row, error) {
	w, err := b.newWorld(0)
	if err != nil {
		return nil, err
	}
	defer w.close()
	partner, hooks, err := w.partner(ctx, 1, func(int) string { return b.receiver.url(0, "") })
	if err != nil {
		return nil, err
	}
	f, err := w.function(ctx, "dispatcher")
	if err != nil {
		return nil, err
	}
	defer f.stop()
	m, at := newMaker(8), time.Now()
	records := make([][]byte, batchSize)
	for i := range records {
		records[i] = m.record(partner, at)
	}
	if _, err := f.invoke(ctx, streamEvent(records...), functionTimeout); err != nil {
		return nil, err
	}
	if err := w.count(ctx, hooks[0], at); err != nil {
		return nil, err
	}
	event := decoded(records[0]).Event
	few, err := w.listings(ctx, hooks[0], event.VerificationID)
	if err != nil {
		return nil, err
	}
	if err := w.multiply(webhook.DeliveryID(event, hooks[0].ID), event, manyDeliveries-batchSize); err != nil {
		return nil, err
	}
	many, err := w.listings(ctx, hooks[0], event.VerificationID)
	if err != nil {
		return nil, err
	}
	var rows []row
	for i, l := range few {
		rows = append(rows, newRow(scaleListing, l.name, many[i].rcu, "RCU", atMost(l.rcu),
			"with %d stored deliveries of the webhook, against %d: %d and %d items", manyDeliveries, batchSize, many[i].items, l.items))
	}
	return rows, nil
}

// weekOfHours is the most that the portal's statistics show.
const weekOfHours = 7 * 24

// count gives a webhook the counters of the hours before now that its statistics can show, each as of a busy hour.
func (w *world) count(ctx context.Context, hook webhook.Webhook, now time.Time) error {
	for ago := 1; ago <= weekOfHours; ago++ {
		at := webhook.HourOf(now).Add(-time.Duration(ago) * time.Hour)
		s := webhook.Stats{Hour: at, LastDeliveryAt: at}
		for i := range manyDeliveries / weekOfHours {
			s.Delivered++
			s.Durations.Add(time.Duration(50+i%200) * time.Millisecond)
		}
		if err := w.store.AddStats(ctx, hook.PartnerID, hook.ID, s); err != nil {
			return err
		}
	}
	return nil
}

type listing struct {
	name  string
	rcu   float64
	items int
}

// listings makes the portal's reads and counts what each takes.
func (w *world) listings(ctx context.Context, hook webhook.Webhook, verification string) ([]listing, error) {
	list := func(q webhook.DeliveryQuery) func() (int, error) {
		q.PartnerID, q.WebhookID, q.Page = hook.PartnerID, hook.ID, webhook.Page{Limit: 50}
		return func() (int, error) {
			items, _, err := w.store.Deliveries(ctx, q)
			return len(items), err
		}
	}
	reads := []struct {
		name string
		read func() (int, error)
	}{
		{"deliveries by time", list(webhook.DeliveryQuery{})},
		{"deliveries of a verification", list(webhook.DeliveryQuery{VerificationID: verification})},
		{"statistics of a week", func() (int, error) {
			hours, err := w.store.Stats(ctx, hook.PartnerID, hook.ID, weekOfHours+1)
			return len(hours), err
		}},
	}
	var all []listing
	for _, r := range reads {
		w.services.Reset()
		items, err := r.read()
		if err != nil {
			return nil, err
		}
		if items == 0 {
			return nil, fmt.Errorf("%s: nothing was found", r.name)
		}
		all = append(all, listing{r.name, sum(w.services.Counts().RCU), items})
	}
	return all, nil
}

// multiply stores copies of a delivery as the product stored it, each under an id and a verification of its own, older
// than it by milliseconds.
func (w *world) multiply(id string, event webhook.Event, copies int) error {
	var item []byte
	for i := range w.services.Items(deliveriesTable) {
		if bytes.Contains(i, []byte(id)) {
			item = i
			break
		}
	}
	if item == nil {
		return fmt.Errorf("delivery %s is not stored", id)
	}
	w.services.Load(deliveriesTable, func(yield func(stub.Item) bool) {
		for i := range copies {
			older := webhook.DeliveryIDAt(event.OccurredAt.Add(-time.Duration(copies-i) * time.Millisecond))
			verification := fmt.Sprintf("ver_%0*x", len(event.VerificationID)-len("ver_"), i)
			c := bytes.ReplaceAll(item, []byte(id), []byte(older))
			if !yield(stub.Item(bytes.ReplaceAll(c, []byte(event.VerificationID), []byte(verification)))) {
				return
			}
		}
	})
	return nil
}

// measureOneWebhook: all of a webhook's deliveries stand in one partition.
func measureOneWebhook(ctx context.Context, b *bench) ([]row, error) {
	all, err := successAtOnce()[0].measured(ctx, b)
	if err != nil {
		return nil, err
	}
	const partition = 1000 // write units a second
	wcu := all[0].Counts.WCU[deliveriesTable] / all[0].Deliveries
	return []row{newRow(scaleWebhook, "", partition/wcu, "deliveries/s", atLeast(278),
		"a million an hour; %.2f write units a delivery in the webhook's partition, which takes %d a second; its index by verification is spread by verification. DynamoDB splits a hot partition by its sort key, which begins with the time, so that helps what is read, not what is written: to go faster, the partition key would have to hold a hash of the delivery's id",
		wcu, partition)}, nil
}
