package storm

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/cr3dentials/verification-webhooks/shared/lambdarun"
	"github.com/cr3dentials/verification-webhooks/shared/queue"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// What the stack sets (infra/queues.go) and what SQS promises.
const (
	visibility  = 360 * time.Second
	maxReceives = 10
	sqsBatch    = 10
	maxMessage  = 256 << 10
	retention   = 4 * 24 * time.Hour
	// longestChain is how many invocations in a row Lambda lets a function cause, where recursion is not allowed.
	longestChain = 16
)

// sqs is the delivery queue with its dead-letter queue and the poller that invokes the retrier.
type sqs struct {
	w        *world
	messages []*message
	dead     []*message
	next     int
	// polling is true while a look at the queue is planned at pollAt.
	polling bool
	pollAt  time.Duration
	// fair, if set, keeps the messages in groups and polls as Lambda does.
	fair *mapping
}

type message struct {
	id       string
	group    string
	body     string
	visible  time.Duration
	sent     time.Duration
	receives int
	gone     bool
	// chain is how many invocations by messages led to this one.
	chain int
}

// Send implements delivery.Queue: ten messages at a time, each batch on its own whole, in part, or not at all.
func (q *sqs) Send(_ context.Context, ms ...webhook.Message) error {
	for batch := range slices.Chunk(ms, sqsBatch) {
		type entry struct {
			body, group string
			delay       time.Duration
		}
		var entries []entry
		for _, m := range batch {
			body, err := queue.Encode(m)
			if err != nil {
				return err
			}
			entries = append(entries, entry{body, m.Group(), time.Duration(queue.DelaySeconds(m.Delay)) * time.Second})
		}
		put := func() {
			for _, e := range entries {
				q.put(e.body, e.group, e.delay)
			}
		}
		subject := string(batch[0].Kind) + " " + batch[0].Ref.WebhookID + " " + batch[0].Ref.DeliveryID
		half := func() { entries = entries[:len(entries)/2]; put() }
		if err := q.w.call(sqsService, "SendMessage", subject, func() error { put(); return nil }, half); err != nil {
			return err
		}
	}
	return nil
}

// put stores a message. A duplicate of it may exist from the beginning.
func (q *sqs) put(body, group string, delay time.Duration) {
	if len(body) > maxMessage || delay < 0 || delay > 900*time.Second {
		q.w.fail("P2 what SQS refuses is not sent", nil, "a message of %d bytes with a delay of %v", len(body), delay)
	}
	copies := 1
	if q.w.stormy && q.w.chance(q.w.plan.duplicate) {
		copies = 2
		q.w.stats.Faults++
		q.w.note("FAULT duplicate message", body, "")
	}
	if q.w.chance(q.w.plan.lose) {
		copies = 0
	}
	for range copies {
		q.next++
		m := &message{id: "m" + strconv.Itoa(q.next), body: body, group: group, sent: q.w.s.now, chain: q.w.chain()}
		q.w.meter.sent(m)
		m.visible = q.w.s.now + delay + q.w.between(0, q.w.jitter(delay))
		if q.fair != nil {
			q.fair.put(m)
			continue
		}
		q.messages = append(q.messages, m)
		q.pollBy(m.visible)
	}
}

// jitter is how late a message may become visible.
func (w *world) jitter(delay time.Duration) time.Duration {
	if w.plan.lambda != nil && delay == 0 {
		return atOnce
	}
	if w.stormy {
		return w.plan.queueJitter
	}
	return min(w.plan.queueJitter, time.Second)
}

// Waiting implements delivery.Queue.
func (q *sqs) Waiting(context.Context) (n int, err error) {
	err = q.w.call(sqsService, "Waiting", "", func() error {
		if q.fair != nil {
			n = q.fair.ready
		}
		for _, m := range q.messages {
			if m.visible <= q.w.s.now {
				n++
			}
		}
		return nil
	}, nil)
	return n, err
}

// pollBy sees to it that the poller looks at the queue at a time.
func (q *sqs) pollBy(at time.Duration) {
	if q.polling && q.pollAt <= at {
		return
	}
	q.polling, q.pollAt = true, at
	q.w.s.after(at-q.w.s.now+q.w.between(time.Millisecond, 60*time.Millisecond), func() {
		if q.polling && q.pollAt == at {
			q.polling = false
			q.poll()
		}
	})
}

// poll gives what is visible to the retrier, in any order.
func (q *sqs) poll() {
	w := q.w
	var ready []*message
	next := time.Duration(-1)
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return m.gone })
	for _, m := range q.messages {
		switch {
		case m.visible <= w.s.now:
			ready = append(ready, m)
		case next < 0 || m.visible < next:
			next = m.visible
		}
	}
	w.rng.Shuffle(len(ready), func(i, j int) { ready[i], ready[j] = ready[j], ready[i] })
	for len(ready) > 0 {
		if w.retrier.running >= w.plan.concurrency {
			next = w.s.now + 200*time.Millisecond
			break
		}
		n := min(len(ready), w.number(1, sqsBatch))
		q.receive(ready[:n])
		ready = ready[n:]
	}
	if next >= 0 {
		q.pollBy(next)
	}
}

// receive hides messages and has the retrier handle them.
func (q *sqs) receive(ms []*message) {
	w := q.w
	var batch []*message
	for _, m := range ms {
		m.receives++
		if m.receives > maxReceives || w.s.now-m.sent > retention {
			w.note("DEAD LETTER", m.body, "")
			m.gone = true
			q.dead = append(q.dead, m)
			continue
		}
		m.visible = w.s.now + visibility
		if w.stormy && w.chance(w.plan.duplicate) { // no promise against being received twice
			m.visible = w.s.now + w.between(0, 2*time.Second)
		}
		batch = append(batch, m)
	}
	for _, m := range batch {
		q.pollBy(m.visible)
	}
	if len(batch) == 0 {
		return
	}
	q.invoke(batch, func(why string, answer []byte) {
		if w.stormy && w.chance(w.plan.answerLost) {
			w.stats.Faults++
			w.note("FAULT answer of function lost", "retrier", "")
			return
		}
		if why == "" && answer != nil {
			q.acknowledge(batch, answer)
		}
	})
}

// invoke has the retrier handle a batch.
func (q *sqs) invoke(batch []*message, done func(why string, answer []byte)) {
	var in events.SQSEvent
	chain := 0
	for _, m := range batch {
		chain = max(chain, m.chain)
		in.Records = append(in.Records, events.SQSMessage{MessageId: m.id, Body: m.body})
	}
	event, err := json.Marshal(in)
	if err != nil {
		panic(err)
	}
	if q.w.plan.endLoops && chain > longestChain {
		q.w.meter.looped()
		done("taken for a loop", nil)
		return
	}
	var answer []byte
	q.w.invoke(q.w.retrier, func(ctx context.Context, e *env) {
		e.chain = chain
		answer = q.w.serve(ctx, e, event, func(ctx context.Context, event []byte) (any, []slog.Attr, error) {
			return lambdarun.QueueEvent(ctx, event, e.engine.Receive)
		})
	}, func(why string) { done(why, answer) })
}

// chain is how many invocations by messages the task that runs is the last of.
func (w *world) chain() int {
	if t := w.s.cur; t != nil && t.env != nil && t.env.fn == w.retrier {
		return t.env.chain + 1
	}
	return 0
}

// acknowledge deletes what the function did not report as failed.
func (q *sqs) acknowledge(batch []*message, answer []byte) {
	failed, all := failedItems(answer)
	for _, m := range batch {
		if all || failed[m.id] {
			continue
		}
		m.gone = true
	}
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return m.gone })
}

// failedItems reads the answer of a function as AWS does: without a list everything succeeded, with an empty identifier
// in it everything failed.
func failedItems(answer []byte) (ids map[string]bool, all bool) {
	var out struct {
		BatchItemFailures []struct {
			ItemIdentifier string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if json.Unmarshal(answer, &out) != nil {
		return nil, true
	}
	ids = map[string]bool{}
	for _, f := range out.BatchItemFailures {
		if f.ItemIdentifier == "" {
			return nil, true
		}
		ids[f.ItemIdentifier] = true
	}
	return ids, false
}

// deadLetters is the dead-letter queue. It implements portal.DeadLetters.
type deadLetters Runner

// Redrive puts messages back under new ids. One may be stored here and there when the answer is lost.
func (d *deadLetters) Redrive(_ context.Context, most int, _ time.Duration) (moved int, err error) {
	q := d.queue
	for len(q.dead) > 0 && moved < most {
		put := func() error {
			if len(q.dead) > 0 {
				q.put(q.dead[0].body, q.dead[0].group, 0)
			}
			return nil
		}
		if err := d.w.call(sqsService, "Redrive", "", put, nil); err != nil {
			return moved, err
		}
		if len(q.dead) > 0 {
			q.dead = q.dead[1:]
		}
		moved++
	}
	return moved, nil
}

// Count implements portal.DeadLetters.
func (d *deadLetters) Count(context.Context) (n int, err error) {
	err = d.w.call(sqsService, "Count", "", func() error { n = len(d.queue.dead); return nil }, nil)
	return n, err
}

// empty tells whether nothing is left.
func (q *sqs) empty() bool {
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return m.gone })
	return len(q.messages) == 0 && len(q.dead) == 0 && (q.fair == nil || q.fair.left == 0)
}
