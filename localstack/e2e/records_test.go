package e2e

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

// write puts a verification record of this partner.
func (p *partner) write(verificationID, status string) {
	p.t.Helper()
	p.put(local.GuideRecord(verificationID, p.id, status))
}

func (p *partner) put(item map[string]types.AttributeValue) {
	p.t.Helper()
	_, err := p.w.db.PutItem(p.t.Context(), &dynamodb.PutItemInput{TableName: &p.w.run.VerificationsTable, Item: item})
	must(p.t, err)
}

// set changes the status of a record as a verification system does when a verification moves on.
func (p *partner) set(verificationID, status string) {
	p.t.Helper()
	_, err := p.w.db.UpdateItem(p.t.Context(), &dynamodb.UpdateItemInput{
		TableName:                 &p.w.run.VerificationsTable,
		Key:                       map[string]types.AttributeValue{"verificationId": str(verificationID)},
		UpdateExpression:          aws.String("SET #s = :s"),
		ExpressionAttributeNames:  map[string]string{"#s": "status"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":s": str(status)},
	})
	must(p.t, err)
}

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func num(s string) types.AttributeValue { return &types.AttributeValueMemberN{Value: s} }

// streamEvent is what Lambda hands to the dispatcher for a new VERIFIED record; two calls never share a sequence number.
func streamEvent(partnerID, verificationID string) map[string]any {
	return map[string]any{"Records": []any{map[string]any{
		"eventID": "e2e-" + verificationID, "eventName": "INSERT", "eventVersion": "1.1",
		"eventSource": "aws:dynamodb", "awsRegion": local.Region,
		"dynamodb": map[string]any{
			"ApproximateCreationDateTime": time.Now().Unix(),
			"SequenceNumber":              strconv.FormatInt(900_000_000_000+sequence.Add(1), 10),
			"StreamViewType":              "NEW_AND_OLD_IMAGES",
			"SizeBytes":                   100,
			"Keys":                        map[string]any{"verificationId": map[string]any{"S": verificationID}},
			"NewImage": map[string]any{
				"verificationId": map[string]any{"S": verificationID},
				"partnerId":      map[string]any{"S": partnerID},
				"status":         map[string]any{"S": "VERIFIED"},
				"sessionId":      map[string]any{"N": "123"},
			},
		},
	}}}
}

var sequence atomic.Int64 //nolint:gochecknoglobals // a counter for all tests of the package

func idOf(item map[string]types.AttributeValue) string {
	s, ok := item["verificationId"].(*types.AttributeValueMemberS)
	if !ok {
		return ""
	}
	return s.Value
}
