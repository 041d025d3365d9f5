package lambdarun

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/cr3dentials/verification-webhooks/shared/queue"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func streamEvent(sequences ...string) []byte {
	var records []string
	for _, s := range sequences {
		records = append(records, fmt.Sprintf(`{"dynamodb":{"SequenceNumber":%q}}`, s))
	}
	return []byte(`{"Records":[` + strings.Join(records, ",") + `]}`)
}

// failed marks the records whose sequence number is listed.
func failed(sequences ...string) func(context.Context, [][]byte) []error {
	return func(_ context.Context, records [][]byte) []error {
		errs := make([]error, len(records))
		for i, r := range records {
			for _, s := range sequences {
				if strings.Contains(string(r), `"`+s+`"`) {
					errs[i] = errors.New("failed")
				}
			}
		}
		return errs
	}
}

func TestStreamReportsTheLowestFailure(t *testing.T) {
	tests := []struct {
		name   string
		failed []string
		want   string
	}{
		{"none", nil, `{"batchItemFailures":[]}`},
		{"one", []string{"100"}, `{"batchItemFailures":[{"itemIdentifier":"100"}]}`},
		{"lowest as a number, not as text", []string{"100", "20"}, `{"batchItemFailures":[{"itemIdentifier":"20"}]}`},
		{"beyond 64 bits", []string{"400000000000000000000000002", "400000000000000000000000001"}, `{"batchItemFailures":[{"itemIdentifier":"400000000000000000000000001"}]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			event := streamEvent("3", "100", "20", "400000000000000000000000002", "400000000000000000000000001")
			out, _, err := StreamEvent(context.Background(), event, failed(tt.failed...))
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := json.Marshal(out); string(got) != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestStreamFailsWholeWhereItCannotSayWhat(t *testing.T) {
	if _, _, err := StreamEvent(context.Background(), []byte(`[]`), failed()); err == nil {
		t.Error("an event that is none was acknowledged")
	}
	all := func(_ context.Context, r [][]byte) []error { return []error{nil, errors.New("failed")} }
	if _, _, err := StreamEvent(context.Background(), []byte(`{"Records":[{},{}]}`), all); err == nil {
		t.Error("a failed record without a number was acknowledged")
	}
}

func TestQueueReportsEachFailure(t *testing.T) {
	body := func(id string) string {
		b, err := queue.Encode(webhook.Message{Kind: webhook.RedriveMessage, ParkedID: id})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	event, _ := json.Marshal(events.SQSEvent{Records: []events.SQSMessage{
		{MessageId: "m1", Body: body("a")}, {MessageId: "m2", Body: "not ours"}, {MessageId: "m3", Body: body("b")}, {MessageId: "m4", Body: body("c")},
	}})
	var got []string
	out, _, err := QueueEvent(context.Background(), event, func(_ context.Context, ms []webhook.Message) []error {
		for _, m := range ms {
			got = append(got, m.ParkedID)
		}
		return []error{nil, errors.New("failed"), nil}
	})
	if err != nil || !reflect.DeepEqual(got, []string{"a", "b", "c"}) {
		t.Fatalf("%v, %v", got, err)
	}
	if b, _ := json.Marshal(out); string(b) != `{"batchItemFailures":[{"itemIdentifier":"m2"},{"itemIdentifier":"m3"}]}` {
		t.Errorf("%s", b)
	}
}

func TestInvocationIsLoggedOnce(t *testing.T) {
	for _, fail := range []error{nil, errors.New("broken")} {
		var log bytes.Buffer
		h := handler{log: NewLogger(&log, "dispatcher"), invoke: func(context.Context, []byte) (any, []slog.Attr, error) {
			return map[string]int{"a": 1}, nil, fail
		}}
		out, err := h.Invoke(context.Background(), nil)
		if !errors.Is(err, fail) || (fail == nil) != (string(out) == `{"a":1}`) {
			t.Errorf("%s, %v", out, err)
		}
		if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), `"event":"invocation"`) {
			t.Errorf("log %s", log.String())
		}
	}
}
