package logbook

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// logged are the events in the code, each with the levels that are known of it.
type logged map[string][]string

// TestCodeAndCatalogue: what the code logs and what the catalogue lists are the same.
func TestCodeAndCatalogue(t *testing.T) {
	found := logged{}
	for _, root := range []string{"../../functions", ".."} {
		found.scan(t, root)
	}
	access, err := os.ReadFile("../../infra/api.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`"event":"([a-z.]+)"`).FindAllStringSubmatch(string(access), -1) {
		found[m[1]] = nil
	}
	for name, levels := range found {
		e, ok := Events()[name]
		if !ok {
			t.Errorf("the code logs %s, which the catalogue lacks", name)
		}
		for _, l := range levels {
			if ok && !slices.Contains(e.Levels, l) {
				t.Errorf("the code logs %s at %s, the catalogue has %v", name, l, e.Levels)
			}
		}
	}
	for name := range Events() {
		if _, ok := found[name]; !ok {
			t.Errorf("the catalogue has %s, which the code never logs", name)
		}
	}
	if len(found) < 30 {
		t.Errorf("only %d events were found", len(found))
	}
}

// scan finds the log calls below a folder. Tests, fakes and the simulation are no part of a function.
func (l logged) scan(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains([]string{"storm", "storetest", "memory", "logbook", "node_modules"}, d.Name()) {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			lines, events := 0, 0
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					line, event := l.call(n)
					lines, events = lines+line, events+event
				case *ast.CompositeLit:
					l.front(n)
				}
				return true
			})
			if lines != events {
				t.Errorf("%s: %d lines, %d events whose names are seen", files.Position(f.Pos()), lines, events)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// call notes what a call says of an event, and tells whether it writes a line and whether it names an event.
func (l logged) call(c *ast.CallExpr) (line, event int) {
	switch method(c) {
	case "LogAttrs":
		ast.Inspect(c, func(n ast.Node) bool {
			if attr, ok := n.(*ast.CallExpr); ok && names(attr) && literal(attr.Args[1]) != "" {
				l.note(literal(attr.Args[1]), c.Args[1])
			}
			return true
		})
		return 1, 0
	case "String":
		if !names(c) {
			return 0, 0
		}
		if name := literal(c.Args[1]); name != "" {
			l.note(name, nil)
			return 0, 1
		}
		if s, ok := c.Args[1].(*ast.SelectorExpr); ok && s.Sel.Name == "event" { // a front's
			return 0, 1
		}
	case "Error": // of a main
		for i, a := range c.Args {
			if literal(a) == "event" && i+1 < len(c.Args) {
				name := literal(c.Args[i+1])
				l[name] = append(l[name], "ERROR")
				return 1, 1
			}
		}
	}
	return 0, 0
}

// names tells whether an attribute is the one that names an event.
func names(attr *ast.CallExpr) bool {
	return method(attr) == "String" && len(attr.Args) == 2 && literal(attr.Args[0]) == "event"
}

// front notes the event that a front of the portal is made with.
func (l logged) front(c *ast.CompositeLit) {
	if name, ok := c.Type.(*ast.Ident); !ok || name.Name != "front" {
		return
	}
	for _, e := range c.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if key, ok := kv.Key.(*ast.Ident); ok && key.Name == "event" {
				l.note(literal(kv.Value), nil)
			}
		}
	}
}

func (l logged) note(name string, level ast.Expr) {
	if _, ok := l[name]; !ok {
		l[name] = nil
	}
	if s, ok := level.(*ast.SelectorExpr); ok && strings.HasPrefix(s.Sel.Name, "Level") {
		l[name] = append(l[name], strings.ToUpper(strings.TrimPrefix(s.Sel.Name, "Level")))
	}
}

func method(c *ast.CallExpr) string {
	if s, ok := c.Fun.(*ast.SelectorExpr); ok {
		return s.Sel.Name
	}
	return ""
}

func literal(e ast.Expr) string {
	b, ok := e.(*ast.BasicLit)
	if !ok || b.Kind != token.STRING {
		return ""
	}
	s, err := strconv.Unquote(b.Value)
	if err != nil {
		return ""
	}
	return s
}

// TestCheckSees each kind of fault.
func TestCheckSees(t *testing.T) {
	good := `{"time":"2026-01-02T03:04:05Z","level":"WARN","msg":"x","event":"outbox.put_off","requestId":"r","partnerId":"p","webhookId":"w","code":"unavailable","error":"e"}`
	if err := Check([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{`{`, ``}, {`outbox.put_off`, `outbox.lost`}, {`"event"`, `"name"`}, {`"partnerId":"p",`, ``}, {`"webhookId":"w"`, `"webhookId":""`},
		{`"error"`, `"failure"`}, {`WARN`, `INFO`}, {`"msg"`, `"Deployment"`}, {`"msg"`, `"_aws"`},
	} {
		if bad := strings.Replace(good, change[0], change[1], 1); Check([]byte(bad)) == nil {
			t.Errorf("nothing is wrong with %s", bad)
		}
	}
	for name, e := range Events() {
		if len(e.Levels) == 0 && name != "api.access" {
			t.Errorf("%s has no level", name)
		}
	}
}

// TestMetricsSees what the format's specification, or this product, does not allow.
func TestMetricsSees(t *testing.T) {
	good := fmt.Sprintf(`{"_aws":{"Timestamp":%d,"CloudWatchMetrics":[{"Namespace":"VerificationWebhooks","Dimensions":[["Deployment"],["Deployment","Cause"]],`+
		`"Metrics":[{"Name":"Faults"},{"Name":"EventAge","Unit":"Seconds"}]}]},"Deployment":"prod","Cause":"other","Faults":2,"EventAge":1.5}`, time.Now().UnixMilli())
	points, err := Metrics([]byte(good))
	want := []Point{{"Faults", "", 2}, {"Faults", "other", 2}, {"EventAge", "", 1.5}, {"EventAge", "other", 1.5}}
	if err != nil || !slices.Equal(points, want) {
		t.Fatalf("%v, %v", points, err)
	}
	for _, change := range [][2]string{
		{`{"_aws"`, `["_aws"`}, {`"Timestamp":1`, `"Timestamp":`}, {`"Timestamp":`, `"Timestamp":1`}, {`"Timestamp"`, `"Time"`}, {`"Namespace":"`, `"Namespace":"AWS/`},
		{`"Metrics":[`, `"Metrics":[],"X":[`}, {`[["Deployment"],`, `[[`}, {`["Deployment"],["Deployment","Cause"]`, ``}, {`"Unit"`, `"Units"`}, {`Seconds`, `Minutes`},
		{`{"Name":"Faults"}`, `{"Name":"Faults","Unit":"Count"}`}, {`"Faults":2`, `"Faults":0`}, {`"Faults":2`, `"Faults":"2"`}, {`"Faults":2`, `"faults":2`},
		{`"prod"`, `""`}, {`"prod"`, `7`}, {`"Cause":"other",`, ``}, {`"prod"`, `"` + strings.Repeat("x", 1025) + `"`}, {`["Deployment","Cause"]`, `["Cause"]`},
		{`1.5}`, `1.5,"x":"` + strings.Repeat("x", 1<<20) + `"}`},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good {
			t.Fatalf("%s is not there", change[0])
		}
		if _, err := Metrics([]byte(bad)); err == nil {
			t.Errorf("nothing is wrong after %s", change)
		}
	}
}
