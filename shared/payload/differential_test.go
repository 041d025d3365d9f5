package payload_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes/docgen"
	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// unlikeOracle tells how Decode and the others differ from the oracle on a record, "" if they do not. outcome is what
// both say.
func unlikeOracle(raw []byte) (outcome, fault string) {
	before := bytes.Clone(raw)
	want, wantOK, why := oracleDecode(raw)
	got, ok, err := payload.Decode(raw)
	var u *payload.Unusable
	switch {
	case errors.As(err, &u) != (why != nil) || why != nil && *u != *why:
		return "", fmt.Sprintf("got %v, want %v", err, why)
	case ok != wantOK:
		return "", fmt.Sprintf("an event: %v, want %v", ok, wantOK)
	}
	sequence, at := payload.SequenceNumber(raw)
	if s, a := oracleSequenceNumber(raw); s != sequence || !a.Equal(at) {
		return "", fmt.Sprintf("position %q, %v, want %q, %v", sequence, at, s, a)
	}
	partner, verification := payload.Subject(raw)
	if p, v := oracleSubject(raw); p != partner || v != verification {
		return "", fmt.Sprintf("subject %q, %q, want %q, %q", partner, verification, p, v)
	}
	if why != nil {
		return why.Reason, ""
	}
	if !ok {
		return "no event", ""
	}
	if got.Event != want.event || got.Status != want.status || len(raw) > 0 && &got.Raw[0] != &raw[0] {
		return "", fmt.Sprintf("got %+v, want %+v", got, want)
	}
	for _, n := range []webhook.TypeNaming{webhook.GuideNaming, webhook.DetailedNaming} {
		b, err := got.Body(n, nil)
		w, wantErr := want.body(n)
		if !bytes.Equal(b, w) || !errors.Is(err, wantErr) {
			return "", fmt.Sprintf("got %s, %v\nwant %s, %v", b, err, w, wantErr)
		}
	}
	if !bytes.Equal(raw, before) {
		return "", "the record was changed"
	}
	return "event", ""
}

// unlikeOracleEvent is unlikeOracle for a stream event.
func unlikeOracleEvent(event []byte) (records [][]byte, fault string) {
	want, wantErr := oracleRecords(event)
	got, err := payload.Records(event)
	if (err == nil) != (wantErr == nil) {
		return nil, fmt.Sprintf("got %v, want %v", err, wantErr)
	}
	if err != nil {
		return nil, ""
	}
	if len(got) != len(want) {
		return nil, fmt.Sprintf("%d records, want %d", len(got), len(want))
	}
	for i := range got {
		if !bytes.Equal(got[i], want[i]) {
			return nil, fmt.Sprintf("record %d is %q, want %q", i, got[i], want[i])
		}
	}
	if split, err := payload.Split(event); (err == nil) != (len(want) > 0) || len(split) != len(want) {
		return nil, fmt.Sprintf("split into %d, %v", len(split), err)
	}
	return got, ""
}

// TestLikeOracle compares with the oracle on stream events at random: as DynamoDB writes them, with everything repeated,
// spelt, typed, ordered and nested in odd ways, and broken. PAYLOAD_EVENTS and PAYLOAD_SEED ask for more, or others.
func TestLikeOracle(t *testing.T) {
	t.Parallel()
	events, seed := variable(t, "PAYLOAD_EVENTS", 4000/min(raceFactor, 4)), uint64(variable(t, "PAYLOAD_SEED", 1))
	outcomes, refused := map[string]int{}, 0
	for n := range uint64(events) {
		g := streams{docgen.New(seed, n)}
		event := g.event()
		records, fault := unlikeOracleEvent(event)
		if fault == "" && records == nil {
			refused++
			records = [][]byte{g.record()}
		}
		for i := 0; fault == "" && i < len(records); i++ {
			var outcome string
			outcome, fault = unlikeOracle(records[i])
			outcomes[outcome]++
		}
		if fault != "" {
			t.Fatalf("PAYLOAD_SEED=%d, event %d: %s\n%q", seed, n, fault, event)
		}
	}
	t.Logf("%d events refused, records: %v", refused, outcomes)
	for _, outcome := range []string{
		"event", "no event", payload.MalformedRecord, payload.MissingPartner, payload.InvalidPartner, payload.WrongType,
		payload.UnknownStatus, payload.MissingOldImage,
	} {
		if outcomes[outcome] < events/100 {
			t.Errorf("%s: only %d of %v", outcome, outcomes[outcome], outcomes)
		}
	}
	if refused < events/100 || outcomes["event"] < events/4 {
		t.Errorf("%d events refused, %v", refused, outcomes)
	}
}

// FuzzLikeOracle is TestLikeOracle for whatever the fuzzer finds.
func FuzzLikeOracle(f *testing.F) {
	f.Add(usual())
	for n := range uint64(50) {
		g := streams{docgen.New(2, n)}
		f.Add(g.record())
		f.Add(g.event())
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, fault := unlikeOracle(text); fault != "" {
			t.Errorf("%q: %s", text, fault)
		}
		records, fault := unlikeOracleEvent(text)
		for i := 0; fault == "" && i < len(records); i++ {
			_, fault = unlikeOracle(records[i])
		}
		if fault != "" {
			t.Errorf("%q: %s", text, fault)
		}
	})
}

// TestNestingLikeOracle: the depth at which a record is refused, and an event.
func TestNestingLikeOracle(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{30, 31, 61, 62, 63, 9_997, 9_998, 9_999, 10_000} {
		for _, nested := range []string{
			strings.Repeat("[", depth) + strings.Repeat("]", depth), strings.Repeat(`{"M":`, depth) + `{}` + strings.Repeat("}", depth),
			strings.Repeat(`{"L":[`, depth/2) + strings.Repeat("]}", depth/2), strings.Repeat("[", depth),
			strings.Repeat(`{"M":{"a":`, depth) + `{"S":"x"}` + strings.Repeat("}}", depth),
		} {
			for _, raw := range []string{
				nested, `{"x":` + nested + `}`, string(record("INSERT", "", image("VERIFIED", `"metadata":`+nested))),
				string(record("INSERT", "", image("VERIFIED", `"ignored":`+nested))),
			} {
				if _, fault := unlikeOracle([]byte(raw)); fault != "" {
					t.Errorf("%d levels, %.300s: %s", depth, raw, fault)
				}
				for _, event := range []string{`{"Records":[` + raw + `]}`, `{"a":` + raw + `,"Records":[]}`} {
					if _, fault := unlikeOracleEvent([]byte(event)); fault != "" {
						t.Errorf("%d levels, %.300s: %s", depth, event, fault)
					}
				}
			}
		}
	}
}

func variable(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s is %q, want a number", name, text)
	}
	return n
}
