package stub

import "strings"

// span is a range of one partition's sort keys, in sortable form.
type span struct {
	part             string
	low, high        string
	hasHigh          bool
	lowOpen, hiOpen  bool // without the bound itself
	prefix           string
	partName, sortBy string
}

// before tells whether an entry stands before the span.
func (s *span) before(e *entry) bool {
	if e.part != s.part {
		return e.part < s.part
	}
	return e.sort < s.low || s.lowOpen && e.sort == s.low
}

// behind tells whether an entry stands behind the span.
func (s *span) behind(e *entry) bool {
	switch {
	case e.part != s.part:
		return e.part > s.part
	case s.hasHigh && (e.sort > s.high || s.hiOpen && e.sort == s.high):
		return true
	}
	return s.prefix != "" && e.sort > s.prefix && !strings.HasPrefix(e.sort, s.prefix)
}

// add narrows the span by a part of a key condition.
func (s *span) add(scope *scope, n *node) {
	if n.kind == "AND" {
		s.add(scope, n.args[0])
		s.add(scope, n.args[1])
		return
	}
	if len(n.args) < 2 || n.args[0].kind != "name" {
		scope.fail(invalid("Invalid KeyConditionExpression"))
		return
	}
	name := scope.name(n.args[0].text)
	v, ok := scope.value(n.args[1]).sortable()
	if !ok || name != s.partName && name != s.sortBy || name == s.partName && n.kind != "=" {
		scope.fail(invalid("Query key condition not supported"))
		return
	}
	if name == s.partName {
		s.part = v
		return
	}
	switch n.kind {
	case "=":
		s.low, s.high, s.hasHigh = v, v, true
	case "<", "<=":
		s.high, s.hasHigh, s.hiOpen = v, true, n.kind == "<"
	case ">", ">=":
		s.low, s.lowOpen = v, n.kind == ">"
	case "begins_with":
		s.low, s.prefix = v, v
	case "BETWEEN":
		s.low = v
		s.high, s.hasHigh = scope.value(n.args[2]).sortable()
		if s.low > s.high {
			scope.fail(invalid("The BETWEEN operator requires upper bound to be greater than or equal to lower bound"))
		}
	default:
		scope.fail(invalid("Query key condition not supported"))
	}
}

// source is what a query reads: a table, or one of its indexes.
type source struct {
	t *table
	x *index // nil for the table
}

func (s *Services) source(r *request) (source, *failure) {
	t, f := s.table(r.table)
	if f != nil || r.index == "" {
		return source{t, nil}, f
	}
	for _, x := range t.indexes {
		if x.Name == r.index {
			if r.consistent {
				f = invalid("Consistent reads are not supported on global secondary indexes")
			}
			return source{t, x}, f
		}
	}
	return source{}, invalid("The table does not have the specified index: %s", r.index)
}

func (s source) list() *list {
	if s.x != nil {
		return &s.x.items
	}
	return &s.t.items
}

func (s source) name() string {
	if s.x != nil {
		return s.x.name
	}
	return s.t.name
}

// names returns the attributes of the keys.
func (s source) names() (part, sort string) {
	if s.x != nil {
		return s.x.Partition, s.x.Sort
	}
	if s.t.sorted {
		sort = s.t.keys[1].name
	}
	return s.t.keys[0].name, sort
}

// entry returns the entry with the keys in item, a record's or a position's.
func (s source) entry(item string) (entry, bool) {
	k, _ := s.t.keysOf(item)
	pk, sk := s.t.primary(&k)
	rec := &record{raw: item, pk: pk, sk: sk}
	if s.x != nil {
		return s.x.entry(rec, &k)
	}
	return entry{pk, sk, rec}, !k[0].absent()
}

// item returns a record as the source holds it, and its size there.
func (s source) item(rec *record) (string, int) {
	if s.x == nil {
		return rec.raw, rec.size
	}
	k, _ := s.t.keysOf(rec.raw)
	return s.x.projected(s.t, rec.raw), s.x.size(s.t, rec, &k)
}

// position returns the attributes by which a page goes on behind a record.
func (s source) position(rec *record) string {
	part, sort := s.names()
	return pick(rec.raw, func(name string) bool {
		return name == s.t.keys[0].name || s.t.sorted && name == s.t.keys[1].name || name == part || name == sort && sort != ""
	})
}

func (s *Services) query(body string) ([]byte, *failure) {
	r := parseRequest(body)
	from, f := s.source(r)
	if f != nil {
		return nil, f
	}
	n, f := parseCondition(r.keyCondition)
	if f != nil {
		return nil, f
	}
	var in span
	in.partName, in.sortBy = from.names()
	scope := r.scope(nil)
	if in.add(scope, n); scope.failed != nil {
		return nil, scope.failed
	}
	if in.part == "" {
		return nil, invalid("Query condition missed key schema element: %s", in.partName)
	}
	return s.page(r, from, in.before, in.behind)
}

// scan reads a table or an index from its beginning, in the order of the keys.
func (s *Services) scan(body string) ([]byte, *failure) {
	r := parseRequest(body)
	from, f := s.source(r)
	if f != nil {
		return nil, f
	}
	none := func(*entry) bool { return false }
	return s.page(r, from, none, none)
}

// maxPage bounds what one page reads, in bytes.
const maxPage = 1 << 20

// page reads the next entries of those that stand neither before nor behind what is asked for.
func (s *Services) page(r *request, from source, before, behind func(*entry) bool) ([]byte, *failure) {
	step := from.list().next
	outside := behind
	if r.backward {
		step, outside = from.list().previous, before
	}
	var filter *node
	if r.filter != "" {
		var f *failure
		if filter, f = parseCondition(r.filter); f != nil {
			return nil, f
		}
	}
	from.t.mu.Lock()
	defer from.t.mu.Unlock()
	at, f := first(r, from, before, behind)
	if f != nil {
		return nil, f
	}
	count, scanned, size := 0, 0, 0
	scope := r.scope(nil)
	b := append(make([]byte, 0, 4096), `{"Items":[`...)
	last := ""
	for {
		e := from.list().at(at)
		if e == nil || outside(e) {
			break
		}
		item, n := from.item(e.rec)
		size += n
		scanned++
		if scope.item = item; filter == nil || scope.test(filter) {
			if item, f = r.project(item); f != nil {
				return nil, f
			}
			if r.selectWhat != "COUNT" {
				if count > 0 {
					b = append(b, ',')
				}
				b = append(b, item...)
			}
			count++
		}
		if scanned == r.limit || size >= maxPage {
			last = from.position(e.rec)
			break
		}
		at = step(at)
	}
	if scope.failed != nil {
		return nil, scope.failed
	}
	s.counter.read(from.name(), readUnits(size, r.consistent))
	if r.selectWhat == "COUNT" {
		b = append(b[:0], '{')
	} else {
		b = append(b, "],"...)
	}
	b = append(b, `"Count":`+itoa(count)+`,"ScannedCount":`+itoa(scanned)...)
	if last != "" {
		b = append(b, `,"LastEvaluatedKey":`+last...)
	}
	return append(b, '}'), nil
}

// first returns the place of the first entry of a page.
func first(r *request, from source, before, behind func(*entry) bool) (place, *failure) {
	l := from.list()
	var start entry
	if r.start != "" {
		var ok bool
		if start, ok = from.entry(r.start); !ok || before(&start) || behind(&start) {
			return place{}, invalid("The provided starting key is outside query boundaries based on provided conditions")
		}
	}
	if r.backward {
		return l.previous(l.search(func(e *entry) bool {
			return behind(e) || r.start != "" && e.compare(&start) >= 0
		})), nil
	}
	return l.search(func(e *entry) bool {
		return !before(e) && (r.start == "" || e.compare(&start) > 0)
	}), nil
}
