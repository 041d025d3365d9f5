package logbook_test

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/logbook"
)

func fields(t *testing.T, line []byte) map[string]any {
	t.Helper()
	var f map[string]any
	if err := json.Unmarshal(line, &f); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	return f
}

var condition = regexp.MustCompile(`^(@?\w+) (=|!=|>|like) (?:"([^"]*)"|(\d+))$`)

// find returns the lines that a query's filters let through: conditions joined by "and", each one or some joined by "or" in
// parentheses, as the queries here have them.
func find(t *testing.T, query string, lines [][]byte) (found [][]byte) {
	t.Helper()
	var all [][][]string
	for part := range strings.SplitSeq(query, "|") {
		text, ok := strings.CutPrefix(strings.TrimSpace(part), "filter ")
		if !ok {
			continue
		}
		for c := range strings.SplitSeq(text, " and ") {
			var either [][]string
			for one := range strings.SplitSeq(strings.Trim(c, "()"), " or ") {
				m := condition.FindStringSubmatch(one)
				if m == nil {
					t.Fatalf("not understood: %s", one)
				}
				either = append(either, m)
			}
			all = append(all, either)
		}
	}
	if len(all) == 0 {
		t.Fatalf("no filter: %s", query)
	}
	for _, l := range lines {
		f := fields(t, l)
		holds := func(m []string) bool {
			switch value, there := f[m[1]]; m[2] {
			case "=":
				return value == m[3]
			case "!=":
				return there && value != m[3]
			case ">":
				n, isNumber := value.(float64)
				than, err := strconv.ParseFloat(m[4], 64)
				return err == nil && isNumber && n > than
			default:
				return bytes.Contains(l, []byte(m[3]))
			}
		}
		if !slices.ContainsFunc(all, func(either [][]string) bool { return !slices.ContainsFunc(either, holds) }) {
			found = append(found, l)
		}
	}
	return found
}

// query returns the one query whose filter begins so.
func query(t *testing.T, filter string) string {
	t.Helper()
	var found []string
	for _, q := range logbook.Queries(logbook.Readme()) {
		if strings.Contains(q, filter) {
			found = append(found, q)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d queries with %s", len(found), filter)
	}
	return found[0]
}

// with puts an id into a query, in the place of its example.
func with(q, field, id string) string {
	return regexp.MustCompile(field+` (=|like) "[^"]*"`).ReplaceAllString(q, field+` $1 "`+id+`"`)
}

// TestQueries: on the lines that the functions really log, each query finds all that there is of what it asks for.
func TestQueries(t *testing.T) {
	s := newSystem(t)
	hook := s.live()
	var lines [][]byte
	for l := range bytes.Lines(s.out.Bytes()) {
		lines = append(lines, l)
	}
	about := func(id string) (found [][]byte) {
		for _, l := range lines {
			if bytes.Contains(l, []byte(`"`+id+`"`)) {
				found = append(found, l)
			}
		}
		return found
	}
	for _, c := range []struct{ filter, field, id, events string }{
		{`filter verificationId`, "verificationId", "ver_retried", "api.request api.request delivery.attempted delivery.attempted delivery.attempted delivery.attempted"},
		{`filter deliveryId`, "deliveryId", s.of("ver_retried").ID, "api.request api.request delivery.attempted delivery.attempted delivery.attempted delivery.attempted"},
		{`filter verificationId`, "verificationId", "ver_exhausted", "delivery.attempted delivery.attempted delivery.attempted delivery.attempted delivery.attempted delivery.attempted delivery.attempted delivery.queued webhook.deactivated"},
		{`filter verificationId`, "verificationId", "ver_held", "delivery.attempted delivery.held"},
		{`filter deliveryId`, "deliveryId", s.of("ver_forgotten").ID, "delivery.attempted delivery.attempted delivery.overdue delivery.queued"},
		{`filter verificationId`, "verificationId", "ver_parked", "record.parked record.redriven"},
		{`filter webhookId`, "webhookId", hook, ""},
		{`@message like`, "@message", "invocation-0004", "delivery.attempted invocation webhook.detoured"},
		{`filter apiRequestId`, "apiRequestId", "gateway-0000", "admin.request"},
	} {
		found, all := find(t, with(query(t, c.filter), c.field, c.id), lines), about(c.id)
		if len(found) != len(all) || len(all) == 0 {
			t.Errorf("%s %s: %d lines are found, %d are about it:\n%s", c.filter, c.id, len(found), len(all), bytes.Join(all, nil))
		}
		var events []string
		for _, l := range found {
			events = append(events, fields(t, l)["event"].(string))
		}
		slices.Sort(events)
		if c.events != "" && strings.Join(events, " ") != c.events {
			t.Errorf("%s: %v, want %s", c.id, events, c.events)
		}
	}
	for filter, want := range map[string]int{`event = "api.request"`: 4, `"delivery.attempted" and errorCode`: 9, `filter (level`: 2, "pct(durationMs, 95)": 14} {
		if found := find(t, query(t, filter), lines); len(found) != want {
			t.Errorf("%s: %d lines, want %d:\n%s", filter, len(found), want, bytes.Join(found, nil))
		}
	}
	for line, want := range map[string]int{
		`{"event":"invocation","level":"INFO","failed":2}`:    1, // some of the batch come again
		`{"event":"invocation","level":"INFO"}`:               0,
		`{"event":"webhook.deactivated","level":"WARN"}`:      0, // an endpoint's
		`{"event":"invocation","level":"ERROR","error":"no"}`: 1,
	} {
		if found := find(t, query(t, `filter (level`), [][]byte{[]byte(line)}); len(found) != want {
			t.Errorf("%d lines of %s", len(found), line)
		}
	}
}

// TestLines: every line of every function is as the catalogue says, names its invocation, and has metrics that the format
// allows; together they count what happened.
func TestLines(t *testing.T) {
	s := newSystem(t)
	s.live()
	var lines [][]byte
	seen := map[string]bool{}
	for l := range bytes.Lines(s.out.Bytes()) {
		lines = append(lines, l)
		f := fields(t, l)
		seen[f["event"].(string)] = true
		if err := logbook.Check(l); err != nil || f["requestId"] == nil {
			t.Errorf("%v: %s", err, l)
		}
	}
	totals, err := logbook.Totals(lines)
	if err != nil {
		t.Fatal(err)
	}
	// The one that was forgotten for ten minutes.
	if age := totals[env.EventAgeMetric]; age < 600 || age > 605 {
		t.Errorf("the oldest event had %v s", age)
	}
	delete(totals, env.EventAgeMetric)
	got, err := json.Marshal(totals)
	want := `{"Delivered":5,"FailedAttempts":9,"FailedAttempts http_status":9,"Held":1,"OldestOverdue":540,"Overdue":1,"Parked":1,"SwitchedOff":1}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, event := range []string{"invocation", "api.request", "admin.request", "delivery.attempted", "delivery.held", "delivery.overdue", "record.parked", "record.redriven", "webhook.deactivated", "job.ended"} {
		if !seen[event] {
			t.Errorf("no line of %s", event)
		}
	}
}

// TestQueriesNameFields: what the queries of this README and the project's name stands in the catalogue.
func TestQueriesNameFields(t *testing.T) {
	project, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	here := logbook.Queries(logbook.Readme())
	if len(here) < 9 {
		t.Errorf("only %d queries", len(here))
	}
	known := append(logbook.Fields(), strings.Fields("@timestamp @message fields filter sort stats limit by as and or asc desc like count pct max latest")...)
	word := regexp.MustCompile(`"[^"]*"|@?[A-Za-z_]\w*`)
	named := regexp.MustCompile(` as (\w+)`)
	for _, text := range []string{logbook.Readme(), string(project)} {
		for title, q := range logbook.Queries(text) {
			own := named.FindAllString(q, -1)
			for _, w := range word.FindAllString(q, -1) {
				if w[0] != '"' && !slices.Contains(known, w) && !slices.Contains(own, " as "+w) {
					t.Errorf("%s: the catalogue has no field %s", title, w)
				}
			}
			for _, name := range regexp.MustCompile(`event = "([^"]*)"`).FindAllStringSubmatch(q, -1) {
				if _, ok := logbook.Events()[name[1]]; !ok {
					t.Errorf("%s: the catalogue has no event %s", title, name[1])
				}
			}
		}
	}
}
