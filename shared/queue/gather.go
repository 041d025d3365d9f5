package queue

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

const (
	// eager is how many batches may be under way when one goes that is not full. The second is there for the case that
	// the first one hangs.
	eager = 2
	// maxBatches is how many batches are under way at most.
	maxBatches = 8
	// batchTime bounds one batch with all its tries, since none of its senders' contexts does.
	batchTime = 25 * time.Second
)

// gather holds messages that wait for their batch, in the order in which they came. A message goes at once if fewer than
// eager batches are under way; otherwise with the next full batch, or when one of those under way has ended. There is no
// timer: alone, nobody waits.
type gather struct {
	mu      sync.Mutex
	waiting []waitingEntry
	under   int // batches under way
}

type waitingEntry struct {
	entry types.SendMessageBatchRequestEntry
	send  *send
}

// send is one call of Send.
type send struct {
	ctx  context.Context
	left int // entries whose fate is not known
	err  error
	done chan struct{} // closed when left is 0
}

// join hands entries over to the next batches and waits for their fate, or for the end of ctx.
func (q *Queue) join(ctx context.Context, entries []types.SendMessageBatchRequestEntry) error {
	s := &send{ctx: ctx, left: len(entries), done: make(chan struct{})}
	g := &q.gather
	g.mu.Lock()
	for _, e := range entries {
		g.waiting = append(g.waiting, waitingEntry{e, s})
	}
	q.start()
	g.mu.Unlock()
	select {
	case <-s.done:
		return s.err
	case <-ctx.Done():
		return webhook.Wrap(webhook.Unavailable, ctx.Err(), "the delivery queue was too slow")
	}
}

// start lets the batches go that may. The caller holds the lock.
func (q *Queue) start() {
	g := &q.gather
	for len(g.waiting) > 0 && (g.under < eager || g.under < maxBatches && len(g.waiting) >= batchLimit) {
		n := min(batchLimit, len(g.waiting))
		batch := slices.Clone(g.waiting[:n])
		g.waiting = slices.Delete(g.waiting, 0, n)
		g.under++
		go q.sendGathered(batch)
	}
}

// sendGathered sends a batch and tells everybody who has messages in it. Its context is nobody's: one sender's end is not
// the others'.
func (q *Queue) sendGathered(batch []waitingEntry) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(batch[0].send.ctx), batchTime)
	defer cancel()
	entries := make([]types.SendMessageBatchRequestEntry, len(batch))
	for i, w := range batch {
		entries[i] = w.entry
	}
	errs := q.sendBatch(ctx, entries)
	g := &q.gather
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, w := range batch {
		w.send.end(errs[i])
	}
	g.under--
	q.start()
}

// end notes the fate of one entry.
func (s *send) end(err error) {
	s.err = worst(s.err, err)
	if s.left--; s.left == 0 {
		close(s.done)
	}
}

// worst returns the error that outweighs the others: that a message will never be taken.
func worst(errs ...error) error {
	var all error
	for _, err := range errs {
		if all == nil || webhook.CodeOf(err) == webhook.Internal {
			all = err
		}
	}
	return all
}
