package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/delivery"
	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func TestParse(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)
	since := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	settledAt := now.Add(-settled)
	for args, want := range map[string]plan{
		"-ids a,b": {ids: "a,b", at: day, until: settledAt},
		"-ids a -since 2026-03-01T12:00:00+02:00": {ids: "a", since: since, at: since, known: true, until: settledAt},
		"-file x -apply 1":                        {file: "x", apply: true, at: day, until: settledAt},
		"-ids a -time-attribute t":                {ids: "a", attribute: "t", at: day, until: settledAt},
		"-scan 1 -all 1":                          {scan: true, at: day, until: settledAt},
		"-scan 1 -since 2026-03-01T10:00:00Z -time-attribute t -apply 0": {scan: true, since: since, attribute: "t", at: day, until: settledAt},
		"-scan 1 -all 1 -time-attribute t -until 2026-03-01T10:00:00Z":   {scan: true, attribute: "t", at: day, until: since},
	} {
		if got, err := parse(strings.Fields(args), now); err != nil || got != want {
			t.Errorf("%s: %v\ngot  %+v\nwant %+v", args, err, got, want)
		}
	}
	for args, word := range map[string]string{
		"":                                    "IDS",
		"-ids a -scan 1 -all 1":               "one of",
		"-scan 1":                             "ALL=1",
		"-scan 1 -since 2026-03-01T10:00:00Z": "TIME_ATTRIBUTE",
		"-scan 1 -time-attribute t":           "SINCE",
		"-scan 1 -all 1 -since 2026-03-01T10:00:00Z":                                       "TIME_ATTRIBUTE",
		"-ids a -until 2026-03-01T10:00:00Z":                                               "TIME_ATTRIBUTE",
		"-ids a -since yesterday":                                                          "RFC 3339",
		"-ids a -since 2999-01-01T00:00:00Z":                                               "past",
		"-scan 1 -since 2026-03-04T05:00:00Z -time-attribute t":                            "before UNTIL",
		"-ids a -since 2026-03-02T00:00:00Z -until 2026-03-01T00:00:00Z -time-attribute t": "before UNTIL",
		"-ids a -apply yes":                                                                "APPLY",
		"-scan 2":                                                                          "SCAN",
		"-ids a b":                                                                         "unknown argument",
	} {
		if p, err := parse(strings.Fields(args), now); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q: %v, %+v; want an error about %s", args, err, p, word)
		}
	}
}

func TestTimeOf(t *testing.T) {
	t.Parallel()
	want := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for value, at := range map[string]time.Time{
		`{"S":"2026-03-04T05:06:07Z"}`:          want,
		`{"S":"2026-03-04T07:06:07.000+02:00"}`: want,
		`{"N":"1772600767"}`:                    want,
		`{"N":"1772600767000"}`:                 want,
		`{"N":"1772600767.25"}`:                 want.Add(250 * time.Millisecond),
		`{"N":"1772600767250"}`:                 want.Add(250 * time.Millisecond),
	} {
		image := `{"l":{"L":[]},"m":{"M":{"S":{"S":"x"}}},"b":{"BOOL":true},"ss":{"SS":["a"]},"t":` + value + `}`
		if got, err := timeOf([]byte(image), "t"); err != nil || !got.Equal(at) {
			t.Errorf("%s: %v, %v", value, got, err)
		}
	}
	for _, value := range []string{`{"S":"04/03/2026"}`, `{"S":""}`, `{"N":"0"}`, `{"N":"-1"}`, `{"N":"1e99"}`, `{"BOOL":true}`, `{"M":{"S":{"S":"2026-03-04T05:06:07Z"}}}`} {
		if got, err := timeOf([]byte(`{"t":`+value+`}`), "t"); err == nil {
			t.Errorf("%s: %v", value, got)
		}
	}
}

// records is a table of records without any attribute but their id and time.
type records map[string]string

func (r records) image(id string) []byte {
	return fmt.Appendf(nil, `{"verificationId":{"S":%q},"partnerId":{"S":"acme"},"at":%s}`, id, r[id])
}

func (r records) Verification(_ context.Context, id string) ([]byte, error) {
	if _, ok := r[id]; !ok {
		return nil, webhook.Errorf(webhook.NotFound, "no such verification")
	}
	return r.image(id), nil
}

func (r records) ScanVerifications(_ context.Context, f func([]byte) error) error {
	for id := range r {
		if err := f(r.image(id)); err != nil {
			return err
		}
	}
	return nil
}

// scripted finds things by the name of the verification.
type scripted struct {
	mu   sync.Mutex
	seen map[string]delivery.Reconciliation
}

func (s *scripted) Reconcile(_ context.Context, image []byte, o delivery.Reconciliation) ([]delivery.Missing, error) {
	id, _ := subject(image)
	s.mu.Lock()
	s.seen[id] = o
	s.mu.Unlock()
	d := webhook.Delivery{WebhookID: "whk_1", ID: "dlv_1", Event: webhook.Event{Type: webhook.Completed}, State: webhook.Held}
	switch {
	case strings.HasPrefix(id, "missing"):
		return []delivery.Missing{{Delivery: d, Created: o.Apply}}, nil
	case strings.HasPrefix(id, "half"):
		return []delivery.Missing{{Delivery: d, Created: o.Apply}, {Delivery: d}}, errors.New("the table did not answer")
	case strings.HasPrefix(id, "bad"):
		return nil, &payload.Unusable{Reason: "unknown_status", Detail: "status is missing"}
	}
	return nil, nil
}

func reconcile(t *testing.T, args string, r records) (lines []string, report string, seen map[string]delivery.Reconciliation) {
	t.Helper()
	p, err := parse(strings.Fields(args), now)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	s := &scripted{seen: map[string]delivery.Reconciliation{}}
	x := &reconciler{plan: p, engine: s, table: r, out: &out}
	if err := x.all(t.Context(), p.records(r)); err != nil {
		t.Fatal(err)
	}
	switch err := x.verdict(); {
	case strings.HasPrefix(x.report(), "checked 0, missing 0, created 0, failed 0") && x.untimed < len(r):
		if !strings.Contains(fmt.Sprint(err), "names no verification") {
			t.Errorf("%s: %s ends with %v", args, x.report(), err)
		}
	case x.failed > 0 && !strings.Contains(fmt.Sprint(err), "running it again is safe"),
		x.failed == 0 && x.untimed == len(r) && !strings.Contains(fmt.Sprint(err), "TIME_ATTRIBUTE"),
		x.failed == 0 && x.untimed < len(r) && err != nil:
		t.Errorf("%s: %s ends with %v", args, x.report(), err)
	}
	lines = strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	slices.Sort(lines)
	return lines, x.report(), s.seen
}

func TestReport(t *testing.T) {
	t.Parallel()
	r := records{"missing\n1": `{}`, "missing2": `{}`, "fine": `{}`, "half": `{}`, "bad": `{}`}
	file := filepath.Join(t.TempDir(), "ids.txt")
	if err := os.WriteFile(file, []byte("missing2\r\n\n fine \nhalf\nnowhere"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args   string
		lines  []string
		report string
	}{
		{"-ids missing2,fine,,", []string{"missing\tmissing2\tacme\twhk_1\tverification.completed\theld"},
			"checked 2, missing 1, created 0, failed 0\nThis was a dry run: APPLY=1 creates them."},
		{"-apply 1 -ids ,", []string{""}, "checked 0, missing 0, created 0, failed 0"},
		{"-apply 1 -file " + os.DevNull, []string{""}, "checked 0, missing 0, created 0, failed 0"},
		{"-apply 1 -file " + file, []string{
			"created\thalf\tacme\twhk_1\tverification.completed\theld",
			"created\tmissing2\tacme\twhk_1\tverification.completed\theld",
			"failed\thalf\tacme\tthe table did not answer",
			"failed\tnowhere\t\"\"\tnot_found: no such verification",
			"missing\thalf\tacme\twhk_1\tverification.completed\theld",
		}, "checked 2, missing 3, created 2, failed 2"},
		{"-scan 1 -all 1 -apply 1", []string{
			"created\t\"missing\\n1\"\tacme\twhk_1\tverification.completed\theld",
			"created\thalf\tacme\twhk_1\tverification.completed\theld",
			"created\tmissing2\tacme\twhk_1\tverification.completed\theld",
			"failed\thalf\tacme\tthe table did not answer",
			"missing\thalf\tacme\twhk_1\tverification.completed\theld",
			"unusable\tbad\tacme\tunknown_status: status is missing",
		}, "checked 3, missing 4, created 3, failed 1; 1 that make no event"},
	} {
		lines, report, seen := reconcile(t, tt.args, r)
		if !slices.Equal(lines, tt.lines) || report != tt.report {
			t.Errorf("%s:\ngot  %q\nwant %q\n%s", tt.args, lines, tt.lines, report)
		}
		for id, o := range seen {
			if !o.At.Equal(now.Truncate(24*time.Hour)) || o.Known || o.Apply != strings.Contains(tt.args, "apply") {
				t.Errorf("%s: %s is looked at with %+v", tt.args, id, o)
			}
		}
	}
}

// TestTimes: with an attribute that tells the time only records of the chosen time are looked at, each with its own.
func TestTimes(t *testing.T) {
	t.Parallel()
	r := records{
		"old": `{"S":"2026-02-28T23:59:59Z"}`, "first": `{"S":"2026-03-01T00:00:00Z"}`, "last": `{"N":"1772599800"}`,
		"young": `{"S":"2026-03-04T05:00:00Z"}`, "future": `{"S":"2027-01-01T00:00:00Z"}`, "without": `{}`,
	}
	lines, report, seen := reconcile(t, "-scan 1 -since 2026-03-01T00:00:00Z -time-attribute at", r)
	if !slices.Equal(lines, []string{"untimed\twithout\tacme"}) || report != "checked 2, missing 0, created 0, failed 0; 3 of another time; 1 without a time" {
		t.Errorf("%q\n%s", lines, report)
	}
	first, last := seen["first"], seen["last"]
	if len(seen) != 2 || !first.Known || !first.At.Equal(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)) || !last.At.Equal(time.Unix(1772599800, 0)) {
		t.Errorf("looked at %+v", seen)
	}
	if _, report, seen = reconcile(t, "-scan 1 -since 2026-03-01T00:00:00Z -time-attribute aT", r); len(seen) != 0 ||
		report != "checked 0, missing 0, created 0, failed 0; 6 without a time" {
		t.Errorf("another attribute: %+v, %s", seen, report)
	}
	if _, _, seen = reconcile(t, "-ids old,young -since 2026-03-01T00:00:00Z", r); len(seen) != 2 || !seen["old"].Known ||
		!seen["old"].At.Equal(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("without an attribute: %+v", seen)
	}
}
