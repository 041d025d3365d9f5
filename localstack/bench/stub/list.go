package stub

import (
	"cmp"
	"slices"
	"sort"
	"strings"
)

// record is a stored item. It never changes: a write puts another one in its place.
type record struct {
	raw    string // DynamoDB's JSON
	pk, sk string // the table's key, sk as sortable text
	size   int
}

// entry is a record's place in a table or an index: by partition and sort key, then by the table's key, since an index may
// hold the same key many times.
type entry struct {
	part, sort string
	rec        *record
}

func (e *entry) compare(o *entry) int {
	if c := strings.Compare(e.part, o.part); c != 0 {
		return c
	}
	if c := strings.Compare(e.sort, o.sort); c != 0 {
		return c
	}
	return cmp.Or(strings.Compare(e.rec.pk, o.rec.pk), strings.Compare(e.rec.sk, o.rec.sk))
}

// list holds entries in their order, in chunks of at most chunkSize, so that a write moves little and a read begins
// anywhere after two binary searches.
type list struct {
	chunks [][]entry
	n      int
}

const chunkSize = 256

// place is the position of an entry; that behind the last one is {len(chunks), 0}.
type place struct{ chunk, i int }

// search returns the first place whose entry fulfils f, which must hold for all behind it.
func (l *list) search(f func(*entry) bool) place {
	c := sort.Search(len(l.chunks), func(c int) bool { return f(&l.chunks[c][len(l.chunks[c])-1]) })
	if c == len(l.chunks) {
		return place{c, 0}
	}
	return place{c, sort.Search(len(l.chunks[c]), func(i int) bool { return f(&l.chunks[c][i]) })}
}

// at returns the entry of a place, nil outside the list.
func (l *list) at(p place) *entry {
	if p.chunk < 0 || p.chunk >= len(l.chunks) {
		return nil
	}
	return &l.chunks[p.chunk][p.i]
}

func (l *list) next(p place) place {
	if p.i+1 < len(l.chunks[p.chunk]) {
		return place{p.chunk, p.i + 1}
	}
	return place{p.chunk + 1, 0}
}

func (l *list) previous(p place) place {
	switch {
	case p.i > 0:
		return place{p.chunk, p.i - 1}
	case p.chunk > 0:
		return place{p.chunk - 1, len(l.chunks[p.chunk-1]) - 1}
	}
	return place{-1, 0}
}

// find returns the place of an entry with e's keys, or where it would be.
func (l *list) find(e *entry) (p place, found bool) {
	p = l.search(func(o *entry) bool { return o.compare(e) >= 0 })
	o := l.at(p)
	return p, o != nil && o.compare(e) == 0
}

// put stores e in the place of an entry with the same keys, if there is one.
func (l *list) put(e entry) {
	p, found := l.find(&e)
	if found {
		l.chunks[p.chunk][p.i] = e
		return
	}
	l.n++
	if p.i == 0 && p.chunk > 0 { // at the end of the chunk before, which may have room
		p = place{p.chunk - 1, len(l.chunks[p.chunk-1])}
	}
	if p.chunk == len(l.chunks) {
		l.chunks = append(l.chunks, nil)
	}
	c := l.chunks[p.chunk]
	if len(c) == chunkSize {
		at := chunkSize / 2
		if p.i == chunkSize {
			at = chunkSize // what comes in order fills its chunks
		}
		l.chunks = slices.Insert(l.chunks, p.chunk+1, append(make([]entry, 0, chunkSize), c[at:]...))
		clear(c[at:])
		l.chunks[p.chunk] = c[:at]
		if p.i >= at {
			p = place{p.chunk + 1, p.i - at}
		}
		c = l.chunks[p.chunk]
	}
	l.chunks[p.chunk] = slices.Insert(c, p.i, e)
}

// remove takes out the entry with e's keys.
func (l *list) remove(e entry) {
	p, found := l.find(&e)
	if !found {
		return
	}
	l.n--
	l.chunks[p.chunk] = slices.Delete(l.chunks[p.chunk], p.i, p.i+1)
	if len(l.chunks[p.chunk]) == 0 {
		l.chunks = slices.Delete(l.chunks, p.chunk, p.chunk+1)
	}
}
