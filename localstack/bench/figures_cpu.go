package main

import (
	"context"
	"fmt"
	"time"
)

// The names of the table.
const (
	throughputRatio   = "throughput_ratio"
	cpuRatio          = "cpu_ratio"
	decodeTime        = "decode_us_per_record"
	cpuPer10k         = "cpu_s_per_10k"
	writesPerDelivery = "writes_per_delivery"
	wcuPerDelivery    = "wcu_per_delivery"
	firstPost         = "first_post_overhead_ms"
	isolationRatio    = "isolation_p99_ratio"
	initTime          = "dispatcher_init_ms"
	binarySize        = "dispatcher_binary_mib"
	peakMemory        = "rss_mib"
	usdPerMillion     = "usd_per_million"
)

// pairs is how often the product and the floor are compared: the machine's noise hits one run and not the other.
const pairs = 7

// measureRatios compares the product without AWS to a bare loop, in pairs.
func measureRatios(ctx context.Context, b *bench) ([]row, error) {
	all, err := repeat(pairs, func() (pair, error) { return b.measurePair(ctx) })
	if err != nil {
		return nil, err
	}
	speed := func(p pair) float64 { return p.product.perSecond() / p.floor.perSecond() }
	cpu := func(p pair) float64 { return p.product.cpuPer10k() / p.floor.cpuPer10k() }
	queued := 0
	for _, p := range all {
		queued += p.product.Failed
	}
	s, c := middle(all, speed), middle(all, cpu)
	whole := c.product
	whole.DecodeCPU = 0
	return []row{
		newRow(throughputRatio, "", speed(s), "ratio", atLeast(0.8),
			"%.0f deliveries/s through delivery.Engine, %.0f/s in the bare loop; %d endpoints, %d at once; median of %d pairs; %d of %d deliveries not at once",
			s.product.perSecond(), s.floor.perSecond(), endpoints, batchSize, pairs, queued, pairs*loadDeliveries),
		newRow(cpuRatio, "", cpu(c), "ratio", atMost(1.4),
			"%.2f CPU s per 10,000 deliveries through delivery.Engine (store in memory, log to /dev/null; %.2f with decoding), %.2f in the bare loop, same runs",
			c.product.cpuPer10k(), whole.cpuPer10k(), c.floor.cpuPer10k()),
	}, nil
}

func measureDecode(ctx context.Context, b *bench) ([]row, error) {
	all, err := repeat(runs, func() (t decodeTimes, err error) {
		return t, childJSON(ctx, b.childEnvironment(), "decode", struct{}{}, &t)
	})
	if err != nil {
		return nil, err
	}
	m := middle(all, func(t decodeTimes) float64 { return t.Ours })
	return []row{newRow(decodeTime, "", m.Ours, "us", atMost(25),
		"CPU time, collection of garbage included; events.DynamoDBEvent of aws-lambda-go takes %.1f in the same run", m.Library)}, nil
}

// tenEndpoints is the full-speed load on the dispatcher's binary.
func tenEndpoints(latency time.Duration) drive {
	return drive{latency: latency, partners: endpoints, webhooks: 1, batch: batchSize, warm: 20, invocations: 100}
}

func measureCPU(ctx context.Context, b *bench) ([]row, error) {
	return cpuRows(ctx, b, cpuPer10k, []cpuCase{
		{"services at 3 ms", tenEndpoints(stubLatency), 3.0},
		{"services at once", tenEndpoints(0), 3.0},
	})
}

// measureOtherCPU are other mixes, against the best of the other senders with their databases: 18 s at full speed, 41 s
// at 50 events a second.
func measureOtherCPU(ctx context.Context, b *bench) ([]row, error) {
	return cpuRows(ctx, b, scaleCPU, []cpuCase{
		{"1 endpoint", drive{stubLatency, 1, 1, batchSize, 50, 10, ""}, 3.0},
		{"100 partners, each once in a batch", drive{stubLatency, 100, 1, batchSize, 50, 10, ""}, 18},
		{"batches of 1", drive{stubLatency, endpoints, 1, 1, 400, 50, ""}, 41},
	})
}

type cpuCase struct {
	name string
	drive
	bound float64
}

func cpuRows(ctx context.Context, b *bench, name string, cases []cpuCase) ([]row, error) {
	var rows []row
	for _, c := range cases {
		all, err := c.measured(ctx, b)
		if err != nil {
			return nil, err
		}
		per10k := func(u usage) float64 { return u.CPU.Seconds() / u.Deliveries * 10_000 }
		rate := of(all, func(u usage) float64 { return u.Deliveries / u.Wall.Seconds() })
		rows = append(rows, newRow(name, c.name, of(all, per10k), "s", atMost(c.bound),
			"%v; https to the services as well; one process delivers %.0f/s%s", c.drive, rate, note(all)))
	}
	return rows, nil
}

// successAtOnce are the loads whose operations are counted and priced: endpoints that answer after 50 ms.
func successAtOnce() []struct {
	name string
	drive
} {
	const answer = "delay=50ms"
	return []struct {
		name string
		drive
	}{
		{"batch of 100", drive{stubLatency, endpoints, 1, batchSize, 40, 5, answer}},
		{"batch of 1", drive{stubLatency, endpoints, 1, 1, 150, 10, answer}},
	}
}

func measureWrites(ctx context.Context, b *bench) ([]row, error) {
	var rows []row
	for i, c := range successAtOnce() {
		all, err := c.measured(ctx, b)
		if err != nil {
			return nil, err
		}
		u := all[0]
		rows = append(rows, newRow(writesPerDelivery, c.name, float64(u.Counts.Writes)/u.Deliveries, "writes",
			atMost([]float64{2.1, 3}[i]), "counted; %v; %s%s", c.drive, calls(u), note(all)))
	}
	return rows, nil
}

func measureWCU(ctx context.Context, b *bench) ([]row, error) {
	var rows []row
	for _, c := range successAtOnce() {
		all, err := c.measured(ctx, b)
		if err != nil {
			return nil, err
		}
		u := all[0]
		deliveries, other := 0.0, 0.0
		byTable := ""
		for _, name := range sortedKeys(u.Counts.WCU) {
			n := u.Counts.WCU[name] / u.Deliveries
			if name == serviceTable {
				other += n
			} else {
				deliveries += n
			}
			byTable += fmt.Sprintf(", %s %.3f", name, n)
		}
		rows = append(rows, newRow(wcuPerDelivery, c.name, deliveries, "WCU", atMost(3),
			"deliveries table with its indexes, body of %d bytes; statistics in the service table take %.3f more%s%s", bodySize, other, byTable, note(all)))
	}
	return rows, nil
}

// calls lists the calls per delivery.
func calls(u usage) string {
	text := "per delivery"
	for _, name := range sortedKeys(u.Counts.Calls) {
		text += fmt.Sprintf(" %s %.3g", name, float64(u.Counts.Calls[name])/u.Deliveries)
	}
	return text
}

func measurePrice(ctx context.Context, b *bench) ([]row, error) {
	var rows []row
	for i, c := range successAtOnce() {
		all, err := c.measured(ctx, b)
		if err != nil {
			return nil, err
		}
		u := middle(all, func(u usage) float64 { return total(u.bill()) })
		rows = append(rows, newRow(usdPerMillion, c.name, total(u.bill()), "USD", atMost([]float64{3.0, 4.5}[i]),
			"%s; endpoints answer after 50 ms; billed %.0f ms an invocation of %.0f MB (%.0f ms measured, %.1f ms CPU stretched to its share); %.0f log bytes a delivery; a million within an hour; not in the sum: %s%s",
			listed(u.bill()), ms(u.billed())/u.Invocations, u.MemoryMB, ms(u.Wall)/u.Invocations, ms(u.CPU)/u.Invocations,
			u.LogBytes/u.Deliveries, beside(), note(all)))
	}
	return rows, nil
}
