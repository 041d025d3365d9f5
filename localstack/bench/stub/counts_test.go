package stub_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/localstack/bench/stub"
	"github.com/cr3dentials/verification-webhooks/shared/storetest"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// key is a key of the tests' items; with the names pk and sk it takes 6 bytes.
const key = `"pk":{"S":"p"},"sk":{"S":"s"}`

// sized is an item with the given key and so many bytes in all; the attribute has a name of one byte.
func sized(n int, more string) string {
	const own = 6
	return `{` + key + `,"x":{"S":"` + strings.Repeat("x", n-own-1) + `"}` + more + `}`
}

func put(item string) string { return `{"TableName":"deliveries","Item":` + item + `}` }

const (
	byVerification = deliveriesTable + "/byVerification"
	byDue          = deliveriesTable + "/byDue"
	byHeld         = deliveriesTable + "/byHeld"
)

type units = map[string]float64

// TestWriteUnits holds what writes cost to what AWS documents.
func TestWriteUnits(t *testing.T) {
	const (
		vpk  = `,"vpk":{"S":"v"}`
		due1 = `,"dpk":{"S":"1"},"due":{"N":"1700000000000"}`
		due2 = `,"dpk":{"S":"1"},"due":{"N":"1700000000001"}`
		held = `,"hpk":{"S":"h"},"hsk":{"S":"1"}`
	)
	item := func(more string) string { return `{` + key + more + `}` }
	for name, c := range map[string]struct {
		before, action, body string
		status               int
		want                 units
		writes, items        int
	}{
		"put":           {"", "PutItem", put(item("")), 200, units{deliveriesTable: 1}, 1, 1},
		"put 1 KB":      {"", "PutItem", put(sized(1024, "")), 200, units{deliveriesTable: 1}, 1, 1},
		"put more":      {"", "PutItem", put(sized(1025, "")), 200, units{deliveriesTable: 2}, 1, 1},
		"put smaller":   {sized(2049, ""), "PutItem", put(item("")), 200, units{deliveriesTable: 3}, 1, 1},
		"put larger":    {item(""), "PutItem", put(sized(2049, "")), 200, units{deliveriesTable: 3}, 1, 1},
		"indexed":       {"", "PutItem", put(item(vpk)), 200, units{deliveriesTable: 1, byVerification: 1}, 1, 1},
		"indexed large": {"", "PutItem", put(sized(3000, vpk)), 200, units{deliveriesTable: 3, byVerification: 1}, 1, 1},
		"same index keys": {
			item(vpk + due1), "PutItem", put(item(vpk + due1 + `,"x":{"S":"1"}`)), 200, units{deliveriesTable: 1}, 1, 1,
		},
		"enters index":   {item(vpk), "PutItem", put(item(vpk + due1)), 200, units{deliveriesTable: 1, byDue: 1}, 1, 1},
		"leaves index":   {item(vpk + due1), "PutItem", put(item(vpk)), 200, units{deliveriesTable: 1, byDue: 1}, 1, 1},
		"moves in index": {item(vpk + due1), "PutItem", put(item(vpk + due2)), 200, units{deliveriesTable: 1, byDue: 2}, 1, 1},
		"half a key":     {"", "PutItem", put(item(`,"dpk":{"S":"1"}`)), 200, units{deliveriesTable: 1}, 1, 1},
		"projected changes": {
			item(held + `,"st":{"S":"a"}`), "PutItem", put(item(held + `,"st":{"S":"b"}`)), 200, units{deliveriesTable: 1, byHeld: 1}, 1, 1,
		},
		"projected stays": {
			item(held + `,"st":{"S":"a"}`), "PutItem", put(item(`,"x":{"S":"1"}` + held + `,"st":{"S":"a"}`)), 200,
			units{deliveriesTable: 1}, 1, 1,
		},
		"projected is the same number": {
			item(held + `,"st":{"N":"1"}`), "PutItem", put(item(held + `,"st":{"N":"1.0"}`)), 200, units{deliveriesTable: 1}, 1, 1,
		},
		"large index key": {
			"", "PutItem", put(item(`,"vpk":{"S":"` + strings.Repeat("v", 1200) + `"}`)), 200,
			units{deliveriesTable: 2, byVerification: 2}, 1, 1,
		},
		"delete": {
			sized(1500, vpk), "DeleteItem", `{"TableName":"deliveries","Key":{` + key + `}}`, 200,
			units{deliveriesTable: 2, byVerification: 1}, 1, 1,
		},
		"delete nothing": {"", "DeleteItem", `{"TableName":"deliveries","Key":{` + key + `}}`, 200, units{deliveriesTable: 1}, 1, 0},
		"refused": {
			sized(2500, ""), "PutItem",
			`{"TableName":"deliveries","Item":{` + key + `},"ConditionExpression":"attribute_not_exists(pk)"}`, 400,
			units{deliveriesTable: 3}, 1, 0,
		},
		"update": {
			sized(1500, vpk), "UpdateItem", `{"TableName":"deliveries","Key":{` + key + `},"UpdateExpression":"SET y = :y",` +
				`"ExpressionAttributeValues":{":y":{"N":"1"}}}`, 200, units{deliveriesTable: 2}, 1, 1,
		},
		"transaction": {
			sized(1500, ""), "TransactWriteItems", `{"TransactItems":[{"Delete":{"TableName":"deliveries","Key":{` + key + `}}},` +
				`{"Put":{"TableName":"service","Item":{` + key + `}}},` +
				`{"Put":{"TableName":"deliveries","Item":{"pk":{"S":"p"},"sk":{"S":"2"}` + vpk + `}}}]}`, 200,
			units{deliveriesTable: 6, serviceTable: 2, byVerification: 1}, 3, 3,
		},
		"cancelled": {
			sized(1500, ""), "TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"service","Item":{` + key + `}}},` +
				`{"Put":{"TableName":"deliveries","Item":{` + key + `},"ConditionExpression":"attribute_not_exists(pk)"}}]}`, 400,
			units{deliveriesTable: 4, serviceTable: 2}, 2, 0,
		},
		"batch": {
			item(vpk), "BatchWriteItem", `{"RequestItems":{"deliveries":[{"DeleteRequest":{"Key":{` + key + `}}},` +
				`{"PutRequest":{"Item":{"pk":{"S":"p"},"sk":{"S":"2"}}}}]}}`, 200,
			units{deliveriesTable: 2, byVerification: 1}, 2, 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := start(t)
			if c.before != "" {
				ddb(t, s, 200, "PutItem", put(c.before))
			}
			s.Reset()
			ddb(t, s, c.status, c.action, c.body)
			got := s.Counts()
			if !maps.Equal(got.WCU, c.want) || got.Writes != c.writes || got.Items != c.items || len(got.RCU) != 0 {
				t.Errorf("got %+v, want WCU %v, %d writes of %d items", got, c.want, c.writes, c.items)
			}
			if !maps.Equal(got.Calls, map[string]int{"DynamoDB." + c.action: 1}) || got.Sent != int64(len(c.body)) {
				t.Errorf("got %+v, want one %s of %d bytes", got, c.action, len(c.body))
			}
		})
	}
}

// TestReadUnits does the same for reads, of two items of 5,000 bytes in one partition.
func TestReadUnits(t *testing.T) {
	const query = `"TableName":"deliveries","ExpressionAttributeValues":{":p":{"S":"p"},":no":{"S":"no"}},`
	keys := `[{"pk":{"S":"p"},"sk":{"S":"s"}},{"pk":{"S":"p"},"sk":{"S":"t"}},{"pk":{"S":"p"},"sk":{"S":"absent"}}]`
	for name, c := range map[string]struct {
		action, body string
		want         units
	}{
		"get":            {"GetItem", `{"TableName":"deliveries","Key":{` + key + `}}`, units{deliveriesTable: 1}},
		"get consistent": {"GetItem", `{"TableName":"deliveries","Key":{` + key + `},"ConsistentRead":true}`, units{deliveriesTable: 2}},
		"absent":         {"GetItem", `{"TableName":"deliveries","Key":{"pk":{"S":"p"},"sk":{"S":"u"}}}`, units{deliveriesTable: 0.5}},
		"part": {
			"GetItem", `{"TableName":"deliveries","Key":{` + key + `},"ProjectionExpression":"pk"}`, units{deliveriesTable: 1},
		},
		"batch": {"BatchGetItem", `{"RequestItems":{"deliveries":{"Keys":` + keys + `}}}`, units{deliveriesTable: 2.5}},
		"batch consistent": {
			"BatchGetItem", `{"RequestItems":{"deliveries":{"ConsistentRead":true,"Keys":` + keys + `}}}`, units{deliveriesTable: 5},
		},
		"query":            {"Query", `{` + query + `"KeyConditionExpression":"pk = :p"}`, units{deliveriesTable: 1.5}},
		"query consistent": {"Query", `{` + query + `"KeyConditionExpression":"pk = :p","ConsistentRead":true}`, units{deliveriesTable: 3}},
		"query one":        {"Query", `{` + query + `"KeyConditionExpression":"pk = :p","Limit":1}`, units{deliveriesTable: 1}},
		"query filtered": {
			"Query", `{` + query + `"KeyConditionExpression":"pk = :p","FilterExpression":"x = :no"}`, units{deliveriesTable: 1.5},
		},
		"count":       {"Query", `{` + query + `"KeyConditionExpression":"pk = :p","Select":"COUNT"}`, units{deliveriesTable: 1.5}},
		"query none":  {"Query", `{` + query + `"KeyConditionExpression":"pk = :no"}`, units{deliveriesTable: 0.5}},
		"query index": {"Query", `{` + query + `"IndexName":"byVerification","KeyConditionExpression":"vpk = :p"}`, units{byVerification: 0.5}},
		"scan":        {"Scan", `{"TableName":"deliveries"}`, units{deliveriesTable: 1.5}},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := start(t)
			item := sized(5000, `,"vpk":{"S":"p"}`)
			ddb(t, s, 200, "PutItem", put(item))
			ddb(t, s, 200, "PutItem", put(strings.Replace(item, `"S":"s"`, `"S":"t"`, 1)))
			s.Reset()
			ddb(t, s, 200, c.action, c.body)
			if got := s.Counts(); !maps.Equal(got.RCU, c.want) || got.Writes != 0 || len(got.WCU) != 0 {
				t.Errorf("got %+v, want RCU %v", got, c.want)
			}
		})
	}
}

// TestDelivery counts the two writes of a delivery that succeeds at once, by the product's own adapter: the claim enters
// the index by verification, and what is settled changes no key of it.
func TestDelivery(t *testing.T) {
	s, cfg := start(t)
	store := newStore(cfg)
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	d := storetest.Delivery("p", "w", "v", at)
	d.TakeClaim(at, "owner")
	claimed := units{deliveriesTable: 1, byVerification: 1}
	settled := units{deliveriesTable: 1}
	if !d.DueAt.IsZero() { // the sweeper looks after what is claimed
		claimed[byDue], settled[byDue] = 1, 1
	}
	commit := func(what string, want units) {
		t.Helper()
		s.Reset()
		if err := store.Commit(t.Context(), webhook.Change{Deliveries: []*webhook.Delivery{d}}); err != nil {
			t.Fatal(err)
		}
		if got := s.Counts(); got.Writes != 1 || got.Items != 1 || !maps.Equal(got.WCU, want) {
			t.Errorf("%s took %+v, want one write of %v", what, got, want)
		}
	}
	commit("the claim", claimed)
	d.Finish(webhook.Attempt{Number: 1, StartedAt: at, Duration: time.Second, StatusCode: 200})
	d.Succeed()
	commit("its end", settled)
}

// TestLoad puts items beside what is counted.
func TestLoad(t *testing.T) {
	s, _ := start(t)
	s.Load(deliveriesTable, func(yield func(stub.Item) bool) {
		_ = yield(stub.Item(sized(100, `,"vpk":{"S":"v"}`))) && yield(stub.Item(sized(200, `,"vpk":{"S":"v"}`)))
	})
	if got := s.Counts(); got.Writes != 0 || len(got.WCU) != 0 {
		t.Errorf("counted %+v", got)
	}
	n := 0
	for item := range s.Items(deliveriesTable) {
		n++
		if string(item) != sized(200, `,"vpk":{"S":"v"}`) {
			t.Errorf("stored %s", item)
		}
	}
	if n != 1 {
		t.Errorf("%d items, want the second in the place of the first", n)
	}
}
