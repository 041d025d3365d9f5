package jsbytes

import "errors"

// ErrSyntax is returned for a text that is not one JSON document. It says nothing of the text.
var ErrSyntax = errors.New("jsbytes: not a JSON document")

// Parse reads one JSON document (RFC 8259) as JavaScript does: an object's members come in the order of Object, of a
// repeated name the last value counts, and a lone surrogate or an invalid byte becomes U+FFFD, as String has it. A number
// keeps its digits. It takes time and memory in proportion to the text, which the caller must bound. Errors: ErrSyntax,
// and ErrTooDeep for more than MaxDepth levels.
func Parse(text []byte) (Value, error) {
	t, rest, err := Scan(text, MaxDepth, MaxDepth)
	if err != nil {
		return Value{}, err
	}
	if len(rest) > 0 {
		return Value{}, ErrSyntax
	}
	return t.value(0), nil
}
