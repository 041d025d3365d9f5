package egress

import (
	"context"
	"errors"
	"io"
	"sync"
	"syscall"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

const (
	// maxInline is the size of the largest request that is written before its answer is waited for: one TLS record, which
	// an unused socket takes without waiting for the endpoint.
	maxInline = 16 << 10
	// lastWords is how long an answer is waited for after the endpoint stopped reading the request: one that refuses a
	// request early may have sent its reason before.
	lastWords = 250 * time.Millisecond
	// maxResend is how long after its start a request on a kept connection may be sent again. An endpoint that ends the
	// connection later had the request in hand.
	maxResend = time.Second
)

// exchange is one request with what is read of its answer.
type exchange struct {
	head     []byte // and the body, if both are written at once
	body     []byte
	show     bool
	deadline time.Time // until when the answer's header must be there

	in     headReader
	answer answer
	start  []byte // of the answer's body
	whole  bool   // whether that is all of it
}

// exchanges holds buffers for the next requests.
var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// free gives the buffers back.
func (x *exchange) free() {
	*x = exchange{head: x.head[:0], in: headReader{line: x.in.line[:0]}}
	exchanges.Put(x)
}

// deliver sends a request, on a connection that is kept or a new one, in its turn.
func (c *Client) deliver(ctx context.Context, x *exchange, hostPort string, began time.Time, out *webhook.Response) error {
	by := began.Add(c.options.ConnectTimeout)
	k, waited, err := c.pool.take(ctx, hostPort, by)
	if err != nil {
		return err
	}
	var keep *conn
	defer func() { c.pool.leave(hostPort, keep) }()
	if k == nil {
		keep, err = c.sendNew(ctx, x, hostPort, by)
		if waited && late(err) {
			return errNoTurn // what was left of its time says nothing about the endpoint
		}
		return err
	}
	started, read := c.pool.clock(), k.raw.read
	if keep, err = c.sendOn(ctx, k, x); err == nil || !x.lost(err, k.raw.read > read) || ctx.Err() != nil {
		return err
	}
	if wall, mono := c.pool.clock().since(started); max(wall.Abs(), mono) >= maxResend {
		return err
	}
	c.pool.drop(hostPort)
	out.Resent = true
	// What the answer may take is left to it.
	if by = time.Now().Add(c.options.ConnectTimeout); by.After(x.deadline.Add(-c.options.AnswerTimeout)) {
		by = x.deadline.Add(-c.options.AnswerTimeout)
	}
	keep, err = c.sendNew(ctx, x, hostPort, by)
	return err
}

// lost tells whether a connection ended before a byte of an answer. heard says that something came, of TLS at least.
func (x *exchange) lost(err error, heard bool) bool {
	if x.in.left < MaxResponseHeader {
		return false
	}
	// TLS reports an end within one of its records as an unexpected one.
	return errors.Is(err, io.EOF) || !heard && (errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE))
}

func (c *Client) sendNew(ctx context.Context, x *exchange, hostPort string, by time.Time) (keep *conn, err error) {
	k, err := c.dial(ctx, hostPort, by)
	if err != nil {
		return nil, err
	}
	return c.sendOn(ctx, k, x)
}

// sendOn sends a request and reads the answer with the start of its body. It returns the connection if that may serve
// another request, and has closed it otherwise.
func (c *Client) sendOn(ctx context.Context, k *conn, x *exchange) (keep *conn, err error) {
	stop := context.AfterFunc(ctx, k.interrupt)
	defer func() {
		// If ctx has ended, its function may be setting the deadline just now.
		if !stop() {
			keep = nil
		}
		if keep == nil {
			k.abort()
		}
	}()
	x.in.r, x.in.left = k.reader, MaxResponseHeader
	var sent bool
	if len(x.head)+len(x.body) <= maxInline {
		sent, err = c.writeFirst(ctx, k, x)
	} else {
		sent, err = c.writeBeside(ctx, k, x)
	}
	if err != nil {
		if ticketFault(err) {
			c.sessions.refuse(k.hostPort)
		}
		return nil, err
	}
	// The outcome is fixed by now: nothing in the body or in the reading of it changes it.
	if a := &x.answer; a.hasBody() && (a.length < 0 || a.chunked || a.length > int64(k.reader.Buffered())) {
		k.readUntil(ctx, time.Now().Add(c.options.ExcerptTimeout))
	}
	var reusable bool
	x.start, x.whole, reusable = x.answer.readBody(&x.in)
	if sent && reusable && !k.raw.large() {
		keep = k
	}
	return keep, nil
}

// writeFirst writes a small request at once, then reads the answer's header.
func (c *Client) writeFirst(ctx context.Context, k *conn, x *exchange) (sent bool, err error) {
	began := time.Now()
	k.until(ctx, earlier(began.Add(c.options.AnswerTimeout), x.deadline))
	x.head = append(x.head, x.body...)
	x.body = nil
	_, failed := k.secured.Write(x.head)
	if failed != nil {
		k.readUntil(ctx, earlier(time.Now().Add(lastWords), x.deadline))
	} else if now := time.Now(); now.Sub(began) > slowWrite {
		k.readUntil(ctx, earlier(now.Add(c.options.AnswerTimeout), x.deadline))
	}
	x.answer, err = x.in.answer(x.show)
	return failed == nil, err
}

// slowWrite is how much of the time for the answer a small request may take.
const slowWrite = 10 * time.Millisecond

// writeBeside writes a request while the answer's header is waited for, since that may come first.
func (c *Client) writeBeside(ctx context.Context, k *conn, x *exchange) (sent bool, err error) {
	k.until(ctx, x.deadline)
	written := make(chan error, 1)
	go func() {
		_, err := k.secured.Write(x.head)
		if err == nil {
			_, err = k.secured.Write(x.body)
		}
		patience := c.options.AnswerTimeout
		if err != nil {
			patience = lastWords
		}
		k.readUntil(ctx, earlier(time.Now().Add(patience), x.deadline))
		written <- err
	}()
	x.answer, err = x.in.answer(x.show)
	// An answer may come before the request was read. Then nobody waits for the rest.
	_ = k.secured.SetWriteDeadline(past)
	return <-written == nil, err
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
