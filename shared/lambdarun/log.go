package lambdarun

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/cr3dentials/verification-webhooks/shared/env"
)

// Logger returns the log of a function, such as "dispatcher": one JSON object a line on standard output, which Lambda
// collects.
func Logger(function string) *slog.Logger { return NewLogger(os.Stdout, function) }

// NewLogger is Logger for another place than standard output. What is logged with the context of an invocation carries
// the invocation's ids, and is counted for its metrics.
func NewLogger(w io.Writer, function string) *slog.Logger {
	out := slog.NewJSONHandler(w, nil).WithAttrs([]slog.Attr{
		slog.String("function", function), slog.String("stage", os.Getenv(env.Stage)),
	})
	return slog.New(&lines{out: out})
}

// lines is the slog.Handler of a function.
type lines struct{ out slog.Handler }

// Enabled implements slog.Handler.
func (l *lines) Enabled(ctx context.Context, level slog.Level) bool { return l.out.Enabled(ctx, level) }

// Handle implements slog.Handler. It takes no memory beyond what out takes, but for an invocation's first line.
func (l *lines) Handle(ctx context.Context, r slog.Record) error {
	i := invocationOf(ctx)
	if i == nil {
		return l.out.Handle(ctx, r)
	}
	i.count(r)
	return i.lines(l).Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (l *lines) WithAttrs(attrs []slog.Attr) slog.Handler { return &lines{l.out.WithAttrs(attrs)} }

// WithGroup implements slog.Handler.
func (l *lines) WithGroup(name string) slog.Handler { return &lines{l.out.WithGroup(name)} }

// invocation is what the log knows of the one under way. It is safe for concurrent use: attempts log at once.
type invocation struct {
	ids  []slog.Attr
	once sync.Once
	// from is the handler of the first line, out the same with the ids.
	from *lines
	out  slog.Handler

	mu     sync.Mutex
	counts map[counted]float64
}

type invocationKey struct{}

// begin returns a context whose lines are those of the invocation that ctx is of.
func begin(ctx context.Context) (context.Context, *invocation) {
	i := &invocation{}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		i.ids = append(i.ids, slog.String("requestId", lc.AwsRequestID))
	}
	if id := traceID(ctx); id != "" {
		i.ids = append(i.ids, slog.String("xrayTraceId", id))
	}
	return context.WithValue(ctx, invocationKey{}, i), i
}

func invocationOf(ctx context.Context) *invocation {
	i, _ := ctx.Value(invocationKey{}).(*invocation)
	return i
}

// lines returns the handler that writes l's lines with the invocation's ids. A function has one log, so that its ids are
// formatted once; another log's lines take a little more.
func (i *invocation) lines(l *lines) slog.Handler {
	i.once.Do(func() { i.from, i.out = l, l.out.WithAttrs(i.ids) })
	if i.from == l {
		return i.out
	}
	return l.out.WithAttrs(i.ids)
}

// traceID returns the id of the trace that X-Ray keeps of the invocation that ctx is of; empty if it keeps none, since it
// takes samples. Lambda tells it in the form of the header X-Amzn-Trace-Id.
func traceID(ctx context.Context) string {
	header, _ := ctx.Value("x-amzn-trace-id").(string)
	if !strings.Contains(header, "Sampled=1") {
		return ""
	}
	for part := range strings.SplitSeq(header, ";") {
		if id, ok := strings.CutPrefix(part, "Root="); ok {
			return id
		}
	}
	return ""
}
