package storetest

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Fill sets every field of the struct that p points to, and of all structs in it, to a value of its own that is not
// zero. It fails for a kind of field it does not know, so that a new field cannot escape a round trip.
func Fill(t *testing.T, p any) {
	t.Helper()
	n := 0
	fill(t, reflect.ValueOf(p).Elem(), &n)
}

func fill(t *testing.T, v reflect.Value, n *int) {
	t.Helper()
	*n++
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(start().Add(time.Duration(*n) * 3_600_000_001_007)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text-%d", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint8:
		v.SetUint(uint64(*n%255) + 1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i), n)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), n)
		}
	case reflect.Interface:
		if v.Type() != reflect.TypeFor[webhook.Kept]() { // which only a store can make
			t.Fatalf("Fill does not know %s", v.Type())
		}
	default:
		t.Fatalf("Fill does not know %s", v.Type())
	}
}

// show prints a value for a message, its pointers followed and its length bounded.
func show(v any) string {
	const most = 1500
	s := fmt.Sprintf("%+v", v)
	if r := reflect.ValueOf(v); r.Kind() == reflect.Struct {
		s = ""
		for i := range r.NumField() {
			f := r.Field(i)
			if f.Kind() == reflect.Pointer && !f.IsNil() {
				f = f.Elem()
			}
			s += fmt.Sprintf("%s=%+.300v ", r.Type().Field(i).Name, f)
		}
	}
	if len(s) > most {
		s = s[:most] + "..."
	}
	return s
}
