package dynamo_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestVerification: a record of every type comes back in the form that the stream delivers it in.
func TestVerification(t *testing.T) {
	x := newTables(t)
	_, err := x.PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: aws.String(x.options.VerificationsTable),
		Item: map[string]types.AttributeValue{
			"verificationId": &types.AttributeValueMemberS{Value: "ver_é"},
			"n":              &types.AttributeValueMemberN{Value: "12345678901234567890.5"},
			"b":              &types.AttributeValueMemberB{Value: []byte{0xfb, 0xff}},
			"t":              &types.AttributeValueMemberBOOL{Value: true},
			"null":           &types.AttributeValueMemberNULL{Value: true},
			"ss":             &types.AttributeValueMemberSS{Value: []string{"<a>"}},
			"ns":             &types.AttributeValueMemberNS{Value: []string{"1"}},
			"bs":             &types.AttributeValueMemberBS{Value: [][]byte{{1}}},
			"m": &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{
				"l": &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberS{Value: ""}}},
			}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	x.wire.reset()
	image, err := x.store().Verification(t.Context(), "ver_é")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"verificationId":{"S":"ver_é"},"n":{"N":"12345678901234567890.5"},"b":{"B":"+/8="},"t":{"BOOL":true},
		"null":{"NULL":true},"ss":{"SS":["<a>"]},"ns":{"NS":["1"]},"bs":{"BS":["AQ=="]},"m":{"M":{"l":{"L":[{"S":""}]}}}}`
	if !reflect.DeepEqual(parsed(t, image), parsed(t, []byte(want))) {
		t.Errorf("got %s", image)
	}
	if calls := x.wire.count(); !reflect.DeepEqual(calls, map[string]int{"GetItem": 1}) {
		t.Errorf("calls %v", calls)
	}
	if _, err := x.store().Verification(t.Context(), "ver_other"); webhook.CodeOf(err) != webhook.NotFound {
		t.Errorf("an unknown one: %v", err)
	}
}

func parsed(t *testing.T, text []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}
