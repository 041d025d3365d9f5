package webhook

import (
	"errors"
	"fmt"
)

// Code classifies an error for those who must act on it. Callers compare codes, never messages.
type Code string

// The codes. An error that carries none reads as Internal, and its text reaches no user.
const (
	Internal        Code = "internal"
	Invalid         Code = "invalid"         // the caller's input is wrong
	Unauthenticated Code = "unauthenticated" // no credential, or one that is not valid
	Forbidden       Code = "forbidden"       // a valid credential that may not do this
	NotFound        Code = "not_found"       // absent, or another partner's: the two look the same
	Conflict        Code = "conflict"        // the stored state is another than the caller assumed
	Precondition    Code = "precondition"    // an If-Match that does not hold
	LimitReached    Code = "limit_reached"   // a limit on stored things, such as webhooks per partner
	RateLimited     Code = "rate_limited"    // too many at once; come back later
	Unavailable     Code = "unavailable"     // a dependency failed; the same call may succeed later
	Corrupt         Code = "corrupt"         // stored bytes that can't be read, now or later
)

// Codes returns all codes.
func Codes() []Code {
	return []Code{
		Internal, Invalid, Unauthenticated, Forbidden, NotFound, Conflict, Precondition, LimitReached, RateLimited, Unavailable, Corrupt,
	}
}

// Error is an error with a code and a message that is safe to show to the partner concerned.
type Error struct {
	Code    Code
	Message string
	// Field is the JSON location of the fault ("body.url"), or empty.
	Field string
	// Err is the cause, for logs only.
	Err error
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Err)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error without a cause.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// FieldErrorf makes an Invalid error about one field of the input.
func FieldErrorf(field, format string, args ...any) *Error {
	return &Error{Code: Invalid, Field: field, Message: fmt.Sprintf(format, args...)}
}

// Wrap gives err a code. It returns nil for a nil err.
func Wrap(code Code, err error, message string) error {
	if err == nil {
		return nil
	}
	return &Error{Code: code, Message: message, Err: err}
}

// CodeOf returns the code of the outermost Error in err's chain, Internal if there is none, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}
