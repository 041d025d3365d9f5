package jsbytes_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
	"github.com/cr3dentials/verification-webhooks/shared/jsbytes/docgen"
)

// decoderParse is Parse by way of encoding/json.
func decoderParse(text []byte) (jsbytes.Value, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	v, err := decoderValue(dec, 0)
	if err != nil {
		return jsbytes.Value{}, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return jsbytes.Value{}, jsbytes.ErrSyntax
	}
	return v, nil
}

func decoderValue(dec *json.Decoder, depth int) (jsbytes.Value, error) {
	token, err := dec.Token()
	if err != nil {
		return jsbytes.Value{}, jsbytes.ErrSyntax
	}
	switch t := token.(type) {
	case bool:
		return jsbytes.Bool(t), nil
	case json.Number:
		return jsbytes.Number(t.String()), nil
	case string:
		return jsbytes.String(t), nil
	case nil:
		return jsbytes.Null(), nil
	}
	if depth == jsbytes.MaxDepth {
		return jsbytes.Value{}, jsbytes.ErrTooDeep
	}
	var items []jsbytes.Value
	var members []jsbytes.Member
	for dec.More() {
		var name string
		if token == json.Delim('{') {
			t, err := dec.Token()
			if err != nil {
				return jsbytes.Value{}, jsbytes.ErrSyntax
			}
			name, _ = t.(string)
		}
		v, err := decoderValue(dec, depth+1)
		if err != nil {
			return jsbytes.Value{}, err
		}
		items, members = append(items, v), append(members, jsbytes.Member{Name: name, Value: v})
	}
	if _, err := dec.Token(); err != nil {
		return jsbytes.Value{}, jsbytes.ErrSyntax
	}
	if token == json.Delim('{') {
		return jsbytes.Object(members...), nil
	}
	return jsbytes.List(items...), nil
}

// unlikeDecoder tells how Parse differs from encoding/json on a text, "" if it does not.
func unlikeDecoder(text []byte) string {
	want, wantErr := decoderParse(text)
	got, err := jsbytes.Parse(text)
	if !errors.Is(err, wantErr) || (err == nil) != (wantErr == nil) {
		return "got " + errorText(err) + ", want " + errorText(wantErr)
	}
	a, errA := jsbytes.Marshal(got)
	b, errB := jsbytes.Marshal(want)
	if !bytes.Equal(a, b) || !errors.Is(errA, errB) {
		return "got " + string(a) + ", want " + string(b)
	}
	return ""
}

func errorText(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}

func TestParseLikeEncodingJSON(t *testing.T) {
	t.Parallel()
	for number := range uint64(documents(t, 20_000)) {
		if text := docgen.New(seed(t)+9, number).JSON(); unlikeDecoder(text) != "" {
			t.Fatalf("document %d of JSBYTES_SEED=%d: %q: %s", number, seed(t), text, unlikeDecoder(text))
		}
	}
}

func FuzzParseLikeEncodingJSON(f *testing.F) {
	for number := range uint64(20) {
		f.Add(docgen.New(3, number).JSON())
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if fault := unlikeDecoder(text); fault != "" {
			t.Errorf("%q: %s", text, fault)
		}
	})
}

func TestTree(t *testing.T) {
	t.Parallel()
	text := []byte(" { \"a\" : 1.50 , \"b\":[ true,\"x\\u0041\xff\",{}],\"\\u0061\":{\"S\":1,\"\\u0053\":\"é\"},\"10\":null,\"9\":false } rest")
	tree, rest, err := jsbytes.Scan(text, 3, 3)
	if err != nil || string(rest) != "rest" {
		t.Fatalf("%q, %v", rest, err)
	}
	var names, raws []string
	for n, v := range tree.Members(0) {
		names, raws = append(names, tree.Text(n)), append(raws, string(tree.Raw(v)))
	}
	if !slices.Equal(names, []string{"a", "b", "a", "10", "9"}) ||
		!slices.Equal(raws, []string{"1.50", "[ true,\"x\\u0041\xff\",{}]", "{\"S\":1,\"\\u0053\":\"é\"}", "null", "false"}) {
		t.Errorf("%q, %q", names, raws)
	}
	if kind, v, ok := tree.Only(tree.Member(0, "a")); !ok || kind != "S" || tree.Text(v) != "é" {
		t.Errorf("%q, %d, %v", kind, v, ok)
	}
	for _, i := range []int{0, -1, tree.Member(0, "b"), tree.Member(0, "A"), tree.Member(tree.Member(0, "9"), "a")} {
		if _, _, ok := tree.Only(i); ok {
			t.Errorf("value %d has one member", i)
		}
	}
	var sorted []string
	for _, e := range tree.Sorted(0, []jsbytes.Entry{{Name: "z"}}) {
		sorted = append(sorted, e.Name)
	}
	if !slices.Equal(sorted, []string{"z", "9", "10", "a", "b"}) {
		t.Errorf("sorted: %q", sorted)
	}
	var items []string
	for i := range tree.Items(tree.Member(0, "b")) {
		items = append(items, tree.Text(i))
	}
	if !slices.Equal(items, []string{"", "xA\ufffd", ""}) || !tree.Truth(tree.Member(0, "b")+1) || tree.Truth(tree.Member(0, "9")) || tree.Truth(-1) {
		t.Errorf("items: %q", items)
	}
}

// TestScanLevels: what is deeper is checked all the same.
func TestScanLevels(t *testing.T) {
	t.Parallel()
	tree, _, err := jsbytes.Scan([]byte(`{"a":[{"b":[[1]]},2]}`), 5, 2)
	if err != nil {
		t.Fatal(err)
	}
	var raws []string
	for i := range tree.Items(tree.Member(0, "a")) {
		raws = append(raws, string(tree.Raw(i)))
	}
	if !slices.Equal(raws, []string{`{"b":[[1]]}`, "2"}) {
		t.Errorf("%q", raws)
	}
	for text, want := range map[string]error{
		`{"a":[{"b":[[1]]},2]`: jsbytes.ErrSyntax, `{"a":[{"b":[[01]]},2]}`: jsbytes.ErrSyntax, `{"a":[{"b":[[[]]]}]}`: jsbytes.ErrTooDeep,
		`[[[[[[`: jsbytes.ErrTooDeep, `{"a":{"a":{"a":{"a":{"a":{`: jsbytes.ErrTooDeep, ``: jsbytes.ErrSyntax, ` `: jsbytes.ErrSyntax,
	} {
		if _, _, err := jsbytes.Scan([]byte(text), 5, 2); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
}

// TestMapOf is Map, whatever the order of the members, and with the last of a name.
func TestMapOf(t *testing.T) {
	t.Parallel()
	for number := range uint64(3000) {
		g := docgen.New(4, number)
		var members []jsbytes.Member
		for range g.IntN(40) {
			members = append(members, jsbytes.Member{Name: jsbytes.String(g.Name()).Text(), Value: jsbytes.Number(g.Number())})
		}
		last := map[string]jsbytes.Value{}
		for _, m := range members {
			last[m.Name] = m.Value
		}
		want := marshal(t, jsbytes.Map(last))
		if got := marshal(t, jsbytes.MapOf(slices.Clone(members))); got != want {
			t.Fatalf("document %d: got %s, want %s", number, got, want)
		}
		if sorted := jsbytes.Map(last).Members(); marshal(t, jsbytes.MapOf(slices.Clone(sorted))) != want {
			t.Fatalf("document %d: members in order get another one", number)
		}
	}
}

// TestMarshalAllocatesOnce: the size is known before, unless a text needs escapes or a number another form.
func TestMarshalAllocatesOnce(t *testing.T) {
	v, err := jsbytes.Parse([]byte(`{"type":"verification.completed","data":{"n":5231.75,"z":-7,"list":[true,null,false,"é",[],{}],"map":{"10":0}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = jsbytes.Marshal(v) }); n > 1 {
		t.Errorf("%v allocations, want 1", n)
	}
	// A value that is made of itself has no end of a size.
	wide := jsbytes.String("x")
	for range 60 {
		wide = jsbytes.List(wide, wide, wide)
	}
	if _, err := jsbytes.Marshal(wide); !errors.Is(err, jsbytes.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
	if _, err := jsbytes.Marshal(jsbytes.String(strings.Repeat("\n", jsbytes.MaxSize/2))); !errors.Is(err, jsbytes.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}

func BenchmarkMarshal(b *testing.B) {
	v := docgen.New(1, 1).Body()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jsbytes.Marshal(v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	text, err := jsbytes.Marshal(docgen.New(1, 1).Body())
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jsbytes.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}
