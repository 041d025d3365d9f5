package dynamo

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// statsRetention is how long an hour's counters are kept.
const statsRetention = 90 * 24 * time.Hour

type statsItem struct {
	header
	Delivered      int
	Exhausted      int
	Failed         int
	Trailing       int
	LastDeliveryAt int64
	LastError      string
	LastStatusCode int
	FailedTemplate int64
	Undeliverable  int
	Durations      webhook.Durations
}

func (i *statsItem) fields(c *coder) {
	i.header.fields(c)
	c.int("d", &i.Delivered, ifSet)
	c.int("x", &i.Exhausted, ifSet)
	c.int("f", &i.Failed, ifSet)
	c.int("t", &i.Trailing, ifSet)
	c.int64("ld", &i.LastDeliveryAt, ifSet)
	c.text("le", &i.LastError, ifSet)
	c.int("ls", &i.LastStatusCode, ifSet)
	c.int64("tf", &i.FailedTemplate, ifSet)
	c.int("u", &i.Undeliverable, ifSet)
	for n := range i.Durations {
		c.int(durationNames[n].attribute, &i.Durations[n], ifSet)
	}
}

// durationNames are the attributes of the marks, h0 and on, and how an update speaks of them. They are made once, and are
// no words that DynamoDB reserves, so that a batch's update stays cheap to write.
var durationNames = func() (names [len(webhook.Durations{})]struct{ attribute, value, add string }) {
	for i := range names {
		n := &names[i]
		n.attribute = "h" + strconv.Itoa(i)
		n.value = ":" + n.attribute
		n.add = n.attribute + " " + n.value
	}
	return names
}()

// update builds an update expression.
type update struct {
	set, add []string
	names    map[string]string
	values   item
}

func (u *update) setTo(name, attribute, value string) {
	u.set = append(u.set, "#"+name+" = :"+name)
	u.names["#"+name] = attribute
	u.values[":"+name] = str(value)
}

func (u *update) setNumber(name, attribute string, value int64) {
	u.set = append(u.set, "#"+name+" = :"+name)
	u.names["#"+name] = attribute
	u.values[":"+name] = num(value)
}

// addNumber adds nothing, and names nothing, if value is 0.
func (u *update) addNumber(name, attribute string, value int64) {
	if value == 0 {
		return
	}
	u.add = append(u.add, "#"+name+" :"+name)
	u.names["#"+name] = attribute
	u.values[":"+name] = num(value)
}

func (u *update) expression() *string {
	e := "SET " + strings.Join(u.set, ", ")
	if u.add != nil {
		e += " ADD " + strings.Join(u.add, ", ")
	}
	return aws.String(e)
}

// notNewer is the condition of an update that does not read its item first.
const notNewer = "attribute_not_exists(#v) OR #v <= :v"

// updateItem sends an update that speaks of the format as #v, unless a later release's item is there: that is Corrupt.
func (s *Store) updateItem(ctx context.Context, k key, u *update, returned types.ReturnValue) (*dynamodb.UpdateItemOutput, error) {
	r, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: aws.String(s.o.ServiceTable), Key: k.attributes(), ConditionExpression: aws.String(notNewer),
		UpdateExpression: u.expression(), ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
		ReturnValues: returned, ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		if newer := readable(failed.Item["v"]); newer != nil {
			return nil, newer
		}
	}
	return r, classify(err)
}

// AddStats implements delivery.Store with one UpdateItem. What was added last tells the last error and delivery: a
// success in it ends the run of failures that was stored before.
func (s *Store) AddStats(ctx context.Context, partnerID, webhookID string, add webhook.Stats) error {
	u := statsUpdate(&add)
	_, err := s.updateItem(ctx, statsKey(partnerID, webhookID, add.Hour), &u, types.ReturnValueNone)
	return err
}

// statsUpdate names what add changes and nothing else.
func statsUpdate(add *webhook.Stats) update {
	u := update{names: map[string]string{}, values: item{}}
	u.setNumber("v", "v", formatVersion)
	u.setNumber("ttl", env.TTLAttribute, add.Hour.Add(statsRetention).Unix())
	u.addNumber("d", "d", int64(add.Delivered))
	u.addNumber("x", "x", int64(add.Exhausted))
	u.addNumber("f", "f", int64(add.Failed))
	u.addNumber("u", "u", int64(add.Undeliverable))
	if add.Delivered > 0 {
		u.setNumber("t", "t", int64(add.Trailing))
	} else {
		u.addNumber("t", "t", int64(add.Trailing))
	}
	if !add.LastDeliveryAt.IsZero() {
		u.setNumber("ld", "ld", nanos(add.LastDeliveryAt))
	}
	if add.LastError != "" {
		u.setTo("le", "le", string(add.LastError))
		u.setNumber("ls", "ls", int64(add.LastStatusCode))
	}
	if !add.FailedTemplate.IsZero() {
		u.setNumber("tf", "tf", nanos(add.FailedTemplate))
	}
	for i, n := range add.Durations {
		if n != 0 {
			u.add = append(u.add, durationNames[i].add)
			u.values[durationNames[i].value] = num(int64(n))
		}
	}
	return u
}

// Stats implements portal.Store with one Query.
func (s *Store) Stats(ctx context.Context, partnerID, webhookID string, limit int) ([]webhook.Stats, error) {
	q := queryPrefix(s.o.ServiceTable, statsPartition(partnerID, webhookID), "")
	q.ConsistentRead, q.ScanIndexForward, q.Limit = nil, aws.Bool(false), aws.Int32(int32(limit))
	page, err := s.client.Query(ctx, q)
	if err != nil {
		return nil, classify(err)
	}
	all := make([]webhook.Stats, 0, len(page.Items))
	for _, it := range page.Items {
		var i statsItem
		if err := decode(it, &i); err != nil {
			return nil, err
		}
		hour, err := time.Parse(hourLayout, i.SK)
		if err != nil {
			return nil, webhook.Wrap(webhook.Corrupt, err, "an hour's counters have an unknown key")
		}
		all = append(all, webhook.Stats{
			Hour: hour, Delivered: i.Delivered, Exhausted: i.Exhausted, Failed: i.Failed, Trailing: i.Trailing,
			LastDeliveryAt: fromNanos(i.LastDeliveryAt), LastError: webhook.ErrorCode(i.LastError),
			LastStatusCode: i.LastStatusCode, FailedTemplate: fromNanos(i.FailedTemplate),
			Undeliverable: i.Undeliverable, Durations: i.Durations,
		})
	}
	return all, nil
}
