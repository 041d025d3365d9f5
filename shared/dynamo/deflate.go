package dynamo

import "math/bits"

// quickDeflate compresses a short text as raw DEFLATE with bodyDictionary: one block with the fixed code of RFC 1951,
// section 3.2.6. compress/flate makes an eighth less of a usual body, but takes eight times as long, most of it for
// clearing the 800 KB of tables that each of its writers holds.
func quickDeflate(text []byte) []byte {
	m := dictionary
	m.src = append(append(make([]byte, 0, len(bodyDictionary)+len(text)), bodyDictionary...), text...)
	m.prev = append(make([]uint16, 0, len(m.src)), m.prev...)[:len(m.src)]
	w := bitWriter{out: make([]byte, 0, len(text)+len(text)/8+8)}
	w.bits(1|1<<1, 3) // the last block, fixed code
	for i := len(bodyDictionary); i < len(m.src); {
		n, distance := m.find(i)
		if n == 0 {
			w.symbol(int(m.src[i]))
			n = 1
		} else {
			w.match(n, distance)
		}
		for end := i + n; i < end; i++ {
			m.add(i)
		}
	}
	w.symbol(endOfBlock)
	w.bits(0, 7) // the rest of the last byte
	return w.out
}

const (
	// mostQuick is the longest text that quickDeflate takes: positions are 16 bits, and every one is within reach.
	mostQuick = 16 << 10
	// The shortest and longest match that DEFLATE can express.
	minMatch, maxMatch = 3, 258
	// matchTries is how many earlier places with the same three bytes are compared.
	matchTries = 8
	hashBits   = 12
)

// matcher finds earlier places with the same bytes: head holds the last one by the hash of three bytes, prev the one
// before each. Both count from 1.
type matcher struct {
	src  []byte
	head [1 << hashBits]uint16
	prev []uint16
}

// dictionary is the matcher after the dictionary, which stands before every text.
var dictionary = func() matcher {
	m := matcher{src: []byte(bodyDictionary), prev: make([]uint16, len(bodyDictionary))}
	for i := range m.src {
		m.add(i)
	}
	return m
}()

func (m *matcher) hash(i int) uint32 {
	three := uint32(m.src[i]) | uint32(m.src[i+1])<<8 | uint32(m.src[i+2])<<16
	return three * 2654435761 >> (32 - hashBits)
}

func (m *matcher) add(i int) {
	if i+minMatch <= len(m.src) {
		h := m.hash(i)
		m.prev[i], m.head[h] = m.head[h], uint16(i+1)
	}
}

// find returns the longest match of what begins at i, and how far back it is; n is 0 if there is none.
func (m *matcher) find(i int) (n, distance int) {
	most := min(maxMatch, len(m.src)-i)
	if most < minMatch {
		return 0, 0
	}
	n = minMatch - 1
	place := m.head[m.hash(i)]
	for try := 0; try < matchTries && place > 0 && n < most; try++ {
		at := int(place) - 1
		if m.src[at+n] == m.src[i+n] {
			same := 0
			for same < most && m.src[at+same] == m.src[i+same] {
				same++
			}
			if same > n {
				n, distance = same, i-at
			}
		}
		place = m.prev[at]
	}
	if n < minMatch {
		return 0, 0
	}
	return n, distance
}

// bitWriter writes bits from the lowest on, as DEFLATE packs them.
type bitWriter struct {
	out   []byte
	held  uint32
	count uint
}

// bits writes the lowest n bits of v, n at most 16, and leaves fewer than 8 unwritten.
func (w *bitWriter) bits(v uint32, n uint) {
	w.held |= v << w.count
	for w.count += n; w.count >= 8; w.count -= 8 {
		w.out = append(w.out, byte(w.held))
		w.held >>= 8
	}
}

const endOfBlock = 256

// symbol writes a literal byte, the end of the block or a length's code. Codes begin with their highest bit.
func (w *bitWriter) symbol(s int) {
	code, n := 0, uint(8)
	switch {
	case s < 144:
		code = 0x30 + s
	case s < endOfBlock:
		code, n = 0x190+s-144, 9
	case s < 280:
		code, n = s-endOfBlock, 7
	default:
		code = 0xc0 + s - 280
	}
	w.bits(uint32(bits.Reverse16(uint16(code))>>(16-n)), n)
}

// match writes a length and a distance. Of both, each code stands for twice as many values as the ones before it, every
// fourth or second time; the rest is in extra bits.
func (w *bitWriter) match(n, distance int) {
	l, extra := n-minMatch, 0
	switch {
	case n == maxMatch:
		w.symbol(285)
	case l < 8:
		w.symbol(257 + l)
	default:
		extra = bits.Len(uint(l)) - 3
		w.symbol(257 + 4*extra + l>>extra)
		w.bits(uint32(l&(1<<extra-1)), uint(extra))
	}
	code := distance - 1
	extra = 0
	if code >= 4 {
		extra = bits.Len(uint(code)) - 2
		code = 2*extra + code>>extra
	}
	w.bits(uint32(bits.Reverse8(uint8(code))>>3), 5)
	w.bits(uint32((distance-1)&(1<<extra-1)), uint(extra))
}
