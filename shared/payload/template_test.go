package payload_test

import (
	"errors"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// templated is a record whose data has something of every type.
const templated = `{"verificationId":{"S":"ver_1"},"partnerId":{"S":"acme"},"status":{"S":"VERIFIED"},
"sessionId":{"N":"9007199254740993"},"proofData":{"M":{
 "income":{"M":{"amount":{"N":"5000.50"},"source":{"S":"chase-bank"},"verified":{"BOOL":true}}},
 "accounts":{"L":[{"M":{"bank":{"S":"one"},"n":{"N":"1"}}},{"M":{"bank":{"S":"two"}}},{"M":{"n":{"N":"3"}}}]},
 "names":{"L":[{"S":"a"},{"S":"b"},{"S":"c"},{"S":"d"}]},
 "empty":{"L":[]},"none":{"NULL":true},"10":{"S":"ten"},"9":{"S":"nine"},"ab-c":{"S":"dash"},"é😀x":{"S":"é😀x"}}}}`

func templatedRecord(t testing.TB) payload.Record {
	t.Helper()
	r, ok, err := payload.Decode(record("INSERT", "", templated))
	if err != nil || !ok {
		t.Fatalf("got %t, %v", ok, err)
	}
	return r
}

// build renders a template given as text over the record above.
func build(t testing.TB, text string) (string, error) {
	t.Helper()
	template, err := payload.Compile(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	body, err := templatedRecord(t).Body(webhook.GuideNaming, template)
	return string(body), err
}

// inTemplate makes a template of one expression.
func inTemplate(expression string) string {
	text, err := jsbytes.Marshal(jsbytes.Object(jsbytes.Member{Name: "v", Value: jsbytes.String("{{" + expression + "}}")}))
	if err != nil {
		panic(err)
	}
	return string(text)
}

func TestExpressions(t *testing.T) {
	for _, tt := range []struct{ expression, want string }{
		{"type", `"verification.completed"`}, {" status ", `"success"`}, {"data.status", `"VERIFIED"`},
		{"event.type", `"verification.completed"`}, {"event.occurredAt", `"2025-11-24T16:00:00.000Z"`},
		{"data.stepId", "null"}, {"nothing.at.all", "null"}, {"data.status.no", "null"},
		{"data.sessionId", `"9007199254740993"`}, // every digit, as in the default body
		{"data.proofData.income", `{"amount":5000.5,"source":"chase-bank","verified":true}`},
		{"data.proofData.income.verified", "true"}, {"data.proofData.none", "null"}, {"data.proofData.empty", "[]"},
		{`data.proofData."10"`, `"ten"`}, {`data.proofData."ab-c"`, `"dash"`}, {`data.proofData."\u00e9😀x"`, `"é😀x"`},
		{"data.proofData.names[0]", `"a"`}, {"data.proofData.names[-1]", `"d"`}, {"data.proofData.names[4]", "null"},
		{"data.proofData.names[-5]", "null"}, {"data.proofData.income[0]", "null"},
		{"data.proofData.names[1:3]", `["b","c"]`}, {"data.proofData.names[::-1]", `["d","c","b","a"]`},
		{"data.proofData.names[:-1:2]", `["a","c"]`}, {"data.proofData.names[9:]", "[]"},
		{"data.proofData.names[::999999999999999999]", `["a"]`}, {"data.proofData.names[::-999999999999999999]", `["d"]`},
		{"data.proofData.accounts[:].bank", `["one","two"]`}, {"data.proofData.accounts[:].n", "[1,3]"},
		{"data.proofData.accounts[:].{b: bank, n: n}", `[{"b":"one","n":1},{"b":"two","n":null},{"b":null,"n":3}]`},
		{"data.proofData.accounts[:].[n][0]", "[1]"}, {"data.proofData.accounts[:].bank | [0]", `"one"`},
		{"data.verificationId[0:3]", `"ver"`}, {"data.verificationId[::-1]", `"1_rev"`},
		{`data.proofData."é😀x"[1:2]`, `"😀"`},
		{"data.stepId || 'none'", `"none"`}, {"data.proofData.empty || data.sessionId || `1`", `"9007199254740993"`},
		{"data.stepId || data.nothing", "null"},
		{"[type, data.stepId]", `["verification.completed",null]`},
		{"{z: type, a: status, \"10\": `1`, \"9\": `2`}", `{"9":2,"10":1,"z":"verification.completed","a":"success"}`},
		{"{a: `1`, b: `2`, a: `3`}", `{"a":3,"b":2}`}, {"{a: {b: {c: status}}}", `{"a":{"b":{"c":"success"}}}`},
		{"'}}'", `"}}"`}, {"'it\\'s {{'", `"it's {{"`}, {"`\"}}\"`", `"}}"`}, {"`{\"b\":1.0,\"a\":[1e3]}`", `{"b":1,"a":[1000]}`},
		{"`-0`", "0"}, {"`9007199254740993`", `"9007199254740993"`},
		{"['x', `{\"b\":1.10,\"a\":2}`, 'y', `3`, type(`{}`)]", `["x",{"b":1.1,"a":2},"y",3,"object"]`}, {"`\"a\\`b\"`", `"a` + "`" + `b"`}, {"`1e21`", "1e+21"}, {"`\"\\ud83d\"`", "\"\ufffd\""}, {"@.status", `"success"`},
		{"contains(data.status, 'VER')", "true"}, {"contains(data.proofData.names, 'c')", "true"},
		{"contains(data.proofData.names, 'z')", "false"}, {"contains(data.proofData.accounts[:].n, `1.0`)", "true"},
		{"contains(data.proofData.accounts[:].n, '1')", "false"}, {"contains(data.status, `1`)", "false"},
		{"ends_with(data.status, 'IED')", "true"}, {"starts_with(data.status, 'IED')", "false"},
		{"join(', ', data.proofData.names)", `"a, b, c, d"`}, {"join('x', data.proofData.empty)", `""`},
		{"length(data.proofData.\"é😀x\")", "3"}, {"length(data.proofData.names)", "4"}, {"length(data.proofData.income)", "3"},
		{"lower(data.status)", `"verified"`}, {"upper(status)", `"SUCCESS"`},
		{"not_null(data.stepId, data.nothing, status)", `"success"`}, {"not_null(data.stepId)", "null"},
		{"to_number('12')", "12"}, {"to_number(' 12')", "null"}, {"to_number(status)", "null"}, {"to_number(data.stepId)", "null"},
		{"to_number('12345678901234567890')", `"12345678901234567890"`}, {"to_number('\"1\"')", "null"},
		{"to_string(data.sessionId)", `"9007199254740993"`}, {"to_string(data.proofData.income.amount)", `"5000.5"`},
		{"to_string(status)", `"success"`}, {"to_string(data.proofData.empty)", `"[]"`}, {"to_string(data.stepId)", `"null"`},
		{"to_string(data.proofData.accounts[0])", `"{\"bank\":\"one\",\"n\":1}"`},
		{"type(data.sessionId)", `"number"`}, {"type(data)", `"object"`}, {"type(data.proofData.names)", `"array"`},
		{"type(data.stepId)", `"null"`}, {"type(status)", `"string"`}, {"type(data.proofData.income.verified)", `"boolean"`},
	} {
		got, err := build(t, inTemplate(tt.expression))
		if want := `{"v":` + tt.want + `}`; err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", tt.expression, got, err, want)
		}
	}
}

func TestTemplateForms(t *testing.T) {
	for _, tt := range []struct{ name, template, want string }{
		{"nothing to replace", `{ "b": [1.0, null, {"x":"}}"}], "a": true }`, `{"b":[1,null,{"x":"}}"}],"a":true}`},
		{"names in JavaScript's order", `{"b":"{{status}}","10":1,"9":"{{type}}"}`, `{"9":"verification.completed","10":1,"b":"success"}`},
		{"a repeated name", `{"a":"{{nothing}}","b":1,"a":"{{status}}"}`, `{"a":"success","b":1}`},
		{"in text", `{"t":"<{{status}}> {{data.sessionId}}/{{data.proofData.income.amount}}{{data.stepId}}."}`,
			`{"t":"<success> 9007199254740993/5000.5."}`},
		{"values of other types in text", `{"t":"{{data.proofData.income.verified}} {{data.proofData.names}}"}`,
			`{"t":"true [\"a\",\"b\",\"c\",\"d\"]"}`},
		{"blanks keep it a text", `{"t":" {{data.proofData.income.verified}}"}`, `{"t":" true"}`},
		{"blanks inside do not", `{"t":"{{ data.proofData.income.verified }}"}`, `{"t":true}`},
		{"in lists", `{"l":["{{status}}",["{{data.proofData.names[0]}}"],{"m":"{{data.stepId}}"}]}`,
			`{"l":["success",["a"],{"m":null}]}`},
		{"side by side", `{"t":"{{status}}{{status}}"}`, `{"t":"successsuccess"}`},
		{"three braces", `{"t":"{{{a: status}}}"}`, `{"t":{"a":"success"}}`},
		{"the whole", `{"t":"{{data.proofData.accounts[1:2]}}","e":"{{event.type}}"}`,
			`{"t":[{"bank":"two"}],"e":"verification.completed"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := build(t, tt.template); err != nil || got != tt.want {
				t.Errorf("got %s, %v, want %s", got, err, tt.want)
			}
		})
	}
}

func TestTemplateRefused(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 25) + "1" + strings.Repeat("}", 25)
	many := `{"a":[` + strings.TrimSuffix(strings.Repeat(`"{{status}}",`, 65), ",") + `]}`
	for _, tt := range []struct {
		name, template, path string
		position             int
		message              string
	}{
		{"as deep as may be, and a fault there", strings.Repeat(`{"a":`, 24) + `"{{"` + strings.Repeat("}", 24), strings.Repeat(".a", 24), 1, "no }}"},
		{"not JSON", `{"a":}`, "", 0, "JSON"}, {"a list", `[]`, "", 0, "object"}, {"a string", `"{{status}}"`, "", 0, "object"},
		{"too large", `{"a":"` + strings.Repeat("x", 16<<10) + `"}`, "", 0, "16384 bytes"},
		{"too deep", deep, strings.Repeat(".a", 24), 0, "24 lists"}, {"far too deep", strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70), "", 0, "lists"},
		{"an expression in a name", `{"a":{"x{{y":1}}`, ".a.x{{y", 0, "name"},
		{"too many", many, ".a[64]", 1, "64 expressions"},
		{"unclosed", `{"a":["é {{status}"]}`, ".a[0]", 3, "no }}"}, {"unclosed quote", `{"a":"{{'}}"}`, ".a", 1, "no }}"},
		{"empty", `{"a":"{{ }}"}`, ".a", 3, "empty"},
		{"long", `{"a":"x{{` + strings.Repeat("a", 1025) + `}}"}`, ".a", 4, "1024"},
		{"a syntax error", `{"a":"😀{{data.b.[}}"}`, ".a", 12, "JMESPath"},
		{"an end too early", `{"a":"{{data.}}"}`, ".a", 8, "JMESPath"},
		{"an unknown character", `{"a":"{{data.é}}"}`, ".a", 8, "JMESPath"},
		{"a bad literal", "{\"a\":\"{{a || `{`}}\"}", ".a", 8, "literal"},
		{"a huge index", `{"a":"{{data[99999999999999999999]}}"}`, ".a", 7, "18 digits"},
		{"no step", `{"a":"{{data[::-00]}}"}`, ".a", 7, "step"},
		{"an unknown function", `{"a":"{{ data | pad_left(@, '9') }}"}`, ".a", 11, "join"},
		{"a function of expressions", `{"a":"{{sort_by(data, &x)}}"}`, ".a", 3, "join"},
		{"an expression reference", `{"a":"{{not_null(&x)}}"}`, ".a", 12, "references"},
		{"let", `{"a":"{{let $x = data in $x}}"}`, ".a", 7, "variables"}, {"the root", `{"a":"{{$.a}}"}`, ".a", 3, "variables"},
		{"a filter", `{"a":"{{data.x[?a]}}"}`, ".a", 9, "filters"}, {"flattening", `{"a":"{{data.x[]}}"}`, ".a", 9, "flattening"},
		{"a wildcard", `{"a":"{{data.x[*]}}"}`, ".a", 9, "[:]"}, {"a wildcard for members", `{"a":"{{data.*}}"}`, ".a", 8, "wildcards"},
		{"and", `{"a":"{{a && b}}"}`, ".a", 5, "comparisons"}, {"not", `{"a":"{{!a}}"}`, ".a", 3, "comparisons"},
		{"a comparison", `{"a":"{{a == b}}"}`, ".a", 5, "comparisons"}, {"less", `{"a":"{{a < b}}"}`, ".a", 5, "comparisons"},
		{"plus", `{"a":"{{a + b}}"}`, ".a", 5, "arithmetic"}, {"minus", `{"a":"{{a - b}}"}`, ".a", 5, "arithmetic"},
		{"divided", `{"a":"{{a / b}}"}`, ".a", 5, "arithmetic"}, {"times", `{"a":"{{a × b}}"}`, ".a", 5, "arithmetic"},
		{"too few arguments", `{"a":"{{a || not_null(join(''))}}"}`, ".a", 17, "arguments"}, {"too many arguments", `{"a":"{{[type(a), type(a,b)]}}"}`, ".a", 13, "arguments"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := payload.Compile(tt.template)
			var e *payload.TemplateError
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want a TemplateError", err)
			}
			if e.Path != tt.path || e.Position != tt.position || !strings.Contains(e.Message, tt.message) {
				t.Errorf("got %q, %d, %q", e.Path, e.Position, e.Message)
			}
		})
	}
}

// TestTemplateFails: what can only be seen with an event says where it happened, and nothing of the event.
func TestTemplateFails(t *testing.T) {
	for _, tt := range []struct{ template, want string }{
		{`{"a":{"b":["é{{join(',', data.proofData.accounts)}}"]}}`, "a.b[0], character 2"},
		{`{"a":"{{length(data.sessionId)}}"}`, "a, character 1"}, {`{"a":"{{lower(data.sessionId)}}"}`, "a, character 1"},
		{`{"a":"{{starts_with(data.status, data.stepId)}}"}`, "a, character 1"},
		{`{"a":"{{contains(data.sessionId, 'a')}}"}`, "a, character 1"},
		{`{"a":"{{contains(data.proofData.names, data)}}"}`, "a, character 1"},
	} {
		_, err := build(t, tt.template)
		var e *payload.TemplateError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "VERIFIED") {
			t.Errorf("%s: got %v", tt.template, err)
		}
	}
}

// blowUps are templates that would take hours and all memory in the library's interpreter.
func blowUps() map[string]string {
	pipes := "@" + strings.Repeat("|[@,@]", 150)
	projections := "[data]" + strings.Repeat("[:].[@,@]", 80)
	hashes := "[data]" + strings.Repeat("[:].{a:@,b:@}|[@,@]", 40)
	text := "'" + strings.Repeat("x", 900) + "'"
	grow := "[" + text + "]|[join('',[@[0],@[0]])]" // twice as long each time
	return map[string]string{
		"doubling pipes": pipes, "doubling projections": projections, "doubling members": hashes,
		"a long text":  grow + strings.Repeat("|[join('',[@[0],@[0]])]", 3),
		"to_string":    "@" + strings.Repeat("|to_string([@,@])", 40),
		"upper, again": strings.Repeat("upper(", 140) + "to_string(data)" + strings.Repeat(")", 140),
		"to_number":    "['[1,1,1,1,1,1,1,1,1,1,1,1']" + strings.Repeat("|[join('',[@[0],@[0]])]", 12) + "|[0]|[" + strings.Repeat("to_number(@),", 50) + "@]",
		"deep":         strings.Repeat("[", 300) + "data" + strings.Repeat("]", 300),
	}
}

func TestTemplateBounds(t *testing.T) {
	for name, expression := range blowUps() {
		t.Run(name, func(t *testing.T) {
			template, err := compileBounded(t, inTemplate(expression))
			if err != nil {
				t.Fatal(err)
			}
			bodyBounded(t, templatedRecord(t), template)
		})
	}
}

// TestTemplateBoundsOnLargeRecords: as many expressions as a template may have, over the largest records that DynamoDB has.
func TestTemplateBoundsOnLargeRecords(t *testing.T) {
	list := func(n int, number string) string {
		return `{"L":[` + strings.TrimSuffix(strings.Repeat(`{"N":"`+number+`"},`, n), ",") + `]}`
	}
	long := strings.Repeat("12345678901234567891", 2)[:38]
	raw := `{"verificationId":{"S":"v"},"partnerId":{"S":"acme"},"status":{"S":"VERIFIED"},"metadata":{"M":{"one":` + list(50_000, "1") +
		`,"more":` + list(60_000, "7") + `,"long":` + list(9_000, long) + `,"short":` + list(2_500, long) + `,"c":{"S":"` + strings.Repeat(`\u0001`, 16_000) + `"},"s":{"S":"` + strings.Repeat("é", 180_000) + `"}}}}`
	r, ok, err := payload.Decode(record("INSERT", "", raw))
	if err != nil || !ok {
		t.Fatal(err)
	}
	for _, expression := range []string{
		"data.metadata.more[:].[@,@,@]", "data.metadata.more[::-1][::-1]", "to_string(data)", "upper(data.metadata.s)",
		"data.metadata.s[::-1]", "contains(data.metadata.more, 'x')", "join('', [data.metadata.s,data.metadata.s])",
		"contains(data.metadata.s, 'x')", "length(data.metadata.s)", "data.metadata.more[:].to_string(@)",
		"length(to_string(data.metadata.one))", "length(to_string(data.metadata.short))", "to_number(data.metadata.s)",
		"contains(data.metadata.long, `" + long + "`)", "contains(data.metadata.long, `1" + strings.Repeat("2", 120) + "`)",
		"data.metadata.long[:].{a:@,b:@}", "data.metadata.one", "to_string([data.metadata.c])", "to_string({a: data.metadata.c})", "data.metadata.long[:].type(@)",
	} {
		for _, times := range []int{1, 4, 20, payload.MaxExpressions} {
			text := `{"a":[` + strings.TrimSuffix(strings.Repeat(`"{{type(`+expression+`)}}",`, times), ",") + `],"b":"{{` + expression + `}}"}`
			if times == payload.MaxExpressions {
				text = `{"a":[` + strings.TrimSuffix(strings.Repeat(`"{{`+expression+`}}",`, times), ",") + `]}`
			}
			template, err := compileBounded(t, text)
			if err != nil {
				t.Fatal(err)
			}
			bodyBounded(t, r, template)
		}
	}
}

// TestCompileBounds: what takes the parser and the check longest, as often as a template holds it.
func TestCompileBounds(t *testing.T) {
	for _, expression := range []string{
		strings.Repeat("[", 1000), strings.Repeat("(", 1000), strings.Repeat("(", 500) + "a" + strings.Repeat(")", 500),
		strings.Repeat("a.", 500) + "a", strings.Repeat("a|", 500) + "a", strings.Repeat("{a:", 250) + "a" + strings.Repeat("}", 250),
		strings.Repeat("a||", 300) + "a", strings.Repeat("[:]", 300), "'" + strings.Repeat(`\'`, 500) + "'",
		"`" + strings.Repeat("[", 500) + strings.Repeat("]", 500) + "`", strings.Repeat("not_null(", 100) + "a" + strings.Repeat(")", 100),
	} {
		one := strings.TrimSuffix(strings.TrimPrefix(inTemplate(expression), `{"v":`), "}")
		text := `{"a":[` + strings.TrimSuffix(strings.Repeat(one+",", payload.MaxTemplate/(len(one)+2)), ",") + `]}`
		if template, err := compileBounded(t, text); err == nil {
			bodyBounded(t, templatedRecord(t), template)
		}
	}
}

// TestTemplatesAreBounded: any number of templates, each as heavy as they come, takes a bounded part of the memory, and the
// one that was just used is there.
func TestTemplatesAreBounded(t *testing.T) {
	var ts payload.Templates
	heavy := strings.Repeat("a.", 500) + "a"
	one := strings.TrimSuffix(strings.TrimPrefix(inTemplate(heavy), `{"v":`), "}")
	text := func(i int) string {
		return `{"n":` + strconv.Itoa(i) + `,"a":[` + strings.TrimSuffix(strings.Repeat(one+",", 15), ",") + `]}`
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 200 {
		first, err := ts.Get(text(i))
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := ts.Get(text(i)); again != first {
			t.Fatal("compiled twice")
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if m := int64(after.HeapAlloc) - int64(before.HeapAlloc); m > 24<<20 {
		t.Errorf("200 templates take %d KiB", m>>10)
	}
	runtime.KeepAlive(&ts)
}
