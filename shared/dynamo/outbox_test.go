package dynamo_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cr3dentials/verification-webhooks/shared/dynamo"
	"github.com/cr3dentials/verification-webhooks/shared/storetest"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestOutbox checks the row of an operational event.
func TestOutbox(t *testing.T) {
	x := newTables(t)
	var e webhook.OutboxEvent
	storetest.Fill(t, &e)
	e.At = at
	commit(t, x.store(), webhook.Change{Outbox: []webhook.OutboxEvent{e}})
	it := onlyItem(t, x, x.options.ServiceTable)
	for name, want := range map[string]string{
		"pk": "OUTBOX", "sk": "1772600767000#" + e.ID, "id": e.ID, "k": string(e.Kind), "p": e.PartnerID,
		"wh": e.WebhookID, "d": e.DeliveryID, "re": e.Reason,
	} {
		if got, ok := it[name].(*types.AttributeValueMemberS); !ok || got.Value != want {
			t.Errorf("%s is %v, want %q", name, it[name], want)
		}
	}
	err := x.store().Commit(t.Context(), webhook.Change{Outbox: []webhook.OutboxEvent{e}})
	if webhook.CodeOf(err) != webhook.Conflict {
		t.Errorf("a second event of the same id: %v, want a conflict", err)
	}
}

// busyTable takes batches of removals and leaves some of each unprocessed.
type busyTable struct {
	leave func(batch int, keys []string) int
	// batches are the sort keys of each batch.
	batches [][]string
}

func (b *busyTable) RoundTrip(r *http.Request) (*http.Response, error) {
	type request struct {
		DeleteRequest struct{ Key map[string]map[string]string }
	}
	var in struct{ RequestItems map[string][]request }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return nil, err
	}
	requests := in.RequestItems["s"]
	var keys []string
	for _, r := range requests {
		keys = append(keys, r.DeleteRequest.Key["sk"]["S"])
	}
	left := requests[:b.leave(len(b.batches), keys)]
	b.batches = append(b.batches, keys)
	var out struct {
		UnprocessedItems map[string][]request
	}
	if len(left) > 0 {
		out.UnprocessedItems = map[string][]request{"s": left}
	}
	body, err := json.Marshal(out)
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(strings.NewReader(string(body))),
	}, err
}

func TestRemoveOutboxUnprocessed(t *testing.T) {
	var events []webhook.OutboxEvent
	for i := range 60 {
		events = append(events, webhook.OutboxEvent{ID: "obx_" + strconv.Itoa(i), At: at.Add(time.Duration(i) * time.Second)})
	}
	events = append(events, events[59], events[0])
	for _, c := range []struct {
		name  string
		leave func(batch int, keys []string) int
		sizes []int
		want  webhook.Code
	}{
		{"none", func(int, []string) int { return 0 }, []int{25, 25, 10}, ""},
		{"some of the first", func(batch int, _ []string) int { return max(0, 9-4*batch) }, []int{25, 9, 5, 1, 25, 10}, ""},
		{"always one", func(int, []string) int { return 1 }, []int{25, 1, 1, 1, 1}, webhook.Unavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // the store pauses between tries
			b := &busyTable{leave: c.leave}
			s := dynamo.New(newClient("http://tables.invalid", b), dynamo.Options{ServiceTable: "s", DeliveriesTable: "d"})
			if err := s.RemoveOutbox(t.Context(), events); webhook.CodeOf(err) != c.want {
				t.Errorf("got %v, want %q", err, c.want)
			}
			var sizes []int
			removed := map[string]bool{}
			for _, keys := range b.batches {
				sizes = append(sizes, len(keys))
				for _, k := range keys {
					removed[k] = true
				}
			}
			if !slices.Equal(sizes, c.sizes) {
				t.Errorf("batches of %v, want %v", sizes, c.sizes)
			}
			if c.want == "" && len(removed) != 60 {
				t.Errorf("%d of 60 rows were asked to be removed", len(removed))
			}
		})
	}
}
