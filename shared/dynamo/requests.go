package dynamo

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cr3dentials/verification-webhooks/shared/env"
)

// requestsRetention is how long a second's counter is kept.
const requestsRetention = 5 * time.Minute

// CountRequest implements portal.Store with one UpdateItem.
func (s *Store) CountRequest(ctx context.Context, partnerID string, now time.Time) (int, error) {
	u := update{names: map[string]string{}, values: item{}}
	u.setNumber("v", "v", formatVersion)
	u.setNumber("ttl", env.TTLAttribute, now.Add(requestsRetention).Unix())
	u.addNumber("n", "n", 1)
	r, err := s.updateItem(ctx, requestsKey(partnerID, now), &u, types.ReturnValueUpdatedNew)
	if err != nil {
		return 0, err
	}
	return int(number(r.Attributes["n"])), nil
}
