package main

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"
)

// runs is how often a figure is measured; the median counts.
const runs = 3

// median returns the middle one of some values, the mean of the middle two if their number is even, and NaN of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// percentile returns the smallest of some values that at least p percent of them do not exceed (nearest rank); NaN of
// none.
func percentile(values []float64, p float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[max(rank, 1)-1]
}

// middle returns the element whose key is the lower median.
func middle[T any, K cmp.Ordered](all []T, key func(T) K) T {
	sorted := slices.SortedFunc(slices.Values(all), func(a, b T) int { return cmp.Compare(key(a), key(b)) })
	return sorted[(len(sorted)-1)/2]
}

// repeat measures several times.
func repeat[T any](n int, measure func() (T, error)) ([]T, error) {
	all := make([]T, 0, n)
	for range n {
		v, err := measure()
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
