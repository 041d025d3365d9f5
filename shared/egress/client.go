// Package egress is the project's only way out to addresses that strangers choose: the rules for a webhook's URL, the
// guard on the addresses it resolves to, and the one client that makes every attempt and every test.
package egress

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Version is the product's version in the user agent; the build sets it.
var Version = "dev"

// UserAgent returns the value of the header `user-agent`.
func UserAgent() string { return "Cr3dentials-Webhooks/" + Version }

// Bounds on what an endpoint may send.
const (
	// MaxResponseHeader bounds the bytes of an answer's header, informational answers before it included.
	MaxResponseHeader = 64 << 10
	// MaxRead bounds the bytes read of an answer's body.
	MaxRead = 16 << 10
	// MaxExcerpt bounds the bytes of the body that are kept.
	MaxExcerpt = 4 << 10
)

// Resolver looks names up; *net.Resolver is one. The network is always "ip".
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Options adjusts a Client. The zero value is right for the functions.
type Options struct {
	// Resolver is net.DefaultResolver if nil.
	Resolver Resolver
	// OwnHosts are the host names under which this product itself answers; no webhook may have one, nor a name below.
	OwnHosts []string
	// CalledHost returns one more of them: the one that the request came in by whose context it is given, or "". Nil
	// means that there is none.
	CalledHost func(context.Context) string
	// Now is time.Now if nil.
	Now func() time.Time
	// ConnectTimeout bounds the name's resolution, connecting and TLS together: 5 s if zero.
	ConnectTimeout time.Duration
	// WriteTimeout is what an endpoint that is slow to read the request adds to the time that connecting and answering
	// may take together: 5 s if zero.
	WriteTimeout time.Duration
	// AnswerTimeout bounds the wait for the answer's header after the request was written: 10 s if zero.
	AnswerTimeout time.Duration
	// ExcerptTimeout bounds the reading of the answer's body: 1 s if zero.
	ExcerptTimeout time.Duration
	// CheckTimeout bounds the look-up of a new URL's host: 2 s if zero.
	CheckTimeout time.Duration
}

func (o Options) withDefaults() Options {
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	for _, d := range []struct {
		value    *time.Duration
		standard time.Duration
	}{
		{&o.ConnectTimeout, 5 * time.Second}, {&o.WriteTimeout, 5 * time.Second},
		{&o.AnswerTimeout, 10 * time.Second}, {&o.ExcerptTimeout, time.Second}, {&o.CheckTimeout, 2 * time.Second},
	} {
		if *d.value == 0 {
			*d.value = d.standard
		}
	}
	return o
}

// Client makes requests to webhooks' endpoints and checks their URLs. One serves a whole process; it is safe for
// concurrent use.
type Client struct {
	options   Options
	guard     guard
	tls       *tls.Config
	transport *http.Transport
}

// New makes a Client.
func New(opts Options) *Client {
	c := &Client{
		options: opts.withDefaults(),
		guard:   newGuard(),
		tls:     &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}},
	}
	onlyHTTP1 := new(http.Protocols)
	onlyHTTP1.SetHTTP1(true)
	c.transport = &http.Transport{
		// Proxy stays nil: with one from the environment the guard would judge the proxy and not the endpoint.
		DialContext:            refusePlain,
		DialTLSContext:         c.dialTLS,
		Protocols:              onlyHTTP1,
		DisableCompression:     true,
		ResponseHeaderTimeout:  c.options.AnswerTimeout,
		MaxResponseHeaderBytes: MaxResponseHeader,
		MaxIdleConnsPerHost:    4,
		MaxIdleConns:           64,
		// Short enough that an endpoint's own limit (5 s in Node) does not close a connection while it is being used.
		IdleConnTimeout: 3 * time.Second,
	}
	return c
}

// CloseIdle closes the connections that are not in use. A function calls it at the end of every invocation: a
// connection that lived through a freeze cannot be trusted.
func (c *Client) CloseIdle() { c.transport.CloseIdleConnections() }

// Send makes one POST and reports what came of it; it has no other way of failing. Success is a status from 200 to 299
// and nothing else. A redirect is not followed, no cookie is kept, nothing is decompressed, and nothing is repeated:
// Go's transport repeats a POST only if a connection that was kept turns out closed before one byte of the request was
// written, and the two header names that would make it do more are refused here.
//
// It returns within 22 s (connect 5, write 5, answer 10, excerpt 1, 1 to spare). If ctx ends first, the outcome is
// webhook.ErrInterrupted: it is not known, and not the endpoint's fault. A request without a `user-agent` gets
// UserAgent. Duration covers the excerpt, too.
func (c *Client) Send(ctx context.Context, r webhook.Request) webhook.Response {
	out := webhook.Response{StartedAt: c.options.Now()}
	began := time.Now() // the monotonic clock, whatever Now is
	c.send(ctx, r, &out)
	out.Duration = time.Since(began)
	return out
}

func (c *Client) send(parent context.Context, r webhook.Request, out *webhook.Response) {
	total := c.options.ConnectTimeout + c.options.WriteTimeout + c.options.AnswerTimeout
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	req, fault := c.newRequest(ctx, r)
	if fault != nil {
		out.ErrorCode, out.ErrorMessage = fault.code, fault.message
		return
	}
	timer := time.AfterFunc(total, func() { cancel(errSlow) })
	defer timer.Stop()

	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		f := classify(parent, ctx, err)
		out.ErrorCode, out.ErrorMessage = f.code, f.message
		return
	}
	// The outcome is fixed by now: nothing in the body or in the reading of it changes it.
	timer.Stop()
	red := newRedactor(r.Redact)
	out.StatusCode = resp.StatusCode
	out.Headers = shownHeaders(resp.Header, red)
	out.RetryAfter = retryAfter(resp, c.options.Now())
	if f := classifyStatus(resp.StatusCode); f != nil {
		out.ErrorCode, out.ErrorMessage = f.code, f.message
	}
	if resp.StatusCode == http.StatusSwitchingProtocols { // what follows is no body
		_ = resp.Body.Close()
		return
	}
	out.Excerpt = c.readExcerpt(resp.Body, red, func() { cancel(errSlow) })
}

// readExcerpt reads the start of an answer's body. stop ends the connection.
func (c *Client) readExcerpt(body io.ReadCloser, red redactor, stop func()) string {
	timer := time.AfterFunc(c.options.ExcerptTimeout, stop)
	defer timer.Stop()
	raw, err := io.ReadAll(io.LimitReader(body, MaxRead))
	whole := err == nil && len(raw) < MaxRead
	if !whole {
		stop() // else closing could read on
	}
	_ = body.Close()
	return excerpt(raw, whole, red)
}

func (c *Client) newRequest(ctx context.Context, r webhook.Request) (*http.Request, *failure) {
	u, err := c.parseURL(ctx, r.URL)
	if err != nil {
		var e *webhook.Error
		if !errors.As(err, &e) {
			return nil, &failure{webhook.ErrProtocol, "The webhook's URL cannot be used."}
		}
		return nil, &failure{webhook.ErrBlockedAddress, "The webhook's URL " + e.Message + "."}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(r.Body))
	if err != nil {
		return nil, &failure{webhook.ErrProtocol, "The request could not be made."}
	}
	for _, h := range r.Headers {
		if replayHeader(h.Name) {
			return nil, &failure{webhook.ErrProtocol, "The authentication header's name may not be used."}
		}
		req.Header.Add(h.Name, h.Value)
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", UserAgent())
	}
	return req, nil
}

// replayHeader tells whether a header makes Go's transport take a POST for one that it may repeat at will
// (net/http, Request.isReplayable).
func replayHeader(name string) bool {
	return strings.EqualFold(name, "idempotency-key") || strings.EqualFold(name, "x-idempotency-key")
}
