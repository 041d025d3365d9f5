package awscfg

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// wholeAnswers reads every answer to its end and repeats a request whose answer was cut in the middle, or is not the one
// that DynamoDB made a checksum of. The SDK would only log the latter and give up on the former. All answers fit in memory:
// the largest are objects of S3, batches of records of a few megabytes.
func wholeAnswers(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("WholeAnswers", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		if err != nil {
			return out, metadata, err
		}
		resp, ok := out.RawResponse.(*smithyhttp.Response)
		if !ok {
			return out, metadata, fmt.Errorf("an answer is a %T", out.RawResponse)
		}
		body, err := readAll(resp.Response)
		if err == nil {
			err = check(body, resp.Header.Get("X-Amz-Crc32"))
		}
		resp.Body = io.NopCloser(bytes.NewReader(body))
		if err != nil {
			return out, metadata, brokenAnswer{err}
		}
		return out, metadata, nil
	}), middleware.After)
}

// check compares a body with its checksum in decimal; an answer that did not come from DynamoDB itself has none.
func check(body []byte, sum string) error {
	if have := strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10); sum != "" && have != sum {
		return fmt.Errorf("the checksum is %s, not %s", have, sum)
	}
	return nil
}

// brokenAnswer tells the SDK's retryer that another try may succeed.
type brokenAnswer struct{ error }

func (e brokenAnswer) Unwrap() error { return e.error }

// RetryableError is what the retryer looks for.
func (e brokenAnswer) RetryableError() bool { return true }
