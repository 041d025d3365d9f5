package stub_test

import (
	"bytes"
	"context"
	"iter"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/localstack/bench/stub"
	"github.com/cr3dentials/verification-webhooks/shared/storetest"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// copies returns n items like the one given: one a second from at, each of its own verification. The item must be that of
// a delivery of the verification "v" at at.
func copies(item []byte, at time.Time, n int) iter.Seq[stub.Item] {
	const idTime = 10 // characters that hold the time
	id := webhook.DeliveryIDAt(at)
	prefix := id[:strings.IndexByte(id, '_')+1]
	return func(yield func(stub.Item) bool) {
		was, occurred := []byte(id[:len(prefix)+idTime]), strconv.AppendInt(nil, at.UnixNano(), 10)
		for i := range n {
			then := at.Add(time.Duration(i) * time.Second)
			made := bytes.Replace(item, was, []byte(webhook.DeliveryIDAt(then)[:len(was)]), 1)
			made = bytes.ReplaceAll(made, occurred, strconv.AppendInt(nil, then.UnixNano(), 10))
			made = bytes.Replace(made, []byte(`p#w#v"`), []byte(`p#w#v`+strconv.Itoa(i)+`"`), 1)
			if !yield(made) {
				return
			}
		}
	}
}

// TestMillion: a page of a webhook's log costs the same whether 100 or 1,000,000 deliveries are stored.
func TestMillion(t *testing.T) {
	few, _ := pagesOf(t, 100)
	n := 1_000_000
	if testing.Short() {
		n = 10_000
	}
	many, took := pagesOf(t, n)
	for name, want := range few {
		if got := many[name]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: of %d deliveries %+v, of 100 %+v", name, n, got, want)
		}
	}
	t.Logf("of %d deliveries: %v", n, took)
}

// pagesOf reads pages of a log of n deliveries, and returns what each counted and took.
func pagesOf(t *testing.T, n int) (map[string]stub.Counts, map[string]time.Duration) {
	t.Helper()
	s, cfg := start(t)
	store := newStore(cfg)
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	d := storetest.Delivery("p", "w", "v", at)
	if err := store.Commit(t.Context(), webhook.Change{Deliveries: []*webhook.Delivery{d}}); err != nil {
		t.Fatal(err)
	}
	var item stub.Item
	for item = range s.Items(deliveriesTable) {
		break
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	s.Load(deliveriesTable, copies(item, at, n))
	loaded := time.Since(began)
	runtime.GC()
	runtime.ReadMemStats(&after)
	took := map[string]time.Duration{"load": loaded}
	t.Logf("%d items of %d bytes of JSON loaded in %v, %d MiB", n, len(item), loaded, int64(after.HeapAlloc-before.HeapAlloc)>>20)

	const page = 20
	log := func(q webhook.DeliveryQuery) func(context.Context) (int, error) {
		q.PartnerID, q.WebhookID, q.Limit = "p", "w", page
		return func(ctx context.Context) (int, error) {
			ds, _, err := store.Deliveries(ctx, q)
			return len(ds), err
		}
	}
	counts := map[string]stub.Counts{}
	for _, x := range []struct {
		name string
		read func(context.Context) (int, error)
		want int
	}{
		{"newest", log(webhook.DeliveryQuery{}), page},
		{"oldest", log(webhook.DeliveryQuery{OldestFirst: true}), page},
		{"since", log(webhook.DeliveryQuery{OldestFirst: true, Since: at.Add(50 * time.Second)}), page},
		{"until", log(webhook.DeliveryQuery{Until: at.Add(50 * time.Second)}), page},
		{"verification", log(webhook.DeliveryQuery{VerificationID: "v77"}), 1},
		{"delivery", func(ctx context.Context) (int, error) { _, err := store.Delivery(ctx, d.Ref()); return 1, err }, 1},
	} {
		s.Reset()
		began := time.Now()
		got, err := x.read(t.Context())
		took[x.name] = time.Since(began)
		if err != nil || got != x.want {
			t.Fatalf("%s of %d: %d deliveries, %v; want %d", x.name, n, got, err, x.want)
		}
		c := s.Counts()
		c.Bytes, c.Sent = 0, 0 // numbers of verifications differ in length
		counts[x.name] = c
	}
	return counts, took
}
