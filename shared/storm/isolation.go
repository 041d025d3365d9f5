package storm

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Scenario is a time in which the infrastructure does what it should, with Lambda's rules of concurrency, and endpoints
// are slow or hang: promise P3 is what it measures.
type Scenario struct {
	Seed uint64
	// For is how long records are written.
	For    time.Duration
	Crowds []Crowd
	// RetrierConcurrency is how many batches of the queue are worked on at once; 0 is 50, the stack's.
	RetrierConcurrency int
	// Limits are those of the tables and of computing; nil has none.
	Limits *Limits
	// Shards are the stream's; 0 is 4.
	Shards int
	// Traced keeps all that happens: for a short time only.
	Traced bool
}

// Crowd is partners with endpoints of a kind.
type Crowd struct {
	Partners int
	// PerSecond is how many records are written for all of them together, at random times.
	PerSecond float64
	// Rate, if set, says how many a second at a time instead.
	Rate func(at time.Duration) float64
	// Burst is how many more are written at once, at BurstAt.
	Burst   int
	BurstAt time.Duration
	// Endpoints are their webhooks': of every second partner the first alone, of the others all.
	Endpoints []Endpoint
	// Host is one that they all use; without it each webhook has its own.
	Host string
	// AutoReactivate is the share of the webhooks that are to be probed. The owners of the others look at them from Returns
	// on, once a minute, and activate what is off; nobody does if it is 0.
	AutoReactivate float64
	Returns        time.Duration
}

// Endpoint is how webhooks of a class are answered.
type Endpoint struct {
	Class string
	// Answer returns the status and when it comes, for a request that comes at a time after the first record. After ten
	// seconds, or with status 0, none comes.
	Answer func(at time.Duration, r *rand.Rand) (status int, took time.Duration)
}

// endpointTimeout is how long the sender waits for an answer.
const endpointTimeout = 10 * time.Second

// behave is answer for an endpoint that may have a part to play.
func (n *network) behave(e *endpoint, out *webhook.Response) (before, after time.Duration) {
	if e.plays == nil {
		return n.answer(n.moodOf(e), out)
	}
	status, took := e.plays.Answer(n.w.s.now-n.w.began, n.w.rng)
	if status == 0 || took >= endpointTimeout {
		n.w.stats.EndpointFaults++
		out.ErrorCode, out.ErrorMessage = webhook.ErrTimeout, "It failed."
		return endpointTimeout, 0
	}
	if out.StatusCode = status; !webhook.Success(status) {
		n.w.stats.EndpointFaults++
		out.ErrorCode, out.ErrorMessage = webhook.ErrHTTPStatus, "It failed."
	}
	return took, 0
}

// plan is the stack's: 4 shards if not said otherwise, 10 lanes each, batches of 100.
func (x *Scenario) plan() plan {
	rules := &lambdaRules{shards: cmp.Or(x.Shards, 4), parallelism: 10, every: 250 * time.Millisecond, account: 1000, keep: 6 * time.Minute}
	return plan{
		lanes: rules.shards * rules.parallelism, batch: 100, holdTime: 7 * 24 * time.Hour, latency: 4 * time.Millisecond,
		slowest: 3 * time.Second, indexLag: 500 * time.Millisecond, queueJitter: 500 * time.Millisecond, cold: 500 * time.Millisecond, lambda: rules,
	}
}

// Isolate plays a scenario to its end: until everything has come to rest.
func (r *Runner) Isolate(x Scenario) Isolation {
	w := r.newWorld(x.Seed, x.Traced)
	w.plan = x.plan()
	r.fill(w)
	w.quiet = true
	w.dispatcher.limit, w.retrier.limit = w.plan.lambda.account, w.plan.lambda.account
	limit := x.RetrierConcurrency
	if limit == 0 {
		limit = 50
	}
	w.queue.fair = newMapping(w.queue, limit)
	if x.Limits != nil {
		w.capacity = newCapacity(w, x.Limits)
	}
	w.actors = 1
	w.s.spawn(nil, "setup", func() { w.open(&x) }, nil)
	rest := w.rest(x.For)
	out := w.measured(x, rest)
	out.Result = w.result()
	return out
}

// rest runs the world until nothing is under way any more, and judges it. It returns when that was.
func (w *world) rest(busy time.Duration) time.Duration {
	for w.actors > 0 && w.violation == nil && w.s.step() {
	}
	limit := w.s.now + busy + longest
	for w.violation == nil {
		next := w.s.now + 5*time.Second
		for w.s.now < next && w.violation == nil && w.s.step() {
		}
		left := w.resting()
		if left == "" {
			w.truth.judge()
			break
		}
		if w.s.now > limit {
			w.fail("I11 the world comes to rest", idsIn(left), "after %v: %s", limit, left)
		}
	}
	return w.s.now - w.began
}

// open makes the partners with their webhooks, then has records written.
func (w *world) open(x *Scenario) {
	for i := range x.Crowds {
		w.recruit(i, &x.Crowds[i])
	}
	w.began = w.s.now
	w.sweep()
	for i := range x.Crowds {
		c := &x.Crowds[i]
		if c.PerSecond > 0 || c.Rate != nil {
			w.actor0("crowd "+strconv.Itoa(i+1), func() { w.arrivals(i, c, x.For) })
		}
		if c.Burst > 0 {
			w.actor0("burst "+strconv.Itoa(i+1), func() {
				w.s.sleep(c.BurstAt)
				for n := range c.Burst {
					w.record(i, -n, c)
				}
			})
		}
		if c.Returns > 0 {
			w.actor0("owners "+strconv.Itoa(i+1), func() { w.owners(i, c, x.For) })
		}
	}
	w.actors--
}

func memberID(crowd, n int) string { return fmt.Sprintf("partner-%d-%d", crowd+1, n+1) }

// recruit makes a crowd's partners.
func (w *world) recruit(crowd int, c *Crowd) {
	for n := range c.Partners {
		p := w.newPartner(memberID(crowd, n))
		w.partners[p.id] = p
		for i := range c.Endpoints {
			if i > n%2*len(c.Endpoints) {
				break
			}
			url := w.net.newURL(p.id)
			e := w.net.endpoints[url]
			if c.Host != "" {
				delete(w.net.endpoints, url)
				e.url = "https://" + c.Host + "/" + p.id + "/" + strconv.Itoa(i+1)
				w.net.endpoints[e.url] = e
			}
			e.plays = &c.Endpoints[i]
			status, _ := w.api(p, "POST", "/v1/webhooks", map[string]any{"url": e.url, "autoReactivate": w.chance(c.AutoReactivate)})
			if status != http.StatusCreated {
				panic("storm: no webhook: " + strconv.Itoa(status))
			}
		}
	}
}

// arrivals writes a crowd's records.
func (w *world) arrivals(crowd int, c *Crowd, busy time.Duration) {
	for n := 1; w.s.now-w.began <= busy; n++ {
		rate := c.PerSecond
		if c.Rate != nil {
			rate = c.Rate(w.s.now - w.began)
		}
		if c.Rate != nil && rate < 1 {
			w.s.sleep(100 * time.Millisecond) // until there is more to do
			continue
		}
		w.s.sleep(time.Duration(w.rng.ExpFloat64() / rate * float64(time.Second)))
		if w.s.now-w.began > busy {
			return
		}
		w.record(crowd, n, c)
	}
}

// record writes one for any partner of a crowd.
func (w *world) record(crowd, n int, c *Crowd) {
	w.change(&verification{id: fmt.Sprintf("ver-%d-%d", crowd+1, n), partner: memberID(crowd, w.rng.IntN(c.Partners))}, "VERIFIED")
}

// owners activates what is off from a time on, until everything is on, or for as long as records are written.
func (w *world) owners(crowd int, c *Crowd, busy time.Duration) {
	w.s.sleep(c.Returns - (w.s.now - w.began))
	for {
		off := 0
		for n := range c.Partners {
			p := w.partners[memberID(crowd, n)]
			for _, h := range w.truth.byPartner[p.id] {
				x := &h.now().webhook
				if x.Active {
					continue
				}
				if off++; !x.AutoReactivate {
					w.s.sleep(w.between(0, time.Second))
					w.api(p, "POST", "/v1/webhooks/"+h.id+"/activate", json.RawMessage(`{"held":"deliver"}`))
				}
			}
		}
		if off == 0 && w.s.now-w.began > busy {
			return
		}
		w.s.sleep(time.Minute)
	}
}
