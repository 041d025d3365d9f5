package storetest

import (
	"bytes"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/delivery"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// RunQueue checks a queue. newQueue returns an empty one, and a function that receives the next n messages, in any
// order, and removes them; it fails the test if they do not come within some seconds of being ready. The Delay of a
// received message does not matter, and Slow is lost.
func RunQueue(t *testing.T, newQueue func(t *testing.T) (delivery.Queue, func(t *testing.T, n int) []webhook.Message)) {
	t.Run("round trip", func(t *testing.T) {
		q, receive := newQueue(t)
		var m webhook.Message
		Fill(t, &m)
		m.Kind, m.Delay, m.Slow = webhook.AttemptMessage, 0, false
		must(t, q.Send(testContext(t), m))
		wantEqual(t, receive(t, 1)[0], m)
	})
	t.Run("any number", func(t *testing.T) {
		q, receive := newQueue(t)
		for _, n := range []int{0, 1, 10, 11, 35} {
			var sent []webhook.Message
			for i := range n {
				sent = append(sent, webhook.Message{Kind: webhook.DiscardMessage, Ref: webhook.Ref{WebhookID: "w"}, Step: i + 1})
			}
			must(t, q.Send(testContext(t), sent...))
			eventually(t, n, func() int {
				waiting, err := q.Waiting(testContext(t))
				must(t, err)
				return waiting
			})
			var steps []int
			for _, m := range receive(t, n) {
				steps = append(steps, m.Step)
			}
			slices.Sort(steps)
			for i, step := range steps {
				if step != i+1 {
					t.Fatalf("received the steps %v, want each from 1 to %d once", steps, n)
				}
			}
		}
	})
}

// RunObjects checks a store of objects. newObjects returns an empty one, and a function that returns what KeepRecord
// kept.
func RunObjects(t *testing.T, newObjects func(t *testing.T) (Objects, func(webhook.Ref) []byte)) {
	t.Run("park", func(t *testing.T) {
		o, _ := newObjects(t)
		testPark(t, o)
	})
	t.Run("list", func(t *testing.T) {
		o, _ := newObjects(t)
		testListParked(t, o)
	})
	t.Run("keep record", func(t *testing.T) {
		o, kept := newObjects(t)
		ref := webhook.Ref{PartnerID: "p", WebhookID: "w", DeliveryID: "d"}
		for _, record := range [][]byte{[]byte(`{"eventID":"1"}`), randomBytes(300_000)} {
			must(t, o.KeepRecord(testContext(t), ref, record))
			if !bytes.Equal(kept(ref), record) {
				t.Fatal("another record was kept")
			}
			got, err := o.KeptRecord(testContext(t), ref)
			must(t, err)
			if !bytes.Equal(got, record) {
				t.Fatal("another record came back")
			}
		}
		ref.DeliveryID = "another"
		_, err := o.KeptRecord(testContext(t), ref)
		wantCode(t, err, webhook.NotFound)
	})
}

func testPark(t *testing.T, o Objects) {
	ctx := testContext(t)
	var p webhook.Parked
	Fill(t, &p)
	p.ID = webhook.ParkedID([]byte("one"), start())
	_, err := o.Parked(ctx, p.ID)
	wantCode(t, err, webhook.NotFound)
	must(t, o.Unpark(ctx, p.ID))
	for i, record := range [][]byte{[]byte(`{"dynamodb":{}}`), randomBytes(500_000), {0xff, 0, '"'}} {
		p.Record = record
		must(t, o.Park(ctx, p))
		got, err := o.Parked(ctx, p.ID)
		must(t, err)
		wantEqual(t, got, p)
		// The same again, later and for another reason with characters of every kind.
		p.ParkedAt = p.ParkedAt.Add(time.Hour)
		p.Reason = "an/other reason-" + strconv.Itoa(i) + "%.json"
	}
	other := p
	other.ID = webhook.ParkedID([]byte("two"), start())
	must(t, o.Park(ctx, other))
	must(t, o.Unpark(ctx, p.ID))
	_, err = o.Parked(ctx, p.ID)
	wantCode(t, err, webhook.NotFound)
	got, err := o.Parked(ctx, other.ID)
	must(t, err)
	wantEqual(t, got, other)
}

func testListParked(t *testing.T, o Objects) {
	ctx := testContext(t)
	list := func(p webhook.Page) ([]webhook.ParkedSummary, []byte, error) { return o.List(ctx, p) }
	id := func(s webhook.ParkedSummary) string { return s.ID }
	eachLimit(t, []string{}, id, list)
	var want []webhook.ParkedSummary
	var wantIDs []string
	for i := range 7 {
		at := clockAt(i)().Truncate(time.Millisecond)
		p := webhook.Parked{ID: webhook.ParkedID([]byte("x"), at), Reason: "missing_partner", ParkedAt: at, Record: randomBytes(i + 1)}
		must(t, o.Park(ctx, p))
		if i%2 == 0 { // parked again: one entry, the latest
			p.Reason, p.ParkedAt, p.Record = "not-a-map", at.Add(time.Minute), randomBytes(100)
			must(t, o.Park(ctx, p))
		}
		want = append(want, webhook.ParkedSummary{ID: p.ID, Reason: p.Reason, ParkedAt: p.ParkedAt, Size: int64(len(p.Record))})
		wantIDs = append(wantIDs, p.ID)
	}
	must(t, o.KeepRecord(ctx, webhook.Ref{PartnerID: "p", WebhookID: "w", DeliveryID: "d"}, []byte("{}")))
	eachLimit(t, wantIDs, id, list)
	wantEqual(t, collect(t, 10, list), want)
}

// RunVault checks a vault. newVault returns a new one each time; all of them can open what one of them sealed.
func RunVault(t *testing.T, newVault func(t *testing.T) Vault) {
	t.Run("secrets", func(t *testing.T) {
		ctx := testContext(t)
		v := newVault(t)
		w := &webhook.Webhook{PartnerID: "p", ID: "w"}
		var s webhook.Secrets
		Fill(t, &s)
		sealed, err := v.SealSecrets(ctx, w, s)
		must(t, err)
		for _, other := range []webhook.Webhook{
			{PartnerID: "p", ID: "w2"}, {PartnerID: "p2", ID: "w"}, {PartnerID: "pw", ID: ""}, {PartnerID: "p|w", ID: ""},
		} {
			other.Sealed = sealed
			_, err := v.OpenSecrets(ctx, &other)
			wantCode(t, err, webhook.Corrupt)
		}
		w.Sealed = sealed
		for range 2 {
			got, err := newVault(t).OpenSecrets(ctx, w)
			must(t, err)
			wantEqual(t, got, s)
		}
		w.Sealed = nil
		_, err = v.OpenSecrets(ctx, w)
		wantCode(t, err, webhook.Corrupt)
	})
	t.Run("values", func(t *testing.T) {
		ctx := testContext(t)
		v := newVault(t)
		for _, plain := range [][]byte{[]byte("a"), randomBytes(100_000)} {
			sealed, err := v.Seal(ctx, "cursor", plain)
			must(t, err)
			got, err := newVault(t).Open(ctx, "cursor", sealed)
			must(t, err)
			if !bytes.Equal(got, plain) {
				t.Fatal("opened another value")
			}
			_, err = v.Open(ctx, "answer", sealed)
			wantCode(t, err, webhook.Corrupt)
		}
		_, err := v.Open(ctx, "cursor", []byte("not sealed"))
		wantCode(t, err, webhook.Corrupt)
	})
}
