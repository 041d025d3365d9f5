package portal

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Problem is an RFC 9457 problem document. It never holds what the caller sent, only where the fault lies.
type Problem struct {
	Type   string       `json:"type" doc:"Always about:blank: the status and code say what happened."`
	Title  string       `json:"title" doc:"The status in words."`
	Status int          `json:"status" doc:"The HTTP status."`
	Code   webhook.Code `json:"code" doc:"What happened, for programs." enum:"invalid,unauthenticated,forbidden,not_found,conflict,precondition,limit_reached,rate_limited,unavailable,internal"`
	Detail string       `json:"detail" doc:"What happened, for people."`
	Errors []Fault      `json:"errors,omitempty" nullable:"false" doc:"The faults of the input, if that is the problem."`

	headers http.Header
}

// Fault is one fault of the input.
type Fault struct {
	Location string `json:"location" doc:"Where: for example body.url, query.limit, header.If-Match."`
	Message  string `json:"message" doc:"What is wrong with it."`
}

// Error implements error.
func (p *Problem) Error() string { return strconv.Itoa(p.Status) + " " + p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header { return p.headers }

// ContentType implements huma.ContentTypeFilter.
func (*Problem) ContentType(string) string { return "application/problem+json" }

func newProblem(status int, code webhook.Code, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

func (p *Problem) withHeader(name, value string) *Problem {
	if p.headers == nil {
		p.headers = http.Header{}
	}
	p.headers.Set(name, value)
	return p
}

func (p *Problem) withFault(location, message string) *Problem {
	p.Errors = append(p.Errors, Fault{location, message})
	return p
}

func badRequest(location, message string) *Problem {
	return newProblem(http.StatusBadRequest, webhook.Invalid, message).withFault(location, message)
}

func methodNotAllowed(allow string) *Problem {
	p := newProblem(http.StatusMethodNotAllowed, webhook.Invalid, "This resource does not know the method.")
	return p.withHeader("Allow", allow)
}

const (
	notFoundText    = "There is no such resource."
	invalidText     = "The request is not valid."
	internalText    = "Something went wrong on our side."
	unavailableText = "A part of the service did not answer. Try again."
)

// problemOf is the one place that turns an error into an HTTP answer. An error without a code, and what lies behind
// an error's message, stays inside.
func problemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var e *webhook.Error
	message := ""
	if errors.As(err, &e) {
		message = e.Message
	}
	switch code := webhook.CodeOf(err); code {
	case webhook.Invalid:
		return invalid(err)
	case webhook.Unauthenticated:
		return newProblem(http.StatusUnauthorized, code, message).withHeader("WWW-Authenticate", "Bearer")
	case webhook.Forbidden:
		return newProblem(http.StatusForbidden, code, message)
	case webhook.NotFound:
		return newProblem(http.StatusNotFound, code, notFoundText)
	case webhook.Conflict:
		return newProblem(http.StatusConflict, code, message)
	case webhook.Precondition:
		return newProblem(http.StatusPreconditionFailed, code, message)
	case webhook.LimitReached:
		return newProblem(http.StatusTooManyRequests, code, message)
	case webhook.RateLimited:
		return newProblem(http.StatusTooManyRequests, code, message).withHeader("Retry-After", "1")
	case webhook.Unavailable:
		return newProblem(http.StatusServiceUnavailable, code, unavailableText).withHeader("Retry-After", "1")
	default:
		return newProblem(http.StatusInternalServerError, webhook.Internal, internalText)
	}
}

// invalid lists every fault in err, which may be several joined errors.
func invalid(err error) *Problem {
	p := newProblem(http.StatusUnprocessableEntity, webhook.Invalid, invalidText)
	var walk func(error)
	walk = func(err error) {
		switch e := err.(type) { //nolint:errorlint // it walks the whole tree itself
		case *webhook.Error:
			_ = p.withFault(e.Field, e.Message)
		case interface{ Unwrap() []error }:
			for _, x := range e.Unwrap() {
				walk(x)
			}
		case interface{ Unwrap() error }:
			walk(e.Unwrap())
		}
	}
	walk(err)
	return p
}

// maxLocation bounds a fault's location in bytes: it may hold a name that the caller chose.
const maxLocation = 128

// useProblems makes huma's own faults problems of ours, without the values that it would repeat.
func useProblems() {
	huma.ValidateStrictCasing = true
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		p := newProblem(status, codeOfStatus(status), msg)
		if status == http.StatusUnprocessableEntity {
			p.Detail = invalidText
		}
		if status >= http.StatusInternalServerError {
			p.Detail = internalText
			return p
		}
		for _, err := range errs {
			var d *huma.ErrorDetail
			if !errors.As(err, &d) {
				continue
			}
			_ = p.withFault(shorten(d.Location), d.Message)
		}
		if status == http.StatusBadRequest && len(p.Errors) == 1 {
			p.Detail = p.Errors[0].Message
		}
		return p
	}
}

func shorten(s string) string {
	if len(s) <= maxLocation {
		return s
	}
	return s[:maxLocation] + "..."
}

func codeOfStatus(status int) webhook.Code {
	switch {
	case status == http.StatusNotFound:
		return webhook.NotFound
	case status >= http.StatusInternalServerError:
		return webhook.Internal
	default:
		return webhook.Invalid
	}
}
