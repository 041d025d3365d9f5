package delivery

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// staleLists is a Store whose lists show what was, and are asked a bounded number of times.
type staleLists struct {
	Store
	calls int
	// held is what Held shows of the front: what it was at the call before.
	held []webhook.Ref
	next []byte
	// turn changes what Deliveries shows.
	turn func(*webhook.Delivery)
}

func (s *staleLists) count() {
	if s.calls++; s.calls > 100 {
		panic("endless")
	}
}

func (s *staleLists) Held(ctx context.Context, partnerID, webhookID string, p webhook.Page) ([]webhook.Ref, []byte, error) {
	s.count()
	refs, next, err := s.Store.Held(ctx, partnerID, webhookID, p)
	if p.After != nil || err != nil {
		return refs, next, err
	}
	old, oldNext := s.held, s.next
	s.held, s.next = slices.Clone(refs), next
	if old == nil {
		return refs, next, nil
	}
	return old, oldNext, nil
}

func (s *staleLists) Deliveries(ctx context.Context, q webhook.DeliveryQuery) ([]webhook.Delivery, []byte, error) {
	s.count()
	items, next, err := s.Store.Deliveries(ctx, q)
	for i := range items {
		s.turn(&items[i])
	}
	return items, next, err
}

// TestDrainOfAStaleList: what it shows and was brought is not brought again; what it does not show yet is found.
func TestDrainOfAStaleList(t *testing.T) {
	w := newWorld(t)
	h := w.off()
	want := w.hold(2*sourcePage + 20)
	w.Store = &staleLists{Store: w.store}
	w.activate(h)
	w.rest(3 * time.Minute)
	if got := w.sentVerifications(); !slices.Equal(got, want) {
		t.Errorf("%d posts: %v", len(got), got)
	}
	if j := w.drain(h); j.State != webhook.JobDone || j.Done != len(want) {
		t.Errorf("%+v", j)
	}
}

// TestRecoverOfAStaleList: the same; and it goes on behind what it was about no more.
func TestRecoverOfAStaleList(t *testing.T) {
	w := newWorld(t)
	h := w.hook("acme", nil)
	all := w.ended(h, walkPage+50, func(i int, d *webhook.Delivery) {
		if i%50 == 7 {
			d.Expire(w.clock())
			return
		}
		d.Cancel(w.clock(), "x")
	})
	w.Store = &staleLists{Store: w.store, turn: func(d *webhook.Delivery) { d.State = webhook.StateExpired }}
	w.recover(h, nil)
	w.rest(time.Minute)
	if got := w.sentVerifications(); !slices.Equal(got, []string{all[7], all[57], all[107]}) {
		t.Errorf("sent %v", got)
	}
	if j := w.job(h, webhook.RecoverJob); j.State != webhook.JobDone || j.Done != 3 || j.Total != 3 {
		t.Errorf("%+v", j)
	}
}

// TestDrainOfAnUnreadable: it is passed over, and the others are brought.
func TestDrainOfAnUnreadable(t *testing.T) {
	w := newWorld(t)
	h := w.off()
	want := w.hold(5)
	bad := w.of(want[1])
	w.Store = corrupt{w.store, []webhook.Ref{bad.Ref()}}
	w.activate(h)
	w.rest(time.Minute)
	if got := w.sentVerifications(); !slices.Equal(got, slices.Delete(want, 1, 2)) || w.drain(h).State != webhook.JobDone {
		t.Errorf("sent %v, %+v", got, w.drain(h))
	}
}

// emptyFront is a Store whose first page of what waits is empty and has a successor.
type emptyFront struct{ Store }

func (s emptyFront) Held(ctx context.Context, partnerID, webhookID string, p webhook.Page) ([]webhook.Ref, []byte, error) {
	if p.After == nil {
		return nil, []byte("0"), nil
	}
	return s.Store.Held(ctx, partnerID, webhookID, p)
}

func TestDrainBehindAnEmptyPage(t *testing.T) {
	w := newWorld(t)
	h := w.off()
	want := w.hold(5)
	w.Store = emptyFront{w.store}
	w.activate(h)
	w.rest(30 * time.Second)
	if got := w.sentVerifications(); !slices.Equal(got, want) {
		t.Errorf("sent %v", got)
	}
}
