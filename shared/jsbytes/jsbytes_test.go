package jsbytes_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
)

func marshal(t *testing.T, v jsbytes.Value) string {
	t.Helper()
	b, err := jsbytes.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestNumbers(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"0", "0"}, {"-0", "0"}, {"-0.0", "0"}, {"0E+10", "0"}, {"0e1000001", "0"}, {"-0.0E-99999999999999999999", "0"}, {"5000", "5000"}, {"-7", "-7"},
		{"1.0", "1"}, {"1.10", "1.1"}, {"+1", "1"}, {".5", "0.5"}, {"5.", "5"}, {"007", "7"},
		{"1E5", "100000"}, {"1e21", "1e+21"}, {"1E+20", "100000000000000000000"}, {"-1.5e300", "-1.5e+300"},
		{"0.000001", "0.000001"}, {"0.0000001", "1e-7"}, {"1e-6", "0.000001"}, {"1.25E-9", "1.25e-9"},
		{"5e-324", "5e-324"}, {"1.7976931348623157e308", "1.7976931348623157e+308"},
		{"0.1", "0.1"}, {"0.30000000000000004", "0.30000000000000004"},
		{"9007199254740993", `"9007199254740993"`}, {"9007199254740992", "9007199254740992"},
		// Beyond 2^53 a number stays one if its double has these very digits.
		{"9007199254740994", "9007199254740994"}, {"12345678901234567000", "12345678901234567000"},
		{"12345678901234567890", `"12345678901234567890"`},
		{"3.14159265358979323846264338327950288419", `"3.14159265358979323846264338327950288419"`},
		{"0.10000000000000000555", `"0.10000000000000000555"`},
		{"1e400", `"1e400"`}, {"-1e400", `"-1e400"`}, {"1e-400", `"1e-400"`}, {"3e-324", `"3e-324"`},
		{"1e99999999999999999999", `"1e99999999999999999999"`}, {"1E-99999999999999999999", `"1E-99999999999999999999"`},
		{"0e+", `"0e+"`}, {"0e1x", `"0e1x"`},
		{"", `""`}, {"abc", `"abc"`}, {"0x10", `"0x10"`}, {"1_000", `"1_000"`}, {"Infinity", `"Infinity"`},
		{"NaN", `"NaN"`}, {"1e", `"1e"`}, {"-", `"-"`}, {".", `"."`}, {"1.2.3", `"1.2.3"`}, {"1 ", `"1 "`},
	} {
		if got := marshal(t, jsbytes.Number(tt.text)); got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.text, got, tt.want)
		}
	}
}

// TestLongNumber: a text nobody writes costs no more than its length.
func TestLongNumber(t *testing.T) {
	long := strings.Repeat("1", 1000)
	if got := marshal(t, jsbytes.Number(long)); got != `"`+long+`"` {
		t.Errorf("got %.40s...", got)
	}
	for text, want := range map[string]bool{
		long: false, long[:512]: true, long[:513]: false, "1e99999999999999999999": true, "0e-1000001": true, ".5": true,
		"": false, "e5": false, "1e": false, "--1": false, " 1": false,
	} {
		if got := jsbytes.IsNumber(text); got != want {
			t.Errorf("IsNumber(%.40s), %d bytes: got %t", text, len(text), got)
		}
	}
}

func TestStrings(t *testing.T) {
	for _, tt := range []struct{ name, s, want string }{
		{"nothing for HTML", "<a href='x'>&</a>", `"<a href='x'>&</a>"`},
		{"quote and backslash", `a"b\c/d`, `"a\"b\\c/d"`},
		{"short escapes", "\b\f\n\r\t", `"\b\f\n\r\t"`},
		{"other control characters", "\x00\x01\x0b\x1f", `"\u0000\u0001\u000b\u001f"`},
		{"line separators", "\u2028\u2029", "\"\u2028\u2029\""},
		{"what is not escaped", "\x7f\u0085\ufeff\ufffe\uffff", "\"\x7f\u0085\ufeff\ufffe\uffff\""},
		{"above U+FFFF", "😀", `"😀"`},
		{"invalid bytes", "a\xffb\xc0\xaf", "\"a\ufffdb\ufffd\ufffd\""},
		{"an encoded surrogate", "\xed\xa0\xbd", "\"\ufffd\ufffd\ufffd\""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := marshal(t, jsbytes.String(tt.s)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestObjectOrder(t *testing.T) {
	member := func(name, v string) jsbytes.Member { return jsbytes.Member{Name: name, Value: jsbytes.String(v)} }
	for _, tt := range []struct {
		name string
		v    jsbytes.Value
		want string
	}{
		{"the given order is kept", jsbytes.Object(member("type", ""), member("status", ""), member("data", "")),
			`{"type":"","status":"","data":""}`},
		{"array indices come first", jsbytes.Object(member("b", ""), member("10", ""), member("9", ""), member("a", "")),
			`{"9":"","10":"","b":"","a":""}`},
		{"a repeated name", jsbytes.Object(member("a", "1"), member("b", "2"), member("a", "3")), `{"a":"3","b":"2"}`},
		{"what is no array index", jsbytes.Object(member("01", ""), member("4294967295", ""), member("-1", ""),
			member("1.0", ""), member("", ""), member("4294967294", "")),
			`{"4294967294":"","01":"","4294967295":"","-1":"","1.0":"","":""}`},
		{"names that become one", jsbytes.Map(map[string]jsbytes.Value{
			"\xff": jsbytes.String("last"), "\xfe": jsbytes.String("first"), "\ufffd": jsbytes.String("before both")}),
			"{\"\ufffd\":\"last\"}"},
		{"a map by UTF-16 code unit", jsbytes.Map(map[string]jsbytes.Value{
			"\uffff": {}, "😀": {}, "\ue000": {}, "\ud7ff": {}, "b": {}, "B": {}, "2": {}, "11": {}, "aa": {}, "a": {}}),
			"{\"2\":null,\"11\":null,\"B\":null,\"a\":null,\"aa\":null,\"b\":null,\"\ud7ff\":null,\"😀\":null,\"\ue000\":null," +
				"\"\uffff\":null}"},
		{"names of Object.prototype", jsbytes.Map(map[string]jsbytes.Value{"__proto__": {}, "constructor": {}}),
			`{"__proto__":null,"constructor":null}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := marshal(t, tt.v); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestOtherKinds(t *testing.T) {
	v := jsbytes.List(jsbytes.Null(), jsbytes.Bool(true), jsbytes.Bool(false), jsbytes.Binary([]byte{0xfb, 0xff}),
		jsbytes.List(), jsbytes.Object())
	if got, want := marshal(t, v), `[null,true,false,"+/8=",[],{}]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDepth(t *testing.T) {
	nested := func(levels int) jsbytes.Value {
		v := jsbytes.Number("1")
		for i := range levels {
			if i%2 == 0 {
				v = jsbytes.List(v)
			} else {
				v = jsbytes.Object(jsbytes.Member{Name: "a", Value: v})
			}
		}
		return v
	}
	if _, err := jsbytes.Marshal(nested(jsbytes.MaxDepth)); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if _, err := jsbytes.Marshal(nested(jsbytes.MaxDepth + 1)); !errors.Is(err, jsbytes.ErrTooDeep) {
		t.Errorf("above the limit: got %v, want ErrTooDeep", err)
	}
}

// TestSize: a document of MaxSize bytes is written, one of a byte more is not, wherever the byte stands.
func TestSize(t *testing.T) {
	text := func(n int) jsbytes.Value { return jsbytes.String(strings.Repeat("a", n)) }
	for _, tt := range []struct {
		name string
		make func(n int) jsbytes.Value // of n+10 bytes
	}{
		{"a text", func(n int) jsbytes.Value { return text(n + 8) }},
		{"a name", func(n int) jsbytes.Value {
			return jsbytes.Object(jsbytes.Member{Name: strings.Repeat("a", n+4), Value: jsbytes.Number("7")})
		}},
		{"a bracket", func(n int) jsbytes.Value { return jsbytes.List(jsbytes.List(text(n + 4))) }},
		{"the last item", func(n int) jsbytes.Value { return jsbytes.List(text(n+3), jsbytes.Number("12")) }},
		{"escapes", func(n int) jsbytes.Value { return jsbytes.List(text(n-9), jsbytes.String("\x00\x01")) }},
	} {
		for _, over := range []int{0, 1} {
			b, err := jsbytes.Marshal(tt.make(jsbytes.MaxSize - 10 + over))
			if over == 0 && (err != nil || len(b) != jsbytes.MaxSize) {
				t.Errorf("%s: %d bytes, %v; want %d bytes", tt.name, len(b), err, jsbytes.MaxSize)
			}
			if over == 1 && !errors.Is(err, jsbytes.ErrTooLarge) {
				t.Errorf("%s: %d bytes, %v; want ErrTooLarge", tt.name, len(b), err)
			}
		}
	}
}
