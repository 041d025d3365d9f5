package payload_test

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestBodiesAreShared: 100 webhooks of one large record hold one body for each `type`, whoever asks first.
func TestBodiesAreShared(t *testing.T) {
	large := `"metadata":{"M":{"a":{"S":"` + strings.Repeat("x", 100_000) + `"}}}`
	r, ok, err := payload.Decode(record("MODIFY", image("MANUAL_REVIEW"), image("VERIFIED", large)))
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	namings := []webhook.TypeNaming{webhook.GuideNaming, webhook.DetailedNaming}
	var got [100][]byte
	var all sync.WaitGroup
	for i := range got {
		all.Go(func() { got[i], _ = r.Body(namings[i%2], nil) })
	}
	all.Wait()
	for i, b := range got {
		if &b[0] != &got[i%2][0] || len(b) != len(got[i%2]) {
			t.Fatalf("body %d is one of its own", i)
		}
	}
	again, _, _ := payload.Decode(r.Raw)
	for i := range namings { // the other one first
		b, err := again.Body(namings[1-i], nil)
		if err != nil || !bytes.Equal(b, got[1-i]) || &b[0] == &got[1-i][0] {
			t.Errorf("%s: another body, %v", namings[1-i], err)
		}
	}
	if bytes.Equal(got[0], got[1]) {
		t.Error("both namings give one body")
	}
	if n := testing.AllocsPerRun(10, func() { _, _ = r.Body(webhook.GuideNaming, nil) }); n > 0 {
		t.Errorf("a body that is there takes %v allocations", n)
	}
}

// TestBodiesThatFail: one `type` may be too long where the other is not, and each keeps its error.
func TestBodiesThatFail(t *testing.T) {
	filled := func(n int) payload.Record {
		large := `"metadata":{"M":{"a":{"S":"` + strings.Repeat("x", n) + `"}}}`
		r, _, err := payload.Decode(record("MODIFY", image("MANUAL_REVIEW"), image("VERIFIED", large)))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	empty, err := filled(0).Body(webhook.GuideNaming, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, first := range []webhook.TypeNaming{webhook.GuideNaming, webhook.DetailedNaming} {
		r := filled(payload.MaxBody - len(empty))
		_, _ = r.Body(first, nil)
		for range 2 {
			if b, err := r.Body(webhook.GuideNaming, nil); err != nil || len(b) != payload.MaxBody {
				t.Errorf("after %s: %d bytes, %v", first, len(b), err)
			}
			if b, err := r.Body(webhook.DetailedNaming, nil); b != nil || !errors.Is(err, payload.ErrTooLarge) {
				t.Errorf("after %s: %d bytes, %v, want ErrTooLarge", first, len(b), err)
			}
		}
	}
}

// TestRawIsNotCopied: Raw is the caller's memory, and nothing else is.
func TestRawIsNotCopied(t *testing.T) {
	raw := usual()
	r, ok, err := payload.Decode(raw)
	if err != nil || !ok || &r.Raw[0] != &raw[0] {
		t.Fatal(ok, err)
	}
	event, status := r.Event, strings.Clone(string(r.Status))
	want, err := r.Body(webhook.DetailedNaming, nil)
	if err != nil {
		t.Fatal(err)
	}
	fresh, _, _ := payload.Decode(usual())
	r, _, _ = payload.Decode(raw)
	clear(raw)
	got, err := r.Body(webhook.DetailedNaming, nil)
	if err != nil || !bytes.Equal(got, want) || r.Event != fresh.Event || event != fresh.Event || string(r.Status) != status {
		t.Errorf("with the memory goes the record: %+v, %s, %v", r.Event, got, err)
	}
}
