package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// credentialItem stands under the credential's own id, where authentication finds it, and, for an API key, once more
// in its partner's partition for the list. Credentials never change, so the copies cannot differ.
type credentialItem struct {
	header
	ID         string
	PartnerID  string
	Kind       string
	Name       string
	SecretHash []byte
	CreatedAt  int64
	ExpiresAt  int64
}

func (i *credentialItem) fields(c *coder) {
	i.header.fields(c)
	c.text("id", &i.ID, always)
	c.text("p", &i.PartnerID, always)
	c.text("k", &i.Kind, ifSet)
	c.text("n", &i.Name, ifSet)
	c.bytes("h", &i.SecretHash, always)
	c.int64("ca", &i.CreatedAt, ifSet)
	c.int64("ex", &i.ExpiresAt, ifSet)
}

func newCredentialItem(k key, c *webhook.Credential, token string) *credentialItem {
	return &credentialItem{
		header: headerOf(k, token, c.ExpiresAt), ID: c.ID, PartnerID: c.PartnerID, Kind: string(c.Kind), Name: c.Name,
		SecretHash: c.SecretHash[:], CreatedAt: nanos(c.CreatedAt), ExpiresAt: nanos(c.ExpiresAt),
	}
}

func (i *credentialItem) credential() (webhook.Credential, error) {
	c := webhook.Credential{
		ID: i.ID, PartnerID: i.PartnerID, Kind: webhook.CredentialKind(i.Kind), Name: i.Name,
		CreatedAt: fromNanos(i.CreatedAt), ExpiresAt: fromNanos(i.ExpiresAt),
	}
	if copy(c.SecretHash[:], i.SecretHash) != len(c.SecretHash) || len(i.SecretHash) != len(c.SecretHash) {
		return webhook.Credential{}, webhook.Errorf(webhook.Corrupt, "a credential's hash has the wrong length")
	}
	return c, nil
}

// Credential implements portal.Store with one GetItem.
func (s *Store) Credential(ctx context.Context, id string) (webhook.Credential, error) {
	var i credentialItem
	if err := s.get(ctx, s.o.ServiceTable, credentialKey(id), &i); err != nil {
		return webhook.Credential{}, named(err, "no such credential")
	}
	return i.credential()
}

const credentialPosition = 'k'

// Credentials implements portal.Store with one Query.
func (s *Store) Credentials(ctx context.Context, partnerID string, p webhook.Page) ([]webhook.Credential, []byte, error) {
	after, err := parsePosition(credentialPosition, p.After)
	if err != nil {
		return nil, nil, err
	}
	q := queryPrefix(s.o.ServiceTable, partnerPartition(partnerID), apiKeySortPrefix)
	q.Limit = aws.Int32(int32(p.Limit))
	if after != "" {
		q.ExclusiveStartKey = apiKeyKey(partnerID, after).attributes()
	}
	page, err := s.client.Query(ctx, q)
	if err != nil {
		return nil, nil, classify(err)
	}
	items := make([]webhook.Credential, 0, len(page.Items))
	for _, it := range page.Items {
		var i credentialItem
		if err := decode(it, &i); err != nil {
			return nil, nil, err
		}
		c, err := i.credential()
		if err != nil {
			return nil, nil, err
		}
		items = append(items, c)
	}
	return items, nextPosition(page, credentialPosition, apiKeySortPrefix), nil
}

// RemoveCredential implements portal.Store with one transaction over both copies.
func (s *Store) RemoveCredential(ctx context.Context, partnerID, id string) error {
	table := aws.String(s.o.ServiceTable)
	_, err := s.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
		ClientRequestToken: aws.String(s.o.Token()),
		TransactItems: []types.TransactWriteItem{
			{Delete: &types.Delete{
				TableName: table, Key: credentialKey(id).attributes(), ConditionExpression: aws.String("#p = :p"),
				ExpressionAttributeNames:  map[string]string{"#p": "p"},
				ExpressionAttributeValues: item{":p": str(partnerID)},
			}},
			{Delete: &types.Delete{TableName: table, Key: apiKeyKey(partnerID, id).attributes()}},
		},
	})
	if onlyCondition(err) {
		return webhook.Errorf(webhook.NotFound, "no such credential")
	}
	return classify(err)
}
