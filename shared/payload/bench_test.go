package payload_test

import (
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// usual is a change of 1.7 KB, whose default body has 634 bytes.
func usual() []byte {
	attributes := `"verificationId":{"S":"ver_01hzx3k9q2m7"},"partnerId":{"S":"prt_06fhv37201jqgrbde1p6asbrc4"},` +
		`"sessionId":{"N":"18273645"},"stepId":{"N":"3"},"proofData":{"M":{"income":{"M":{"monthlyAmount":{"N":"5231.75"},` +
		`"currency":{"S":"USD"},"verified":{"BOOL":true},"source":{"S":"chase-bank"}}},"accounts":{"L":[{"M":{"bank":{"S":"chase"},` +
		`"last4":{"S":"4821"},"months":{"N":"24"}}}]}}},"status":{"S":"`
	rest := `"formattedData":{"M":{"incomeVerified":{"BOOL":true},"verificationScore":{"N":"95"},"employer":{"S":"Example Ltd"}}},` +
		`"metadata":{"M":{"dataSource":{"S":"chase-bank"},"processingTimeMs":{"N":"15000"},"verifiedAt":{"S":"2026-07-01T14:30:00Z"},` +
		`"reference":{"S":"loan-789-0001"},"notes":{"S":"` + usualNotes + `"}}}`
	return []byte(`{"eventID":"c4ca4238a0b923820dcc509a6f75849b","eventName":"MODIFY","eventVersion":"1.1",` +
		`"eventSource":"aws:dynamodb","awsRegion":"eu-west-1","dynamodb":{"ApproximateCreationDateTime":1782907200,` +
		`"Keys":{"verificationId":{"S":"ver_01hzx3k9q2m7"}},"NewImage":{` + attributes + `VERIFIED"},` + rest + `},` +
		`"OldImage":{` + attributes + `IN_PROGRESS"}},"SequenceNumber":"111100000000000000000001","SizeBytes":512,` +
		`"StreamViewType":"NEW_AND_OLD_IMAGES"},"eventSourceARN":"arn:aws:dynamodb:eu-west-1:111122223333:table/verification-records-production/` +
		`stream/2026-07-01T00:00:00.000"}`)
}

const usualNotes = "income checked against twelve statements of account; no question is left open since today, 14:30h"

func BenchmarkDecode(b *testing.B) {
	raw := usual()
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, ok, err := payload.Decode(raw); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

// BenchmarkBody is a record with its first body, and a body that was built before.
func BenchmarkBody(b *testing.B) {
	raw := usual()
	b.Run("first", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r, _, _ := payload.Decode(raw)
			if _, err := r.Body(webhook.GuideNaming, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("again", func(b *testing.B) {
		b.ReportAllocs()
		r, _, _ := payload.Decode(raw)
		for b.Loop() {
			if _, err := r.Body(webhook.GuideNaming, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestAllocations: what a record and its bodies take is counted exactly, so that nothing comes in unnoticed.
func TestAllocations(t *testing.T) {
	raw := usual()
	r, _, err := payload.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := r.Body(webhook.GuideNaming, nil); err != nil || len(b) != 634 || len(raw) < 1690 || len(raw) > 1710 {
		t.Fatalf("a record of %d bytes and a body of %d, %v", len(raw), len(b), err)
	}
	for _, tt := range []struct {
		what string
		most float64
		f    func()
	}{
		{"a record", 13, func() { _, _, _ = payload.Decode(raw) }},
		{"a record with its body", 15, func() {
			r, _, _ := payload.Decode(raw)
			_, _ = r.Body(webhook.GuideNaming, nil)
		}},
		{"a body that was built before", 0, func() { _, _ = r.Body(webhook.DetailedNaming, nil) }},
		{"the position of a record", 2, func() { _, _ = payload.SequenceNumber(raw) }},
	} {
		if n := testing.AllocsPerRun(100, tt.f); n > tt.most {
			t.Errorf("%s takes %v allocations, want %v", tt.what, n, tt.most)
		}
	}
}
