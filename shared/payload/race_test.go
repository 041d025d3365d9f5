//go:build race

package payload_test

// raceFactor is how much longer things take under the race detector.
const raceFactor = 20
