package storm

import (
	"context"
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// mood is how an endpoint behaves for a while.
type mood int

const (
	healthy     mood = iota
	slow             // answers after 8 to 9.9 s
	failing          // a status that is no success
	hanging          // no answer within 10 s
	refusing         // no connection, at once
	unreachable      // no connection, after 5 s
	resetting        // the connection ends before an answer
	redirecting
	busy // 429 or 503 with Retry-After
	flapping
	moods
	deadly // whatever comes from it kills the environment, mostly
)

// endpoint is a partner's server.
type endpoint struct {
	url   string
	mood  mood
	until time.Duration
	// dead endpoints stay broken in the end.
	dead bool
	// plays, if set, is all that it does.
	plays *Endpoint
}

// network is the sender's way to the endpoints. It implements delivery.Sender, portal.Sender and portal.URLChecker.
type network struct {
	w         *world
	endpoints map[string]*endpoint
}

// CheckURL implements portal.URLChecker.
func (n *network) CheckURL(_ context.Context, raw string) (string, error) { return raw, nil }

// newURL makes an endpoint and returns its URL.
func (n *network) newURL(partner string) string {
	e := &endpoint{url: "https://e" + strconv.Itoa(len(n.endpoints)+1) + "." + partner + ".example/hook"}
	e.dead = n.w.chance(n.w.plan.dead)
	n.endpoints[e.url] = e
	return e.url
}

// moodOf returns an endpoint's mood, which changes from time to time.
func (n *network) moodOf(e *endpoint) mood {
	w := n.w
	if !w.stormy && !w.plan.clean || w.actors == 0 {
		switch {
		case !e.dead:
			return healthy
		case e.mood == healthy || e.mood == flapping || e.mood == slow:
			e.mood = failing
		}
		return e.mood
	}
	for e.until <= w.s.now {
		e.mood = healthy
		if w.chance(0.45) {
			e.mood = mood(w.rng.IntN(int(moods)))
			if w.stormy && w.chance(0.03) {
				e.mood = deadly
			}
		}
		from := max(e.until, w.s.now-time.Hour)
		e.until = from + w.between(10*time.Second, 25*time.Minute)
	}
	return e.mood
}

// Send implements delivery.Sender.
func (n *network) Send(ctx context.Context, r webhook.Request) webhook.Response {
	w, t := n.w, n.w.s.cur
	if t.killed {
		runtime.Goexit()
	}
	w.stats.Posts++
	if d := w.compute(t); d > 0 {
		w.s.sleep(d)
	}
	out := webhook.Response{StartedAt: w.s.clock()}
	p := w.truth.posted(&r, t)
	w.note("POST", p.subject, r.URL)
	e := n.endpoints[r.URL]
	if e == nil {
		w.fail("I9 a request goes to its own webhook's URL", p.about(), "%s is nobody's URL", r.URL)
		return webhook.Response{StartedAt: out.StartedAt, ErrorCode: webhook.ErrDNS}
	}
	before, after := n.behave(e, &out)
	w.mayCrash(t, "POST", "before")
	n.wait(ctx, before, &out)
	if out.ErrorCode != webhook.ErrInterrupted {
		w.truth.answered(p, out.StatusCode)
	}
	n.wait(ctx, after, &out)
	if e.mood == deadly && w.stormy && t.env != nil && w.chance(0.8) {
		w.fault(t, "killed by an answer", "POST", t.env.name)
		w.killEnv(t.env, "out of memory")
	}
	out.Duration = w.s.clock().Sub(out.StartedAt)
	w.truth.reported(p, &out)
	w.note("POST answered", p.subject, strconv.Itoa(out.StatusCode)+" "+string(out.ErrorCode))
	w.mayCrash(t, "POST", "after")
	return out
}

// wait lets time pass, but no more than the invocation has.
func (n *network) wait(ctx context.Context, d time.Duration, out *webhook.Response) {
	if deadline, ok := ctx.Deadline(); ok {
		if left := deadline.Sub(n.w.s.clock()); left < d {
			n.w.s.sleep(left)
			*out = webhook.Response{StartedAt: out.StartedAt, ErrorCode: webhook.ErrInterrupted}
			return
		}
	}
	n.w.s.sleep(d)
}

// answer fills in what an endpoint answers, and returns how long that takes: until the endpoint has decided, and until
// the sender knows.
func (n *network) answer(m mood, out *webhook.Response) (before, after time.Duration) {
	w := n.w
	fail := func(code webhook.ErrorCode) { out.ErrorCode, out.ErrorMessage = code, "It failed." }
	status := func(s int) {
		out.StatusCode = s
		if !webhook.Success(s) {
			fail(webhook.ErrHTTPStatus)
		}
	}
	before, after = w.between(5*time.Millisecond, 300*time.Millisecond), w.between(time.Millisecond, 100*time.Millisecond)
	if m == flapping {
		m = mood(w.rng.IntN(int(moods - 1)))
		if w.chance(0.5) {
			m = healthy
		}
	}
	if m != healthy && m != slow {
		w.stats.EndpointFaults++
	}
	switch m {
	case slow:
		before = w.between(8*time.Second, 9900*time.Millisecond)
		status(http.StatusOK)
	case failing:
		status([]int{500, 502, 503, 404, 410, 400, 401, 300, 304}[w.rng.IntN(9)])
	case hanging:
		before, after = 10*time.Second, w.between(0, time.Second)
		fail(webhook.ErrTimeout)
	case refusing:
		fail(webhook.ErrConnectionRefused)
	case unreachable:
		before, after = 0, 5*time.Second
		fail(webhook.ErrConnectTimeout)
	case resetting:
		fail(webhook.ErrConnectionReset)
	case redirecting:
		status([]int{301, 302, 307, 308}[w.rng.IntN(4)])
	case busy:
		status([]int{429, 503}[w.rng.IntN(2)])
		out.RetryAfter = time.Duration(w.rng.IntN(1000)) * time.Second
		if w.chance(0.8) {
			out.RetryAfter /= 20
		}
	default:
		status([]int{200, 200, 200, 201, 202, 204, 299}[w.rng.IntN(7)])
	}
	return before, after
}
