package payload_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/jmespath-community/go-jmespath/pkg/api"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
	"github.com/cr3dentials/verification-webhooks/shared/payload"
)

// FuzzTemplate holds for every text: Compile does not panic, what it accepts is compiled from its own stored text again,
// and a body is a fixed point within the bounds.
func FuzzTemplate(f *testing.F) {
	for _, text := range []string{
		`{}`, `{"a":"{{status}}"}`, `{"a":["{{data.proofData.names[::-1]}} {{type}}"]}`, `{"1":"{{ {a: {b: data}} }}"}`,
		`{"a":"{{ '}}' || \"b\" | [@, @][0:1:2].{c: not_null(@)} }}"}`, `{"a":"{{let $x = a in $x}}"}`, `{"a":"{{`, `{"\ud800":1e400}`,
	} {
		f.Add(text)
	}
	for _, expression := range blowUps() {
		f.Add(inTemplate(expression))
	}
	f.Fuzz(func(t *testing.T, text string) {
		template, err := compileBounded(t, text)
		if err != nil {
			return
		}
		again, err := payload.Compile(template.Text())
		if err != nil || again.Text() != template.Text() {
			t.Errorf("stored as %q, which is read as %v", template.Text(), err)
		}
		fixedPoint(t, bodyBounded(t, templatedRecord(t), template))
	})
}

// FuzzExpression is FuzzTemplate for what stands between the braces.
func FuzzExpression(f *testing.F) {
	for _, expression := range blowUps() {
		f.Add(expression)
	}
	g := expressions{rand.New(rand.NewPCG(3, 4))}
	for range 50 {
		f.Add(g.next(3))
	}
	f.Fuzz(func(t *testing.T, expression string) {
		template, err := compileBounded(t, inTemplate(expression))
		if err != nil {
			return
		}
		fixedPoint(t, bodyBounded(t, templatedRecord(t), template))
	})
}

// fixedPoint checks a body without Node; shared/jsbytes proves the rules with it.
func fixedPoint(t *testing.T, body []byte) {
	t.Helper()
	if body == nil {
		return
	}
	v, err := jsbytes.Parse(body)
	if err != nil {
		t.Fatalf("%.300q: %v", body, err)
	}
	if again, err := jsbytes.Marshal(v); string(again) != string(body) || len(body) > payload.MaxBody {
		t.Errorf("%.300q is written again as %.300q, %v", body, again, err)
	}
}

// TestExpressionsLikeTheLibrary compares what expressions give with the library's own interpreter, for expressions at
// random and on data that it does not change by itself: no number beyond a double, and texts only of scalars.
func TestExpressionsLikeTheLibrary(t *testing.T) {
	scope, err := build(t, inTemplate("@"))
	if err != nil {
		t.Fatal(err)
	}
	var whole map[string]any
	if err := json.Unmarshal([]byte(scope), &whole); err != nil {
		t.Fatal(err)
	}
	data := whole["v"]
	const seed = 5
	g := expressions{rand.New(rand.NewPCG(seed, seed))}
	values, failures := 0, 0
	for i := range 20_000 {
		expression := g.next(4)
		if len(expression) > payload.MaxExpression {
			continue
		}
		compiled, err := api.Compile(expression)
		if err != nil {
			t.Fatalf("seed %d, number %d: the library refuses %s: %v", seed, i, expression, err)
		}
		want, wantErr := search(compiled, data)
		body, err := build(t, inTemplate(expression))
		if err != nil || wantErr != nil {
			if failures++; (err == nil) != (wantErr == nil) {
				t.Fatalf("seed %d, number %d: %s: got %v, want %v", seed, i, expression, err, wantErr)
			}
			continue
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got["v"], normal(want)) {
			t.Fatalf("seed %d, number %d: %s: got %v, want %v", seed, i, expression, got["v"], want)
		}
		if want != nil {
			values++
		}
	}
	if values < 5000 || failures < 500 {
		t.Errorf("%d values and %d failures: the expressions show too little", values, failures)
	}
}

// TestTemplatesAtRandom: bodies of whatever is accepted are fixed points within the bounds.
func TestTemplatesAtRandom(t *testing.T) {
	const seed = 6
	g := expressions{rand.New(rand.NewPCG(seed, seed))}
	r := templatedRecord(t)
	bodies := 0
	for i := range 4000 {
		text, err := jsbytes.Marshal(jsbytes.Object(
			jsbytes.Member{Name: "whole", Value: jsbytes.String("{{" + g.next(5) + "}}")},
			jsbytes.Member{Name: "10", Value: jsbytes.String("a {{" + g.next(3) + "}} b {{" + g.next(3) + "}}")},
		))
		if err != nil {
			t.Fatal(err)
		}
		template, err := payload.Compile(string(text))
		if err != nil {
			continue // an expression that is too long
		}
		if body := bodyBounded(t, r, template); body != nil {
			bodies++
			fixedPoint(t, body)
		}
		if t.Failed() {
			t.Fatalf("seed %d, number %d: %s", seed, i, text)
		}
	}
	if bodies < 400 {
		t.Errorf("only %d bodies", bodies)
	}
}

// search turns the library's panics into errors.
func search(e api.JMESPath, data any) (v any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return e.Search(data)
}

// normal gives the library's result the types that JSON has in Go.
func normal(v any) any {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	var n any
	if err := json.Unmarshal(text, &n); err != nil {
		panic(err)
	}
	return n
}

// expressions makes accepted expressions at random, over the data of templated.
type expressions struct{ *rand.Rand }

func (g expressions) one(of ...string) string { return of[g.IntN(len(of))] }

func (g expressions) path() string {
	return g.one("type", "data", "@", "data.proofData", "data.proofData.income", "data.proofData.accounts", "data.proofData.names",
		"data.proofData.names", "data.proofData.accounts[:].bank", "data.proofData.empty", "data.stepId", "data.status",
		"data.proofData.income.verified", "data.proofData.income.amount", `data.proofData."é😀x"`, "bank", "n", "x")
}

func (g expressions) slice() string {
	n := func() string { return g.one("", "", "0", "1", "2", "-1", "-2", "9", "-9") }
	return "[" + n() + ":" + n() + g.one("", ":", ":1", ":2", ":-1", ":-2", ":9") + "]"
}

func (g expressions) next(depth int) string {
	if depth == 0 {
		return g.one(g.path(), g.path(), "'a'", "`1`", "`null`", "`[\"a\",{\"b\":2}]`", "`true`", "''")
	}
	sub := func() string { return g.next(depth - 1) }
	switch g.IntN(12) {
	case 0:
		return sub() + " | " + sub()
	case 1:
		return "(" + sub() + ")." + g.one("bank", "income", "status", `"9"`, "names")
	case 2:
		return "(" + sub() + ")" + g.slice()
	case 3:
		return "(" + sub() + ")" + g.slice() + "." + g.one("bank", "{b: bank, n: n}", "[n, bank]", "not_null(bank, n)")
	case 4:
		return sub() + " || " + sub()
	case 5:
		return "[" + sub() + ", " + sub() + "]" + g.one("", "[0]", "[-1]", "[:]", "[1:].bank")
	case 6:
		return "{a: " + sub() + ", b: " + sub() + "}" + g.one("", ".a", " | b")
	case 7:
		return g.one("length(", "type(", "not_null(") + sub() + ")"
	case 8:
		return g.one("lower(", "upper(", "to_number(") + sub() + ")"
	case 9:
		return "join(" + g.one("''", "', '", "type") + ", " + g.one(sub(), "data.proofData.names", "data.proofData.names"+g.slice()) + ")"
	case 10:
		return g.one("contains(", "starts_with(", "ends_with(") + g.one(sub(), g.path()) + ", " + g.one("'a'", "type", "data.status") + ")"
	default:
		return g.path()
	}
}
