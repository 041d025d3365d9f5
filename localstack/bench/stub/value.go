package stub

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math/big"
	"reflect"
	"strconv"
	"strings"
)

// value is an attribute's value: its type as DynamoDB names it ("S", "N", ...), and the JSON within. The zero value
// stands for an attribute that is absent.
type value struct{ kind, raw string }

// valueOf reads a value in DynamoDB's JSON, such as {"S":"text"}.
func valueOf(s string) value {
	for kind, raw := range members(s) {
		return value{kind, raw}
	}
	return value{}
}

func (v value) absent() bool { return v.kind == "" }

// json is the value in DynamoDB's JSON.
func (v value) json() string { return `{"` + v.kind + `":` + v.raw + `}` }

// text is the text of a string or number.
func (v value) text() string { return unquote(v.raw) }

// attribute returns an attribute of an item in DynamoDB's JSON.
func attribute(item, name string) value {
	for n, v := range members(item) {
		if n == name {
			return valueOf(v)
		}
	}
	return value{}
}

// size is a value's size in bytes as AWS documents it ("DynamoDB item sizes and formats"): text and binary by their
// length, a number by half its digits and one, one more if it is negative, lists and maps with 3 and one for each element.
func (v value) size() int {
	switch v.kind {
	case "S":
		return len(v.text())
	case "N":
		return numberSize(v.text())
	case "B":
		return binarySize(v.raw)
	case "L":
		n := 3
		for e := range elements(v.raw) {
			n += 1 + valueOf(e).size()
		}
		return n
	case "M":
		n := 3
		for name, e := range members(v.raw) {
			n += 1 + len(name) + valueOf(e).size()
		}
		return n
	case "SS", "NS", "BS":
		n := 0
		for e := range elements(v.raw) {
			n += value{v.kind[:1], e}.size()
		}
		return n
	}
	return 1
}

func numberSize(text string) int {
	n := 1
	if strings.HasPrefix(text, "-") {
		n, text = 2, text[1:]
	}
	if strings.IndexByte(text, '.') < 0 {
		return n + (len(strings.Trim(text, "0"))+1)/2
	}
	return n + (len(strings.Trim(strings.Replace(text, ".", "", 1), "0"))+1)/2
}

// binarySize is the length of what a JSON string of base64 holds.
func binarySize(raw string) int {
	n := max(len(raw)-2, 0)
	pad := strings.Count(raw[max(len(raw)-3, 0):], "=")
	return n/4*3 - pad
}

// equal tells whether two values are the same; an absent one equals nothing.
func (v value) equal(w value) bool {
	if v.kind != w.kind || v.kind == "" {
		return false
	}
	switch v.kind {
	case "S", "B":
		return v.text() == w.text()
	case "N":
		return compareNumbers(v.text(), w.text()) == 0
	}
	if v.raw == w.raw {
		return true
	}
	var a, b any // the order of a map's members says nothing
	return json.Unmarshal([]byte(v.raw), &a) == nil && json.Unmarshal([]byte(w.raw), &b) == nil && reflect.DeepEqual(a, b)
}

// compare orders two values of one type; ok is false if they have none.
func (v value) compare(w value) (order int, ok bool) {
	if v.kind != w.kind {
		return 0, false
	}
	switch v.kind {
	case "S":
		return strings.Compare(v.text(), w.text()), true
	case "N":
		return compareNumbers(v.text(), w.text()), true
	case "B":
		a, _ := base64.StdEncoding.DecodeString(v.text())
		b, _ := base64.StdEncoding.DecodeString(w.text())
		return strings.Compare(string(a), string(b)), true
	}
	return 0, false
}

func compareNumbers(a, b string) int {
	x, err1 := strconv.ParseInt(a, 10, 64)
	y, err2 := strconv.ParseInt(b, 10, 64)
	if err1 == nil && err2 == nil {
		return cmp.Compare(x, y)
	}
	return rational(a).Cmp(rational(b))
}

// rational reads a number exactly; 0 for what is none.
func rational(s string) *big.Rat {
	if r, ok := new(big.Rat).SetString(s); ok {
		return r
	}
	return new(big.Rat)
}

// sum adds or, with sign -1, subtracts two numbers.
func sum(a, b value, sign int64) value {
	x, err1 := strconv.ParseInt(a.text(), 10, 62)
	y, err2 := strconv.ParseInt(b.text(), 10, 62)
	if err1 == nil && err2 == nil {
		return numberValue(strconv.FormatInt(x+sign*y, 10))
	}
	r := new(big.Rat).Mul(rational(b.text()), big.NewRat(sign, 1))
	text := r.Add(r, rational(a.text())).FloatString(38)
	return numberValue(strings.TrimSuffix(strings.TrimRight(text, "0"), "."))
}

func numberValue(text string) value { return value{"N", `"` + text + `"`} }

// sortable returns a key that orders as strings do: a number, which must be an integer of 64 bits, as 8 bytes.
func (v value) sortable() (string, bool) {
	if v.kind == "S" {
		return v.text(), true
	}
	n, err := strconv.ParseInt(v.text(), 10, 64)
	if v.kind != "N" || err != nil {
		return "", false
	}
	return string(binary.BigEndian.AppendUint64(nil, uint64(n)^1<<63)), true
}
