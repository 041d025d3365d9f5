package dynamo

import (
	"bytes"
	"hash/maphash"
	"sync"
)

// packer packs bodies and remembers the last ones: a body is stored when an attempt begins and when it ends, and an event's
// goes to many webhooks. The zero value is ready. It is safe for concurrent use.
type packer struct {
	quick quickPacker
	mu    sync.Mutex
	known map[uint64]packed
	size  int
}

type packed struct{ body, stored []byte }

// remembered bounds the bytes that a packer holds: about 1,000 usual bodies with what they are packed into.
const remembered = 1 << 20

var seed = maphash.MakeSeed()

// pack is packBody. Callers share what it returns, and body must not change afterwards.
func (p *packer) pack(body []byte) []byte {
	if len(body) == 0 {
		return nil
	}
	sum := maphash.Bytes(seed, body)
	p.mu.Lock()
	k, ok := p.known[sum]
	p.mu.Unlock()
	if ok && bytes.Equal(k.body, body) {
		return k.stored
	}
	k = packed{body, p.quick.pack(body)}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.size += len(k.body) + len(k.stored); p.size > remembered || p.known == nil {
		p.known, p.size = map[uint64]packed{}, len(k.body)+len(k.stored)
	}
	p.known[sum] = k
	return k.stored
}

// quickPacker has one goroutine for small bodies, which are packed in a microsecond on a large stack: that of each
// delivery's own goroutine would grow for it, which takes ten times as long, and 100 of them would hold 12 MiB. The
// goroutine lasts as long as the process.
type quickPacker struct {
	start sync.Once
	jobs  chan packing
}

type packing struct {
	body []byte
	done chan<- []byte
}

func (q *quickPacker) pack(body []byte) []byte {
	if len(body) > quickBody {
		return packBody(body)
	}
	q.start.Do(func() {
		q.jobs = make(chan packing)
		go func() {
			for j := range q.jobs {
				j.done <- packBody(j.body)
			}
		}()
	})
	done := make(chan []byte, 1)
	q.jobs <- packing{body, done}
	return <-done
}
