package dynamo

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// ScanVerifications calls f with the attributes of every verification record, as Verification returns them, until f
// returns an error. Eventually consistent; it reads the whole table, 1 MB at a time.
func (s *Store) ScanVerifications(ctx context.Context, f func(image []byte) error) error {
	pages := dynamodb.NewScanPaginator(s.client, &dynamodb.ScanInput{TableName: aws.String(s.o.VerificationsTable)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return classify(err)
		}
		for _, it := range page.Items {
			image, err := json.Marshal(typedMap(it))
			if err != nil {
				return webhook.Wrap(webhook.Internal, err, "a record could not be encoded")
			}
			if err := f(image); err != nil {
				return err
			}
		}
	}
	return nil
}
