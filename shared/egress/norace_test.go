//go:build !race

package egress

const raceFactor = 1
