//go:build race

package egress

// raceFactor is how much more memory things take under the race detector.
const raceFactor = 2
