package portal

import (
	"strings"
	"testing"
)

// What stands in a list may be of any type, and none may stand there twice.
func TestListsOfNames(t *testing.T) {
	w := newWorld(t)
	key := w.partner("acme")
	hook := "/v1/webhooks/" + w.webhook(key, nil)
	for _, r := range []struct{ method, path, field, body, item string }{
		{"POST", "/v1/webhooks", "eventTypes", `{"url":"https://hooks.example.com/in","eventTypes":LIST}`, "verification.failed"},
		{"PATCH", hook, "eventTypes", `{"eventTypes":LIST}`, "verification.failed"},
		{"POST", hook + "/recover", "states", `{"since":"2026-01-31T00:00:00Z","dryRun":true,"states":LIST}`, "held"},
	} {
		send := func(list string) response {
			return w.do(req{method: r.method, path: r.path, key: key, body: strings.Replace(r.body, "LIST", list, 1)})
		}
		for _, list := range []string{`[{}]`, `[[]]`, `[{},{}]`, `[[],{}]`, `[1,1]`, `[null]`, `{}`, `[]`, `["` + r.item + `","` + r.item + `"]`} {
			if got := send(list).problem(422); !strings.Contains(got.body, `"body.`+r.field) {
				t.Errorf("%s %s with %s: %s", r.method, r.path, list, got.body)
			}
		}
		if got := send(`["` + r.item + `"]`); got.status >= 300 {
			t.Errorf("%s %s: %d %s", r.method, r.path, got.status, got.body)
		}
	}
}
