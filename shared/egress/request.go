package egress

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// target is a webhook's URL, ready for requests.
type target struct {
	host, hostPort string
	start          string // the request line and the field Host
	local          bool   // the host of local builds, for which other rules hold
}

// maxTargets bounds the URLs that are remembered.
const maxTargets = 1024

// targets remembers the URLs that follow the rules, but for the one rule that depends on the context.
type targets struct {
	mu  sync.RWMutex
	all map[string]*target
}

// target checks a request's URL.
func (c *Client) target(ctx context.Context, raw string) (*target, error) {
	c.targets.mu.RLock()
	t := c.targets.all[raw]
	c.targets.mu.RUnlock()
	if t != nil && (t.local || !c.called(ctx, t.host)) {
		return t, nil
	}
	u, err := c.parseURL(ctx, raw)
	if err != nil {
		return nil, err
	}
	path := u.rest
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	authority := strings.TrimPrefix(endpoint{u.host, u.port, ""}.String(), "https://")
	t = &target{
		host: u.host, hostPort: net.JoinHostPort(u.host, strconv.Itoa(int(u.port))),
		start: "POST " + path + " HTTP/1.1\r\nHost: " + authority + "\r\n", local: localAddresses(u.host) != nil,
	}
	c.targets.mu.Lock()
	defer c.targets.mu.Unlock()
	if c.targets.all == nil || len(c.targets.all) >= maxTargets {
		c.targets.all = map[string]*target{}
	}
	c.targets.all[raw] = t
	return t, nil
}

// prepare checks the request, and appends its header as it is sent to head.
func (c *Client) prepare(ctx context.Context, r *webhook.Request, head []byte) (hostPort string, _ []byte, fault *failure) {
	t, err := c.target(ctx, r.URL)
	if err != nil {
		var e *webhook.Error
		if !errors.As(err, &e) {
			return "", head, &failure{webhook.ErrProtocol, "The webhook's URL cannot be used."}
		}
		return "", head, &failure{webhook.ErrBlockedAddress, "The webhook's URL " + e.Message + "."}
	}
	head = append(head, t.start...)
	agent := false
	for i := range r.Headers {
		h := &r.Headers[i]
		if !sendable(h.Name, h.Value) {
			return "", head, &failure{webhook.ErrProtocol, "The request could not be made: a header cannot be sent."}
		}
		agent = agent || strings.EqualFold(h.Name, "user-agent")
		head = appendName(head, h.Name)
		head = append(head, ": "...)
		head = append(head, h.Value...)
		head = append(head, "\r\n"...)
	}
	if !agent {
		head = append(head, "User-Agent: "+userAgent...)
		head = append(head, Version...)
		head = append(head, "\r\n"...)
	}
	head = append(head, "Content-Length: "...)
	head = strconv.AppendInt(head, int64(len(r.Body)), 10)
	return t.hostPort, append(head, "\r\n\r\n"...), nil
}

// appendName writes a header's name as it is customary: Content-Type.
func appendName(b []byte, name string) []byte {
	first := true
	for i := range len(name) {
		c := name[i]
		switch {
		case first && c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		case !first && c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		}
		b = append(b, c)
		first = c == '-'
	}
	return b
}
