package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// The load of isolation_p99_ratio: the same healthy events in every case, and so many more to endpoints that answer 200
// after 9.5 s that they are the case's share of all.
const (
	healthyPerSecond = 10
	healthyHooks     = 10
	slowHooks        = 10
	slowQuery        = "delay=9500ms"
	hangQuery        = "delay=1h"
	smallPartners    = 1000
	// isolationLanes are those of one shard at the parallelization factor of infra/dispatcher.go.
	isolationLanes = 10
	// isolationRetriers bounds the retrier's processes, ten sends each: far too few for the slow ones, which is the point.
	// More of them, as infra allows, would take the two processors that all share here from the healthy ones.
	isolationRetriers = 8
	// isolationWarm is the first minute, in which the slow ones are found: each lane that meets one waits for it.
	isolationWarm   = 60 * time.Second
	isolationWindow = 30 * time.Second
	windows         = 5
	visibility      = 6 * time.Minute // of infra/queues.go
)

// isolationCase is a world with its share of slow events and what came of it.
type isolationCase struct {
	figure, name string
	slow         float64 // of all events
	bound        float64 // on the ratio
	query        string  // what the slow endpoints do
	partners     int     // whose they are
	oneHost      bool    // that all of them are on
	windows      [windows][]float64
	processes    int
	waiting      int
}

// isolationCases are those of the table after the one that they are compared with, and two more.
func isolationCases() []*isolationCase {
	return []*isolationCase{
		{name: "none"},
		{figure: isolationRatio, name: "10 %", slow: 0.1, bound: 1.2, query: slowQuery, partners: slowHooks},
		{figure: isolationRatio, name: "50 %", slow: 0.5, bound: 1.5, query: slowQuery, partners: slowHooks},
		{figure: isolationRatio, name: "90 %", slow: 0.9, bound: 2, query: slowQuery, partners: slowHooks},
		// Those that hang fail, and are switched off after a minute and a half.
		{figure: isolationHang, name: "50 % to endpoints that hang", slow: 0.5, bound: 1.5, query: hangQuery, partners: slowHooks},
		{
			figure: isolationHang, name: "50 % to 1,000 partners on a host that hangs", slow: 0.5, bound: 1.5,
			query: hangQuery, partners: smallPartners, oneHost: true,
		},
	}
}

func measureIsolation(ctx context.Context, b *bench) ([]row, error) {
	cases := isolationCases()
	if _, err := b.receiver.arrivals(ctx); err != nil {
		return nil, err
	}
	sent := &sentRecords{at: map[string]sentRecord{}}
	// All cases run at the same time, so that whatever else the machine does slows all of them.
	var worlds, sources sync.WaitGroup
	var mu sync.Mutex
	var failures []error
	failed := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			failures = append(failures, err)
		}
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	for i, c := range cases {
		l, err := c.start(ctx, b, i)
		if err != nil {
			stop()
			sources.Wait()
			return nil, err
		}
		defer l.close()
		for _, run := range l.sources {
			sources.Go(func() { failed(run(running)) })
		}
		worlds.Go(func() { l.feed(ctx, c, sent) })
	}
	worlds.Wait()
	time.Sleep(2 * time.Second) // the last ones
	stop()
	sources.Wait()
	got, err := b.receiver.arrivals(ctx)
	if err = errors.Join(append(failures, err)...); err != nil {
		return nil, err
	}
	missing := sent.collect(got.Arrivals)
	return isolationRows(cases, missing), nil
}

// isolationLoad is a running world.
type isolationLoad struct {
	world         *world
	lanes         []*lane
	source        *queueSource
	sources       []func(context.Context) error
	healthy, slow []webhook.Webhook
}

func (c *isolationCase) start(ctx context.Context, b *bench, index int) (*isolationLoad, error) {
	w, err := b.newWorld(0)
	if err != nil {
		return nil, err
	}
	l := &isolationLoad{world: w}
	host := index * (healthyHooks + slowHooks)
	for i := range healthyHooks + c.partners {
		query, on, list := "verify=1&record=1", host+i, &l.healthy
		if i >= healthyHooks {
			query, list = c.query, &l.slow
			if on = host + healthyHooks; !c.oneHost {
				on = host + i
			}
		}
		_, made, err := w.partner(ctx, 1, func(int) string { return b.receiver.url(on, query) })
		if err != nil {
			return nil, err
		}
		*list = append(*list, made...)
	}
	w.services.SetVisibility(deliveryQueue, visibility)
	w.services.SetLatency(stubLatency)
	for range isolationLanes {
		f, err := w.function(ctx, "dispatcher")
		if err != nil {
			l.close()
			return nil, err
		}
		lane := newLane(f)
		l.lanes = append(l.lanes, lane)
		l.sources = append(l.sources, lane.run)
	}
	l.source = &queueSource{world: w, most: isolationRetriers}
	l.sources = append(l.sources, l.source.run)
	return l, nil
}

func (l *isolationLoad) close() {
	for _, lane := range l.lanes {
		lane.f.stop()
	}
	l.world.close()
}

// feed writes records on schedule, whatever becomes of them, each into the lane that its key falls into.
func (l *isolationLoad) feed(ctx context.Context, c *isolationCase, sent *sentRecords) {
	m := newMaker(100 + uint64(c.slow*100))
	rate := healthyPerSecond / (1 - c.slow)
	began := time.Now()
	total := isolationWarm + windows*isolationWindow
	owed, slow := 0.0, 0 // healthy events that are due, slow ones that were written
	for i := 0; ; i++ {
		due := time.Duration(float64(i) / rate * float64(time.Second))
		if due > total {
			break
		}
		select {
		case <-time.After(time.Until(began.Add(due))):
		case <-ctx.Done():
			return
		}
		owed += 1 - c.slow
		healthy := owed >= 1-1e-9
		var hook webhook.Webhook
		if healthy {
			owed--
			hook = l.healthy[m.rand.IntN(len(l.healthy))]
		} else { // in turn, so that each was slow once before the warm-up is over
			hook = l.slow[slow%len(l.slow)]
			slow++
		}
		now := time.Now()
		raw := m.record(hook.PartnerID, now)
		if window := int((due - isolationWarm) / isolationWindow); healthy && due >= isolationWarm && window < windows {
			sent.add(webhook.DeliveryID(decoded(raw).Event, hook.ID), sentRecord{c, window, now})
		}
		l.lanes[m.rand.IntN(len(l.lanes))].put(raw)
	}
	l.source.mu.Lock()
	c.processes = l.source.started
	l.source.mu.Unlock()
	c.waiting, _, _ = l.world.services.Waiting(deliveryQueue)
}

// sentRecords are the healthy records by the id of their delivery.
type sentRecords struct {
	mu sync.Mutex
	at map[string]sentRecord
}

type sentRecord struct {
	*isolationCase
	window int
	at     time.Time
}

func (s *sentRecords) add(id string, r sentRecord) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at[id] = r
}

// collect takes the arrivals of first attempts and returns how many records there are without one, by case. Those count
// as having taken until the end.
func (s *sentRecords) collect(arrivals []arrival) map[*isolationCase]int {
	for _, a := range arrivals {
		if r, ok := s.at[a.ID]; ok && a.Attempt == "1" {
			r.windows[r.window] = append(r.windows[r.window], ms(time.Unix(0, a.At).Sub(r.at)))
			delete(s.at, a.ID)
		}
	}
	missing := map[*isolationCase]int{}
	for _, r := range s.at {
		missing[r.isolationCase]++
		r.windows[r.window] = append(r.windows[r.window], ms(time.Since(r.at)))
	}
	return missing
}

func isolationRows(cases []*isolationCase, missing map[*isolationCase]int) []row {
	quantile := func(c *isolationCase, p float64) []float64 {
		all := make([]float64, 0, windows)
		for _, w := range c.windows {
			all = append(all, percentile(w, p))
		}
		return all
	}
	none := quantile(cases[0], 99)
	var rows []row
	for _, c := range cases[1:] {
		all := quantile(c, 99)
		ratios := make([]float64, windows) // window by window: what the machine does besides slows all cases in the same one
		for i := range ratios {
			ratios[i] = all[i] / none[i]
		}
		rows = append(rows, newRow(c.figure, c.name, median(ratios), "ratio", atMost(c.bound),
			"record written to POST received, %d healthy events/s in each case and %.0f/s to slow endpoints beside them, warmed up for %v, median of %d windows of %v at the same time: p99 %.0f ms (p50 %.1f), without slow ones %.0f ms (p50 %.1f); %d lanes, %d retrier processes, %d messages waiting at the end; %d first attempts never came",
			healthyPerSecond, healthyPerSecond*c.slow/(1-c.slow), isolationWarm, windows, isolationWindow,
			all, median(quantile(c, 50)), none, median(quantile(cases[0], 50)), isolationLanes, c.processes, c.waiting, missing[c]))
	}
	return rows
}
