package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// facts are exact counts, of each delivery.
type facts struct{ Attempts, Writes, ReadUnits, Messages, Invocations float64 }

// facts leaves out what happens once.
func (c costed) facts() facts {
	f, n := facts{Attempts: float64(c.attempts)}, float64(c.deliveries)
	for _, m := range c.each {
		f.Writes += float64(m.Counts.Writes)
		f.ReadUnits += sum(m.Counts.RCU)
		f.Messages += float64(m.Counts.Messages)
		f.Invocations += m.Invocations
	}
	return facts{f.Attempts / n, f.Writes / n, f.ReadUnits / n, f.Messages / n, f.Invocations / n}
}

// bill is that of a million deliveries.
func (c costed) bill() []item {
	var all []item
	for i, part := range []map[string]*spent{c.each, c.once} {
		for _, name := range sortedKeys(part) {
			u := part[name].usage
			u.Wall, u.Over, u.Deliveries = part[name].wall(), c.over, float64(c.deliveries)
			if i == 1 {
				u.Deliveries = 1e6
			}
			for j, x := range u.bill() {
				if j == len(all) {
					all = append(all, item{What: x.What})
				}
				all[j].Dollars += x.Dollars
			}
		}
	}
	return all
}

// row is one of the README's table, which costTable prints: the case, its facts, the sum without tracing, and with it.
func (c costed) row() []string {
	f, dollars := c.facts(), total(c.bill())
	return []string{
		c.name, exact(f.Attempts), exact(f.Writes), exact(f.ReadUnits), exact(f.Messages), exact(f.Invocations),
		fmt.Sprintf("%.2f", dollars-dollarsOf(c.bill(), "tracing")), fmt.Sprintf("%.2f", dollars),
	}
}

// exact is a count of each delivery, as it stands in the README.
func exact(n float64) string { return strings.TrimSuffix(fmt.Sprintf("%.3f", n), ".000") }

func cells(texts ...string) string { return "| " + strings.Join(texts, " | ") + " |\n" }

var costHead = cells("a million deliveries", "attempts", "writes", "read units", "messages", "invocations", "USD", "with tracing") +
	"|---|---|---|---|---|---|---|---|\n"

// costTable prints what the README has, then what the sums are made of.
func costTable(w io.Writer, all []costed, m month) {
	printf(w, "A million deliveries in %s; counts are of each delivery.\n\n%s", priceRegion, costHead)
	for _, c := range all {
		printf(w, "%s", cells(c.row()...))
	}
	printf(w, "\n")
	for i, c := range all {
		bill := c.bill()
		if i == 0 {
			head, rule := []string{"USD"}, "|---|"
			for _, x := range bill {
				head, rule = append(head, x.What), rule+"---|"
			}
			printf(w, "%s%s\n", cells(head...), rule)
		}
		texts := []string{c.name}
		for _, x := range bill {
			texts = append(texts, fmt.Sprintf("%.3f", x.Dollars))
		}
		printf(w, "%s", cells(texts...))
	}
	printf(w, "\n%s|---|---|---|\n", cells("by the month", "for", "USD"))
	for i, x := range m.items {
		printf(w, "%s", cells(x.What, m.why[i], fmt.Sprintf("%.2f", x.Dollars)))
	}
	printf(w, "%s", cells("a month in which nothing happens", "", fmt.Sprintf("%.2f", total(m.items))))
	printf(w, "\n%s\n", assumptions(all))
}

// assumptions says what the figures rest on.
func assumptions(all []costed) string {
	var spread []string
	for _, c := range all {
		spread = append(spread, fmt.Sprintf("%s: %v", c.name, c.over))
	}
	return fmt.Sprintf(`Counted on the functions' own binaries: DynamoDB's units and requests, messages, requests to SQS (with the two of
Lambda's poller for each of the retrier's invocations), KMS, S3 and EventBridge, invocations, bytes of logs.
Measured: the time of an invocation (of those that do the same the fastest, times their number) and CPU, which is
stretched to the processor's share that the memory buys and added in full. Services answer after %v, endpoints after
50 ms; bodies have %d bytes. Each of ten partners has one webhook.
Taken: the retrier gets one message at a time, the dearest way. The dead endpoint's events are held for %d days; the round
that switches it off and the activation are in the sum, once.
Tracing: X-Ray records at most the first request of each second and %.0f %% of the others, so it depends on the time over
which the million is spread. Here: %s.
List prices without free tiers and discounts. Not in the sums: %s.`,
		stubLatency, bodySize, deadDays, traceShare*100, strings.Join(spread, "; "), beside())
}

func runCost(args []string) error {
	flags := flag.NewFlagSet("cost", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "print a line of JSON for each figure instead of the tables")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return withBench(func(ctx context.Context, b *bench) error { return b.printCosts(ctx, *asJSON) })
}

func (b *bench) printCosts(ctx context.Context, asJSON bool) error {
	began := time.Now()
	all, err := b.costs(ctx)
	if err != nil {
		return err
	}
	m, err := b.month(ctx)
	if err != nil {
		return err
	}
	if !asJSON {
		costTable(os.Stdout, all, m)
		printf(os.Stderr, "\n%s; %.0f s\n", machine(began), time.Since(began).Seconds())
		return nil
	}
	for _, c := range all {
		dollars, f := total(c.bill()), c.facts()
		r := row{Name: "cost_usd_per_million", Case: c.name, Value: &dollars, Unit: "USD", Holds: true, Note: fmt.Sprintf(
			"%s; of each delivery %.3f attempts, %.3f writes, %.3f read units, %.3f messages, %.3f invocations",
			listed(c.bill()), f.Attempts, f.Writes, f.ReadUnits, f.Messages, f.Invocations)}
		if err := printJSON(os.Stdout, r); err != nil {
			return err
		}
	}
	dollars := total(m.items)
	return printJSON(os.Stdout, row{Name: "cost_usd_per_idle_month", Value: &dollars, Unit: "USD", Holds: true, Note: listed(m.items)})
}
