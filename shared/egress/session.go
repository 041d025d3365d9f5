package egress

import (
	"crypto/tls"
	"strings"
	"sync"
)

// Bounds on the TLS sessions that are kept for resumption.
const (
	maxSessions = 256
	// maxTicket is the size in bytes of the largest ticket that is kept; TLS allows 64 KiB.
	maxTicket = 4 << 10
)

// sessions keeps the last TLS session of a host and port, the most recently used ones. One of another host, or of the
// same host's other port, is never offered.
//
// A session is resumed without the endpoint showing its certificate again. Go checks what it showed the first time anew
// for each offer (crypto/tls, Conn.loadSession): that the leaf has not expired and is for this host, and that one of the
// chains that were verified holds now: no certificate in it is expired, its root is trusted.
type sessions struct {
	lru tls.ClientSessionCache

	mu sync.Mutex
	// broken holds the hosts and ports that are better met without: a handshake failed with a session, or a ticket ended
	// the connection. Go takes none that is valid for more than a week, as some releases of OpenSSL send them.
	broken map[string]bool
}

func newSessions() *sessions { return &sessions{lru: tls.NewLRUClientSessionCache(maxSessions)} }

// of returns the cache for one connection, nil if there is to be none.
func (s *sessions) of(hostPort string) *hostSession {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken[hostPort] {
		return nil
	}
	return &hostSession{all: s, hostPort: hostPort}
}

// refuse ends the use of sessions with a host and port.
func (s *sessions) refuse(hostPort string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken == nil || len(s.broken) >= maxSessions {
		s.broken = map[string]bool{}
	}
	s.broken[hostPort] = true
}

// ticketFault tells whether crypto/tls refused a ticket, for which it has no type of error.
func ticketFault(err error) bool { return strings.Contains(err.Error(), "session ticket") }

// hostSession is the part of the sessions that one connection uses, whatever key TLS has for it.
type hostSession struct {
	all      *sessions
	hostPort string
	raw      *boundedConn
	offered  bool
}

// Get implements tls.ClientSessionCache.
func (h *hostSession) Get(string) (*tls.ClientSessionState, bool) {
	state, ok := h.all.lru.Get(h.hostPort)
	h.offered = ok && state != nil
	return state, ok
}

// Put implements tls.ClientSessionCache.
func (h *hostSession) Put(_ string, state *tls.ClientSessionState) {
	if state != nil {
		if ticket, _, err := state.ResumptionState(); err != nil || len(ticket) > maxTicket || h.raw.large() {
			return
		}
	}
	h.all.lru.Put(h.hostPort, state)
}
