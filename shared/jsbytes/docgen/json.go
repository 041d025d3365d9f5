package docgen

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
)

// JSON returns a text that a JSON parser may meet: white space, escapes in all their forms, lone surrogates, repeated
// names, numbers of any size. One in three is broken somewhere, which need not make it invalid.
func (g *Generator) JSON() []byte {
	g.left = room
	var b strings.Builder
	if g.IntN(50) == 0 {
		g.writeDeep(&b, 1+g.IntN(jsbytes.MaxDepth))
	} else {
		g.writeValue(&b, 4)
	}
	text := []byte(b.String())
	if g.IntN(3) == 0 {
		for range 1 + g.IntN(3) {
			text = g.Broken(text)
		}
	}
	return text
}

// Quoted returns a JSON string with escapes in all their forms, lone surrogates and invalid bytes.
func (g *Generator) Quoted() string {
	var b strings.Builder
	g.writeString(&b)
	return b.String()
}

// Broken returns text with a byte removed, added or changed, or with its end cut off.
func (g *Generator) Broken(text []byte) []byte {
	at := g.IntN(len(text) + 1)
	tail := text[at:]
	insert := ""
	switch g.IntN(4) {
	case 0:
		tail = tail[min(1, len(tail)):]
	case 1:
		tail = nil
	default:
		tail = tail[min(g.IntN(2), len(tail)):]
		insert = g.pick(`"`, `\`, ",", ":", "[", "]", "{", "}", "0", "1", "-", "+", ".", "e", "E", " ", "\n", "\t", "\x00", "\x1f",
			"\x7f", "\u00a0", "\u2028", "\ufeff", "\xff", "/", "//", "/**/", "'", "null", "true", "NaN", `\u`, `\ud800`, "u", "x", "\v")
	}
	return append(append([]byte(string(text[:at])), insert...), tail...)
}

func (g *Generator) writeValue(b *strings.Builder, depth int) {
	g.left -= 8
	g.writeSpace(b)
	kinds := 9
	if depth <= 0 || g.left <= 0 {
		kinds = 5
	}
	switch g.IntN(kinds) {
	case 0:
		b.WriteString(g.pick("null", "true", "false"))
	case 1, 2:
		b.WriteString(g.literal())
	case 3, 4:
		g.writeString(b)
	case 5, 6:
		g.writeItems(b, '[', ']', func() { g.writeValue(b, depth-1) })
	default:
		g.writeItems(b, '{', '}', func() {
			g.writeSpace(b)
			g.writeName(b)
			g.writeSpace(b)
			b.WriteByte(':')
			g.writeValue(b, depth-1)
		})
	}
	g.writeSpace(b)
}

func (g *Generator) writeItems(b *strings.Builder, opening, closing byte, item func()) {
	b.WriteByte(opening)
	for i := range g.IntN(6) {
		if i > 0 {
			b.WriteByte(',')
		}
		item()
	}
	g.writeSpace(b)
	b.WriteByte(closing)
}

func (g *Generator) writeDeep(b *strings.Builder, levels int) {
	var end []string
	for range levels {
		if g.IntN(2) == 0 {
			b.WriteString("[")
			end = append(end, "]")
		} else {
			b.WriteString(`{"a":`)
			end = append(end, "}")
		}
		g.writeSpace(b)
	}
	b.WriteString(g.literal())
	for i := len(end) - 1; i >= 0; i-- {
		b.WriteString(end[i])
	}
}

func (g *Generator) writeSpace(b *strings.Builder) {
	for g.IntN(4) == 0 {
		b.WriteString(g.pick(" ", "\t", "\n", "\r"))
	}
}

// literal returns a number of JSON's grammar.
func (g *Generator) literal() string {
	if g.IntN(40) == 0 { // longer than any number has a use for
		return "1." + strings.Repeat(g.pick("0", "3"), 500+g.IntN(20))
	}
	whole := "0"
	if g.IntN(4) > 0 {
		whole = strconv.Itoa(1+g.IntN(9)) + g.number09(g.IntN(20))
	}
	fraction, exponent := "", ""
	if g.IntN(3) == 0 {
		fraction = "." + g.number09(1+g.IntN(20))
	}
	if g.IntN(3) == 0 {
		exponent = g.pick("e", "E") + g.pick("", "+", "-") + g.number09(1+g.IntN(3))
	}
	if g.IntN(50) == 0 {
		exponent = g.pick("e", "E-") + g.number09(25)
	}
	return g.pick("", "-") + whole + fraction + exponent
}

func (g *Generator) number09(length int) string {
	b := make([]byte, length)
	for i := range b {
		b[i] = '0'
		if g.IntN(2) == 0 { // zeros matter
			b[i] += byte(g.IntN(10))
		}
	}
	return string(b)
}

// writeName writes one of few names half of the time, so that they repeat.
func (g *Generator) writeName(b *strings.Builder) {
	if g.IntN(2) == 0 {
		b.WriteString(g.pick(`"a"`, `"\u0061"`, `"b"`, `"1"`, `"\u0031"`, `"0"`, `"01"`, `"__proto__"`, `"__\u0070roto__"`,
			`"constructor"`, `""`, `"\ud800"`, `"\udbff"`, `"\ufffd"`, `"4294967294"`, `"4294967295"`))
		return
	}
	g.writeString(b)
}

func (g *Generator) writeString(b *strings.Builder) {
	b.WriteByte('"')
	for range g.IntN(8) {
		switch g.IntN(6) {
		case 0:
			b.WriteString(g.pick(`\"`, `\\`, `\/`, `\b`, `\f`, `\n`, `\r`, `\t`))
		case 1: // any UTF-16 code unit, surrogates more often than their share
			unit := g.IntN(0x10000)
			if g.IntN(2) == 0 {
				unit = 0xd800 + g.IntN(0x800)
			}
			fmt.Fprintf(b, g.pick(`\u%04x`, `\u%04X`), unit)
		case 2:
			r := rune(g.IntN(0x110000))
			if r >= 0x20 {
				b.WriteRune(r)
			}
		case 3:
			b.WriteString(g.pick("\u2028", "\u2029", "\x7f", "😀", "/", "<", "\ufeff", "\xff", "\xe2\x80", "\xed\xa0\xbd"))
		default:
			b.WriteByte("abcdefghijklmnop 0123456789{}[]:,"[g.IntN(33)])
		}
	}
	b.WriteByte('"')
}
