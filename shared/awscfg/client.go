package awscfg

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Client sends the requests of a function to DynamoDB, SQS and KMS: small ones, over HTTP/1.1, each answered whole. It is
// an http.Client for that alone, at two thirds of its cost: a request is written and its answer read by the goroutine that
// wants it, where net/http wakes two others and makes two more for a time-out. It repeats nothing, follows no redirect
// and knows no proxy. Safe for concurrent use.
type Client struct {
	timeout time.Duration
	*connections
}

// connections are those of a Client and of its copies.
type connections struct {
	dialer net.Dialer
	tls    *tls.Config
	// open has room for as many connections as there may be.
	open chan struct{}

	mu   sync.Mutex
	idle map[string][]*connection // by scheme and host; the last one was used last
}

type connection struct {
	net.Conn
	r     *bufio.Reader
	w     *bufio.Writer
	since time.Time // when it became idle, by the wall clock: the monotonic one may stand still while a function is frozen
	body  []byte    // the memory of requests' bodies
}

const (
	// maxConnections is how many things a batch works on at once. A function has 1,024 descriptors.
	maxConnections = 256
	// maxIdle is how long a connection may be idle: AWS closes them after some minutes, and what is between may forget
	// them without a word.
	maxIdle = time.Minute
	// maxKept is the largest body whose memory a connection keeps, in bytes.
	maxKept = 16 << 10
)

func newClient(timeout time.Duration) *Client {
	return &Client{timeout, &connections{
		dialer: net.Dialer{Timeout: connectTimeout},
		tls:    &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)},
		open:   make(chan struct{}, maxConnections), idle: map[string][]*connection{},
	}}
}

// Timeout returns how long one try may take, connecting and the whole answer included.
func (c *Client) Timeout() time.Duration { return c.timeout }

// WithTimeout returns a Client with another time-out that shares c's connections.
func (c *Client) WithTimeout(d time.Duration) *Client { return &Client{d, c.connections} }

// Do sends r and returns its answer, which is in memory. An error says that none came, or not all of it; the SDK's
// retryer takes it for a broken connection.
func (c *Client) Do(r *http.Request) (*http.Response, error) {
	deadline := time.Now().Add(c.timeout)
	if err := c.take(r.Context(), deadline); err != nil {
		return nil, err
	}
	defer func() { <-c.open }()
	host := r.URL.Scheme + "://" + r.URL.Host
	x := c.reuse(host)
	if x == nil {
		var err error
		if x, err = c.connect(r, deadline); err != nil {
			return nil, err
		}
	}
	resp, err := x.exchange(r, deadline)
	if err != nil || resp.Close || x.r.Buffered() > 0 {
		_ = x.Close()
		return resp, err
	}
	c.keep(host, x)
	return resp, nil
}

// take waits until another connection may be open.
func (c *Client) take(ctx context.Context, deadline time.Time) error {
	select {
	case c.open <- struct{}{}:
		return nil
	default:
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	select {
	case c.open <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reuse returns the idle connection that was used last, nil if there is none that is fit for use.
func (c *connections) reuse(host string) *connection {
	for {
		c.mu.Lock()
		all := c.idle[host]
		if len(all) == 0 {
			c.mu.Unlock()
			return nil
		}
		x := all[len(all)-1]
		c.idle[host] = all[:len(all)-1]
		c.mu.Unlock()
		if idle := time.Now().Round(0).Sub(x.since); idle >= 0 && idle < maxIdle && quiet(x.Conn) {
			return x
		}
		_ = x.Close()
	}
}

func (c *connections) keep(host string, x *connection) {
	x.since = time.Now().Round(0)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle[host] = append(c.idle[host], x)
}

func (c *connections) connect(r *http.Request, deadline time.Time) (*connection, error) {
	ctx, cancel := context.WithDeadline(r.Context(), deadline)
	defer cancel()
	port := r.URL.Port()
	if port == "" {
		port = r.URL.Scheme
	}
	conn, err := c.dialer.DialContext(ctx, "tcp", net.JoinHostPort(r.URL.Hostname(), port))
	if err != nil {
		return nil, err
	}
	if r.URL.Scheme == "https" {
		config := c.tls.Clone()
		config.ServerName = r.URL.Hostname()
		secure := tls.Client(conn, config)
		ctx, cancel := context.WithTimeout(ctx, connectTimeout)
		defer cancel()
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		conn = secure
	}
	return &connection{Conn: conn, r: bufio.NewReader(conn), w: bufio.NewWriter(conn)}, nil
}

// load takes the request's body into memory, in the form that net/http knows as such: it sends header and body in one
// packet then, instead of two. The memory is the connection's, which sends one request at a time.
func (x *connection) load(r *http.Request) error {
	if r.Body == nil || r.ContentLength <= 0 {
		return nil
	}
	body := x.body[:0]
	if int64(cap(body)) < r.ContentLength {
		body = make([]byte, 0, r.ContentLength)
	}
	if cap(body) <= maxKept {
		x.body = body
	}
	body = body[:r.ContentLength]
	_, err := io.ReadFull(r.Body, body)
	err = errors.Join(err, r.Body.Close())
	r.Body = io.NopCloser(bytes.NewReader(body))
	return err
}

// exchange sends r and reads its answer to the end.
func (x *connection) exchange(r *http.Request, deadline time.Time) (*http.Response, error) {
	if err := x.load(r); err != nil {
		return nil, err
	}
	if err := x.SetDeadline(deadline); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(r.Context(), func() { _ = x.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := r.Write(x.w); err != nil {
		return nil, err
	}
	if err := x.w.Flush(); err != nil {
		return nil, err
	}
	for {
		resp, err := http.ReadResponse(x.r, r)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode < http.StatusOK {
			continue // nothing but a header before the answer
		}
		all, err := readAll(resp)
		if err != nil {
			return nil, err
		}
		if !stop() {
			resp.Close = true // the deadline is being moved
		}
		resp.Body = inMemory{bytes.NewReader(all), all}
		return resp, nil
	}
}

// readAll reads a body to its end.
func readAll(resp *http.Response) ([]byte, error) {
	if b, ok := resp.Body.(inMemory); ok {
		return b.all, nil
	}
	const usual = 64 << 10
	var all bytes.Buffer
	all.Grow(int(min(max(resp.ContentLength, 0), usual)) + bytes.MinRead)
	_, err := all.ReadFrom(resp.Body)
	return all.Bytes(), errors.Join(err, resp.Body.Close())
}

// inMemory is a body that has arrived whole.
type inMemory struct {
	io.Reader
	all []byte
}

func (inMemory) Close() error { return nil }
