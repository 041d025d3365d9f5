package portal

import (
	"bytes"
	"embed"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
)

// pages are the console's files.
//
//go:embed console/index.html console/style.css
var pages embed.FS

// pagePolicy is the content security policy of the console.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// relativeServer is the API's address as seen from the OpenAPI document, where the absolute one is not known.
const relativeServer = ".."

// publicPages are the paths that need no credential. Nothing in them depends on a partner.
func publicPages(doc *huma.OpenAPI) map[string]http.Handler {
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
	return map[string]http.Handler{
		"/v1/openapi.json":   readOnly(openAPIPage(text)),
		"/console/":          readOnly(file("console/index.html", "text/html; charset=utf-8")),
		"/console/style.css": readOnly(file("console/style.css", "text/css; charset=utf-8")),
		// Relative, because the path before it (the stage) is not known here.
		"/console": readOnly(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "console/")
			w.WriteHeader(http.StatusPermanentRedirect)
		}),
	}
}

// openAPIPage serves the document with the server's address put in.
func openAPIPage(document func() []byte) http.HandlerFunc {
	server := func(url string) []byte {
		b, _ := json.Marshal([]map[string]string{{"url": url}})
		return append([]byte(`"servers":`), b...)
	}
	return func(w http.ResponseWriter, r *http.Request) {
		doc := document()
		if base := CallerFrom(r.Context()).BaseURL; base != "" {
			doc = bytes.Replace(doc, server(relativeServer), server(base), 1)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(doc)
	}
}

func file(name, contentType string) http.HandlerFunc {
	b, err := pages.ReadFile(name)
	if err != nil {
		panic("portal: " + err.Error())
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Security-Policy", pagePolicy)
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(b)
	}
}

func readOnly(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			writeProblem(w, callFrom(r.Context()), methodNotAllowed("GET, HEAD"))
			return
		}
		h(w, r)
	})
}
