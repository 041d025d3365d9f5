package payload

import (
	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// SampleVerificationID is the verification id of every sample; no real event has it.
const SampleVerificationID = "test_123"

// Sample returns the body of a made-up event of type t, as a real one is built. The `test` route sends that of
// webhook.Completed. A manual review is shown as one that ended well.
func Sample(t webhook.EventType, n webhook.TypeNaming) []byte {
	var status webhook.Status
	switch t {
	case webhook.Completed, webhook.ManualReviewCompleted:
		status = webhook.Verified
	case webhook.FailedType:
		status = webhook.Failed
	case webhook.ExpiredType:
		status = webhook.Expired
	}
	// Marshal refuses nothing but depth, and a sample has none.
	body, _ := jsbytes.Marshal(bodyOf(n.BodyType(t), status, sampleData(status)))
	return body
}

// sampleData follows the partner guide's example ("Default Webhook Payload").
func sampleData(status webhook.Status) []jsbytes.Member {
	verified := jsbytes.Bool(status == webhook.Verified)
	source := jsbytes.String("chase-bank")
	return []jsbytes.Member{
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
	}
}
