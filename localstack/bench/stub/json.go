package stub

import (
	"encoding/json"
	"iter"
	"strings"
	"unicode/utf8"
)

// The bodies come from the SDK and are valid JSON, so that nothing here tells malformed JSON: reading it ends early. It is
// read where it stands: names and values are parts of the body.

// members iterates over the members of a JSON object: the name, unquoted, and the JSON of the value.
func members(s string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		i := space(s, 0)
		if i == len(s) || s[i] != '{' {
			return
		}
		for {
			i = space(s, i+1)
			if i == len(s) || s[i] != '"' {
				return
			}
			e := stringEnd(s, i)
			name := unquote(s[i:e])
			i = space(s, e)
			if i == len(s) || s[i] != ':' {
				return
			}
			i = space(s, i+1)
			e = valueEnd(s, i)
			if e == i || !yield(name, s[i:e]) {
				return
			}
			i = space(s, e)
			if i == len(s) || s[i] != ',' {
				return
			}
		}
	}
}

// elements iterates over the JSON of the elements of an array.
func elements(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		i := space(s, 0)
		if i == len(s) || s[i] != '[' {
			return
		}
		for {
			i = space(s, i+1)
			e := valueEnd(s, i)
			if e == i || !yield(s[i:e]) {
				return
			}
			i = space(s, e)
			if i == len(s) || s[i] != ',' {
				return
			}
		}
	}
}

func space(s string, i int) int {
	for i < len(s) && s[i] <= ' ' {
		i++
	}
	return i
}

// stringEnd returns the index behind the string that begins at s[i].
func stringEnd(s string, i int) int {
	for j := i + 1; j < len(s); j++ {
		n := strings.IndexByte(s[j:], '"')
		if n < 0 {
			break
		}
		j += n
		back := 0
		for s[j-1-back] == '\\' {
			back++
		}
		if back%2 == 0 {
			return j + 1
		}
	}
	return len(s)
}

// valueEnd returns the index behind the value that begins at s[i], i if there is none.
func valueEnd(s string, i int) int {
	depth := 0
	for i < len(s) {
		switch c := s[i]; {
		case c == '"':
			i = stringEnd(s, i)
		case c == '{' || c == '[':
			depth++
			i++
			continue
		case c == '}' || c == ']':
			depth--
			i++
			if depth < 0 {
				return i - 1
			}
		case c == ',' || c == ':' || c <= ' ':
			if depth == 0 {
				return i
			}
			i++
			continue
		default:
			for i < len(s) && s[i] > ' ' && strings.IndexByte(",:}]", s[i]) < 0 {
				i++
			}
		}
		if depth == 0 {
			return i
		}
	}
	return i
}

// unquote returns the text of a JSON string; s itself if it is another value.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' {
		return s
	}
	if strings.IndexByte(s, '\\') < 0 {
		return s[1 : len(s)-1]
	}
	var text string
	if json.Unmarshal([]byte(s), &text) != nil {
		return s[1 : len(s)-1]
	}
	return text
}

// appendQuoted appends text as a JSON string.
func appendQuoted(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			q, _ := json.Marshal(text) // a string can always be encoded
			return append(b, q...)
		}
	}
	b = append(b, '"')
	b = append(b, text...)
	return append(b, '"')
}
