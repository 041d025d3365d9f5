package portal

import (
	"errors"
	"io"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// strictJSON reads JSON as the API promises to: duplicate names, invalid UTF-8, unknown names, names in another case
// and trailing data are refused. encoding/json would let all of them pass.
var strictJSON = huma.Format{
	Marshal: func(w io.Writer, v any) error { return json.MarshalWrite(w, v) },
	Unmarshal: func(data []byte, v any) error {
		return plainFault(json.Unmarshal(data, v, json.RejectUnknownMembers(true)))
	},
}

var (
	errDuplicateName = errors.New("has the same name twice in one object")
	errSyntax        = errors.New("is not one valid JSON text in UTF-8")
	errShape         = errors.New("has a value of the wrong type or an unknown name")
)

// plainFault replaces the decoder's error, which quotes the input, by one that does not.
func plainFault(err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jsontext.ErrDuplicateName):
		return errDuplicateName
	case errors.As(err, &syntax), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errSyntax
	default:
		return errShape
	}
}

// optional is a member of a merge patch: absent, null (to be removed), or a value.
type optional[T any] struct {
	set, null bool
	value     T
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *optional[T]) UnmarshalJSON(b []byte) error {
	o.set = true
	if string(b) == "null" {
		o.null = true
		return nil
	}
	return json.Unmarshal(b, &o.value, json.RejectUnknownMembers(true))
}

// Schema implements huma.SchemaProvider: the schema of T, or null.
func (optional[T]) Schema(r huma.Registry) *huma.Schema {
	s := *r.Schema(reflect.TypeFor[T](), false, "")
	s.Nullable = true
	if s.Enum != nil {
		s.Enum = append(slices.Clone(s.Enum), nil)
	}
	return &s
}

// given tells whether there is a value.
func (o optional[T]) given() bool { return o.set && !o.null }

// orNull is a value in an answer that may be null. Objects need it: a pointer to one is not documented as nullable.
type orNull[T any] struct{ value *T }

func some[T any](v T) orNull[T] { return orNull[T]{&v} }

// MarshalJSON implements json.Marshaler.
func (n orNull[T]) MarshalJSON() ([]byte, error) { return json.Marshal(n.value) }

// UnmarshalJSON implements json.Unmarshaler.
func (n *orNull[T]) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &n.value) }

// Schema implements huma.SchemaProvider.
func (orNull[T]) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{r.Schema(reflect.TypeFor[T](), true, ""), {Type: "null"}}}
}
