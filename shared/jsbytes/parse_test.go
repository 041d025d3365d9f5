package jsbytes_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
)

// TestParse goes through the grammar of RFC 8259, rule by rule: what is written of a valid text, and "" for what is none.
func TestParse(t *testing.T) {
	o := startOracle(t)
	for _, tt := range []struct{ text, want string }{
		// Section 2: white space, structural characters, one value.
		{"", ""}, {" ", ""}, {"null", "null"}, {" \t\r\n[ \t\r\n] \t\r\n", "[]"}, {"\v[]", ""}, {"\f[]", ""}, {"\u00a0[]", ""},
		{"\u2028[]", ""}, {"\ufeff[]", ""}, {"[]\x00", ""}, {"1 2", ""}, {"[][]", ""}, {"[]]", ""}, {"[],", ""}, {"{}}", ""},
		{"/**/[]", ""}, {"[] // x", ""}, {"# x\n[]", ""}, {"\xff", ""}, {"[\xff]", ""},
		// Section 3: literal names.
		{"true", "true"}, {"false", "false"}, {"True", ""}, {"NULL", ""}, {"nul", ""}, {"nulll", ""}, {"truefalse", ""},
		{"undefined", ""}, {"NaN", ""}, {"Infinity", ""}, {"-Infinity", ""}, {"n\\u0075ll", ""}, {"*", ""}, {"x", ""},
		// Section 4: objects.
		{"{}", "{}"}, {`{"a":1}`, `{"a":1}`}, {`{"":0}`, `{"":0}`}, {"{ \n\"a\" \t:\r1 , \"b\":2 }", `{"a":1,"b":2}`},
		{`{"a":1,}`, ""}, {`{,"a":1}`, ""}, {`{"a":1,,"b":2}`, ""}, {`{"a" 1}`, ""}, {`{"a":}`, ""}, {`{"a"}`, ""}, {`{:1}`, ""},
		{`{a:1}`, ""}, {`{'a':1}`, ""}, {`{1:1}`, ""}, {`{null:1}`, ""}, {`{[]:1}`, ""}, {`{"a":1`, ""}, {`{"a":1]`, ""}, {`{`, ""},
		{`{"a":1 "b":2}`, ""}, {`{"a"::1}`, ""}, {`{"a":1:2}`, ""}, {`{"a","b"}`, ""}, {`{"a":1;"b":2}`, ""}, {`{"a"=1}`, ""},
		{`{"a":1,"a":2}`, `{"a":2}`}, {`{"a":1,"b":2,"\u0061":3}`, `{"a":3,"b":2}`}, {`{"b":1,"10":2,"9":3}`, `{"9":3,"10":2,"b":1}`},
		{`{"\ud800":1,"x":2,"\udc00":3}`, "{\"\ufffd\":3,\"x\":2}"}, {`{"__proto__":1,"constructor":{}}`, `{"__proto__":1,"constructor":{}}`},
		// Section 5: arrays.
		{"[1]", "[1]"}, {"[1 , 2]", "[1,2]"}, {"[[],{}]", "[[],{}]"}, {"[1,]", ""}, {"[,1]", ""}, {"[,]", ""}, {"[1,,2]", ""}, {"[1 2]", ""},
		{"[1}", ""}, {"[", ""}, {"]", ""}, {"[1", ""}, {"[1,", ""}, {"[1:2]", ""}, {"[1;2]", ""}, {"[\"a\"", ""}, {"[[1]", ""}, {"(1)", ""},
		// Section 6: numbers.
		{"0", "0"}, {"-0", "0"}, {"-0.0e-0", "0"}, {"123", "123"}, {"-1", "-1"}, {"1.50", "1.5"}, {"1e5", "100000"}, {"1E+2", "100"},
		{"1e-2", "0.01"}, {"1e21", "1e+21"}, {"0e1", "0"}, {"0e99999999999", "0"}, {"1e400", `"1e400"`}, {"-1E-400", `"-1E-400"`},
		{"9007199254740993", `"9007199254740993"`}, {"01", ""}, {"-01", ""}, {"00", ""}, {"+1", ""}, {"-", ""}, {"--1", ""}, {".5", ""},
		{"-.5", ""}, {"1.", ""}, {"1.e1", ""}, {"1e", ""}, {"1e+", ""}, {"1ee1", ""}, {"1e1.5", ""}, {"0x10", ""}, {"1_000", ""},
		{"1a", ""}, {"1n", ""}, {"1 000", ""}, {"１", ""}, {"1,5", ""}, {"- 1", ""}, {"1. 5", ""}, {"1e 5", ""},
		// Section 7: strings.
		{`""`, `""`}, {`"a"`, `"a"`}, {`"\"\\\/\b\f\n\r\t"`, `"\"\\/\b\f\n\r\t"`}, {`"\u00e9\u000A\u001F"`, `"é\n\u001f"`},
		{`"\uD83D\uDE00"`, `"😀"`}, {`"\ud83d"`, "\"\ufffd\""}, {`"\ude00\ud83d"`, "\"\ufffd\ufffd\""}, {`"\ud83d\ud83d\ude00"`, "\"\ufffd😀\""},
		{`"\ud83dx"`, "\"\ufffdx\""}, {`"\ud83d\n"`, "\"\ufffd\\n\""}, {"\"\u2028\u2029\x7f\"", "\"\u2028\u2029\x7f\""}, {`"\u2028"`, "\"\u2028\""},
		{`"\u0000"`, `"\u0000"`}, {"\"\x00\"", ""}, {"\"\n\"", ""}, {"\"\t\"", ""}, {"\"\x1f\"", ""}, {`"`, ""}, {`"a`, ""}, {`a"`, ""}, {`'a'`, ""},
		{`"\a"`, ""}, {`"\'"`, ""}, {`"\0"`, ""}, {`"\x41"`, ""}, {`"\`, ""}, {`"\"`, ""}, {`"\u"`, ""}, {`"\u12"`, ""}, {`"\u123g"`, ""},
		{`"\U0041"`, ""}, {`"\u{41}"`, ""}, {`"\u+123"`, ""}, {`"a""b"`, ""}, {`"\ud800\u"`, ""}, {`\u0022a"`, ""},
	} {
		got := ""
		v, err := jsbytes.Parse([]byte(tt.text))
		if err == nil {
			got = marshal(t, v)
		} else if !errors.Is(err, jsbytes.ErrSyntax) {
			t.Errorf("%q: got %v, want ErrSyntax", tt.text, err)
		}
		if got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
		// The table itself is held to what JavaScript does.
		if _, want := o.ask(t, 'P', repaired([]byte(tt.text))); string(want) != tt.want {
			t.Errorf("%q: JavaScript has %q, the table %q", tt.text, want, tt.want)
		}
	}
}

// TestParseInvalidUTF8: bytes are taken as they come, each invalid one as U+FFFD.
func TestParseInvalidUTF8(t *testing.T) {
	for text, want := range map[string]string{
		"\"a\xffb\"": "\"a\ufffdb\"", "\"\xed\xa0\xbd\"": "\"\ufffd\ufffd\ufffd\"", "\"\xe2\x80\"": "\"\ufffd\ufffd\"",
		"{\"\xff\":1,\"\xfe\":2}": "{\"\ufffd\":2}",
	} {
		v, err := jsbytes.Parse([]byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := marshal(t, v); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestParseDepth(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       error
	}{
		{"at the limit", strings.Repeat("[", 64) + strings.Repeat("]", 64), nil},
		{"above it", strings.Repeat("[", 65) + strings.Repeat("]", 65), jsbytes.ErrTooDeep},
		{"objects at the limit", strings.Repeat(`{"a":`, 64) + "1" + strings.Repeat("}", 64), nil},
		{"objects above it", strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65), jsbytes.ErrTooDeep},
		{"a million and no end", strings.Repeat("[", 1_000_000), jsbytes.ErrTooDeep},
		{"side by side", "[" + strings.Repeat("[],", 1000) + "[]]", nil},
	} {
		if _, err := jsbytes.Parse([]byte(tt.text)); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
}

// TestParseNumbersKeepDigits: what becomes of a number is decided when it is written.
func TestParseNumbersKeepDigits(t *testing.T) {
	v, err := jsbytes.Parse([]byte(`[1.10,12345678901234567890]`))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"1.10", "12345678901234567890"} {
		if item := v.Items()[i]; item.Kind() != jsbytes.KindNumber || item.Text() != want {
			t.Errorf("got kind %d, %q; want the number %q", item.Kind(), item.Text(), want)
		}
	}
}
