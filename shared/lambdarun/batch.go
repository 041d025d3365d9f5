package lambdarun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"

	"github.com/aws/aws-lambda-go/events"

	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/queue"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Stream runs f on the records of each DynamoDB stream event and never returns. f returns one error per record; the
// lowest sequence number of those that failed is reported, and the stream starts again from there.
func Stream(log *slog.Logger, f func(ctx context.Context, records [][]byte) []error) {
	Start(log, func(ctx context.Context, event []byte) (any, []slog.Attr, error) {
		return StreamEvent(ctx, event, f)
	})
}

// StreamEvent is one invocation of Stream: it returns the answer and attributes for the log. The records are parts of the
// event, whose memory aws-lambda-go uses again for the next one: f must not keep them.
func StreamEvent(ctx context.Context, event []byte, f func(context.Context, [][]byte) []error) (any, []slog.Attr, error) {
	records, err := payload.Records(event)
	if err != nil {
		return nil, nil, fmt.Errorf("not a stream event: %w", err)
	}
	errs := f(ctx, records)
	attrs := batchAttrs(ctx, len(records), errs)
	var lowest *big.Int
	var identifier string
	for i, err := range errs {
		if err == nil {
			continue
		}
		seq, _ := payload.SequenceNumber(records[i])
		n, ok := new(big.Int).SetString(seq, 10)
		if !ok {
			// Without its number a failed record can't be reported by itself; the whole batch comes again.
			return nil, attrs, fmt.Errorf("a record without a sequence number failed: %w", err)
		}
		if lowest == nil || n.Cmp(lowest) < 0 {
			lowest, identifier = n, seq
		}
	}
	out := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
	if lowest != nil {
		out.BatchItemFailures = append(out.BatchItemFailures, events.DynamoDBBatchItemFailure{ItemIdentifier: identifier})
	}
	return out, attrs, nil
}

// Queue runs f on the messages of each SQS event and never returns. f returns one error per message; failed messages
// stay on the queue. A message that can't be decoded fails, and ends in the dead-letter queue.
func Queue(log *slog.Logger, f func(ctx context.Context, ms []webhook.Message) []error) {
	Start(log, func(ctx context.Context, event []byte) (any, []slog.Attr, error) {
		return QueueEvent(ctx, event, f)
	})
}

// QueueEvent is one invocation of Queue: it returns the answer and attributes for the log.
func QueueEvent(ctx context.Context, event []byte, f func(context.Context, []webhook.Message) []error) (any, []slog.Attr, error) {
	var in events.SQSEvent
	if err := json.Unmarshal(event, &in); err != nil {
		return nil, nil, fmt.Errorf("not an SQS event: %w", err)
	}
	out := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	var ms []webhook.Message
	var ids []string
	var all []error
	for _, r := range in.Records {
		m, err := queue.Decode(r.Body)
		if err != nil {
			out.BatchItemFailures = append(out.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: r.MessageId})
			all = append(all, err)
			continue
		}
		ms, ids = append(ms, m), append(ids, r.MessageId)
	}
	if len(ms) > 0 {
		for i, err := range f(ctx, ms) {
			if err != nil {
				out.BatchItemFailures = append(out.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: ids[i]})
				all = append(all, err)
			}
		}
	}
	return out, batchAttrs(ctx, len(in.Records), all), nil
}

// batchAttrs describes a batch for the log: how many items, how many failed, and why. Each failure counts as a fault.
func batchAttrs(ctx context.Context, n int, errs []error) []slog.Attr {
	failed := 0
	for _, err := range errs {
		if err != nil {
			failed++
			fault(ctx, err)
		}
	}
	attrs := []slog.Attr{slog.Int("items", n), slog.Int("failed", failed)}
	if err := errors.Join(errs...); err != nil {
		attrs = append(attrs, slog.String("failures", err.Error()))
	}
	return attrs
}
