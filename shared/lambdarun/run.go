// Package lambdarun runs plain functions as AWS Lambda functions; its sub-package gateway does so with http.Handlers.
package lambdarun

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/cr3dentials/verification-webhooks/shared/env"
)

// Invocation is what a kind of function makes of one event: its answer, and attributes for the log.
type Invocation func(ctx context.Context, event []byte) (answer any, attrs []slog.Attr, err error)

// handler implements lambda.Handler around an Invocation: one wide log event each, with its metrics.
type handler struct {
	log        *slog.Logger
	deployment string
	invoke     Invocation
}

// Handler returns the lambda.Handler that Start runs.
func Handler(log *slog.Logger, f Invocation) lambda.Handler {
	return handler{log: log, deployment: os.Getenv(env.Deployment), invoke: f}
}

// Invoke implements lambda.Handler.
func (h handler) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	start := time.Now()
	ctx, i := begin(ctx)
	answer, attrs, err := h.invoke(ctx, event)
	now := time.Now()
	level := slog.LevelInfo
	attrs = append(attrs, slog.String("event", "invocation"), slog.Int64("durationMs", now.Sub(start).Milliseconds()))
	if err != nil {
		level = slog.LevelError
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	metrics := i.metrics(h.deployment, now)
	if len(metrics) > 0 {
		attrs = append(attrs, metrics[0]...)
		metrics = metrics[1:]
	}
	h.log.LogAttrs(ctx, level, "invocation", attrs...)
	for _, m := range metrics {
		h.log.LogAttrs(ctx, slog.LevelInfo, "metrics", append(m, slog.String("event", "invocation.cause"))...)
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}

// Start runs f on each event and never returns. It writes one line of the log for each, with the attributes that f returns.
func Start(log *slog.Logger, f Invocation) {
	tuneCollector()
	lambda.Start(Handler(log, f))
}

// Schedule runs f at each scheduled event and never returns. f's answer is logged.
func Schedule[T any](log *slog.Logger, f func(ctx context.Context) (T, error)) {
	Start(log, func(ctx context.Context, _ []byte) (any, []slog.Attr, error) {
		out, err := f(ctx)
		return nil, []slog.Attr{slog.Any("result", out)}, err
	})
}
