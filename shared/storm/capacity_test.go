package storm_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/storm"
)

var (
	capacityLong = flag.Bool("capacity-long", false, "TestCapacity: a whole deployment for minutes instead of a quarter of one for a minute")
	capacityOnly = flag.String("capacity-only", "", "TestCapacity: this case alone")
)

// Names of resources, as the report has them.
const (
	table     = "deliveries table"
	partition = "a webhook's partition"
	lanes     = "lanes of the stream"
	retrier   = "retrier's batches"
	processor = "a dispatcher's processor"
)

// compute is the processor time of one of the three calls of a delivery, in a function of 512 MB: 3.3 s for 10,000 deliveries
// on a whole processor (cpu_s_per_10k of make bench), of which 512 MB have 512/1769.
const compute = 380 * time.Microsecond

// part is how much of a deployment is played: a shard has a part of the tables' limits, so that a quarter saturates as
// all of it does.
func part() (share float64, shards int) {
	if *capacityLong {
		return 1, 4
	}
	return 0.25, 1
}

// limitsOf are those of tables that take so many write units a second, three times as many read units.
func limitsOf(writes float64) *storm.Limits {
	share, _ := part()
	return &storm.Limits{
		PartitionWrites: 1000, PartitionReads: 3000, TableWrites: share * writes, TableReads: 3 * share * writes, Compute: compute,
	}
}

const (
	newTable  = 4_000  // units a second that a new on-demand table takes at once
	warmTable = 40_000 // the quota of a table
	lanesRate = 13_000 // deliveries a second of 40 lanes: batches of 100 in 0.3 s
)

// load is deliveries a second over time.
type load func(at time.Duration) float64

// ramp grows evenly to most.
func ramp(most float64, length time.Duration) load {
	return func(at time.Duration) float64 {
		if at >= length {
			return 0
		}
		return most * at.Seconds() / length.Seconds()
	}
}

// steps are one after the other, each for so long.
func steps(each time.Duration, rates ...float64) load {
	return func(at time.Duration) float64 {
		if i := int(at / each); i < len(rates) {
			return rates[i]
		}
		return 0
	}
}

func (l load) of(share float64) func(time.Duration) float64 {
	return func(at time.Duration) float64 { return share * l(at) }
}

// capacityCase is a case of infra/README.md, "Capacity".
type capacityCase struct {
	name     string
	scenario storm.Scenario
	load     load
	// limit is the paper's, of the resource by: deliveries a second of what is played. It must be used up between from and
	// to. 0 is not compared. order is what is used up, first to last.
	limit, from, to float64
	by              string
	order           []string
	// until is when the load ends, drained how long after it the last first attempt may be.
	until, drained time.Duration
	// ends: not all is delivered, since a webhook is switched off.
	ends  bool
	check func(t *testing.T, r *storm.Isolation)
}

// slowWait is how late a first attempt that takes 9.5 s may be while there is room for it: half of what one takes.
const slowWait = 5 * time.Second

const rest = 30 * time.Second // nothing but the others is written at the end

func capacityCases() []capacityCase {
	share, shards := part()
	up := either(30*time.Second, time.Minute)
	partners := either(1_000, 10_000)
	one := []storm.Endpoint{well(healthy, 0)}
	hot := []storm.Endpoint{well(slow, 0)}
	played := func(limits *storm.Limits, length time.Duration, crowds ...storm.Crowd) storm.Scenario {
		return storm.Scenario{Shards: shards, Limits: limits, For: length, Crowds: crowds}
	}
	// Two writes a delivery in a table that takes 4,000: 2,000 a second.
	even := share * newTable / 2
	grows := ramp(2*even, up)
	all := []capacityCase{{
		name: "(a) 10,000 partners evenly", load: grows, limit: even, by: table, from: 0.75 * even, to: 1.35 * even, order: []string{table, lanes}, until: up, drained: up,
		scenario: played(limitsOf(newTable), up+rest, storm.Crowd{Partners: partners, Rate: grows, Endpoints: one}),
		check:    unhurried(even, grows),
	}, {
		name: "(c) 10,000 partners, one at 100 times", load: grows, limit: even, by: table, from: 0.75 * even, to: 1.35 * even, order: []string{table, lanes}, until: up, drained: up,
		scenario: played(limitsOf(newTable), up+rest,
			storm.Crowd{Partners: partners, Rate: grows.of(0.91), Endpoints: one}, storm.Crowd{Partners: 1, Rate: grows.of(0.09), Endpoints: hot}),
		check: unhurried(even, grows),
	}, {
		// Every second partner has 50 webhooks, the most that the API allows, the others one: 25.5 on average.
		name: "(d) 50 webhooks a partner", load: grows, limit: even, by: table, from: 0.75 * even, to: 1.7 * even, order: []string{table}, until: up, drained: up,
		scenario: played(limitsOf(newTable), up+rest, storm.Crowd{Partners: 100, Rate: grows.of(1 / 25.5), Endpoints: slices.Repeat(one, 50)}),
		check:    unhurried(even, grows),
	}}
	return append(append(all, hotCases()...), burstCases()...)
}

func hotCases() []capacityCase {
	each := either(15*time.Second, 2*time.Minute)
	hot := steps(each, 250, 480, 750)
	whole := limitsOf(warmTable)
	whole.TableWrites, whole.TableReads = warmTable, 3*warmTable
	fails := storm.Endpoint{Class: slow, Answer: func(time.Duration, *rand.Rand) (int, time.Duration) { return 500, 50 * time.Millisecond }}
	failing := steps(time.Minute, 150)
	long := either(40*time.Second, 3*time.Minute)
	slowly := steps(long, 26, 47, 79)
	return []capacityCase{{
		// Two writes a delivery in a partition that takes 1,000.
		name: "(b) one webhook at 500/s", load: hot, limit: 500, by: partition, from: 300, to: 750, order: []string{partition, lanes}, until: 3 * each, drained: 3 * each,
		scenario: storm.Scenario{Limits: whole, For: 5*each + rest, Crowds: append(others(100, 30),
			storm.Crowd{Partners: 1, Rate: hot, Endpoints: []storm.Endpoint{well(slow, 0)}})},
		check: func(t *testing.T, r *storm.Isolation) {
			within(t, r, "below the limit", 0, 2*each, settledP99)
			told(r, "above it", 2*each, 3*each)
			within(t, r, "after it", 5*each, always, settledP99)
		},
	}, {
		// Thirteen writes: one to store it, two for each of six attempts.
		name: "(b) one webhook at 150/s fails", load: failing, limit: 77, order: []string{partition}, until: time.Minute, drained: 20 * time.Minute, ends: true,
		scenario: storm.Scenario{Limits: whole, For: 2 * time.Minute, Crowds: append(others(100, 30),
			storm.Crowd{Partners: 1, Rate: failing, Endpoints: []storm.Endpoint{fails}})},
		check: func(t *testing.T, r *storm.Isolation) {
			told(r, "until it is off", 0, time.Minute)
			within(t, r, "after it", 80*time.Second, always, settledP99)
		},
	}, {
		// 50 batches of ten, 9.5 s each.
		// All are in use long before, with few messages each: what tells is how many attempts they begin, and who waits.
		name: "(e) endpoints that take 9.5 s", load: slowly, limit: 52, order: []string{lanes, retrier}, until: 3 * long, drained: 2 * long,
		scenario: storm.Scenario{Limits: whole, For: 3*long + rest, Crowds: append(others(100, 30),
			storm.Crowd{Partners: 100, Rate: slowly, Endpoints: []storm.Endpoint{ill(0, always, false)}})},
		check: func(t *testing.T, r *storm.Isolation) {
			told(r, "while they are found out", 0, long)
			within(t, r, "above the limit", 2*long, 3*long, settledP99)
			first := r.Classes[slow].First
			below, begun := first.Between(long+long/2, 2*long).Quantile(0.99), begun(first, 2*long+long/4, 3*long)
			fmt.Fprintf(os.Stdout, "  those that take 9.5 s wait %v (p99) below the limit; %.0f a second are begun above it\n", below.Late, begun)
			if below.Late > slowWait {
				t.Errorf("at %.0f a second %s waits for %v", slowly(long), below.Delivery, below.Late)
			}
			if begun < 0.8*52 || begun > 1.2*52 {
				t.Errorf("%.0f attempts a second are begun when there are %.0f, 52 on paper", begun, slowly(2*long))
			}
		},
	}}
}

func burstCases() []capacityCase {
	share, shards := part()
	const at = 10 * time.Second
	of := func(limits *storm.Limits, burst int) storm.Scenario {
		return storm.Scenario{Shards: shards, Limits: limits, For: at + either(90*time.Second, 3*time.Minute), Crowds: append(others(100, 30), storm.Crowd{
			Partners: either(1_000, 10_000), Burst: burst, BurstAt: at, Endpoints: []storm.Endpoint{well(slow, 0)}})}
	}
	takes := func(burst int, rate float64) time.Duration {
		return time.Duration(float64(burst) / (share * rate) * float64(time.Second))
	}
	few, many := either(6_000, 100_000), either(15_000, 100_000)
	cold, warm := takes(few, newTable/2), takes(many, lanesRate)
	return []capacityCase{{
		name: "(f) 100,000 at once, new tables", order: []string{table, lanes}, until: at, drained: cold + cold/2,
		scenario: of(limitsOf(newTable), few),
		check: func(t *testing.T, r *storm.Isolation) {
			within(t, r, "before it", 0, at-time.Second, settledP99)
			told(r, "in it", at, at+cold)
			within(t, r, "after it", at+2*cold, always, settledP99)
		},
	}, {
		name: "(f) 100,000 at once, grown tables", order: []string{lanes}, until: at, drained: 2 * warm,
		scenario: of(limitsOf(warmTable), many),
		check: func(t *testing.T, r *storm.Isolation) {
			told(r, "in it", at, at+warm)
			within(t, r, "after it", at+3*warm, always, settledP99)
		},
	}}
}

// either is what a case has in go test, and with -capacity-long.
func either[T any](short, long T) T {
	if *capacityLong {
		return long
	}
	return short
}

// unhurried holds that nobody waits while a ramp is below 0.9 of its limit.
func unhurried(limit float64, l load) func(t *testing.T, r *storm.Isolation) {
	return func(t *testing.T, r *storm.Isolation) {
		below := time.Duration(0)
		for l(below+time.Second) < 0.9*limit {
			below += time.Second
		}
		within(t, r, "below 0.9 of the limit", 0, below, settledP99)
		told(r, "above it", below, always)
	}
}

// within holds that those who are well wait no longer than most for their first attempts in a time (p99).
func within(t *testing.T, r *storm.Isolation, when string, from, to, most time.Duration) {
	t.Helper()
	first := r.Classes[healthy].First.Between(from, to)
	fmt.Fprintf(os.Stdout, "  first attempts of the others %s: %v\n", when, first)
	if len(first) < 50 {
		t.Errorf("only %d first attempts %s: they prove little", len(first), when)
	}
	if x := first.Quantile(0.99); x.Late > most {
		t.Errorf("%s first attempts of those who are well have a p99 of %v (%s)", when, x.Late, x.Delivery)
	}
}

// begun is how many first attempts a second were begun in a time.
func begun(first storm.Samples, from, to time.Duration) float64 {
	n := 0
	for _, x := range first {
		if at := x.At + x.Late; at >= from && at < to {
			n++
		}
	}
	return float64(n) / (to - from).Seconds()
}

func told(r *storm.Isolation, when string, from, to time.Duration) {
	fmt.Fprintf(os.Stdout, "  first attempts of the others %s: %v\n", when, r.Classes[healthy].First.Between(from, to))
}

// TestCapacity: what is used up first, and at which rate, is what infra/README.md says; nothing is lost or sent twice, and
// what waits is worked off.
func TestCapacity(t *testing.T) {
	if testing.Short() {
		t.Skip("seconds of processor time for each case")
	}
	var names, lines []string
	for _, c := range capacityCases() {
		names = append(names, c.name)
		if *capacityOnly != "" && *capacityOnly != c.name {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			began := time.Now()
			c.scenario.Seed = 1
			r := storm.NewRunner().Isolate(c.scenario)
			fmt.Fprintf(os.Stdout, "%s (took %v): %v", c.name, time.Since(began).Round(time.Millisecond), &r)
			if v := r.Violation; v != nil {
				t.Errorf("%s: %s", v.Invariant, v.Text)
			}
			if !c.ends {
				delivered(t, &r)
			}
			if r.Repeated > 0 {
				t.Errorf("%d requests were made twice", r.Repeated)
			}
			lines = append(lines, c.held(t, &r))
			c.check(t, &r)
		})
	}
	if lines == nil {
		t.Fatalf("there is no case %q; there are %q", *capacityOnly, names)
	}
	fmt.Fprintf(os.Stdout, "\n%-40s %-9s %s\n%s\n", "case", "paper", "used up, in this order, at deliveries/s (or the second of it); worked off after", strings.Join(lines, "\n"))
}

// held holds what was used up to the paper, and returns a line of the table.
func (c *capacityCase) held(t *testing.T, r *storm.Isolation) string {
	full, seconds := r.Full()
	if len(full) < len(c.order) || !slices.Equal(full[:len(c.order)], c.order) {
		t.Errorf("%q are used up in this order, %q on paper", full, c.order)
	}
	var said []string
	for i, name := range full {
		at := time.Duration(seconds[i]) * time.Second
		if c.load == nil || c.load(at) == 0 {
			said = append(said, fmt.Sprintf("%s (%v)", name, at))
			continue
		}
		rate := c.load(at)
		said = append(said, fmt.Sprintf("%s %.0f", name, rate))
		if name == c.by && (rate < c.from || rate > c.to) {
			t.Errorf("%s is used up at %.0f deliveries a second, at %.0f on paper", name, rate, c.limit)
		}
	}
	last := time.Duration(0)
	for _, class := range r.Classes {
		for _, x := range class.First {
			if x.At <= c.until {
				last = max(last, x.At+x.Late)
			}
		}
	}
	if c.by != "" && !slices.Contains(full, c.by) {
		t.Errorf("%s is not used up", c.by)
	}
	off := max(last-c.until, 0).Round(100 * time.Millisecond)
	if off > c.drained {
		t.Errorf("what waits when the load ends is worked off after %v only", off)
	}
	return fmt.Sprintf("%-40s %-9.0f %s; %v", c.name, c.limit, strings.Join(said, ", "), off)
}
