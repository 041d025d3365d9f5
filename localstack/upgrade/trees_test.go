package upgrade

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// release is one of the two whose stacks are deployed over each other: its name and the folder that holds its source.
type release struct{ name, root string }

// current is the release that is being tested.
func current(t *testing.T) release {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	must(t, err)
	return release{"current", root}
}

// previous is the release that previous.txt names, built in localstack/.state/previous/<commit>, which later runs find.
// A test on a source without that commit (no clone, or a shallow one whose origin does not give it) is skipped.
func previous(t *testing.T) release {
	t.Helper()
	b, err := os.ReadFile("previous.txt")
	must(t, err)
	name, commit, ok := strings.Cut(strings.TrimSpace(string(b)), " ")
	if !ok || len(commit) != 40 {
		t.Fatalf("previous.txt: want a version and a whole commit, have %q", b)
	}
	cur := current(t)
	r := release{name, filepath.Join(cur.root, "localstack", ".state", "previous", commit)}
	if _, err := os.Stat(r.root); errors.Is(err, os.ErrNotExist) {
		if err := fetch(cur.root, commit); err != nil {
			if isWhole(cur.root) {
				t.Fatalf("release %s: %v", name, err)
			}
			t.Skipf("release %s is not in this copy of the source: %v", name, err)
		}
		checkOut(t, cur.root, r.root, commit)
	}
	for _, shared := range []struct{ dir, list string }{
		{"infra/node_modules", "infra/package-lock.json"},
		{"localstack/receivers/node_modules", "localstack/receivers/package-lock.json"},
		{"shared/portal/console/node_modules", "shared/portal/console/package-lock.json"},
		{"localstack/.state/venv", "localstack/requirements.txt"},
	} {
		share(t, cur.root, r.root, shared.dir, shared.list)
	}
	run(t, r.root, "make", "--no-print-directory", "-j3", "build-tools", "build-local")
	return r
}

// fetch makes sure that the commit is here.
func fetch(root, commit string) error {
	if _, err := git(root, "cat-file", "-e", commit+"^{commit}"); err == nil {
		return nil
	}
	_, err := git(root, "fetch", "--quiet", "--depth", "1", "origin", commit)
	return err
}

// isWhole tells whether root is a clone with all of its history.
func isWhole(root string) bool {
	out, err := git(root, "rev-parse", "--is-shallow-repository")
	return err == nil && strings.TrimSpace(out) == "false"
}

func git(root string, args ...string) (string, error) {
	cmd := exec.Command("git", append([]string{"-C", root}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return string(out), nil
}

// checkOut puts a commit's files in dir, all or none.
func checkOut(t *testing.T, root, dir, commit string) {
	t.Helper()
	part := dir + ".part"
	must(t, os.RemoveAll(part))
	must(t, os.MkdirAll(part, 0o700))
	_, err := git(root, "archive", "--format=tar", "--output", part+".tar", commit)
	must(t, err)
	run(t, root, "tar", "-x", "-f", part+".tar", "-C", part)
	must(t, os.Remove(part+".tar"))
	must(t, os.Rename(part, dir))
}

// share lets the older tree use what the newer one has installed from the same list; from another list it installs its
// own.
func share(t *testing.T, from, to, dir, list string) {
	t.Helper()
	link := filepath.Join(to, dir)
	newer, err := os.ReadFile(filepath.Join(from, list))
	must(t, err)
	older, err := os.ReadFile(filepath.Join(to, list))
	must(t, err)
	if at, err := os.Readlink(link); err == nil {
		if bytes.Equal(newer, older) && at == filepath.Join(from, dir) {
			return
		}
		must(t, os.Remove(link))
	}
	if _, err := os.Lstat(link); err == nil || !bytes.Equal(newer, older) {
		return
	}
	must(t, os.MkdirAll(filepath.Dir(link), 0o700))
	must(t, os.Symlink(filepath.Join(from, dir), link))
}

// run is a command that must succeed. What it prints is shown if it does not.
func run(t *testing.T, dir, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v in %s: %v\n%s", program, args, dir, err, out)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
