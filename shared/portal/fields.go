package portal

import (
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cr3dentials/verification-webhooks/shared/egress"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// checkDescription refuses what could not be shown as text. Its length is checked by the schema.
func checkDescription(s string) error {
	for _, r := range s {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return webhook.FieldErrorf("body.description", "must hold no control characters but tabs and line feeds")
		}
	}
	if utf8.RuneCountInString(s) > webhook.MaxDescription {
		return webhook.FieldErrorf("body.description", "must have at most %d characters", webhook.MaxDescription)
	}
	return nil
}

// checkAuthHeader refuses a header that may not be sent, and a mask in place of a value.
func checkAuthHeader(name, value string) error {
	if isMask(value) {
		return webhook.FieldErrorf("body.authHeader.value", "is the mask that stands for the value; send the real value, or leave it out to keep it")
	}
	return egress.CheckHeader(name, value)
}

func isMask(value string) bool {
	return value != "" && strings.Trim(value, "*•") == ""
}

// checkSecret refuses a signing secret that is too weak or can't be used.
func checkSecret(s string) error {
	if isMask(s) {
		return webhook.FieldErrorf("body.secret", "is a mask; send the real secret, or leave it out")
	}
	return webhook.CheckSecret("body.secret", s)
}

// typeNamingName is a type naming in a request.
type typeNamingName webhook.TypeNaming

// Schema implements huma.SchemaProvider.
func (typeNamingName) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Enum: []any{string(webhook.GuideNaming), string(webhook.DetailedNaming)}}
}

// namingOf returns the default for null.
func namingOf(o optional[typeNamingName]) webhook.TypeNaming {
	if o.given() {
		return webhook.TypeNaming(o.value)
	}
	return webhook.GuideNaming
}

func eventTypesOf(names []eventTypeName) []webhook.EventType {
	types := make([]webhook.EventType, len(names))
	for i, n := range names {
		types[i] = webhook.EventType(n)
	}
	return types
}

// names is a list that has nothing twice. That stands in the document only: huma's own check panics at items that are
// lists or objects.
type names[T ~string] []T

// Schema implements huma.SchemaProvider.
func (names[T]) Schema(r huma.Registry) *huma.Schema {
	s := *r.Schema(reflect.TypeFor[[]T](), false, "")
	s.Extensions = map[string]any{"uniqueItems": true}
	return &s
}

func (n names[T]) check(field string) error {
	for i, name := range n {
		if slices.Contains(n[:i], name) {
			return webhook.FieldErrorf(field, "must not have the same item twice")
		}
	}
	return nil
}
