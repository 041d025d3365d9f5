package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/memory"
	"github.com/cr3dentials/verification-webhooks/shared/objects"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// world is tables and a bucket in memory. The bodies are those that deliveries left behind.
type world struct {
	*memory.Store
	t       *testing.T
	records map[string]bool
	left    map[webhook.Ref]string
	kept    map[webhook.Ref][]byte
	parks   []webhook.Parked
	// foreign are keys that this release cannot name, of parked objects, and of those of acme's deliveries.
	foreign [2]string
	// full is set if keys of parked records have no room for ids.
	full bool
	// marked is set if of kept records there are marks of deletion alone.
	marked bool
	// unread are keys of objects that cannot be read, locked those that cannot be removed.
	unread, locked string
}

func newWorld(t *testing.T) *world {
	w := &world{Store: memory.NewStore(), t: t, records: map[string]bool{}, left: map[webhook.Ref]string{}, kept: map[webhook.Ref][]byte{}}
	w.commit(webhook.Change{Partner: &webhook.Partner{ID: "acme"}})
	w.commit(webhook.Change{Webhook: &webhook.Webhook{PartnerID: "acme", ID: "whk_1"}})
	return w
}

func (w *world) commit(c webhook.Change) {
	w.t.Helper()
	if err := w.Commit(context.Background(), c); err != nil {
		w.t.Fatal(err)
	}
}

// add stores a delivery in a state.
func (w *world) add(id, verificationID string, turn func(d *webhook.Delivery)) webhook.Ref {
	d := webhook.Delivery{PartnerID: "acme", WebhookID: "whk_1", ID: id, Event: webhook.Event{VerificationID: verificationID}, CreatedAt: now}
	if partner, plain, ok := strings.Cut(id, "/"); ok {
		d.PartnerID, d.ID = partner, plain
	}
	d.GiveUp(now, "x")
	if turn != nil {
		turn(&d)
	}
	w.commit(webhook.Change{Deliveries: []*webhook.Delivery{&d}})
	return d.Ref()
}

func record(partnerID, verificationID string) []byte {
	return fmt.Appendf(nil, `{"eventName":"INSERT","dynamodb":{"NewImage":{"verificationId":{"S":%q},"partnerId":{"S":%q}}}}`, verificationID, partnerID)
}

func (w *world) Verification(_ context.Context, id string) ([]byte, error) {
	if w.records[id] {
		return []byte("{}"), nil
	}
	return nil, webhook.Errorf(webhook.NotFound, "no such verification")
}

func (w *world) ScanDeliveries(_ context.Context, partnerID, verificationID string, f func(webhook.Ref, bool) error) error {
	for _, d := range w.AllDeliveries() {
		if of := d.Event.VerificationID == verificationID; of || d.PartnerID == partnerID {
			if err := f(d.Ref(), of); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *world) ScanBodies(_ context.Context, partnerID, webhookID string, f func(webhook.Ref, []byte, error) error) error {
	for r, body := range w.left {
		if r.PartnerID == partnerID && r.WebhookID == webhookID {
			if err := f(r, []byte(body), nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// Commit removes the body of a delivery with it, and alone.
func (w *world) Commit(ctx context.Context, c webhook.Change) error {
	err := w.Store.Commit(ctx, c)
	if err == nil && c.RemoveDelivery != nil {
		delete(w.left, c.RemoveDelivery.Ref())
	}
	return err
}

func (w *world) KeptVersions(_ context.Context, partnerID string, f func(webhook.Ref, objects.Versions) error) error {
	if key := w.foreign[1]; key != "" {
		if err := f(webhook.Ref{}, objects.Versions{Key: key, IDs: []string{"1"}}); err != nil {
			return err
		}
	}
	for r := range w.kept {
		if r.PartnerID == partnerID {
			v := objects.Versions{Key: r.DeliveryID, IDs: []string{"1"}}
			if w.marked {
				v.IDs, v.Marks = nil, []string{"1"}
			}
			if err := f(r, v); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *world) ParkedVersions(_ context.Context, f func(webhook.ParkedSummary, objects.Versions) error) error {
	if key := w.foreign[0]; key != "" {
		if err := f(webhook.ParkedSummary{}, objects.Versions{Key: key, IDs: []string{"1"}}); err != nil {
			return err
		}
	}
	for _, p := range slices.Clone(w.parks) {
		s := webhook.ParkedSummary{ID: p.ID, Reason: p.Reason}
		if !w.full {
			s.PartnerID, s.VerificationID = p.PartnerID, p.VerificationID
		}
		if err := f(s, objects.Versions{Key: p.ID, IDs: []string{"1"}, Marks: []string{"2"}}); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) Latest(_ context.Context, v objects.Versions) (webhook.Parked, error) {
	if len(v.IDs) == 0 {
		return webhook.Parked{}, webhook.Errorf(webhook.NotFound, "only marks of its deletion")
	}
	if v.Key == w.unread {
		return webhook.Parked{}, webhook.Errorf(webhook.Unavailable, "the bucket does not answer")
	}
	for _, p := range w.parks {
		if p.ID == v.Key {
			return p, nil
		}
	}
	for r, raw := range w.kept {
		if r.DeliveryID == v.Key {
			return webhook.Parked{Record: raw}, nil
		}
	}
	return webhook.Parked{}, webhook.Errorf(webhook.NotFound, "no such object")
}

func (w *world) RemoveVersions(_ context.Context, v objects.Versions) error {
	if v.Key == w.locked {
		return webhook.Errorf(webhook.Unavailable, "the bucket does not answer")
	}
	w.parks = slices.DeleteFunc(w.parks, func(p webhook.Parked) bool { return p.ID == v.Key })
	for r := range w.kept {
		if r.DeliveryID == v.Key {
			delete(w.kept, r)
		}
	}
	return nil
}

// forget runs the command and returns its lines without time and stage.
func (w *world) forget(args string) (lines []string, err error) {
	w.t.Helper()
	f, err := parse(strings.Fields(args))
	if err != nil {
		w.t.Fatal(err)
	}
	var out bytes.Buffer
	f.store, f.bucket, f.out, f.stage, f.now = w, w, &out, "stage", func() time.Time { return now }
	err = f.forget(w.t.Context())
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		line, ok := strings.CutPrefix(line, "2026-03-04T05:06:07Z\tstage\t")
		if !ok && !strings.HasPrefix(line, "This was a dry run") {
			w.t.Errorf("a line without time and stage: %q", line)
		}
		lines = append(lines, strings.ReplaceAll(line, "\t", " "))
	}
	return lines, err
}

// want checks that the lines that are no frame are these, in any order, and how it ends.
func (w *world) want(args, problem string, want ...string) {
	w.t.Helper()
	lines, err := w.forget(args)
	lines = slices.DeleteFunc(lines, func(l string) bool {
		return strings.HasPrefix(l, "begin ") || strings.HasPrefix(l, "end ") || strings.HasPrefix(l, "This was") ||
			strings.HasPrefix(l, "stays stream ") || strings.HasPrefix(l, "stays logs ") || strings.HasPrefix(l, "stays copies ")
	})
	slices.Sort(lines)
	slices.Sort(want)
	if !slices.Equal(lines, want) {
		w.t.Errorf("%s:\ngot  %q\nwant %q", args, lines, want)
	}
	if problem == "" && err != nil || problem != "" && (err == nil || !strings.Contains(err.Error(), problem)) {
		w.t.Errorf("%s: %v; want an error about %q", args, err, problem)
	}
}

const (
	nothing = "nothing was found: all is gone already, or VERIFICATION is another"
	look    = "-partner acme -verification ver_1"
	apply   = look + " -apply 1"
)
