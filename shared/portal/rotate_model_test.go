package portal

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// rotationModel is all that a partner needs to know of a webhook's secrets: which key verifies which header.
type rotationModel struct {
	*rotating
	t             *rapid.T
	current, next string
	ends          time.Time
	generation    int64
	secrets       int
	used          []string
}

// begin begins a step: a second after the last one, for the limit of requests in one second is not what is tested here.
func (m *rotationModel) begin(t *rapid.T) {
	m.t = t
	m.advance(time.Second)
	m.pass()
}

// pass makes the new secret the only one once the overlap has ended.
func (m *rotationModel) pass() {
	if m.next != "" && !m.clock().Before(m.ends) {
		m.current, m.next = m.next, ""
	}
}

// secret draws one that was used before or a new one.
func (m *rotationModel) secret() string {
	if rapid.IntRange(0, 2).Draw(m.t, "used before") == 0 {
		return rapid.SampledFrom(m.used).Draw(m.t, "secret")
	}
	m.secrets++
	s := fmt.Sprintf("secret-number-%d-of-the-model", m.secrets)
	m.used = append(m.used, s)
	return s
}

// asked fails the test unless the answer has the status.
func (m *rotationModel) asked(r response, status int) {
	m.t.Helper()
	if r.status != status {
		m.t.Fatalf("status %d, want %d: %s", r.status, status, r.body)
	}
	if status == http.StatusOK {
		m.generation++
	}
}

func (m *rotationModel) rotate(t *rapid.T) {
	m.begin(t)
	hours := rapid.SampledFrom([]int{0, 1, 24, 168}).Draw(t, "hours")
	replace := rapid.Bool().Draw(t, "replace")
	secret := m.secret()
	r := m.post("rotate", map[string]any{"secret": secret, "overlapHours": hours, "replace": replace})
	switch {
	case m.next != "" && !replace:
		m.asked(r, http.StatusConflict)
	case secret == m.current || secret == m.next:
		m.asked(r, http.StatusUnprocessableEntity)
	case hours == 0:
		m.asked(r, http.StatusOK)
		m.current, m.next = secret, ""
	default:
		m.asked(r, http.StatusOK)
		m.next = secret
		ends, err := time.Parse(time.RFC3339, r.json()["rotation"].(map[string]any)["endsAt"].(string))
		if late := ends.Sub(m.clock()) - time.Duration(hours)*time.Hour; err != nil || late < 0 || late >= time.Second {
			t.Fatalf("ends at %s: %v", ends, err)
		}
		m.ends = ends
	}
}

func (m *rotationModel) end(route string, kept string) {
	r := m.post(route, nil)
	if m.next == "" {
		m.asked(r, http.StatusConflict)
		return
	}
	m.asked(r, http.StatusOK)
	m.current, m.next = kept, ""
}

func (m *rotationModel) edit(t *rapid.T) {
	m.begin(t)
	secret := m.secret()
	if secret == m.current && m.next == "" {
		m.generation-- // it changes nothing
	}
	m.asked(m.patch(`{"secret":"`+secret+`","description":"edited"}`), http.StatusOK)
	m.current, m.next = secret, ""
}

func (m *rotationModel) editOther(t *rapid.T) {
	m.begin(t)
	m.secrets++
	m.asked(m.patch(fmt.Sprintf(`{"authHeader":{"value":"header-value-%d"}}`, m.secrets)), http.StatusOK)
}

func (m *rotationModel) wait(t *rapid.T) {
	m.t = t
	d := time.Duration(rapid.Int64Range(1, int64(30*time.Hour)).Draw(t, "time"))
	if left := m.ends.Sub(m.clock()); m.next != "" && left > 1 && rapid.Bool().Draw(t, "until the end") {
		d = left - time.Duration(rapid.IntRange(0, 1).Draw(t, "before it"))
	}
	m.advance(d)
}

// TestRotationModel does what partners do with secrets in any order, and asks after each step which key verifies what.
func TestRotationModel(t *testing.T) {
	rapid.Check(t, func(t2 *rapid.T) {
		m := &rotationModel{rotating: newRotating(t), t: t2, current: firstSecret, generation: 1, used: []string{firstSecret}}
		t2.Repeat(map[string]func(*rapid.T){
			"rotate": m.rotate, "edit": m.edit, "edit something else": m.editOther, "wait": m.wait,
			"complete": func(t *rapid.T) { m.begin(t); m.end("complete", m.next) },
			"cancel":   func(t *rapid.T) { m.begin(t); m.end("cancel", m.current) },
			"": func(t *rapid.T) {
				m.t = t
				m.pass()
				if fault := m.fault(m.current, m.next); fault != "" {
					t.Fatal(fault)
				}
				if s := m.stored("acme", m.id); s.Generation != m.generation {
					t.Fatalf("generation %d, want %d", s.Generation, m.generation)
				}
			},
		})
	})
}
