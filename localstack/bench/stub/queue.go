package stub

import (
	"cmp"
	"container/heap"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
)

// Message is a message of a queue.
type Message struct {
	ID, Body, GroupID string
	SentAt, ReadyAt   time.Time
	// Receives is how often it was received, this time included.
	Receives int
}

// defaultVisibility is how long a received message stays hidden, SQS's default.
const defaultVisibility = 30 * time.Second

// What SQS documents of fair queues: a group is noisy if it has at least noisyLeast messages in flight that are more than
// noisyShare of all, or took more than noisyShare of the consumers' time recently. How long that is, is not documented.
const (
	noisyShare = 0.10
	noisyLeast = 30
	recent     = time.Minute
)

// queue is a standard queue with groups, a fair queue: the message that is ready for longest comes first, those of noisy
// groups after all others; of these the group with the fewest messages in flight.
type queue struct {
	name string

	mu         sync.Mutex // guards what follows
	visibility time.Duration
	messages   map[string]*message
	groups     map[string]*group
	quiet      groupHeap // groups of which a message is ready
	noisy      []*group  // those among them that were noisy when last looked at
	hidden     hideHeap  // what is delayed or in flight, by when it ends
	next       int
	spent      fading // by consumers on messages, in seconds

	readyCount, delayedCount, inFlightCount int
}

type message struct {
	Message
	group    *group
	inFlight bool
	// until is when it becomes ready, the index its place in hidden, -1 if it is ready.
	until    time.Time
	index    int
	received time.Time
}

type group struct {
	ready    []*message
	inFlight int
	spent    fading
	index    int  // in queue.quiet, -1 if it is not there
	isNoisy  bool // it is in queue.noisy
}

// fading is a sum of which a third is left after the time recent.
type fading struct {
	sum float64
	at  time.Time
}

func (f *fading) value(now time.Time) float64 {
	if f.sum > 0 && now.After(f.at) {
		f.sum *= math.Exp(-float64(now.Sub(f.at)) / float64(recent))
		f.at = now
	}
	return f.sum
}

func (f *fading) add(now time.Time, x float64) {
	if f.sum == 0 {
		f.at = now
	}
	f.sum = f.value(now) + x
}

// CreateQueue makes an empty queue and returns its URL, which is below what SetBase has set.
func (s *Services) CreateQueue(name string) (url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queues[name] = &queue{
		name: name, visibility: defaultVisibility, messages: map[string]*message{}, groups: map[string]*group{},
	}
	return s.base + "/000000000000/" + name
}

// SetVisibility sets how long a message that is received stays hidden, 30 s at first.
func (s *Services) SetVisibility(queue string, d time.Duration) {
	q := s.mustQueue(queue)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.visibility = d
}

// Receive takes up to most messages that are ready by now and hides them until they are deleted or the visibility time
// has passed. It counts as no call: whoever polls for a function is billed apart.
func (s *Services) Receive(queue string, now time.Time, most int) []Message {
	q := s.mustQueue(queue)
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.receive(now, most, q.visibility)
}

// Delete removes messages, wherever they are. Unknown ids are ignored.
func (s *Services) Delete(queue string, ids ...string) {
	q := s.mustQueue(queue)
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, id := range ids {
		q.remove(id)
	}
}

// Waiting tells how many messages are ready by the time it is called, delayed, and received but not deleted.
func (s *Services) Waiting(queue string) (ready, delayed, inFlight int) {
	q := s.mustQueue(queue)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.advance(time.Now())
	return q.readyCount, q.delayedCount, q.inFlightCount
}

// queueAt returns the queue of a name or of a URL, nil if there is none.
func (s *Services) queueAt(url string) *queue {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.queues[url[strings.LastIndexByte(url, '/')+1:]]
}

func (s *Services) mustQueue(name string) *queue {
	if q := s.queueAt(name); q != nil {
		return q
	}
	panic("stub: no queue " + name)
}

// send stores a message, under the lock.
func (q *queue) send(body, groupID string, now time.Time, delay time.Duration) string {
	q.next++
	m := &message{
		Message: Message{
			ID: q.name + "-" + itoa(q.next), Body: strings.Clone(body), GroupID: strings.Clone(groupID),
			SentAt: now, ReadyAt: now.Add(delay),
		},
		group: q.groups[groupID], until: now.Add(delay), index: -1,
	}
	if groupID == "" { // it stands for itself
		m.group = &group{index: -1}
	} else if m.group == nil {
		m.group = &group{index: -1}
		q.groups[m.GroupID] = m.group
	}
	q.messages[m.ID] = m
	if delay > 0 {
		q.delayedCount++
		heap.Push(&q.hidden, m)
	} else {
		q.makeReady(m)
	}
	return m.ID
}

func (q *queue) makeReady(m *message) {
	q.readyCount++
	m.group.ready = append(m.group.ready, m)
	q.fix(m.group)
}

// fix puts a group in its place after what is ready of it changed.
func (q *queue) fix(g *group) {
	switch {
	case len(g.ready) == 0 && g.isNoisy:
		g.isNoisy = false
		q.noisy = slices.DeleteFunc(q.noisy, func(o *group) bool { return o == g })
	case len(g.ready) == 0 && g.index >= 0:
		heap.Remove(&q.quiet, g.index)
	case len(g.ready) > 0 && g.index >= 0:
		heap.Fix(&q.quiet, g.index)
	case len(g.ready) > 0 && !g.isNoisy:
		heap.Push(&q.quiet, g)
	}
}

// isNoisy tells whether a group has too large a share.
func (q *queue) isNoisy(g *group, now time.Time) bool {
	return g.inFlight >= noisyLeast && float64(g.inFlight) > noisyShare*float64(q.inFlightCount) ||
		g.spent.value(now) > noisyShare*q.spent.value(now)
}

// choose returns the group whose message comes next, nil if none is ready.
func (q *queue) choose(now time.Time) *group {
	q.noisy = slices.DeleteFunc(q.noisy, func(g *group) bool {
		if g.isNoisy = q.isNoisy(g, now); !g.isNoisy {
			heap.Push(&q.quiet, g)
		}
		return !g.isNoisy
	})
	for len(q.quiet) > 0 {
		g := q.quiet[0]
		if !q.isNoisy(g, now) {
			return g
		}
		heap.Remove(&q.quiet, g.index)
		g.isNoisy = true
		q.noisy = append(q.noisy, g)
	}
	if len(q.noisy) == 0 {
		return nil
	}
	return slices.MinFunc(q.noisy, func(a, b *group) int { return cmp.Compare(a.inFlight, b.inFlight) })
}

// end takes a message out of flight.
func (q *queue) end(m *message, now time.Time) {
	m.inFlight = false
	m.group.inFlight--
	q.inFlightCount--
	took := now.Sub(m.received).Seconds()
	m.group.spent.add(now, took)
	q.spent.add(now, took)
}

// advance makes ready what has become so by now.
func (q *queue) advance(now time.Time) {
	for len(q.hidden) > 0 && !q.hidden[0].until.After(now) {
		m := heap.Pop(&q.hidden).(*message) //nolint:errcheck // it holds nothing else
		if m.inFlight {
			q.end(m, m.until)
		} else {
			q.delayedCount--
		}
		q.makeReady(m)
	}
}

func (q *queue) receive(now time.Time, most int, visibility time.Duration) []Message {
	q.advance(now)
	var found []Message
	for len(found) < most {
		g := q.choose(now)
		if g == nil {
			break
		}
		m := g.ready[0]
		g.ready = g.ready[1:]
		g.inFlight++
		q.fix(g)
		q.readyCount--
		q.inFlightCount++
		m.inFlight, m.received, m.until = true, now, now.Add(visibility)
		m.Receives++
		heap.Push(&q.hidden, m)
		found = append(found, m.Message)
	}
	return found
}

func (q *queue) remove(id string) {
	m := q.messages[id]
	if m == nil {
		return
	}
	delete(q.messages, id)
	g := m.group
	switch {
	case m.index < 0:
		q.readyCount--
		for i := range g.ready {
			if g.ready[i] == m {
				g.ready = append(g.ready[:i:i], g.ready[i+1:]...)
				break
			}
		}
	case m.inFlight:
		q.end(m, time.Now())
		heap.Remove(&q.hidden, m.index)
	default:
		q.delayedCount--
		heap.Remove(&q.hidden, m.index)
	}
	q.fix(g)
}

// groupHeap orders groups by how long their first message has been ready.
type groupHeap []*group

func (h groupHeap) Len() int { return len(h) }
func (h groupHeap) Less(i, j int) bool {
	return h[i].ready[0].until.Before(h[j].ready[0].until)
}
func (h groupHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *groupHeap) Push(x any) {
	g := x.(*group) //nolint:errcheck // it holds nothing else
	g.index = len(*h)
	*h = append(*h, g)
}

// Pop implements heap.Interface.
func (h *groupHeap) Pop() any {
	last := len(*h) - 1
	g := (*h)[last]
	(*h)[last] = nil
	*h, g.index = (*h)[:last], -1
	return g
}

// hideHeap orders messages by when they become ready.
type hideHeap []*message

func (h hideHeap) Len() int           { return len(h) }
func (h hideHeap) Less(i, j int) bool { return h[i].until.Before(h[j].until) }
func (h hideHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *hideHeap) Push(x any) {
	m := x.(*message) //nolint:errcheck // it holds nothing else
	m.index = len(*h)
	*h = append(*h, m)
}

// Pop implements heap.Interface.
func (h *hideHeap) Pop() any {
	last := len(*h) - 1
	m := (*h)[last]
	(*h)[last] = nil
	*h, m.index = (*h)[:last], -1
	return m
}
