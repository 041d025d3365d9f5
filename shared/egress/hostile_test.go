package egress

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// row is one behaviour of an endpoint and what a delivery to it comes to.
type row struct {
	name, tls string
	// speak is the endpoint's side of a connection; nil if nobody listens.
	speak func(*peer)

	status  int
	code    webhook.ErrorCode // "" for a delivery
	text    string            // part of the message
	excerpt string            // all of it; "" too, unless check is set
	// after is how long the endpoint can make a delivery wait.
	after time.Duration
	check func(*testing.T, webhook.Response)
}

// The times of the client that meets the rows.
const (
	connecting = 500 * time.Millisecond
	answering  = 300 * time.Millisecond
	reading    = 200 * time.Millisecond
	// slack is what anything may take besides, on a busy machine.
	slack = time.Second
	// maxMemory bounds what the client allocates for one delivery, in bytes.
	maxMemory = 1 << 20
)

func hostileRows() []row {
	return slices.Concat(connectRows(), stageRows(), sizeRows(), formRows(), contentRows())
}

// hostileRequest is as large as requests get: the body's limit, and three secrets at theirs.
func hostileRequest(url string) webhook.Request {
	r := post(url)
	const start, end = `{"pad":"`, `","type":"verification.completed"}`
	r.Body = []byte(start + strings.Repeat("a", 102_400-len(start)-len(end)) + end)
	next := webhook.SecretPrefix + strings.Repeat("Bq/+", 21) + "Bg=="
	header := "Bearer " + strings.Repeat(`"'/+=<&~`, 511)
	r.Headers = append(r.Headers,
		webhook.Header{Name: "authorization", Value: hostileHeader}, webhook.Header{Name: "x-webhook-test", Value: hostileSecret})
	r.Redact = []string{hostileSecret, hostileHeader, next, header}
	return r
}

// TestHostile meets every row with one delivery. The server is another process, so what this one allocates meanwhile
// is the client's: TotalAlloc counts every byte that was ever allocated, whether garbage by now or not, so that it is
// never less than the most memory in use.
func TestHostile(t *testing.T) {
	server, roots := startHostile(t)
	o := quick()
	o.ConnectTimeout, o.AnswerTimeout, o.ExcerptTimeout, o.WriteTimeout = connecting, answering, reading, time.Second
	var largest uint64
	var where string
	rows := hostileRows()
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			c := newTestClient(t, o)
			c.tls.RootCAs = roots
			request := hostileRequest(server.url(r.name))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			resp := c.Send(t.Context(), request)
			runtime.ReadMemStats(&after)
			used := after.TotalAlloc - before.TotalAlloc
			if used > maxMemory*raceFactor {
				t.Errorf("%d bytes were allocated, want at most %d", used, maxMemory)
			}
			if used > largest {
				largest, where = used, r.name
			}
			r.judge(t, resp)
		})
	}
	t.Logf("the largest delivery allocated %d bytes: %s", largest, where)
	counts := server.count()
	for _, r := range rows {
		if n := counts[r.name]; n > 1 {
			t.Errorf("%s: %d requests, want 1 at most", r.name, n)
		}
	}
}

func (r row) judge(t *testing.T, resp webhook.Response) {
	t.Helper()
	if resp.StatusCode != r.status || resp.ErrorCode != r.code || resp.OK() != (r.code == "") {
		t.Errorf("got %d %q (%s), want %d %q", resp.StatusCode, resp.ErrorCode, resp.ErrorMessage, r.status, r.code)
	}
	if m := resp.ErrorMessage; (m == "") != (r.code == "") || !strings.Contains(m, r.text) || strings.Contains(m, "127.") {
		t.Errorf("message %q", m)
	}
	if resp.Duration < r.after || resp.Duration > r.after+slack {
		t.Errorf("took %v, want %v to %v", resp.Duration, r.after, r.after+slack)
	}
	if r.check == nil || r.excerpt != "" {
		if resp.Excerpt != r.excerpt {
			t.Errorf("excerpt %.200q, want %q", resp.Excerpt, r.excerpt)
		}
	}
	if r.check != nil {
		r.check(t, resp)
	}
}
