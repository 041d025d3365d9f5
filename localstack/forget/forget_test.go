package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
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
	if lines, _ := w.forget(look); !slices.Contains(lines, "This was a dry run: APPLY=1 removes what was found once the record is gone.") {
		t.Errorf("it is not said that APPLY=1 is refused: %q", lines)
	}
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
		w.want(apply, "", nothing)
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
	w.want(apply, "", nothing)
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
	w.want("-partner acme -verification ver_2 -apply 1", "", nothing)
	w.add("dlv_2", "ver_1", nil)
	w.want(apply, "other partners", "stays delivery whk_1 dlv_1 of partner acme2", "removed delivery whk_1 dlv_2 undeliverable")
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
