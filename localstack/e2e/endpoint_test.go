package e2e

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"crypto/tls"
)

// endpoint is a partner's https server that a test scripts: it answers each request as told and keeps what arrived.
type endpoint struct {
	url    string
	ledger *ledger

	mu       sync.Mutex
	secret   string
	requests []arrived
}

// arrived is one request as it was received.
type arrived struct {
	at      time.Time
	headers http.Header
	body    string
	// verified tells whether both signature schemes hold under the webhook's secret.
	verified bool
}

// reply says how to answer: a status after a while, with a header if it is not empty.
type reply struct {
	status int
	after  time.Duration
	header [2]string
}

// script chooses the answer to the n-th request, from 1.
type script func(n int) reply

func always(status int) script { return func(int) reply { return reply{status: status} } }

// failing answers 500 to the first n requests and 200 afterwards.
func failing(n int) script {
	return func(i int) reply {
		if i <= n {
			return reply{status: http.StatusInternalServerError}
		}
		return reply{status: http.StatusOK}
	}
}

// forever stands for an answer that does not come.
const forever = time.Hour

// newEndpoint starts an endpoint on a port of its own; it ends with the test.
func newEndpoint(t *testing.T, w *world, s script) *endpoint {
	t.Helper()
	tlsConfig, err := w.ca.ServerTLS()
	must(t, err)
	port := w.ports.Test(int(w.nextPort.Add(1)) - 1)
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	must(t, err)
	e := &endpoint{url: fmt.Sprintf("https://localhost:%d/webhook/cr3dentials", port), ledger: w.ledger}
	ctx, cancel := context.WithCancel(context.Background())
	server := &http.Server{
		Handler:           http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { e.serve(ctx, s, rw, r) }),
		ReadHeaderTimeout: 10 * time.Second,
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(tls.NewListener(listener, tlsConfig))
	}()
	t.Cleanup(func() {
		cancel()
		_ = server.Close()
		<-done
		for i, r := range e.arrived() {
			if !r.verified {
				t.Errorf("request %d to %s: its signatures do not verify", i+1, e.url)
			}
		}
	})
	return e
}

func (e *endpoint) serve(ctx context.Context, s script, rw http.ResponseWriter, r *http.Request) {
	at := time.Now()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	e.mu.Lock()
	e.requests = append(e.requests, arrived{at, r.Header.Clone(), string(body), verifies(r.Header, body, e.secret)})
	n := len(e.requests)
	e.mu.Unlock()
	e.ledger.request(r.Header, body)
	a := s(n)
	select {
	case <-time.After(a.after):
	case <-ctx.Done():
		return
	}
	if a.header[0] != "" {
		rw.Header().Set(a.header[0], a.header[1])
	}
	rw.WriteHeader(a.status)
	_, _ = io.WriteString(rw, `{"answer":"scripted"}`)
}

// verifies checks the partner guide's signature and that of Standard Webhooks as a receiver does, without our own code.
// During a rotation the latter's header holds one for each secret.
func verifies(h http.Header, body []byte, secret string) bool {
	guide := hmac.New(sha256.New, []byte(secret))
	guide.Write(body)
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	standard := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(standard, "%s.%s.%s", h.Get("Webhook-Id"), h.Get("Webhook-Timestamp"), body)
	return h.Get("X-Webhook-Signature") == hex.EncodeToString(guide.Sum(nil)) &&
		slices.Contains(strings.Fields(h.Get("Webhook-Signature")), "v1,"+base64.StdEncoding.EncodeToString(standard.Sum(nil)))
}

// expect gives the endpoint the secret of its webhook; call it before the first record is written.
func (e *endpoint) expect(secret string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.secret = secret
}

func (e *endpoint) arrived() []arrived {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]arrived(nil), e.requests...)
}

func (e *endpoint) count() int { return len(e.arrived()) }

// about counts the requests for one verification.
func (e *endpoint) about(verificationID string) (n int) {
	for _, r := range e.arrived() {
		if verificationOf(r) == verificationID {
			n++
		}
	}
	return n
}

// verificationOf returns what a request is about, as its default body says.
func verificationOf(r arrived) string {
	var body struct {
		Data struct{ VerificationID string }
	}
	if json.Unmarshal([]byte(r.body), &body) != nil {
		return ""
	}
	return body.Data.VerificationID
}

// attempts are the x-webhook-attempt headers in the order of arrival.
func (e *endpoint) attempts() string {
	var all []string
	for _, r := range e.arrived() {
		all = append(all, r.headers.Get("X-Webhook-Attempt"))
	}
	return strings.Join(all, " ")
}

// hooked makes a partner with one webhook to a new endpoint.
func hooked(t *testing.T, w *world, s script) (*partner, *endpoint, hook) {
	t.Helper()
	p, e := newPartner(t, w), newEndpoint(t, w, s)
	h := p.webhook(e.url, nil)
	e.expect(h.Secret)
	return p, e, h
}
