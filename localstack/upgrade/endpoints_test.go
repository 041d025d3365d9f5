package upgrade

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

// endpoints is one https server with an endpoint on each path.
type endpoints struct {
	base string

	mu     sync.Mutex
	byPath map[string]*endpoint
}

// endpoint answers 200, or after its first good requests 503 while it is down.
type endpoint struct {
	url      string
	mu       sync.Mutex
	secret   string
	next     string // the new secret during a rotation
	good     int    // how many requests are answered well however it is
	down     bool
	requests []request
}

// request is one as it arrived.
type request struct {
	id, attempt, verification, body, signature string
	status                                     int
	// signed tells whether the signatures are right under the secrets that the endpoint knew when it arrived.
	signed bool
	secret string
}

// comeBack is the Retry-After of an endpoint that is down. The five retries of a round, each that much later, last longer
// than a deployment, so that no round ends meanwhile.
const comeBack = 30 * time.Second

func newEndpoints(t *testing.T, ca *local.CA, port int) *endpoints {
	t.Helper()
	config, err := ca.ServerTLS()
	must(t, err)
	must(t, local.CheckFree(port, "the endpoints"))
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	must(t, err)
	all := &endpoints{base: fmt.Sprintf("https://localhost:%d", port), byPath: map[string]*endpoint{}}
	server := &http.Server{Handler: all, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(tls.NewListener(l, config))
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return all
}

func (all *endpoints) add(path string) *endpoint {
	all.mu.Lock()
	defer all.mu.Unlock()
	e := &endpoint{url: all.base + path}
	all.byPath[path] = e
	return e
}

func (all *endpoints) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	all.mu.Lock()
	e := all.byPath[r.URL.Path]
	all.mu.Unlock()
	if e == nil {
		http.NotFound(rw, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	status := e.take(r.Header, body)
	if status == http.StatusServiceUnavailable {
		rw.Header().Set("Retry-After", fmt.Sprint(int(comeBack.Seconds())))
	}
	rw.WriteHeader(status)
}

func (e *endpoint) take(h http.Header, body []byte) (status int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	status = http.StatusOK
	if e.down && len(e.requests) >= e.good {
		status = http.StatusServiceUnavailable
	}
	var event struct {
		Data struct{ VerificationID string }
	}
	_ = json.Unmarshal(body, &event) // an event without an id is found by whoever awaits it
	signed := h.Get("X-Webhook-Signature") == signature(e.secret, body)
	if e.next != "" {
		signed = signed && h.Get("X-Webhook-Signature-Next") == signature(e.next, body)
	}
	e.requests = append(e.requests, request{
		id: h.Get("Webhook-Id"), attempt: h.Get("X-Webhook-Attempt"), verification: event.Data.VerificationID,
		body: string(body), signature: h.Get("X-Webhook-Signature"), status: status, signed: signed, secret: e.secret,
	})
	return status
}

func signature(secret string, body []byte) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write(body)
	return hex.EncodeToString(m.Sum(nil))
}

// set changes how the endpoint answers from now on.
func (e *endpoint) set(f func(*endpoint)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f(e)
}

func (e *endpoint) arrived() []request {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.requests)
}

// delivered are the verifications that were answered well, in the order of arrival.
func (e *endpoint) delivered() (ids []string) {
	for _, r := range e.arrived() {
		if r.status == http.StatusOK {
			ids = append(ids, r.verification)
		}
	}
	return ids
}

// guide verifies each line as the partner guide's handler does, which signs what it has parsed and written again.
const guide = `
const crypto = require('crypto');
let wrong = 0, all = 0;
for (const line of require('fs').readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
  const r = JSON.parse(line);
  const expected = crypto.createHmac('sha256', r.secret).update(JSON.stringify(JSON.parse(r.body))).digest('hex');
  if (r.signature.length !== expected.length || !crypto.timingSafeEqual(Buffer.from(r.signature), Buffer.from(expected))) wrong++;
  all++;
}
console.log(wrong + ' of ' + all + ' refused');`

// verify has every request of the endpoints verified as the guide does, and returns how many there were.
func (all *endpoints) verify(t *testing.T) int {
	t.Helper()
	var lines bytes.Buffer
	n := 0
	all.mu.Lock()
	defer all.mu.Unlock()
	for path, e := range all.byPath {
		for _, r := range e.arrived() {
			n++
			b, err := json.Marshal(map[string]string{"secret": r.secret, "body": r.body, "signature": r.signature})
			must(t, err)
			lines.Write(append(b, '\n'))
			if !r.signed {
				t.Errorf("%s: attempt %s of %s is not signed as it must be", path, r.attempt, r.id)
			}
		}
	}
	cmd := exec.CommandContext(t.Context(), "node", "-e", guide)
	cmd.Stdin = &lines
	out, err := cmd.CombinedOutput()
	if want := fmt.Sprintf("0 of %d refused\n", n); err != nil || string(out) != want {
		t.Errorf("the guide's handler: %s%v, want %s", out, err, want)
	}
	return n
}
