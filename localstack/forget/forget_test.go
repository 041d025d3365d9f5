package main

import (
	"bytes"
	"context"
	"encoding/json"
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
	look  = "-partner acme -verification ver_1"
	apply = look + " -apply 1"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for args, word := range map[string]string{
		"": "PARTNER", "-partner a": "VERIFICATION", "-verification v": "PARTNER", "-partner a/b -verification v": "no partner",
		look + " -apply yes": "APPLY", look + " x": "unknown argument",
	} {
		if f, err := parse(strings.Fields(args)); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q: %+v, %v; want an error about %s", args, f, err, word)
		}
	}
	for args, applies := range map[string]bool{look: false, look + " -apply 0": false, apply: true} {
		if f, err := parse(strings.Fields(args)); err != nil || f.apply != applies || f.partnerID != "acme" || f.verificationID != "ver_1" {
			t.Errorf("%q: %+v, %v", args, f, err)
		}
	}
}

// TestStates: what is settled goes, what something may still become of stays with its body and its record.
func TestStates(t *testing.T) {
	t.Parallel()
	settled := map[string]func(d *webhook.Delivery){
		"delivered": func(d *webhook.Delivery) { d.Succeed() }, "exhausted": func(d *webhook.Delivery) { d.Exhaust(false) },
		"cancelled": func(d *webhook.Delivery) { d.Cancel(now, "x") }, "expired": func(d *webhook.Delivery) { d.Expire(now) },
		"undeliverable": nil,
	}
	waits := map[string]func(d *webhook.Delivery){
		"pending": func(d *webhook.Delivery) { d.StartRound(now, 1, now, "") }, "held": func(d *webhook.Delivery) { d.Hold(now, 1, time.Hour) },
		"it waits for its webhook's activation": func(d *webhook.Delivery) { d.Exhaust(true) },
		"an attempt by hand was asked for":      func(d *webhook.Delivery) { d.Succeed(); d.AskResend(now) },
		"an attempt is under way":               func(d *webhook.Delivery) { d.AskResend(now); d.TakeManualClaim(now, "o") },
	}
	w := newWorld(t)
	var found, removed, refused []string
	for state, turn := range settled {
		id := "dlv_" + state
		w.kept[w.add(id, "ver_1", turn)] = record("acme", "ver_1")
		found = append(found, "found delivery whk_1 "+id+" "+state, "found kept whk_1 "+id+" versions 1")
		removed = append(removed, "removed delivery whk_1 "+id+" "+state, "removed kept whk_1 "+id+" versions 1")
	}
	for why, turn := range waits {
		id := "dlv_" + strings.ReplaceAll(why, " ", "_")
		w.kept[w.add(id, "ver_1", turn)] = record("acme", "ver_1")
		refused = append(refused, "refused delivery whk_1 "+id+" "+why)
	}
	w.kept[w.add("dlv_other", "ver_2", nil)] = record("acme", "ver_2")
	for _, id := range []string{"dlv_other", "dlv_held", "dlv_expired"} { // bodies that nobody has left behind
		w.left[webhook.Ref{PartnerID: "acme", WebhookID: "whk_1", DeliveryID: id}] = `{"see":"ver_1"}`
	}
	w.want(look, "", append(refused, found...)...)
	if n := len(w.AllDeliveries()); n != 11 || len(w.kept) != 11 {
		t.Fatalf("the dry run left %d deliveries and %d records", n, len(w.kept))
	}
	w.want(apply, "not all is gone", append(refused, removed...)...)
	w.want(apply, "not all is gone", refused...)
	if n := len(w.AllDeliveries()); n != 6 || len(w.kept) != 6 || len(w.left) != 2 {
		t.Errorf("%d deliveries, %d records and %d bodies are left; want 6, 6 and 2", n, len(w.kept), len(w.left))
	}
}

// TestRecordFirst: nothing goes while the record is there, which would make all of it anew.
func TestRecordFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("dlv_1", "ver_1", nil)
	w.records["ver_1"] = true
	const there = "stays record ver_1 in the verifications table: remove it there first"
	w.want(look, "", there, "found delivery whk_1 dlv_1 undeliverable")
	w.want(apply, "Nothing was removed", there)
	if len(w.AllDeliveries()) != 1 {
		t.Error("it was removed")
	}
}

// TestChangedMeanwhile asks for a resend between the look at a delivery and its removal.
func TestChangedMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ref := w.add("dlv_1", "ver_1", nil)
	w.kept[ref] = record("acme", "ver_1")
	w.Fail = func(op string) error {
		if op == "Commit" {
			w.Fail = nil
			d, _ := w.Delivery(context.Background(), ref)
			d.AskResend(now)
			return w.Store.Commit(context.Background(), webhook.Change{Deliveries: []*webhook.Delivery{&d}})
		}
		return nil
	}
	w.want(apply, "not all is gone", "changed delivery whk_1 dlv_1 undeliverable")
	if d, err := w.Delivery(context.Background(), ref); err != nil || d.ResendAt.IsZero() || len(w.kept) != 1 {
		t.Errorf("%+v, %v, %d records", d, err, len(w.kept))
	}
}

// TestRepeated: what ends in the middle, anywhere, is found by the next run.
func TestRepeated(t *testing.T) {
	t.Parallel()
	for _, object := range []string{"dlv_1", "dlv_old", "prk_1"} {
		w := newWorld(t)
		w.kept[w.add("dlv_1", "ver_1", nil)] = record("acme", "ver_1")
		w.kept[webhook.Ref{PartnerID: "acme", WebhookID: "whk_gone", DeliveryID: "dlv_old"}] = record("acme", "ver_1")
		w.kept[webhook.Ref{PartnerID: "other", WebhookID: "whk_2", DeliveryID: "dlv_other"}] = record("other", "ver_1")
		w.left[webhook.Ref{PartnerID: "acme", WebhookID: "whk_gone", DeliveryID: "dlv_left"}] = `{"data":{"verificationId":"ver_1"}}`
		w.left[webhook.Ref{PartnerID: "acme", WebhookID: "whk_gone", DeliveryID: "dlv_12"}] = `{"data":{"verificationId":"ver_12"}}`
		w.parks = []webhook.Parked{{ID: "prk_1", Reason: "r", PartnerID: "acme", VerificationID: "ver_1"}}
		w.locked = object
		if _, err := w.forget(apply); err == nil {
			t.Errorf("%s: not all was removed, and no error", object)
		}
		w.locked, w.unread = "", object
		if _, err := w.forget(apply); err == nil && object != "prk_1" { // its key tells enough
			t.Errorf("%s: not all was read, and no error", object)
		}
		w.unread = ""
		if _, err := w.forget(apply); err != nil {
			t.Errorf("%s: %v", object, err)
		}
		if len(w.AllDeliveries()) != 0 || len(w.kept) != 1 || len(w.left) != 1 || len(w.parks) != 0 {
			t.Errorf("%s: left %v, %v, %v, %v", object, w.AllDeliveries(), w.kept, w.left, w.parks)
		}
		w.want(apply, "")
	}
}

// TestParkedFirst: while something may be parked that a redrive would make deliveries of, none goes. Nor does the command
// end well while there is an object that it cannot name.
func TestParkedFirst(t *testing.T) {
	t.Parallel()
	const (
		first = "stays deliveries and what belongs to them: what is still parked could make them anew"
		found = "found delivery whk_1 dlv_1 undeliverable"
		what  = " not a key of this release's: see what it is"
	)
	w := newWorld(t)
	ref := w.add("dlv_1", "ver_1", nil)
	w.kept[ref] = record("acme", "ver_1")
	w.parks = []webhook.Parked{{ID: "prk_1", Reason: "r", PartnerID: "acme", VerificationID: "ver_1"}}
	w.locked = "prk_1"
	w.want(apply, "not all that is parked", "failed parked prk_1 r versions 2 unavailable: the bucket does not answer", first)
	w.locked, w.unread, w.full = "", "prk_1", true
	w.want(look, "not everything", "failed parked prk_1 unavailable: the bucket does not answer", found, "found kept whk_1 dlv_1 versions 1")
	w.want(apply, "not all that is parked", "failed parked prk_1 unavailable: the bucket does not answer", first)
	w.unread, w.foreign[0] = "", "parked/new"
	w.want(apply, "not all that is parked", "failed object parked/new"+what, "removed parked prk_1 r versions 2", first)
	if len(w.AllDeliveries()) != 1 || len(w.kept) != 1 {
		t.Fatal("a delivery, or what belongs to it, is gone")
	}
	w.foreign = [2]string{"", "records/acme/new"}
	w.want(apply, "not everything", "failed object records/acme/new"+what, "removed delivery whk_1 dlv_1 undeliverable", "removed kept whk_1 dlv_1 versions 1")
	w.foreign = [2]string{}
	w.want(apply, "")
}

// TestMarksAlone: a mark of deletion that is all there is of a kept record goes with its delivery; another's stays.
func TestMarksAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.kept[w.add("dlv_1", "ver_1", nil)], w.kept[w.add("dlv_2", "ver_2", nil)] = nil, nil
	w.marked = true
	w.want(apply, "", "removed delivery whk_1 dlv_1 undeliverable", "removed kept whk_1 dlv_1 versions 1")
	if len(w.kept) != 1 || len(w.AllDeliveries()) != 1 {
		t.Errorf("left %v, %v", w.kept, w.AllDeliveries())
	}
}

// TestParked finds what is parked by its key or its content, and leaves others' and batches alone.
func TestParked(t *testing.T) {
	t.Parallel()
	for _, full := range []bool{false, true} {
		w := newWorld(t)
		w.full = full
		event, err := json.Marshal(map[string]any{"Records": []json.RawMessage{record("acme", "ver_2"), record("acme", "ver_1")}})
		if err != nil {
			t.Fatal(err)
		}
		w.parks = []webhook.Parked{
			{ID: "prk_own", Reason: "r", PartnerID: "acme", VerificationID: "ver_1"},
			{ID: "prk_nobody", Reason: "missing_partner", VerificationID: "ver_1", Record: record("", "ver_1")},
			{ID: "prk_record", Reason: "r", Record: record("acme", "ver_1")},
			{ID: "prk_neighbour", Reason: "r", PartnerID: "acme", VerificationID: "ver_2"},
			{ID: "prk_other", Reason: "r", PartnerID: "other", VerificationID: "ver_1"},
			{ID: "lost_own", Reason: webhook.ReasonLeftStream, Record: event},
			{ID: "lost_other", Reason: webhook.ReasonLeftStream, Record: []byte(`{"Records":[` + string(record("acme", "ver_12")) + `]}`)},
			{ID: "lost_unread", Reason: webhook.ReasonLeftStream, Record: []byte(`{"x":"ver_1"}`)},
			{ID: "lost_empty", Reason: webhook.ReasonLeftStream, Record: []byte(`{"x":"ver_12"}`)},
		}
		stay := []string{
			"stays parked prk_other of partner other", "stays batch lost_own 1 of its 2 records", "stays batch lost_unread it can't be read, but names it",
		}
		w.want(look, "", append(stay, "found parked prk_own r versions 2", "found parked prk_nobody missing_partner versions 2",
			"found parked prk_record r versions 2")...)
		w.want(apply, "batches", append(stay, "removed parked prk_own r versions 2", "removed parked prk_nobody missing_partner versions 2",
			"removed parked prk_record r versions 2")...)
		w.want(apply, "batches", stay...)
		if len(w.parks) != 6 {
			t.Errorf("left %+v", w.parks)
		}
	}
}

// TestWrongPartner: a slip in PARTNER does not look like success.
func TestWrongPartner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("acme2/dlv_1", "ver_1", nil)
	w.want(look, "right one", "stays delivery whk_1 dlv_1 of partner acme2")
	w.want("-partner nobody -verification ver_2 -apply 1", "right one")
	w.want("-partner acme -verification ver_2 -apply 1", "")
}

func TestNames(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`"ver_1"`: true, `"the verification ver_1 is done"`: true, `"ver_12"`: false, `"xver_1"`: false, `"ver_12, ver_1"`: true, ``: false, `"ver_1-a"`: false,
		`{"a":["x\nver_1"]}`: true, `{"ver_1":2}`: true, `{"a":1e999,"b":"ver_1"}`: true, `cut {"a":"ver_1`: true, `cut "ver_12`: false,
	} {
		if got := names([]byte(text), "ver_1"); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
	if !names([]byte(`{"a":"x\"<é>\u0001"}`), "x\"<é>\x01") || names([]byte(`""`), "") {
		t.Error("escapes, or an empty id")
	}
	for _, text := range []string{`{"a":"x\u2028y\u2029"}`, "{\"a\":\"x\u2028y\u2029\"}", "cut x\u2028y\u2029"} { // JSON may hold them as they are
		if !names([]byte(text), "x\u2028y\u2029") {
			t.Errorf("not found in %q", text)
		}
	}
}
