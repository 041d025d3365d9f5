package dynamo

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"
	"pgregory.net/rapid"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func TestBodyRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.OneOf(
			rapid.SliceOf(rapid.Byte()),
			rapid.Map(rapid.StringMatching(`(\{"type":"verification\.completed"\}|[a-z":]){0,40}`), func(s string) []byte { return []byte(s) }),
		).Draw(t, "body")
		packed := packBody(body)
		if len(packed) > len(body)+1 {
			t.Fatalf("%d bytes became %d", len(body), len(packed))
		}
		got, err := unpackBody(packed)
		if err != nil || !bytes.Equal(got, body) {
			t.Fatalf("got %q, %v; want %q", got, err, body)
		}
	})
}

// TestPackedSize holds how small typical bodies become: a usual one leaves its delivery within one write unit, 1 KB.
func TestPackedSize(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		most int
	}{
		"usual":     {usualBody, 427},
		"two":       {usualBody + strings.ToUpper(usualBody), 698},
		"default":   {`{"type":"verification.completed","status":"success","data":{"verificationId":"v"}}`, 12},
		"large":     {strings.Repeat(usualBody, 100), 710},
		"one byte":  {"x", 2},
		"no letter": {strings.Repeat("\xff\x00", 8000), 108},
	} {
		packed := packBody([]byte(c.body))
		if got, err := unpackBody(packed); err != nil || string(got) != c.body {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if len(packed) > c.most {
			t.Errorf("%s: %d bytes became %d, want at most %d", name, len(c.body), len(packed), c.most)
		}
	}
}

func TestBodyCorrupt(t *testing.T) {
	long := append([]byte{bodyS2}, s2.Encode(nil, make([]byte, quickBody+1))...)
	for _, stored := range [][]byte{{3, 'x'}, {bodyDeflate}, {bodyDeflate, 0xff, 0xff}, {bodyS2}, {bodyS2, 9, 1}, long} {
		if _, err := unpackBody(stored); webhook.CodeOf(err) != webhook.Corrupt {
			t.Errorf("%v: got %v, want corrupt", stored, err)
		}
	}
}

// TestDictionary fails when the dictionary changes: what was stored with it could no longer be read.
func TestDictionary(t *testing.T) {
	const want = "d67bfec435fd4d0216acba492505f1bce06dc9d0d26364c6f6eca3fe9d7ce2dd"
	if sum := sha256.Sum256([]byte(bodyDictionary)); hex.EncodeToString(sum[:]) != want {
		t.Fatalf("the dictionary's hash is now %x; give the new dictionary a first byte of its own", sum)
	}
	const body = `{"type":"verification.completed","status":"success","data":{"verificationId":"v"}}`
	for _, stored := range [][]byte{
		{bodyDeflate, 0xa2, 0xae, 0x73, 0xcb, 0x94, 0x6a, 0x6b, 0x1, 0x1, 0x0, 0x0, 0xff, 0xff},
		{bodyS2, 0x52, 0x15, 0x0, 0x44, 0x14, 0x3a, 0x22, 0x76, 0x22, 0x7d, 0x7d},
	} {
		if got, err := unpackBody(stored); err != nil || string(got) != body {
			t.Fatalf("%x: got %q, %v, want %q", stored, got, err, body)
		}
	}
}

// TestIndexKeyLimit keeps an index key within DynamoDB's 2048 bytes, which the local emulator does not hold.
func TestIndexKeyLimit(t *testing.T) {
	long := strings.Repeat("v", 2048)
	partner, hook := strings.Repeat("p", 64), strings.Repeat("w", 30)
	if n := len(verificationPartition(partner, hook, long)); n > 2048 {
		t.Fatalf("the key has %d bytes", n)
	}
	if verificationPartition(partner, hook, long) == verificationPartition(partner, hook, long[1:]) {
		t.Fatal("two verifications share a key")
	}
}

// TestBodyOutlivesDelivery checks that whatever is saved, the body's item ends after the delivery's.
func TestBodyOutlivesDelivery(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		span := rapid.Int64Range(0, int64(2*365*24*time.Hour))
		d := &webhook.Delivery{CreatedAt: time.Unix(1_800_000_000, 0)}
		d.UpdatedAt = d.CreatedAt.Add(time.Duration(span.Draw(t, "updated")))
		d.State = rapid.SampledFrom(webhook.States()).Draw(t, "state")
		if d.State == webhook.Held {
			d.HeldUntil = d.UpdatedAt.Add(time.Duration(span.Draw(t, "held")))
		}
		_, end := bodyExpiry(d)
		if last := d.ExpiresAt(); !end.After(last) {
			t.Fatalf("the body ends at %v, its delivery at %v", end, last)
		}
		if last := d.HeldUntil.Add(webhook.FinalRetention); !end.After(last) {
			t.Fatalf("the body ends at %v, its delivery could at %v", end, last)
		}
	})
}

// TestPackedOnce: a body is packed once for as long as it is remembered, and what is remembered is bounded.
func TestPackedOnce(t *testing.T) {
	var p packer
	body := []byte(usualBody)
	first := p.pack(body)
	if again := p.pack(bytes.Clone(body)); &again[0] != &first[0] {
		t.Error("packed twice")
	}
	for i := range 3 * remembered / 10_000 {
		other := bytes.Repeat([]byte{byte(i), byte(i >> 8), 'x'}, 5000)
		if got, err := unpackBody(p.pack(other)); err != nil || !bytes.Equal(got, other) {
			t.Fatalf("%d: another body, %v", i, err)
		}
		held := 0
		for _, k := range p.known {
			held += len(k.body) + len(k.stored)
		}
		if held > remembered || held != p.size {
			t.Fatalf("%d bytes are held, %d counted", held, p.size)
		}
	}
	if p.pack(nil) != nil {
		t.Error("nothing became something")
	}
}

func TestPackManyAtOnce(t *testing.T) {
	var p packer
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			body := []byte(strings.Replace(usualBody, "ver_", fmt.Sprintf("ver_%d_", i), 1))
			if got, err := unpackBody(p.pack(body)); err != nil || !bytes.Equal(got, body) {
				t.Errorf("%d: got %q, %v", i, got, err)
			}
		})
	}
	all.Wait()
}
