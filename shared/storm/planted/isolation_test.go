package planted

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// isolationBug is a mistake that delays others or storms the queue, and loses nothing.
type isolationBug struct {
	bug
	// scenario of storm's TestIsolation that catches it, or capacity, a case of TestCapacity, and a part of what it says then.
	scenario, capacity, says string
}

var isolationBugs = []isolationBug{
	{
		bug: bug{
			name: "no-detours", file: "shared/webhook/detour.go",
			old: `return d == nil || d.Fast >= d.Need`,
			new: `return true`,
		},
		scenario: "half turn slow at once", says: "a minute after going bad first attempts of healthy webhooks",
	},
	{
		bug: bug{
			name: "slow-is-well", file: "shared/webhook/detour.go",
			old: `SlowAfter = time.Second`,
			new: `SlowAfter = time.Minute`,
		},
		scenario: "10 % are slow", says: "first attempts of healthy webhooks have a p99",
	},
	{
		bug: bug{
			name: "no-way-back", file: "shared/webhook/detour.go",
			old: `FastEnough = 3`,
			new: `FastEnough = 300_000`,
		},
		scenario: "one of 100/s turns slow", says: "are made by the queue",
	},
	{
		bug: bug{
			name: "no-pace", file: "shared/webhook/detour.go",
			old: `gap >= leastGap`,
			new: `gap >= time.Hour`,
		},
		scenario: "one of 100/s turns slow", says: "requests to one slow webhook are under way at once",
	},
	{
		bug: bug{
			name: "hosts-forgotten", file: "shared/delivery/hosts.go",
			old: `x.hangs, x.since = true, end`,
			new: `x.since = end`,
		},
		scenario: "the host of 1,000 hangs", says: "a minute after going bad first attempts of healthy webhooks",
	},
	{
		bug: bug{
			name: "starts-at-any-time", file: "shared/delivery/detour.go",
			old: `startWithin = 2 * time.Second`,
			new: `startWithin = 2 * time.Hour`,
		},
		scenario: "a burst for 1,000 that are slow", says: "in the minute of the burst first attempts have a p99",
	},
	{
		bug: bug{
			name: "polled-until-its-turn", file: "shared/delivery/engine.go",
			old: `at = d.NextAttemptAt
`,
			new: `at = now
`,
		},
		scenario: "one of 100/s turns slow", says: "P3 no storm of messages",
	},
	{
		bug: bug{
			name: "outcomes-given-up-at-once", file: "shared/delivery/engine.go",
			old: `settlePause = 500 * time.Millisecond`,
			new: `settlePause = 0`,
		},
		capacity: "(d) 50 webhooks a partner", says: "requests were made twice",
	},
}

// TestIsolationSees: each of them is caught.
func TestIsolationSees(t *testing.T) {
	if *search || testing.Short() {
		t.Skip("a compilation for each bug takes minutes")
	}
	for _, b := range isolationBugs {
		if *only != "" && *only != b.name {
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			args := []string{"-test.run", "^TestIsolation$", "-isolation-only", b.scenario}
			if b.capacity != "" {
				args = []string{"-test.run", "^TestCapacity$", "-capacity-only", b.capacity}
			}
			cmd := exec.Command(b.build(t), args...)
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if err == nil || !strings.Contains(string(out), b.says) {
				t.Errorf("%q does not say %q:\n%s", b.scenario+b.capacity, b.says, out)
			}
		})
	}
}
