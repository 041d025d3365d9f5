package storm

import (
	"context"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// vaultModel is KMS behind the cache of the vault: few openings make a call.
type vaultModel Runner

func (v *vaultModel) call(op string, f func() error) error {
	w := v.w
	if w.rng.IntN(8) != 0 {
		return f()
	}
	return w.call(kms, op, "", f, nil)
}

func (v *vaultModel) Seal(ctx context.Context, purpose string, plain []byte) (b []byte, err error) {
	err = v.call("Seal", func() (err error) { b, err = v.w.vault.Seal(ctx, purpose, plain); return err })
	return b, err
}

func (v *vaultModel) Open(ctx context.Context, purpose string, sealed []byte) (b []byte, err error) {
	err = v.call("Open", func() (err error) { b, err = v.w.vault.Open(ctx, purpose, sealed); return err })
	return b, err
}

func (v *vaultModel) SealSecrets(ctx context.Context, w *webhook.Webhook, x webhook.Secrets) (b []byte, err error) {
	err = v.call("SealSecrets", func() (err error) { b, err = v.w.vault.SealSecrets(ctx, w, x); return err })
	return b, err
}

func (v *vaultModel) OpenSecrets(ctx context.Context, w *webhook.Webhook) (x webhook.Secrets, err error) {
	err = v.call("OpenSecrets", func() (err error) { x, err = v.w.vault.OpenSecrets(ctx, w); return err })
	if err != nil {
		return webhook.Secrets{}, err
	}
	return x, nil
}

// objectsModel is S3.
type objectsModel Runner

func (o *objectsModel) call(op, id string, f func() error) error {
	return o.w.call(s3, op, id, f, func() { _ = f() })
}

func (o *objectsModel) Park(ctx context.Context, p webhook.Parked) error {
	return o.call("Park", p.ID, func() error { return o.w.objects.Park(ctx, p) })
}

func (o *objectsModel) Parked(ctx context.Context, id string) (p webhook.Parked, err error) {
	err = o.w.call(s3, "Parked", id, func() (err error) { p, err = o.w.objects.Parked(ctx, id); return err }, nil)
	return p, err
}

func (o *objectsModel) Unpark(ctx context.Context, id string) error {
	return o.call("Unpark", id, func() error { return o.w.objects.Unpark(ctx, id) })
}

func (o *objectsModel) KeepRecord(ctx context.Context, ref webhook.Ref, record []byte) error {
	return o.call("KeepRecord", ref.DeliveryID, func() error { return o.w.objects.KeepRecord(ctx, ref, record) })
}

func (o *objectsModel) List(ctx context.Context, p webhook.Page) (items []webhook.ParkedSummary, next []byte, err error) {
	err = o.w.call(s3, "List", "", func() (err error) { items, next, err = o.w.objects.List(ctx, p); return err }, nil)
	return items, next, err
}

func (o *objectsModel) KeptRecord(ctx context.Context, ref webhook.Ref) (record []byte, err error) {
	err = o.w.call(s3, "KeptRecord", ref.DeliveryID, func() (err error) { record, err = o.w.objects.KeptRecord(ctx, ref); return err }, nil)
	return record, err
}

// busModel is EventBridge.
type busModel Runner

// Publish implements delivery.Bus: some may be accepted and some not.
func (b *busModel) Publish(_ context.Context, events []webhook.OutboxEvent) (accepted []webhook.OutboxEvent, err error) {
	w := b.w
	err = w.call(bus, "Publish", events[0].WebhookID, func() error {
		accepted = events
		if w.stormy && w.chance(w.failing(bus)) {
			accepted = events[:w.rng.IntN(len(events))]
		}
		w.truth.published(accepted)
		return nil
	}, nil)
	if err != nil {
		return nil, err
	}
	if len(accepted) < len(events) {
		return accepted, unavailable()
	}
	return accepted, nil
}
