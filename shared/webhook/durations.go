package webhook

import (
	"math"
	"time"
)

// Durations is a histogram of how long attempts took: at i stands how many were nearest to mark i. The marks lie nine to
// a decade, as equal factors, from 1 ms to 21.5 s, about the longest that an attempt can take; 10 s, the time-out, is one.
// Two histograms are added mark by mark, so those of several hours, or of several environments, make one.
type Durations [40]int

const (
	marksPerDecade = 9
	firstMark      = time.Millisecond
	// DurationError is by how much, as a factor above or below, a mark differs from a duration that is counted at it:
	// half of the factor from mark to mark, 10^(1/18). A duration below the first mark counts as that one.
	DurationError = 1.1365
)

// durationMark is the i-th mark.
func durationMark(i int) time.Duration {
	return time.Duration(math.Round(float64(firstMark) * math.Pow(10, float64(i)/marksPerDecade)))
}

// Add counts an attempt.
func (h *Durations) Add(took time.Duration) {
	decades := math.Log10(float64(max(took, firstMark)) / float64(firstMark))
	h[min(int(math.Round(decades*marksPerDecade)), len(h)-1)]++
}

// Merge adds what o counted.
func (h *Durations) Merge(o *Durations) {
	for i, n := range o {
		h[i] += n
	}
}

// Percentile returns the mark that at least p percent of the attempts lie at or below, p from 1 to 100; ok is false if none
// was counted. It is within DurationError of the shortest duration that at least p percent of the attempts did not exceed.
func (h *Durations) Percentile(p int) (at time.Duration, ok bool) {
	all := 0
	for _, n := range h {
		all += n
	}
	rank := (all*p + 99) / 100
	for i, n := range h {
		if rank -= n; rank <= 0 && all > 0 {
			return durationMark(i), true
		}
	}
	return 0, false
}
