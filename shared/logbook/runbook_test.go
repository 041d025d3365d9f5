package logbook_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/logbook"
)

// TestRunbookNamesFields: whoever is called at night asks the logs what they can answer.
func TestRunbookNamesFields(t *testing.T) {
	text, err := os.ReadFile("../../infra/RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	// The last ones are Logs Insights' own, of what Lambda writes itself among them.
	known := append(logbook.Fields(), strings.Fields("filter fields stats sort count max bin by as n and or like desc ispresent 5m @timestamp @message @type @log @maxMemoryUsed @memorySize")...)
	word := regexp.MustCompile(`"[^"]*"|@?[A-Za-z_]\w*|\d\w*[a-z]`)
	queries := regexp.MustCompile("`((?:filter|stats) [^`]*)`|(?m)^    (filter .*)$").FindAllStringSubmatch(string(text), -1)
	if len(queries) < 15 {
		t.Errorf("only %d queries", len(queries))
	}
	for _, m := range queries {
		q := m[1] + m[2]
		for _, w := range word.FindAllString(q, -1) {
			if w[0] != '"' && !slices.Contains(known, w) {
				t.Errorf("the catalogue has no field %s: %s", w, q)
			}
		}
		for _, name := range regexp.MustCompile(`event = "([^"]*)"`).FindAllStringSubmatch(q, -1) {
			if _, ok := logbook.Events()[name[1]]; !ok {
				t.Errorf("the catalogue has no event %s: %s", name[1], q)
			}
		}
	}
}
