package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestRequest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args       []string
		path, body string
	}{
		{[]string{"partner", `O'Neil "x"`}, "/admin/partners", `{"name":"O'Neil \"x\""}`},
		{[]string{"partner", "Acme", ""}, "/admin/partners", `{"name":"Acme"}`},
		{[]string{"partner", "Acme", "acme"}, "/admin/partners", `{"id":"acme","name":"Acme"}`},
		{[]string{"api-key", "prt_1", ""}, "/admin/partners/prt_1/api-keys", `null`},
		{[]string{"api-key", "prt_1", "ci"}, "/admin/partners/prt_1/api-keys", `{"name":"ci"}`},
		{[]string{"portal-session", "../x"}, "/admin/partners/..%2Fx/portal-sessions", `null`},
	} {
		path, body, err := request(c.args)
		got, marshalErr := json.Marshal(body)
		if err != nil || marshalErr != nil || path != c.path || string(got) != c.body {
			t.Errorf("%q: %s %s %v, want %s %s", c.args, path, got, err, c.path, c.body)
		}
	}
	for _, args := range [][]string{nil, {"partner", ""}, {"partner", "", "acme"}, {"api-key", ""}, {"portal-session"}, {"other", "x"}} {
		if path, _, err := request(args); err == nil {
			t.Errorf("%q is taken for %s", args, path)
		}
	}
}

// The request that leaves is signed for API Gateway in the region of the stage's own host or of the environment.
func TestSignsWithTheEnvironmentsCredentials(t *testing.T) {
	var got http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		_, _ = io.WriteString(w, `{"id":"prt_1"}`)
	}))
	defer server.Close()
	t.Setenv("ADMIN_URL", server.URL+"/dev")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_REGION", "eu-west-1")
	if err := run(context.Background(), []string{"partner", "x"}, io.Discard); err != nil {
		t.Fatal(err)
	}
	auth := got.Get("Authorization")
	if !strings.HasPrefix(auth, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") || !strings.Contains(auth, "/eu-west-1/execute-api/aws4_request") {
		t.Errorf("Authorization is %q", auth)
	}
	c := gatewayHost.FindStringSubmatch("abc123.execute-api.us-west-2.amazonaws.com")
	if c == nil || c[1] != "us-west-2" {
		t.Errorf("the region of an API's own host reads as %v", c)
	}
}
