package portal

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

func openAPI(t *testing.T) (response, map[string]any) {
	t.Helper()
	w := newWorld(t)
	r := w.do(req{method: "GET", path: "/v1/openapi.json"}).want(200)
	return r, r.json()
}

// The document is part of what partners build on: a change of it is seen in a review.
func TestOpenAPIGolden(t *testing.T) {
	r, _ := openAPI(t)
	var got bytes.Buffer
	if err := json.Indent(&got, []byte(r.body), "", "  "); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	const golden = "testdata/openapi.json"
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Fatalf("the document has changed; look at the difference after: go test ./shared/portal -run OpenAPIGolden -update")
	}
}

func TestOpenAPIDocumentsEveryRoute(t *testing.T) {
	_, doc := openAPI(t)
	var documented []string
	for path, item := range doc["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			documented = append(documented, strings.ToUpper(method)+" "+path)
		}
	}
	w := newWorld(t)
	routes := []string{"GET /v1/openapi.json"}
	for pattern := range newPortal(Config{Now: w.clock}).front.bodies {
		routes = append(routes, pattern)
	}
	slices.Sort(documented)
	slices.Sort(routes)
	want := strings.Join([]string{
		"DELETE /v1/webhooks/{webhookId}", "GET /v1/event-types", "GET /v1/openapi.json", "GET /v1/webhooks",
		"GET /v1/webhooks/{webhookId}", "GET /v1/webhooks/{webhookId}/deliveries",
		"GET /v1/webhooks/{webhookId}/deliveries/{deliveryId}", "GET /v1/webhooks/{webhookId}/jobs/{jobId}",
		"GET /v1/webhooks/{webhookId}/stats",
		"PATCH /v1/webhooks/{webhookId}", "POST /v1/template/preview", "POST /v1/webhooks",
		"POST /v1/webhooks/{webhookId}/activate", "POST /v1/webhooks/{webhookId}/deactivate",
		"POST /v1/webhooks/{webhookId}/deliveries/{deliveryId}/resend", "POST /v1/webhooks/{webhookId}/recover",
		"POST /v1/webhooks/{webhookId}/secret/cancel", "POST /v1/webhooks/{webhookId}/secret/complete",
		"POST /v1/webhooks/{webhookId}/secret/rotate", "POST /v1/webhooks/{webhookId}/template/preview",
		"POST /v1/webhooks/{webhookId}/test",
	}, "\n")
	if strings.Join(documented, "\n") != want || strings.Join(routes, "\n") != want {
		t.Fatalf("documented:\n%s\nrouted:\n%s", strings.Join(documented, "\n"), strings.Join(routes, "\n"))
	}
}

// The rules of OpenAPI 3.1 that a generator could break without anybody seeing it.
func TestOpenAPIIsConsistent(t *testing.T) {
	_, doc := openAPI(t)
	if doc["openapi"] != "3.1.0" {
		t.Fatal(doc["openapi"])
	}
	schemes := doc["components"].(map[string]any)["securitySchemes"].(map[string]any)
	ids := map[string]bool{}
	for path, item := range doc["paths"].(map[string]any) {
		for method, o := range item.(map[string]any) {
			op := o.(map[string]any)
			name := method + " " + path
			id, _ := op["operationId"].(string)
			if id == "" || ids[id] {
				t.Errorf("%s: operationId %q is missing or not unique", name, id)
			}
			ids[id] = true
			checkSecurity(t, name, op, schemes)
			checkResponses(t, name, op)
			checkPathParameters(t, name, path, op)
		}
	}
	checkRefs(t, doc, doc)
}

func checkSecurity(t *testing.T, name string, op, schemes map[string]any) {
	t.Helper()
	security, ok := op["security"].([]any)
	if !ok || len(security) == 0 && name != "get /v1/openapi.json" {
		t.Errorf("%s: no security is documented", name)
	}
	for _, s := range security {
		for scheme := range s.(map[string]any) {
			if schemes[scheme] == nil {
				t.Errorf("%s: unknown scheme %s", name, scheme)
			}
		}
	}
}

func checkResponses(t *testing.T, name string, op map[string]any) {
	t.Helper()
	good := false
	for status, r := range op["responses"].(map[string]any) {
		answer := r.(map[string]any)
		content, _ := answer["content"].(map[string]any)
		if answer["description"] == "" {
			t.Errorf("%s %s: no description", name, status)
		}
		good = good || status[0] == '2'
		if status[0] != '2' && content["application/problem+json"] == nil {
			t.Errorf("%s %s: no problem document", name, status)
		}
	}
	if !good {
		t.Errorf("%s: no success is documented", name)
	}
}

func checkPathParameters(t *testing.T, name, path string, op map[string]any) {
	t.Helper()
	parameters, _ := op["parameters"].([]any)
	n := 0
	for _, p := range parameters {
		if m := p.(map[string]any); m["in"] == "path" {
			n++
			if m["required"] != true || !strings.Contains(path, "{"+m["name"].(string)+"}") {
				t.Errorf("%s: path parameter %v", name, m["name"])
			}
		}
	}
	if n != strings.Count(path, "{") {
		t.Errorf("%s: %d path parameters", name, n)
	}
}

// checkRefs follows every reference, and refuses what 3.0 had and 3.1 has not.
func checkRefs(t *testing.T, doc map[string]any, v any) {
	t.Helper()
	switch x := v.(type) {
	case []any:
		for _, e := range x {
			checkRefs(t, doc, e)
		}
	case map[string]any:
		if _, ok := x["nullable"].(bool); ok {
			t.Errorf("nullable is not a word of 3.1")
		}
		if ref, ok := x["$ref"].(string); ok {
			name, ok := strings.CutPrefix(ref, "#/components/schemas/")
			if !ok || doc["components"].(map[string]any)["schemas"].(map[string]any)[name] == nil {
				t.Errorf("%s leads nowhere", ref)
			}
		}
		for _, e := range x {
			checkRefs(t, doc, e)
		}
	}
}

func TestPublicPages(t *testing.T) {
	w := newWorld(t)
	for _, page := range []string{"console", "docs"} {
		if r := w.do(req{method: "GET", path: "/" + page}).want(308); r.header.Get("Location") != page+"/" {
			t.Error(r.header)
		}
		w.do(req{method: "GET", path: "/" + page + "/nothing.js"}).problem(404)
	}
	relative := w.do(req{method: "GET", path: "/v1/openapi.json"})
	absolute := w.send(w.portal, req{method: "GET", path: "/v1/openapi.json"}, Caller{BaseURL: "https://api.example.com/prod"})
	for url, r := range map[string]response{"..": relative, "https://api.example.com/prod": absolute} {
		servers := r.want(200).json()["servers"].([]any)
		if len(servers) != 1 || servers[0].(map[string]any)["url"] != url {
			t.Errorf("servers %v, want %s", servers, url)
		}
	}
}
