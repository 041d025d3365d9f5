package payload

import (
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// SampleVerificationID is the verification id of every sample; no real event has it.
const SampleVerificationID = "test_123"

// Sample returns the default body of a made-up event of type t. The `test` route sends that of webhook.Completed. A
// manual review is shown as one that ended well.
func Sample(t webhook.EventType, n webhook.TypeNaming) []byte {
	body, _ := SampleWith(t, n, nil) // a sample is neither large nor deep
	return body
}

// SampleWith is Sample with a template, nil for none; its errors are those of Record.Body.
func SampleWith(t webhook.EventType, n webhook.TypeNaming, template *Template) ([]byte, error) {
	var status webhook.Status
	switch t {
	case webhook.Completed, webhook.ManualReviewCompleted:
		status = webhook.Verified
	case webhook.FailedType:
		status = webhook.Failed
	case webhook.ExpiredType:
		status = webhook.Expired
	}
	at := time.Date(2024, 1, 15, 14, 30, 0, 0, time.UTC)
	event := webhook.Event{ID: webhook.EventID(SampleVerificationID, "1", at), Type: t, OccurredAt: at}
	return build(event, n.BodyType(t), status, sampleData(status), template)
}

// sampleData follows the partner guide's example ("Default Webhook Payload").
func sampleData(status webhook.Status) jsbytes.Value {
	verified := jsbytes.Bool(status == webhook.Verified)
	source := jsbytes.String("chase-bank")
	return jsbytes.ObjectOf([]jsbytes.Member{
		{Name: "verificationId", Value: jsbytes.String(SampleVerificationID)},
		{Name: "sessionId", Value: jsbytes.Number("123")},
		{Name: "stepId", Value: jsbytes.Number("456")},
		{Name: "status", Value: jsbytes.String(string(status))},
		{Name: "proofData", Value: jsbytes.Map(map[string]jsbytes.Value{
			"income": jsbytes.Map(map[string]jsbytes.Value{
				"monthlyAmount": jsbytes.Number("5000"), "verified": verified, "source": source,
			}),
		})},
		{Name: "formattedData", Value: jsbytes.Map(map[string]jsbytes.Value{
			"incomeVerified": verified, "verificationScore": jsbytes.Number("95"),
		})},
		{Name: "metadata", Value: jsbytes.Map(map[string]jsbytes.Value{
			"dataSource": source, "processingTimeMs": jsbytes.Number("15000"),
			"verifiedAt": jsbytes.String("2024-01-15T14:30:00Z"),
		})},
	})
}
