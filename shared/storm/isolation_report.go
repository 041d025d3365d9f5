package storm

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Isolation is what was measured in a scenario. Times count from the first record.
type Isolation struct {
	Result
	Scenario Scenario
	Classes  map[string]*Class
	// Rest is when nothing was under way any more.
	Rest time.Duration
	// Environments are how many each function had, MostPollers how many batches of the queue were under way at once, and
	// MostReady how many of its messages waited to be received.
	Environments           map[string]int
	MostPollers, MostReady int
	// Used are the resources of a scenario with limits, MostBehind is how many records waited in its stream at most.
	Used       []Used
	MostBehind int
	// Repeated counts the requests whose attempt was made before.
	Repeated int
}

// Class is what was measured of the webhooks of a class.
type Class struct {
	Webhooks, Deliveries, Undelivered, Posts, Messages int
	// First are the first attempts: from the record's commit to the request.
	First Samples
	// Retries are the later ones of a round: how much later than the ladder says.
	Retries Samples
	// InFlight is for each minute the most requests that were under way at once to one webhook.
	InFlight []int
	// SlowInFlight is the most requests at once to one webhook of which each took webhook.SlowAfter or longer.
	SlowInFlight int
	// Back is for each webhook that once left the stream's path, how long it took from when it was well and active to the
	// first attempt that the dispatcher made again; see Returned.
	Back Samples
}

// Sample is one measurement.
type Sample struct {
	// At is when the record was committed, or the attempt before ended.
	At, Late time.Duration
	Delivery string
	// Queue: the retrier made it.
	Queue bool
}

// Samples are sorted by At.
type Samples []Sample

// Between returns those of a time.
func (s Samples) Between(from, to time.Duration) Samples {
	return slices.DeleteFunc(slices.Clone(s), func(x Sample) bool { return x.At < from || x.At >= to })
}

// Quantile returns the sample below which a share of them lies; the last one is the maximum.
func (s Samples) Quantile(q float64) Sample {
	if len(s) == 0 {
		return Sample{}
	}
	sorted := slices.SortedFunc(slices.Values(s), func(a, b Sample) int { return cmp.Compare(a.Late, b.Late) })
	return sorted[min(int(q*float64(len(s))), len(s)-1)]
}

func (s Samples) String() string {
	if len(s) == 0 {
		return "none"
	}
	ms := func(q float64) time.Duration { return s.Quantile(q).Late.Round(time.Millisecond) }
	return fmt.Sprintf("p50 %v p99 %v max %v of %d", ms(0.5), ms(0.99), ms(1), len(s))
}

// ByQueue is the share that the retrier made.
func (s Samples) ByQueue() float64 {
	n := 0
	for _, x := range s {
		if x.Queue {
			n++
		}
	}
	return float64(n) / float64(max(len(s), 1))
}

// MostInFlight is the most from a time on.
func (c *Class) MostInFlight(from time.Duration) int {
	if n := int(from / time.Minute); n < len(c.InFlight) {
		return slices.Max(c.InFlight[n:])
	}
	return 0
}

// measured reads from the oracle's memory what happened.
func (w *world) measured(x Scenario, rest time.Duration) Isolation {
	out := Isolation{
		Scenario: x, Classes: map[string]*Class{}, Rest: rest, Environments: map[string]int{},
		MostPollers: w.queue.fair.mostPollers, MostReady: w.queue.fair.mostReady,
	}
	if w.capacity != nil {
		out.Used, out.MostBehind = w.capacity.used(), w.capacity.mostBehind
	}
	for _, fn := range []*function{w.dispatcher, w.retrier, w.sweeper} {
		out.Environments[fn.name] = fn.made
	}
	class := map[*hook]*Class{}
	for _, h := range w.truth.hookOrder {
		name := w.net.endpoints[h.now().webhook.URL].plays.Class
		c := out.Classes[name]
		if c == nil {
			c = &Class{}
			out.Classes[name] = c
		}
		c.Webhooks++
		c.Messages += w.queue.fair.sent[h.id]
		class[h] = c
	}
	written := map[string]time.Duration{}
	for _, e := range w.truth.events {
		written[e.verification] = e.written
	}
	posts := map[*hook][]*post{}
	for _, f := range w.truth.flightOrder {
		h := w.truth.hooks[f.ref.WebhookID]
		class[h].measure(w, f, written[f.state.Event.VerificationID])
		posts[h] = append(posts[h], f.posts...)
		out.Repeated += repeated(f.posts)
	}
	for _, h := range w.truth.hookOrder {
		class[h].crowding(w, posts[h])
		class[h].returned(w, h, posts[h])
	}
	for _, c := range out.Classes {
		for _, s := range []Samples{c.First, c.Retries, c.Back} {
			slices.SortStableFunc(s, func(a, b Sample) int { return cmp.Compare(a.At, b.At) })
		}
	}
	return out
}

// measure adds a delivery.
func (c *Class) measure(w *world, f *flight, written time.Duration) {
	c.Deliveries++
	c.Posts += len(f.posts)
	if f.state.State != webhook.Delivered {
		c.Undelivered++
	}
	inRound := 0
	for i, p := range f.posts {
		switch {
		case i == 0:
			c.First = append(c.First, Sample{written - w.began, p.start - written, f.ref.DeliveryID, p.env.fn == w.retrier})
			inRound = 1
		case f.posts[i-1].round != p.round:
			inRound = 1
		default:
			before := f.posts[i-1]
			if inRound <= len(ladder) {
				c.Retries = append(c.Retries, Sample{before.end - w.began, p.start - before.end - ladder[inRound-1], f.ref.DeliveryID, true})
			}
			inRound++
		}
	}
}

// repeated counts the requests whose attempt was made before.
func repeated(posts []*post) (n int) {
	seen := map[int]bool{}
	for _, p := range posts {
		if seen[p.number] {
			n++
		}
		seen[p.number] = true
	}
	return n
}

// crowding adds how many requests to one webhook were under way at once.
func (c *Class) crowding(w *world, posts []*post) {
	type step struct {
		at       time.Duration
		by, slow int
	}
	var steps []step
	for _, p := range posts {
		slow := 0
		if p.end-p.start >= webhook.SlowAfter {
			slow = 1
		}
		steps = append(steps, step{p.start, 1, slow}, step{p.end, -1, -slow})
	}
	slices.SortFunc(steps, func(a, b step) int { return cmp.Or(cmp.Compare(a.at, b.at), a.by-b.by) })
	now, slow := 0, 0
	for _, s := range steps {
		now, slow = now+s.by, slow+s.slow
		c.SlowInFlight = max(c.SlowInFlight, slow)
		minute := max(0, int((s.at-w.began)/time.Minute))
		for len(c.InFlight) <= minute {
			c.InFlight = append(c.InFlight, 0)
		}
		c.InFlight[minute] = max(c.InFlight[minute], now)
	}
}

// returned adds how long a webhook that was off took to come back to the stream's path after its last activation.
func (c *Class) returned(w *world, h *hook, posts []*post) {
	if len(h.versions) < 2 {
		return
	}
	active := h.activeSince()
	slices.SortFunc(posts, func(a, b *post) int { return cmp.Compare(a.start, b.start) })
	for _, p := range posts {
		if p.start > active && p.number == 1 && p.env.fn == w.dispatcher {
			c.Back = append(c.Back, Sample{active - w.began, p.start - active, p.subject, false})
			return
		}
	}
}

// String is the report.
func (r *Isolation) String() string {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "%d records, %d requests, %d steps; at rest after %v; environments %v, at most %d batches of the queue at once, %d messages waiting\n",
		r.Stats.Events, r.Stats.Posts, r.Stats.Steps, r.Rest.Round(time.Second), r.Environments, r.MostPollers, r.MostReady)
	for _, name := range slices.Sorted(maps.Keys(r.Classes)) {
		c := r.Classes[name]
		_, _ = fmt.Fprintf(&b, "  %-8s %4d webhooks, %6d deliveries (%d undelivered), %.2f requests and %.2f messages each, %.1f %% of the first attempts by the queue, at most %d in flight to one (%d later, %d slow)\n",
			name, c.Webhooks, c.Deliveries, c.Undelivered, per(c.Posts, c.Deliveries), per(c.Messages, c.Deliveries), 100*c.First.ByQueue(), c.MostInFlight(0), c.MostInFlight(2*time.Minute), c.SlowInFlight)
		_, _ = fmt.Fprintf(&b, "           first attempts after a minute: %v; retries: %v\n", c.First.Between(time.Minute, 100*time.Hour), c.Retries)
		if len(c.Back) > 0 {
			_, _ = fmt.Fprintf(&b, "           back on the stream's path after its activation: %v\n", c.Back)
		}
	}
	if r.Used != nil {
		b.WriteString(r.usage())
	}
	return b.String()
}

func per(a, b int) float64 { return float64(a) / float64(max(b, 1)) }
