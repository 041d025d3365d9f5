package webhook

import "time"

// Header is one HTTP header, in the order in which it is sent or shown. Names are lower-case.
type Header struct{ Name, Value string }

// Request is one signed POST that is ready to leave.
type Request struct {
	URL     string
	Headers []Header
	Body    []byte
	// Redact lists values that must not appear in what is kept of the response.
	Redact []string
	// Show asks for the headers and the excerpt of a success, too; those of a failure are always kept.
	Show bool
}

// Response is what came of a Request. Its outcome is fixed by the status, or by Error if there was none.
type Response struct {
	StartedAt time.Time
	Duration  time.Duration
	// StatusCode is 0 if no response header arrived.
	StatusCode int
	// Headers and Excerpt are redacted and safe to store and to show: valid UTF-8, at most 4 KiB of excerpt. Those of a
	// success are empty unless the request asked to Show them.
	Headers []Header
	Excerpt string
	// Resent tells that the request was sent twice: the connection that was kept from an earlier one ended at once, before
	// a byte of an answer, and all else here is of the second time. Whether the endpoint saw the first is not known.
	Resent bool
	// RetryAfter is what a 429 or 503 asked for, 0 if nothing.
	RetryAfter time.Duration
	// ErrorCode is empty if and only if the status is 200 to 299.
	ErrorCode ErrorCode
	// ErrorMessage says what happened in words a partner may read; it names no address.
	ErrorMessage string
}

// OK tells whether the request succeeded.
func (r *Response) OK() bool { return r.ErrorCode == "" }

// Success tells whether an endpoint that answered with status has accepted what was sent.
func Success(status int) bool { return status >= 200 && status <= 299 }
