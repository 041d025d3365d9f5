package jsbytes

import (
	"iter"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// node is the place of one value or name.
type node struct {
	start, end uint32 // in the text, quotes and brackets included
	next       uint32 // the node after all that belongs to this one
	kind       Kind
	plain      bool // a string that can be taken as it stands
}

// Tree is a scanned text. A value is known by its number, 0 for the whole. -1 stands for a value that is not there; it is
// null, and has neither members nor items. The text must not change while the tree is in use. Not safe for concurrent use.
type Tree struct {
	text   []byte
	nodes  []node
	copied string // the text, once a part of it was asked for
}

// Kind says what value i is.
func (t *Tree) Kind(i int) Kind {
	if i < 0 {
		return KindNull
	}
	return t.nodes[i].kind
}

// Raw returns value i as it stands, which is a part of the text.
func (t *Tree) Raw(i int) []byte {
	n := &t.nodes[i]
	return t.text[n.start:n.end:n.end]
}

// Truth tells whether value i is true.
func (t *Tree) Truth(i int) bool { return t.Kind(i) == KindBool && t.text[t.nodes[i].start] == 't' }

// Text returns a string's or name's text, with U+FFFD for each invalid byte and each lone surrogate, and a number's
// digits as they stand; for other kinds it is empty. Texts are parts of one copy of the whole text.
func (t *Tree) Text(i int) string {
	n := &t.nodes[i]
	switch {
	case n.kind == KindString && !n.plain:
		return unquote(t.text[n.start+1 : n.end-1])
	case n.kind != KindString && n.kind != KindNumber:
		return ""
	}
	if t.copied == "" {
		t.copied = string(t.text)
	}
	if n.kind == KindNumber {
		return t.copied[n.start:n.end]
	}
	return t.copied[n.start+1 : n.end-1]
}

// is tells whether a name's text is s.
func (t *Tree) is(name int, s string) bool {
	if n := &t.nodes[name]; n.plain {
		return string(t.text[n.start+1:n.end-1]) == s
	}
	return t.Text(name) == s
}

// Items are the items of list i.
func (t *Tree) Items(i int) iter.Seq[int] {
	return func(yield func(int) bool) {
		if t.Kind(i) != KindList {
			return
		}
		for item := i + 1; item < int(t.nodes[i].next); item = int(t.nodes[item].next) {
			if !yield(item) {
				return
			}
		}
	}
}

// Members are the names and values of object i as they stand: a name may come again.
func (t *Tree) Members(i int) iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		if t.Kind(i) != KindObject {
			return
		}
		for name := i + 1; name < int(t.nodes[i].next); name = int(t.nodes[name+1].next) {
			if !yield(name, name+1) {
				return
			}
		}
	}
}

// Member returns the last value of that name in object i, -1 if there is none.
func (t *Tree) Member(i int, name string) int {
	found := -1
	for n, v := range t.Members(i) {
		if t.is(n, name) {
			found = v
		}
	}
	return found
}

// Only returns the name of object i's only member, and its last value; ok is false for more names than one and for none.
func (t *Tree) Only(i int) (name string, value int, ok bool) {
	value = -1
	for n, v := range t.Members(i) {
		if value >= 0 && !t.is(n, name) {
			return "", -1, false
		}
		name, value = t.Text(n), v
	}
	return name, value, value >= 0
}

// Entry is a member of an object in a Tree.
type Entry struct {
	Name  string
	Value int
}

// Sorted appends to entries the members of object i in the order of Map, of a repeated name the last one only.
func (t *Tree) Sorted(i int, entries []Entry) []Entry {
	before := len(entries)
	for n, v := range t.Members(i) {
		entries = append(entries, Entry{t.Text(n), v})
	}
	own := entries[before:]
	slices.SortStableFunc(own, func(a, b Entry) int { return compareNames(a.Name, b.Name) })
	kept := 0
	for j := range own {
		if j+1 == len(own) || own[j].Name != own[j+1].Name {
			own[kept] = own[j]
			kept++
		}
	}
	return entries[:before+kept]
}

// value makes the Value of value i; it is as deep as the text.
func (t *Tree) value(i int) Value {
	switch k := t.Kind(i); k {
	case KindBool:
		return Bool(t.Truth(i))
	case KindNumber, KindString:
		return Value{kind: k, text: t.Text(i)}
	case KindList:
		var items []Value
		for item := range t.Items(i) {
			items = append(items, t.value(item))
		}
		return List(items...)
	case KindObject:
		var members []Member
		for n, v := range t.Members(i) {
			members = append(members, Member{t.Text(n), t.value(v)})
		}
		return ObjectOf(members)
	default:
		return Null()
	}
}

// unquote decodes what stands between the quotes of a string that was scanned.
func unquote(s []byte) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			r, size := utf8.DecodeRune(s[i:])
			b.WriteRune(r) // an invalid byte reads as U+FFFD
			i += size
			continue
		}
		if s[i+1] != 'u' {
			b.WriteByte(unescaped(s[i+1]))
			i += 2
			continue
		}
		r := unit(s[i:])
		i += 6
		if utf16.IsSurrogate(r) {
			if pair := utf16.DecodeRune(r, unit(s[i:])); pair != utf8.RuneError {
				r = pair
				i += 6
			} else {
				r = utf8.RuneError
			}
		}
		b.WriteRune(r)
	}
	return b.String()
}

func unescaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// unit returns the UTF-16 code unit that s begins with as an escape, -1 if it begins with none.
func unit(s []byte) rune {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range s[2:6] {
		switch {
		case digit(c):
			c -= '0'
		default:
			c = c | 0x20 - 'a' + 10
		}
		r = r<<4 | rune(c)
	}
	return r
}
