// Package planted proves that the simulation can see: it breaks the product in small ways, one at a time, and has the
// simulation find each. The product knows nothing of it: a bug is a change of its text, put under the compiler only.
package planted

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	search = flag.Bool("search", false, "search a seed for each bug instead of replaying the recorded one")
	seeds  = flag.Int("seeds", 2000, "how many seeds to search")
	start  = flag.Uint64("start", 1, "the first seed of a search")
	only   = flag.String("bug", "", "this bug alone")
)

// bug is one planted mistake.
type bug struct {
	name string
	// file, from the project's root, in which old stands exactly once and becomes new.
	file, old, new string
	// seed catches it, by breaking the invariant.
	seed      uint64
	invariant string
}

const root = "../../.."

// overlay writes the broken file and the overlay that puts it in the place of the real one.
func (b bug) overlay(t *testing.T, dir string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, b.file))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), b.old); n != 1 {
		t.Fatalf("%s: the text to break stands %d times in %s; it must once:\n%s", b.name, n, b.file, b.old)
	}
	broken := filepath.Join(dir, filepath.Base(b.file))
	if err := os.WriteFile(broken, []byte(strings.Replace(string(text), b.old, b.new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	spec, err := json.Marshal(map[string]map[string]string{"Replace": {path: broken}})
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(out, spec, 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}

// build compiles the simulation with the bug in it.
func (b bug) build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "storm.test")
	cmd := exec.Command("go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", b.overlay(t, dir), "-o", binary, "./shared/storm")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s does not compile: %v\n%s", b.name, err, out)
	}
	return binary
}

var found = regexp.MustCompile(`seed (\d+): (I\d+|P\d+) ([^:\n]*)`)

// run runs the simulation and returns the first violation that it reports; ok is false if there is none.
func run(t *testing.T, binary string, args ...string) (seed uint64, invariant string, ok bool) {
	t.Helper()
	cmd := exec.Command(binary, append([]string{"-test.run", "^TestStorm$", "-most", "1"}, args...)...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	m := found.FindStringSubmatch(string(out))
	if m == nil {
		if err != nil {
			t.Logf("%s", out)
		}
		return 0, "", false
	}
	seed, err = strconv.ParseUint(m[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return seed, m[2] + " " + m[3], true
}

// fallback is how many seeds are searched when the recorded one does not catch a bug any more: whatever changes the order
// of events changes what a seed means.
const fallback = 300

// TestReplay: every planted bug is caught by its recorded seed, and by the invariant that it breaks.
func TestReplay(t *testing.T) {
	if *search || testing.Short() {
		t.Skip("a compilation for each bug takes minutes")
	}
	for _, b := range bugs {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			binary, first := b.build(t), strconv.FormatUint(b.seed, 10)
			_, invariant, ok := run(t, binary, "-seeds", "1", "-start", first)
			if ok && invariant == b.invariant {
				return
			}
			seed, now, ok := run(t, binary, "-seeds", strconv.Itoa(fallback), "-start", first)
			if !ok {
				t.Fatalf("missed by seed %d, which caught it once, and by %d more", b.seed, fallback)
			}
			t.Logf("seed %d is out of date: %q is now broken first by seed %d (%s)", b.seed, b.invariant, seed, now)
		})
	}
}

// TestSearch looks for the first seeds that catch the bugs and prints the table.
func TestSearch(t *testing.T) {
	if !*search {
		t.Skip("make storm-planted")
	}
	caught, tried := 0, 0
	for _, b := range bugs {
		if *only != "" && *only != b.name {
			continue
		}
		tried++
		t.Run(b.name, func(t *testing.T) {
			seed, invariant, ok := run(t, b.build(t), "-seeds", strconv.Itoa(*seeds), "-start", strconv.FormatUint(*start, 10))
			if !ok {
				t.Fatalf("missed in %d seeds from %d", *seeds, *start)
			}
			caught++
			fmt.Fprintf(os.Stdout, "%-34s caught  seed %-6d %s\n", b.name, seed, invariant)
		})
	}
	fmt.Fprintf(os.Stdout, "%d of %d planted bugs caught\n", caught, tried)
}
