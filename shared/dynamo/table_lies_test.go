package dynamo_test

import (
	"encoding/json"
	"hash/crc32"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/storetest"
)

// attributes are an item as it is on the wire: by name, the value by its type.
type attributes map[string]map[string]any

// fakeTable is as much of DynamoDB as the store needs, with strict ideas about conditions.
type fakeTable struct {
	t     *testing.T
	items map[string]attributes
	// written counts by key how often an item was put, updated or deleted.
	written map[string]int
	// overwritten are the keys of what somebody else wrote.
	overwritten map[string]bool
	// tokens are those of the transactions that were committed. DynamoDB remembers them for ten minutes.
	tokens map[string]bool
	// unprocessed is how many keys of each BatchGetItem stay undone, and asked how many each of them had.
	unprocessed int
	asked       []int
}

// tableRequest is a request, or one action of a transaction.
type tableRequest struct {
	TableName                           string
	Item, Key                           attributes
	ConditionExpression                 string
	UpdateExpression                    string
	ExpressionAttributeNames            map[string]string
	ExpressionAttributeValues           attributes
	ReturnValuesOnConditionCheckFailure string
	ClientRequestToken                  string
	TransactItems                       []map[string]*tableRequest
	RequestItems                        map[string]struct{ Keys []attributes }
}

// key names the item of a request over both tables.
func (r *tableRequest) key() string {
	k := r.Key
	if k == nil {
		k = r.Item
	}
	return keyIn(r.TableName, k)
}

func keyIn(table string, k attributes) string {
	pk, _ := k[env.PartitionKey]["S"].(string)
	sk, _ := k[env.SortKey]["S"].(string)
	return table + " " + pk + " " + sk
}

func newFakeTable(t *testing.T) *fakeTable {
	return &fakeTable{
		t: t, items: map[string]attributes{}, written: map[string]int{}, overwritten: map[string]bool{}, tokens: map[string]bool{},
	}
}

func (f *fakeTable) act(action string, body []byte) storetest.Answer {
	var r tableRequest
	if err := json.Unmarshal(body, &r); err != nil {
		f.t.Errorf("%s: %v", action, err)
	}
	switch action {
	case "PutItem", "DeleteItem":
		if reason := f.refuses(&r); reason != nil {
			reason["__type"] = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
			return answerOf(400, reason)
		}
		f.apply(&r)
		return answerOf(200, nil)
	case "TransactWriteItems":
		return f.transact(&r)
	case "UpdateItem":
		if reason := f.refuses(&r); reason != nil {
			reason["__type"] = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
			return answerOf(400, reason)
		}
		return answerOf(200, map[string]any{"Attributes": f.update(&r)})
	case "GetItem":
		return answerOf(200, map[string]any{"Item": f.items[r.key()]})
	case "BatchGetItem":
		return f.batchGet(&r)
	case "Query":
		return f.query(&r)
	}
	f.t.Errorf("unknown action %s", action)
	return answerOf(400, nil)
}

// answerOf is an answer with its checksum.
func answerOf(status int, v any) storetest.Answer {
	body := []byte("{}")
	if v != nil {
		body, _ = json.Marshal(v)
	}
	return storetest.Answer{Status: status, Body: string(body), Header: map[string]string{
		"Content-Type": "application/x-amz-json-1.0",
		"X-Amz-Crc32":  strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10),
	}}
}

func (f *fakeTable) apply(r *tableRequest) {
	f.written[r.key()]++
	if r.Item != nil {
		f.items[r.key()] = r.Item
		return
	}
	delete(f.items, r.key())
}

// refuses returns why a condition refuses r, nil if it holds.
func (f *fakeTable) refuses(r *tableRequest) map[string]any {
	it := f.items[r.key()]
	if r.ConditionExpression == "" || f.holds(r, it) {
		return nil
	}
	reason := map[string]any{"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
	if it != nil && r.ReturnValuesOnConditionCheckFailure == "ALL_OLD" {
		reason["Item"] = it
	}
	return reason
}

// holds evaluates a condition on an item: comparisons joined by AND, and those by OR.
func (f *fakeTable) holds(r *tableRequest, it attributes) bool {
	return slices.ContainsFunc(strings.Split(r.ConditionExpression, " OR "), func(all string) bool {
		return !slices.ContainsFunc(strings.Split(all, " AND "), func(one string) bool { return !f.compare(r, it, one) })
	})
}

func (f *fakeTable) compare(r *tableRequest, it attributes, text string) bool {
	if name, ok := strings.CutPrefix(text, "attribute_not_exists("); ok {
		return it[r.ExpressionAttributeNames[strings.TrimSuffix(name, ")")]] == nil
	}
	p := strings.Fields(text)
	if len(p) != 3 || r.ExpressionAttributeValues[p[2]] == nil || r.ExpressionAttributeNames[p[0]] == "" {
		f.t.Errorf("a condition that is not understood: %q", text)
		return false
	}
	have, want := it[r.ExpressionAttributeNames[p[0]]], r.ExpressionAttributeValues[p[2]]
	switch p[1] {
	case "=":
		return reflect.DeepEqual(have, want)
	case "<=":
		return have != nil && numberIn(have) <= numberIn(want)
	case ">=":
		return have != nil && numberIn(have) >= numberIn(want)
	case "<":
		return have != nil && numberIn(have) < numberIn(want)
	}
	f.t.Errorf("a comparison that is not understood: %q", text)
	return false
}

func numberIn(v map[string]any) int64 {
	text, _ := v["N"].(string)
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}

func (f *fakeTable) transact(r *tableRequest) storetest.Answer {
	if f.tokens[r.ClientRequestToken] {
		return answerOf(200, nil)
	}
	refused := false
	reasons := make([]map[string]any, len(r.TransactItems))
	for i, action := range r.TransactItems {
		for _, one := range action {
			reasons[i] = f.refuses(one)
		}
		if reasons[i] == nil {
			reasons[i] = map[string]any{"Code": "None"}
			continue
		}
		refused = true
	}
	if refused {
		return answerOf(400, map[string]any{
			"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "CancellationReasons": reasons,
		})
	}
	f.tokens[r.ClientRequestToken] = true
	for _, action := range r.TransactItems {
		for _, one := range action {
			f.apply(one)
		}
	}
	return answerOf(200, nil)
}

// update evaluates "SET #a = :a, #b = #b + :n, ... ADD #c :c, ..." and returns the new values.
func (f *fakeTable) update(r *tableRequest) attributes {
	f.written[r.key()]++
	it := f.items[r.key()]
	if it == nil {
		it = maps.Clone(r.Key)
		f.items[r.key()] = it
	}
	set, add, _ := strings.Cut(strings.TrimPrefix(r.UpdateExpression, "SET "), " ADD ")
	plus := func(name, value string) {
		sum := numberIn(it[r.ExpressionAttributeNames[name]]) + numberIn(r.ExpressionAttributeValues[value])
		it[r.ExpressionAttributeNames[name]] = map[string]any{"N": strconv.FormatInt(sum, 10)}
	}
	for one := range strings.SplitSeq(set, ", ") {
		name, value, _ := strings.Cut(one, " = ")
		if to, by, sum := strings.Cut(value, " + "); sum && to == name {
			plus(name, by)
			continue
		}
		it[r.ExpressionAttributeNames[name]] = r.ExpressionAttributeValues[value]
	}
	for one := range strings.SplitSeq(add, ", ") {
		if name, value, ok := strings.Cut(one, " "); ok {
			plus(name, value)
		}
	}
	return it
}

func (f *fakeTable) batchGet(r *tableRequest) storetest.Answer {
	found, undone := map[string][]attributes{}, map[string]any{}
	for table, ask := range r.RequestItems {
		f.asked = append(f.asked, len(ask.Keys))
		done := max(0, len(ask.Keys)-f.unprocessed)
		for _, k := range ask.Keys[:done] {
			if it := f.items[keyIn(table, k)]; it != nil {
				found[table] = append(found[table], it)
			}
		}
		if done < len(ask.Keys) {
			undone[table] = map[string]any{"Keys": ask.Keys[done:]}
		}
	}
	return answerOf(200, map[string]any{"Responses": found, "UnprocessedKeys": undone})
}

// query returns a whole partition, whatever is asked about its sort keys.
func (f *fakeTable) query(r *tableRequest) storetest.Answer {
	pk, _ := r.ExpressionAttributeValues[":pk"]["S"].(string)
	var found []attributes
	for k, it := range f.items {
		if strings.HasPrefix(k, r.TableName+" "+pk+" ") {
			found = append(found, it)
		}
	}
	return answerOf(200, map[string]any{"Items": found, "Count": len(found)})
}

// overwrite makes somebody else's next version of an item.
func (f *fakeTable) overwrite(key string) {
	next := attributes{}
	for name, v := range f.items[key] {
		next[name] = v
	}
	if len(next) == 0 {
		p := strings.Split(key, " ")
		next[env.PartitionKey], next[env.SortKey] = map[string]any{"S": p[1]}, map[string]any{"S": p[2]}
	}
	next["rev"] = map[string]any{"N": strconv.FormatInt(f.rev(key)+1, 10)}
	next["w"] = map[string]any{"S": "somebody else"}
	f.items[key], f.overwritten[key] = next, true
}

// rev is the version of an item, 0 if there is none.
func (f *fakeTable) rev(key string) int64 { return numberIn(f.items[key]["rev"]) }
