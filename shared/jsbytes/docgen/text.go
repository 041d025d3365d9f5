package docgen

import (
	"strconv"
	"strings"
)

// Name returns a member's name: like an array index and around the largest one, a name that objects of JavaScript have
// already, names that become the same once their invalid bytes are repaired, or any text.
func (g *Generator) Name() string {
	g.left -= 8
	switch g.IntN(6) {
	case 0:
		return strconv.FormatUint(g.Uint64N(1<<33), 10)
	case 1:
		return strconv.FormatUint(1<<32-6+g.Uint64N(10), 10)
	case 2:
		return g.pick("__proto__", "constructor", "prototype", "toString", "valueOf", "toJSON", "hasOwnProperty", "length",
			"", "0", "00", "01", "-0", "-1", "1.0", "1.5", "1e3", "+1", " 1", "１", "NaN", "Infinity", "undefined",
			"9007199254740991", "9007199254740993", "18446744073709551616")
	case 3:
		return "a" + g.pick("\xff", "\xfe", "\ufffd", "\xc0", "\xed\xa0\x80", "\xe2\x80", "😀", "\uffff", "\ue000", "\U0010ffff")
	case 4:
		return strconv.Itoa(g.IntN(20))
	default:
		return g.Text()
	}
}

// Text returns up to eight characters, rarely some hundreds, from all the places where writers of JSON differ.
func (g *Generator) Text() string {
	if g.IntN(100) == 0 {
		return g.text(g.IntN(500))
	}
	return g.text(g.IntN(9))
}

func (g *Generator) text(length int) string {
	var b strings.Builder
	for range length {
		if b.Len() > g.left {
			break
		}
		switch g.IntN(8) {
		case 0:
			b.WriteByte(byte(g.IntN(256)))
		case 1:
			b.WriteByte(byte(g.IntN(0x20)))
		case 2:
			b.WriteString(g.pick("\u2028", "\u2029", "\ufeff", "\ufffe", "\uffff", "\ue000", "\x7f", "\u0085", "\u00a0",
				"<", ">", "&", `"`, `\`, "/", "'", "😀", "e\u0301"))
		case 3:
			b.WriteString(g.pick("\xc0\xaf", "\xe2\x80", "\xed\xa0\xbd", "\xed\xb8\x80", "\xf0\x9f\x98", "\xf4\x90\x80\x80", "\xff\xfe"))
		case 4:
			b.WriteRune(rune(g.IntN(0x110000)))
		default:
			b.WriteByte(byte(' ' + g.IntN(95)))
		}
	}
	g.left -= b.Len()
	return b.String()
}
