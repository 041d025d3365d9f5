package main

import (
	"encoding/json"
	"testing"
	"time"
)

// TestRecords: the other senders were measured with bodies of the same size.
func TestRecords(t *testing.T) {
	m := newMaker(1)
	for range 200 {
		raw := m.record("prt_06fhv37201jqgrbde1p6asbrc4", time.Now())
		if n := len(defaultBody(raw)); n != bodySize {
			t.Fatalf("a body has %d bytes, want %d: %s", n, bodySize, raw)
		}
		if len(raw) < 1600 || len(raw) > 1800 {
			t.Fatalf("a record has %d bytes, want about 1,700", len(raw))
		}
	}
	var e struct{ Records []json.RawMessage }
	if err := json.Unmarshal(streamEvent(m.record("p", time.Now()), m.record("p", time.Now())), &e); err != nil || len(e.Records) != 2 {
		t.Errorf("got %d records, %v", len(e.Records), err)
	}
}
