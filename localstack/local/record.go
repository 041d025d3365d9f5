package local

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// GuideRecord is the partner guide's example as a verification system writes it.
func GuideRecord(verificationID, partnerID, status string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		"verificationId": text(verificationID),
		"partnerId":      text(partnerID),
		"status":         text(status),
		"sessionId":      number("123"),
		"stepId":         number("456"),
		"proofData": object(map[string]types.AttributeValue{
			"income": object(map[string]types.AttributeValue{
				"monthlyAmount": number("5000"),
				"verified":      &types.AttributeValueMemberBOOL{Value: true},
				"source":        text("chase-bank"),
			}),
		}),
		"formattedData": object(map[string]types.AttributeValue{
			"incomeVerified":    &types.AttributeValueMemberBOOL{Value: true},
			"verificationScore": number("95"),
		}),
		"metadata": object(map[string]types.AttributeValue{
			"dataSource":       text("chase-bank"),
			"processingTimeMs": number("15000"),
			"verifiedAt":       text("2024-01-15T14:30:00Z"),
		}),
	}
}

func text(s string) types.AttributeValue   { return &types.AttributeValueMemberS{Value: s} }
func number(s string) types.AttributeValue { return &types.AttributeValueMemberN{Value: s} }
func object(m map[string]types.AttributeValue) types.AttributeValue {
	return &types.AttributeValueMemberM{Value: m}
}
