package stub

import "strconv"

// request holds the members of a request to DynamoDB, of a transaction's part, or of a table's part of a batch, as they
// stand in the body.
type request struct {
	table, index                         string
	item, key, keys, start               string
	condition, filter, keyCondition      string
	update, projection                   string
	names, values                        string
	returnValues, onFailure, selectWhat  string
	requestItems, transactItems, token   string
	limit                                int
	consistent, backward                 bool
	put, remove, updatePart, check, body string
}

func parseRequest(body string) *request {
	r := &request{body: body}
	for name, v := range members(body) {
		switch name {
		case "TableName":
			r.table = unquote(v)
		case "IndexName":
			r.index = unquote(v)
		case "Item":
			r.item = v
		case "Key":
			r.key = v
		case "Keys":
			r.keys = v
		case "ExclusiveStartKey":
			r.start = v
		case "ConditionExpression":
			r.condition = unquote(v)
		case "FilterExpression":
			r.filter = unquote(v)
		case "KeyConditionExpression":
			r.keyCondition = unquote(v)
		case "UpdateExpression":
			r.update = unquote(v)
		case "ProjectionExpression":
			r.projection = unquote(v)
		case "ExpressionAttributeNames":
			r.names = v
		case "ExpressionAttributeValues":
			r.values = v
		case "ReturnValues":
			r.returnValues = unquote(v)
		case "ReturnValuesOnConditionCheckFailure":
			r.onFailure = unquote(v)
		case "Select":
			r.selectWhat = unquote(v)
		case "RequestItems":
			r.requestItems = v
		case "TransactItems":
			r.transactItems = v
		case "ClientRequestToken":
			r.token = unquote(v)
		case "Limit":
			r.limit, _ = strconv.Atoi(v)
		case "ConsistentRead":
			r.consistent = v == "true"
		case "ScanIndexForward":
			r.backward = v == "false"
		case "Put", "PutRequest":
			r.put = v
		case "Delete", "DeleteRequest":
			r.remove = v
		case "Update":
			r.updatePart = v
		case "ConditionCheck":
			r.check = v
		}
	}
	return r
}

// scope returns the scope of the request's expressions in an item.
func (r *request) scope(rec *record) *scope {
	s := &scope{names: pairs(r.names), values: pairs(r.values)}
	if rec != nil {
		s.item = rec.raw
	}
	return s
}

// project returns an item with what the request asks for.
func (r *request) project(item string) (string, *failure) {
	if r.projection == "" {
		return item, nil
	}
	s := r.scope(nil)
	want := map[string]bool{}
	for _, t := range tokens(r.projection) {
		if t != "," {
			want[s.name(t)] = true
		}
	}
	return pick(item, func(name string) bool { return want[name] }), s.failed
}

func itoa(n int) string { return strconv.Itoa(n) }
