package console

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func zipped(t *testing.T, text string) *fstest.MapFile {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return &fstest.MapFile{Data: b.Bytes()}
}

// built is a handler of small pages.
func built(t *testing.T, o Options) *pages {
	t.Helper()
	o.NotFound = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	return &pages{fstest.MapFS{
		"dist/README.md":               {Data: []byte("x")},
		"dist/console/index.html.gz":   zipped(t, "<p>console"),
		"dist/console/main-ABC.js.gz":  zipped(t, "console()"),
		"dist/console/main-ABC.css.gz": zipped(t, "p {}"),
		"dist/docs/index.html.gz":      zipped(t, "<p>docs"),
		"dist/docs/THIRD-PARTY.txt.gz": zipped(t, "licences"),
	}, o}
}

// answer is what came back; body is unzipped if it came zipped.
type answer struct {
	status int
	header http.Header
	body   string
}

func get(t *testing.T, h http.Handler, path string, header ...string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	body := w.Body.Bytes()
	if w.Header().Get("Content-Encoding") == "gzip" {
		body = unzip(body)
	}
	return answer{w.Code, w.Header(), string(body)}
}

func TestFiles(t *testing.T) {
	h := built(t, Options{})
	for path, want := range map[string]struct{ body, contentType, cache string }{
		"/console/":             {"<p>console", "text/html; charset=utf-8", "no-cache"},
		"/console/index.html":   {"<p>console", "text/html; charset=utf-8", "no-cache"},
		"/docs/":                {"<p>docs", "text/html; charset=utf-8", "no-cache"},
		"/docs/THIRD-PARTY.txt": {"licences", "text/plain; charset=utf-8", "no-cache"},
		"/console/main-ABC.js":  {"console()", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
		"/console/main-ABC.css": {"p {}", "text/css; charset=utf-8", "public, max-age=31536000, immutable"},
	} {
		for accept, encoding := range map[string]string{"gzip, deflate, br": "gzip", "identity": ""} {
			r := get(t, h, path, "Accept-Encoding", accept)
			if r.status != 200 || r.body != want.body || r.header.Get("Content-Type") != want.contentType ||
				r.header.Get("Cache-Control") != want.cache || r.header.Get("Content-Encoding") != encoding ||
				r.header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s as %q: %d %q %v", path, accept, r.status, r.body, r.header)
			}
		}
	}
	for path, status := range map[string]int{
		"/console": 308, "/docs": 308, "/console/x": 404, "/console/main-ABC.js.gz": 404, "/console/README.md": 404,
		"/console//": 404, "/console/../docs/": 404, "/console/main-ABC.js/": 404, "/docs/main-ABC.js": 404,
	} {
		if r := get(t, h, path); r.status != status {
			t.Errorf("%s: %d, want %d", path, r.status, status)
		}
	}
}

func TestIndexIsNotSentAgain(t *testing.T) {
	h := built(t, Options{})
	first := get(t, h, "/console/", "Accept-Encoding", "gzip")
	tag := first.header.Get("ETag")
	for seen, status := range map[string]int{
		tag: 304, strings.TrimPrefix(tag, "W/"): 304, `"x", ` + tag: 304, "*": 304, `"x"`: 200, "": 200,
	} {
		r := get(t, h, "/console/", "If-None-Match", seen)
		if r.status != status || (status == 304) != (r.body == "") || r.header.Get("ETag") != tag {
			t.Errorf("%s: %d %q", seen, r.status, r.body)
		}
	}
	licences := get(t, h, "/docs/THIRD-PARTY.txt").header.Get("ETag")
	if r := get(t, h, "/docs/THIRD-PARTY.txt", "If-None-Match", licences); licences == "" || licences == tag || r.status != 304 {
		t.Errorf("the licences with the tag %s: %d", licences, r.status)
	}
	if other := get(t, h, "/docs/"); other.header.Get("ETag") == tag {
		t.Error("two pages have the same ETag")
	}
}

func TestPolicies(t *testing.T) {
	alone := get(t, built(t, Options{}), "/console/")
	framed := get(t, built(t, Options{FrameAncestors: []string{"https://a.example.com", "https://b.example.com"}}), "/console/")
	docs := get(t, built(t, Options{}), "/docs/")
	for _, r := range []answer{alone, framed, docs} {
		csp := r.header.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'; ") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") ||
			r.header.Get("Cross-Origin-Opener-Policy") != "same-origin" || r.header.Get("Permissions-Policy") == "" {
			t.Errorf("%v", r.header)
		}
	}
	for _, c := range []struct {
		r              answer
		ancestors, xfo string
		trustedTypes   bool
	}{
		{alone, "frame-ancestors 'none'", "DENY", true},
		{framed, "frame-ancestors https://a.example.com https://b.example.com", "", true},
		{docs, "frame-ancestors 'none'", "DENY", false},
	} {
		csp := c.r.header.Get("Content-Security-Policy")
		if !strings.Contains(csp+";", c.ancestors+";") || c.r.header.Get("X-Frame-Options") != c.xfo ||
			strings.Contains(csp, "require-trusted-types-for 'script'") != c.trustedTypes {
			t.Errorf("%q, X-Frame-Options %q", csp, c.r.header.Get("X-Frame-Options"))
		}
	}
}

func TestNotBuilt(t *testing.T) {
	h := built(t, Options{})
	h.files = fstest.MapFS{"dist/README.md": {Data: []byte("x")}}
	if r := get(t, h, "/console/"); r.status != 503 || !strings.Contains(r.body, "make build") {
		t.Errorf("%d %q", r.status, r.body)
	}
}

func TestAcceptsGzip(t *testing.T) {
	for accept, want := range map[string]bool{
		"": false, "gzip": true, "GZIP": true, "gzip, deflate, br": true, "br;q=1, gzip;q=0.2": true, "*": true, "*;q=0.1": true,
		"identity": false, "gzip;q=0": false, "gzip; q=0.0": false, "gzip;q=0, *": false, "*;q=0": false, "gzip;q=x": false,
		"identity;q=0.5, gzip;q=1.0": true, "identity;q=1, gzip;q=0.5": false, "identity;q=0, *": true, "br": false, "xgzip": false,
		"gzip;level=9": false, "gzip;q=NaN": false,
	} {
		if got := acceptsGzip([]string{accept}); got != want {
			t.Errorf("%q: %t", accept, got)
		}
	}
	if !acceptsGzip([]string{"br", "gzip"}) || acceptsGzip(nil) {
		t.Error("several headers, or none")
	}
}
