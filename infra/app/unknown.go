package main

import (
	"maps"
	"math"
	"slices"
	"strings"
)

// isOfCDK tells whether a key of the context belongs to the CDK: its own settings, feature flags and what it has looked up
// (aws:cdk:..., @aws-cdk/..., availability-zones:...), and the two that its command line keeps in cdk.context.json for
// `cdk acknowledge` and `cdk cli-telemetry`.
func isOfCDK(key string) bool {
	return strings.Contains(key, ":") || strings.HasPrefix(key, "@") || key == "acknowledged-issue-numbers" || key == "cli-telemetry"
}

// refuseUnknown notes every key that is given and was not asked for, even without a value: what is misspelt would count
// for nothing, and a table that is not attached would be made.
func (r *reader) refuseUnknown() {
	for _, key := range slices.Sorted(maps.Keys(r.context)) {
		if isOfCDK(key) || slices.Contains(r.asked, key) {
			continue
		}
		if near := nearest(key, r.asked); len(near) > 0 {
			r.wrong(key, "unknown; did you mean %s?", strings.Join(near, " or "))
		} else {
			r.wrong(key, "unknown; infra/README.md lists what there is")
		}
	}
}

// nearest are the known keys that are least different from key, whatever their case: all that are equally near. None is
// near of which more than half would have to change.
func nearest(key string, known []string) (near []string) {
	least := math.MaxInt
	for _, k := range slices.Compact(slices.Sorted(slices.Values(known))) {
		d := difference(strings.ToLower(key), strings.ToLower(k))
		if d > least || d > max(len(key), len(k))/2 {
			continue
		}
		if d < least {
			least, near = d, nil
		}
		near = append(near, k)
	}
	return near
}

// difference counts the bytes to put in, take out or change to make b of a (Levenshtein's distance).
func difference(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
