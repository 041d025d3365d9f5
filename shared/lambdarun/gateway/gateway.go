// Package gateway runs an http.Handler as the function behind an API of API Gateway. It stands apart from lambdarun so that
// the functions that no request reaches do not link the portal.
package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"github.com/cr3dentials/verification-webhooks/shared/lambdarun"
	"github.com/cr3dentials/verification-webhooks/shared/portal"
)

// Start serves API Gateway (REST API) proxy events with h and never returns. The request's context carries a
// portal.Caller.
func Start(log *slog.Logger, h http.Handler) {
	lambdarun.Start(log, func(ctx context.Context, event []byte) (any, []slog.Attr, error) { return Event(ctx, event, h) })
}

// Event is one invocation of Start: it returns the answer and attributes for the log.
func Event(ctx context.Context, event []byte, h http.Handler) (any, []slog.Attr, error) {
	var in events.APIGatewayProxyRequest
	if err := json.Unmarshal(event, &in); err != nil {
		return nil, nil, fmt.Errorf("not an API Gateway proxy event: %w", err)
	}
	out, err := serve(ctx, h, in)
	return out, []slog.Attr{slog.Int("statusCode", out.StatusCode)}, err
}

// serve answers one proxy event. A body that claims to be base64 and is not is the client's fault: 400.
func serve(ctx context.Context, h http.Handler, in events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
	body := []byte(in.Body)
	if in.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(in.Body)
		if err != nil {
			return events.APIGatewayProxyResponse{StatusCode: http.StatusBadRequest}, nil //nolint:nilerr // the client's fault
		}
		body = decoded
	}
	req, err := request(ctx, in, body)
	if err != nil {
		return events.APIGatewayProxyResponse{}, err
	}
	w := &recorder{header: http.Header{}}
	h.ServeHTTP(w, req)
	return w.result(), nil
}

// request makes the http.Request. The gateway decodes the path, so it is taken as it is and not parsed again: a stray
// percent sign is just a character of a path that does not exist.
func request(ctx context.Context, in events.APIGatewayProxyRequest, body []byte) (*http.Request, error) {
	query := url.Values(in.MultiValueQueryStringParameters)
	if query == nil {
		query = url.Values{}
		for k, v := range in.QueryStringParameters {
			query.Set(k, v)
		}
	}
	ctx = portal.WithCaller(ctx, portal.Caller{
		IAMUserARN: in.RequestContext.Identity.UserArn,
		RequestID:  in.RequestContext.RequestID,
		BaseURL:    baseURL(in),
	})
	req, err := http.NewRequestWithContext(ctx, in.HTTPMethod, "/", io.NopCloser(bytes.NewReader(body)))
	if err != nil {
		return nil, err
	}
	req.URL = &url.URL{Path: in.Path, RawQuery: query.Encode()}
	req.RequestURI = req.URL.RequestURI()
	req.ContentLength = int64(len(body))
	if len(body) == 0 {
		req.Body = http.NoBody
	}
	for k, v := range in.Headers {
		req.Header.Set(k, v)
	}
	for k, vs := range in.MultiValueHeaders {
		req.Header.Del(k)
		for _, v := range vs {
			req.Header.Add(k, v)
		}
	}
	// The gateway turns base64 into bytes only for a request that says what it accepts; who does not gets text alone.
	if req.Header.Get("Accept") == "" {
		req.Header.Del("Accept-Encoding")
	}
	req.Host = req.Header.Get("Host")
	req.RemoteAddr = in.RequestContext.Identity.SourceIP
	return req, nil
}

// recorder is the http.ResponseWriter of one request.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

func (r *recorder) result() events.APIGatewayProxyResponse {
	r.WriteHeader(http.StatusOK)
	out := events.APIGatewayProxyResponse{StatusCode: r.status, MultiValueHeaders: r.header}
	if b := r.body.Bytes(); utf8.Valid(b) {
		out.Body = string(b)
	} else {
		out.Body, out.IsBase64Encoded = base64.StdEncoding.EncodeToString(b), true
	}
	return out
}
