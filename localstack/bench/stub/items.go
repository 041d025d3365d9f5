package stub

import "strings"

// write is a write of one item, read from a request.
type write struct {
	r      *request
	t      *table
	pk, sk string
	next   *record   // what a put stores
	keys   keyValues // of next
	kind   string    // put, delete, update, check

	old     *record // what the write met
	changes []change
}

// newWrite reads a write of a kind.
func (s *Services) newWrite(kind string, r *request) (*write, *failure) {
	t, f := s.table(r.table)
	if f != nil {
		return nil, f
	}
	w := &write{r: r, t: t, kind: kind}
	if kind != "put" {
		w.pk, w.sk, f = t.parseKey(r.key)
		return w, f
	}
	// The record is kept: it must not hold the body of its request.
	if w.next, w.keys, f = t.record(strings.Clone(r.item)); f != nil {
		return nil, f
	}
	w.pk, w.sk = w.next.pk, w.next.sk
	return w, nil
}

var conditionFailed = failure{status: 400, kind: "ConditionalCheckFailedException", message: "The conditional request failed"}

// prepare finds what the write meets, tests its condition and evaluates its update, under the table's lock.
func (w *write) prepare() *failure {
	w.old = w.t.lookup(w.pk, w.sk)
	scope := w.r.scope(w.old)
	if w.r.condition != "" {
		n, f := parseCondition(w.r.condition)
		if f != nil {
			return f
		}
		holds := scope.test(n)
		if scope.failed != nil {
			return scope.failed
		}
		if !holds {
			refused := conditionFailed
			if w.r.onFailure == "ALL_OLD" && w.old != nil {
				refused.more = `,"Item":` + w.old.raw
			}
			return &refused
		}
	}
	if w.kind != "update" {
		return nil
	}
	var actions []action
	if w.r.update != "" {
		var f *failure
		if actions, f = parseUpdate(w.r.update); f != nil {
			return f
		}
	}
	if w.changes = scope.apply(actions); scope.failed != nil {
		return scope.failed
	}
	return w.makeNext()
}

// makeNext makes the item that an update stores.
func (w *write) makeNext() (f *failure) {
	before := w.r.key
	if w.old != nil {
		before = w.old.raw
	}
	for _, c := range w.changes {
		for _, k := range w.t.keys[:w.t.own()] {
			if c.name == k.name {
				return invalid("Cannot update attribute %s. This attribute is part of the key", c.name)
			}
		}
	}
	w.next, w.keys, f = w.t.record(changed(before, w.changes))
	return f
}

// do makes the write, under the table's lock, and counts it; factor is 2 in transactions.
func (w *write) do(c *counter, factor float64) {
	if w.kind == "check" {
		c.wrote(w.cost(factor), false)
		return
	}
	charges := w.t.replace(w.old, w.next, &w.keys)
	charges[0].units *= factor
	c.wrote(charges, w.old != nil || w.next != nil)
}

// cost is that of a write that changes nothing: by the size of the item it met.
func (w *write) cost(factor float64) []charge {
	size := 0
	if w.old != nil {
		size = w.old.size
	}
	return []charge{{w.t.name, factor * units(size, writeUnit)}}
}

func (s *Services) writeOne(kind string, body string) ([]byte, *failure) {
	w, f := s.newWrite(kind, parseRequest(body))
	if f != nil {
		return nil, f
	}
	w.t.mu.Lock()
	defer w.t.mu.Unlock()
	if f := w.prepare(); f != nil {
		if f.kind == conditionFailed.kind {
			s.counter.wrote(w.cost(1), false)
		}
		return nil, f
	}
	w.do(&s.counter, 1)
	return w.answer(), nil
}

// answer is the body that answers a write that was made.
func (w *write) answer() []byte {
	attributes := ""
	isChanged := func(name string) bool {
		for _, c := range w.changes {
			if c.name == name {
				return true
			}
		}
		return false
	}
	switch {
	case w.r.returnValues == "ALL_OLD" && w.old != nil:
		attributes = w.old.raw
	case w.r.returnValues == "ALL_NEW":
		attributes = w.next.raw
	case w.r.returnValues == "UPDATED_OLD" && w.old != nil:
		attributes = pick(w.old.raw, isChanged)
	case w.r.returnValues == "UPDATED_NEW":
		attributes = pick(w.next.raw, isChanged)
	}
	if attributes == "" || attributes == "{}" {
		return []byte("{}")
	}
	return []byte(`{"Attributes":` + attributes + `}`)
}

func (s *Services) putItem(body string) ([]byte, *failure)    { return s.writeOne("put", body) }
func (s *Services) updateItem(body string) ([]byte, *failure) { return s.writeOne("update", body) }
func (s *Services) deleteItem(body string) ([]byte, *failure) { return s.writeOne("delete", body) }

func (s *Services) getItem(body string) ([]byte, *failure) {
	r := parseRequest(body)
	t, f := s.table(r.table)
	if f != nil {
		return nil, f
	}
	item, f := s.read(t, r, r.key)
	if f != nil || item == "" {
		return []byte("{}"), f
	}
	return []byte(`{"Item":` + item + `}`), nil
}

// read returns the item of a key as the request wants it, "" if there is none, and counts the read.
func (s *Services) read(t *table, r *request, key string) (string, *failure) {
	pk, sk, f := t.parseKey(key)
	if f != nil {
		return "", f
	}
	t.mu.Lock()
	rec := t.lookup(pk, sk)
	t.mu.Unlock()
	if rec == nil {
		s.counter.read(t.name, readUnits(0, r.consistent))
		return "", nil
	}
	s.counter.read(t.name, readUnits(rec.size, r.consistent))
	return r.project(rec.raw)
}
