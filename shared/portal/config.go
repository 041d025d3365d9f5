// Package portal is the HTTP side of the product: the partners' API, the administration and the console's page. It
// decides who may see and change what; how things are stored and sent is behind the ports of ports.go.
package portal

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/delivery"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// MaxBody is the largest request body in bytes; a larger one is answered 413.
const MaxBody = 64 << 10

// Config is what the portal function needs. Every field but Version, FrameAncestors, Each and Sleep is required.
type Config struct {
	Store  Store
	Vault  Vault
	Queue  Queue
	Sender Sender
	URLs   URLChecker
	// Verifications reads records for previews of templates.
	Verifications Verifications
	// Now is the clock.
	Now func() time.Time
	// Rand is a cryptographic source.
	Rand io.Reader
	Log  *slog.Logger
	// Version is the product's version, as the OpenAPI document shows it.
	Version string
	// FrameAncestors are the origins whose pages may embed the console.
	FrameAncestors []string
	// Each is what runs things concurrently; nil means delivery.Each.
	Each func(n, limit int, f func(i int))
	// Sleep waits between two tries of a write, until ctx ends at most; nil means a timer.
	Sleep func(ctx context.Context, d time.Duration)
}

func (c Config) withDefaults() Config {
	if c.Each == nil {
		c.Each = delivery.Each
	}
	if c.Sleep == nil {
		c.Sleep = sleep
	}
	return c
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// New returns the partners' API and the console's page. It is safe for concurrent use if the ports are.
func New(c Config) http.Handler { return newPortal(c.withDefaults()).front }

// AdminConfig is what the admin function needs. Every field but ConsoleURL and Version is required.
type AdminConfig struct {
	Store       Store
	Parked      Parked
	DeadLetters DeadLetters
	Queue       Queue
	// Vault seals the positions of lists.
	Vault Vault
	Now   func() time.Time
	Rand  io.Reader
	Log   *slog.Logger
	// ConsoleURL is the console's address; if it is empty, the console is below the Caller's BaseURL.
	ConsoleURL string
	Version    string
}

// NewAdmin returns the administration below /admin. It refuses whoever comes without an IAM identity (see Caller),
// unless it was built with the tag `local`.
func NewAdmin(c AdminConfig) http.Handler { return newAdmin(c).front }

// Caller is what the gateway knows of a request. Whoever runs a handler puts it into the request's context.
type Caller struct {
	// IAMUserARN is the identity that the gateway authenticated; empty if none.
	IAMUserARN string
	RequestID  string
	// BaseURL is the API's address with its stage, without a slash at the end.
	BaseURL string
}

type callerKey struct{}

// WithCaller returns a context that carries c.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerFrom returns the Caller that ctx carries, the zero Caller if none.
func CallerFrom(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// call is what is known of one request while it is handled. It belongs to the request's goroutine.
type call struct {
	route     string
	path      string
	partnerID string
	keyID     string
	body      []byte
	code      webhook.Code
	// What the request is about, for the log: only what has the form of an id, since a path may hold anything.
	webhookID, deliveryID, jobID, parkedID, verificationID, eventID string
	// cause is an error that is no fault of the caller's. It goes to the log only.
	cause error
}

type callKey struct{}

func callFrom(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}
