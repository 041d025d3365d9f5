package jsbytes

import (
	"errors"
)

// MaxDepth is how many lists and objects may stand in each other. Parsers of receivers have limits of their own
// (Express fails at some thousands); DynamoDB's is 32.
const MaxDepth = 64

// MaxSize is the most bytes of a document: the default limit of Express' JSON parser (100 KiB).
const MaxSize = 102_400

// ErrTooLarge is returned for a value whose document is larger than MaxSize.
var ErrTooLarge = errors.New("jsbytes: more than 102400 bytes")

// ErrTooDeep is returned for a value that is deeper than MaxDepth.
var ErrTooDeep = errors.New("jsbytes: more than 64 levels of nesting")

// Marshal returns v as JSON without white space and without a line end. Errors: ErrTooDeep, ErrTooLarge. It stops at the
// first byte too many, so it takes no longer than a document of MaxSize bytes does, however large v is. Strings are
// written as JSON.stringify does: nothing is escaped but the quote, the backslash and the control characters below
// U+0020 (`<`, `>`, `&`, U+007F, U+2028 and U+2029 stand for themselves).
func Marshal(v Value) ([]byte, error) {
	b, err := appendValue(make([]byte, 0, sizeOf(&v, 0)), &v, 0)
	if err == nil && len(b) > MaxSize {
		return nil, ErrTooLarge
	}
	return b, err
}

// sizeOf adds v's size to size: what it is if nothing is escaped and numbers stay as they are. It stops above MaxSize, since
// parts of v may be the same one, and their number beyond all bounds.
func sizeOf(v *Value, size int) int {
	size += max(len(v.text)+len(`""`), len("false"))
	for i := range v.items {
		if size > MaxSize {
			break
		}
		size = sizeOf(&v.items[i], size+len(`,`))
	}
	for i := range v.members {
		if size > MaxSize {
			break
		}
		m := &v.members[i]
		size = sizeOf(&m.Value, size+len(m.Name)+len(`"":,`))
	}
	return min(size, MaxSize+1)
}

func appendValue(dst []byte, v *Value, depth int) ([]byte, error) {
	// Every value takes a byte, and no name or text is written whose length would go beyond the limit.
	if len(dst)+len(v.text) > MaxSize {
		return nil, ErrTooLarge
	}
	switch v.kind {
	case KindBool:
		if v.truth {
			return append(dst, "true"...), nil
		}
		return append(dst, "false"...), nil
	case KindNumber:
		if plainNumber(v.text) {
			return append(dst, v.text...), nil
		}
		if s, ok := ecmaNumber(v.text); ok {
			return append(dst, s...), nil
		}
		return appendString(dst, v.text), nil
	case KindString:
		return appendString(dst, v.text), nil
	case KindList:
		return appendList(dst, v.items, depth+1)
	case KindObject:
		return appendObject(dst, v.members, depth+1)
	default:
		return append(dst, "null"...), nil
	}
}

func appendList(dst []byte, items []Value, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return nil, ErrTooDeep
	}
	dst = append(dst, '[')
	for i := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendValue(dst, &items[i], depth); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func appendObject(dst []byte, members []Member, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return nil, ErrTooDeep
	}
	dst = append(dst, '{')
	for i := range members {
		m := &members[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		if len(dst)+len(m.Name) > MaxSize {
			return nil, ErrTooLarge
		}
		dst = appendString(dst, m.Name)
		dst = append(dst, ':')
		var err error
		if dst, err = appendValue(dst, &m.Value, depth); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// appendString writes valid UTF-8 as JSON.stringify does (ECMA-262, QuoteJSONString).
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	written := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[written:i]...)
		written = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, `\u00`...)
			dst = append(dst, hex[c>>4], hex[c&0xf])
		}
	}
	dst = append(dst, s[written:]...)
	return append(dst, '"')
}
