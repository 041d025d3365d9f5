package storm

import (
	"runtime"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Limits are what AWS allows of the tables, and what an environment can compute. README.md says where they are from.
type Limits struct {
	// PartitionWrites and PartitionReads are units a second of one partition key, of a table or an index. DynamoDB is not
	// taken to split one: what is written to a webhook's goes to its end.
	PartitionWrites, PartitionReads float64
	// TableWrites and TableReads are units a second of each table, and of each index.
	TableWrites, TableReads float64
	// Compute is how much of its environment's processor a call of a service takes, or a request to an endpoint. What one
	// environment has to compute comes one after another.
	Compute time.Duration
}

// resource is what can be used up.
type resource string

// The resources that a scenario with limits measures.
const (
	deliveriesTable     resource = "deliveries table"
	webhookPartition    resource = "a webhook's partition"
	verificationIndex   resource = "index byVerification"
	dueIndex            resource = "index byDue"
	dueShard            resource = "a shard of byDue"
	serviceWrites       resource = "service table, writes"
	serviceReads        resource = "service table, reads"
	partnerPartition    resource = "a partner's partition"
	statsPartition      resource = "a webhook's statistics"
	streamLanes         resource = "lanes of the stream"
	retrierBatches      resource = "retrier's batches"
	webhookReads        resource = "a webhook's partition, reads"
	partnerReads        resource = "a partner's partition, reads"
	accountConcurrency  resource = "account's concurrency"
	dispatcherProcessor resource = "a dispatcher's processor"
	queueInFlight       resource = "queue's messages in flight"
)

// mostInFlight is how many messages of a standard queue may be received and not deleted.
const mostInFlight = 120_000

// bucket is what DynamoDB lets through: units that come back with time, those of a second at most.
type bucket struct {
	rate, left float64
	at         time.Duration
	second     int
	used       float64 // in this second
}

func (b *bucket) refill(now time.Duration) {
	b.left = min(b.rate, b.left+b.rate*(now-b.at).Seconds())
	b.at = now
}

// charge is units of one bucket. of names the resource that it is, key which one of them.
type charge struct {
	of    resource
	key   string
	rate  float64
	units float64
}

type bucketKey struct {
	of  resource
	key string
}

// capacity enforces limits, and knows how much of each resource was used in each second.
type capacity struct {
	w       *world
	limits  *Limits
	buckets map[bucketKey]*bucket
	uses    map[resource]*use
	// Of the dispatcher in the present second: the time of its invocations, and what they computed.
	present  int
	busy     float64
	computed time.Duration
	// mostBehind is the most records that the stream held which were not handled.
	mostBehind int
}

// use is how much of a resource was used, as a share of it, in each second since the first record: of partitions the
// busiest one's. throttled is when it first refused something, negative if it did not; refusals counts those.
type use struct {
	shares    []float64
	throttled time.Duration
	refusals  int
}

func newCapacity(w *world, l *Limits) *capacity {
	m := &capacity{w: w, limits: l, buckets: map[bucketKey]*bucket{}, uses: map[resource]*use{}}
	w.s.after(sampleEvery, m.sample)
	return m
}

func (m *capacity) use(of resource) *use {
	u := m.uses[of]
	if u == nil {
		u = &use{throttled: -1}
		m.uses[of] = u
	}
	return u
}

// second is how many have passed since the first record; negative before it.
func (m *capacity) second() int {
	if m.w.began == 0 || m.w.s.now < m.w.began {
		return -1
	}
	return int((m.w.s.now - m.w.began) / time.Second)
}

// noteShare raises what is known of a second to share.
func (u *use) noteShare(second int, share float64) {
	if second < 0 {
		return
	}
	for len(u.shares) <= second {
		u.shares = append(u.shares, 0)
	}
	u.shares[second] = max(u.shares[second], min(share, 1)) // a bucket that was full lets more than its rate through
}

// take takes all charges, or none; then it names the one that was refused.
func (m *capacity) take(charges []charge) (refused resource, ok bool) {
	for i := range charges {
		c := &charges[i]
		b := m.buckets[bucketKey{c.of, c.key}]
		if b == nil {
			b = &bucket{rate: c.rate, left: c.rate}
			m.buckets[bucketKey{c.of, c.key}] = b
		}
		if b.refill(m.w.s.now); b.left < c.units {
			return c.of, false
		}
	}
	second := m.second()
	for i := range charges {
		c := &charges[i]
		b := m.buckets[bucketKey{c.of, c.key}]
		b.left -= c.units
		if b.second != second {
			b.second, b.used = second, 0
		}
		b.used += c.units
		m.use(c.of).noteShare(second, b.used/c.rate)
	}
	return "", true
}

// What the SDK does when it is throttled (shared/awscfg, aws/retry): four tries, of which the later ones cost tokens that
// the process has 500 of and gets back by successes.
const (
	sdkTries     = 4
	sdkTokens    = 500
	sdkRetryCost = 5
	sdkPause     = 2 * time.Second
)

// pay takes what a call of DynamoDB costs, as the SDK does it. It returns Unavailable if it was throttled too often.
func (w *world) pay(op, subject string, charges ...charge) error {
	m, t := w.capacity, w.s.cur
	if m == nil {
		return nil
	}
	if t.killed {
		runtime.Goexit()
	}
	paid := 0
	for try := 1; ; try++ {
		refused, ok := m.take(charges)
		if ok {
			if t.env != nil {
				t.env.tokens = min(t.env.tokens+max(paid, 1), sdkTokens)
			}
			return nil
		}
		u := m.use(refused)
		if u.refusals++; u.throttled < 0 {
			u.throttled = w.s.now - w.began
		}
		w.note("throttled", subject, string(refused))
		w.s.sleep(2 * w.latency())
		if try == sdkTries || t.env != nil && t.env.tokens < sdkRetryCost {
			w.fault(t, "throttled", op, subject)
			return webhook.Errorf(webhook.Unavailable, "throttled: %s", refused)
		}
		if paid = sdkRetryCost; t.env != nil {
			t.env.tokens -= sdkRetryCost
		}
		pause := sdkPause
		if try == 1 {
			pause = w.between(0, sdkPause)
		}
		w.s.sleep(pause)
	}
}

// compute is how long the task that runs waits for its environment's processor.
func (w *world) compute(t *task) time.Duration {
	if w.capacity == nil || t.env == nil {
		return 0
	}
	e, cost := t.env, w.capacity.limits.Compute
	e.processor = max(e.processor, w.s.now) + cost
	if e.fn == w.dispatcher {
		w.capacity.computed += cost
	}
	return e.processor - w.s.now
}

// sampleEvery is how often it is looked how many of what are busy.
const sampleEvery = 100 * time.Millisecond

// sample adds to a second's shares what is busy now.
func (m *capacity) sample() {
	w, second := m.w, m.second()
	w.s.after(sampleEvery, m.sample)
	if second < 0 {
		return
	}
	lanes, behind := 0, 0
	for _, l := range w.stream.lanes {
		left := l.records[l.done:]
		if behind += len(left); l.busy || len(left) > 0 && left[0].arrives <= w.s.now {
			lanes++ // at work, or between two batches
		}
	}
	add := func(of resource, n, most float64) {
		u := m.use(of)
		u.noteShare(second, 0)
		u.shares[second] += n / most * sampleEvery.Seconds()
	}
	add(streamLanes, float64(lanes), float64(len(w.stream.lanes)))
	add(retrierBatches, float64(w.retrier.running), float64(w.queue.fair.limit))
	add(accountConcurrency, float64(w.dispatcher.running+w.retrier.running+w.sweeper.running), float64(w.plan.lambda.account))
	add(queueInFlight, float64(w.queue.fair.inFlight), mostInFlight)
	m.busy += float64(w.dispatcher.running) * sampleEvery.Seconds()
	if second != m.present {
		if m.busy > 0 {
			m.use(dispatcherProcessor).noteShare(m.present, min(1, m.computed.Seconds()/m.busy))
		}
		m.present, m.busy, m.computed = second, 0, 0
	}
	m.mostBehind = max(m.mostBehind, behind)
}
