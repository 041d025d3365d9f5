package stub_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/localstack/bench/stub"
)

// row is an item of the model: of one of a few partitions, and mostly in the index by due time.
type row struct {
	pk, sk string
	due    int
}

func (r row) indexed() bool { return r.due%4 != 0 }

func (r row) item() string {
	more := ""
	if r.indexed() {
		more = fmt.Sprintf(`,"dpk":{"S":"%s"},"due":{"N":"%d"}`, r.pk, r.due)
	}
	return fmt.Sprintf(`{"pk":{"S":"%s"},"sk":{"S":"%s"}%s}`, r.pk, r.sk, more)
}

// TestPages makes writes at random and compares every query with a sorted list of the same rows.
func TestPages(t *testing.T) {
	for seed := range uint64(6) {
		random := rand.New(rand.NewPCG(seed, 1))
		s, _ := start(t)
		rows := map[[2]string]row{}
		for range 3000 {
			r := row{fmt.Sprint("p", random.IntN(3)), fmt.Sprintf("%04d", random.IntN(2000)), random.IntN(400) - 200}
			if random.IntN(3) == 0 {
				ddb(t, s, 200, "DeleteItem", fmt.Sprintf(`{"TableName":"deliveries","Key":{"pk":{"S":"%s"},"sk":{"S":"%s"}}}`, r.pk, r.sk))
				delete(rows, [2]string{r.pk, r.sk})
				continue
			}
			ddb(t, s, 200, "PutItem", put(r.item()))
			rows[[2]string{r.pk, r.sk}] = r
		}
		for range 60 {
			q := newQuery(random)
			want := q.of(rows)
			if got := q.read(t, s); !slices.Equal(got, want) {
				t.Fatalf("seed %d, %+v:\ngot  %v\nwant %v", seed, q, got, want)
			}
		}
	}
}

// query is a query of one partition, of the table or of the index by due time.
type query struct {
	partition string
	byDue     bool
	operator  string // of the sort key, "" for all
	low, high int
	limit     int
	backward  bool
}

func newQuery(random *rand.Rand) query {
	q := query{
		partition: fmt.Sprint("p", random.IntN(4)), byDue: random.IntN(2) == 0, limit: 1 + random.IntN(700), backward: random.IntN(2) == 0,
		operator: []string{"", "=", "<", "<=", ">", ">=", "BETWEEN", "begins_with"}[random.IntN(8)],
	}
	most := 2000
	if q.byDue {
		most = 400
		if q.operator == "begins_with" {
			q.operator = "="
		}
	}
	q.low = random.IntN(most)
	if q.byDue {
		q.low -= 200
	}
	q.high = q.low + random.IntN(most)
	return q
}

// text is a bound as the sort key has it: of a prefix the first two digits.
func (q *query) text(n int) string {
	switch {
	case q.byDue:
		return fmt.Sprintf(`{"N":"%d"}`, n)
	case q.operator == "begins_with":
		return fmt.Sprintf(`{"S":"%02d"}`, n/100)
	}
	return fmt.Sprintf(`{"S":"%04d"}`, n)
}

// of returns the sort keys of the table that the query should find in the rows.
func (q *query) of(rows map[[2]string]row) []string {
	var found []row
	for _, r := range rows {
		n := r.due
		if !q.byDue {
			_, _ = fmt.Sscan(strings.TrimLeft(r.sk[:3], "0")+r.sk[3:], &n)
		}
		holds := map[string]bool{
			"": true, "=": n == q.low, "<": n < q.low, "<=": n <= q.low, ">": n > q.low, ">=": n >= q.low,
			"BETWEEN": n >= q.low && n <= q.high, "begins_with": n/100 == q.low/100,
		}[q.operator]
		if r.pk == q.partition && holds && (!q.byDue || r.indexed()) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b row) int {
		if q.byDue && a.due != b.due {
			return a.due - b.due
		}
		return strings.Compare(a.sk, b.sk)
	})
	if q.backward {
		slices.Reverse(found)
	}
	var keys []string
	for _, r := range found {
		keys = append(keys, r.sk)
	}
	return keys
}

// read reads all pages of the query.
func (q *query) read(t *testing.T, s *stub.Services) []string {
	t.Helper()
	part, sort, index := "pk", "sk", ""
	if q.byDue {
		part, sort, index = "dpk", "due", `"IndexName":"byDue",`
	}
	condition, bounds := part+" = :p", ""
	switch q.operator {
	case "":
	case "BETWEEN":
		condition += " AND " + sort + " BETWEEN :low AND :high"
		bounds = `,":low":` + q.text(q.low) + `,":high":` + q.text(q.high)
	case "begins_with":
		condition += " AND begins_with(" + sort + ", :low)"
		bounds = `,":low":` + q.text(q.low)
	default:
		condition += " AND " + sort + " " + q.operator + " :low"
		bounds = `,":low":` + q.text(q.low)
	}
	var keys []string
	for start := ""; ; {
		body := fmt.Sprintf(`{"TableName":"deliveries",%s"KeyConditionExpression":"%s","ExpressionAttributeValues":{":p":{"S":"%s"}%s},`+
			`"Limit":%d,"ScanIndexForward":%t%s}`, index, condition, q.partition, bounds, q.limit, !q.backward, start)
		var page struct {
			Count, ScannedCount int
			Items               []struct {
				SK struct{ S string } `json:"sk"`
			}
			LastEvaluatedKey json.RawMessage
		}
		if err := json.Unmarshal([]byte(ddb(t, s, 200, "Query", body)), &page); err != nil {
			t.Fatal(err)
		}
		if page.Count != len(page.Items) || page.ScannedCount != page.Count || page.Count > q.limit {
			t.Fatalf("a page of %d items counts %d of %d, limit %d", len(page.Items), page.Count, page.ScannedCount, q.limit)
		}
		for _, i := range page.Items {
			keys = append(keys, i.SK.S)
		}
		if page.LastEvaluatedKey == nil {
			return keys
		}
		start = `,"ExclusiveStartKey":` + string(page.LastEvaluatedKey)
	}
}

// TestPageOfBytes ends a page at 1 MB, and counts before the filter.
func TestPageOfBytes(t *testing.T) {
	s, _ := start(t)
	for i := range 5 {
		ddb(t, s, 200, "PutItem", put(fmt.Sprintf(`{"pk":{"S":"p"},"sk":{"S":"%d"},"x":{"S":"%s"}}`, i, strings.Repeat("x", 300<<10))))
	}
	s.Reset()
	answer := ddb(t, s, 200, "Query", `{"TableName":"deliveries","KeyConditionExpression":"pk = :p","FilterExpression":"sk > :one",`+
		`"ProjectionExpression":"sk","ExpressionAttributeValues":{":p":{"S":"p"},":one":{"S":"1"}}}`)
	want := `{"Items":[{"sk":{"S":"2"}},{"sk":{"S":"3"}}],"Count":2,"ScannedCount":4,"LastEvaluatedKey":{"pk":{"S":"p"},"sk":{"S":"3"}}}`
	if !sameJSON(t, answer, want) {
		t.Errorf("got %s, want %s", answer, want)
	}
	if got := s.Counts().RCU[deliveriesTable]; got != 150.5 {
		t.Errorf("%v units, want those of 1,200 KB", got)
	}
	answer = ddb(t, s, 200, "Query", `{"TableName":"deliveries","KeyConditionExpression":"pk = :p","Select":"COUNT","Limit":2,`+
		`"ExpressionAttributeValues":{":p":{"S":"p"}}}`)
	if !sameJSON(t, answer, `{"Count":2,"ScannedCount":2,"LastEvaluatedKey":{"pk":{"S":"p"},"sk":{"S":"1"}}}`) {
		t.Errorf("the count is %s", answer)
	}
}

// TestIndexHolds the projected attributes only.
func TestIndexHolds(t *testing.T) {
	s, _ := start(t)
	ddb(t, s, 200, "PutItem", put(`{`+key+`,"x":{"S":"x"},"st":{"S":"held"},"vpk":{"S":"v"},"hpk":{"S":"h"},"hsk":{"S":"1"}}`))
	for index, want := range map[string]string{
		"byVerification": `{` + key + `,"vpk":{"S":"v"}}`,
		"byHeld":         `{` + key + `,"st":{"S":"held"},"hpk":{"S":"h"},"hsk":{"S":"1"}}`,
	} {
		part, value := "vpk", "v"
		if index == "byHeld" {
			part, value = "hpk", "h"
		}
		got := ddb(t, s, 200, "Query", fmt.Sprintf(`{"TableName":"deliveries","IndexName":"%s","KeyConditionExpression":"#i = :i",`+
			`"ExpressionAttributeNames":{"#i":"%s"},"ExpressionAttributeValues":{":i":{"S":"%s"}}}`, index, part, value))
		if !sameJSON(t, got, `{"Items":[`+want+`],"Count":1,"ScannedCount":1}`) {
			t.Errorf("%s holds %s, want %s", index, got, want)
		}
	}
}

// TestTransactions repeats a token, and cancels for the right reasons.
func TestTransactions(t *testing.T) {
	s, _ := start(t)
	add := func(token, sk string) string {
		return `{"ClientRequestToken":"` + token + `","TransactItems":[{"Update":{"TableName":"service","Key":{"pk":{"S":"p"},"sk":{"S":"` + sk +
			`"}},"UpdateExpression":"ADD n :n","ExpressionAttributeValues":{":n":{"N":"1"}}}}]}`
	}
	ddb(t, s, 200, "TransactWriteItems", add("a", "s"))
	ddb(t, s, 200, "TransactWriteItems", add("a", "s"))
	if answer := ddb(t, s, 400, "TransactWriteItems", add("a", "t")); !strings.Contains(answer, "#IdempotentParameterMismatchException") {
		t.Errorf("another request with the same token: %s", answer)
	}
	ddb(t, s, 200, "TransactWriteItems", add("b", "s"))
	const item = `{` + key + `,"n":{"N":"2"}}`
	answer := ddb(t, s, 400, "TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"service","Item":{"pk":{"S":"p"},"sk":{"S":"new"}}}},`+
		`{"ConditionCheck":{"TableName":"service","Key":{`+key+`},"ConditionExpression":"n < :n","ExpressionAttributeValues":{":n":{"N":"1"}},`+
		`"ReturnValuesOnConditionCheckFailure":"ALL_OLD"}}]}`)
	want := `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","message":"Transaction cancelled, please refer ` +
		`cancellation reasons for specific reasons [None, ConditionalCheckFailed]","CancellationReasons":[{"Code":"None"},` +
		`{"Code":"ConditionalCheckFailed","Message":"The conditional request failed","Item":` + item + `}]}`
	if !sameJSON(t, answer, want) {
		t.Errorf("got %s, want %s", answer, want)
	}
	if got := ddb(t, s, 200, "GetItem", `{"TableName":"service","Key":{"pk":{"S":"p"},"sk":{"S":"new"}}}`); got != "{}" {
		t.Errorf("a cancelled transaction stored %s", got)
	}
	twice := `{"TransactItems":[{"Delete":{"TableName":"service","Key":{` + key + `}}},{"Put":{"TableName":"service","Item":{` + key + `}}}]}`
	if answer := ddb(t, s, 400, "TransactWriteItems", twice); !strings.Contains(answer, "#ValidationException") {
		t.Errorf("one item twice: %s", answer)
	}
}
