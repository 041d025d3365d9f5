package vault_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/cr3dentials/verification-webhooks/shared/storetest"
	"github.com/cr3dentials/verification-webhooks/shared/vault"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// fakeKMS wraps keys by keeping them. It counts its calls and holds callers to the encryption context.
type fakeKMS struct {
	mu                 sync.Mutex
	keys               map[string][]byte
	generated, decrypt int
	fail               error
}

func (k *fakeKMS) check(got map[string]string) error {
	if len(got) != 1 || got["app"] != "verification-webhooks" {
		return &types.InvalidCiphertextException{}
	}
	return k.fail
}

func (k *fakeKMS) GenerateDataKey(_ context.Context, in *kms.GenerateDataKeyInput, _ ...func(*kms.Options)) (*kms.GenerateDataKeyOutput, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.generated++
	if err := k.check(in.EncryptionContext); err != nil {
		return nil, err
	}
	if aws.ToString(in.KeyId) != "key" || in.KeySpec != types.DataKeySpecAes256 {
		return nil, errors.New("another key was asked for")
	}
	plain := make([]byte, 32)
	_, _ = rand.Read(plain)
	wrapped := rand.Text()
	k.keys[wrapped] = bytes.Clone(plain)
	return &kms.GenerateDataKeyOutput{Plaintext: plain, CiphertextBlob: []byte(wrapped)}, nil
}

func (k *fakeKMS) Decrypt(_ context.Context, in *kms.DecryptInput, _ ...func(*kms.Options)) (*kms.DecryptOutput, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.decrypt++
	if err := k.check(in.EncryptionContext); err != nil {
		return nil, err
	}
	plain, ok := k.keys[string(in.CiphertextBlob)]
	if !ok {
		return nil, &types.InvalidCiphertextException{}
	}
	return &kms.DecryptOutput{Plaintext: bytes.Clone(plain)}, nil
}

// memoryKeys is a KeyStore in memory.
type memoryKeys struct {
	mu      sync.Mutex
	wrapped map[string][]byte
	current string
	at      time.Time
	reads   int
	fail    error
	// before runs before the next key is added, as another process would.
	before func()
}

func (m *memoryKeys) DataKey(_ context.Context, id string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	if m.fail != nil {
		return nil, m.fail
	}
	w, ok := m.wrapped[id]
	if !ok {
		return nil, webhook.Errorf(webhook.NotFound, "no such data key")
	}
	return w, nil
}

func (m *memoryKeys) CurrentDataKey(context.Context) (string, []byte, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	if m.fail != nil {
		return "", nil, time.Time{}, m.fail
	}
	if m.current == "" {
		return "", nil, time.Time{}, webhook.Errorf(webhook.NotFound, "no data key yet")
	}
	return m.current, m.wrapped[m.current], m.at, nil
}

func (m *memoryKeys) AddDataKey(_ context.Context, id string, wrapped []byte, at time.Time, replaces string) error {
	if f := m.before; f != nil {
		m.before = nil
		f()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.current != replaces {
		return webhook.Errorf(webhook.Conflict, "another key is current")
	}
	m.wrapped[id], m.current, m.at = wrapped, id, at
	return nil
}

// world is what processes share.
type world struct {
	kms  *fakeKMS
	keys *memoryKeys
	now  time.Time
}

func newWorld() *world {
	return &world{
		kms: &fakeKMS{keys: map[string][]byte{}}, keys: &memoryKeys{wrapped: map[string][]byte{}},
		now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
	}
}

// process returns the vault of a new process.
func (w *world) process() *vault.Vault {
	return vault.New(vault.Options{KMS: w.kms, KeyID: "key", Keys: w.keys, Now: func() time.Time { return w.now }})
}

func TestConformance(t *testing.T) {
	w := newWorld()
	storetest.RunVault(t, func(*testing.T) storetest.Vault { return w.process() })
}

// TestConformanceKMS runs against a real key service: its errors and its encryption context are not ours to invent.
func TestConformanceKMS(t *testing.T) {
	client := kms.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(storetest.Endpoint(t)),
		HTTPClient:  &http.Client{Transport: storetest.Transport(t)},
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	created, err := client.CreateKey(context.Background(), &kms.CreateKeyInput{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := client.ScheduleKeyDeletion(context.Background(), &kms.ScheduleKeyDeletionInput{KeyId: created.KeyMetadata.KeyId})
		if err != nil {
			t.Errorf("removing the key: %v", err)
		}
	})
	keys := &memoryKeys{wrapped: map[string][]byte{}}
	o := vault.Options{KMS: client, KeyID: *created.KeyMetadata.KeyId, Keys: keys}
	storetest.RunVault(t, func(*testing.T) storetest.Vault { return vault.New(o) })

	sealed := mustSeal(t, vault.New(o))
	for id := range keys.wrapped {
		keys.wrapped[id] = []byte("not a wrapped key, though long enough to be taken for one by its length")
	}
	if _, err := vault.New(o).Open(context.Background(), "p", sealed); webhook.CodeOf(err) != webhook.Corrupt {
		t.Errorf("a wrapped key that is none: %v, want corrupt", err)
	}
}

func mustSeal(t *testing.T, v *vault.Vault) []byte {
	t.Helper()
	sealed, err := v.Seal(context.Background(), "p", []byte("plain text"))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func mustOpen(t *testing.T, v *vault.Vault, sealed []byte) {
	t.Helper()
	plain, err := v.Open(context.Background(), "p", sealed)
	if err != nil || string(plain) != "plain text" {
		t.Fatalf("opened %q, %v", plain, err)
	}
}

// TestOneCallPerProcess holds the number of calls to the key service, which is the bill and the latency.
func TestOneCallPerProcess(t *testing.T) {
	w := newWorld()
	first := w.process()
	sealed := mustSeal(t, first)
	for range 100 {
		mustOpen(t, first, mustSeal(t, first))
	}
	if w.kms.generated != 1 || w.kms.decrypt != 0 {
		t.Fatalf("the first process made %d keys and opened %d, want 1 and 0", w.kms.generated, w.kms.decrypt)
	}
	second := w.process()
	w.keys.reads = 0
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := second.Open(context.Background(), "p", sealed); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	mustSeal(t, second)
	if w.kms.generated != 1 || w.kms.decrypt != 1 || w.keys.reads != 2 {
		t.Fatalf("the second process made %d keys, opened %d and read the store %d times, want 0, 1 and 2 (one to open, one to seal)",
			w.kms.generated-1, w.kms.decrypt, w.keys.reads)
	}
}

func TestKeyChanges(t *testing.T) {
	w := newWorld()
	v := w.process()
	old := mustSeal(t, v)
	w.now = w.now.Add(30*24*time.Hour - 1)
	mustSeal(t, v)
	mustSeal(t, w.process())
	if w.kms.generated != 1 {
		t.Fatalf("%d keys were made within 30 days, want 1", w.kms.generated)
	}
	w.now = w.now.Add(1)
	other := w.process()
	fresh := mustSeal(t, v)
	if w.kms.generated != 2 || bytes.Equal(fresh[1:13], old[1:13]) {
		t.Fatalf("%d keys were made after 30 days, want 2", w.kms.generated)
	}
	mustOpen(t, v, old)
	mustOpen(t, other, old)
	mustOpen(t, other, mustSeal(t, other))
	if w.kms.generated != 2 {
		t.Fatal("a second process made a key of its own")
	}
}

// TestTwoMakeTheFirstKey lets another process store its key between this one's look and its write.
func TestTwoMakeTheFirstKey(t *testing.T) {
	w := newWorld()
	a, b := w.process(), w.process()
	var fromB []byte
	w.keys.before = func() { fromB = mustSeal(t, b) }
	fromA := mustSeal(t, a)
	if len(w.keys.wrapped) != 1 || !bytes.Equal(fromA[1:13], fromB[1:13]) {
		t.Fatalf("the two seal under different keys; %d are stored", len(w.keys.wrapped))
	}
	mustOpen(t, w.process(), fromA)
}

func TestTampered(t *testing.T) {
	w := newWorld()
	v := w.process()
	sealed := mustSeal(t, v)
	if bytes.Contains(sealed, []byte("plain")) {
		t.Fatal("the sealed value holds the plain text")
	}
	if again := mustSeal(t, v); bytes.Equal(again, sealed) {
		t.Fatal("the same value sealed twice is the same")
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := v.Open(context.Background(), "p", bad); webhook.CodeOf(err) != webhook.Corrupt {
			t.Fatalf("byte %d changed: %v, want corrupt", i, err)
		}
		if _, err := v.Open(context.Background(), "p", sealed[:i]); webhook.CodeOf(err) != webhook.Corrupt {
			t.Fatalf("cut at %d: %v, want corrupt", i, err)
		}
	}
}

// TestPurposeIsNotAWebhook keeps a value sealed for a purpose from passing as a webhook's secrets.
func TestPurposeIsNotAWebhook(t *testing.T) {
	v := newWorld().process()
	for _, purpose := range []string{"webhook|p|w", "webhookpw"} {
		sealed, err := v.Seal(context.Background(), purpose, []byte(`{"signing":"x"}`))
		if err != nil {
			t.Fatal(err)
		}
		w := &webhook.Webhook{PartnerID: "p", ID: "w", Sealed: sealed}
		if _, err := v.OpenSecrets(context.Background(), w); webhook.CodeOf(err) != webhook.Corrupt {
			t.Errorf("%s: %v, want corrupt", purpose, err)
		}
	}
}

func TestUnavailable(t *testing.T) {
	w := newWorld()
	sealed := mustSeal(t, w.process())
	ctx := context.Background()
	wantUnavailable := func(what string, v *vault.Vault) {
		t.Helper()
		if _, err := v.Open(ctx, "p", sealed); webhook.CodeOf(err) != webhook.Unavailable {
			t.Errorf("%s: opening gives %v, want unavailable", what, err)
		}
		if _, err := v.Seal(ctx, "p", nil); webhook.CodeOf(err) != webhook.Unavailable {
			t.Errorf("%s: sealing gives %v, want unavailable", what, err)
		}
	}
	v := w.process()
	w.kms.fail = &types.DisabledException{}
	wantUnavailable("a disabled key", v)
	w.kms.fail = context.DeadlineExceeded
	wantUnavailable("a slow key service", v)
	w.kms.fail = nil
	w.keys.fail = webhook.Errorf(webhook.Unavailable, "no table")
	wantUnavailable("no key store", v)
	w.keys.fail = nil
	mustOpen(t, v, sealed) // a failure is not remembered
}

// TestWaitingIsBounded checks that a caller whose time is up does not wait for another's call to the key service.
func TestWaitingIsBounded(t *testing.T) {
	w := newWorld()
	sealed := mustSeal(t, w.process())
	v := w.process()
	w.kms.mu.Lock() // the key service hangs
	done := make(chan error)
	go func() {
		_, err := v.Open(context.Background(), "p", sealed)
		done <- err
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	for {
		w.keys.mu.Lock()
		reads := w.keys.reads
		w.keys.mu.Unlock()
		if reads > 1 { // the first caller is inside
			break
		}
		time.Sleep(time.Millisecond)
	}
	if _, err := v.Open(ctx, "p", sealed); webhook.CodeOf(err) != webhook.Unavailable {
		t.Errorf("got %v, want unavailable", err)
	}
	w.kms.mu.Unlock()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestErrorsTellNoSecret(t *testing.T) {
	v := newWorld().process()
	w := &webhook.Webhook{PartnerID: "p", ID: "w"}
	sealed, err := v.SealSecrets(context.Background(), w, webhook.Secrets{Signing: "top-secret-value"})
	if err != nil {
		t.Fatal(err)
	}
	w.Sealed = sealed[:len(sealed)-1]
	if _, err := v.OpenSecrets(context.Background(), w); err == nil || strings.Contains(err.Error(), "top-secret") {
		t.Fatalf("got %v", err)
	}
}
