// Package egress is the project's only way out to addresses that strangers choose: the rules for a webhook's URL, the
// guard on the addresses it resolves to, and the one client that makes every attempt and every test.
package egress

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Version is the product's version in the user agent; the build sets it.
var Version = "dev"

const userAgent = "Cr3dentials-Webhooks/"

// UserAgent returns the value of the header `user-agent`.
func UserAgent() string { return userAgent + Version }

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
	options  Options
	guard    guard
	tls      *tls.Config
	sessions *sessions
	targets  targets
	pool     pool
}

// New makes a Client.
func New(opts Options) *Client {
	return &Client{
		options: opts.withDefaults(),
		guard:   newGuard(),
		tls: &tls.Config{
			MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
			DynamicRecordSizingDisabled: true, // or an ordinary request takes two writes
		},
		sessions: newSessions(),
		pool:     pool{clock: newClock()},
	}
}

// CloseIdle closes the connections that are not in use. There is no need to: what is kept is not used after it was idle
// for 3 s, or after a freeze.
func (c *Client) CloseIdle() { c.pool.closeAll() }

// Send makes one POST and reports what came of it; it has no other way of failing. Success is a status from 200 to 299
// and nothing else. A redirect is not followed, no cookie is kept, nothing is decompressed, and no proxy is asked.
//
// A request is sent twice in one case only, and then Response.Resent says so: the connection was kept from an earlier
// request, and it ended (an end, a reset, TLS' farewell) before a byte of an answer and within 1 s of the request's start.
// Then the endpoint most likely closed what was idle just as it was used. Nothing is charged for that; the other
// connections that are kept for the host are closed, and what comes of the request on a new one counts. If the first
// request was not written whole the endpoint has not processed it; otherwise that cannot be known, which is when an
// attempt may be made twice. It is never sent again after a time-out, nor after ctx has ended, nor a third time.
//
// At most 100 requests are under way to one host and port, and 512 in all. Others wait for their turn in their time for
// connecting. Who gets none has the outcome webhook.ErrInterrupted, as has one for which this process has no descriptor.
//
// It returns within 21 s (connect 5, write 5, answer 10, excerpt 1). If ctx ends first, the outcome is
// webhook.ErrInterrupted: it is not known, and not the endpoint's fault. A request without a `user-agent` gets
// UserAgent. Duration covers the excerpt, too.
func (c *Client) Send(ctx context.Context, r webhook.Request) webhook.Response {
	out := webhook.Response{StartedAt: c.options.Now()}
	began := c.pool.clock()
	if f := c.send(ctx, &r, &out); f != nil {
		out.ErrorCode, out.ErrorMessage = f.code, f.message
	}
	_, out.Duration = c.pool.clock().since(began)
	return out
}

func (c *Client) send(ctx context.Context, r *webhook.Request, out *webhook.Response) *failure {
	began := time.Now()
	x := exchanges.Get().(*exchange) //nolint:errcheck // nothing else is in there
	defer x.free()
	hostPort, head, fault := c.prepare(ctx, r, x.head)
	x.head = head
	if fault != nil {
		return fault
	}
	if err := ctx.Err(); err != nil {
		return classify(ctx, err)
	}
	x.body, x.show = r.Body, r.Show
	x.deadline = began.Add(c.options.ConnectTimeout + c.options.WriteTimeout + c.options.AnswerTimeout)
	if err := c.deliver(ctx, x, hostPort, began, out); err != nil {
		return classify(ctx, err)
	}
	a := &x.answer
	out.StatusCode = a.status
	if a.shown {
		show(out, a, x.start, x.whole, r.Redact)
		out.RetryAfter = retryAfter(a.status, a.field("retry-after"), c.options.Now())
	}
	return classifyStatus(a.status)
}
