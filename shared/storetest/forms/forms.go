// Package forms holds what is stored, queued or handed out, by name, to the golden files of all releases.
package forms

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var newForms = flag.Bool("forms", false, "write a golden file for each stored form that has none") //nolint:gochecknoglobals // a flag

// Form is how one kind of thing is stored, as JSON. Read returns what a stored one means. Written is one as this release
// writes it with every member set; nil if what is written need not be the same bytes each time.
type Form struct {
	Written []byte
	Read    func(stored []byte) (any, error)
}

// golden is a file of testdata/forms/v<version>: what some release stored, and what it means. The first never changes;
// the second follows the names that the code has for it.
type golden struct {
	Stored json.RawMessage `json:"stored"`
	Reads  json.RawMessage `json:"reads"`
}

// Run holds forms, by name, to the golden files in testdata/forms: all that was ever stored must be read as what it
// meant, and what is written must be in one of them, so that no form changes unseen. The files of a form are
// v<version>/<name>-1.json and on; `go test -forms` writes those that are missing.
func Run(t *testing.T, version int, forms map[string]Form) {
	t.Helper()
	dir := filepath.Join("testdata", "forms")
	for name, f := range forms {
		t.Run(name, func(t *testing.T) {
			files, err := filepath.Glob(filepath.Join(dir, "v*", name+"-*.json"))
			if err != nil {
				t.Fatal(err)
			}
			known := false
			for _, file := range files {
				known = readGolden(t, file, f) || known
			}
			if f.Written == nil && len(files) > 0 || f.Written != nil && known {
				return
			}
			if *newForms && f.Written != nil {
				writeGolden(t, filepath.Join(dir, fmt.Sprintf("v%d", version)), name, f)
				return
			}
			t.Errorf("the stored form is in no golden file. What earlier releases read must not change (shared/dynamo/README.md, "+
				"\"Changing what is stored\"); what was added is kept for ever by a file of its own: go test -run Forms -forms\n%s", f.Written)
		})
	}
	files, err := filepath.Glob(filepath.Join(dir, "v*", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		if _, ok := forms[name[:strings.LastIndex(name, "-")]]; !ok {
			t.Errorf("nobody reads %s any more", file)
		}
	}
}

// readGolden checks that a file is read as what it meant, and tells whether it is what is written today.
func readGolden(t *testing.T, file string, f Form) bool {
	t.Helper()
	b, err := os.ReadFile(file) //nolint:gosec // a golden file
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	v, err := f.Read(g.Stored)
	if err != nil {
		t.Errorf("%s can't be read any more: %v", file, err)
		return false
	}
	got, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if !agree(parse(t, g.Reads), parse(t, got)) {
		t.Errorf("%s is read as\n%s\nand meant\n%s", file, got, g.Reads)
	}
	return f.Written != nil && reflect.DeepEqual(parse(t, g.Stored), parse(t, f.Written))
}

func writeGolden(t *testing.T, dir, name string, f Form) {
	t.Helper()
	v, err := f.Read(f.Written)
	if err != nil {
		t.Fatal(err)
	}
	reads, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	b := fmt.Appendf(nil, "{\"stored\": %s,\n\"reads\": %s}\n", f.Written, reads)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	for n := 1; ; n++ {
		file := filepath.Join(dir, fmt.Sprintf("%s-%d.json", name, n))
		if _, err := os.Stat(file); err == nil {
			continue
		}
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Logf("wrote %s", file)
		return
	}
}

func parse(t *testing.T, b []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return v
}

// agree compares what a golden file means with what was read. A member that came later is zero in what was read.
func agree(want, got any) bool {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		for name, v := range g {
			ok = ok && (w[name] == nil && isZero(v) || agree(w[name], v))
		}
		for name, v := range w {
			ok = ok && (g[name] != nil || isZero(v))
		}
		return ok
	case []any:
		g, ok := got.([]any)
		return ok && slices.EqualFunc(w, g, agree)
	}
	return reflect.DeepEqual(want, got)
}

func isZero(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			if !isZero(e) {
				return false
			}
		}
		return true
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !isZero(e) })
	}
	return slices.Contains([]any{nil, "", false, json.Number("0"), "0001-01-01T00:00:00Z"}, v)
}
