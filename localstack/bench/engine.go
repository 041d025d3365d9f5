package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/cr3dentials/verification-webhooks/shared/delivery"
	"github.com/cr3dentials/verification-webhooks/shared/egress"
	"github.com/cr3dentials/verification-webhooks/shared/memory"
	"github.com/cr3dentials/verification-webhooks/shared/vault"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// runEngine is the product without AWS, in a process of its own: the real engine, client and vault, a store in memory that keeps
// next to nothing, and a log that goes nowhere.
func runEngine(l load) (loaded, error) {
	ctx := context.Background()
	sink, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return loaded{}, err
	}
	store := &sinkStore{Store: memory.NewStore(), stored: map[webhook.Ref]int64{}}
	ids := webhook.IDSource{Now: time.Now, Rand: rand.Reader}
	engine := &delivery.Engine{
		Store: store, Queue: &memory.Queue{}, Sender: egress.New(egress.Options{}),
		Vault: vault.New(vault.Options{KMS: plainKMS{}, KeyID: keyID, Keys: &keys{}}), Objects: memory.NewObjects(), IDs: ids,
		Now: time.Now, HoldTime: webhook.DefaultHoldTime, Log: slog.New(slog.NewJSONHandler(sink, nil)),
	}
	v, ok := engine.Vault.(*vault.Vault)
	if !ok {
		panic("not the vault that was just made")
	}
	partners, made := loadPartners(), time.Now().Add(-time.Hour)
	for i, id := range partners {
		p := webhook.Partner{ID: id, Name: "Bench", CreatedAt: made, UpdatedAt: made, WebhookCount: 1}
		hook, err := sealedWebhook(ctx, v, ids, l.Secret, id, (&receiver{receiverPorts: receiverPorts{Ports: l.Ports}}).url(i, ""), made)
		if err != nil {
			return loaded{}, err
		}
		if err := store.Commit(ctx, webhook.Change{Partner: &p, Webhook: &hook}); err != nil {
			return loaded{}, err
		}
	}
	records := loadRecords(l, partners)
	out, err := measureLoad(l, func(from, to int) error {
		for ; from < to; from += batchSize {
			if err := errors.Join(dispatch(ctx, engine, records[from:min(from+batchSize, to)])...); err != nil {
				return err
			}
		}
		return nil
	}, func() int {
		return l.Warm + l.Deliveries - store.delivered
	})
	if err != nil {
		return out, err
	}
	out.DecodeWall, out.DecodeCPU, err = decodeAlone(records[l.Warm:])
	return out, err
}

// decodeAlone tells what decoding takes of a load: the engine does it before it does anything else with a batch.
func decodeAlone(records [][]byte) (wall, cpu time.Duration, err error) {
	began, used := time.Now(), ownCPU()
	for ; len(records) > 0; records = records[min(batchSize, len(records)):] {
		if _, err := decodeRecords(records[:min(batchSize, len(records))]); err != nil {
			return 0, 0, err
		}
	}
	return time.Since(began), ownCPU() - used, nil
}

// sinkStore keeps of deliveries what conditions need: what the fake store spends on copies, and the collector on what is
// kept, is not the product's.
type sinkStore struct {
	*memory.Store

	mu        sync.Mutex
	stored    map[webhook.Ref]int64 // versions
	delivered int                   // at the first attempt
}

// Commit implements delivery.Store.
func (s *sinkStore) Commit(ctx context.Context, c webhook.Change) error {
	if len(c.Deliveries) != 1 || c.Webhook != nil || c.Jobs != nil || c.Outbox != nil {
		return s.Store.Commit(ctx, c)
	}
	d := c.Deliveries[0]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stored[d.Ref()] != d.Rev {
		return webhook.Errorf(webhook.Conflict, "changed by somebody else")
	}
	s.stored[d.Ref()] = d.Rev + 1
	if d.State == webhook.Delivered && d.Attempts == 1 {
		s.delivered++
	}
	c.Stored()
	return nil
}

// keys is a key store in memory.
type keys struct {
	mu      sync.Mutex
	id      string
	wrapped []byte
	at      time.Time
}

func (k *keys) DataKey(_ context.Context, id string) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if id != k.id {
		return nil, webhook.Errorf(webhook.NotFound, "no such key")
	}
	return k.wrapped, nil
}

func (k *keys) CurrentDataKey(context.Context) (string, []byte, time.Time, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.id == "" {
		return "", nil, time.Time{}, webhook.Errorf(webhook.NotFound, "no key yet")
	}
	return k.id, k.wrapped, k.at, nil
}

func (k *keys) AddDataKey(_ context.Context, id string, wrapped []byte, at time.Time, _ string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.id, k.wrapped, k.at = id, wrapped, at
	return nil
}

// plainKMS wraps nothing. It is called once in a process.
type plainKMS struct{}

func (plainKMS) GenerateDataKey(context.Context, *kms.GenerateDataKeyInput, ...func(*kms.Options)) (*kms.GenerateDataKeyOutput, error) {
	key := make([]byte, 32)
	_, err := rand.Read(key)
	return &kms.GenerateDataKeyOutput{Plaintext: key, CiphertextBlob: append([]byte{}, key...)}, err
}

func (plainKMS) Decrypt(_ context.Context, in *kms.DecryptInput, _ ...func(*kms.Options)) (*kms.DecryptOutput, error) {
	return &kms.DecryptOutput{Plaintext: append([]byte{}, in.CiphertextBlob...)}, nil
}
