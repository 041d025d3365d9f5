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
)

// hosts is what a process remembers of endpoints' hosts: what is under way to each, and which of them hang. A host hangs
// if two of its webhooks in a row were slow, or a connection to it timed out, and no attempt that began since was
// answered fast. From then on none of its webhooks is sent anything on the stream's path; each gets a detour of its own
// when its turn comes. The host is trusted again when one of these detours is over. The zero value is ready. It is safe
// for concurrent use.
type hosts struct {
	mu     sync.Mutex
	byName map[string]*host
}

type host struct {
	inFlight int
	// slow is the webhook that was slow last, with no fast answer since.
	slow string
	// fastAt is when the host last answered fast.
	fastAt time.Time
	// hangs says that the host is avoided; took is how long its last attempt took, detours when which webhook got its detour.
	hangs   bool
	took    time.Duration
	detours map[string]time.Time
}

// hostOf returns the host and port of an endpoint, as its URL has them.
func hostOf(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	return rest
}

// enter asks for an attempt to w, which has no detour as of readAt. ok tells that it may begin: leave must follow. hangs
// tells that w must get a detour, whose attempts take about took.
func (h *hosts) enter(w *webhook.Webhook, readAt time.Time) (ok, hangs bool, took time.Duration) {
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
		if at, had := x.detours[w.ID]; !had || !at.Before(readAt) {
			return false, true, x.took
		}
		// Its detour was over before it was read: the host answers fast again.
		x.hangs, x.detours, x.slow = false, nil, ""
	}
	if x.inFlight >= maxPerHost {
		return false, false, 0
	}
	x.inFlight++
	return true, false, 0
}

// detoured notes that w has a detour as of now, because its host hangs.
func (h *hosts) detoured(w *webhook.Webhook, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if x := h.byName[hostOf(w.URL)]; x != nil && x.hangs && len(x.detours) < maxHosts {
		if x.detours == nil {
			x.detours = map[string]time.Time{}
		}
		x.detours[w.ID] = now
	}
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

// saw notes what an attempt to w says about its host. Whoever refuses fast does not hang.
func (h *hosts) saw(w *webhook.Webhook, a webhook.Attempt) {
	h.mu.Lock()
	defer h.mu.Unlock()
	x := h.byName[hostOf(w.URL)]
	switch {
	case x == nil:
	case a.Duration < webhook.SlowAfter:
		x.fastAt, x.slow = a.StartedAt.Add(a.Duration), ""
	case x.fastAt.After(a.StartedAt):
	case a.ErrorCode == webhook.ErrConnectTimeout, x.slow != "" && x.slow != w.ID:
		x.hangs, x.took = true, a.Duration
	default:
		x.slow = w.ID
	}
}
