package main

import (
	"os"
	"path/filepath"
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
