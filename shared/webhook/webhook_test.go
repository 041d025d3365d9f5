package webhook

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

var t0 = time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)

func TestEventFor(t *testing.T) {
	all := []Status{"", Pending, InProgress, ManualReview, Verified, Failed, Expired}
	want := map[[2]Status]EventType{}
	for _, old := range all {
		for _, s := range []Status{Verified, Failed, Expired} {
			if old == s {
				continue
			}
			switch {
			case s == Expired:
				want[[2]Status{old, s}] = ExpiredType
			case old == ManualReview:
				want[[2]Status{old, s}] = ManualReviewCompleted
			case s == Verified:
				want[[2]Status{old, s}] = Completed
			default:
				want[[2]Status{old, s}] = FailedType
			}
		}
	}
	for _, old := range all {
		for _, s := range all {
			got, ok := EventFor(old, s)
			expected, expectedOK := want[[2]Status{old, s}]
			if got != expected || ok != expectedOK {
				t.Errorf("%q -> %q: %q, %v; want %q, %v", old, s, got, ok, expected, expectedOK)
			}
		}
	}
}

func TestBodyType(t *testing.T) {
	for _, et := range EventTypes() {
		if got := GuideNaming.BodyType(et); got != Completed {
			t.Errorf("guide: %s", got)
		}
		if got := DetailedNaming.BodyType(et); got != et {
			t.Errorf("detailed: %s", got)
		}
	}
}

func TestOrderKeySortsByTimeThenNumber(t *testing.T) {
	at := func(ms int, seq string) string {
		return Event{OccurredAt: t0.Add(time.Duration(ms) * time.Millisecond), Sequence: seq}.OrderKey()
	}
	keys := []string{at(0, "9"), at(0, "10"), at(0, "0011"), at(0, "400000000000000499660"), at(1, "1"), at(60_000, "0")}
	if !slices.IsSorted(keys) {
		t.Errorf("not sorted: %q", keys)
	}
}

func TestIDs(t *testing.T) {
	ids := IDSource{Now: func() time.Time { return t0 }, Rand: rand.Reader}
	later := IDSource{Now: func() time.Time { return t0.Add(time.Millisecond) }, Rand: bytes.NewReader(make([]byte, 10))}
	a, b := ids.Webhook(), later.Webhook()
	if !ValidWebhookID(a) || a >= b {
		t.Errorf("%s, %s: want valid and sorted by time", a, b)
	}
	e := EventID("ver", "12", t0)
	if e != EventID("ver", "12", t0) || e == EventID("ver1", "2", t0) || e == EventID("ver", "13", t0) {
		t.Error("event ids must depend on each part, and on nothing else")
	}
	event := func(sequence string) Event { return Event{ID: e, OccurredAt: t0, Sequence: sequence} }
	d := DeliveryID(event("9"), a)
	if next := DeliveryID(event("10"), a); d >= next || next >= DeliveryID(event("1099511627775"), a) {
		t.Error("ids of one second do not sort by their records' numbers")
	}
	if !ValidDeliveryID(d) || d != DeliveryID(event("9"), a) || d == DeliveryID(event("9"), b) || d < DeliveryIDAt(t0) || d >= DeliveryIDAt(t0.Add(time.Millisecond)) {
		t.Errorf("delivery id %s", d)
	}
	for _, bad := range []string{"", "whk_", a + "0", strings.ToUpper(a), "dlv_" + a[4:], a[:29] + "u", a[:29] + "#"} {
		if ValidWebhookID(bad) {
			t.Errorf("%q is taken for a webhook's id", bad)
		}
	}
	for id, want := range map[string]bool{"acme": true, "A.b_c-9": true, "": false, "a#b": false, "a b": false, "é": false, strings.Repeat("x", 64): true, strings.Repeat("x", 65): false} {
		if ValidPartnerID(id) != want {
			t.Errorf("ValidPartnerID(%q) = %v", id, !want)
		}
	}
}

func TestCheckSecret(t *testing.T) {
	tests := map[string]bool{
		strings.Repeat("a", 23): false, strings.Repeat("a", 24): true, strings.Repeat("a", 128): true, strings.Repeat("a", 129): false,
		strings.Repeat("a", 23) + "é": false, strings.Repeat("a", 23) + "\n": false, strings.Repeat(" ", 24): true,
		"whsec_" + strings.Repeat("A", 32): true, "whsec_" + strings.Repeat("A", 28): false,
		"whsec_" + strings.Repeat("A", 88): false, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw": true,
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS": false, "whsec_not base64 but long enough to pass": false,
		"whsec_MfKQ9r8GKYqrTwjUPD8ILP\nZIo2LaLaSw": false,
	}
	for s, ok := range tests {
		err := CheckSecret("body.secret", s)
		if (err == nil) != ok {
			t.Errorf("CheckSecret(%q) = %v, want ok %v", s, err, ok)
		}
		if err != nil && (CodeOf(err) != Invalid || strings.Contains(err.Error(), s)) {
			t.Errorf("%v: want Invalid, without the value", err)
		}
	}
	if s := NewSecret(rand.Reader); CheckSecret("", s) != nil || s == NewSecret(rand.Reader) {
		t.Error("a generated secret must be valid and new")
	}
}

func TestSwitches(t *testing.T) {
	w := Webhook{Active: true, EverActive: true, Generation: 3}
	if w.Activate(t0) || w.Generation != 3 {
		t.Error("activating an active webhook must change nothing")
	}
	if !w.Deactivate(t0, ReasonFailures, "dlv") || w.Active || w.Generation != 3 || w.Deactivation.DeliveryID != "dlv" {
		t.Errorf("%+v", w)
	}
	if w.Deactivate(t0, ReasonFailures, "other") || w.Deactivation.DeliveryID != "dlv" {
		t.Error("a second failure must change nothing")
	}
	if !w.Deactivate(t0, ReasonPartner, "") || w.Deactivation.Reason != ReasonPartner || w.Generation != 3 || w.OffGeneration != 3 {
		t.Errorf("its partner's deactivation must count: %+v", w)
	}
	if w.Deactivate(t0, ReasonPartner, "") {
		t.Error("deactivating an inactive webhook must change nothing")
	}
	if !w.Activate(t0) || !w.Active || w.Generation != 4 || w.Deactivation != nil {
		t.Errorf("%+v", w)
	}
}

func TestLogIsBounded(t *testing.T) {
	var d Delivery
	for n := 1; n <= MaxLoggedAttempts+5; n++ {
		before := d.Log
		d.TakeClaim(t0, "o")
		d.Finish(Attempt{Number: d.Claim.Number, ErrorCode: ErrTimeout})
		if len(before) > 0 && before[0].Number != max(1, n-MaxLoggedAttempts) {
			t.Fatal("logging changed a log that somebody else holds")
		}
	}
	if len(d.Log) != MaxLoggedAttempts || d.Log[0].Number != 6 || d.Attempts != MaxLoggedAttempts+5 {
		t.Errorf("%d rows from %d, %d attempts", len(d.Log), d.Log[0].Number, d.Attempts)
	}
}

func TestReport(t *testing.T) {
	now := HourOf(t0).Add(30 * time.Minute)
	hour := func(ago int, s Stats) Stats {
		s.Hour = HourOf(now).Add(-time.Duration(ago) * time.Hour)
		if s.Delivered > 0 {
			s.LastDeliveryAt = s.Hour.Add(time.Minute)
		}
		return s
	}
	active := Webhook{Active: true}
	off := Webhook{Deactivation: &Deactivation{Reason: ReasonFailures}}
	paused := Webhook{Deactivation: &Deactivation{Reason: ReasonPartner}}
	rate := func(f float64) *float64 { return &f }
	tests := []struct {
		name  string
		w     Webhook
		stats []Stats
		want  Health
		rate  *float64
	}{
		{"nothing yet", active, nil, Grey, nil},
		{"one success", active, []Stats{hour(0, Stats{Delivered: 1})}, Green, rate(1)},
		{"switched off by failures", off, []Stats{hour(0, Stats{Delivered: 99})}, Red, rate(1)},
		{"switched off by the partner", paused, []Stats{hour(0, Stats{Delivered: 1})}, Green, rate(1)},
		{"four failures in a row", active, []Stats{hour(0, Stats{Failed: 4, Trailing: 4, LastError: ErrTimeout})}, Yellow, nil},
		{"five failures in a row", active, []Stats{hour(0, Stats{Failed: 5, Trailing: 5, LastError: ErrTimeout})}, Red, nil},
		{"five in a row over two hours", active, []Stats{hour(0, Stats{Failed: 2, Trailing: 2}), hour(1, Stats{Delivered: 9, Failed: 3, Trailing: 3})}, Red, rate(1)},
		{"the row ends at a success", active, []Stats{hour(0, Stats{Delivered: 1, Failed: 2, Trailing: 2}), hour(1, Stats{Failed: 9, Trailing: 9})}, Yellow, rate(1)},
		{"just under half", active, []Stats{hour(0, Stats{Delivered: 49, Exhausted: 51, Failed: 306})}, Red, rate(0.49)},
		{"half", active, []Stats{hour(0, Stats{Delivered: 1, Exhausted: 1, Failed: 6})}, Yellow, rate(0.5)},
		{"95 %", active, []Stats{hour(0, Stats{Delivered: 95, Exhausted: 5, Failed: 30})}, Green, rate(0.95)},
		{"94 %", active, []Stats{hour(0, Stats{Delivered: 94, Exhausted: 6, Failed: 36})}, Yellow, rate(0.94)},
		{"the last attempt failed", active, []Stats{hour(0, Stats{Delivered: 99, Failed: 1, Trailing: 1, LastError: ErrHTTPStatus, LastStatusCode: 503})}, Yellow, rate(1)},
		{"a bad day before yesterday", active, []Stats{hour(0, Stats{Delivered: 1}), hour(25, Stats{Exhausted: 9, Failed: 54})}, Green, rate(1)},
		{"quiet since two days", active, []Stats{hour(48, Stats{Delivered: 1})}, Green, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Report(&tt.w, tt.stats, now)
			if r.Health != tt.want || r.Reason == "" {
				t.Errorf("%s (%s), want %s", r.Health, r.Reason, tt.want)
			}
			if fmt.Sprint(deref(r.SuccessRate)) != fmt.Sprint(deref(tt.rate)) {
				t.Errorf("rate %v, want %v", deref(r.SuccessRate), deref(tt.rate))
			}
		})
	}
	failedOnce := []Stats{hour(0, Stats{Failed: 1, Trailing: 1, LastError: ErrTimeout})}
	paused.EverActive = true
	for _, tt := range []struct {
		w    Webhook
		says string
	}{
		{active, "is retried"}, {paused, "switched off and its events are held"}, {Webhook{}, "never activated"}, {off, "Switched off after the fifth retry"},
	} {
		if r := Report(&tt.w, failedOnce, now); !strings.Contains(r.Reason, tt.says) {
			t.Errorf("%q does not say %q", r.Reason, tt.says)
		}
	}
	r := Report(&active, []Stats{hour(0, Stats{Failed: 1, Trailing: 1, LastError: ErrHTTPStatus, LastStatusCode: 503}), hour(3, Stats{Delivered: 1})}, now)
	if !strings.Contains(r.Reason, "503") || !r.LastDeliveryAt.Equal(HourOf(now).Add(-3*time.Hour+time.Minute)) {
		t.Errorf("%+v", r)
	}
}

func deref(f *float64) any {
	if f == nil {
		return nil
	}
	return *f
}

func TestCodeOf(t *testing.T) {
	cause := errors.New("cause")
	err := fmt.Errorf("while x: %w", Wrap(Conflict, cause, "y"))
	if CodeOf(err) != Conflict || !errors.Is(err, cause) || CodeOf(cause) != Internal || CodeOf(nil) != "" || Wrap(Conflict, nil, "") != nil {
		t.Error("codes")
	}
}
