package shared_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeNamesTests: the READMEs say which test shows what; each of them exists.
func TestReadmeNamesTests(t *testing.T) {
	all := everyTest(t)
	for _, path := range []string{"../README.md", "../infra/README.md"} {
		readme, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		named := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+)`").FindAllStringSubmatch(string(readme), -1)
		if len(named) < 10 {
			t.Fatalf("%s names only %d tests", path, len(named))
		}
		for _, n := range named {
			if !strings.Contains(all, "func "+n[1]+"(t *testing.T)") && !strings.Contains(all, "func "+n[1]+"(f *testing.F)") {
				t.Errorf("%s names %s, which is no test", path, n[1])
			}
		}
	}
}

// everyTest is the text of all Go tests.
func everyTest(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, root := range []string{".", "../infra", "../localstack"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() && (d.Name() == "node_modules" || d.Name() == "cdk.out" || d.Name() == ".state") {
				return firstOf(err, fs.SkipDir)
			}
			if !strings.HasSuffix(path, "_test.go") {
				return nil
			}
			text, err := os.ReadFile(path)
			all.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

func firstOf(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}
