package storm_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/storm"
)

var (
	isolationFor  = flag.Duration("isolation-for", 8*time.Minute, "how long records are written in TestIsolation's scenarios")
	isolationSeed = flag.Uint64("isolation-seed", 1, "TestIsolation's seed")
)

func healthy(failing float64) storm.Endpoint {
	return storm.Endpoint{Class: "healthy", Answer: func(_ time.Duration, r *rand.Rand) (int, time.Duration) {
		took := 20*time.Millisecond + time.Duration(r.Int64N(int64(60*time.Millisecond)))
		if r.Float64() < failing {
			return 500, took
		}
		return 200, took
	}}
}

func slowBetween(class string, from, to time.Duration, slow int) storm.Endpoint {
	fast := healthy(0)
	return storm.Endpoint{Class: class, Answer: func(at time.Duration, r *rand.Rand) (int, time.Duration) {
		switch {
		case at < from || at >= to:
			return fast.Answer(at, r)
		case slow == 0:
			return 0, 0
		}
		return slow, 9500 * time.Millisecond
	}}
}

const always = 1000 * time.Hour

// mix is 200 partners, of whose records a share goes to webhooks that are slow for a time.
func mix(share, perSecond float64, from, to time.Duration) []storm.Crowd {
	ok, slow := healthy(0.01), slowBetween("slow", from, to, 200)
	n := int(200 * share)
	var crowds []storm.Crowd
	if n < 200 {
		crowds = append(crowds, storm.Crowd{Partners: 200 - n, PerSecond: perSecond * (1 - share), Endpoints: []storm.Endpoint{ok, ok}})
	}
	if n > 0 {
		crowds = append(crowds, storm.Crowd{Partners: n, PerSecond: perSecond * share, Endpoints: []storm.Endpoint{slow, ok}})
	}
	return crowds
}

func TestIsolation(t *testing.T) {
	for _, share := range []float64{0, 0.1, 0.5, 0.9} {
		t.Run(fmt.Sprintf("%.0f%%", 100*share), func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			got := storm.NewRunner().Isolate(storm.Scenario{Seed: *isolationSeed, For: *isolationFor, Crowds: mix(share, 30, 0, always)})
			fmt.Fprintf(os.Stdout, "%.0f%%: %v %v\n", 100*share, time.Since(began), &got)
			if v := got.Violation; v != nil {
				t.Errorf("%s: %s", v.Invariant, v.Text)
			}
		})
	}
}
