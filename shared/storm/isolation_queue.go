package storm

import (
	"math"
	"time"
)

// What is documented of Lambda's pollers of a standard queue, and of fair queues.
const (
	firstPollers = 5
	scaleEvery   = time.Second // 60 a minute
	idleBefore   = time.Minute // how long a poller is idle before there are fewer
	noisyShare   = 0.10
	noisyLeast   = 30
	// recent is what "recently" is taken to be: the time in which what was counted fades to a third.
	recent = time.Minute
	// atOnce is the most that a message without a delay takes to be seen.
	atOnce = 50 * time.Millisecond
	// stormy is how many messages there may be beyond 20 for each record.
	stormy = 10_000
)

// mapping is the delivery queue in front of the retrier: a fair queue, and the event source mapping that polls it.
type mapping struct {
	q *sqs
	// limit is MaximumConcurrency. pollers is how many batches may be under way now, busy how many are, or are asked for.
	limit, pollers, busy int
	// asking counts the pollers that wait for the answer of a receive.
	asking int
	// ready counts messages to be received, inFlight those received and not deleted, left all that exist.
	ready, inFlight, left int
	groups                map[string]*tenant
	waiting               []*tenant // with messages to be received
	spent                 fading
	idleSince             time.Duration
	// Counted for the report.
	sent        map[string]int
	all         int
	mostReady   int
	mostPollers int
}

// tenant is a message group.
type tenant struct {
	ready    []*message
	inFlight int
	spent    fading
}

// fading is a sum that forgets.
type fading struct {
	sum float64
	at  time.Duration
}

func (f *fading) value(now time.Duration) float64 {
	f.sum *= math.Exp(-float64(now-f.at) / float64(recent))
	f.at = now
	return f.sum
}

func newMapping(q *sqs, limit int) *mapping {
	m := &mapping{q: q, limit: limit, pollers: firstPollers, groups: map[string]*tenant{}, sent: map[string]int{}}
	q.w.s.after(scaleEvery, m.scale)
	return m
}

// scale is the mapping's look at its pollers: one more each second while messages wait and all are busy.
func (m *mapping) scale() {
	now := m.q.w.s.now
	switch {
	case m.busy < m.pollers:
		if now-m.idleSince > idleBefore {
			m.pollers = max(m.pollers-1, firstPollers)
		}
	case m.ready > 0:
		m.pollers = min(m.pollers+1, m.limit)
		m.idleSince = now
		m.receive()
	default:
		m.idleSince = now
	}
	m.mostPollers = max(m.mostPollers, m.pollers)
	m.q.w.s.after(scaleEvery, m.scale)
}

func (m *mapping) tenant(x *message) *tenant {
	g := m.groups[x.group]
	if g == nil {
		g = &tenant{}
		m.groups[x.group] = g
	}
	return g
}

// put stores a message that becomes visible at its time.
func (m *mapping) put(x *message) {
	m.left++
	m.sent[x.group]++
	if m.all++; m.all > stormy+20*m.q.w.stats.Events {
		m.q.w.fail("P3 no storm of messages", nil, "%d messages for %d records", m.all, m.q.w.stats.Events)
	}
	m.q.w.s.after(x.visible-m.q.w.s.now, func() { m.show(x) })
}

// show makes a message visible.
func (m *mapping) show(x *message) {
	g := m.tenant(x)
	if len(g.ready) == 0 {
		m.waiting = append(m.waiting, g)
	}
	g.ready = append(g.ready, x)
	m.ready++
	m.mostReady = max(m.mostReady, m.ready)
	m.receive()
}

// receive lets pollers that have nothing to do ask for messages: one for each batch that could be had, as a message wakes
// one long poll.
func (m *mapping) receive() {
	w := m.q.w
	for m.busy < m.pollers && m.asking < m.ready {
		m.busy++
		m.asking++
		w.s.after(w.between(2*time.Millisecond, 30*time.Millisecond), func() {
			m.asking--
			if batch := m.take(); len(batch) > 0 {
				m.hand(batch)
				return
			}
			m.busy--
		})
	}
}

// take receives up to ten messages.
func (m *mapping) take() (batch []*message) {
	for len(batch) < sqsBatch && len(m.waiting) > 0 {
		i := m.next()
		g := m.waiting[i]
		x := g.ready[0]
		if g.ready = g.ready[1:]; len(g.ready) == 0 {
			last := len(m.waiting) - 1
			m.waiting[i] = m.waiting[last]
			m.waiting = m.waiting[:last]
		}
		m.ready--
		if x.receives++; x.receives > maxReceives || m.q.w.s.now-x.sent > retention {
			m.left--
			m.q.w.note("DEAD LETTER", x.body, "")
			x.gone = true
			m.q.dead = append(m.q.dead, x)
			continue
		}
		g.inFlight++
		m.inFlight++
		batch = append(batch, x)
	}
	return batch
}

// next chooses whose message comes next: the longest waiting one of those that are quiet; among noisy ones that of whoever
// has the fewest in flight.
func (m *mapping) next() (best int) {
	now, bestNoisy := m.q.w.s.now, true
	total := m.spent.value(now)
	for i, g := range m.waiting {
		noisy := m.noisy(g, now, total)
		better := !noisy && bestNoisy
		if noisy == bestNoisy {
			if better = g.ready[0].visible < m.waiting[best].ready[0].visible; noisy {
				better = g.inFlight < m.waiting[best].inFlight
			}
		}
		if better {
			best, bestNoisy = i, noisy
		}
	}
	return best
}

// noisy tells whether a group has more than its share of what is in flight, or of the time that consumers spent.
func (m *mapping) noisy(g *tenant, now time.Duration, total float64) bool {
	if g.inFlight >= noisyLeast && float64(g.inFlight) > noisyShare*float64(m.inFlight) {
		return true
	}
	return g.spent.sum > 0 && g.spent.value(now) > noisyShare*total
}

// hand gives a batch to the retrier and deletes what it answers for.
func (m *mapping) hand(batch []*message) {
	w := m.q.w
	from := w.s.now
	m.q.invoke(batch, func(why string, answer []byte) {
		m.busy--
		failed, all := map[string]bool{}, true
		if why == "" && answer != nil {
			failed, all = failedItems(answer)
		}
		for _, x := range batch {
			g, spent := m.tenant(x), float64(w.s.now-from)
			g.spent.value(w.s.now)
			m.spent.value(w.s.now)
			g.spent.sum, m.spent.sum = g.spent.sum+spent, m.spent.sum+spent
			if !all && !failed[x.id] {
				g.inFlight--
				m.inFlight--
				m.left--
				x.gone = true
				continue
			}
			w.s.after(from+visibility-w.s.now, func() {
				g.inFlight--
				m.inFlight--
				x.visible = w.s.now
				m.show(x)
			})
		}
		m.receive()
	})
}
