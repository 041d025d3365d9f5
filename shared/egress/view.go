package egress

import (
	"bytes"
	"slices"
	"strings"
)

// depth says how far a view is from its text.
type depth int

const (
	plain    depth = iota // letters in lower case
	decoded               // and escapes undone
	stripped              // and nothing left but letters and digits: quoting, line breaks and base64's alphabets are gone
)

// view is a text as it is searched.
type view struct {
	b     []byte
	depth depth
	// starts and ends tell for each byte which part of the text it stands for; nil if it is the byte itself.
	starts, ends []uint16
	// size is the text's length; cut says that its rest is missing.
	size int
	cut  bool
}

// span is the part of the text that b[from:to] stands for, with what was stripped around it if the pattern has such.
func (v view) span(from, to int, p pattern) span {
	if v.starts == nil {
		return span{from, to}
	}
	s := span{int(v.starts[from]), int(v.ends[to-1])}
	if p.before {
		s.from = 0
		if from > 0 {
			s.from = int(v.ends[from-1])
		}
	}
	if p.after {
		s.to = v.size
		if to < len(v.b) {
			s.to = int(v.starts[to])
		}
	}
	return s
}

// mostEscaped is how often a text may be escaped over again.
const mostEscaped = 3

// views makes the views of one text after the other, in the same memory.
type views struct{ lower, undone, bare memory }

type memory struct {
	b            []byte
	starts, ends []uint16
}

// newViews makes room for texts of up to longest bytes, at most MaxRead.
func newViews(longest int) *views {
	room := func() memory { return memory{make([]byte, longest), make([]uint16, longest), make([]uint16, longest)} }
	return &views{memory{b: make([]byte, longest)}, room(), room()}
}

// each calls search with the views of a text, one by one: as it is, with escapes undone once and more often, and stripped.
// Where it may be mail's quoted-printable, there is one more with that undone: elsewhere an equals sign before a value
// would be taken for an escape. A view is valid during its call.
func (vs *views) each(t text, search func(view)) {
	base := view{b: vs.lower.b[:copy(vs.lower.b, t.s)], size: len(t.s), cut: t.cut}
	fold(base.b)
	search(base)
	v := base.copyTo(vs.undone)
	v.depth = decoded
	for n := 0; n < mostEscaped && v.unescape(false); n++ {
		search(v)
	}
	search(strip(v.copyTo(vs.bare)))
	if bytes.Contains(base.b, []byte("=3d")) {
		v = base.copyTo(vs.undone)
		v.unescape(true)
		search(strip(v))
	}
}

// copyTo returns a copy of v in m that says for each byte where it comes from.
func (v view) copyTo(m memory) view {
	c := v
	c.b = m.b[:copy(m.b, v.b)]
	c.starts, c.ends = m.starts[:len(v.b)], m.ends[:len(v.b)]
	if v.starts != nil {
		copy(c.starts, v.starts)
		copy(c.ends, v.ends)
		return c
	}
	for i := range c.b {
		c.starts[i], c.ends[i] = uint16(i), uint16(i+1)
	}
	return c
}

// fold puts ASCII letters into lower case; nothing else, so that every length stays.
func fold(b []byte) {
	for i, c := range b {
		b[i] = byte(lowerASCII(rune(c)))
	}
}

func lowerASCII(r rune) rune {
	if r >= 'A' && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

// unescape replaces each escape by the character that it stands for, in place, and tells whether there was one.
func (v *view) unescape(mail bool) bool {
	w := 0
	for r := 0; r < len(v.b); w++ {
		c, n := escapeAt(v.b[r:], mail)
		if n == 0 {
			c, n = v.b[r], 1
		}
		v.b[w] = byte(lowerASCII(rune(c)))
		if v.starts != nil {
			v.starts[w], v.ends[w] = v.starts[r], v.ends[r+n-1]
		}
		r += n
	}
	changed := w < len(v.b)
	v.b = v.b[:w]
	if v.starts != nil {
		v.starts, v.ends = v.starts[:w], v.ends[:w]
	}
	return changed
}

// escapeAt reads an escape of an ASCII character that b begins with; n is its length, 0 if there is none.
func escapeAt(b []byte, mail bool) (c byte, n int) {
	switch {
	case b[0] == '%', b[0] == '=' && mail:
		return number(b, 1, 3, 16)
	case b[0] == '\\' && len(b) > 1 && (b[1] == 'u' || b[1] == 'U'):
		return number(b, 2, 6, 16)
	case b[0] == '\\' && len(b) > 1 && (b[1] == 'x' || b[1] == 'X'):
		return number(b, 2, 4, 16)
	case b[0] == '\\' && len(b) > 1 && strings.IndexByte("\"'\\/", b[1]) >= 0:
		return b[1], 2
	case b[0] == '&':
		return entityAt(b)
	}
	return 0, 0
}

// entityAt reads one of HTML's character references.
func entityAt(b []byte) (c byte, n int) {
	const longest = 10
	end := bytes.IndexByte(b[:min(len(b), longest)], ';')
	if end < 2 {
		return 0, 0
	}
	switch name := strings.ToLower(string(b[1:end])); {
	case strings.HasPrefix(name, "#x"):
		c, n = number(b, 3, end, 16)
	case name[0] == '#':
		c, n = number(b, 2, end, 10)
	default:
		i := slices.Index([]string{"amp", "lt", "gt", "quot", "apos"}, name)
		if i < 0 {
			return 0, 0
		}
		return `&<>"'`[i], end + 1
	}
	if n == 0 {
		return 0, 0
	}
	return c, end + 1
}

// number reads the digits b[from:to] as an ASCII character; n is to, or 0 if it is none.
func number(b []byte, from, to int, base int) (c byte, n int) {
	if to > len(b) || from >= to {
		return 0, 0
	}
	value := 0
	for _, d := range b[from:to] {
		digit := strings.IndexByte("0123456789abcdef"[:base], byte(lowerASCII(rune(d))))
		if digit < 0 {
			return 0, 0
		}
		value = value*base + digit
	}
	if value < 0x20 || value > 0x7e {
		return 0, 0
	}
	return byte(value), to
}

// strip leaves letters and digits, in lower case, and what is not ASCII.
func strip(v view) view {
	w := 0
	for r, c := range v.b {
		if !kept(c) {
			continue
		}
		v.b[w] = byte(lowerASCII(rune(c)))
		if v.starts != nil {
			v.starts[w], v.ends[w] = v.starts[r], v.ends[r]
		}
		w++
	}
	v.b, v.depth = v.b[:w], stripped
	if v.starts != nil {
		v.starts, v.ends = v.starts[:w], v.ends[:w]
	}
	return v
}

// kept tells whether stripping leaves a byte.
func kept(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80
}
