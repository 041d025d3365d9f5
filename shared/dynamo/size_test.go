package dynamo

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestItemSize keeps the item of a usual delivery that succeeds at once below the 1 KB that one write unit covers, both
// times it is written. With the index by verification, which is written with the creation alone, that makes three units.
func TestItemSize(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 123_456_789, time.UTC)
	ids := webhook.IDSource{Now: func() time.Time { return at }, Rand: rand.Reader}
	const verification, sequence = "ver_9f8e7d6c5b4a39281706", "49640912900000000010673721"
	d := &webhook.Delivery{
		PartnerID: ids.Partner(), WebhookID: ids.Webhook(), Body: []byte(usualBody), CreatedAt: at,
		Event: webhook.Event{
			ID: webhook.EventID(verification, sequence, at), Type: webhook.ManualReviewCompleted, VerificationID: verification,
			OccurredAt: at, Sequence: sequence,
		},
	}
	d.Event.PartnerID, d.ID = d.PartnerID, webhook.DeliveryID(d.Event, d.WebhookID)
	if len(d.Body) != 634 {
		t.Fatalf("the body has %d bytes, want 634", len(d.Body))
	}
	d.StartRound(at, 12, at, "")
	d.TakeClaim(at, ids.Owner())
	for _, state := range []string{"claimed, looked after by the sweeper", "claimed", "delivered"} {
		writes, err := (&Store{}).plan(webhook.Change{Deliveries: []*webhook.Delivery{d}}, rand.Text(), nil)
		if err != nil || len(writes) != 1 {
			t.Fatalf("%s: %d writes, %v", state, len(writes), err)
		}
		n := size(writes[0].item)
		t.Logf("%s: %d bytes, %d of them the body", state, n, sizeOf(writes[0].item["b"]))
		if n > 1024 {
			t.Errorf("a delivery that is %s takes %d bytes, want at most 1024", state, n)
		}
		switch state {
		case "claimed":
			d.Finish(webhook.Attempt{Number: 1, StartedAt: at, Duration: 123_456_789, StatusCode: 200})
			d.Succeed()
		default:
			d.DueAt, d.Rev = time.Time{}, 1
		}
	}
}

const usualBody = `{"type":"verification.completed","status":"success","data":{"verificationId":"ver_9f8e7d6c5b4a39281706",` +
	`"sessionId":4711,"stepId":2,"status":"VERIFIED","proofData":{"provider":"acme-bank","claimHash":` +
	`"0x5b8f0e1c7a9d3b2f6e4c8a1d0f7b9e3c5a2d8f6b1e4c7a0d","signatures":["0x1f2e3d4c5b6a79880f1e2d3c4b5a6978"]},` +
	`"formattedData":{"employer":"Example Ltd","position":"Engineer","income":{"amount":5400,"currency":"USD",` +
	`"period":"monthly"},"startDate":"2021-04-01","verifiedName":"Alex Example"},"metadata":{"applicationId":` +
	`"app-2026-000123","userId":"user-77","source":"mobile","note":"first application of this customer","branch":"Berlin"}}}`

// size is an item's size by AWS's rules, numbers taken at one byte for two digits and one more.
func size(m map[string]types.AttributeValue) int {
	n := 0
	for name, v := range m {
		n += len(name) + sizeOf(v)
	}
	return n
}

func sizeOf(v types.AttributeValue) int {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return len(v.Value)
	case *types.AttributeValueMemberN:
		return (len(strings.Trim(v.Value, "-0"))+1)/2 + 1
	case *types.AttributeValueMemberB:
		return len(v.Value)
	case *types.AttributeValueMemberM:
		return 3 + len(v.Value) + size(v.Value)
	case *types.AttributeValueMemberL:
		n := 3
		for _, e := range v.Value {
			n += 1 + sizeOf(e)
		}
		return n
	}
	return 1
}
