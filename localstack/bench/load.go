package main

import (
	"context"
	"errors"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// The full-speed load: deliveries to ten endpoints, a hundred under way at once.
const (
	endpoints = 10
	batchSize = 100
	// loadDeliveries is how many are measured, and warmDeliveries how many precede them: connections are open by then.
	loadDeliveries = 40_000
	warmDeliveries = 2_000
)

// load is what the child processes engine and floor are asked for.
type load struct {
	Ports      []int // the endpoints'
	Secret     string
	Deliveries int
	Warm       int
}

// loaded is what they measured.
type loaded struct {
	Deliveries int
	Failed     int
	Wall, CPU  time.Duration
	// DecodeWall and DecodeCPU are what of it went into decoding records, which the ratios leave out.
	DecodeWall, DecodeCPU time.Duration
	Connections           int64 // opened while measuring
	Description           string
}

func (l loaded) made() float64 { return float64(l.Deliveries - l.Failed) }

func (l loaded) perSecond() float64 { return l.made() / (l.Wall - l.DecodeWall).Seconds() }

// cpuPer10k is CPU seconds per 10,000 deliveries.
func (l loaded) cpuPer10k() float64 { return (l.CPU - l.DecodeCPU).Seconds() / l.made() * 10_000 }

// measureLoad runs the warm-up, then the load, and tells what the latter took of this process. failed counts what did
// not arrive, afterwards.
func measureLoad(l load, run func(from, to int) error, failed func() int) (loaded, error) {
	if err := run(0, l.Warm); err != nil {
		return loaded{}, err
	}
	began, cpu := time.Now(), ownCPU()
	err := run(l.Warm, l.Warm+l.Deliveries)
	out := loaded{Deliveries: l.Deliveries, Wall: time.Since(began), CPU: ownCPU() - cpu}
	out.Failed = failed()
	return out, err
}

// loadRecords makes the records of a load, in turn for each of the partners.
func loadRecords(l load, partners []string) [][]byte {
	m, now := newMaker(1), time.Now()
	records := make([][]byte, l.Warm+l.Deliveries)
	for i := range records {
		records[i] = m.record(partners[i%len(partners)], now)
	}
	return records
}

// loadPartners names the partners of a load whose ids no store makes.
func loadPartners() []string {
	ids := webhook.IDSource{Now: time.Now, Rand: zeros{}}
	all := make([]string, endpoints)
	for i := range all {
		all[i] = ids.Partner() + string(rune('a'+i))
	}
	return all
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// pair is the product and the floor, measured one after the other.
type pair struct{ product, floor loaded }

// measurePair runs a child for each. They share the machine with the receiver and with whatever else runs, so only
// their ratio counts.
func (b *bench) measurePair(ctx context.Context) (pair, error) {
	return undisturbed(func() (p pair, err error) {
		l := load{Ports: b.receiver.Ports[:endpoints], Secret: b.secret, Deliveries: loadDeliveries, Warm: warmDeliveries}
		disturbed := error(nil)
		for _, child := range []struct {
			name string
			out  *loaded
		}{{"engine", &p.product}, {"floor", &p.floor}} {
			if err := childJSON(ctx, b.childEnvironment(), child.name, l, child.out); err != nil {
				return p, err
			}
			if child.out.Failed > 0 {
				disturbed = errDisturbed
			}
		}
		return p, disturbed
	})
}

// errDisturbed is a run in which deliveries were not made at once. On a machine with other work an answer may take the
// second that makes an endpoint a slow one; its deliveries then go by way of the queue, which is not what is measured.
var errDisturbed = errors.New("not delivered at once: the machine was too busy, or something is wrong")

// undisturbed repeats a run that was disturbed, a few times, and then takes it as it is: its figures tell how much of it
// was.
func undisturbed[T any](run func() (T, error)) (out T, err error) {
	const tries = 3
	for range tries {
		if out, err = run(); !errors.Is(err, errDisturbed) {
			return out, err
		}
	}
	return out, nil
}
