package payload_test

import (
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// The promise on every accepted template and every record.
const (
	mostTime   = 50 * time.Millisecond
	mostMemory = 16 << 20
)

// bounded runs f and holds the promise on its time and memory. A time that is too long is measured again, since machines
// do other things.
func bounded(t testing.TB, what, text string, f func()) {
	t.Helper()
	for try := range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		f()
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		if took > mostTime && try < 4 {
			continue
		}
		if took > mostTime*raceFactor {
			t.Errorf("%s %.200s took %v", what, text, took)
		}
		if m := after.TotalAlloc - before.TotalAlloc; m > mostMemory {
			t.Errorf("%s %.200s took %d KiB", what, text, m>>10)
		}
		return
	}
}

// compileBounded is payload.Compile within the promise.
func compileBounded(t testing.TB, text string) (template *payload.Template, err error) {
	t.Helper()
	bounded(t, "compiling", text, func() { template, err = payload.Compile(text) })
	return template, err
}

// bodyBounded builds a body within the promise, with no error but those that say what is wrong. It is nil if there is one.
func bodyBounded(t testing.TB, r payload.Record, template *payload.Template) (body []byte) {
	t.Helper()
	var err error
	bounded(t, "the body of", template.Text(), func() { body, err = r.Body(webhook.GuideNaming, template) })
	var failed *payload.TemplateError
	if err != nil && !errors.As(err, &failed) && !errors.Is(err, payload.ErrTooLarge) && !errors.Is(err, jsbytes.ErrTooDeep) {
		t.Errorf("%.200s: %v", template.Text(), err)
	}
	return body
}
