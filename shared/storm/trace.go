package storm

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// trace is what happened, in order. Its hash is kept always, its text only if it is on: a seed that fails is run again.
type trace struct {
	on   bool
	hash uint64
	rows []row
}

type row struct {
	at                          time.Duration
	actor, op, subject, outcome string
}

const fnvPrime = 1099511628211

func (t *trace) mix(s string) {
	h := t.hash
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * fnvPrime
	}
	t.hash = (h ^ 0xff) * fnvPrime
}

func (t *trace) add(at time.Duration, actor, op, subject, outcome string) {
	t.hash = (t.hash ^ uint64(at)) * fnvPrime
	t.mix(op)
	t.mix(subject)
	t.mix(outcome)
	if t.on {
		t.rows = append(t.rows, row{at, actor, op, subject, outcome})
	}
}

// write prints the rows that concern ids: all that mention the first, and what became of the others. All rows if there
// are none.
func (t *trace) write(to io.Writer, about []string) {
	for _, r := range t.rows {
		if len(about) > 0 && !r.concerns(about) {
			continue
		}
		day := ""
		if n := int(r.at / (24 * time.Hour)); n > 0 {
			day = fmt.Sprintf("+%dd ", n)
		}
		_, _ = fmt.Fprintf(to, "%s%s  %-14s %-20s %s  %s\n", day, epoch.Add(r.at).Format("15:04:05.000"), r.actor, r.op, r.subject, r.outcome)
	}
}

func (r *row) concerns(about []string) bool {
	for i, id := range about {
		if id == "" || !strings.Contains(r.subject, id) && !strings.Contains(r.outcome, id) && !strings.Contains(r.actor, id) {
			continue
		}
		if i == 0 || r.op == "= active" || r.op == "= deleted" || r.op == "request" || r.op == "answer" {
			return true
		}
	}
	return r.op == "CALM" || r.op == "VIOLATION"
}
