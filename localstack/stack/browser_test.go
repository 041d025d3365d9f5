package main

import (
	"os"
	"path/filepath"
	"testing"
)

// A browser is one that shows a page, not one that is merely there.
func TestFindBrowser(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := func(name, script string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	absent := filepath.Join(dir, "absent")
	broken := program("broken", "exit 127\n")
	stub := program("stub", "echo 'install the snap'\n")
	works := program("works", `for page; do :; done; echo "<html>$page</html>"`+"\n")

	path, err := findBrowser(t.Context(), "", []string{absent, broken, stub, works})
	if err != nil || path != works {
		t.Errorf("found %q, %v; want %q", path, err, works)
	}
	if path, err = findBrowser(t.Context(), "", []string{absent, broken, stub}); err != nil || path != "" {
		t.Errorf("found %q, %v, where none runs", path, err)
	}
	for _, named := range []string{absent, broken, stub} {
		if _, err = findBrowser(t.Context(), named, []string{works}); err == nil {
			t.Errorf("%s does not run, yet it was taken", named)
		}
	}
}
