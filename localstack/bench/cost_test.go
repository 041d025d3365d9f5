package main

import (
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestCosts counts what each case of `make cost` takes, on the functions' binaries, and compares the READMEs' tables with it.
func TestCosts(t *testing.T) {
	if testing.Short() {
		t.Skip("some 15 s: it waits for endpoints and services")
	}
	t.Chdir("../..")
	b, err := newBench(t.Context())
	if err != nil {
		t.Fatal(err) // the binaries: make build-local
	}
	defer b.close()
	all, err := b.costs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m, err := b.month(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range costCounts {
		if i == len(all) || all[i].name != want.name {
			t.Fatalf("no case %q", want.name)
		}
		if all[i].count() != want.counts {
			t.Errorf("%s:\n got %+v\nwant %+v", want.name, all[i].count(), want.counts)
		}
	}
	compareCosts(t, "localstack/bench/README.md", all, m, len(all))
	compareCosts(t, "README.md", all, m, 0)
}

// counts are whole numbers of a case, all of its deliveries together.
type counts struct{ deliveries, writes, messages, invocations, onceWrites, onceMessages, onceInvocations, onceEvents int }

func (c costed) count() counts {
	n := counts{deliveries: c.deliveries}
	for _, m := range c.each {
		n.writes, n.messages, n.invocations = n.writes+m.Counts.Writes, n.messages+m.Counts.Messages, n.invocations+int(m.Invocations)
	}
	for _, m := range c.once {
		n.onceWrites, n.onceMessages = n.onceWrites+m.Counts.Writes, n.onceMessages+m.Counts.Messages
		n.onceInvocations, n.onceEvents = n.onceInvocations+int(m.Invocations), n.onceEvents+m.Counts.Calls["EventBridge.PutEvents"]
	}
	return n
}

// costCounts say why: a delivery is written when it is claimed and when its outcome is stored, and the statistics of each
// webhook once per invocation.
var costCounts = []struct {
	name string
	counts
}{
	{"delivered at once, batches of 100", counts{deliveries: 1000, writes: 2*1000 + 10*10, invocations: 10}},
	{"delivered at once, batches of 10", counts{deliveries: 200, writes: 2*200 + 20*10, invocations: 20}},
	{"delivered at once, one by one", counts{deliveries: 25, writes: 2*25 + 25, invocations: 25}},
	// A failure writes the detour and its end, three times; the retry has a claim, an outcome and statistics. The two
	// deliveries after it, on the detour, are stored once before the retrier does the same.
	{"5 % of the attempts fail", counts{deliveries: 190, writes: 3*190 + 10*(1+3) + 10*3 + 2*10, messages: 30, invocations: 19 + 30}},
	// Of the dead endpoint's, one is claimed, fails, is counted and begins a detour; 39 are stored once; 40 are looked at
	// three times, and brought by three writes each. Then: the job's count and end, statistics, and the detour's end.
	// Once: five retries, the switching off, the activation, and an operational event for each.
	{"one of ten endpoints dead for three days", counts{
		deliveries: 400, writes: 360*2 + 360 + 4 + 39 + 40*3 + 40*3 + 7, messages: 2, invocations: 40 + 3 + 2,
		onceWrites: 25, onceMessages: 5, onceInvocations: 5 + 1, onceEvents: 2,
	}},
}

// compareCosts looks up every case in a README: counts must be the same, dollars within 15 %.
func compareCosts(t *testing.T, file string, all []costed, m month, least int) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for l := range strings.Lines(string(text)) {
		if texts := strings.Split(strings.Trim(strings.TrimSpace(l), "|"), "|"); len(texts) > 1 {
			for i := range texts {
				texts[i] = strings.TrimSpace(texts[i])
			}
			rows[texts[0]] = texts
		}
	}
	close := func(what, have string, want float64) {
		if got, err := strconv.ParseFloat(have, 64); err != nil || math.Abs(got-want) > 0.15*want {
			t.Errorf("%s: %s: it says USD %s, and it is %.2f", file, what, have, want)
		}
	}
	found := 0
	for _, c := range all {
		have, want := rows[c.name], c.row()
		if have == nil {
			continue
		}
		found++
		if len(have) != len(want) || !slices.Equal(have[:6], want[:6]) {
			t.Errorf("%s: it says\n %q, and it is\n %q", file, have, want)
			continue
		}
		for i := 6; i < len(want); i++ {
			dollars, _ := strconv.ParseFloat(want[i], 64)
			close(c.name, have[i], dollars)
		}
	}
	if found < least {
		t.Errorf("%s: %d of %d cases are there", file, found, len(all))
	}
	if idle := rows["a month in which nothing happens"]; idle != nil {
		close("a month in which nothing happens", idle[len(idle)-1], total(m.items))
	} else if least > 0 {
		t.Errorf("%s: it does not say what an idle month costs", file)
	}
}
