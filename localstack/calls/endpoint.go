package calls

import (
	"bytes"
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
)

// Endpoint hands requests to the emulator as they are, with the header by which it knows that they came over TLS, and
// records them with what became of them.
func Endpoint(emulator *url.URL, record *Record, errs *log.Logger) http.Handler {
	proxy := &httputil.ReverseProxy{
		ErrorLog: errs,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(emulator)
			p.Out.Host = p.In.Host // it is signed
			p.Out.Header.Set("X-Forwarded-Proto", "https")
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 100, DisableCompression: true},
	}
	proxy.ModifyResponse = func(resp *http.Response) error {
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		if err := resp.Body.Close(); err != nil {
			return err
		}
		resp.Body = io.NopCloser(bytes.NewReader(body))
		calls, _ := resp.Request.Context().Value(callsKey{}).([]Call)
		for _, c := range calls {
			c.Denied = denied(resp.StatusCode, resp.Header, body)
			if err := record.add(c); err != nil {
				return err
			}
		}
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callsKey{}, of(r, body))))
	})
}

// callsKey is where a request's context holds its calls.
type callsKey struct{}
