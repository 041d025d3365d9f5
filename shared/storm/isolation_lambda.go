package storm

import "time"

// lambdaRules are Lambda's own limits, where an ordinary seed draws some. README.md says where they are from.
type lambdaRules struct {
	// shards are the stream's; each has parallelism lanes.
	shards, parallelism int
	// every is how often a shard is read.
	every time.Duration
	// account is how many invocations may be under way at once, others how many of them are somebody else's.
	account, others int
	// keep is how long an environment with nothing to do is kept.
	keep time.Duration
}

// overAccount tells whether the account's concurrency is used up.
func (w *world) overAccount() bool {
	if w.plan.lambda == nil {
		return false
	}
	return w.running() >= w.plan.lambda.account
}

// running counts the account's invocations that are under way.
func (w *world) running() (n int) {
	for _, fn := range []*function{w.dispatcher, w.retrier, w.sweeper, w.portal, w.admin} {
		n += fn.running
	}
	if w.plan.lambda != nil {
		n += w.plan.lambda.others
	}
	return n
}

// reclaim drops environments that had nothing to do for long. What they knew is gone.
func (w *world) reclaim(fn *function) {
	if w.plan.lambda == nil {
		return
	}
	kept := fn.idle[:0]
	for _, e := range fn.idle {
		if w.s.now-e.idle <= w.plan.lambda.keep {
			kept = append(kept, e)
		}
	}
	clear(fn.idle[len(kept):])
	fn.idle = kept
}

// pickIdle puts any of the idle environments last: which one gets an invocation is not documented.
func (w *world) pickIdle(fn *function) {
	if w.plan.lambda != nil {
		i, last := w.rng.IntN(len(fn.idle)), len(fn.idle)-1
		fn.idle[i], fn.idle[last] = fn.idle[last], fn.idle[i]
	}
}

// streamLag is the most that a record takes from its commit to the stream.
const streamLag = 150 * time.Millisecond

// arrive brings a record to its lane with the next reading of its shard.
func (l *lane) arrive(r *streamRecord) {
	w, rules := l.st.w, l.st.w.plan.lambda
	shard := l.number / rules.parallelism
	at := w.s.now + w.between(20*time.Millisecond, streamLag)
	phase := rules.every * time.Duration(shard) / time.Duration(rules.shards)
	r.arrives = at + rules.every - (at-phase)%rules.every
	if n := len(l.records); n > 1 {
		r.arrives = max(r.arrives, l.records[n-2].arrives)
	}
	w.s.after(r.arrives-w.s.now, l.look)
}
