package local

import (
	"strings"
	"testing"
	"time"
)

func TestSwitch(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{"": false, "0": false, "1": true} {
		if on, err := Switch("APPLY", value); on != want || err != nil {
			t.Errorf("%q: %t, %v", value, on, err)
		}
	}
	for _, value := range []string{"yes", "true", " 1", "11"} {
		if on, err := Switch("APPLY", value); on || err == nil || !strings.Contains(err.Error(), "APPLY") {
			t.Errorf("%q: %t, %v", value, on, err)
		}
	}
}

func TestTime(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Time{
		"": {}, "2026-03-04T02:30:00.5+01:00": time.Date(2026, 3, 4, 1, 30, 0, 500_000_000, time.UTC),
	} {
		if at, err := Time("SINCE", value); at != want || err != nil {
			t.Errorf("%q: %s, %v", value, at, err)
		}
	}
	for _, value := range []string{"yesterday", "2026-03-04", "2026-03-04 01:30:00Z"} {
		if at, err := Time("SINCE", value); !at.IsZero() || err == nil || !strings.Contains(err.Error(), "SINCE") {
			t.Errorf("%q: %s, %v", value, at, err)
		}
	}
}
