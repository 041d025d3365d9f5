package webhook

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestPercentile: whatever was counted, a percentile is within DurationError of the exact one.
func TestPercentile(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 0))
		var h Durations
		exact := make([]time.Duration, 1+r.IntN(300))
		// A narrow or a wide spread around any duration from 1 ms to 20 s.
		middle, spread := r.Float64()*math.Log(20_000), r.Float64()*3
		for i := range exact {
			ms := min(max(math.Exp(middle+spread*r.NormFloat64()), 1), 20_000)
			exact[i] = time.Duration(ms * float64(time.Millisecond))
			h.Add(exact[i])
		}
		slices.Sort(exact)
		for _, p := range []int{1, 50, 95, 99, 100} {
			want := exact[int(math.Ceil(float64(len(exact)*p)/100))-1]
			got, ok := h.Percentile(p)
			if off := float64(got) / float64(want); !ok || off > DurationError || off < 1/DurationError {
				t.Fatalf("seed %d: p%d of %d is told as %s, %t; it is %s", seed, p, len(exact), got, ok, want)
			}
		}
	}
}

// TestDurationsOutside: what lies outside the marks counts at the first or the last one.
func TestDurationsOutside(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{
		-time.Second: time.Millisecond, 0: time.Millisecond, 1: time.Millisecond, time.Millisecond: time.Millisecond,
		10 * time.Second: 10 * time.Second, 10*time.Second + 20*time.Millisecond: 10 * time.Second,
		time.Hour: durationMark(len(Durations{}) - 1), math.MaxInt64: durationMark(len(Durations{}) - 1),
	} {
		var h Durations
		h.Add(took)
		if got, ok := h.Percentile(50); got != want || !ok {
			t.Errorf("%s counts as %s, want %s", took, got, want)
		}
	}
	const longest = 21500 * time.Millisecond
	if last := durationMark(len(Durations{}) - 1); last < longest {
		t.Errorf("the last mark is %s, want at least %s", last, longest)
	}
}

func TestNoDurations(t *testing.T) {
	var h Durations
	if _, ok := h.Percentile(50); ok {
		t.Error("nothing was counted and there is a percentile")
	}
}

func TestMergeDurations(t *testing.T) {
	var a, b, both Durations
	for i := range 200 {
		took := time.Duration(i*i) * time.Millisecond
		both.Add(took)
		if i%3 == 0 {
			a.Add(took)
		} else {
			b.Add(took)
		}
	}
	if a.Merge(&b); a != both {
		t.Errorf("got  %v\nwant %v", a, both)
	}
}

// TestStatsCountDurations: every attempt is measured, a failed one too.
func TestStatsCountDurations(t *testing.T) {
	var s Stats
	s.Add(Attempt{StartedAt: t0, Duration: 20 * time.Millisecond}, Delivered)
	s.Add(Attempt{StartedAt: t0, Duration: 10 * time.Second, ErrorCode: ErrTimeout}, StatePending)
	p50, _ := s.Durations.Percentile(50)
	p95, _ := s.Durations.Percentile(95)
	if p50 < 18*time.Millisecond || p50 > 23*time.Millisecond || p95 != 10*time.Second {
		t.Errorf("p50 %s, p95 %s", p50, p95)
	}
}
