package console

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maxFirstLoad bounds what the console's first load weighs, compressed.
const maxFirstLoad = 150_000

// file returns an embedded file, compressed and plain.
func file(t *testing.T, page, name string) (zipped []byte, plain string) {
	t.Helper()
	b, err := fs.ReadFile(dist, path.Join("dist", page, name)+".gz")
	if err != nil {
		t.Fatal(err)
	}
	return b, string(unzip(b))
}

// needDist: CI leaves no test out. Elsewhere these wait for `make console`.
func needDist(t *testing.T) {
	t.Helper()
	if _, err := fs.Stat(dist, "dist/console/index.html.gz"); err == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("the pages are not built: make console")
	}
	t.Skip("the pages are not built: make console")
}

var (
	reference    = regexp.MustCompile(`(?:src|href)="([^"]+)"`)
	staticImport = regexp.MustCompile(`(?:\bfrom|\bimport) ?"(\./[^"]+)"`)
)

// firstLoad lists the files that a page loads before anything happens on it.
func firstLoad(t *testing.T, page string) []string {
	t.Helper()
	_, index := file(t, page, indexFile)
	files := []string{indexFile}
	add := func(found [][]string) {
		for _, m := range found {
			name := strings.TrimPrefix(m[1], "./")
			elsewhere := strings.Contains(name, ":") || strings.HasPrefix(name, "../")
			if !elsewhere && !slices.Contains(files, name) {
				files = append(files, name)
			}
		}
	}
	add(reference.FindAllStringSubmatch(index, -1))
	for i := 0; i < len(files); i++ {
		if path.Ext(files[i]) == ".js" {
			_, text := file(t, page, files[i])
			add(staticImport.FindAllStringSubmatch(text, -1))
		}
	}
	return files
}

func TestFirstLoadIsSmall(t *testing.T) {
	needDist(t)
	sum := 0
	files := firstLoad(t, "console")
	for _, name := range files {
		zipped, _ := file(t, "console", name)
		sum += len(zipped)
	}
	if len(files) < 3 || sum > maxFirstLoad {
		t.Errorf("%d bytes in %d files, want a page, its script and style in at most %d bytes: %v", sum, len(files), maxFirstLoad, files)
	}
}

// TestIndexNeedsNoInlineCode: the policy would refuse it.
func TestIndexNeedsNoInlineCode(t *testing.T) {
	needDist(t)
	inline := regexp.MustCompile(`(?i)<script(?:[^>]*)>[^<]|<style|\sstyle=|\son[a-z]+=|javascript:`)
	for _, page := range []string{"console", "docs"} {
		_, index := file(t, page, indexFile)
		if m := inline.FindString(index); m != "" {
			t.Errorf("%s: %q", page, m)
		}
		if !strings.Contains(index, `src="main-`) {
			t.Errorf("%s leads to no script", page)
		}
	}
}

// TestLicencesAreLinked: what is bundled is handed on to everybody who opens a page, with its licences.
func TestLicencesAreLinked(t *testing.T) {
	needDist(t)
	_, docs := file(t, "docs", indexFile)
	_, text := file(t, "docs", licencesFile)
	if !strings.Contains(docs, `href="`+licencesFile+`"`) || !strings.Contains(text, "\npreact ") {
		t.Errorf("no link, or no licences: %s%.200s", docs, text)
	}
}

// TestNoOtherHost: nothing that a page loads by itself lies on another host. What a script puts together is kept from it by
// the policy, and watched in the browser.
func TestNoOtherHost(t *testing.T) {
	needDist(t)
	files, err := fs.Glob(dist, "dist/*/*.gz")
	if err != nil {
		t.Fatal(err)
	}
	loaded := map[string]*regexp.Regexp{
		".html": regexp.MustCompile(`(?:src|href)="(?:[a-z]+:)?//[^"]*`),
		".css":  regexp.MustCompile(`(?:url\(|@import )["']?(?:[a-z]+:)?//[^"')]*`),
		".js":   regexp.MustCompile(`\b(?:fetch|import|from|sendBeacon|EventSource|WebSocket|Worker)[ (]*["'` + "`" + `](?:[a-z]+:)?//[^"')]*`),
	}
	for _, f := range files {
		page, name := path.Base(path.Dir(f)), strings.TrimSuffix(path.Base(f), ".gz")
		_, text := file(t, page, name)
		if address := loaded[path.Ext(name)]; address != nil {
			if m := address.FindString(text); m != "" {
				t.Errorf("%s: %s", f, m)
			}
		}
	}
}
