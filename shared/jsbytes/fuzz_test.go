package jsbytes_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
	"github.com/cr3dentials/verification-webhooks/shared/jsbytes/docgen"
)

// FuzzMarshal makes a document of the fuzzer's choices. JavaScript must write it as we did, and so must we.
func FuzzMarshal(f *testing.F) {
	o := startOracle(f)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, choices []byte) {
		b, err := jsbytes.Marshal(docgen.FromBytes(choices).Document())
		if err != nil {
			t.Fatal(err)
		}
		if letter, text := o.ask(t, 'F', b); letter != 's' {
			t.Errorf("%q\nbecame %q", b, text)
		}
		v, err := jsbytes.Parse(b)
		if err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		if again, err := jsbytes.Marshal(v); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%q\nbecame %q, %v", b, again, err)
		}
	})
}

// FuzzParse compares with JavaScript what is accepted, and what becomes of it.
func FuzzParse(f *testing.F) {
	o := startOracle(f)
	for number := range uint64(20) {
		f.Add(docgen.New(1, number).JSON())
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := jsbytes.Parse(text)
		if depth(text) > jsbytes.MaxDepth { // too much for recursive parts of the oracle
			if err == nil {
				t.Errorf("%q is accepted", text)
			}
			return
		}
		letter, want := o.ask(t, 'P', repaired(text))
		if (err == nil) != (letter == 'a') || errors.Is(err, jsbytes.ErrTooDeep) {
			t.Fatalf("%q: %v, but JavaScript says %c", text, err, letter)
		}
		if err == nil && len(want) <= jsbytes.MaxSize {
			if fault := unlike(text, v, want); fault != "" {
				t.Error(fault)
			}
		}
	})
}

// FuzzNumber checks that a number is written as one exactly if no digit is lost: as JavaScript for the numbers of JSON,
// and by an independent reading for other decimal numbers.
func FuzzNumber(f *testing.F) {
	o := startOracle(f)
	for _, s := range []string{
		"0", "-0", "1.10", "1e21", "9007199254740993", "5e-324", "1e400", "x", "1e-7", ".5", "+1", "01", "5.", "0e99999999",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, err := jsbytes.Marshal(jsbytes.Number(s))
		if err != nil {
			t.Fatal(err)
		}
		if s != "" && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') && !strings.ContainsAny(s, " \t\r\n") {
			if letter, want := o.ask(t, 'P', repaired([]byte(s))); letter == 'a' && !bytes.Equal(b, want) {
				t.Errorf("%q is written as %s, want %s", s, b, want)
			}
		}
		if b[0] == '"' {
			var back string
			if err := json.Unmarshal(b, &back); err != nil || back != jsbytes.String(s).Text() {
				t.Errorf("%q is written as %s, %v", s, b, err)
			}
			return
		}
		if same, ok := sameDecimal(s, string(b)); ok && !same {
			t.Errorf("%q is written as %s, another value", s, b)
		}
	})
}

// FuzzString checks that a text, as a name and as a value, reads back as what was meant, in Go and in JavaScript.
func FuzzString(f *testing.F) {
	o := startOracle(f)
	for _, s := range []string{"", "a", "\x00\x1f\"\\", "\u2028😀", "\xff\xed\xa0\x80", "<&>", "__proto__", "4294967295"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, err := jsbytes.Marshal(jsbytes.Map(map[string]jsbytes.Value{s: jsbytes.String(s), "0": jsbytes.Null()}))
		if errors.Is(err, jsbytes.ErrTooLarge) && len(b) == 0 && len(s) > jsbytes.MaxSize/12 {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if letter, text := o.ask(t, 'F', b); letter != 's' {
			t.Errorf("%q\nbecame %q", b, text)
		}
		var back map[string]*string
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		want := string(repaired([]byte(s)))
		if got := back[want]; want != "0" && (got == nil || *got != want) {
			t.Errorf("%q does not read back as %q", b, want)
		}
	})
}

// repaired returns text with U+FFFD for each invalid byte. JavaScript decodes before it parses, by another count of
// them; no test here depends on that.
func repaired(text []byte) []byte { return []byte(string([]rune(string(text)))) }

// sameDecimal compares two numbers exactly; ok is false where that would take too much.
func sameDecimal(a, b string) (same, ok bool) {
	if len(a) > 60 {
		return false, false
	}
	x, xok := new(big.Rat).SetString(a)
	y, yok := new(big.Rat).SetString(b)
	return xok && yok && x.Cmp(y) == 0, xok && yok
}
