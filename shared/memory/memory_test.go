package memory_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/delivery"
	"github.com/cr3dentials/verification-webhooks/shared/memory"
	"github.com/cr3dentials/verification-webhooks/shared/storetest"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func TestStore(t *testing.T) {
	storetest.RunStore(t, func(*testing.T) storetest.Store { return memory.NewStore() })
}

func TestQueue(t *testing.T) {
	storetest.RunQueue(t, func(*testing.T) (delivery.Queue, func(*testing.T, int) []webhook.Message) {
		q := &memory.Queue{}
		return q, func(t *testing.T, n int) []webhook.Message {
			ms := q.Take()
			if len(ms) != n {
				t.Fatalf("took %d messages, want %d", len(ms), n)
			}
			return ms
		}
	})
}

func TestObjects(t *testing.T) {
	storetest.RunObjects(t, func(*testing.T) (storetest.Objects, func(webhook.Ref) []byte) {
		o := memory.NewObjects()
		return o, func(ref webhook.Ref) []byte {
			record, err := o.KeptRecord(context.Background(), ref)
			if err != nil {
				t.Error(err)
			}
			return record
		}
	})
}

func TestVault(t *testing.T) {
	storetest.RunVault(t, func(*testing.T) storetest.Vault { return &memory.Vault{} })
}

// What a caller does with a value it read or stored must not change what is stored.
func TestStoreCopiesWebhooks(t *testing.T) {
	s := memory.NewStore()
	var w, want webhook.Webhook
	storetest.Fill(t, &w)
	storetest.Fill(t, &want)
	w.Rev, want.Rev, w.Detour, want.Detour = 0, 1, nil, nil
	p := webhook.Partner{ID: w.PartnerID}
	if err := s.Commit(t.Context(), webhook.Change{Partner: &p, Webhook: &w}); err != nil {
		t.Fatal(err)
	}
	read := func() webhook.Webhook {
		_, got, err := s.Webhook(t.Context(), w.PartnerID, w.ID)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	changed := read()
	for _, x := range []*webhook.Webhook{&w, &changed} {
		x.EventTypes[0], x.Sealed[0] = "changed", x.Sealed[0]+1
		x.Rotation.SecretHint, x.Deactivation.Reason = "changed", "changed"
	}
	if got := read(); !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}
