package portal

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"path"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// bodyRule says what body a route takes.
type bodyRule int

const (
	noBody bodyRule = iota
	optionalBody
	jsonBody
	patchBody
)

// front stands before the routes: it authenticates before anything else is looked at, checks the form of the request,
// answers every failure with a problem document, and logs one event per request.
type front struct {
	now func() time.Time
	log *slog.Logger
	// event names the log's event.
	event string
	// public are the paths that need no credential: exact ones, and folders with all that is below.
	public map[string]http.Handler
	// admit authenticates the request and tells call whose it is.
	admit func(r *http.Request, c *call) error
	mux   *http.ServeMux
	// bodies has the rule of every pattern of mux.
	bodies map[string]bodyRule
}

// ServeHTTP implements http.Handler.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := f.now()
	c := &call{path: r.URL.Path}
	a := &answer{header: http.Header{}, status: http.StatusOK}
	f.guarded(a, r.WithContext(context.WithValue(r.Context(), callKey{}, c)), c)
	f.logEvent(r, c, a, f.now().Sub(start))
	a.send(w, r.Method)
}

// guarded serves the request and turns a panic into a 500.
func (f *front) guarded(a *answer, r *http.Request, c *call) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		c.cause = panicCause(v)
		a.reset()
		writeProblem(a, c, newProblem(http.StatusInternalServerError, webhook.Internal, internalText))
	}()
	secure(a.Header())
	for _, route := range []string{r.URL.Path, topFolder(r.URL.Path)} {
		if h, ok := f.public[route]; ok {
			c.route = route
			h.ServeHTTP(a, r)
			return
		}
	}
	if err := f.serve(a, r, c); err != nil {
		c.fail(err)
		writeProblem(a, c, problemOf(err))
	}
}

// topFolder is the first folder of a path, with a slash at its end.
func topFolder(name string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(name, "/"), "/")
	return "/" + first + "/"
}

func (f *front) serve(a *answer, r *http.Request, c *call) error {
	if err := f.admit(r, c); err != nil {
		return err
	}
	if c.partnerID != "" {
		a.Header().Set(accountHeader, c.partnerID)
	}
	pattern, err := f.route(r)
	if err != nil {
		return err
	}
	c.route = pattern
	if err := c.readBody(r, f.bodies[pattern]); err != nil {
		return err
	}
	// The API speaks JSON whatever a caller would rather have.
	r.Header.Del("Accept")
	defer c.readPath(r) // the mux sets its values
	f.mux.ServeHTTP(a, r)
	return nil
}

// readPath keeps what the path says that the request is about.
func (c *call) readPath(r *http.Request) {
	for _, id := range []struct {
		name  string
		valid func(string) bool
		to    *string
	}{
		{"webhookId", webhook.ValidWebhookID, &c.webhookID}, {"deliveryId", webhook.ValidDeliveryID, &c.deliveryID},
		{"jobId", webhook.ValidJobID, &c.jobID}, {"id", webhook.ValidParkedID, &c.parkedID},
	} {
		if v := r.PathValue(id.name); id.valid(v) {
			*id.to = v
		}
	}
}

// route finds the request's pattern. The mux's own answers (redirects to a cleaned path, 404, 405) are text, so they
// are found out before it serves.
func (f *front) route(r *http.Request) (string, error) {
	if r.URL.Path != path.Clean(r.URL.Path) {
		return "", webhook.Errorf(webhook.NotFound, notFoundText)
	}
	h, pattern := f.mux.Handler(r)
	if pattern != "" {
		return pattern, nil
	}
	probe := &answer{header: http.Header{}, status: http.StatusOK}
	h.ServeHTTP(probe, r)
	if probe.status == http.StatusMethodNotAllowed {
		return "", methodNotAllowed(probe.header.Get("Allow"))
	}
	return "", webhook.Errorf(webhook.NotFound, notFoundText)
}

// readBody reads the whole body, at most MaxBody, and checks its type.
func (c *call) readBody(r *http.Request, rule bodyRule) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	if err != nil {
		return badRequest("body", "The body could not be read.")
	}
	if len(body) > MaxBody {
		return newProblem(http.StatusRequestEntityTooLarge, webhook.Invalid, "The body is larger than 64 KiB.")
	}
	if rule == noBody {
		body = nil
	}
	types := r.Header.Values("Content-Type")
	if rule == jsonBody || rule == patchBody || rule == optionalBody && len(body) > 0 {
		if len(types) != 1 || !accepted(types[0], rule) {
			p := newProblem(http.StatusUnsupportedMediaType, webhook.Invalid, "The body must be JSON with the content type application/json.")
			return p.withFault("header.Content-Type", "must be application/json")
		}
	}
	// From here on there is one type: the routes need not know its spellings.
	r.Header.Set("Content-Type", "application/json")
	c.body = body
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return nil
}

func accepted(contentType string, rule bodyRule) bool {
	t, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	for name, value := range params {
		if name != "charset" || !strings.EqualFold(value, "utf-8") {
			return false
		}
	}
	return t == "application/json" || rule == patchBody && t == "application/merge-patch+json"
}

// fail keeps what the log must know of a failure.
func (c *call) fail(err error) {
	switch webhook.CodeOf(err) {
	case webhook.Internal, webhook.Unavailable, webhook.Corrupt:
		c.cause = err
	default: // the caller's own fault, told by the answer
	}
}

func (f *front) logEvent(r *http.Request, c *call, a *answer, took time.Duration) {
	attrs := []slog.Attr{
		slog.String("event", f.event), slog.String("method", r.Method), slog.String("route", c.route),
		slog.Int("status", a.status), slog.String("partnerId", c.partnerID),
		slog.String("keyId", c.keyID), slog.String("apiRequestId", CallerFrom(r.Context()).RequestID),
		slog.Int64("durationMs", took.Milliseconds()),
	}
	for _, id := range []slog.Attr{
		slog.String("webhookId", c.webhookID), slog.String("deliveryId", c.deliveryID), slog.String("verificationId", c.verificationID),
		slog.String("eventId", c.eventID), slog.String("jobId", c.jobID), slog.String("parkedId", c.parkedID),
	} {
		if id.Value.String() != "" {
			attrs = append(attrs, id)
		}
	}
	if c.cause != nil && c.code == "" {
		c.code = webhook.CodeOf(c.cause) // it went on without what failed
	}
	attrs = append(attrs, slog.String("code", string(c.code)))
	level := slog.LevelInfo
	if c.cause != nil {
		level = slog.LevelWarn
		attrs = append(attrs, slog.String("error", c.cause.Error()))
	}
	if a.status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	f.log.LogAttrs(r.Context(), level, f.event, attrs...)
}

// panicCause describes a panic for the log. Its value may hold anything, so only the runtime's own text is kept.
func panicCause(v any) error {
	if e, ok := v.(runtime.Error); ok {
		return fmt.Errorf("panic: %w\n%s", e, debug.Stack())
	}
	return fmt.Errorf("panic: %T\n%s", v, debug.Stack())
}

// accountHeader names whose credential a request had, so that a page which is given another one can tell whether what it
// holds may be shown to whoever gave it.
const accountHeader = "Account-Id"

// secure sets the headers that every answer carries.
func secure(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Strict-Transport-Security", "max-age=63072000")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
}

func writeProblem(w http.ResponseWriter, c *call, p *Problem) {
	c.code = p.Code
	for name, values := range p.headers {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	// A Problem holds strings and a number, and an answer takes every write: neither can fail.
	_ = json.MarshalWrite(w, p)
}

// answer keeps a whole answer back until it is complete, so that a panic in the middle can still become a 500.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

func (a *answer) reset() {
	a.header, a.body, a.status = http.Header{}, bytes.Buffer{}, http.StatusOK
	secure(a.header)
}

func (a *answer) send(w http.ResponseWriter, method string) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if a.status != http.StatusNoContent && a.status != http.StatusNotModified {
		w.Header().Set("Content-Length", strconv.Itoa(a.body.Len()))
	}
	w.WriteHeader(a.status)
	if method != http.MethodHead {
		// A caller who has gone is nobody to tell.
		_, _ = w.Write(a.body.Bytes())
	}
}
