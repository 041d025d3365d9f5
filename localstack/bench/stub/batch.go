package stub

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"
)

func (s *Services) batchGetItem(body string) ([]byte, *failure) {
	b := []byte(`{"Responses":{`)
	first := true
	for name, ask := range members(parseRequest(body).requestItems) {
		t, f := s.table(name)
		if f != nil {
			return nil, f
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(appendQuoted(b, name), ":["...)
		r, n := parseRequest(ask), 0
		for key := range elements(r.keys) {
			item, f := s.read(t, r, key)
			if f != nil {
				return nil, f
			}
			if item == "" {
				continue
			}
			if n > 0 {
				b = append(b, ',')
			}
			b = append(b, item...)
			n++
		}
		b = append(b, ']')
	}
	return append(b, `},"UnprocessedKeys":{}}`...), nil
}

func (s *Services) batchWriteItem(body string) ([]byte, *failure) {
	var writes []*write
	for name, list := range members(parseRequest(body).requestItems) {
		for e := range elements(list) {
			r := parseRequest(e)
			kind, part := "put", r.put
			if r.remove != "" {
				kind, part = "delete", r.remove
			}
			r = parseRequest(part)
			r.table = name
			w, f := s.newWrite(kind, r)
			if f != nil {
				return nil, f
			}
			writes = append(writes, w)
		}
	}
	const most = 25
	if len(writes) > most {
		return nil, invalid("Too many items requested for the BatchWriteItem call")
	}
	if f := distinct(writes); f != nil {
		return nil, f
	}
	for _, w := range writes {
		w.t.mu.Lock()
		if w.prepare() == nil { // there are no conditions
			w.do(&s.counter, 1)
		}
		w.t.mu.Unlock()
	}
	return []byte(`{"UnprocessedItems":{}}`), nil
}

// distinct refuses writes of which two are of one item.
func distinct(writes []*write) *failure {
	type key struct{ table, pk, sk string }
	seen := make(map[key]bool, len(writes))
	for _, w := range writes {
		k := key{w.t.name, w.pk, w.sk}
		if seen[k] {
			return invalid("Transaction request cannot include multiple operations on one item")
		}
		seen[k] = true
	}
	return nil
}

// maxTransaction is the most writes of one transaction.
const maxTransaction = 100

func (s *Services) transactWriteItems(body string) ([]byte, *failure) {
	r := parseRequest(body)
	var writes []*write
	for e := range elements(r.transactItems) {
		part := parseRequest(e)
		kind, text := "put", part.put
		switch {
		case part.remove != "":
			kind, text = "delete", part.remove
		case part.updatePart != "":
			kind, text = "update", part.updatePart
		case part.check != "":
			kind, text = "check", part.check
		}
		w, f := s.newWrite(kind, parseRequest(text))
		if f != nil {
			return nil, f
		}
		writes = append(writes, w)
	}
	if len(writes) == 0 || len(writes) > maxTransaction {
		return nil, invalid("Member must have length less than or equal to %d, greater than or equal to 1", maxTransaction)
	}
	if f := distinct(writes); f != nil {
		return nil, f
	}
	unlock := lockTables(writes)
	defer unlock()
	if done, f := s.tokens.seen(r.token, body); done || f != nil {
		return []byte("{}"), f
	}
	if f := s.prepareAll(writes); f != nil {
		return nil, f
	}
	for _, w := range writes {
		w.do(&s.counter, transactional)
	}
	s.tokens.add(r.token, body)
	return []byte("{}"), nil
}

// transactional is how many times a table's units a write costs in a transaction: it is prepared and committed.
const transactional = 2

// lockTables locks the tables of writes, in the order of their names.
func lockTables(writes []*write) (unlock func()) {
	var tables []*table
	for _, w := range writes {
		if !slices.Contains(tables, w.t) {
			tables = append(tables, w.t)
		}
	}
	slices.SortFunc(tables, func(a, b *table) int { return cmp.Compare(a.name, b.name) })
	for _, t := range tables {
		t.mu.Lock()
	}
	return func() {
		for _, t := range tables {
			t.mu.Unlock()
		}
	}
}

// prepareAll prepares all writes or returns why the transaction is cancelled.
func (s *Services) prepareAll(writes []*write) *failure {
	var codes []string
	reasons, cancelled := []byte(nil), false
	for i, w := range writes {
		f := w.prepare()
		if f != nil && f.kind != conditionFailed.kind {
			return f
		}
		if i > 0 {
			reasons = append(reasons, ',')
		}
		if f == nil {
			codes = append(codes, "None")
			reasons = append(reasons, `{"Code":"None"}`...)
			continue
		}
		cancelled = true
		codes = append(codes, "ConditionalCheckFailed")
		reasons = append(reasons, `{"Code":"ConditionalCheckFailed","Message":"The conditional request failed"`+f.more+`}`...)
	}
	if !cancelled {
		return nil
	}
	for _, w := range writes {
		s.counter.wrote(w.cost(transactional), false)
	}
	return &failure{
		status: 400, kind: "TransactionCanceledException",
		message: "Transaction cancelled, please refer cancellation reasons for specific reasons [" + strings.Join(codes, ", ") + "]",
		more:    `,"CancellationReasons":[` + string(reasons) + `]`,
	}
}

// tokenLife is how long a transaction's token is remembered.
const tokenLife = 10 * time.Minute

// knownTokens remembers the transactions that were made, by their tokens, for one to two tokenLife.
type knownTokens struct {
	mu        sync.Mutex
	now, then map[string]uint64
	since     time.Time
	seed      maphash.Seed
}

func newTokens() *knownTokens {
	return &knownTokens{now: map[string]uint64{}, since: time.Now(), seed: maphash.MakeSeed()}
}

// seen tells whether the transaction was made before. Another one with the same token is refused.
func (k *knownTokens) seen(token, body string) (bool, *failure) {
	if token == "" {
		return false, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	sum, known := k.now[token]
	if !known {
		sum, known = k.then[token]
	}
	if known && sum != maphash.String(k.seed, body) {
		return false, &failure{status: 400, kind: "IdempotentParameterMismatchException", message: "The token was used for another request"}
	}
	return known, nil
}

func (k *knownTokens) add(token, body string) {
	if token == "" {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Since(k.since) > tokenLife {
		k.now, k.then, k.since = map[string]uint64{}, k.now, time.Now()
	}
	k.now[strings.Clone(token)] = maphash.String(k.seed, body)
}
