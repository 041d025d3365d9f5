package memory_test

import (
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
		return o, o.Record
	})
}

func TestVault(t *testing.T) {
	storetest.RunVault(t, func(*testing.T) storetest.Vault { return &memory.Vault{} })
}
