package dynamo

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/cr3dentials/verification-webhooks/shared/env"
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

// ScanDeliveries calls f with every delivery of a verification, whichever partner's it is, and with every other one of the
// given partner, until f returns an error: so also with those of webhooks that are no more. Eventually consistent; it
// reads the whole index by verification, 1 MB at a time, some 5,000 deliveries.
func (s *Store) ScanDeliveries(ctx context.Context, partnerID, verificationID string, f func(r webhook.Ref, ofVerification bool) error) error {
	suffix := verificationSuffix(verificationID)
	pages := dynamodb.NewScanPaginator(s.client, &dynamodb.ScanInput{
		TableName: aws.String(s.o.DeliveriesTable), IndexName: aws.String(env.ByVerification),
		FilterExpression:          aws.String("begins_with(#pk, :partner) OR contains(#vpk, :suffix)"),
		ExpressionAttributeNames:  map[string]string{"#pk": env.PartitionKey, "#vpk": env.ByVerificationPartition},
		ExpressionAttributeValues: item{":partner": str(webhookPartition(partnerID, "")), ":suffix": str(suffix)},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return classify(err)
		}
		for _, it := range page.Items {
			k := keyOf(it)
			r, ok := refOf(k)
			ofVerification := text(it[env.ByVerificationPartition]) == k.pk+suffix
			if !ok || !ofVerification && r.PartnerID != partnerID {
				continue
			}
			if err := f(r, ofVerification); err != nil {
				return err
			}
		}
	}
	return nil
}

// ScanBodies calls f with each body of a webhook's deliveries that stands in an item of its own, until f returns an error.
// Such a body outlives its delivery. err tells that it can't be read: Corrupt.
func (s *Store) ScanBodies(ctx context.Context, partnerID, webhookID string, f func(r webhook.Ref, body []byte, err error) error) error {
	pages := dynamodb.NewQueryPaginator(s.client,
		queryPrefix(s.o.DeliveriesTable, webhookPartition(partnerID, webhookID), bodySortPrefix))
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return classify(err)
		}
		for _, it := range page.Items {
			r := webhook.Ref{PartnerID: partnerID, WebhookID: webhookID, DeliveryID: strings.TrimPrefix(keyOf(it).sk, bodySortPrefix)}
			var i bodyItem
			var body []byte
			err := decode(it, &i)
			if err == nil {
				body, err = unpackBody(i.Body)
			}
			if err := f(r, body, err); err != nil {
				return err
			}
		}
	}
	return nil
}
