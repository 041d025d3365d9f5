package e2e

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

// guideCases are the four events, and what the partner guide's handler must do about each.
var guideCases = []struct { //nolint:gochecknoglobals // a table
	session                          string
	from, to                         string
	eventType, outcome, notification string
}{
	{"1001", "IN_PROGRESS", "VERIFIED", "verification.completed", "success", "success"},
	{"1002", "IN_PROGRESS", "FAILED", "verification.failed", "failed", "failure"},
	{"1003", "PENDING", "EXPIRED", "verification.expired", "failed", "failure"},
	{"1004", "MANUAL_REVIEW", "VERIFIED", "verification.manual_review_completed", "success", "success"},
	{"1005", "MANUAL_REVIEW", "FAILED", "verification.manual_review_completed", "failed", "failure"},
}

func TestGuideReceiverExpress5(t *testing.T) {
	w := theWorld(t)
	testGuideReceiver(t, w, local.NewReceiver(w.ports.Receiver(), w.ports.Control()))
}

func TestGuideReceiverExpress4(t *testing.T) {
	w := theWorld(t)
	r, err := express4Once()
	must(t, err)
	testGuideReceiver(t, w, r)
}

// testGuideReceiver holds the effect on the guide's handler: not that it answers 200, but that it verified the
// signature, updated the right session to the right status and sent the right notification, once.
func testGuideReceiver(t *testing.T, w *world, r local.Receiver) {
	for _, naming := range []string{"guide", "detailed"} {
		t.Run(naming, func(t *testing.T) {
			p := newPartner(t, w)
			h := p.webhook(r.URL(p.id), map[string]any{"typeNaming": naming})
			must(t, r.SetPartner(t.Context(), p.id, h.Secret))
			for _, c := range guideCases {
				item := local.GuideRecord(newID("guide"), p.id, c.from)
				item["sessionId"] = num(c.session)
				p.put(item)
				p.set(idOf(item), c.to)
			}
			var e local.Effects
			await(t, "five requests answered", 20*time.Second, func() bool {
				var err error
				e, err = r.Effects(t.Context(), p.id)
				return err == nil && len(e.Requests) >= len(guideCases) && answered(e)
			})
			checkRequests(t, e, naming)
			checkEffects(t, e, naming)
		})
	}
}

func answered(e local.Effects) bool {
	for _, r := range e.Requests {
		if r.Status == 0 {
			return false
		}
	}
	return true
}

func checkRequests(t *testing.T, e local.Effects, naming string) {
	t.Helper()
	if len(e.Requests) != len(guideCases) {
		t.Errorf("%d requests, want %d", len(e.Requests), len(guideCases))
	}
	for _, r := range e.Requests {
		data, _ := r.Body["data"].(map[string]any)
		session := fmt.Sprint(data["sessionId"])
		for _, c := range guideCases {
			if c.session != session {
				continue
			}
			wantType := "verification.completed"
			if naming == "detailed" {
				wantType = c.eventType
			}
			got := fmt.Sprint(r.Verified, r.Status, r.Headers["x-webhook-event"], r.Headers["x-webhook-attempt"], r.Body["type"], r.Body["status"], data["status"])
			want := fmt.Sprint(true, 200, c.eventType, "1", wantType, c.outcome, c.to)
			if got != want {
				t.Errorf("session %s: got %s, want %s", session, got, want)
			}
		}
	}
}

func checkEffects(t *testing.T, e local.Effects, naming string) {
	t.Helper()
	statuses, kinds := map[string]string{}, map[string]string{}
	for _, c := range guideCases {
		// The guide's handler acts on verification.completed alone, so detailed types are for others to act on.
		if naming == "guide" || c.eventType == "verification.completed" {
			statuses[c.session], kinds[c.session] = c.to, c.notification
		}
	}
	got := map[string]string{}
	for _, n := range e.Notifications {
		got[fmt.Sprint(n.SessionID)] = n.Kind
	}
	if !maps.Equal(e.Statuses, statuses) {
		t.Errorf("statuses are %v, want %v", e.Statuses, statuses)
	}
	if !maps.Equal(got, kinds) || len(e.Notifications) != len(kinds) {
		t.Errorf("notifications are %v, want %v", e.Notifications, kinds)
	}
}

// A verification system writes with boto3; it knows nothing of webhooks.
func TestRecordWrittenByBoto3(t *testing.T) {
	w := theWorld(t)
	p := newPartner(t, w)
	r := local.NewReceiver(w.ports.Receiver(), w.ports.Control())
	h := p.webhook(r.URL(p.id), nil)
	must(t, r.SetPartner(t.Context(), p.id, h.Secret))
	id := newID("boto3")

	python := filepath.Join("..", ".state", "venv", "bin", "python")
	cmd := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "verification_system.py"),
		w.run.AWSEndpoint, w.run.VerificationsTable, id, p.id)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_DEFAULT_REGION=" + local.Region}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	var e local.Effects
	await(t, "the request answered", 20*time.Second, func() bool {
		var err error
		e, err = r.Effects(t.Context(), p.id)
		return err == nil && len(e.Requests) > 0 && answered(e)
	})
	if len(e.Requests) != 1 || !e.Requests[0].Verified || e.Statuses["77"] != "VERIFIED" {
		t.Errorf("the handler saw %+v", e)
	}
	d := p.awaitDelivery(h.ID, id, "delivered", 10*time.Second)
	// Decimals as JavaScript would write them: a number where it is exact, a string where digits would be lost.
	want := `{"type":"verification.completed","status":"success","data":{"verificationId":"` + id + `","sessionId":77,` +
		`"status":"VERIFIED","proofData":{"balance":1234.5,"big":"12345678901234567890.5","nothing":null,"tags":["a","b"]},` +
		`"formattedData":{"ok":true}}}`
	if d.Body == nil || *d.Body != want {
		t.Errorf("the body is\n%s, want\n%s", deref(d.Body), want)
	}
}

func deref(s *string) string {
	if s == nil {
		return "absent"
	}
	return *s
}
