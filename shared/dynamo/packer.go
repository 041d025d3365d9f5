package dynamo

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"runtime"
	"sync"
)

// thorough packs the bodies that are worth it.
var thorough = newPacker(runtime.GOMAXPROCS(0))

// packer compresses as well as it can. Its writers hold 800 KB each, so there is one per processor and no more; what it
// packed last it keeps, since the same body is asked for again soon. Safe for concurrent use.
type packer struct {
	// writers holds those that are free; one that is nil is yet to be made.
	writers chan *flate.Writer

	mu    sync.Mutex
	known map[[sha256.Size]byte][]byte
	size  int
}

// keptBytes bounds what a packer keeps.
const keptBytes = 2 << 20

func newPacker(writers int) *packer {
	p := &packer{writers: make(chan *flate.Writer, writers), known: map[[sha256.Size]byte][]byte{}}
	for range writers {
		p.writers <- nil
	}
	return p
}

// pack returns the packed body, which callers share.
func (p *packer) pack(body []byte) []byte {
	sum := sha256.Sum256(body)
	if packed := p.kept(sum); packed != nil {
		return packed
	}
	w := <-p.writers
	defer func() { p.writers <- w }()
	if packed := p.kept(sum); packed != nil { // by whoever had the writer before
		return packed
	}
	if w == nil {
		var err error
		if w, err = flate.NewWriterDict(nil, flate.BestCompression, []byte(bodyDictionary)); err != nil {
			panic("dynamo: " + err.Error()) // the level is a constant
		}
	}
	var b bytes.Buffer
	w.Reset(&b)
	// A bytes.Buffer refuses no write.
	_, _ = w.Write(body)
	_ = w.Close()
	packed := pack(body, b.Bytes())
	p.keep(sum, packed)
	return packed
}

func (p *packer) kept(sum [sha256.Size]byte) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known[sum]
}

func (p *packer) keep(sum [sha256.Size]byte, packed []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.size += len(packed); p.size > keptBytes {
		clear(p.known)
		p.size = len(packed)
	}
	p.known[sum] = packed
}
