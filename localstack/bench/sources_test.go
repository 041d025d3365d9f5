package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/cr3dentials/verification-webhooks/localstack/bench/stub"
	"github.com/cr3dentials/verification-webhooks/shared/signature"
)

// poll takes one event from a runtime, as a function does, and answers what answer makes of it.
func poll(t *testing.T, r *lambdaRuntime, answer func(event []byte) string) {
	t.Helper()
	base := "http://" + r.address + runtimePath + "invocation/"
	resp, err := http.Get(base + "next")
	if err != nil {
		t.Fatal(err)
	}
	event, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	out, err := http.Post(base+resp.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/response", "application/json", strings.NewReader(answer(event)))
	if err != nil {
		t.Fatal(err)
	}
	_ = out.Body.Close()
}

// TestLane: what has arrived goes in one batch, a hundred records at most, and from the one that failed it comes again.
func TestLane(t *testing.T) {
	r, err := newRuntime()
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	l, m := newLane(&function{lambdaRuntime: r}), newMaker(10)
	var sequences []string
	for range 120 {
		raw := m.record("p", time.Now())
		sequences = append(sequences, decoded(raw).Event.Sequence)
		l.put(raw)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- l.run(ctx) }()
	for i, want := range []struct{ from, to, failed int }{{0, 100, 40}, {40, 120, -1}, {120, 121, -1}} {
		poll(t, r, func(event []byte) string {
			var e struct{ Records []json.RawMessage }
			if err := json.Unmarshal(event, &e); err != nil {
				t.Fatal(err)
			}
			first := decoded(e.Records[0]).Event.Sequence
			if len(e.Records) != want.to-want.from || first != sequences[want.from] {
				t.Errorf("batch %d has %d records from %s on", i, len(e.Records), first)
			}
			if want.failed < 0 {
				return `{"batchItemFailures":[]}`
			}
			return fmt.Sprintf(`{"batchItemFailures":[{"itemIdentifier":%q}]}`, sequences[want.failed])
		})
		if i == 1 { // it waits for more
			raw := m.record("p", time.Now())
			sequences = append(sequences, decoded(raw).Event.Sequence)
			l.put(raw)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestQueueEvent(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_123)
	var e events.SQSEvent
	err := json.Unmarshal(queueEvent([]stub.Message{{ID: "m1", Body: `{"a":1}`, GroupID: "g", SentAt: at}, {ID: "m2"}}), &e)
	if err != nil || len(e.Records) != 2 {
		t.Fatalf("got %+v, %v", e, err)
	}
	if r := e.Records[0]; r.MessageId != "m1" || r.Body != `{"a":1}` || r.Attributes["SentTimestamp"] != "1700000000123" || r.Attributes["MessageGroupId"] != "g" {
		t.Errorf("got %+v", r)
	}
}

// TestReceiver: what the query of an endpoint says, it does.
func TestReceiver(t *testing.T) {
	const secret, body = "whsec_bench", `{"type":"x"}`
	s := &receiverServer{secret: secret}
	post := func(query, sent string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/webhook?"+query, strings.NewReader(body))
		r.Header.Set("x-webhook-signature", sent)
		r.Header.Set("webhook-id", "dlv_1")
		r.Header.Set("x-webhook-attempt", "2")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}
	if w := post("", ""); w.Code != http.StatusOK || w.Body.Len() > 0 {
		t.Errorf("got %d, %d bytes", w.Code, w.Body.Len())
	}
	if w := post("size=1000", ""); w.Code != http.StatusOK || !bytes.Equal(w.Body.Bytes(), make([]byte, 1000)) {
		t.Errorf("got %d, %d bytes", w.Code, w.Body.Len())
	}
	began := time.Now()
	if post("delay=30ms", ""); time.Since(began) < 30*time.Millisecond {
		t.Errorf("it answered after %v", time.Since(began))
	}
	if w := post("verify=1&record=1", signature.Hex(secret, []byte(body))); w.Code != http.StatusOK {
		t.Errorf("a right signature gets %d", w.Code)
	}
	if w := post("verify=1", signature.Hex(secret, []byte("other"))); w.Code != http.StatusUnauthorized {
		t.Errorf("a wrong signature gets %d", w.Code)
	}
	for _, want := range []arrived{{Posts: 5, Refused: 1, Arrivals: []arrival{{ID: "dlv_1", Attempt: "2"}}}, {}} {
		w := httptest.NewRecorder()
		s.control().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/arrivals", nil))
		var got arrived
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if got.Posts != want.Posts || got.Refused != want.Refused || len(got.Arrivals) != len(want.Arrivals) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		for i, a := range got.Arrivals {
			if at := time.Unix(0, a.At); a.ID != want.Arrivals[i].ID || a.Attempt != want.Arrivals[i].Attempt || at.Before(began) || at.After(time.Now()) {
				t.Errorf("got %+v", a)
			}
		}
	}
}
