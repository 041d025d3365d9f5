package portal

import (
	"bytes"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"

	"github.com/cr3dentials/verification-webhooks/shared/portal/console"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// relativeServer is the API's address as seen from the OpenAPI document, where the absolute one is not known.
const relativeServer = ".."

// publicPages are the paths that need no credential; one that ends in a slash stands for all that is below it. Nothing in
// them depends on a partner.
func publicPages(doc *huma.OpenAPI, frameAncestors []string) map[string]http.Handler {
	doc.Servers = []*huma.Server{{URL: relativeServer}}
	doc.AddOperation(&huma.Operation{
		OperationID: "getOpenAPI", Method: http.MethodGet, Path: "/v1/openapi.json", Tags: []string{"meta"},
		Summary: "Get this document", Security: []map[string][]string{},
		Responses: map[string]*huma.Response{"200": {
			Description: "The OpenAPI document of the API.",
			Content:     map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: huma.TypeObject}}},
		}},
	})
	// Written when it is first asked for: that is half of the portal's cold start.
	text := sync.OnceValue(func() []byte {
		text, err := doc.MarshalJSON()
		if err != nil {
			panic("portal: the OpenAPI document can't be written: " + err.Error())
		}
		return text
	})
	pages := readOnly(console.Handler(console.Options{FrameAncestors: frameAncestors, NotFound: http.HandlerFunc(noSuchPage)}))
	return map[string]http.Handler{
		"/v1/openapi.json": readOnly(openAPIPage(text)),
		console.Console:    pages,
		console.Docs:       pages,
	}
}

func noSuchPage(w http.ResponseWriter, r *http.Request) {
	writeProblem(w, callFrom(r.Context()), newProblem(http.StatusNotFound, webhook.NotFound, notFoundText))
}

// openAPIPage serves the document with the server's address put in.
func openAPIPage(document func() []byte) http.Handler {
	server := func(url string) []byte {
		b, _ := json.Marshal([]map[string]string{{"url": url}})
		return append([]byte(`"servers":`), b...)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		doc := document()
		if base := CallerFrom(r.Context()).BaseURL; base != "" {
			doc = bytes.Replace(doc, server(relativeServer), server(base), 1)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(doc)
	})
}

func readOnly(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			writeProblem(w, callFrom(r.Context()), methodNotAllowed("GET, HEAD"))
			return
		}
		h.ServeHTTP(w, r)
	})
}
