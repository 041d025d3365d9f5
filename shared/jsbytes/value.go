// Package jsbytes writes JSON whose bytes JavaScript leaves alone: for every result b,
// JSON.stringify(JSON.parse(b)) === b. The partner guide's receivers compute their HMAC over JSON.stringify(req.body),
// so a byte that JavaScript would write differently is a signature that does not verify.
//
// The rules follow ECMA-262 (JSON.parse, JSON.stringify, Number::toString, OrdinaryOwnPropertyKeys).
package jsbytes

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf8"
)

// Kind says what a Value is.
type Kind uint8

// The kinds of values. The zero Value is null.
const (
	KindNull Kind = iota
	KindBool
	KindNumber
	KindString
	KindList
	KindObject
)

// Value is one node of a JSON document. It does not change once made; the zero Value is null. Safe for concurrent use.
type Value struct {
	kind    Kind
	truth   bool
	text    string
	items   []Value
	members []Member
}

// Member is one member of an object.
type Member struct {
	Name  string
	Value Value
}

// Text returns a string's text, or a number's digits as they were given, and "" for every other kind.
func (v Value) Text() string { return v.text }

// Kind says what v is.
func (v Value) Kind() Kind { return v.kind }

// Truth returns a KindBool's value, and false for every other kind.
func (v Value) Truth() bool { return v.truth }

// Items returns a list's items, which the caller must not change, and nil for every other kind.
func (v Value) Items() []Value { return v.items }

// Members returns an object's members in the order in which they are written, and nil for every other kind. The caller
// must not change them.
func (v Value) Members() []Member { return v.members }

// Null returns null.
func Null() Value { return Value{} }

// Bool returns true or false.
func Bool(b bool) Value { return Value{kind: KindBool, truth: b} }

// String returns a string. Every byte of s that is not valid UTF-8, which includes encoded surrogates, becomes U+FFFD:
// JSON.parse of anything else would differ from what was written.
func String(s string) Value { return Value{kind: KindString, text: valid(s)} }

// Number returns a number of the given decimal text. It is written as a JSON number if ECMAScript's text of the nearest
// double denotes the same decimal value, and otherwise as a string of the text, so that no digit is lost. A text that is
// not a decimal number (see IsNumber) is written as a string as well.
func Number(text string) Value { return Value{kind: KindNumber, text: valid(text)} }

// List returns a list; a DynamoDB set is one, too.
func List(items ...Value) Value { return Value{kind: KindList, items: items} }

// Binary returns the standard base64 of b, padded, as a string.
func Binary(b []byte) Value { return String(base64.StdEncoding.EncodeToString(b)) }

// Object returns an object with its members in the order in which JavaScript would keep them had they been set in the
// given one: names that are array indices first, ascending, then the others as given. A repeated name has its last
// value at its first place.
func Object(members ...Member) Value { return ObjectOf(slices.Clone(members)) }

// ObjectOf is Object for members in a slice, which the object keeps; the caller must not use it any more.
func ObjectOf(members []Member) Value {
	for i := range members {
		members[i].Name = valid(members[i].Name)
	}
	return Value{kind: KindObject, members: ordered(members)}
}

// few is up to how many members are compared with each other rather than hashed.
const few = 16

// ordered brings members, whose names are valid UTF-8, into the order of Object, in place.
func ordered(members []Member) []Member {
	kept := members[:0]
	var at map[string]int
	if len(members) > few {
		at = make(map[string]int, len(members))
	}
	indices := false
	for _, m := range members {
		if i := place(kept, at, m.Name); i >= 0 {
			kept[i] = m
			continue
		}
		if at != nil {
			at[m.Name] = len(kept)
		}
		_, isIndex := arrayIndex(m.Name)
		indices = indices || isIndex
		kept = append(kept, m)
	}
	if indices {
		slices.SortStableFunc(kept, func(a, b Member) int { return compareIndices(a.Name, b.Name) })
	}
	return kept
}

// place returns where a name is among the members, by the map if there is one, and -1 if it is not there.
func place(members []Member, at map[string]int, name string) int {
	if at != nil {
		if i, ok := at[name]; ok {
			return i
		}
		return -1
	}
	return slices.IndexFunc(members, func(m Member) bool { return m.Name == name })
}

// Map returns an object of members that have no order of their own, as those of a DynamoDB map: array indices
// ascending, then the other names by UTF-16 code unit. Of two names that become one by the rule for invalid UTF-8, the
// one that sorts last as bytes wins.
func Map(members map[string]Value) Value {
	sorted := make([]Member, 0, len(members))
	for name, v := range members {
		sorted = append(sorted, Member{name, v})
	}
	slices.SortFunc(sorted, func(a, b Member) int {
		return cmp.Or(compareUTF16(valid(a.Name), valid(b.Name)), strings.Compare(a.Name, b.Name))
	})
	return ObjectOf(sorted)
}

// MapOf is Map for members in a slice, which the object keeps; the caller must not use it any more. Of a repeated name
// the last value counts. It is fastest for members that have their order already (see Tree.Sorted).
func MapOf(members []Member) Value {
	inOrder := true
	for i := range members {
		members[i].Name = valid(members[i].Name)
		inOrder = inOrder && (i == 0 || compareNames(members[i-1].Name, members[i].Name) < 0)
	}
	if !inOrder {
		slices.SortStableFunc(members, func(a, b Member) int { return compareNames(a.Name, b.Name) })
		members = ordered(members)
	}
	return Value{kind: KindObject, members: members}
}

// compareNames is the order of Map for valid UTF-8.
func compareNames(a, b string) int {
	if c := compareIndices(a, b); c != 0 {
		return c
	}
	return compareUTF16(a, b)
}

// compareIndices orders array indices before other names, and by their value; other names are equal.
func compareIndices(a, b string) int {
	x, xok := arrayIndex(a)
	y, yok := arrayIndex(b)
	switch {
	case xok && yok:
		return cmp.Compare(x, y)
	case xok:
		return -1
	case yok:
		return 1
	}
	return 0
}

// arrayIndex returns the value of a canonical array index, 0 to 4294967294: V8 moves such names to the front. Larger
// integers, and integers with a sign or leading zeros, are ordinary names.
func arrayIndex(s string) (uint64, bool) {
	if s == "" || len(s) > 10 || (s[0] == '0' && len(s) > 1) {
		return 0, false
	}
	var n uint64
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + uint64(s[i]-'0')
	}
	return n, n <= 1<<32-2
}

// compareUTF16 compares valid UTF-8 by UTF-16 code units. It is the order of the bytes, except that characters above
// U+FFFF, written as surrogates from 0xD800, come before those from U+E000 to U+FFFF.
func compareUTF16(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if a[i] == b[i] {
			continue
		}
		// A difference in a leading byte of 0xEE or 0xEF (U+E000 to U+FFFF) against one of 0xF0 or more is turned round.
		if (a[i] >= 0xF0) != (b[i] >= 0xF0) && min(a[i], b[i]) >= 0xEE {
			return cmp.Compare(b[i], a[i])
		}
		return cmp.Compare(a[i], b[i])
	}
	return cmp.Compare(len(a), len(b))
}

func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s { // an invalid byte reads as U+FFFD
		b.WriteRune(r)
	}
	return b.String()
}
