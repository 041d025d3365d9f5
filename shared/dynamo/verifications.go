package dynamo

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// verificationKey is the key of the table that verification systems write.
const verificationKey = "verificationId"

// Verification implements portal.Verifications with one GetItem.
func (s *Store) Verification(ctx context.Context, verificationID string) ([]byte, error) {
	r, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: aws.String(s.o.VerificationsTable), Key: item{verificationKey: str(verificationID)}, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, classify(err)
	}
	if len(r.Item) == 0 {
		return nil, webhook.Errorf(webhook.NotFound, "no such verification")
	}
	image, err := json.Marshal(typedMap(r.Item))
	return image, webhook.Wrap(webhook.Internal, err, "a record could not be encoded")
}

// typed gives a value the form that it has in DynamoDB's JSON.
func typed(v types.AttributeValue) map[string]any {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return map[string]any{"S": v.Value}
	case *types.AttributeValueMemberN:
		return map[string]any{"N": v.Value}
	case *types.AttributeValueMemberB:
		return map[string]any{"B": v.Value} // encoding/json writes base64, as DynamoDB does
	case *types.AttributeValueMemberBOOL:
		return map[string]any{"BOOL": v.Value}
	case *types.AttributeValueMemberNULL:
		return map[string]any{"NULL": v.Value}
	case *types.AttributeValueMemberSS:
		return map[string]any{"SS": v.Value}
	case *types.AttributeValueMemberNS:
		return map[string]any{"NS": v.Value}
	case *types.AttributeValueMemberBS:
		return map[string]any{"BS": v.Value}
	case *types.AttributeValueMemberL:
		list := make([]any, len(v.Value))
		for i, x := range v.Value {
			list[i] = typed(x)
		}
		return map[string]any{"L": list}
	case *types.AttributeValueMemberM:
		return map[string]any{"M": typedMap(v.Value)}
	}
	return nil
}

func typedMap(m item) map[string]any {
	typedValues := make(map[string]any, len(m))
	for name, v := range m {
		typedValues[name] = typed(v)
	}
	return typedValues
}
