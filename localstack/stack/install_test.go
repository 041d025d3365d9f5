package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestAtLeast(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"3.11.7": true, "3.12": true, "4.0.0": true, "3.10.9": false, "2.99.0": false, "3": false, "x.y": false,
	} {
		if got := atLeast(version, 3, 11); got != want {
			t.Errorf("%s at least 3.11: %v", version, got)
		}
	}
}

// What is installed is reused until its pinned list changes.
func TestUpToDate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	list := filepath.Join(dir, "list")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(list, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a==1")
	if upToDate(dir, list) {
		t.Error("nothing is installed, yet it counts as up to date")
	}
	if err := markInstalled(dir, list); err != nil {
		t.Fatal(err)
	}
	if !upToDate(dir, list) {
		t.Error("what was just installed is not up to date")
	}
	write("a==2")
	if upToDate(dir, list) {
		t.Error("another list counts as installed")
	}
}

// What is installed without being resolved must be pinned, with hashes: pip is told to look for nothing else.
func TestPythonListsArePinned(t *testing.T) {
	t.Parallel()
	pinned := regexp.MustCompile(`^[a-z0-9.-]+==[0-9][^ ]*( ;.*)? \\$`)
	hash := regexp.MustCompile(`^    --hash=sha256:[0-9a-f]{64}( \\)?$`)
	for _, list := range []string{"requirements.txt", "requirements-lint.txt", "receivers/requirements.txt"} {
		text, err := os.ReadFile(filepath.Join("..", list))
		if err != nil {
			t.Fatal(err)
		}
		packages := 0
		lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
		for i, line := range lines {
			switch {
			case strings.HasPrefix(strings.TrimSpace(line), "#"):
			case pinned.MatchString(line):
				packages++
				if i+1 == len(lines) || !hash.MatchString(lines[i+1]) {
					t.Errorf("%s: %s has no hash", list, line)
				}
			case !hash.MatchString(line):
				t.Errorf("%s: line %d is neither a pinned version nor a hash: %s", list, i+1, line)
			}
		}
		if packages == 0 {
			t.Errorf("%s pins nothing", list)
		}
	}
}

// DynamoDB Local comes by its exact version, and another file under its name is refused.
func TestDynamoDBIsPinned(t *testing.T) {
	t.Parallel()
	name, hash, err := pinnedPackage(filepath.Join("..", "dynamodb-local.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^[a-z-]+@[0-9]+\.[0-9]+\.[0-9]+$`).MatchString(name) {
		t.Errorf("%q is not one version of a package", name)
	}
	file := filepath.Join(t.TempDir(), "x.tgz")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := checkPackage(file, hash); err == nil || !strings.Contains(err.Error(), "has the hash sha512-") {
		t.Errorf("another file: %v", err)
	}
	const ofX = "sha512-pKvURIxJVi2CgRXROh/M6pJ/UrTVRZKX+LQ+QtqJI4vBNibkPcs43bCCSIkn7JBPtCBXRDmD6IWFF51QVRr+Yg=="
	if err := checkPackage(file, ofX); err != nil {
		t.Error(err)
	}
	if _, _, err := pinnedPackage(filepath.Join("..", "requirements.in")); err == nil {
		t.Error("a list without hashes was taken")
	}
}

// An unknown name is refused before anything is installed under it.
func TestInstallUnknown(t *testing.T) {
	t.Parallel()
	if err := install(t.Context(), t.TempDir(), "vnev"); err == nil || !strings.Contains(err.Error(), `unknown tool "vnev"`) {
		t.Errorf("got %v", err)
	}
}
