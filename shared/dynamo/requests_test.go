package dynamo_test

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/storetest"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestRequestsOfABatch holds what a batch of 100 deliveries to one webhook costs that all succeed at once: two writes
// each, and one read and one write for all. size_test.go holds that each of the writes is one unit.
func TestRequestsOfABatch(t *testing.T) {
	const deliveriesOfBatch = 100
	x := newLyingTable(t, functionsConfig(t), time.Minute)
	commit(t, x.store, webhook.Change{Partner: &webhook.Partner{ID: "p"}, Webhook: &webhook.Webhook{PartnerID: "p", ID: "w"}})
	x.Tell()
	if _, ws, err := x.store.PartnerWebhooks(t.Context(), "p"); err != nil || len(ws) != 1 {
		t.Fatal(len(ws), err)
	}
	var wg sync.WaitGroup
	for i := range deliveriesOfBatch {
		wg.Go(func() {
			d := storetest.Delivery("p", "w", "ver_"+strconv.Itoa(i), at)
			d.TakeClaim(at, "owner")
			d.DueAt = time.Time{}
			if err := x.store.Commit(t.Context(), deliveries(d)); err != nil {
				t.Error(err)
			}
			d.Finish(webhook.Attempt{Number: 1, StartedAt: at, Duration: time.Second, StatusCode: 200})
			d.Succeed()
			if err := x.store.Commit(t.Context(), deliveries(d)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := x.store.AddStats(t.Context(), "p", "w", webhook.Stats{Hour: at, Delivered: deliveriesOfBatch}); err != nil {
		t.Error(err)
	}
	asked := map[string]int{}
	for _, action := range x.Asked() {
		asked[action]++
	}
	want := map[string]int{"Query": 1, "PutItem": 2 * deliveriesOfBatch, "UpdateItem": 1}
	if fmt.Sprint(asked) != fmt.Sprint(want) {
		t.Errorf("asked %v, want %v", asked, want)
	}
}
