package docgen_test

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
	"github.com/cr3dentials/verification-webhooks/shared/jsbytes/docgen"
)

// TestRepeats: a document depends on its seed and number alone.
func TestRepeats(t *testing.T) {
	one, other := docgen.New(7, 3), docgen.New(7, 3)
	for range 100 {
		a, errA := jsbytes.Marshal(one.Document())
		b, errB := jsbytes.Marshal(other.Document())
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Fatalf("got %.200q and %.200q, %v, %v", a, b, errA, errB)
		}
		if x, y := one.JSON(), other.JSON(); !bytes.Equal(x, y) {
			t.Fatalf("got %.200q and %.200q", x, y)
		}
	}
	if a, b := docgen.New(7, 3).JSON(), docgen.New(7, 4).JSON(); bytes.Equal(a, b) {
		t.Error("two numbers of a seed give the same text")
	}
}

// TestReaches: what the documents are for does occur in a few thousand of them.
func TestReaches(t *testing.T) {
	missing := map[string]bool{
		`"__proto__":`: true, `"constructor":`: true, `"toJSON":`: true, "\u2028": true, "\u2029": true, "\ufffd": true, "😀": true,
		`"4294967294":`: true, `"4294967295":`: true, `"4294967296":`: true, `9007199254740992`: true, `"9007199254740993"`: true,
		"1e+21": true, "1e-7": true, "5e-324": true, "e-308": true, `"1e400"`: true, "{}": true, "[]": true, "\x7f": true,
	}
	for c := range 0x20 {
		escaped, err := jsbytes.Marshal(jsbytes.String(string(rune(c))))
		if err != nil {
			t.Fatal(err)
		}
		missing[strings.Trim(string(escaped), `"`)] = true
	}
	deepest, largest := 0, 0
	for number := range uint64(5000) {
		v := docgen.New(1, number).Document()
		b, err := jsbytes.Marshal(v)
		if err != nil {
			t.Fatalf("document %d: %v", number, err)
		}
		deepest, largest = max(deepest, depth(v)), max(largest, len(b))
		for text := range missing {
			if bytes.Contains(b, []byte(text)) {
				delete(missing, text)
			}
		}
	}
	if len(missing) > 0 || deepest != jsbytes.MaxDepth || largest < 20_000 {
		t.Errorf("missing %q; %d levels, %d bytes", slices.Sorted(maps.Keys(missing)), deepest, largest)
	}
}

// TestBody: a body has the partner guide's shape and is never too large.
func TestBody(t *testing.T) {
	for number := range uint64(1000) {
		v := docgen.New(2, number).Body()
		if m := v.Members(); len(m) != 3 || m[0].Name != "type" || m[1].Name != "status" || m[2].Name != "data" {
			t.Fatalf("body %d has other members", number)
		}
		if _, err := jsbytes.Marshal(v); err != nil {
			t.Fatalf("body %d: %v", number, err)
		}
	}
}

// TestExtremes: the limits are reached exactly.
func TestExtremes(t *testing.T) {
	full, deep := 0, 0
	for _, e := range docgen.Extremes() {
		b, err := jsbytes.Marshal(e.Body)
		if err != nil {
			t.Fatalf("%s: %v", e.Name, err)
		}
		if strings.HasPrefix(e.Name, "102400 bytes") != (len(b) == jsbytes.MaxSize) {
			t.Errorf("%s: %d bytes", e.Name, len(b))
		}
		if len(b) == jsbytes.MaxSize {
			full++
		}
		if depth(e.Body) == jsbytes.MaxDepth {
			deep++
		}
	}
	if full < 5 || deep < 3 {
		t.Errorf("%d bodies of the largest size, %d of the greatest depth", full, deep)
	}
}

// TestFromBytes: a byte of the fuzzer's input makes a difference, and any input will do.
func TestFromBytes(t *testing.T) {
	seen := make(map[string]bool)
	for c := range 256 {
		b, err := jsbytes.Marshal(docgen.FromBytes([]byte{250, byte(c), byte(c)}).Document())
		if err != nil {
			t.Fatal(err)
		}
		seen[string(b)] = true
	}
	if len(seen) < 10 {
		t.Errorf("256 inputs give %d documents", len(seen))
	}
}

func depth(v jsbytes.Value) int {
	deepest := 0
	for _, item := range v.Items() {
		deepest = max(deepest, depth(item))
	}
	for _, m := range v.Members() {
		deepest = max(deepest, depth(m.Value))
	}
	if v.Kind() == jsbytes.KindList || v.Kind() == jsbytes.KindObject {
		return deepest + 1
	}
	return 0
}
