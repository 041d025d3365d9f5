// Package egress is the project's only way out to addresses that strangers choose: the rules for a webhook's URL, the
// guard on the addresses it resolves to, and the one client that makes every attempt and every test.
package egress

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
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
//
// It speaks HTTP/1.1 by itself: Go's transport writes what an endpoint sends unasked to the log, may take that for the
// answer to the next request, repeats some requests, and spends megabytes on a header of 64 KiB.
type Client struct {
	options Options
	guard   guard
	tls     *tls.Config
	pool    pool
}

// New makes a Client.
func New(opts Options) *Client {
	return &Client{
		options: opts.withDefaults(),
		guard:   newGuard(),
		tls:     &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}},
	}
}

// CloseIdle closes the connections that are not in use. A function calls it at the end of every invocation: a
// connection that lived through a freeze cannot be trusted.
func (c *Client) CloseIdle() { c.pool.closeAll() }

// Send makes one POST and reports what came of it; it has no other way of failing. Success is a status from 200 to 299
// and nothing else. A redirect is not followed, no cookie is kept, nothing is decompressed, no proxy is asked, and
// nothing is ever sent twice.
//
// It returns within 21 s (connect 5, write 5, answer 10, excerpt 1). If ctx ends first, the outcome is
// webhook.ErrInterrupted: it is not known, and not the endpoint's fault. A request without a `user-agent` gets
// UserAgent. Duration covers the excerpt, too.
func (c *Client) Send(ctx context.Context, r webhook.Request) webhook.Response {
	out := webhook.Response{StartedAt: c.options.Now()}
	began := time.Now() // the monotonic clock, whatever Now is
	if f := c.send(ctx, r, &out); f != nil {
		out.ErrorCode, out.ErrorMessage = f.code, f.message
	}
	out.Duration = time.Since(began)
	return out
}

func (c *Client) send(ctx context.Context, r webhook.Request, out *webhook.Response) *failure {
	deadline := time.Now().Add(c.options.ConnectTimeout + c.options.WriteTimeout + c.options.AnswerTimeout)
	hostPort, head, fault := c.prepare(ctx, r)
	if fault != nil {
		return fault
	}
	if err := ctx.Err(); err != nil {
		return classify(ctx, err)
	}
	k := c.pool.take(hostPort)
	if k == nil {
		secured, err := c.dialTLS(ctx, hostPort)
		if err != nil {
			return classify(ctx, err)
		}
		k = newConn(secured)
	}
	keep := false
	stop := context.AfterFunc(ctx, func() { _ = k.secured.SetDeadline(past) })
	defer func() {
		// If ctx has ended, its function may be setting the deadline just now.
		if stop() && keep {
			c.pool.put(hostPort, k)
		} else {
			k.abort()
		}
	}()
	a, sent, err := c.exchange(ctx, k, head, r.Body, deadline)
	if err != nil {
		return classify(ctx, err)
	}
	// The outcome is fixed by now: nothing in the body or in the reading of it changes it.
	k.readUntil(ctx, time.Now().Add(c.options.ExcerptTimeout))
	start, whole, reusable := a.readBody(k.reader)
	keep = sent && reusable
	show(out, a, start, whole, r.Redact)
	out.RetryAfter = retryAfter(a.status, a.field("retry-after"), c.options.Now())
	return classifyStatus(a.status)
}

// prepare checks the request, and writes its header as it is sent.
func (c *Client) prepare(ctx context.Context, r webhook.Request) (hostPort string, head []byte, fault *failure) {
	u, err := c.parseURL(ctx, r.URL)
	if err != nil {
		var e *webhook.Error
		if !errors.As(err, &e) {
			return "", nil, &failure{webhook.ErrProtocol, "The webhook's URL cannot be used."}
		}
		return "", nil, &failure{webhook.ErrBlockedAddress, "The webhook's URL " + e.Message + "."}
	}
	target := u.rest
	if !strings.HasPrefix(target, "/") {
		target = "/" + target
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\n", target, strings.TrimPrefix(endpoint{u.host, u.port, ""}.String(), "https://"))
	agent := false
	for _, h := range r.Headers {
		name := http.CanonicalHeaderKey(h.Name)
		if !sendable(name, h.Value) {
			return "", nil, &failure{webhook.ErrProtocol, "The request could not be made: a header cannot be sent."}
		}
		agent = agent || name == "User-Agent"
		fmt.Fprintf(&b, "%s: %s\r\n", name, h.Value)
	}
	if !agent {
		fmt.Fprintf(&b, "User-Agent: %s\r\n", UserAgent())
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(r.Body))
	return net.JoinHostPort(u.host, strconv.Itoa(int(u.port))), b.Bytes(), nil
}
