package lambdarun

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/cr3dentials/verification-webhooks/shared/payload"
)

// TestStreamHandsOutTheEventsMemory: records are not copied, and nothing is decoded again unless a record failed.
func TestStreamHandsOutTheEventsMemory(t *testing.T) {
	event := []byte(` { "Records" : [ ` + strings.Repeat(string(usualRecord())+" ,\n", 99) + string(usualRecord()) + `]}`)
	errs := make([]error, 100)
	f := func(_ context.Context, records [][]byte) []error {
		for _, r := range records {
			if string(r) != string(usualRecord()) {
				t.Errorf("got %s", r)
			}
			r[1] = 'x'
		}
		return errs[:len(records)]
	}
	out, _, err := StreamEvent(context.Background(), event, f)
	if answer, _ := json.Marshal(out); err != nil || string(answer) != `{"batchItemFailures":[]}` {
		t.Fatalf("%s, %v", answer, err)
	}
	if n := strings.Count(string(event), "{xeventID"); n != 100 {
		t.Errorf("%d of 100 records are the event's own memory", n)
	}
}

// TestStreamRefuses what is no stream event; what has no records is none to refuse.
func TestStreamRefuses(t *testing.T) {
	for _, event := range []string{"", " ", "x", "[]", "7", `"Records"`, "{", `{"Records":{}}`, `{"Records":"x"}`, `{"Records":[}`, `{"Records":[{]}`,
		`{"Records":[{"a":01}]}`, `{"Records":[]} x`, `{"Records":[]}{"Records":[]}`, `{"Records":[],"Records":1}`, `{"Records":1,"Records":[]}`} {
		_, _, err := StreamEvent(context.Background(), []byte(event), func(context.Context, [][]byte) []error {
			t.Errorf("%s is handled", event)
			return nil
		})
		if err == nil {
			t.Errorf("%s is acknowledged", event)
		}
	}
	for _, event := range []string{"{}", "null", `{"Records":[]}`, `{"Records":null}`, `{"Records":[{}],"Records":[]}`} {
		if _, _, err := StreamEvent(context.Background(), []byte(event), failed()); err != nil {
			t.Errorf("%s: %v", event, err)
		}
	}
}

// usualRecord is a change of 1.7 KB.
func usualRecord() []byte {
	image := func(status string) string {
		return `{"verificationId":{"S":"ver_01hzx3k9q2m7"},"partnerId":{"S":"prt_06fhv37201jqgrbde1p6asbrc4"},"sessionId":{"N":"18273645"},` +
			`"stepId":{"N":"3"},"status":{"S":"` + status + `"},"proofData":{"M":{"income":{"M":{"monthlyAmount":{"N":"5231.75"},"currency":` +
			`{"S":"USD"},"verified":{"BOOL":true},"source":{"S":"chase-bank"}}},"accounts":{"L":[{"M":{"bank":{"S":"chase"},"last4":{"S":"4821"},` +
			`"months":{"N":"24"}}}]}}}`
	}
	return []byte(`{"eventID":"c4ca4238a0b923820dcc509a6f75849b","eventName":"MODIFY","eventVersion":"1.1","eventSource":"aws:dynamodb",` +
		`"awsRegion":"eu-west-1","dynamodb":{"ApproximateCreationDateTime":1782907200,"Keys":{"verificationId":{"S":"ver_01hzx3k9q2m7"}},` +
		`"NewImage":` + image("VERIFIED") + `,"formattedData":{"M":{"incomeVerified":{"BOOL":true},"verificationScore":{"N":"95"},` +
		`"employer":{"S":"Example Ltd"}}},"metadata":{"M":{"dataSource":{"S":"chase-bank"},"processingTimeMs":{"N":"15000"},"verifiedAt":` +
		`{"S":"2026-07-01T14:30:00Z"},"reference":{"S":"loan-789-0001"},"channel":{"S":"partner-portal, web"},"region":{"S":"us-east"}}}},` +
		`"OldImage":` + image("IN_PROGRESS") + `},"SequenceNumber":"111100000000000000000001","SizeBytes":512,"StreamViewType":` +
		`"NEW_AND_OLD_IMAGES"},"eventSourceARN":"arn:aws:dynamodb:eu-west-1:111122223333:table/verifications/stream/2026-07-01T00:00:00.000"}`)
}

func usualEvent() []byte {
	return []byte(`{"Records":[` + strings.Repeat(string(usualRecord())+",", 99) + string(usualRecord()) + `]}`)
}

// processor is the processor's time that the process took: what else the machine does is not in it.
func processor(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkDecode is 100 records of 1.7 KB, from the event's bytes: by StreamEvent and payload.Decode, and by
// aws-lambda-go's type, which knows nothing yet of events and bodies.
func BenchmarkDecode(b *testing.B) {
	event := usualEvent()
	run := func(name string, decode func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(event)))
			before := processor(b)
			for b.Loop() {
				if err := decode(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((processor(b)-before).Microseconds())/float64(b.N)/100, "cpu-us/record")
		})
	}
	run("ours", func() error {
		_, _, err := StreamEvent(context.Background(), event, func(_ context.Context, records [][]byte) []error {
			errs := make([]error, len(records))
			for i, r := range records {
				if _, ok, err := payload.Decode(r); !ok || err != nil {
					errs[i] = errors.Join(err, errors.New("no event"))
				}
			}
			return errs
		})
		return err
	})
	run("aws-lambda-go", func() error {
		var e events.DynamoDBEvent
		return json.Unmarshal(event, &e)
	})
}
