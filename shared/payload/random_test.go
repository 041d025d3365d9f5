package payload_test

import (
	"encoding/json"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
	"github.com/cr3dentials/verification-webhooks/shared/jsbytes/docgen"
	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// stored turns a value into DynamoDB's JSON, and into the value that a body has for it: a map has no order.
func stored(v jsbytes.Value) (attribute map[string]any, inBody jsbytes.Value) {
	switch v.Kind() {
	case jsbytes.KindBool:
		return map[string]any{"BOOL": v.Truth()}, v
	case jsbytes.KindNumber:
		if jsbytes.IsNumber(v.Text()) {
			return map[string]any{"N": v.Text()}, v
		}
		return map[string]any{"S": v.Text()}, jsbytes.String(v.Text())
	case jsbytes.KindString:
		return map[string]any{"S": v.Text()}, v
	case jsbytes.KindList:
		list, items := []any{}, []jsbytes.Value{}
		for _, item := range v.Items() {
			a, b := stored(item)
			list, items = append(list, a), append(items, b)
		}
		return map[string]any{"L": list}, jsbytes.List(items...)
	case jsbytes.KindObject:
		attributes, members := map[string]any{}, map[string]jsbytes.Value{}
		for _, m := range v.Members() {
			attributes[m.Name], members[m.Name] = stored(m.Value)
		}
		return map[string]any{"M": attributes}, jsbytes.Map(members)
	default:
		return map[string]any{"NULL": true}, v
	}
}

// TestRecordsAtRandom: whatever a record's map holds, it comes out by jsbytes' rules, and a template that asks for all of
// the default body gives the same bytes.
func TestRecordsAtRandom(t *testing.T) {
	same, err := payload.Compile(`{"type":"{{type}}","status":"{{status}}","data":"{{data}}"}`)
	if err != nil {
		t.Fatal(err)
	}
	const seed = 7
	for n := range uint64(3000) {
		metadata, want := stored(jsbytes.Object(jsbytes.Member{Name: "v", Value: docgen.New(seed, n).Value(6)}))
		attributes, err := json.Marshal(map[string]any{
			"verificationId": map[string]string{"S": "ver_1"}, "partnerId": map[string]string{"S": "acme"},
			"status": map[string]string{"S": "VERIFIED"}, "metadata": metadata,
		})
		if err != nil {
			t.Fatal(err)
		}
		r, ok, err := payload.Decode(record("INSERT", "", string(attributes)))
		if err != nil || !ok {
			t.Fatalf("seed %d, number %d: %v", seed, n, err)
		}
		expected, err := jsbytes.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		const before = `{"type":"verification.completed","status":"success","data":{"verificationId":"ver_1","status":"VERIFIED","metadata":`
		body, err := r.Body(webhook.GuideNaming, nil)
		if err != nil || string(body) != before+string(expected)+"}}" {
			t.Fatalf("seed %d, number %d: got %s, %v, want metadata %s", seed, n, body, err, expected)
		}
		if templated, err := r.Body(webhook.GuideNaming, same); err != nil || string(templated) != string(body) {
			t.Fatalf("seed %d, number %d: by template %s, %v, want %s", seed, n, templated, err, body)
		}
	}
}
