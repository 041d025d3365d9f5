package retry

import (
	"testing"
	"time"
)

func TestNext(t *testing.T) {
	const s = time.Second
	tests := []struct {
		finished   int
		retryAfter time.Duration
		want       time.Duration
		ok         bool
	}{
		{0, 0, 0, true}, {1, 0, 1 * s, true}, {2, 0, 2 * s, true}, {3, 0, 4 * s, true}, {4, 0, 8 * s, true}, {5, 0, 16 * s, true},
		{6, 0, 0, false}, {7, 0, 0, false}, {6, 90 * s, 0, false},
		{1, 90 * s, 90 * s, true}, {5, 3 * s, 16 * s, true}, {1, time.Hour, 900 * s, true}, {2, -s, 2 * s, true},
	}
	for _, tt := range tests {
		if got, ok := Next(tt.finished, tt.retryAfter); got != tt.want || ok != tt.ok {
			t.Errorf("Next(%d, %v) = %v, %v; want %v, %v", tt.finished, tt.retryAfter, got, ok, tt.want, tt.ok)
		}
	}
}
