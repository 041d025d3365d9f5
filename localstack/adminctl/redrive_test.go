package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// stage is an administration with things parked, two to a page, and dead letters.
type stage struct {
	mu       sync.Mutex
	parked   []map[string]any
	dead     int
	perCall  int
	redriven []string
	fail     string // the id that cannot be redriven
}

func (s *stage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := func(v any) { _ = json.NewEncoder(w).Encode(v) }
	id, isRedrive := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/dev/admin/parked/"), "/redrive")
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/dev/admin/parked":
		var from int
		_, _ = fmt.Sscan(r.URL.Query().Get("cursor"), &from)
		page := map[string]any{"items": s.parked[from:min(from+2, len(s.parked))]}
		if from+2 < len(s.parked) {
			page["nextCursor"] = fmt.Sprint(from + 2)
		}
		answer(page)
	case r.Method == http.MethodPost && r.URL.Path == "/dev/admin/dead-letters/redrive":
		n := min(s.dead, s.perCall)
		s.dead -= n
		answer(map[string]int{"moved": n, "left": s.dead})
	case r.Method == http.MethodGet && r.URL.Path == "/dev/admin/dead-letters":
		answer(map[string]int{"left": s.dead})
	case isRedrive && id == s.fail:
		w.WriteHeader(http.StatusServiceUnavailable)
	case isRedrive && id == "gone":
		w.WriteHeader(http.StatusNotFound)
	case isRedrive && r.Method == http.MethodPost:
		s.redriven = append(s.redriven, id)
		w.WriteHeader(http.StatusAccepted)
		answer(map[string]string{"id": id})
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func serve(t *testing.T, s *stage) {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	t.Setenv("ADMIN_URL", server.URL+"/dev")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_REGION", "eu-west-1")
}

func newStage() *stage {
	return &stage{dead: 25, perCall: 10, parked: []map[string]any{
		{"id": "prk_1", "kind": "record", "reason": "wrong_type", "attribute": "sessionId", "detail": "sessionId is not of type N",
			"partnerId": "acme", "verificationId": "ver\n1", "parkedAt": "2026-03-04T05:06:07Z"},
		{"id": "gone", "kind": "record", "reason": "missing_partner"},
		{"id": "lost_x", "kind": "lost", "reason": "left_stream"},
	}}
}

func TestRedriveLists(t *testing.T) {
	s := newStage()
	serve(t, s)
	var out bytes.Buffer
	if err := run(t.Context(), []string{"redrive", "", ""}, &out); err != nil {
		t.Fatal(err)
	}
	want := "prk_1\trecord\twrong_type\t2026-03-04T05:06:07Z\tacme\t\"ver\\n1\"\tsessionId\tsessionId is not of type N\n" +
		"gone\trecord\tmissing_partner\t\t\t\t\t\nlost_x\tlost\tleft_stream\t\t\t\t\t\n" +
		"3 parked, 25 dead letters. `make redrive ID=<id>` handles one again, `make redrive ALL=1` everything.\n"
	if out.String() != want || len(s.redriven) != 0 || s.dead != 25 {
		t.Errorf("got %q, redriven %v, %d dead letters", out.String(), s.redriven, s.dead)
	}
}

func TestRedriveOneOrAll(t *testing.T) {
	for _, c := range []struct {
		args     []string
		redriven []string
		dead     int
	}{
		{[]string{"redrive", "prk_1"}, []string{"prk_1"}, 25},
		{[]string{"redrive", "", "1"}, []string{"lost_x", "prk_1"}, 0},
		{[]string{"dead-letters"}, nil, 0},
	} {
		s := newStage()
		serve(t, s)
		var out bytes.Buffer
		if err := run(t.Context(), c.args, &out); err != nil {
			t.Fatal(err)
		}
		slices.Sort(s.redriven)
		if !slices.Equal(s.redriven, c.redriven) || s.dead != c.dead || out.Len() == 0 {
			t.Errorf("%v: redriven %v, %d dead letters, %q", c.args, s.redriven, s.dead, out.String())
		}
	}
	s := newStage()
	serve(t, s)
	s.fail = "prk_1"
	err := run(t.Context(), []string{"redrive", "", "1"}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "prk_1: 503") || s.dead != 0 || !slices.Equal(s.redriven, []string{"lost_x"}) {
		t.Errorf("%v, redriven %v, %d dead letters: one that fails must not keep back the others", err, s.redriven, s.dead)
	}
	for _, args := range [][]string{{"redrive", "prk_1", "1"}, {"redrive", "", "yes"}, {"redrive", "gone"}} {
		if err := run(t.Context(), args, io.Discard); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}
