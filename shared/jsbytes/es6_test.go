package jsbytes_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
)

// es6Hashes are the published SHA-256 sums of the first lines of the ES6 number sequence that comes with RFC 8785
// (cyberphone/json-canonicalization, testdata).
var es6Hashes = map[int]string{ //nolint:gochecknoglobals // a table
	1_000:     "be18b62b6f69cdab33a7e0dae0d9cfa869fda80ddc712221570f9f40a5878687",
	10_000:    "b9f7a8e75ef22a835685a52ccba7f7d6bdc99e34b010992cbc5864cd12be6892",
	100_000:   "22776e6d4b49fa294a0d0f349268e5c28808fe7e0cb2bcbe28f63894e494d4c7",
	1_000_000: "49415fee2c56c77864931bd3624faad425c3c577d6d74e89a83bc725506dad16",
}

// TestES6Numbers writes the sequence of numbers that RFC 8785 is tested with. A line is a double's bits in hex and its
// text in ECMAScript.
func TestES6Numbers(t *testing.T) {
	lines := 1_000_000
	if testing.Short() {
		lines = 10_000
	}
	sum := sha256.New()
	w := bufio.NewWriter(sum)
	next := es6Sequence(t)
	for i := 1; i <= lines; i++ {
		f := next()
		b, err := jsbytes.Marshal(jsbytes.Number(strconv.FormatFloat(f, 'e', -1, 64)))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(w, "%x,%s\n", math.Float64bits(f), b)
		if want, ok := es6Hashes[i]; ok {
			checkHash(t, i, w, sum, want)
		}
	}
}

func checkHash(t *testing.T, lines int, w *bufio.Writer, sum hash.Hash, want string) {
	t.Helper()
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		t.Fatalf("the first %d lines hash to %s, want %s", lines, got, want)
	}
}

// es6Sequence returns the sequence: the published list (testdata/es6numbers.txt), the 2,000 doubles from the smallest
// normal one on, and then what a chain of SHA-256 sums, begun with 32 zero bytes, holds in little-endian doubles other
// than zeros, infinities and NaN.
func es6Sequence(t *testing.T) func() float64 {
	t.Helper()
	text, err := os.ReadFile("testdata/es6numbers.txt")
	if err != nil {
		t.Fatal(err)
	}
	var queue []uint64
	for _, field := range strings.Fields(string(text)) {
		bits, err := strconv.ParseUint(field, 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		queue = append(queue, bits)
	}
	for i := range uint64(2000) {
		queue = append(queue, 0x0010_0000_0000_0000+i)
	}
	var block [sha256.Size]byte
	return func() float64 {
		for {
			if len(queue) == 0 {
				block = sha256.Sum256(block[:])
				for i := 0; i < len(block); i += 8 {
					bits := binary.LittleEndian.Uint64(block[i:])
					if f := math.Float64frombits(bits); f != 0 && !math.IsNaN(f) && !math.IsInf(f, 0) {
						queue = append(queue, bits)
					}
				}
				continue
			}
			f := math.Float64frombits(queue[0])
			queue = queue[1:]
			return f
		}
	}
}
