package jsbytes

import (
	"math"
	"unicode/utf8"
)

// Scan checks the JSON value (RFC 8259) that text begins with, and tells where its parts are; rest is what follows it and
// the white space after it. Nothing is decoded or copied before it is asked for. More than depth lists and objects in
// each other are ErrTooDeep, anything else that is wrong is ErrSyntax; so is a text of 4 GiB. What stands inside of more
// than levels of them is checked, but is not in the tree, which takes 16 bytes for each value and name.
func Scan(text []byte, depth, levels int) (t Tree, rest []byte, err error) {
	if uint64(len(text)) > math.MaxUint32 {
		return Tree{}, nil, ErrSyntax
	}
	s := scanner{text: text, nodes: make([]node, 0, room(len(text), levels)), depth: depth, levels: levels}
	end := s.value(s.space(0), 0)
	switch {
	case s.tooDeep:
		return Tree{}, nil, ErrTooDeep
	case end < 0:
		return Tree{}, nil, ErrSyntax
	}
	return Tree{text: text, nodes: s.nodes}, text[s.space(end):], nil
}

// room is for how many nodes a scan begins: DynamoDB's JSON has fewer than one for eight bytes, and few in its upper levels.
func room(bytes, levels int) int {
	const least = 16
	if levels < MaxDepth {
		return least
	}
	return bytes/8 + least
}

// scanner's methods take an offset and return the one after what they scanned, or -1 if that is not there.
type scanner struct {
	text          []byte
	nodes         []node
	depth, levels int
	tooDeep       bool
}

// at returns the byte at i. At the end it is 0, which JSON has nowhere.
func (s *scanner) at(i int) byte {
	if i < len(s.text) {
		return s.text[i]
	}
	return 0
}

func (s *scanner) space(i int) int {
	for i < len(s.text) && (s.text[i] == ' ' || s.text[i] == '\n' || s.text[i] == '\r' || s.text[i] == '\t') {
		i++
	}
	return i
}

// value scans the value that begins at i, inside of so many lists and objects.
func (s *scanner) value(i, inside int) int {
	own := len(s.nodes)
	if inside <= s.levels {
		s.nodes = append(s.nodes, node{})
	}
	var kind Kind
	var end int
	plain := true
	switch s.at(i) {
	case '"':
		kind = KindString
		end, plain = s.quoted(i)
	case '{':
		kind, end = KindObject, s.object(i+1, inside+1)
	case '[':
		kind, end = KindList, s.list(i+1, inside+1)
	case 't':
		kind, end = KindBool, s.word(i, "true")
	case 'f':
		kind, end = KindBool, s.word(i, "false")
	case 'n':
		end = s.word(i, "null")
	default:
		kind, end = KindNumber, s.number(i)
	}
	if inside <= s.levels {
		s.nodes[own] = node{uint32(i), uint32(end), uint32(len(s.nodes)), kind, plain}
	}
	return end
}

func (s *scanner) object(i, inside int) int {
	if inside > s.depth {
		s.tooDeep = true
		return -1
	}
	if i = s.space(i); s.at(i) == '}' {
		return i + 1
	}
	for {
		if s.at(i) != '"' {
			return -1
		}
		end, plain := s.quoted(i)
		if end < 0 {
			return -1
		}
		if inside <= s.levels {
			s.nodes = append(s.nodes, node{uint32(i), uint32(end), uint32(len(s.nodes) + 1), KindString, plain})
		}
		if i = s.space(end); s.at(i) != ':' {
			return -1
		}
		if i = s.value(s.space(i+1), inside); i < 0 {
			return -1
		}
		i = s.space(i)
		switch s.at(i) {
		case ',':
			i = s.space(i + 1)
		case '}':
			return i + 1
		default:
			return -1
		}
	}
}

func (s *scanner) list(i, inside int) int {
	if inside > s.depth {
		s.tooDeep = true
		return -1
	}
	if i = s.space(i); s.at(i) == ']' {
		return i + 1
	}
	for {
		if i = s.value(i, inside); i < 0 {
			return -1
		}
		i = s.space(i)
		switch s.at(i) {
		case ',':
			i = s.space(i + 1)
		case ']':
			return i + 1
		default:
			return -1
		}
	}
}

// quoted scans the string whose first quote is at i. It is plain if its text is just what stands between the quotes.
func (s *scanner) quoted(i int) (end int, plain bool) {
	text, begin, all := s.text, i+1, byte(0)
	plain = true
	for i++; i < len(text); {
		c := text[i]
		switch {
		case c == '"':
			return i + 1, plain && (all < utf8.RuneSelf || utf8.Valid(text[begin:i]))
		case c == '\\':
			plain = false
			if i = s.escape(i + 1); i < 0 {
				return -1, false
			}
		case c < ' ':
			return -1, false
		default:
			all |= c
			i++
		}
	}
	return -1, false
}

// escape scans what follows a backslash.
func (s *scanner) escape(i int) int {
	switch s.at(i) {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		for range 4 {
			i++
			if c := s.at(i); !digit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
				return -1
			}
		}
		return i + 1
	}
	return -1
}

func (s *scanner) word(i int, word string) int {
	if end := i + len(word); end <= len(s.text) && string(s.text[i:end]) == word {
		return end
	}
	return -1
}

func (s *scanner) number(i int) int {
	if s.at(i) == '-' {
		i++
	}
	if s.at(i) == '0' {
		i++
	} else if i = s.digits(i); i < 0 {
		return -1
	}
	if s.at(i) == '.' {
		if i = s.digits(i + 1); i < 0 {
			return -1
		}
	}
	if c := s.at(i); c != 'e' && c != 'E' {
		return i
	}
	if c := s.at(i + 1); c == '+' || c == '-' {
		i++
	}
	return s.digits(i + 1)
}

func (s *scanner) digits(i int) int {
	if !digit(s.at(i)) {
		return -1
	}
	for digit(s.at(i)) {
		i++
	}
	return i
}

func digit(c byte) bool { return '0' <= c && c <= '9' }
