package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"
)

// stage says how far a connection came.
type stage int

const (
	stageDNS stage = iota
	stageGuard
	stageConnect
	stageTLS
)

// dialError tells at which stage a connection failed. It is never shown: its cause may name an address.
type dialError struct {
	stage stage
	err   error
}

func (e *dialError) Error() string { return e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

// dial opens a verified TLS connection to a host whose addresses are all permitted, by the given time.
func (c *Client) dial(ctx context.Context, hostPort string, by time.Time) (*conn, error) {
	ctx, cancel := context.WithDeadline(ctx, by)
	defer cancel()
	host, portText, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, &dialError{stageGuard, err}
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, &dialError{stageGuard, err}
	}
	targets, err := c.resolve(ctx, host, uint16(port))
	if err != nil {
		return nil, err
	}
	session := c.sessions.of(hostPort)
	k, err := c.secure(ctx, host, hostPort, targets, session)
	if err != nil && session != nil && session.offered && ctx.Err() == nil {
		// An endpoint that cannot resume must not fail for it, and nothing has been sent so far.
		c.sessions.refuse(hostPort)
		k, err = c.secure(ctx, host, hostPort, targets, nil)
	}
	return k, err
}

// secure connects and makes the TLS handshake, with the session of an earlier connection if there is one.
func (c *Client) secure(ctx context.Context, host, hostPort string, targets []netip.AddrPort, session *hostSession) (*conn, error) {
	tcp, err := c.connect(ctx, host, targets)
	if err != nil {
		return nil, &dialError{stageConnect, err}
	}
	raw := newBoundedConn(tcp)
	config := c.tls.Clone()
	config.ServerName = host
	if session != nil {
		session.raw, config.ClientSessionCache = raw, session
	}
	secured := tls.Client(raw, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = tcp.Close()
		return nil, &dialError{stageTLS, err}
	}
	raw.handshake = raw.read // which ends the bound
	return newConn(hostPort, secured, raw), nil
}

// maxHandshake bounds the bytes that an endpoint may send for its TLS handshake. Chains of certificates have some 10 KiB;
// Go would take 256 KiB, and spends five times that on them.
const maxHandshake = 64 << 10

// maxKeptHandshake is the largest handshake whose connection and session are kept: both hold the endpoint's certificates,
// which take five times their size.
const maxKeptHandshake = 24 << 10

var errHandshake = errors.New("egress: the TLS handshake is too large")

// resolve returns the addresses of a host to try, after it has judged all: one that is not permitted refuses the host,
// since whoever answers with one has either made a mistake or means harm.
func (c *Client) resolve(ctx context.Context, host string, port uint16) ([]netip.AddrPort, error) {
	addrs := localAddresses(host)
	if addrs == nil {
		var err error
		// The final dot keeps the resolver from appending the search domains of the machine.
		if addrs, err = c.options.Resolver.LookupNetIP(ctx, "ip", host+"."); err != nil {
			return nil, &dialError{stageDNS, err}
		}
	}
	if len(addrs) == 0 {
		return nil, &dialError{stageDNS, errors.New("egress: no address")}
	}
	targets := make([]netip.AddrPort, 0, len(addrs))
	for _, a := range addrs {
		target, err := c.judge(host, a, port)
		if err != nil {
			return nil, &dialError{stageGuard, err}
		}
		targets = append(targets, target)
	}
	return targets[:min(len(targets), maxAddresses)], nil
}

// judge returns what a connection to an address goes to, or an error if it may not.
func (c *Client) judge(host string, addr netip.Addr, port uint16) (netip.AddrPort, error) {
	// Go's resolver gives IPv4 addresses in their mapped form, and Go dials those as what they are.
	target := netip.AddrPortFrom(addr.Unmap(), port)
	return target, c.guard.check(host, target)
}

// maxAddresses bounds how many addresses of a host are tried: whoever answers with hundreds would have us knock at all.
const maxAddresses = 8

// minPerAddress is the least time an address gets before the next one is tried, as in Go's own dialer.
const minPerAddress = 2 * time.Second

// connect tries the addresses in turn, sharing out the time that ctx leaves. It returns the first error if all fail.
func (c *Client) connect(ctx context.Context, host string, targets []netip.AddrPort) (net.Conn, error) {
	dialer := net.Dialer{
		KeepAlive: -1, // connections live for seconds
		// The address that is really dialled is judged once more, right before the connect.
		Control: func(_, address string, _ syscall.RawConn) error {
			target, err := netip.ParseAddrPort(address)
			if err != nil {
				return err
			}
			_, err = c.judge(host, target.Addr(), target.Port())
			return err
		},
	}
	var first error
	for i, target := range targets {
		conn, err := dialWithin(ctx, &dialer, target, len(targets)-i)
		if err == nil {
			return conn, nil
		}
		if first == nil {
			first = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, first
}

func dialWithin(ctx context.Context, d *net.Dialer, target netip.AddrPort, left int) (net.Conn, error) {
	deadline, _ := ctx.Deadline()
	share := max(time.Until(deadline)/time.Duration(left), minPerAddress)
	ctx, cancel := context.WithTimeout(ctx, share)
	defer cancel()
	return d.DialContext(ctx, "tcp", target.String())
}
