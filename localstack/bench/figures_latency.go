package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// storeTimes remembers when the services worked, their latency included. Requests that are under way at once count once.
type storeTimes struct {
	http.Handler
	mu    sync.Mutex
	spans [][2]time.Time
}

func (s *storeTimes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	s.Handler.ServeHTTP(w, r)
	span := [2]time.Time{began, time.Now()}
	s.mu.Lock()
	s.spans = append(s.spans, span)
	s.mu.Unlock()
}

// within is how much of the time from one moment to another the services took. Spans are in the order of their ends.
func (s *storeTimes) within(from, to time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sum time.Duration
	at := from
	for _, span := range s.spans {
		if begin, end := later(span[0], at), earlier(span[1], to); end.After(begin) {
			sum += end.Sub(begin)
			at = end
		}
	}
	return sum
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// The load of first_post_overhead_ms: an event each 20 ms, whatever became of those before.
const (
	firstPostEvery  = 20 * time.Millisecond
	firstPostWarm   = 50
	firstPostEvents = 600
)

// firstPosts are the milliseconds from an event's being handed to the dispatcher to its POST's arrival, without what the
// services took in between.
type firstPosts struct {
	beyond, all []float64
	calls       int
	cpu         float64 // s per 10,000 deliveries
}

func measureFirstPost(ctx context.Context, b *bench) ([]row, error) {
	all, err := repeat(runs, func() (firstPosts, error) { return b.firstPosts(ctx) })
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, c := range []struct {
		name  string
		p     float64
		bound float64
	}{{"p50", 50, 1}, {"p99", 99, 5}} {
		at := func(f firstPosts) float64 { return percentile(f.beyond, c.p) }
		m := middle(all, at)
		rows = append(rows, newRow(firstPost, c.name, at(m), "ms", atMost(c.bound),
			"50 events/s in batches of 1, %d events, 10 endpoints; %d calls of %v before the POST, whose real time is taken off; with it %.1f ms; %.1f CPU s per 10,000 at this rate",
			len(m.beyond), m.calls, stubLatency, percentile(m.all, c.p), m.cpu))
	}
	return rows, nil
}

func (b *bench) firstPosts(ctx context.Context) (firstPosts, error) {
	w, err := b.newWorld(0)
	if err != nil {
		return firstPosts{}, err
	}
	defer w.close()
	const query = "record=1&verify=1"
	var hooks []webhook.Webhook
	for i := range endpoints {
		_, made, err := w.partner(ctx, 1, func(int) string { return b.receiver.url(i, query) })
		if err != nil {
			return firstPosts{}, err
		}
		hooks = append(hooks, made...)
	}
	slow, _, err := w.partner(ctx, 1, func(int) string { return b.receiver.url(endpoints, query+"&delay=900ms") })
	if err != nil {
		return firstPosts{}, err
	}
	w.services.SetLatency(stubLatency)
	f, err := w.function(ctx, "dispatcher")
	if err != nil {
		return firstPosts{}, err
	}
	defer f.stop()
	out, err := b.atRate(ctx, w, f, hooks)
	if err != nil {
		return out, err
	}
	out.calls, err = b.callsBefore(ctx, w, f, slow)
	return out, err
}

// atRate hands the dispatcher an event each 20 ms, as soon as it is free.
func (b *bench) atRate(ctx context.Context, w *world, f *function, hooks []webhook.Webhook) (firstPosts, error) {
	m := newMaker(4)
	handed := map[string]time.Time{}
	began := time.Now()
	var cpu time.Duration
	for i := range firstPostWarm + firstPostEvents {
		if i == firstPostWarm {
			var err error
			if cpu, err = f.cpu(); err != nil {
				return firstPosts{}, err
			}
		}
		time.Sleep(time.Until(began.Add(time.Duration(i) * firstPostEvery)))
		hook := hooks[i%len(hooks)]
		raw := m.record(hook.PartnerID, time.Now())
		in, err := f.invoke(ctx, streamEvent(raw), functionTimeout)
		if err != nil {
			return firstPosts{}, err
		}
		if i >= firstPostWarm {
			handed[webhook.DeliveryID(decoded(raw).Event, hook.ID)] = in.handed
		}
	}
	after, err := f.cpu()
	if err != nil {
		return firstPosts{}, err
	}
	got, err := b.receiver.arrivals(ctx)
	if err != nil {
		return firstPosts{}, err
	}
	out := firstPosts{cpu: (after - cpu).Seconds() / firstPostEvents * 10_000}
	for _, a := range got.Arrivals {
		if from, ok := handed[a.ID]; ok && a.Attempt == "1" {
			to := time.Unix(0, a.At)
			out.all = append(out.all, ms(to.Sub(from)))
			out.beyond = append(out.beyond, ms(to.Sub(from)-w.times.within(from, to)))
		}
	}
	if len(out.all) != firstPostEvents {
		return out, fmt.Errorf("%d of %d POSTs arrived", len(out.all), firstPostEvents)
	}
	return out, nil
}

// callsBefore counts the calls to the services before a POST, by an endpoint that keeps the dispatcher waiting.
func (b *bench) callsBefore(ctx context.Context, w *world, f *function, partner string) (int, error) {
	w.services.Reset()
	done := make(chan error, 1)
	go func() {
		_, err := f.invoke(ctx, streamEvent(newMaker(5).record(partner, time.Now())), functionTimeout)
		done <- err
	}()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		calls := 0
		for _, n := range w.services.Counts().Calls {
			calls += n
		}
		got, err := b.receiver.arrivals(ctx)
		if err != nil {
			return 0, err
		}
		if len(got.Arrivals) > 0 {
			return calls, <-done
		}
		if time.Now().After(end) {
			return 0, errors.New("no POST arrived")
		}
	}
}
