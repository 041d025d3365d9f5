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

// bounded builds a body and holds the promise: its time, its memory, no panic, and only errors that say what is wrong. It
// returns the body, nil if there is none. A time is measured again when it is too long, since machines do other things.
func bounded(t testing.TB, r payload.Record, template *payload.Template) []byte {
	t.Helper()
	for try := range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		body, err := r.Body(webhook.GuideNaming, template)
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		if took > mostTime && try < 4 {
			continue
		}
		if took > mostTime*raceFactor {
			t.Errorf("%.200s took %v", template.Text(), took)
		}
		if m := after.TotalAlloc - before.TotalAlloc; m > mostMemory {
			t.Errorf("%.200s took %d KiB", template.Text(), m>>10)
		}
		var failed *payload.TemplateError
		if err != nil && !errors.As(err, &failed) && !errors.Is(err, payload.ErrTooLarge) && !errors.Is(err, jsbytes.ErrTooDeep) {
			t.Errorf("%.200s: %v", template.Text(), err)
		}
		return body
	}
	return nil
}
