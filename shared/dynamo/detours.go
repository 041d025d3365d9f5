package dynamo

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// detourRetention is how long a detour is kept after something was noted in it.
const detourRetention = webhook.FinalRetention

// detourItem stands beside its webhook, between its partner's item and the webhooks', so that one Query brings all.
type detourItem struct {
	header
	Since int64
	At    int64
	Took  int64 // nanoseconds
	Fast  int
	Need  int
	// Next is when the next place in the pace begins.
	Next int64
}

func (i *detourItem) fields(c *coder) {
	i.header.fields(c)
	c.int64("s", &i.Since, ifSet)
	c.int64("at", &i.At, ifSet)
	c.int64("d", &i.Took, ifSet)
	c.int("f", &i.Fast, ifSet)
	c.int("n", &i.Need, ifSet)
	c.int64("nx", &i.Next, ifSet)
}

// decodeDetour reads the detour from its item, nil if there is none. One that can't be read is none: it is a hint, and
// must not stand in the way of its webhook.
func decodeDetour(it item) *webhook.Detour {
	var i detourItem
	if it == nil || decode(it, &i) != nil || i.Since == 0 {
		return nil
	}
	return &webhook.Detour{
		Since: fromNanos(i.Since), At: fromNanos(i.At), Took: time.Duration(i.Took), Fast: i.Fast, Need: i.Need,
	}
}

// PutDetour implements delivery.Store with one UpdateItem, which leaves the places taken as they are.
func (s *Store) PutDetour(ctx context.Context, partnerID, webhookID string, d webhook.Detour) error {
	u := update{names: map[string]string{}, values: item{}}
	u.setNumber("v", "v", formatVersion)
	u.setNumber("s", "s", nanos(d.Since))
	u.setNumber("at", "at", nanos(d.At))
	u.setNumber("d", "d", int64(d.Took))
	u.setNumber("f", "f", int64(d.Fast))
	u.setNumber("n", "n", int64(d.Need))
	u.setNumber("ttl", env.TTLAttribute, d.At.Add(detourRetention).Unix())
	_, err := s.updateItem(ctx, detourKey(partnerID, webhookID), &u, types.ReturnValueNone)
	return err
}

// TakePlaces implements delivery.Store with one UpdateItem while the places taken reach beyond now, two otherwise.
func (s *Store) TakePlaces(
	ctx context.Context, partnerID, webhookID string, n int, gap time.Duration, now, until time.Time,
) (first time.Time, ok bool, err error) {
	length := int64(n) * int64(gap)
	// A request that was refused for the one reason or the other meets another caller's at most.
	const tries = 3
	for range tries {
		var next int64
		next, ok, err = s.place(ctx, partnerID, webhookID, "SET #nx = #nx + :len", "#nx >= :now AND #nx <= :until AND #v <= :v",
			item{":len": num(length), ":now": num(nanos(now)), ":until": num(nanos(until))})
		if ok || err != nil {
			return fromNanos(next - length), ok, err
		}
		if next > nanos(until) {
			return time.Time{}, false, nil
		}
		_, ok, err = s.place(ctx, partnerID, webhookID, "SET #nx = :end", noPlaceTaken,
			item{":end": num(nanos(now) + length), ":now": num(nanos(now))})
		if ok || err != nil {
			return now, ok, err
		}
	}
	return time.Time{}, false, webhook.Errorf(webhook.Unavailable, "the pace of a webhook kept changing")
}

// noPlaceTaken holds if all places have begun, and no later release's item is there.
const noPlaceTaken = "attribute_not_exists(#v) AND attribute_not_exists(#nx) OR #v <= :v AND attribute_not_exists(#nx) OR #v <= :v AND #nx < :now"

// place changes when the next place begins, under a condition. It returns what is stored then; ok is false if the
// condition was refused.
func (s *Store) place(ctx context.Context, partnerID, webhookID, expression, condition string, values item) (next int64, ok bool, err error) {
	r, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: aws.String(s.o.ServiceTable), Key: detourKey(partnerID, webhookID).attributes(),
		UpdateExpression: aws.String(expression + ", #v = :v"), ConditionExpression: aws.String(condition),
		ExpressionAttributeNames:            map[string]string{"#nx": "nx", "#v": "v"},
		ExpressionAttributeValues:           withVersion(values),
		ReturnValues:                        types.ReturnValueUpdatedNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	var failed *types.ConditionalCheckFailedException
	switch {
	case errors.As(err, &failed):
		if err := readable(failed.Item["v"]); err != nil {
			return 0, false, err
		}
		return number(failed.Item["nx"]), false, nil
	case err != nil:
		return 0, false, classify(err)
	}
	return number(r.Attributes["nx"]), true, nil
}

func withVersion(values item) item {
	values[":v"] = num(formatVersion)
	return values
}

func isDetour(sk string) bool { return strings.HasPrefix(sk, detourSortPrefix) }
