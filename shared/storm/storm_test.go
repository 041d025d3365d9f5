package storm_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/storm"
)

var (
	seeds = flag.Int("seeds", 1000, "how many seeds to run")
	start = flag.Uint64("start", 1, "the first seed")
	only  = flag.Uint64("seed", 0, "run this seed alone and print its trace")
	most  = flag.Int("most", 5, "end after so many violations")
	file  = flag.String("trace", "", "write the whole trace of -seed to this file")
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(400)       // a seed makes some MB and then drops all of it
	debug.SetMemoryLimit(3 << 30) // an hour of a scenario makes hundreds, which four times as much garbage must not follow
	m.Run()
}

func TestStorm(t *testing.T) {
	if *only != 0 {
		one(t, *only)
		return
	}
	n := *seeds
	if testing.Short() {
		n = min(n, 50)
	}
	began := time.Now()
	var next, failed atomic.Uint64
	var mu sync.Mutex
	var sum storm.Stats
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			r := storm.NewRunner()
			for {
				i := next.Add(1) - 1
				if i >= uint64(n) || failed.Load() >= uint64(*most) {
					return
				}
				res := r.Run(*start+i, false)
				mu.Lock()
				add(&sum, res.Stats)
				mu.Unlock()
				if why := wrong(res); why != "" {
					failed.Add(1)
					t.Errorf("seed %d: %s\nsee it: make storm SEED=%d", res.Seed, why, res.Seed)
				}
			}
		})
	}
	wg.Wait()
	done := int(min(next.Load(), uint64(n)))
	took := time.Since(began)
	fmt.Fprintf(os.Stdout, "%d seeds from %d in %v: %.0f a minute; a seed has on average %d records, %d deliveries, %d POSTs, %d API requests, "+
		"%d calls of services, %d faults, %d failures of endpoints, %v of virtual time; %d violations\n",
		done, *start, took.Round(time.Millisecond), float64(done)/took.Minutes(), sum.Events/done, sum.Deliveries/done, sum.Posts/done,
		sum.Requests/done, sum.Calls/done, sum.Faults/done, sum.EndpointFaults/done, (sum.Virtual / time.Duration(done)).Round(time.Minute), failed.Load())
}

func wrong(r storm.Result) string {
	switch {
	case r.Violation != nil:
		return r.Violation.Invariant + ": " + r.Violation.Text
	case r.Stats.Deliveries < 50:
		return fmt.Sprintf("only %d deliveries: it proves little", r.Stats.Deliveries)
	case r.Stats.Faults+r.Stats.EndpointFaults < 3:
		return fmt.Sprintf("only %d faults: it proves little", r.Stats.Faults+r.Stats.EndpointFaults)
	}
	return ""
}

func add(sum *storm.Stats, s storm.Stats) {
	sum.Events += s.Events
	sum.Deliveries += s.Deliveries
	sum.Posts += s.Posts
	sum.Requests += s.Requests
	sum.Calls += s.Calls
	sum.Faults += s.Faults
	sum.EndpointFaults += s.EndpointFaults
	sum.Virtual += s.Virtual
}

// one runs a seed and prints what concerns its violation.
func one(t *testing.T, seed uint64) {
	res := storm.NewRunner().Run(seed, true)
	if *file != "" {
		f, err := os.Create(*file)
		if err != nil {
			t.Fatal(err)
		}
		res.WriteTrace(f, nil)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprintf(os.Stdout, "seed %d, trace %016x, %+v\n", seed, res.Hash, res.Stats)
	if why := wrong(res); why != "" {
		if res.Violation != nil {
			res.WriteTrace(os.Stdout, res.Violation.About)
		}
		t.Errorf("seed %d: %s", seed, why)
	}
}

// TestReplay: a seed is the same each time, with and without a trace, after other seeds and alone.
func TestReplay(t *testing.T) {
	a, b := storm.NewRunner(), storm.NewRunner()
	for seed := *start; seed < *start+10; seed++ {
		first, second := a.Run(seed, false), b.Run(seed, true)
		b.Run(seed+1000, false)
		if first.Hash != second.Hash || first.Stats != second.Stats {
			t.Errorf("seed %d: two runs differ: %016x %+v, %016x %+v", seed, first.Hash, first.Stats, second.Hash, second.Stats)
		}
	}
}
