package dynamo

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// classify gives an error of the SDK its code. A refused condition, and a transaction that met another one, are
// Conflict. A request that can never be right is Internal. Everything else (throttling, a time-out, a broken
// connection, a fault of the service, a permission not granted yet) may go by, and a write may have become real.
func classify(err error) error {
	if err == nil {
		return nil
	}
	var condition *types.ConditionalCheckFailedException
	var conflict *types.TransactionConflictException
	var cancelled *types.TransactionCanceledException
	var api smithy.APIError
	switch {
	case errors.As(err, &condition), errors.As(err, &conflict):
		return webhook.Wrap(webhook.Conflict, err, "it was changed by another request")
	case errors.As(err, &cancelled):
		return webhook.Wrap(cancelledCode(cancelled), err, "the transaction was refused")
	case errors.As(err, &api):
		switch api.ErrorCode() {
		case "ValidationException", "IdempotentParameterMismatchException", "ItemCollectionSizeLimitExceededException":
			return webhook.Wrap(webhook.Internal, err, "the table refused the request")
		}
	}
	return webhook.Wrap(webhook.Unavailable, err, "the table did not answer")
}

// classifyCode returns the code that classify gives err.
func classifyCode(err error) webhook.Code { return webhook.CodeOf(classify(err)) }

// cancelledCode judges a cancelled transaction by the worst of its reasons.
func cancelledCode(e *types.TransactionCanceledException) webhook.Code {
	code := webhook.Unavailable
	for _, r := range e.CancellationReasons {
		switch reasonCode(r) {
		case reasonCondition, "TransactionConflict":
			code = webhook.Conflict
		case "ValidationError", "ItemCollectionSizeLimitExceeded":
			return webhook.Internal
		}
	}
	return code
}

const reasonCondition = "ConditionalCheckFailed"

func reasonCode(r types.CancellationReason) string {
	if r.Code == nil {
		return ""
	}
	return *r.Code
}
