// Package queue is the delivery queue on SQS. It satisfies the queues that the packages delivery and portal ask for;
// their comments are the contract.
package queue

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

const (
	// batchLimit is the most messages of one SendMessageBatch, a limit of SQS.
	batchLimit = 10
	// maxDelay is the longest delay of one message, a limit of SQS.
	maxDelay = 900 * time.Second
	// tries is how often the entries of a batch that SQS refused are sent in all. A request that fails whole is the
	// SDK's to repeat.
	tries = 4
	// firstPause is the pause before the second try; it doubles.
	firstPause = 50 * time.Millisecond
)

// Queue is a standard SQS queue. It is safe for concurrent use.
type Queue struct {
	client *sqs.Client
	url    string
	gather gather
}

// New returns the Queue at url.
func New(client *sqs.Client, url string) *Queue { return &Queue{client: client, url: url} }

// Send implements delivery.Queue and portal.Queue with SendMessageBatch: at most one for each ten messages, and fewer if
// others send at the same time, since their messages go together. What becomes of theirs is no part of the error. If ctx
// ends before all is known, Send returns, and the messages may still be sent.
func (q *Queue) Send(ctx context.Context, ms ...webhook.Message) error {
	if len(ms) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return webhook.Wrap(webhook.Unavailable, err, "the time for sending is over")
	}
	entries := make([]types.SendMessageBatchRequestEntry, len(ms))
	for i, m := range ms {
		body, err := Encode(m)
		if err != nil {
			return err
		}
		entries[i] = types.SendMessageBatchRequestEntry{
			MessageBody: aws.String(body), DelaySeconds: DelaySeconds(m.Delay), MessageGroupId: aws.String(m.Group()),
		}
	}
	return q.join(ctx, entries)
}

// sendBatch sends at most ten entries, until SQS has taken all of them or the tries are used up, and returns an error for
// each. What is at fault by itself (SQS calls it the sender's) is not sent again, and its error is Internal: whoever
// repeats what is Unavailable would do so for ever.
func (q *Queue) sendBatch(ctx context.Context, entries []types.SendMessageBatchRequestEntry) []error {
	errs := make([]error, len(entries))
	var left []int
	for i := range entries {
		entries[i].Id = aws.String(strconv.Itoa(i))
		left = append(left, i)
	}
	fail := func(err error) []error {
		for _, i := range left {
			errs[i] = err
		}
		return errs
	}
	for try := range tries {
		if try > 0 {
			if err := pause(ctx, firstPause<<(try-1)); err != nil {
				return fail(err)
			}
		}
		ask := make([]types.SendMessageBatchRequestEntry, len(left))
		for n, i := range left {
			ask[n] = entries[i]
		}
		r, err := q.client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: aws.String(q.url), Entries: ask})
		if err != nil {
			return fail(webhook.Wrap(webhook.Unavailable, err, "the delivery queue did not answer"))
		}
		// An entry that the answer does not name as stored counts as refused.
		done := map[string]bool{}
		for _, s := range r.Successful {
			done[aws.ToString(s.Id)] = true
		}
		faults := map[string]error{}
		for _, f := range r.Failed {
			id := aws.ToString(f.Id)
			if done[id] = f.SenderFault; f.SenderFault {
				cause := fmt.Errorf("%s: %s", aws.ToString(f.Code), aws.ToString(f.Message))
				faults[id] = webhook.Wrap(webhook.Internal, cause, "the delivery queue takes no such message")
			}
		}
		left = slices.DeleteFunc(left, func(i int) bool {
			id := *entries[i].Id
			errs[i] = faults[id]
			return done[id]
		})
		if len(left) == 0 {
			return errs
		}
	}
	return fail(webhook.Errorf(webhook.Unavailable, "the delivery queue refused a message"))
}

// Waiting implements delivery.Queue with one GetQueueAttributes.
func (q *Queue) Waiting(ctx context.Context) (int, error) { return waiting(ctx, q.client, q.url) }

func waiting(ctx context.Context, client *sqs.Client, url string) (int, error) {
	const name = types.QueueAttributeNameApproximateNumberOfMessages
	r, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: aws.String(url), AttributeNames: []types.QueueAttributeName{name},
	})
	if err != nil {
		return 0, webhook.Wrap(webhook.Unavailable, err, "a queue did not answer")
	}
	n, err := strconv.Atoi(r.Attributes[string(name)])
	return n, webhook.Wrap(webhook.Unavailable, err, "a queue did not tell its length")
}

// DelaySeconds rounds up: a message must not come before its time.
func DelaySeconds(d time.Duration) int32 {
	d = min(max(d, 0), maxDelay)
	return int32((d + time.Second - 1) / time.Second)
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return webhook.Wrap(webhook.Unavailable, ctx.Err(), "the delivery queue was busy")
	}
}
