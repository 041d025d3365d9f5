package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// deliveries removes what the index by verification names.
func (f *forgetter) deliveries(ctx context.Context) error {
	var refs []webhook.Ref
	err := f.store.ScanDeliveries(ctx, f.partnerID, f.verificationID, func(r webhook.Ref, ofVerification bool) error {
		if r.PartnerID != f.partnerID {
			f.elsewhere++
			f.tell("stays", "delivery", r.WebhookID, r.DeliveryID, "of partner "+r.PartnerID)
			return nil
		}
		f.webhooks[r.WebhookID] = true
		if ofVerification {
			refs = append(refs, r)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, r := range refs {
		if err := ctx.Err(); err != nil {
			return err
		}
		f.delivery(ctx, r)
	}
	return nil
}

// delivery removes a delivery of the verification with its body, unless something may still become of it. One that is of
// another verification stays.
func (f *forgetter) delivery(ctx context.Context, r webhook.Ref) fate {
	if known, ok := f.fates[r]; ok {
		return known
	}
	became := stays
	d, err := f.store.Delivery(ctx, r)
	switch {
	case webhook.CodeOf(err) == webhook.NotFound:
		became = absent
	case err != nil:
		f.fail(err, "delivery", r.WebhookID, r.DeliveryID)
	case d.Event.VerificationID != f.verificationID:
	case d.Unsettled() != "":
		f.refused++
		f.tell("refused", "delivery", r.WebhookID, r.DeliveryID, d.Unsettled())
	default:
		remove := func() error { return f.store.Commit(ctx, webhook.Change{RemoveDelivery: &d}) }
		if f.remove(remove, "delivery", r.WebhookID, r.DeliveryID, string(d.State)) {
			became = gone
		}
	}
	f.fates[r] = became
	return became
}

// bodies removes large bodies that deliveries left behind: they are kept for some weeks longer. Such a body is known by
// the verification's id in its text; nobody reads it any more.
func (f *forgetter) bodies(ctx context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(f.webhooks)) {
		err := f.store.ScanBodies(ctx, f.partnerID, id, func(r webhook.Ref, body []byte, err error) error {
			if err != nil {
				f.fail(err, "body", r.WebhookID, r.DeliveryID)
				return nil
			}
			if !names(body, f.verificationID) || f.delivery(ctx, r) != absent {
				return nil
			}
			left := webhook.Delivery{PartnerID: r.PartnerID, WebhookID: r.WebhookID, ID: r.DeliveryID}
			remove := func() error { return f.store.Commit(ctx, webhook.Change{RemoveDelivery: &left}) }
			f.remove(remove, "body", r.WebhookID, r.DeliveryID, "left behind")
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// names tells whether JSON text holds an id in one of its strings, and not as a part of a longer one. What is no JSON is
// looked through as it stands.
func names(text []byte, id string) bool {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	for {
		token, err := d.Token()
		if s, ok := token.(string); ok && holds(s, id) {
			return true
		}
		if errors.Is(err, io.EOF) {
			return false
		}
		if err != nil {
			return holds(string(text), id)
		}
	}
}

// holds tells whether a text holds an id that is no part of a longer one.
func holds(text, id string) bool {
	within := func(c byte) bool {
		return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("_-.#", c) >= 0
	}
	for id != "" {
		i := strings.Index(text, id)
		if i < 0 {
			break
		}
		end := i + len(id)
		if (i == 0 || !within(text[i-1])) && (end == len(text) || !within(text[end])) {
			return true
		}
		text = text[i+1:]
	}
	return false
}
