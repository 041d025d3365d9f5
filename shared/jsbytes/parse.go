package jsbytes

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// ErrSyntax is returned for a text that is not one JSON document. It says nothing of the text.
var ErrSyntax = errors.New("jsbytes: not a JSON document")

// Parse reads one JSON document (RFC 8259) as JavaScript does: an object's members come in the order of Object, of a
// repeated name the last value counts, and a lone surrogate or an invalid byte becomes U+FFFD, as String has it. A number
// keeps its digits. It takes time and memory in proportion to the text, which the caller must bound. Errors: ErrSyntax,
// and ErrTooDeep for more than MaxDepth levels.
func Parse(text []byte) (Value, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	v, err := parseValue(dec, 0)
	if err != nil {
		return Value{}, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Value{}, ErrSyntax
	}
	return v, nil
}

func parseValue(dec *json.Decoder, depth int) (Value, error) {
	token, err := dec.Token()
	if err != nil {
		return Value{}, ErrSyntax
	}
	switch t := token.(type) {
	case bool:
		return Bool(t), nil
	case json.Number:
		return Number(t.String()), nil
	case string:
		return String(t), nil
	case json.Delim:
		if depth == MaxDepth {
			return Value{}, ErrTooDeep
		}
		return parseInside(dec, t, depth+1)
	}
	return Null(), nil
}

// parseInside reads what follows an opening delimiter, up to the closing one.
func parseInside(dec *json.Decoder, opening json.Delim, depth int) (Value, error) {
	var items []Value
	var members []Member
	for dec.More() {
		var name string
		if opening == '{' {
			token, err := dec.Token()
			if err != nil {
				return Value{}, ErrSyntax
			}
			name, _ = token.(string) // the decoder accepts nothing else here
		}
		v, err := parseValue(dec, depth)
		if err != nil {
			return Value{}, err
		}
		if opening == '{' {
			members = append(members, Member{name, v})
		} else {
			items = append(items, v)
		}
	}
	if _, err := dec.Token(); err != nil {
		return Value{}, ErrSyntax
	}
	if opening == '{' {
		return Object(members...), nil
	}
	return List(items...), nil
}
