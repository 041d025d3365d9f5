package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

// streamOnly lets the stream bring records of one partner only, until the test ends: what the filter of an event source
// drops is passed for ever, as what a stream that was down for more than a day has lost.
func streamOnly(t *testing.T, w *world, partnerID string) {
	t.Helper()
	var list struct {
		EventSourceMappings []struct {
			UUID           string
			FilterCriteria any
		}
	}
	const path = "/2015-03-31/event-source-mappings/"
	must(t, w.lambda.Call(t.Context(), "GET", path+"?FunctionName="+w.outputs["DispatcherFunction"], nil, &list))
	if len(list.EventSourceMappings) != 1 {
		t.Fatalf("the dispatcher has %d event sources", len(list.EventSourceMappings))
	}
	source := list.EventSourceMappings[0]
	set := func(filter any) {
		must(t, w.lambda.Call(context.Background(), "PUT", path+source.UUID, map[string]any{"FilterCriteria": filter}, nil))
		await(t, "the event source is enabled again", time.Minute, func() bool {
			var now struct{ State string }
			must(t, w.lambda.Call(context.Background(), "GET", path+source.UUID, nil, &now))
			return now.State == "Enabled"
		})
	}
	pattern := fmt.Sprintf(`{"dynamodb":{"NewImage":{"partnerId":{"S":[%q]}}}}`, partnerID)
	set(map[string]any{"Filters": []any{map[string]string{"Pattern": pattern}}})
	t.Cleanup(func() { set(source.FilterCriteria) })
}

// Records that the stream never brought are found by `make reconcile` and created exactly once; those that it did bring
// are left alone. It is not parallel: the stream brings nobody else's records until all of it is over.
func TestReconcileCreatesWhatTheStreamLost(t *testing.T) {
	w := theWorld(t)
	p, e, h := hooked(t, w, always(200))
	off := p.webhook(e.url, nil)
	p.call("POST", "/v1/webhooks/"+off.ID+"/deactivate", nil, nil)
	witness, _, seen := hooked(t, w, always(200))
	since := time.Now().UTC().Add(-time.Second)
	var came, lost []string
	write := func(ids *[]string, what string, statuses ...string) {
		for _, status := range statuses {
			item := local.GuideRecord(newID(what), p.id, status)
			item["completedAt"] = str(time.Now().UTC().Format(time.RFC3339Nano))
			p.put(item)
			*ids = append(*ids, idOf(item))
		}
	}
	write(&came, "came", "VERIFIED", "FAILED", "EXPIRED", "VERIFIED")
	for _, id := range came {
		p.awaitDelivery(h.ID, id, "delivered", 20*time.Second)
		p.awaitDelivery(off.ID, id, "held", 20*time.Second)
	}
	streamOnly(t, w, witness.id)
	write(&lost, "lost", "VERIFIED", "FAILED", "EXPIRED", "VERIFIED", "VERIFIED", "FAILED", "PENDING")
	end := newID("end")
	witness.write(end, "VERIFIED")
	witness.awaitDelivery(seen.ID, end, "delivered", 20*time.Second) // so the stream has passed all of them
	missing := lost[:6]                                              // the seventh is not final

	file := filepath.Join(t.TempDir(), "ids.txt")
	must(t, os.WriteFile(file, []byte(strings.Join(slices.Concat(came, lost), "\n")), 0o600))
	dry := runMake(t, "reconcile", "FILE="+file)
	scanned := runMake(t, "reconcile", "SCAN=1", "TIME_ATTRIBUTE=completedAt", "SINCE="+since.Format(time.RFC3339Nano),
		"UNTIL="+time.Now().Add(time.Minute).UTC().Format(time.RFC3339))
	for _, out := range []string{dry, scanned} {
		if n := strings.Count(out, "missing\t"); n != 12 || !strings.Contains(out, "checked 11, missing 12, created 0, failed 0") {
			t.Errorf("a dry run tells\n%s\nwant 12 missing", out)
		}
		for _, id := range missing {
			for _, line := range []string{h.ID + "\tverification.", off.ID + "\tverification."} {
				if !strings.Contains(out, "missing\t"+id+"\t"+p.id+"\t"+line) {
					t.Errorf("%s to %s is not among the missing:\n%s", id, line, out)
				}
			}
		}
	}
	if e.count() != len(came) {
		t.Fatalf("the endpoint saw %d requests before anything was applied, want %d", e.count(), len(came))
	}
	if out := runMake(t, "reconcile", "FILE="+file, "APPLY=1"); !strings.Contains(out, "checked 11, missing 12, created 12, failed 0") {
		t.Errorf("applied:\n%s", out)
	}
	for _, id := range missing {
		p.awaitDelivery(h.ID, id, "delivered", 30*time.Second)
		p.awaitDelivery(off.ID, id, "held", 10*time.Second)
	}
	again := runMake(t, "reconcile", "IDS="+strings.Join(slices.Concat(came, lost), ","), "APPLY=1")
	if again != "checked 11, missing 0, created 0, failed 0\n" {
		t.Errorf("the second time:\n%s", again)
	}
	for _, id := range slices.Concat(came, missing) {
		if n := e.about(id); n != 1 {
			t.Errorf("the endpoint saw %s %d times, want once", id, n)
		}
	}
	// LocalStack reads the stream anew when the filter is restored. What it brings then has ids of its own.
	for _, gone := range []string{h.ID, off.ID} {
		p.call("DELETE", "/v1/webhooks/"+gone, nil, nil)
	}
}
