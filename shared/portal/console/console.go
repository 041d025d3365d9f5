// Package console serves the partners' console and the page that documents the API: files that are built from src/ and
// docs/, and embedded compressed. Nothing in them depends on who asks.
package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// Console and Docs are the folders that Handler serves.
const (
	Console = "/console/"
	Docs    = "/docs/"
)

//go:embed dist
var dist embed.FS

// Options are the choices of a deployment.
type Options struct {
	// FrameAncestors are the origins whose pages may embed these; none if empty.
	FrameAncestors []string
	// NotFound answers for what is not there.
	NotFound http.Handler
}

// Handler serves what is below Console and Docs, and leads their names without the slash there. It takes GET and HEAD.
func Handler(o Options) http.Handler { return &pages{dist, o} }

type pages struct {
	files fs.FS
	Options
}

// The files whose names hold no hash. licencesFile has the notices of what is bundled.
const (
	indexFile    = "index.html"
	licencesFile = "THIRD-PARTY.txt"
)

func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	folder, name, below := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if !below {
		// Relative, because the path before it (the stage) is not known here.
		w.Header().Set("Location", folder+"/")
		w.WriteHeader(http.StatusPermanentRedirect)
		return
	}
	if name == "" {
		name = indexFile
	}
	zipped, err := fs.ReadFile(p.files, "dist/"+folder+"/"+name+".gz")
	switch {
	case err == nil:
		p.serve(w, r, folder, name, zipped)
	case name == indexFile:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "The pages are not built into this program: run `make build`.\n")
	default:
		p.NotFound.ServeHTTP(w, r)
	}
}

func (p *pages) serve(w http.ResponseWriter, r *http.Request, folder, name string, zipped []byte) {
	h := w.Header()
	h.Set("Content-Type", contentTypes[path.Ext(name)])
	h.Set("Vary", "Accept-Encoding")
	p.secure(h, "/"+folder+"/")
	if name == indexFile || name == licencesFile {
		h.Set("Cache-Control", "no-cache")
		// Weak, because the compressed and the plain form share it.
		sum := sha256.Sum256(zipped)
		tag := `"` + hex.EncodeToString(sum[:16]) + `"`
		h.Set("ETag", "W/"+tag)
		if seen := r.Header.Get("If-None-Match"); seen == "*" || strings.Contains(seen, tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	} else {
		// The name holds the content's hash.
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	body := zipped
	if acceptsGzip(r.Header.Values("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
	} else {
		body = unzip(zipped)
	}
	// A caller who has gone is nobody to tell.
	_, _ = w.Write(body) //nolint:gosec // a file that was built, whoever asks
}

var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
}

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors "

// secure sets the headers that keep a page to itself.
func (p *pages) secure(h http.Header, folder string) {
	ancestors := "'none'"
	if len(p.FrameAncestors) > 0 {
		ancestors = strings.Join(p.FrameAncestors, " ")
	} else {
		h.Set("X-Frame-Options", "DENY")
	}
	csp := policy + ancestors
	if folder == Console {
		// Text from endpoints cannot become markup, not even by a mistake. The viewer of the documentation makes some.
		csp += "; require-trusted-types-for 'script'; trusted-types 'none'"
	}
	h.Set("Content-Security-Policy", csp)
	// It matters to a window of its own; a frame keeps what embeds it.
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
}

func unzip(zipped []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		panic(fmt.Sprintf("console: an embedded file: %v", err))
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		panic(fmt.Sprintf("console: an embedded file: %v", err))
	}
	return plain
}
