// Package lambdarun runs plain functions as AWS Lambda functions; its sub-package gateway does so with http.Handlers.
package lambdarun

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/cr3dentials/verification-webhooks/shared/env"
)

// Logger returns the log of a function: one JSON object a line on standard output, which Lambda collects.
func Logger() *slog.Logger { return newLogger(os.Stdout) }

func newLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, nil)).With("function", lambdacontext.FunctionName, "stage", os.Getenv(env.Stage))
}

// Invocation is what a kind of function makes of one event: its answer, and attributes for the log.
type Invocation func(ctx context.Context, event []byte) (answer any, attrs []slog.Attr, err error)

// handler implements lambda.Handler around an Invocation: one wide log event each.
type handler struct {
	log    *slog.Logger
	invoke Invocation
}

// Invoke implements lambda.Handler.
func (h handler) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	start := time.Now()
	answer, attrs, err := h.invoke(ctx, event)
	level := slog.LevelInfo
	attrs = append(attrs, slog.String("event", "invocation"), slog.Int64("durationMs", time.Since(start).Milliseconds()))
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		attrs = append(attrs, slog.String("requestId", lc.AwsRequestID))
	}
	if err != nil {
		level = slog.LevelError
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	h.log.LogAttrs(ctx, level, "invocation", attrs...)
	if err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}

// Start runs f on each event and never returns. It writes one line of the log for each, with the attributes that f returns.
func Start(log *slog.Logger, f Invocation) {
	tuneCollector()
	lambda.Start(handler{log: log, invoke: f})
}

// Schedule runs f at each scheduled event and never returns. f's answer is logged.
func Schedule[T any](log *slog.Logger, f func(ctx context.Context) (T, error)) {
	Start(log, func(ctx context.Context, _ []byte) (any, []slog.Attr, error) {
		out, err := f(ctx)
		return nil, []slog.Attr{slog.Any("result", out)}, err
	})
}
