// Package logbook is the catalogue of the functions' log events, for tests: what stands in the README is what is checked.
package logbook

import (
	_ "embed" // the catalogue
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

//go:embed README.md
var readme string

// Event is a row of the catalogue.
type Event struct {
	Name string
	// Levels are those that the event may have.
	Levels []string
	// Always are the fields that are there and not empty in each of its lines, May the other ones that it may have.
	Always, May []string
}

// common are the fields that any line may have.
var common = []string{"time", "level", "msg", "event", "function", "stage", "requestId", "xrayTraceId"}

// Events returns the catalogue by the events' names.
var Events = sync.OnceValue(func() map[string]Event {
	all := map[string]Event{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\|(.*)\\|$").FindAllStringSubmatch(readme, -1) {
		columns := strings.Split(row[2], "|")
		all[row[1]] = Event{
			Name: row[1], Levels: strings.Fields(columns[0]), Always: strings.Fields(columns[2]), May: strings.Fields(columns[3]),
		}
	}
	return all
})

// Fields returns every field that a line may have, but for the metrics.
func Fields() []string {
	fields := slices.Clone(common)
	for _, e := range Events() {
		fields = append(append(fields, e.Always...), e.May...)
	}
	slices.Sort(fields)
	return slices.Compact(fields)
}

// Check holds one line of a function's log against the catalogue, and returns all that is wrong with it.
func Check(line []byte) error {
	var fields map[string]any
	if err := json.Unmarshal(line, &fields); err != nil {
		return fmt.Errorf("not a JSON object: %w: %s", err, line)
	}
	name, _ := fields["event"].(string)
	e, ok := Events()[name]
	if !ok {
		return fmt.Errorf("the catalogue has no event %q: %s", name, line)
	}
	var errs []error
	for _, f := range e.Always {
		if v, ok := fields[f]; !ok || v == "" || v == nil {
			errs = append(errs, fmt.Errorf("%s has no %s: %s", name, f, line))
		}
	}
	for f := range fields {
		metric := strings.HasPrefix(name, "invocation") && (f == "_aws" || f[0] >= 'A' && f[0] <= 'Z')
		if !metric && !slices.Contains(common, f) && !slices.Contains(e.Always, f) && !slices.Contains(e.May, f) {
			errs = append(errs, fmt.Errorf("the catalogue has no field %s of %s: %s", f, name, line))
		}
	}
	if level, ok := fields["level"].(string); ok && !slices.Contains(e.Levels, level) {
		errs = append(errs, fmt.Errorf("the catalogue has no level %s of %s: %s", level, name, line))
	}
	return errors.Join(errs...)
}

// Queries returns the queries of a README, each under the line that stands before it.
func Queries(text string) map[string]string {
	all := map[string]string{}
	for _, q := range regexp.MustCompile("(?m)^(.+)\n\n```\n((?:fields|filter) [^`]*)```").FindAllStringSubmatch(text, -1) {
		all[q[1]] = q[2]
	}
	return all
}

// Readme returns this package's README.
func Readme() string { return readme }
