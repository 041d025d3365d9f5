package gateway

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/cr3dentials/verification-webhooks/shared/portal"
)

func TestServe(t *testing.T) {
	var seen *http.Request
	var body []byte
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r
		body, _ = io.ReadAll(r.Body)
		w.Header().Add("Set-Cookie", "a")
		w.Header().Add("Set-Cookie", "b")
		w.Header().Set("X-Late", "no")
		w.WriteHeader(http.StatusCreated)
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte("é"))
	})
	in := events.APIGatewayProxyRequest{
		HTTPMethod: "POST", Path: "/v1/a%b c", Body: "AAEC", IsBase64Encoded: true,
		Headers:                         map[string]string{"content-type": "x", "X-Two": "last"},
		MultiValueHeaders:               map[string][]string{"x-two": {"1", "2"}},
		MultiValueQueryStringParameters: map[string][]string{"q": {"a b", "c&d"}},
		RequestContext: events.APIGatewayProxyRequestContext{
			RequestID: "req", DomainName: "api.example.com", Path: "/prod/v1/a%b c", Stage: "prod", APIID: "abc",
			Identity: events.APIGatewayRequestIdentity{UserArn: "arn:aws:iam::1:user/u"},
		},
	}
	out, err := serve(context.Background(), h, in)
	if err != nil {
		t.Fatal(err)
	}
	if seen.URL.Path != "/v1/a%b c" || !reflect.DeepEqual(seen.URL.Query()["q"], []string{"a b", "c&d"}) || !bytes.Equal(body, []byte{0, 1, 2}) || seen.ContentLength != 3 {
		t.Errorf("path %q, query %q, body %v", seen.URL.Path, seen.URL.RawQuery, body)
	}
	if seen.Header.Get("Content-Type") != "x" || !reflect.DeepEqual(seen.Header.Values("X-Two"), []string{"1", "2"}) {
		t.Errorf("headers %v", seen.Header)
	}
	c := portal.CallerFrom(seen.Context())
	if c.IAMUserARN != "arn:aws:iam::1:user/u" || c.RequestID != "req" || c.BaseURL != wantBaseURL {
		t.Errorf("caller %+v", c)
	}
	if out.StatusCode != 201 || out.Body != "é" || out.IsBase64Encoded || !reflect.DeepEqual(out.MultiValueHeaders["Set-Cookie"], []string{"a", "b"}) {
		t.Errorf("%+v", out)
	}
}

func TestServeBinaryAndBadBase64(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte{0xff, 0}) })
	out, err := serve(context.Background(), h, events.APIGatewayProxyRequest{HTTPMethod: "GET", Path: "/"})
	if err != nil || out.StatusCode != 200 || !out.IsBase64Encoded || out.Body != "/wA=" {
		t.Errorf("%+v, %v", out, err)
	}
	out, err = serve(context.Background(), h, events.APIGatewayProxyRequest{HTTPMethod: "POST", Path: "/", Body: "%", IsBase64Encoded: true})
	if err != nil || out.StatusCode != 400 {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestCompressedPage: what is compressed passes byte for byte.
func TestCompressedPage(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	for i := range 10_000 {
		_, _ = fmt.Fprintf(z, "const x%d = %d;\n", i, i*i)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(zipped.Bytes())
	})
	out, err := serve(context.Background(), h, events.APIGatewayProxyRequest{HTTPMethod: "GET", Path: "/console/main.js"})
	if err != nil {
		t.Fatal(err)
	}
	body, err := base64.StdEncoding.DecodeString(out.Body)
	if err != nil || !out.IsBase64Encoded || !bytes.Equal(body, zipped.Bytes()) || !reflect.DeepEqual(out.MultiValueHeaders["Content-Encoding"], []string{"gzip"}) {
		t.Errorf("%d bytes of %d, %v, %v", len(body), zipped.Len(), out.MultiValueHeaders, err)
	}
}

// TestNothingCompressedWithoutAccept: the gateway would pass such an answer on as base64.
func TestNothingCompressedWithoutAccept(t *testing.T) {
	for accept, want := range map[string]string{"": "", "*/*": "gzip"} {
		var seen string
		h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header.Get("Accept-Encoding") })
		in := events.APIGatewayProxyRequest{HTTPMethod: "GET", Path: "/", Headers: map[string]string{"Accept-Encoding": "gzip"}}
		if accept != "" {
			in.Headers["Accept"] = accept
		}
		if _, err := serve(context.Background(), h, in); err != nil || seen != want {
			t.Errorf("Accept %q: Accept-Encoding is %q, %v; want %q", accept, seen, err, want)
		}
	}
}
