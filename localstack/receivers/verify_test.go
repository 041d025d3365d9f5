// Package receivers_test proves that software which nobody here wrote verifies what is sent.
package receivers_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/delivery"
	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
	"github.com/cr3dentials/verification-webhooks/shared/jsbytes/docgen"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

const (
	workers  = 4
	randoms  = 5000
	seed     = 1
	tampered = 20 // every so many bodies are also sent in ways that must be refused
)

type named struct {
	name string
	body []byte
}

// corpus returns the bodies at the limits, and those at random.
var corpus = sync.OnceValues(func() ([]named, error) { //nolint:gochecknoglobals // the same for all receivers
	var all []named
	add := func(name string, v jsbytes.Value) error {
		b, err := jsbytes.Marshal(v)
		all = append(all, named{name, b})
		return err
	}
	for _, e := range docgen.Extremes() {
		if err := add(e.Name, e.Body); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name, err)
		}
	}
	for i := range uint64(randoms) {
		name := fmt.Sprintf("docgen.New(%d, %d).Body()", seed, i)
		if err := add(name, docgen.New(seed, i).Body()); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return all, nil
})

func bodies(t *testing.T) []named {
	t.Helper()
	all, err := corpus()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// request is what goes over the wire.
type request struct {
	headers http.Header
	body    []byte
}

// sign makes the request as the product does.
func sign(w *webhook.Webhook, s webhook.Secrets, body []byte, at time.Time) request {
	built := delivery.BuildRequest(w, s, "dlv_1", webhook.Completed, 1, body, at)
	r := request{make(http.Header), built.Body}
	for _, h := range built.Headers {
		r.headers.Add(h.Name, h.Value)
	}
	return r
}

func signed(key string, body []byte) request {
	return sign(&webhook.Webhook{}, webhook.Secrets{Signing: key}, body, time.Now())
}

// TestEveryBodyVerifies: each receiver accepts every body, and not because it accepts everything.
func TestEveryBodyVerifies(t *testing.T) {
	for _, r := range receivers() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			s := r.start(t)
			began := time.Now()
			sent := s.each(t, bodies(t), func(i int, b named) {
				s.expect(t, http.StatusOK, b.name, signed(secret, b.body))
				if i%tampered == 0 {
					s.refuses(t, b)
				}
			})
			t.Logf("%d bodies in %s", sent, time.Since(began).Round(time.Millisecond))
		})
	}
}

// each calls f for every body, some at a time, until five have failed the test.
func (s started) each(t *testing.T, all []named, f func(i int, b named)) int64 {
	t.Helper()
	var next, done atomic.Int64
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(all)); i = next.Add(1) - 1 {
				f(int(i), all[i])
				done.Add(1)
				if t.Failed() {
					return
				}
			}
		})
	}
	group.Wait()
	return done.Load()
}

func (s started) expect(t *testing.T, want int, what string, r request) {
	t.Helper()
	if got, err := s.post(0, r); err != nil || got != want {
		t.Errorf("%s: %s: got %d, %v; want %d; body %.500q", s.name, what, got, err, want, r.body)
	}
}

// refuses sends what is not from us.
func (s started) refuses(t *testing.T, b named) {
	t.Helper()
	const refused = http.StatusUnauthorized
	good := signed(secret, b.body)
	s.expect(t, refused, b.name+" with another status", request{good.headers, bytes.Replace(b.body, []byte(`"success"`), []byte(`"succesS"`), 1)})
	s.expect(t, refused, b.name+" with a member more", request{good.headers, append([]byte(`{"a":1,`), b.body[1:]...)})
	s.expect(t, refused, b.name+" under a foreign secret", signed(foreign, b.body))

	forged := signed(secret, b.body)
	for name, prefix := range map[string]string{"X-Webhook-Signature": "", "Webhook-Signature": "v1,"} {
		mac := strings.TrimPrefix(forged.headers.Get(name), prefix)
		first := "a"
		if mac[:1] == first {
			first = "b"
		}
		forged.headers.Set(name, prefix+first+mac[1:])
	}
	s.expect(t, refused, b.name+" with another signature", forged)
	if !s.standard {
		return
	}
	s.expect(t, refused, b.name+" of ten minutes ago", sign(&webhook.Webhook{}, webhook.Secrets{Signing: secret}, b.body, time.Now().Add(-10*time.Minute)))
	for _, name := range []string{"Webhook-Id", "Webhook-Timestamp"} {
		other := signed(secret, b.body)
		last := other.headers.Get(name)
		other.headers.Set(name, last[:len(last)-1]+strconv.Itoa(int(last[len(last)-1]-'0'+1)%10))
		s.expect(t, refused, b.name+" with another "+name, other)
	}
}

// TestFastifyAsItComes refuses bodies whose members have names of JavaScript's own, and accepts the others: partners who
// use Fastify must switch that off.
func TestFastifyAsItComes(t *testing.T) {
	s := fastifyDefault().start(t)
	refused := 0
	for _, e := range docgen.Extremes() {
		b, err := jsbytes.Marshal(e.Body)
		if err != nil {
			t.Fatal(err)
		}
		want := http.StatusOK
		if bytes.Contains(b, []byte(`"__proto__":`)) || bytes.Contains(b, []byte(`"constructor":`)) {
			want = http.StatusBadRequest
			refused++
		}
		s.expect(t, want, e.Name, signed(secret, b))
	}
	if refused < 6 {
		t.Errorf("only %d bodies have such members", refused)
	}
}

// TestRotation: while a secret is replaced, receivers with the old one go on verifying by the documented header, and the
// Standard Webhooks libraries by either secret; after its end the new secret alone counts.
func TestRotation(t *testing.T) {
	now := time.Now()
	secrets := webhook.Secrets{Signing: secret, Next: another}
	during := &webhook.Webhook{Rotation: &webhook.Rotation{EndsAt: now.Add(time.Hour)}}
	after := &webhook.Webhook{Rotation: &webhook.Rotation{EndsAt: now.Add(-time.Second)}}
	for _, r := range receivers() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			s := r.start(t)
			const yes, no = http.StatusOK, http.StatusUnauthorized
			next := no
			if r.standard {
				next = yes
			}
			for _, b := range bodies(t)[:40] {
				s.with(t, 0, yes, "the old secret during the overlap", sign(during, secrets, b.body, now))
				s.with(t, 1, next, "the new secret during the overlap", sign(during, secrets, b.body, now))
				s.with(t, 0, no, "the old secret after it", sign(after, secrets, b.body, now))
				s.with(t, 1, yes, "the new secret after it", sign(after, secrets, b.body, now))
				if r.standard {
					continue
				}
				// The second header is for receivers that have the new secret already.
				moved := sign(during, secrets, b.body, now)
				moved.headers.Set("X-Webhook-Signature", moved.headers.Get("X-Webhook-Signature-Next"))
				s.with(t, 1, yes, "the new secret and the second header", moved)
			}
		})
	}
}

func (s started) with(t *testing.T, n, want int, what string, r request) {
	t.Helper()
	if got, err := s.post(n, r); err != nil || got != want {
		t.Errorf("%s with %s: got %d, %v; want %d", s.name, what, got, err, want)
	}
}
