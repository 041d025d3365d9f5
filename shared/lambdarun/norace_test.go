//go:build !race

package lambdarun

import (
	"io"
	"log/slog"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// TestLineAllocates what slog allocates itself, and nothing for metrics and ids. The race detector empties pools at random.
func TestLineAllocates(t *testing.T) {
	attrs := attempt("delivered", "", slog.Int64("ageMs", 1234), slog.String("partnerId", "p"), slog.String("webhookId", "w"), slog.Int("attempt", 1))
	plain, ours := slog.New(slog.NewJSONHandler(io.Discard, nil)), NewLogger(io.Discard, "dispatcher")
	ctx, _ := begin(lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "req-1"}))
	ours.LogAttrs(ctx, slog.LevelInfo, "x", attrs...)
	allocs := func(log *slog.Logger) float64 {
		return testing.AllocsPerRun(100, func() { log.LogAttrs(ctx, slog.LevelInfo, "x", attrs...) })
	}
	if a, b := allocs(plain), allocs(ours); a != b {
		t.Errorf("a line takes %v allocations, without metrics and ids %v", b, a)
	}
}
