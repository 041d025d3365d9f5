package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// drive is a load on one dispatcher process: events are handed to it one after the other, each with a batch of records
// that were written just now.
type drive struct {
	latency     time.Duration // of DynamoDB, SQS and KMS
	partners    int           // the records are theirs in turn; at random if there are more than a batch has records
	webhooks    int           // of each partner, each on another host of the receiver
	batch       int           // records of an event
	invocations int
	warm        int    // invocations before those that are counted
	query       string // what the endpoints do
}

func (d drive) String() string {
	return fmt.Sprintf("batches of %d, %d partners with %d webhooks, services answer after %v", d.batch, d.partners, d.webhooks, d.latency)
}

// run starts a dispatcher and measures. It fails if anything was not delivered at the first attempt.
func (d drive) run(ctx context.Context, b *bench) (usage, error) {
	w, err := b.newWorld(0)
	if err != nil {
		return usage{}, err
	}
	defer w.close()
	partners := make([]string, d.partners)
	for i := range partners {
		if partners[i], _, err = w.partner(ctx, d.webhooks, func(h int) string { return b.receiver.url(i*d.webhooks+h, d.query) }); err != nil {
			return usage{}, err
		}
	}
	w.services.SetLatency(d.latency)
	f, err := w.function(ctx, "dispatcher")
	if err != nil {
		return usage{}, err
	}
	defer f.stop()
	m, count := newMaker(3), 0
	invoke := func(size int) (*invocation, error) {
		records := make([][]byte, size)
		for i := range records {
			p := partners[count%len(partners)]
			if len(partners) > d.batch && d.batch > 1 {
				p = partners[m.rand.IntN(len(partners))]
			}
			records[i] = m.record(p, time.Now())
			count++
		}
		i, err := f.invoke(ctx, streamEvent(records...), functionTimeout)
		if err == nil && strings.Contains(string(i.answer), "itemIdentifier") {
			err = errors.New("records failed: " + tail(string(i.answer)))
		}
		return i, err
	}
	for size := 1; size < d.batch; size *= 2 { // not all connections at once
		if _, err := invoke(size); err != nil {
			return usage{}, err
		}
	}
	if _, err := repeat(d.warm, func() (*invocation, error) { return invoke(d.batch) }); err != nil {
		return usage{}, err
	}
	memory, err := b.memoryMB("dispatcher")
	if err != nil {
		return usage{}, err
	}
	u := usage{Deliveries: float64(d.batch * d.webhooks * d.invocations), Invocations: float64(d.invocations), MemoryMB: float64(memory)}
	if _, err := b.receiver.arrivals(ctx); err != nil {
		return usage{}, err
	}
	w.services.Reset()
	logged := f.log.n.Load()
	before, err := f.cpu()
	if err != nil {
		return usage{}, err
	}
	for range d.invocations {
		i, err := invoke(d.batch)
		if err != nil {
			return usage{}, err
		}
		u.Wall += i.duration()
	}
	after, err := f.cpu()
	if err != nil {
		return usage{}, err
	}
	u.CPU, u.LogBytes, u.Counts = after-before, float64(f.log.n.Load()-logged), w.services.Counts()
	arrived, err := b.receiver.arrivals(ctx)
	if err != nil {
		return usage{}, err
	}
	u.Queued = u.Deliveries - float64(arrived.Posts)
	if u.Queued != 0 || u.Counts.Messages > 0 {
		return u, errDisturbed
	}
	return u, nil
}

// measured runs a drive three times, once in a run of the bench: several figures tell of the same.
func (d drive) measured(ctx context.Context, b *bench) ([]usage, error) {
	if all, ok := b.counted[d]; ok {
		return all, nil
	}
	all, err := repeat(runs, func() (usage, error) {
		return undisturbed(func() (usage, error) { return d.run(ctx, b) })
	})
	if err == nil {
		b.counted[d] = all
	}
	return all, err
}

// of returns the median of what f makes of some usages.
func of(all []usage, f func(usage) float64) float64 {
	values := make([]float64, len(all))
	for i, u := range all {
		values[i] = f(u)
	}
	return median(values)
}

// note says of some usages whether they are what they should be.
func note(all []usage) string {
	queued, total := 0.0, 0.0
	for _, u := range all {
		queued += u.Queued
		total += u.Deliveries
	}
	if queued == 0 {
		return ""
	}
	return fmt.Sprintf("; DISTURBED: %.1f %% of the deliveries were not made at once", queued/total*100)
}
