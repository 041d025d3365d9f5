package dynamo

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// maxWrites is the most writes of one transaction.
const maxWrites = 100

// Commit implements delivery.Store and portal.Store: one PutItem for a Change that is one item, one transaction for
// any other. A second request follows only if the body of a delivery, kept in an item of its own, must be written too.
func (s *Store) Commit(ctx context.Context, c webhook.Change) error {
	bodies := map[webhook.Ref]bool{}
	for {
		token := s.o.Token()
		writes, err := s.plan(c, token, bodies)
		if err != nil {
			return err
		}
		if len(writes) == 0 {
			return nil
		}
		refused, err := s.write(ctx, writes, token)
		if err == nil {
			c.Stored()
			return nil
		}
		if !s.addBodies(writes, refused, bodies) {
			return err
		}
	}
}

// write is one conditional write of a Change.
type write struct {
	table string
	key   key
	// item is what to put; nil deletes.
	item item
	// condition and its values; empty if the write always holds.
	condition string
	values    item
	// delivery is the delivery whose body stands in an item of its own and is taken to be there in the version
	// bodyVersion; nil otherwise.
	delivery    *webhook.Delivery
	bodyVersion string
}

func (w *write) names() map[string]string {
	switch w.condition {
	case "":
		return nil
	case isNew:
		return map[string]string{"#pk": "pk"}
	case isVersion:
		return map[string]string{"#rev": "rev"}
	case isVersionWithBody:
		return map[string]string{"#rev": "rev", "#bv": "bv"}
	case isCurrent:
		return map[string]string{"#id": "id"}
	default:
		return map[string]string{"#pk": "pk", "#ex": "ex"}
	}
}

// The conditions.
const (
	isNew             = "attribute_not_exists(#pk)"
	isVersion         = "#rev = :rev"
	isVersionWithBody = "#rev = :rev AND #bv = :bv"
	isCurrent         = "#id = :id"
	isNewOrEnded      = "attribute_not_exists(#pk) OR #ex <= :ex"
)

// onVersion conditions w on the version its caller read.
func (w write) onVersion(rev int64) write {
	if rev == 0 {
		w.condition = isNew
		return w
	}
	w.condition, w.values = isVersion, item{":rev": num(rev)}
	return w
}

// plan lists the writes of a Change. bodies names deliveries whose body's item is known to be absent or different.
func (s *Store) plan(c webhook.Change, token string, bodies map[webhook.Ref]bool) ([]write, error) {
	p := planner{table: s.o.ServiceTable, packer: &s.packer}
	if v := c.Partner; v != nil {
		p.put(partnerKey(v.ID), newPartnerItem(v, token), func(w write) write { return w.onVersion(v.Rev) })
		if v.Rev == 0 {
			k := partnerPointerKey(v.ID)
			p.put(k, &partnerPointer{headerOf(k, token, noExpiry)}, nil)
		}
	}
	if v := c.Webhook; v != nil {
		p.put(webhookKey(v.PartnerID, v.ID), newWebhookItem(v, token), func(w write) write { return w.onVersion(v.Rev) })
	}
	if v := c.RemoveWebhook; v != nil {
		p.writes = append(p.writes, write{table: p.table, key: webhookKey(v.PartnerID, v.ID)}.onVersion(v.Rev))
	}
	for _, e := range c.Outbox {
		p.put(outboxKey(e), newOutboxItem(e, token), onNew)
	}
	if v := c.AddCredential; v != nil {
		p.put(credentialKey(v.ID), newCredentialItem(credentialKey(v.ID), v, token), onNew)
		if v.Kind == webhook.APIKey {
			k := apiKeyKey(v.PartnerID, v.ID)
			p.put(k, newCredentialItem(k, v, token), nil)
		}
	}
	if v := c.Answer; v != nil {
		p.put(answerKey(v.PartnerID, v.Key), newAnswerItem(v, token), func(w write) write {
			// The new answer ends a fixed time after now, so it tells whether the old one has ended.
			w.condition = isNewOrEnded
			w.values = item{":ex": num(nanos(v.ExpiresAt.Add(-webhook.AnswerLife)))}
			return w
		})
	}
	p.table = s.o.DeliveriesTable
	for _, d := range c.Deliveries {
		p.delivery(d, token, bodies[d.Ref()])
	}
	if d := c.RemoveDelivery; d != nil {
		p.writes = append(p.writes, write{table: p.table, key: deliveryKey(d.Ref())}.onVersion(d.Rev),
			write{table: p.table, key: bodyKey(d.Ref())})
	}
	for _, j := range c.Jobs {
		p.put(jobKey(j.Ref()), newJobItem(j, token), func(w write) write { return w.onVersion(j.Rev) })
	}
	if j := c.EndedJob; j != nil {
		p.put(endedJobKey(j), newEndedJobItem(j, token), nil)
	}
	if len(p.writes) > maxWrites {
		return nil, webhook.Errorf(webhook.Internal, "a change of %d items is too large", len(p.writes))
	}
	return p.writes, nil
}

// planner collects the writes of a Change.
type planner struct {
	table  string
	packer *packer
	writes []write
}

func onNew(w write) write { return w.onVersion(0) }

// put adds a put; condition, if not nil, says on what it depends.
func (p *planner) put(k key, v fielder, condition func(write) write) {
	w := write{table: p.table, key: k, item: encode(v)}
	if condition != nil {
		w = condition(w)
	}
	p.writes = append(p.writes, w)
}

// write sends the writes. If a condition was refused, refused holds for each write the item it met, nil where it met
// none or was not refused.
func (s *Store) write(ctx context.Context, writes []write, token string) (refused []*met, err error) {
	if len(writes) == 1 && writes[0].item != nil {
		return s.putOne(ctx, &writes[0], token)
	}
	return s.transact(ctx, writes, token)
}

// met is the item that refused a write; item is empty if there was none.
type met struct{ item item }

// own tells whether the item that refused a write is what the same write stored before its answer was lost.
func (m *met) own(token string) bool { return text(m.item["w"]) == token }

func (s *Store) putOne(ctx context.Context, w *write, token string) ([]*met, error) {
	in := &dynamodb.PutItemInput{
		TableName: aws.String(w.table), Item: w.item,
		ExpressionAttributeNames: w.names(), ExpressionAttributeValues: w.values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	if w.condition != "" {
		in.ConditionExpression = aws.String(w.condition)
	}
	_, err := s.client.PutItem(ctx, in)
	var failed *types.ConditionalCheckFailedException
	if !errors.As(err, &failed) {
		return nil, classify(err)
	}
	m := &met{failed.Item}
	if m.own(token) {
		return nil, nil
	}
	return []*met{m}, classify(err)
}

func (s *Store) transact(ctx context.Context, writes []write, token string) ([]*met, error) {
	in := &dynamodb.TransactWriteItemsInput{ClientRequestToken: aws.String(token)}
	for i := range writes {
		in.TransactItems = append(in.TransactItems, writes[i].transactItem())
	}
	_, err := s.client.TransactWriteItems(ctx, in)
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) || classifyCode(err) != webhook.Conflict {
		return nil, classify(err)
	}
	refused := make([]*met, len(writes))
	for i, r := range cancelled.CancellationReasons {
		if i >= len(refused) || reasonCode(r) != reasonCondition {
			continue
		}
		refused[i] = &met{r.Item}
		// All of a transaction became real or nothing: one item of an earlier try stands for the others.
		if refused[i].own(token) {
			return nil, nil
		}
	}
	return refused, classify(err)
}

func (w *write) transactItem() types.TransactWriteItem {
	var condition *string
	if w.condition != "" {
		condition = aws.String(w.condition)
	}
	if w.item == nil {
		return types.TransactWriteItem{Delete: &types.Delete{
			TableName: aws.String(w.table), Key: w.key.attributes(), ConditionExpression: condition,
			ExpressionAttributeNames: w.names(), ExpressionAttributeValues: w.values,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}}
	}
	return types.TransactWriteItem{Put: &types.Put{
		TableName: aws.String(w.table), Item: w.item, ConditionExpression: condition,
		ExpressionAttributeNames: w.names(), ExpressionAttributeValues: w.values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}
}

// addBodies notes in bodies which refused deliveries have the right version and lack only their body's item. It
// reports whether writing again can succeed: there are such deliveries, and nothing else was refused.
func (s *Store) addBodies(writes []write, refused []*met, bodies map[webhook.Ref]bool) bool {
	found := false
	for i, m := range refused {
		if m == nil {
			continue
		}
		w := &writes[i]
		if w.delivery == nil || number(m.item["rev"]) != w.delivery.Rev || text(m.item["bv"]) == w.bodyVersion {
			return false
		}
		bodies[w.delivery.Ref()] = true
		found = true
	}
	return found
}

// onlyCondition tells whether err is a transaction refused by conditions alone.
func onlyCondition(err error) bool {
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		return false
	}
	for _, r := range cancelled.CancellationReasons {
		if c := reasonCode(r); c != reasonCondition && c != "None" && c != "" {
			return false
		}
	}
	return true
}
