package storetest

import (
	"bytes"
	"io"
	"net/http"
	"testing"
)

// Transport returns a transport for the SDK's clients of a test.
//
// The SDK closes a request's body as soon as an answer arrives. On a busy machine net/http may still be about to read
// the body's end; it then breaks the connection and the SDK repeats a request that has succeeded. Here every request
// has a body of its own, so that a test can count requests and repeat none.
func Transport(t *testing.T) http.RoundTripper {
	const connections = 50
	next := &http.Transport{MaxIdleConnsPerHost: connections}
	t.Cleanup(next.CloseIdleConnections)
	return ownBody{next}
}

type ownBody struct{ next http.RoundTripper }

func (o ownBody) RoundTrip(r *http.Request) (*http.Response, error) {
	return withOwnBody(r, o.next.RoundTrip)
}

func withOwnBody(r *http.Request, send func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	if r.Body == nil {
		return send(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	own := r.Clone(r.Context())
	own.Body = io.NopCloser(bytes.NewReader(body))
	return send(own)
}
