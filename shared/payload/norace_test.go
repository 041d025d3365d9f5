//go:build !race

package payload_test

const raceFactor = 1
