package main

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/cr3dentials/verification-webhooks/localstack/bench/stub"
)

// lane is one line of a stream's records into one dispatcher process: one batch at a time, of what has arrived, up to a
// hundred records. A batch that failed begins again at the record that the answer names.
type lane struct {
	f *function

	mu    sync.Mutex
	ready chan struct{}
	queue [][]byte
}

func newLane(f *function) *lane { return &lane{f: f, ready: make(chan struct{}, 1)} }

// put appends a record.
func (l *lane) put(record []byte) {
	l.mu.Lock()
	l.queue = append(l.queue, record)
	l.mu.Unlock()
	select {
	case l.ready <- struct{}{}:
	default:
	}
}

// run works until ctx ends.
func (l *lane) run(ctx context.Context) error {
	for {
		l.mu.Lock()
		batch := l.queue[:min(len(l.queue), batchSize)]
		l.mu.Unlock()
		if len(batch) == 0 {
			select {
			case <-l.ready:
				continue
			case <-ctx.Done():
				return nil
			}
		}
		i, err := l.f.invoke(ctx, streamEvent(batch...), functionTimeout)
		done := 0
		if err == nil {
			done, err = handled(batch, i.answer)
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
		l.mu.Lock()
		l.queue = l.queue[done:]
		l.mu.Unlock()
		if done < len(batch) {
			time.Sleep(100 * time.Millisecond) // Lambda, too, pauses before it repeats
		}
	}
}

// handled tells how many records of a batch, from its beginning, an answer says are done.
func handled(batch [][]byte, answer []byte) (int, error) {
	var out events.DynamoDBEventResponse
	if err := json.Unmarshal(answer, &out); err != nil {
		return 0, err
	}
	if len(out.BatchItemFailures) == 0 {
		return len(batch), nil
	}
	for i, raw := range batch {
		if decoded(raw).Event.Sequence == out.BatchItemFailures[0].ItemIdentifier {
			return i, nil
		}
	}
	return 0, nil
}

// queueSource is Lambda's event source of the delivery queue: batches of up to ten messages, each to a process that is
// free, as many processes as are needed and at most some number. Lambda itself grows by some each minute; this one does
// so at once.
type queueSource struct {
	world *world
	most  int

	mu       sync.Mutex
	free     []*function
	started  int
	failures []error
	working  sync.WaitGroup
}

const (
	queueBatch = 10
	// queuePoll is the pause of the poller when it found nothing. Lambda's long polling has none.
	queuePoll = 5 * time.Millisecond
)

// run polls until ctx ends, then waits for what is under way and ends the processes.
func (q *queueSource) run(ctx context.Context) error {
	for ctx.Err() == nil {
		ms := []stub.Message(nil)
		if f, err := q.take(ctx); err != nil {
			return err
		} else if f != nil {
			if ms = q.world.services.Receive(deliveryQueue, time.Now(), queueBatch); len(ms) > 0 {
				q.working.Go(func() { q.work(ctx, f, ms) })
			} else {
				q.give(f)
			}
		}
		if len(ms) == 0 {
			time.Sleep(queuePoll)
		}
	}
	q.working.Wait()
	for _, f := range q.free {
		f.stop()
	}
	if len(q.failures) > 0 {
		return q.failures[0]
	}
	return nil
}

// take returns a free process, nil if there can be none now. It starts one only if a message waits.
func (q *queueSource) take(ctx context.Context) (*function, error) {
	q.mu.Lock()
	if n := len(q.free); n > 0 {
		f := q.free[n-1]
		q.free = q.free[:n-1]
		q.mu.Unlock()
		return f, nil
	}
	ready, _, _ := q.world.services.Waiting(deliveryQueue)
	start := q.started < q.most && ready > 0
	if start {
		q.started++
	}
	q.mu.Unlock()
	if !start {
		return nil, nil //nolint:nilnil // there is none
	}
	return q.world.function(ctx, "retrier")
}

func (q *queueSource) give(f *function) {
	q.mu.Lock()
	q.free = append(q.free, f)
	q.mu.Unlock()
}

func (q *queueSource) work(ctx context.Context, f *function, ms []stub.Message) {
	defer q.give(f)
	i, err := f.invoke(ctx, queueEvent(ms), functionTimeout)
	var out events.SQSEventResponse
	if err == nil {
		err = json.Unmarshal(i.answer, &out)
	}
	if err != nil {
		if ctx.Err() == nil {
			q.mu.Lock()
			q.failures = append(q.failures, err)
			q.mu.Unlock()
		}
		return
	}
	failed := map[string]bool{}
	for _, x := range out.BatchItemFailures {
		failed[x.ItemIdentifier] = true
	}
	var done []string
	for _, m := range ms {
		if !failed[m.ID] {
			done = append(done, m.ID)
		}
	}
	q.world.services.Delete(deliveryQueue, done...)
}

// queueEvent is what Lambda hands to a function for some messages.
func queueEvent(ms []stub.Message) []byte {
	var e events.SQSEvent
	for _, m := range ms {
		e.Records = append(e.Records, events.SQSMessage{
			MessageId: m.ID, ReceiptHandle: m.ID, Body: m.Body, EventSource: "aws:sqs", AWSRegion: "us-east-1",
			EventSourceARN: "arn:aws:sqs:us-east-1:000000000000:" + deliveryQueue,
			Attributes: map[string]string{
				"ApproximateReceiveCount": "1", "MessageGroupId": m.GroupID,
				"SentTimestamp": strconv.FormatInt(m.SentAt.UnixMilli(), 10),
			},
		})
	}
	b, err := json.Marshal(e)
	if err != nil {
		panic(err) // strings
	}
	return b
}
