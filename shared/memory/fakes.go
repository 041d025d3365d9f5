package memory

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Queue keeps messages until a test takes them. Safe for concurrent use.
type Queue struct {
	// Fail, if set, is called before each Send; an error is returned instead.
	Fail func() error

	mu       sync.Mutex
	messages []webhook.Message
}

// Send implements delivery.Queue.
func (q *Queue) Send(_ context.Context, ms ...webhook.Message) error {
	if q.Fail != nil {
		if err := q.Fail(); err != nil {
			return err
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.messages = append(q.messages, ms...)
	return nil
}

// Waiting implements delivery.Queue.
func (q *Queue) Waiting(context.Context) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.messages), nil
}

// Take returns all messages in the order they were sent and leaves the queue empty.
func (q *Queue) Take() []webhook.Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	ms := q.messages
	q.messages = nil
	return ms
}

// Objects keeps parked records. Safe for concurrent use.
type Objects struct {
	// Fail, if set, is called before each operation; an error is returned instead.
	Fail func(op string) error

	mu      sync.Mutex
	parked  map[string]webhook.Parked
	records map[webhook.Ref][]byte
}

// NewObjects returns an empty Objects.
func NewObjects() *Objects {
	return &Objects{parked: map[string]webhook.Parked{}, records: map[webhook.Ref][]byte{}}
}

func (o *Objects) do(op string, f func() error) error {
	if o.Fail != nil {
		if err := o.Fail(op); err != nil {
			return err
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return f()
}

// Park implements delivery.Objects.
func (o *Objects) Park(_ context.Context, p webhook.Parked) error {
	return o.do("Park", func() error {
		p.Record = bytes.Clone(p.Record)
		o.parked[p.ID] = p
		return nil
	})
}

// Parked implements delivery.Objects and portal.Parked.
func (o *Objects) Parked(_ context.Context, id string) (p webhook.Parked, err error) {
	err = o.do("Parked", func() error {
		var ok bool
		if p, ok = o.parked[id]; !ok {
			return notFound("parked record")
		}
		p.Record = bytes.Clone(p.Record)
		return nil
	})
	return p, err
}

// Unpark implements delivery.Objects.
func (o *Objects) Unpark(_ context.Context, id string) error {
	return o.do("Unpark", func() error {
		delete(o.parked, id)
		return nil
	})
}

// KeepRecord implements delivery.Objects.
func (o *Objects) KeepRecord(_ context.Context, ref webhook.Ref, record []byte) error {
	return o.do("KeepRecord", func() error {
		o.records[ref] = bytes.Clone(record)
		return nil
	})
}

// KeptRecord implements delivery.Objects.
func (o *Objects) KeptRecord(_ context.Context, ref webhook.Ref) (record []byte, err error) {
	err = o.do("KeptRecord", func() error {
		var ok bool
		if record, ok = o.records[ref]; !ok {
			return notFound("kept record")
		}
		record = bytes.Clone(record)
		return nil
	})
	return record, err
}

// Bus keeps what was published. Safe for concurrent use.
type Bus struct {
	// Fail, if set, is called before each Publish; an error is returned instead.
	Fail func() error

	mu        sync.Mutex
	published []webhook.OutboxEvent
}

// Publish implements delivery.Bus.
func (b *Bus) Publish(_ context.Context, events []webhook.OutboxEvent) ([]webhook.OutboxEvent, error) {
	if b.Fail != nil {
		if err := b.Fail(); err != nil {
			return nil, err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.published = append(b.published, events...)
	return events, nil
}

// Published returns what was published so far.
func (b *Bus) Published() []webhook.OutboxEvent {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.published)
}

// List implements portal.Parked.
func (o *Objects) List(_ context.Context, p webhook.Page) (items []webhook.ParkedSummary, next []byte, err error) {
	err = o.do("List", func() error {
		var all []webhook.ParkedSummary
		for _, x := range o.parked {
			all = append(all, webhook.ParkedSummary{
				ID: x.ID, Reason: x.Reason, Detail: x.Detail, Attribute: x.Attribute, PartnerID: x.PartnerID,
				VerificationID: x.VerificationID, ParkedAt: x.ParkedAt, Size: int64(len(x.Record)),
			})
		}
		slices.SortFunc(all, func(a, b webhook.ParkedSummary) int { return cmp.Compare(a.ID, b.ID) })
		items, next = page(all, p, func(x webhook.ParkedSummary) string { return x.ID }, false)
		return nil
	})
	return items, next, err
}

// Vault hides nothing: it frames plain text with its purpose, so that a test sees a value opened under another one.
type Vault struct {
	// Fail, if set, is called before each opening; an error is returned instead.
	Fail func() error
}

type box struct {
	Purpose string
	Plain   []byte
}

// Seal implements portal.Vault.
func (v *Vault) Seal(_ context.Context, purpose string, plain []byte) ([]byte, error) {
	return json.Marshal(box{purpose, plain})
}

// Open implements portal.Vault.
func (v *Vault) Open(_ context.Context, purpose string, sealed []byte) ([]byte, error) {
	if v.Fail != nil {
		if err := v.Fail(); err != nil {
			return nil, err
		}
	}
	var b box
	if err := json.Unmarshal(sealed, &b); err != nil || b.Purpose != purpose {
		return nil, webhook.Errorf(webhook.Corrupt, "sealed value can't be opened")
	}
	return b.Plain, nil
}

func webhookPurpose(w *webhook.Webhook) string { return "webhook|" + w.PartnerID + "|" + w.ID }

// SealSecrets implements portal.Vault.
func (v *Vault) SealSecrets(ctx context.Context, w *webhook.Webhook, s webhook.Secrets) ([]byte, error) {
	plain, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	return v.Seal(ctx, webhookPurpose(w), plain)
}

// OpenSecrets implements delivery.Vault and portal.Vault.
func (v *Vault) OpenSecrets(ctx context.Context, w *webhook.Webhook) (s webhook.Secrets, err error) {
	plain, err := v.Open(ctx, webhookPurpose(w), w.Sealed)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(plain, &s)
}

// Verifications is a table of verification records: images in DynamoDB's JSON by verification id.
type Verifications map[string][]byte

// Verification implements portal.Verifications.
func (v Verifications) Verification(_ context.Context, verificationID string) ([]byte, error) {
	image, ok := v[verificationID]
	if !ok {
		return nil, notFound("verification")
	}
	return image, nil
}
