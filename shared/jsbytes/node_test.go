package jsbytes_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
)

// oracle reads documents in hex, one a line, and reports those that JavaScript would write differently.
const oracle = `
let n = 0, bad = 0
require('readline').createInterface({input: process.stdin}).on('line', line => {
  const text = Buffer.from(line, 'hex').toString('utf8')
  let again
  try { again = JSON.stringify(JSON.parse(text)) } catch (e) { again = String(e) }
  if (Buffer.from(again).toString('hex') !== line && bad++ < 5) console.log('document ' + n + ': ' + text + '\n  became ' + again)
  n++
}).on('close', () => console.log('checked ' + n + ' bad ' + bad))
`

// differ gives documents to one Node process and fails the test for each that is not a fixed point.
func differ(t *testing.T, documents [][]byte) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("this test needs Node.js: %v", err)
	}
	var in bytes.Buffer
	for _, d := range documents {
		in.WriteString(hex.EncodeToString(d))
		in.WriteByte('\n')
	}
	cmd := exec.Command(node, "-e", oracle)
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("checked %d bad 0\n", len(documents))
	if string(out) != want {
		t.Errorf("got:\n%s\nwant: %s", out, want)
	}
}

// TestNode compares documents at random with the engine that receivers run. The seed is fixed: a failure repeats.
func TestNode(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(1, 2))}
	documents := make([][]byte, 20_000)
	for i := range documents {
		b, err := jsbytes.Marshal(g.value(4))
		if err != nil {
			t.Fatal(err)
		}
		documents[i] = b
	}
	differ(t, documents)
}

// TestOracleSees proves that the comparison above can fail.
func TestOracleSees(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("this test needs Node.js: %v", err)
	}
	for _, wrong := range []string{`1.0`, `{"b":1,"1":2}`, `"\u003c"`, `"\u2028"`, `9007199254740993`, `{"a":1,"a":2}`, ` 1`, `x`} {
		cmd := exec.Command(node, "-e", oracle)
		cmd.Stdin = strings.NewReader(hex.EncodeToString([]byte(wrong)) + "\n")
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(string(out), "checked 1 bad 1\n") {
			t.Errorf("%s passes for a fixed point: %s", wrong, out)
		}
	}
}

type generator struct{ *rand.Rand }

func (g generator) value(depth int) jsbytes.Value {
	kinds := 7
	if depth == 0 {
		kinds = 5
	}
	switch g.IntN(kinds) {
	case 0:
		return jsbytes.Null()
	case 1:
		return jsbytes.Bool(g.IntN(2) == 0)
	case 2, 3:
		return jsbytes.Number(g.number())
	case 4:
		return jsbytes.String(g.text())
	case 5:
		items := make([]jsbytes.Value, g.IntN(5))
		for i := range items {
			items[i] = g.value(depth - 1)
		}
		return jsbytes.List(items...)
	default:
		members := make(map[string]jsbytes.Value)
		for range g.IntN(6) {
			members[g.name()] = g.value(depth - 1)
		}
		return jsbytes.Map(members)
	}
}

// number returns one of: digits as DynamoDB keeps them, the text of any double, a small integer.
func (g generator) number() string {
	switch g.IntN(3) {
	case 0:
		var b strings.Builder
		for range 1 + g.IntN(38) {
			b.WriteByte('0' + byte(g.IntN(10)))
		}
		s := b.String()
		if i := g.IntN(len(s)); i > 0 {
			s = s[:i] + "." + s[i:]
		}
		return []string{"", "-"}[g.IntN(2)] + s + []string{"", "E" + strconv.Itoa(g.IntN(256)-130)}[g.IntN(2)]
	case 1:
		f := math.Float64frombits(g.Uint64())
		return strconv.FormatFloat(f, "efg"[g.IntN(3)], -1, 64) // NaN and infinities are texts like any other
	default:
		return strconv.Itoa(g.IntN(2000) - 1000)
	}
}

func (g generator) name() string {
	switch g.IntN(4) {
	case 0:
		return strconv.FormatUint(g.Uint64N(1<<33), 10)
	case 1:
		return []string{"__proto__", "constructor", "toString", "", "0", "00", "-1", "1.5", "4294967294", "4294967295"}[g.IntN(10)]
	}
	return g.text()
}

// text returns characters from all the places where writers of JSON differ, invalid bytes among them.
func (g generator) text() string {
	var b strings.Builder
	for range g.IntN(8) {
		switch g.IntN(6) {
		case 0:
			b.WriteByte(byte(g.IntN(256)))
		case 1:
			b.WriteRune(rune(g.IntN(0x20)))
		case 2:
			b.WriteString([]string{"\u2028", "\u2029", "\ufeff", "\uffff", "\ue000", "<", ">", "&", `"`, `\`, "/", "\x7f"}[g.IntN(12)])
		case 3:
			b.WriteRune(rune(g.IntN(0x110000)))
		default:
			b.WriteByte(byte(' ' + g.IntN(95)))
		}
	}
	return b.String()
}

// FuzzString checks, without Node, that what is written reads back as what was meant.
func FuzzString(f *testing.F) {
	for _, s := range []string{"", "a", "\x00\x1f\"\\", "\u2028😀", "\xff\xed\xa0\x80", "<&>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, err := jsbytes.Marshal(jsbytes.Map(map[string]jsbytes.Value{s: jsbytes.String(s)}))
		if err != nil {
			t.Fatal(err)
		}
		var back map[string]string
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		want := jsbytes.String(s).Text()
		if len(back) != 1 || back[want] != want {
			t.Errorf("%q reads back as %q, want %q", b, back, want)
		}
	})
}

// FuzzNumber checks that a number is written as one exactly if no digit is lost, by an independent reading of both.
func FuzzNumber(f *testing.F) {
	for _, s := range []string{"0", "-0", "1.10", "1e21", "9007199254740993", "5e-324", "1e400", "x", "1e-7", ".5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, err := jsbytes.Marshal(jsbytes.Number(s))
		if err != nil {
			t.Fatal(err)
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
