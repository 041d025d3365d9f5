package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// row is one figure, or one case of it.
type row struct {
	Name string `json:"name"`
	Case string `json:"case,omitempty"`
	// Value is null if it could not be measured; the note says why.
	Value *float64 `json:"value"`
	Unit  string   `json:"unit"`
	Goal  string   `json:"goal"`
	Holds bool     `json:"holds"`
	Note  string   `json:"note"`
}

// goal is a bound of the table.
type goal struct {
	least bool // the value must not be smaller; otherwise not larger
	bound float64
}

func (g goal) String() string {
	if g.least {
		return ">= " + number(g.bound)
	}
	return "<= " + number(g.bound)
}

func (g goal) holds(v float64) bool {
	if g.least {
		return v >= g.bound
	}
	return v <= g.bound
}

func atLeast(bound float64) goal { return goal{true, bound} }
func atMost(bound float64) goal  { return goal{false, bound} }

// newRow judges the value, then rounds it to four significant digits.
func newRow(name, kase string, value float64, unit string, g goal, note string, args ...any) row {
	r := row{Name: name, Case: kase, Unit: unit, Goal: g.String(), Holds: g.holds(value), Note: fmt.Sprintf(note, args...)}
	if !math.IsNaN(value) && !math.IsInf(value, 0) {
		rounded, _ := strconv.ParseFloat(strconv.FormatFloat(value, 'g', 4, 64), 64)
		r.Value = &rounded
	}
	return r
}

// failedRow is a figure that could not be measured.
func failedRow(name string, err error) row {
	return row{Name: name, Note: "not measured: " + err.Error()}
}

// printf is for a table: what the terminal refuses is nobody's loss.
func printf(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func printJSON(w io.Writer, r row) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

func printTable(w io.Writer, rows []row) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	printf(t, "figure\tcase\tvalue\tunit\tgoal\tholds\n")
	for _, r := range rows {
		value, holds := "-", "no"
		if r.Value != nil {
			value = number(*r.Value)
		}
		if r.Holds {
			holds = "yes"
		}
		printf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Name, r.Case, value, r.Unit, r.Goal, holds)
	}
	_ = t.Flush()
}

// machine describes where the figures were measured.
func machine(now time.Time) string {
	model := "unknown processor"
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := strings.Cut(string(b), "model name"); ok {
			line, _, _ := strings.Cut(rest, "\n")
			model = strings.TrimLeft(line, "\t :")
		}
	}
	kernel := "unknown kernel"
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		kernel = runtime.GOOS + " " + strings.TrimSpace(string(b))
	}
	return fmt.Sprintf("%s, %d cores, %s, %s, %s", model, runtime.NumCPU(), kernel, runtime.Version(), now.UTC().Format(time.RFC3339))
}
