package e2e

import (
	"cmp"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// These two hold up the emulator's event sources, which share one thread for streams. They are not parallel, so they run
// before the tests that measure time.

func TestHangingEndpointIsCutOff(t *testing.T) {
	w := theWorld(t)
	p, e, h := hooked(t, w, func(n int) reply {
		if n == 1 {
			return reply{status: 200, after: forever}
		}
		return reply{status: 200}
	})
	id := newID("hang")
	p.write(id, "VERIFIED")
	d := p.awaitDelivery(h.ID, id, "delivered", 30*time.Second)
	row := d.AttemptLog[0]
	if row.Error == nil || row.Error.Code != "timeout" || row.StatusCode != nil {
		t.Errorf("the first attempt is %+v, want a timeout", row)
	}
	if took := time.Duration(row.DurationMs) * time.Millisecond; took < 10*time.Second || took > 11*time.Second {
		t.Errorf("the first attempt took %s, want 10 s", took)
	}
	if e.attempts() != "1 2" {
		t.Errorf("attempts %q, want 1 2", e.attempts())
	}
	// The wait counts from the end of the attempt before.
	gap := e.arrived()[1].at.Sub(e.arrived()[0].at)
	if gap < 11*time.Second || gap > 11*time.Second+lateness {
		t.Errorf("the second attempt came %s after the first began, want 11 s to 13 s", gap)
	}
}

func TestKilledDispatcherLosesNothing(t *testing.T) {
	w := theWorld(t)
	if runtime.GOOS != "linux" {
		t.Skip("finds the function's process in /proc")
	}
	p, e, h := hooked(t, w, func(n int) reply {
		if n == 1 {
			return reply{status: 200, after: forever}
		}
		return reply{status: 200}
	})
	id := newID("killed")
	p.write(id, "VERIFIED")
	await(t, "the POST is under way", 10*time.Second, func() bool { return e.count() == 1 })
	if n := killFunction(t, w, w.outputs["DispatcherFunction"]); n == 0 {
		t.Fatal("found no process of the dispatcher")
	}
	// The claim's lease must end before anybody else may send.
	d := p.awaitDelivery(h.ID, id, "delivered", 60*time.Second)
	if e.attempts() != "1 1" {
		t.Errorf("attempts %q, want the first one twice", e.attempts())
	}
	if len(d.AttemptLog) != 2 || d.Attempts != 1 {
		t.Fatalf("the log has %d rows for %d attempts: %+v; want 2 rows for 1", len(d.AttemptLog), d.Attempts, d.AttemptLog)
	}
	cut, repeated := d.AttemptLog[0], d.AttemptLog[1]
	if cut.Number != 1 || cut.Error == nil || cut.Error.Code != "interrupted" {
		t.Errorf("the first row is %+v, want attempt 1, interrupted", cut)
	}
	if repeated.Number != 1 || repeated.Error != nil || repeated.StatusCode == nil || *repeated.StatusCode != 200 {
		t.Errorf("the second row is %+v, want attempt 1, 200", repeated)
	}
}

// killFunction kills the processes in which this copy's emulator runs a function. They are known by what the emulator
// gave them: the function's name, and its own address, whose host emulators spell differently.
func killFunction(t *testing.T, w *world, name string) (killed int) {
	t.Helper()
	endpoint, err := url.Parse(cmp.Or(w.run.SecureEndpoint, w.run.AWSEndpoint))
	must(t, err)
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	must(t, err)
	for _, file := range environs {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // ended meanwhile, or another user's
		}
		vars := strings.Split(string(b), "\x00")
		ours := slices.Contains(vars, "AWS_LAMBDA_FUNCTION_NAME="+name) && slices.ContainsFunc(vars, func(v string) bool {
			return strings.HasPrefix(v, "AWS_ENDPOINT_URL=") && strings.HasSuffix(v, ":"+endpoint.Port())
		})
		if !ours {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		must(t, err)
		if err := syscall.Kill(pid, syscall.SIGKILL); err == nil {
			killed++
		}
	}
	return killed
}
