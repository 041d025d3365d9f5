package upgrade

import (
	"encoding/json"
	"maps"
	"os"
	"testing"
)

// TestUpgradeAndBack deploys the previous release, the current one over it and the previous one again, each time with
// work in flight and records being written, and loses nothing.
func TestUpgradeAndBack(t *testing.T) {
	if os.Getenv("UPGRADE_STATE") == "" {
		const why = "UPGRADE_STATE does not name a folder for the copy; `make upgrade` and `make test` set it"
		if os.Getenv("CI") != "" && !testing.Short() {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	now := current(t)
	before := previous(t)
	permissionsStay(t, before, now)
	stagesKeep(t, before, now)
	w := newWorld(t, now.root)
	w.deploy(before)

	up := depart(w, "up")
	up.during(func() { w.deploy(now) })
	up.arrive()

	w.awaitEmptyQueue()
	back := depart(w, "back")
	back.during(func() { w.deploy(before) })
	back.arrive()
	w.awaitEmptyQueue()

	// What both releases have written to is still what it was.
	for _, h := range []*hook{up.steady, up.down, up.held, up.drain, up.recover, up.rotated} {
		if n := len(h.inState("delivered")); n != len(h.events) {
			t.Errorf("after going back %s has %d deliveries, want %d", h.e.url, n, len(h.events))
		}
	}
	if left := w.parked(); len(left) != 0 {
		t.Errorf("parked: %+v", left)
	}
	none := map[string]string{string(visible): "0", string(notVisible): "0"}
	if n := w.onQueue("DeadLetterQueueUrl"); !maps.Equal(n, none) {
		t.Errorf("dead letters: %v", n)
	}
	t.Logf("%d requests, verified as the guide does", w.endpoints.verify(t))
}

func decode(t *testing.T, b []byte, out any) {
	t.Helper()
	if err := json.Unmarshal(b, out); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
}
