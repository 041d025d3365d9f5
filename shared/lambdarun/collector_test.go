package lambdarun

import (
	"runtime/debug"
	"runtime/metrics"
	"testing"
)

func TestCollectorIsTunedUnlessTheEnvironmentDoes(t *testing.T) {
	const percent, limit = 90, 1 << 40
	for _, tt := range []struct {
		gogc, gomemlimit   string
		wantPercent, limit uint64
	}{
		{"", "", collectAt, softLimit}, {"90", "", percent, softLimit}, {"", "1TiB", collectAt, limit}, {"90", "1TiB", percent, limit},
	} {
		t.Setenv("GOGC", tt.gogc)
		t.Setenv("GOMEMLIMIT", tt.gomemlimit)
		percentBefore, limitBefore := debug.SetGCPercent(percent), debug.SetMemoryLimit(limit)
		tuneCollector()
		now := []metrics.Sample{{Name: "/gc/gogc:percent"}, {Name: "/gc/gomemlimit:bytes"}}
		metrics.Read(now)
		debug.SetGCPercent(percentBefore)
		debug.SetMemoryLimit(limitBefore)
		if p, l := now[0].Value.Uint64(), now[1].Value.Uint64(); p != tt.wantPercent || l != tt.limit {
			t.Errorf("GOGC=%s GOMEMLIMIT=%s: %d %%, %d bytes; want %d and %d", tt.gogc, tt.gomemlimit, p, l, tt.wantPercent, tt.limit)
		}
	}
}
