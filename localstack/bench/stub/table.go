package stub

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Index is a global secondary index of strings, or with SortNumber of a number for the sort key.
type Index struct {
	Name, Partition, Sort string
	SortNumber            bool
	// Projection names what the index holds besides the keys; nil for keys only.
	Projection []string
}

// keyAttribute is an attribute that stands in a key of the table or an index.
type keyAttribute struct{ name, kind string }

// maxKeys bounds the attributes of all keys of a table.
const maxKeys = 16

type table struct {
	name string
	// keys are the attributes of all keys. The table's own are the first, or the first two.
	keys   []keyAttribute
	sorted bool

	mu      sync.Mutex // guards what follows
	items   list
	indexes []*index
}

type index struct {
	Index
	name       string // with the table's, for counts
	part, sort int    // in table.keys; sort is -1 if there is none
	items      list
}

func newTable(name string, keys []keyAttribute, indexes []Index) *table {
	t := &table{name: name, keys: slices.Clone(keys), sorted: len(keys) == 2}
	for _, i := range indexes {
		x := &index{Index: i, name: name + "/" + i.Name, part: t.key(i.Partition, "S"), sort: -1}
		switch {
		case i.Sort != "" && i.SortNumber:
			x.sort = t.key(i.Sort, "N")
		case i.Sort != "":
			x.sort = t.key(i.Sort, "S")
		}
		t.indexes = append(t.indexes, x)
	}
	if len(t.keys) > maxKeys {
		panic("stub: too many keys")
	}
	return t
}

// key returns the place of an attribute in t.keys.
func (t *table) key(name, kind string) int {
	if i := slices.IndexFunc(t.keys, func(k keyAttribute) bool { return k.name == name }); i >= 0 {
		return i
	}
	t.keys = append(t.keys, keyAttribute{name, kind})
	return len(t.keys) - 1
}

// own is how many of t.keys are the table's own.
func (t *table) own() int {
	if t.sorted {
		return 2
	}
	return 1
}

// keyValues are the values of t.keys in one item.
type keyValues [maxKeys]value

// keysOf reads an item's keys and its size.
func (t *table) keysOf(item string) (k keyValues, size int) {
	for name, raw := range members(item) {
		v := valueOf(raw)
		size += len(name) + v.size()
		for i := range t.keys {
			if t.keys[i].name == name {
				k[i] = v
			}
		}
	}
	return k, size
}

const maxItem = 400 << 10

// record makes a record of an item, which it keeps, and returns the keys too.
func (t *table) record(item string) (*record, keyValues, *failure) {
	k, size := t.keysOf(item)
	if size > maxItem {
		return nil, k, invalid("Item size has exceeded the maximum allowed size")
	}
	for i, v := range k[:len(t.keys)] {
		if v.absent() && i >= t.own() {
			continue
		}
		if v.kind != t.keys[i].kind || v.kind == "S" && v.text() == "" {
			return nil, k, invalid("One or more parameter values were invalid: the key %s has the type or value %q", t.keys[i].name, v.raw)
		}
	}
	pk, sk := t.primary(&k)
	return &record{raw: item, pk: pk, sk: sk, size: size}, k, nil
}

func (t *table) primary(k *keyValues) (pk, sk string) {
	if t.sorted {
		sk, _ = k[1].sortable()
	}
	return k[0].text(), sk
}

// lookup returns the record with the keys of an item or of a key, nil if there is none.
func (t *table) lookup(pk, sk string) *record {
	e := entry{pk, sk, &record{pk: pk, sk: sk}}
	if p, found := t.items.find(&e); found {
		return t.items.at(p).rec
	}
	return nil
}

// parseKey reads a key: the table's own attributes and no others.
func (t *table) parseKey(key string) (pk, sk string, f *failure) {
	k, _ := t.keysOf(key)
	n := 0
	for range members(key) {
		n++
	}
	if n != t.own() || k[0].kind != t.keys[0].kind || t.sorted && k[1].kind != t.keys[1].kind {
		return "", "", invalid("The provided key element does not match the schema")
	}
	pk, sk = t.primary(&k)
	return pk, sk, nil
}

// replace puts next, which has the keys b, in the place of old; one of them may be nil. It returns what that costs,
// without what transactions add.
func (t *table) replace(old, next *record, b *keyValues) []charge {
	charges := make([]charge, 1, 1+len(t.indexes))
	size := 0
	var a keyValues
	if old != nil {
		size = old.size
		a, _ = t.keysOf(old.raw)
	}
	if next != nil {
		size = max(size, next.size)
		t.items.put(entry{next.pk, next.sk, next})
	} else if old != nil {
		t.items.remove(entry{old.pk, old.sk, old})
	}
	charges[0] = charge{t.name, units(size, writeUnit)}
	for _, x := range t.indexes {
		if n := x.replace(t, old, next, &a, b); n > 0 {
			charges = append(charges, charge{x.name, n})
		}
	}
	return charges
}

// replace changes the index and returns its units: one put or removal for each entry that comes or goes, one put if only
// what is projected changes, nothing if all stays as it was. The record in the entry changes all the same.
func (x *index) replace(t *table, old, next *record, a, b *keyValues) float64 {
	was, wasIn := x.entry(old, a)
	is, isIn := x.entry(next, b)
	switch {
	case !wasIn && !isIn:
		return 0
	case !wasIn:
		x.items.put(is)
		return units(x.size(t, next, b), writeUnit)
	case !isIn:
		x.items.remove(was)
		return units(x.size(t, old, a), writeUnit)
	case was.part != is.part || was.sort != is.sort:
		x.items.remove(was)
		x.items.put(is)
		return units(x.size(t, old, a), writeUnit) + units(x.size(t, next, b), writeUnit)
	}
	x.items.put(is)
	for _, name := range x.Projection {
		if v, w := attribute(old.raw, name), attribute(next.raw, name); v != w && !v.equal(w) {
			return units(max(x.size(t, old, a), x.size(t, next, b)), writeUnit)
		}
	}
	return 0
}

// entry returns a record's entry; in is false for one that lacks a key of the index.
func (x *index) entry(r *record, k *keyValues) (e entry, in bool) {
	if r == nil || k[x.part].absent() || x.sort >= 0 && k[x.sort].absent() {
		return entry{}, false
	}
	sort := ""
	if x.sort >= 0 {
		sort, _ = k[x.sort].sortable()
	}
	return entry{k[x.part].text(), sort, r}, true
}

// size is the size of an entry: the keys and what is projected.
func (x *index) size(t *table, r *record, k *keyValues) int {
	n := 0
	for i, v := range k[:len(t.keys)] {
		if !v.absent() && (i < t.own() || i == x.part || i == x.sort) {
			n += len(t.keys[i].name) + v.size()
		}
	}
	for _, name := range x.Projection {
		if v := attribute(r.raw, name); !v.absent() {
			n += len(name) + v.size()
		}
	}
	return n
}

// projected returns an item as the index holds it.
func (x *index) projected(t *table, item string) string {
	return pick(item, func(name string) bool {
		for i, k := range t.keys {
			if k.name == name && (i < t.own() || i == x.part || i == x.sort) {
				return true
			}
		}
		return slices.Contains(x.Projection, name)
	})
}

// pick returns an item with some of its attributes.
func pick(item string, want func(name string) bool) string {
	b := append(make([]byte, 0, 256), '{')
	for name, raw := range members(item) {
		if !want(name) {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(appendQuoted(b, name), ':')
		b = append(b, raw...)
	}
	return string(append(b, '}'))
}

// failure is an answer that refuses a request.
type failure struct {
	status        int
	kind, message string
	// more is further members of the answer, JSON that begins with a comma.
	more string
}

func invalid(format string, args ...any) *failure {
	return &failure{status: 400, kind: "ValidationException", message: fmt.Sprintf(format, args...)}
}

// json is the answer's body. DynamoDB and SQS name the message in different ways, and the SDK takes either.
func (f *failure) json() []byte {
	kind := f.kind
	if !strings.Contains(kind, "#") {
		kind = "com.amazonaws.dynamodb.v20120810#" + kind
	}
	b := appendQuoted([]byte(`{"__type":`), kind)
	b = appendQuoted(append(b, `,"message":`...), f.message)
	b = append(b, f.more...)
	return append(b, '}')
}
