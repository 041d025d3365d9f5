package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Each function's own program handles the event to try it with, as Lambda would hand it over: nothing of it fails.
func TestEventFilesAreHandled(t *testing.T) {
	b := &bench{root: filepath.Join("..", ".."), dir: t.TempDir()}
	ca, err := local.EnsureCA(local.Dir(b.dir))
	if err != nil {
		t.Fatal(err)
	}
	b.ca = ca
	w, err := b.newWorld(0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	// The partner of the dispatcher's and the retrier's events.
	made := time.Now()
	p := webhook.Partner{ID: "prt_06fhv37201jqgrbde1p6asbrc4", Name: "Event files", CreatedAt: made, UpdatedAt: made}
	if err := w.store.Commit(t.Context(), webhook.Change{Partner: &p}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{ // what the answer begins with
		"dispatcher": `{"batchItemFailures":[]}`, "retrier": `{"batchItemFailures":[]}`,
		"portal": `{"statusCode":200,`, "admin": `{"statusCode":200,`, "sweeper": `null`,
	}
	for _, name := range functionNames() {
		if _, err := os.Stat(b.binary(name)); err != nil {
			if testing.Short() {
				t.Skip("the quick tier does not build the functions")
			}
			t.Fatalf("%v: `make build-local` builds it", err)
		}
		event, err := os.ReadFile(filepath.Join(b.root, "functions", name, "testdata", "event.json"))
		if err != nil {
			t.Fatal(err)
		}
		f, err := w.function(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		i, err := f.invoke(t.Context(), event, 10*time.Second)
		f.stop()
		if err == nil {
			err = i.err
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if answer := string(i.answer); !strings.HasPrefix(answer, want[name]) {
			t.Errorf("%s answers %.300s, want %s", name, answer, want[name])
		}
	}
}
