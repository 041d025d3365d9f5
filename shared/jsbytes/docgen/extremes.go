package docgen

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
)

// Extreme is a body at one of the limits.
type Extreme struct {
	Name string
	Body jsbytes.Value
}

// Extremes returns bodies at the limits of what is sent: as large and as deep as may be, with every form of a number,
// every control character, names that JavaScript's objects have already, and with nothing in them.
func Extremes() []Extreme {
	list := []Extreme{
		{"no data", body()},
		{"empty maps", withMetadata(jsbytes.Map(nil))},
		{"empty names and texts", withMetadata(object("", jsbytes.String("")))},
		{"control characters", withMetadata(controls())},
		{"numbers", withMetadata(numbers())},
		{"array indices", withMetadata(indices())},
		{"64 levels of lists", withMetadata(object("a", lists(jsbytes.MaxDepth-3)))},
		{"64 levels of objects", withMetadata(objects("a", jsbytes.MaxDepth-3, jsbytes.Map(nil)))},
		{"64 levels of __proto__", withMetadata(objects("__proto__", jsbytes.MaxDepth-3, jsbytes.Map(nil)))},
	}
	for _, fill := range []string{"a", "\x00", "\u2028", "😀", `"`} {
		list = append(list, Extreme{fmt.Sprintf("%d bytes of %q", jsbytes.MaxSize, fill), largest(fill)})
	}
	for _, depth := range []int{0, 1, 5} {
		for _, name := range []string{"__proto__", "constructor", "toJSON"} {
			inner := object(name, object("prototype", jsbytes.Number("1")), name+"2", jsbytes.Null())
			list = append(list, Extreme{fmt.Sprintf("%s at depth %d", name, depth), withMetadata(objects("a", depth, inner))})
		}
	}
	return list
}

func withMetadata(v jsbytes.Value) jsbytes.Value {
	return body(
		jsbytes.Member{Name: "verificationId", Value: jsbytes.String("ver_1")},
		jsbytes.Member{Name: "sessionId", Value: jsbytes.Number("123")},
		jsbytes.Member{Name: "status", Value: jsbytes.String("VERIFIED")},
		jsbytes.Member{Name: "metadata", Value: v},
	)
}

// object returns the map of names and values that take turns.
func object(pairs ...any) jsbytes.Value {
	m := make(map[string]jsbytes.Value)
	for i := 0; i+1 < len(pairs); i += 2 {
		name, _ := pairs[i].(string)
		m[name], _ = pairs[i+1].(jsbytes.Value)
	}
	return jsbytes.Map(m)
}

func objects(name string, levels int, v jsbytes.Value) jsbytes.Value {
	for range levels {
		v = object(name, v)
	}
	return v
}

func lists(levels int) jsbytes.Value {
	v := jsbytes.List()
	for range levels - 1 {
		v = jsbytes.List(v)
	}
	return v
}

func controls() jsbytes.Value {
	m := make(map[string]jsbytes.Value)
	for c := range 0x20 {
		m["name "+string(rune(c))] = jsbytes.String("text " + string(rune(c)))
	}
	return jsbytes.Map(m)
}

func numbers() jsbytes.Value {
	var items []jsbytes.Value
	for _, f := range limits {
		for _, format := range []byte{'e', 'f', 'g'} {
			text := strconv.FormatFloat(f, format, -1, 64)
			items = append(items, jsbytes.Number(text), jsbytes.Number("-"+text), jsbytes.Number(middle(f)))
		}
	}
	return object("all", jsbytes.List(items...))
}

func indices() jsbytes.Value {
	m := make(map[string]jsbytes.Value)
	for _, name := range strings.Fields("0 1 2 10 9 01 -1 1.0 1e1 4294967293 4294967294 4294967295 4294967296 9007199254740991 a B") {
		m[name] = jsbytes.String(name)
	}
	return jsbytes.Map(m)
}

// largest returns a body of exactly jsbytes.MaxSize bytes.
func largest(fill string) jsbytes.Value {
	size := func(fills, rest int) (jsbytes.Value, int) {
		v := withMetadata(object("text", jsbytes.String(strings.Repeat(fill, fills)+strings.Repeat("a", rest))))
		b, err := jsbytes.Marshal(v)
		if err != nil {
			panic(err)
		}
		return v, len(b)
	}
	_, empty := size(0, 0)
	_, one := size(1, 0)
	left := jsbytes.MaxSize - empty
	v, _ := size(left/(one-empty), left%(one-empty))
	return v
}
