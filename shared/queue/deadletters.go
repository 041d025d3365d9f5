package queue

import (
	"context"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

const (
	// moveTime is how long a message that is being moved stays hidden from others; moving ten takes much less.
	moveTime = 60 * time.Second
	// emptyReceives is how many receives in a row must bring nothing before the queue counts as empty: one may miss.
	emptyReceives = 2
	// receiveWait makes a receive ask all of the queue's servers.
	receiveWait = time.Second
)

// DeadLetters is the dead-letter queue of a Queue. It is safe for concurrent use.
type DeadLetters struct {
	client *sqs.Client
	url    string
	to     *Queue
}

// NewDeadLetters returns the dead-letter queue at url of the queue to.
func NewDeadLetters(client *sqs.Client, url string, to *Queue) *DeadLetters {
	return &DeadLetters{client: client, url: url, to: to}
}

// Redrive implements portal.DeadLetters. Each message is sent before it is deleted: if this ends in between, it is in
// both queues, and being handled twice does no harm. Messages that nobody here can read are moved as they are; a newer
// version may read them.
func (d *DeadLetters) Redrive(ctx context.Context, most int, during time.Duration) (moved int, err error) {
	until := time.Now().Add(during)
	for empty := 0; moved < most && empty < emptyReceives && time.Now().Before(until); {
		r, err := d.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: aws.String(d.url), MaxNumberOfMessages: int32(min(most-moved, batchLimit)),
			VisibilityTimeout: int32(moveTime / time.Second), WaitTimeSeconds: int32(receiveWait / time.Second),
		})
		if err != nil {
			return moved, webhook.Wrap(webhook.Unavailable, err, "the dead-letter queue did not answer")
		}
		if len(r.Messages) == 0 {
			empty++
			continue
		}
		empty = 0
		if err := d.move(ctx, r.Messages); err != nil {
			return moved, err
		}
		moved += len(r.Messages)
	}
	return moved, nil
}

func (d *DeadLetters) move(ctx context.Context, ms []types.Message) error {
	send := make([]types.SendMessageBatchRequestEntry, len(ms))
	remove := make([]types.DeleteMessageBatchRequestEntry, len(ms))
	for i, m := range ms {
		id, body := aws.String(strconv.Itoa(i)), aws.ToString(m.Body)
		from := "unreadable"
		if decoded, err := Decode(body); err == nil {
			from = decoded.Group()
		}
		send[i] = types.SendMessageBatchRequestEntry{MessageBody: aws.String(body), MessageGroupId: aws.String(from)}
		remove[i] = types.DeleteMessageBatchRequestEntry{Id: id, ReceiptHandle: m.ReceiptHandle}
	}
	if err := worst(d.to.sendBatch(ctx, send)...); err != nil {
		return err
	}
	r, err := d.client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: aws.String(d.url), Entries: remove})
	if err == nil && len(r.Failed) > 0 {
		err = webhook.Errorf(webhook.Unavailable, "%d messages were not deleted", len(r.Failed))
	}
	return webhook.Wrap(webhook.Unavailable, err, "messages were put back on the delivery queue and stayed in the dead-letter queue too")
}

// Count implements portal.DeadLetters with one GetQueueAttributes: about how many messages there are, those that are
// being moved left out.
func (d *DeadLetters) Count(ctx context.Context) (int, error) { return waiting(ctx, d.client, d.url) }
