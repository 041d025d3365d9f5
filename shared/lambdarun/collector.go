package lambdarun

import (
	"os"
	"runtime/debug"
)

const (
	// collectAt is how much the heap may grow over what is in use before it is collected, in percent: twice of what Go does
	// by itself takes a tenth of the processor time off a batch of 100 deliveries, for 11 MiB.
	collectAt = 200
	// softLimit is the memory in bytes beyond which the heap is collected more often than that. It is no bound: what is
	// in use may be more, and then takes up to twice the processor time. With the binary's own pages the process stays
	// below 64 MiB for all but the largest batches; the smallest function has 256 MB.
	softLimit = 56 << 20
)

// tuneCollector sets how garbage is collected, but for what Go's own variables GOGC and GOMEMLIMIT say.
func tuneCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softLimit)
	}
}
