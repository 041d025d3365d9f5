package payload

import (
	"strings"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
)

// expressionEnd returns the length of the expression that s begins with, before its }}; -1 if there is no end. Braces
// of multi-select hashes and whatever is quoted do not count.
func expressionEnd(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\'', '"', '`':
			i = quotedEnd(s, i) - 1
		case '{':
			depth++
		case '}':
			if depth > 0 {
				depth--
			} else if strings.HasPrefix(s[i:], closing) {
				return i
			}
		}
	}
	return -1
}

// quotedEnd returns where the quoted part that begins at s[i] ends: behind its closing quote, or at the end of s.
func quotedEnd(s string, i int) int {
	quote := s[i]
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case quote:
			return i + 1
		}
	}
	return len(s)
}

// source is what the library's syntax tree does not tell of an expression: where calls stand, and literals as they are
// written, with all their digits and in their order.
type source struct {
	calls    []int
	literals []*jsbytes.Value // nil for a raw string, which the tree has whole
	terms    int
}

// call returns where the next call stands.
func (src *source) call() int {
	if len(src.calls) == 0 {
		return 0
	}
	at := src.calls[0]
	src.calls = src.calls[1:]
	return at
}

// literal returns the next literal; ofTree is what the tree has for it.
func (src *source) literal(ofTree any) *jsbytes.Value {
	raw, _ := ofTree.(string)
	v := jsbytes.String(raw)
	if len(src.literals) > 0 {
		if written := src.literals[0]; written != nil {
			v = *written
		}
		src.literals = src.literals[1:]
	}
	return &v
}

const zeroStep = "a slice's step must not be 0"

// scan reads an expression by its characters. It refuses what is JMESPath and not accepted, for the sake of its place;
// what is accepted is decided by convert.
func scan(s string) (*source, *syntaxFault) {
	src := &source{}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			i = quotedEnd(s, i) - 1
		case c == '\'':
			src.literals = append(src.literals, nil)
			i = quotedEnd(s, i) - 1
		case c == '`':
			end := quotedEnd(s, i)
			v, err := jsbytes.Parse([]byte(strings.ReplaceAll(strings.TrimSuffix(s[i+1:end], "`"), "\\`", "`")))
			if err != nil {
				return nil, &syntaxFault{i, "this literal is not JSON, or nested too deeply"}
			}
			src.literals = append(src.literals, &v)
			i = end - 1
		case isNameByte(c):
			end := nameEnd(s, i)
			if strings.HasPrefix(strings.TrimLeft(s[end:], " \t\r\n"), "(") {
				if _, known := functions[s[i:end]]; !known {
					return nil, &syntaxFault{i, "this function is not available; there are " + strings.Join(Functions(), ", ")}
				}
				src.calls = append(src.calls, i)
			}
			i = end - 1
		default:
			if message := refused(s[i:]); message != "" {
				return nil, &syntaxFault{i, message}
			}
		}
	}
	return src, nil
}

func isNameByte(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }

func nameEnd(s string, i int) int {
	for i < len(s) && (isNameByte(s[i]) || s[i] >= '0' && s[i] <= '9') {
		i++
	}
	return i
}

// refused says why what rest begins with is not accepted; empty if it may be.
func refused(rest string) string {
	switch c := rest[0]; {
	case strings.HasPrefix(rest, "[?"):
		return "filters are not available"
	case strings.HasPrefix(rest, "[]"):
		return "flattening with [] is not available"
	case strings.HasPrefix(rest, "[*]"):
		return "wildcards are not available; [:] stands for all elements of a list"
	case c == '[':
		return refusedIndex(rest[1:])
	case c == '*':
		return "wildcards and arithmetic are not available"
	case c == '$':
		return "variables are not available"
	case c == '&' && !strings.HasPrefix(rest, "&&"):
		return "expression references are not available"
	case c == '&', c == '!', c == '<', c == '>', c == '=':
		return "comparisons and conditions are not available, except for ||"
	case c == '+', c == '%', c == '/', strings.HasPrefix(rest, "−"), strings.HasPrefix(rest, "×"),
		strings.HasPrefix(rest, "÷"), c == '-' && (len(rest) == 1 || rest[1] < '0' || rest[1] > '9'):
		return "arithmetic is not available"
	}
	return ""
}

// refusedIndex is refused for what stands behind a bracket that may hold an index or a slice.
func refusedIndex(rest string) string {
	inside, _, closed := strings.Cut(rest, "]")
	if !closed || strings.Trim(inside, "-0123456789: \t\r\n") != "" {
		return "" // a multi-select
	}
	parts := strings.Split(inside, ":")
	for i, p := range parts {
		digits := strings.TrimLeft(strings.TrimSpace(p), "-")
		if len(digits) > maxIndexDigits {
			return "an index must have at most 18 digits"
		}
		if i == 2 && digits != "" && strings.Trim(digits, "0") == "" {
			return zeroStep
		}
	}
	return ""
}

// maxIndexDigits are what an int surely holds.
const maxIndexDigits = 18
