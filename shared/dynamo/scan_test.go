package dynamo_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// TestScanVerifications reads more than one page and stops when it is told to.
func TestScanVerifications(t *testing.T) {
	x := newTables(t)
	const records = 12
	for i := range records {
		_, err := x.PutItem(t.Context(), &dynamodb.PutItemInput{
			TableName: aws.String(x.options.VerificationsTable),
			Item: map[string]types.AttributeValue{
				"verificationId": &types.AttributeValueMemberS{Value: fmt.Sprint("ver_", i)},
				"large":          &types.AttributeValueMemberS{Value: strings.Repeat("x", 200_000)},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	x.wire.reset()
	seen := map[string]bool{}
	err := x.store().ScanVerifications(t.Context(), func(image []byte) error {
		m, _ := parsed(t, image).(map[string]any)
		id, _ := m["verificationId"].(map[string]any)
		seen[fmt.Sprint(id["S"])] = true
		return nil
	})
	if err != nil || len(seen) != records || !seen["ver_0"] {
		t.Errorf("%v, saw %d records", err, len(seen))
	}
	if calls := x.wire.count(); calls["Scan"] < 2 || len(calls) != 1 {
		t.Errorf("calls %v, want more than one page", calls)
	}
	stop, n := errors.New("stop"), 0
	err = x.store().ScanVerifications(t.Context(), func([]byte) error { n++; return stop })
	if !errors.Is(err, stop) || n != 1 {
		t.Errorf("%v after %d records", err, n)
	}
}
