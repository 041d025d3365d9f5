package delivery

import (
	"strings"
	"sync"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

const (
	// maxPerHost is how many first attempts of one invocation are under way to one host at once: endpoints of one host that
	// hang must leave room for the others.
	maxPerHost = 100
	// maxHosts bounds what is remembered.
	maxHosts = 10_000
	// inARow is how long a slow attempt is remembered to which a second one may come.
	inARow = time.Minute
)

// hosts is what a process remembers of endpoints' hosts: what is under way to each, and which of them hang. A host hangs
// if two of its webhooks in a row were slow, or a connection to it timed out, and no attempt that began since was
// answered fast. From then on none of its webhooks is sent anything on the stream's path; each gets a detour of its own
// when its turn comes. The host is trusted again when one of its webhooks is back from such a detour, whoever saw that, or
// answers fast. The zero value is ready. It is safe for concurrent use.
type hosts struct {
	mu     sync.Mutex
	byName map[string]*host
}

type host struct {
	inFlight int
	// slow is the webhook that was slow last, as of slowAt, with no fast answer since.
	slow   string
	slowAt time.Time
	// fastAt is when the host last answered fast.
	fastAt time.Time
	// hangs says that the host is avoided since a time; took is how long its last attempt took.
	hangs bool
	since time.Time
	took  time.Duration
}

// hostOf returns the host and port of an endpoint, as its URL has them.
func hostOf(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	return rest
}

// enter asks for an attempt to w, which is on the stream's path. ok tells that it may begin: leave must follow. hangs tells
// that w must get a detour, whose attempts take about took.
func (h *hosts) enter(w *webhook.Webhook) (ok, hangs bool, took time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	name := hostOf(w.URL)
	x := h.byName[name]
	if x == nil {
		if len(h.byName) >= maxHosts {
			clear(h.byName) // better to be slow once than to grow for ever
		}
		if h.byName == nil {
			h.byName = map[string]*host{}
		}
		x = &host{}
		h.byName[name] = x
	}
	if x.hangs {
		if w.Detour == nil || !w.Detour.At.After(x.since) {
			return false, true, x.took
		}
		x.hangs, x.slow = false, "" // w is back since: the host answers fast again
	}
	if x.inFlight >= maxPerHost {
		return false, false, 0
	}
	x.inFlight++
	return true, false, 0
}

// leave ends what enter began.
func (h *hosts) leave(w *webhook.Webhook) {
	h.mu.Lock()
	defer h.mu.Unlock()
	name := hostOf(w.URL)
	x := h.byName[name]
	if x == nil {
		return
	}
	x.inFlight = max(x.inFlight-1, 0)
	if x.inFlight == 0 && !x.hangs && x.slow == "" {
		delete(h.byName, name)
	}
}

// saw notes what an attempt to w says about its host, and tells whether the host is avoided from now on. Whoever refuses
// fast does not hang.
func (h *hosts) saw(w *webhook.Webhook, a webhook.Attempt) (avoided bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	x, end := h.byName[hostOf(w.URL)], a.StartedAt.Add(a.Duration)
	switch {
	case x == nil:
	case a.Duration < webhook.SlowAfter:
		x.fastAt, x.slow, x.hangs = end, "", false
	case x.fastAt.After(a.StartedAt):
	case a.ErrorCode == webhook.ErrConnectTimeout, x.slow != "" && x.slow != w.ID && end.Sub(x.slowAt) < inARow:
		x.took = a.Duration
		if !x.hangs {
			x.hangs, x.since = true, end
			return true
		}
	default:
		x.slow, x.slowAt = w.ID, end
	}
	return false
}
