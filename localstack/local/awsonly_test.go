package local

import (
	"go/build/constraint"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// emulators is how code could ask for something that AWS does not have: an emulator by its name, an address of this
// machine, a path that only emulators serve.
var emulators = regexp.MustCompile(`(?i)emulator|ministack|localstack\b|/_aws/|_user_request_|host\.docker\.internal|127\.0\.0\.1|localhost`)

// mentions are the files that may say so all the same, and why.
var mentions = map[string]string{
	"shared/env/env.go":      "whether a page of localhost may embed the console, which stage local alone allows",
	"shared/egress/url.go":   "localhost is refused as an endpoint, but by local builds",
	"shared/egress/guard.go": "the ports of localhost, for local builds",
}

// What is deployed asks an emulator for nothing that AWS does not have: no function knows that there are any, but for what
// only local builds have. (What infra leaves out for one hangs on the prop Local, and its tests look at dev and prod.)
func TestDeployedCodeKnowsNoEmulator(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	seen := map[string]bool{}
	for _, dir := range []string{"functions", "shared"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && d.Name() == "node_modules" {
				return fs.SkipDir
			}
			if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			text, err := os.ReadFile(path)
			if err != nil || localOnly(string(text)) {
				return err
			}
			name, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			name = filepath.ToSlash(name)
			for i, line := range strings.Split(string(text), "\n") {
				if emulators.MatchString(line) {
					seen[name] = true
					if mentions[name] == "" {
						t.Errorf("%s:%d: %s", name, i+1, strings.TrimSpace(line))
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name := range mentions {
		if !seen[name] {
			t.Errorf("%s needs no mention any more", name)
		}
	}
}

// localOnly tells whether a file is compiled into local builds alone.
func localOnly(text string) bool {
	for line := range strings.Lines(text) {
		if !constraint.IsGoBuild(line) {
			if strings.HasPrefix(line, "package ") {
				break
			}
			continue
		}
		x, err := constraint.Parse(line)
		return err == nil && !x.Eval(func(tag string) bool { return tag != "local" })
	}
	return false
}
