package jsbytes_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
	"github.com/cr3dentials/verification-webhooks/shared/jsbytes/docgen"
)

// TestNode compares documents at random with the engine that receivers run: it must write each as we did.
func TestNode(t *testing.T) {
	count, from, began := documents(t, 200_000), seed(t), time.Now()
	var bytesSent, largest int
	document := func(number uint64) []byte {
		b, err := jsbytes.Marshal(docgen.New(from, number).Document())
		if err != nil {
			panic(fmt.Sprintf("document %d of seed %d: %v", number, from, err))
		}
		bytesSent, largest = bytesSent+len(b), max(largest, len(b))
		return b
	}
	startOracle(t).stream(t, 'F', count, document, func(number uint64, letter byte, text []byte) string {
		if letter == 's' {
			return ""
		}
		b, _ := jsbytes.Marshal(docgen.New(from, number).Document())
		return fmt.Sprintf("%.2000q\nbecame %.2000q", b, text)
	})
	t.Logf("%d documents of %d bytes in all, the largest of %d, in %s", count, bytesSent, largest, time.Since(began).Round(time.Millisecond))
}

// TestNodeExtremes compares the bodies at the limits.
func TestNodeExtremes(t *testing.T) {
	o := startOracle(t)
	for _, e := range docgen.Extremes() {
		b, err := jsbytes.Marshal(e.Body)
		if err != nil {
			t.Fatalf("%s: %v", e.Name, err)
		}
		if letter, text := o.ask(t, 'F', b); letter != 's' {
			t.Errorf("%s: %.2000q\nbecame %.2000q", e.Name, b, text)
		}
	}
}

// TestNodeParse gives the same texts, valid and not, to Parse and to JSON.parse. Node tells what must become of each.
func TestNodeParse(t *testing.T) {
	count, from, began := documents(t, 200_000), seed(t), time.Now()
	accepted, tooDeep := 0, 0
	text := func(number uint64) []byte { return repaired(docgen.New(from, number).JSON()) }
	startOracle(t).stream(t, 'P', count, text, func(number uint64, letter byte, want []byte) string {
		raw := docgen.New(from, number).JSON()
		v, err := jsbytes.Parse(raw)
		switch {
		case errors.Is(err, jsbytes.ErrTooDeep) && depth(raw) > jsbytes.MaxDepth:
			tooDeep++
			return ""
		case err != nil && letter != 'r':
			return fmt.Sprintf("%q: %v, but JavaScript accepts it", raw, err)
		case err == nil && letter == 'r':
			return fmt.Sprintf("%q is accepted, but not by JavaScript", raw)
		case err != nil:
			return ""
		}
		accepted++
		return unlike(raw, v, want)
	})
	t.Logf("%d texts, of which %d are valid and %d too deep, in %s", count, accepted, tooDeep, time.Since(began).Round(time.Millisecond))
	if accepted < count/3 || accepted > count*9/10 {
		t.Errorf("%d of %d texts are valid: there should be many of both kinds", accepted, count)
	}
}

// unlike says how what becomes of a parsed text differs from what JavaScript says, or from what becomes of it again.
func unlike(raw []byte, v jsbytes.Value, want []byte) string {
	b, err := jsbytes.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%q: %v", raw, err)
	}
	if !bytes.Equal(b, want) {
		return fmt.Sprintf("%q\nis written as %q\nwant          %q", raw, b, want)
	}
	twice, err := jsbytes.Parse(b)
	if err != nil {
		return fmt.Sprintf("%q is written as %q, which does not parse: %v", raw, b, err)
	}
	if again, err := jsbytes.Marshal(twice); err != nil || !bytes.Equal(again, b) {
		return fmt.Sprintf("%q\nis written as %q\nand then as   %q, %v", raw, b, again, err)
	}
	return ""
}

// depth counts the deepest nesting of brackets outside of strings, whatever they enclose.
func depth(text []byte) int {
	open, deepest, inString := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '[' || c == '{':
			open++
			deepest = max(deepest, open)
		case c == ']' || c == '}':
			open--
		}
	}
	return deepest
}

// TestOracleSees proves that the comparisons above can fail.
func TestOracleSees(t *testing.T) {
	o := startOracle(t)
	for _, wrong := range []string{
		`1.0`, `1e21`, `-0`, `{"b":1,"1":2}`, `"\u003c"`, `"\u2028"`, `"\u001F"`, `"\/"`, `9007199254740993`, `{"a":1,"a":2}`, ` 1`, `x`, "\"\xff\"",
	} {
		if letter, text := o.ask(t, 'F', []byte(wrong)); letter != 'd' {
			t.Errorf("%s passes for a fixed point: %c %q", wrong, letter, text)
		}
	}
	if letter, _ := o.ask(t, 'F', []byte(`{"1":2,"b":[1,1e+21,"<"]}`)); letter != 's' {
		t.Errorf("a fixed point passes for none: %c", letter)
	}
	for _, tt := range []struct{ text, want string }{
		{`[1,]`, "r"}, {` {"b":1.0,"1":1e21,"b":-0} `, `a{"1":1e+21,"b":0}`}, {`["\ud800x","\ud83d\ude00"]`, "a[\"\ufffdx\",\"😀\"]"},
		{`[9007199254740993,1e400,12e-1]`, `a["9007199254740993","1e400",1.2]`}, {`{"\ud800":1,"a":2,"\udfff":3}`, "a{\"\ufffd\":3,\"a\":2}"},
		{`{"__proto__":{"a":"1"}}`, `a{"__proto__":{"a":"1"}}`},
	} {
		if letter, text := o.ask(t, 'P', []byte(tt.text)); string(letter)+string(text) != tt.want {
			t.Errorf("%s: got %c%s, want %s", tt.text, letter, text, tt.want)
		}
	}
}
