package calls

import (
	"encoding/json"
	"net/http"
	"path"
	"regexp"
	"strings"
)

var (
	accessKey  = regexp.MustCompile(`Credential=([^/]+)/[^/]+/[^/]+/([^/]+)/`)
	deniedBody = regexp.MustCompile(`AccessDenied`)
	capitals   = regexp.MustCompile(`^[A-Z]+$`)
	keyIs      = regexp.MustCompile(`^\s*(#?\w+)\s*=\s*(:\w+)`)
)

// services are IAM's names of what X-Amz-Target begins with.
var services = map[string]string{
	"DynamoDB_20120810": "dynamodb", "AmazonSQS": "sqs", "TrentService": "kms", "AWSEvents": "events",
}

// of reads from a signed request which actions it asks for. What it does not know has an action that no role is
// granted, so that it is not overlooked.
func of(r *http.Request, body []byte) []Call {
	signed := accessKey.FindStringSubmatch(r.Header.Get("Authorization"))
	if signed == nil {
		return []Call{{Action: "unsigned", On: r.Method + " " + r.URL.Path}}
	}
	var calls []Call
	prefix, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	switch {
	case signed[2] == "s3":
		calls = s3Calls(r)
	case services[prefix] == "dynamodb":
		calls = tableCalls(operation, body)
	case services[prefix] != "":
		calls = jsonCalls(services[prefix], operation, body)
	default:
		calls = []Call{{Action: signed[2] + ":" + r.Header.Get("X-Amz-Target"), On: r.Method + " " + r.URL.Path}}
	}
	for i := range calls {
		calls[i].Key = signed[1]
	}
	return calls
}

// s3Calls expects the bucket in the path, as clients with an endpoint of their own have it.
func s3Calls(r *http.Request) []Call {
	bucket, object, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case object == "" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		return []Call{{Action: "s3:ListBucket", On: "bucket/" + bucket}}
	case object == "":
		return []Call{{Action: "s3:" + r.Method + "Bucket", On: "bucket/" + bucket}}
	}
	verb := map[string]string{"GET": "Get", "HEAD": "Get", "PUT": "Put", "DELETE": "Delete"}[r.Method]
	return []Call{{Action: "s3:" + verb + "Object", On: "bucket/" + bucket + "/*"}}
}

// jsonCalls is for SQS, KMS and EventBridge. A batch is the action of its messages.
func jsonCalls(service, operation string, body []byte) []Call {
	var in struct {
		QueueURL          string `json:"QueueUrl"`
		KeyID             string `json:"KeyId"`
		EncryptionContext map[string]string
		Entries           []struct{ EventBusName string }
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return []Call{{Action: service + ":" + operation, On: err.Error()}}
	}
	c := Call{Action: service + ":" + strings.TrimSuffix(operation, "Batch"), App: in.EncryptionContext["app"]}
	switch service {
	case "sqs":
		c.On = "queue/" + path.Base(in.QueueURL)
	case "kms":
		c.On = "key/" + in.KeyID
	case "events":
		c.On = "bus/"
		if len(in.Entries) > 0 {
			c.On += in.Entries[0].EventBusName
		}
	}
	return []Call{c}
}

type item map[string]map[string]any

// partition is the value of the partition key of an item's own table, if it is one of the product's.
func (i item) partition() string { return text(i["pk"]) }

func text(v map[string]any) string {
	if s, ok := v["S"].(string); ok && capitals.MatchString(s) {
		return s
	}
	return ""
}

type tableRequest struct {
	TableName, IndexName      string
	Key, Item                 item
	KeyConditionExpression    string
	ExpressionAttributeNames  map[string]string
	ExpressionAttributeValues item
	TransactItems             []map[string]struct {
		TableName string
		Key, Item item
	}
	RequestItems map[string]json.RawMessage
}

// tableCalls is for DynamoDB. A transaction is the actions of its parts.
func tableCalls(operation string, body []byte) []Call {
	var in tableRequest
	if err := json.Unmarshal(body, &in); err != nil {
		return []Call{{Action: "dynamodb:" + operation, On: err.Error()}}
	}
	var calls []Call
	add := func(operation, table, leading string) {
		calls = append(calls, Call{Action: "dynamodb:" + operation, On: "table/" + table, Leading: leading})
	}
	for _, parts := range in.TransactItems {
		for kind, p := range parts {
			leading := p.Key.partition() + p.Item.partition()
			add(transactItem[kind], p.TableName, leading)
		}
	}
	for table, requests := range in.RequestItems {
		add(operation, table, leadingOf(requests))
	}
	if in.TableName != "" {
		table := in.TableName
		if in.IndexName != "" {
			table += "/index/" + in.IndexName
		}
		add(operation, table, in.Key.partition()+in.Item.partition()+in.queried())
	}
	return calls
}

var transactItem = map[string]string{
	"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "Get": "GetItem", "ConditionCheck": "ConditionCheckItem",
}

// queried is the partition that a Query of a table is about.
func (in tableRequest) queried() string {
	m := keyIs.FindStringSubmatch(in.KeyConditionExpression)
	if m == nil || in.IndexName != "" {
		return ""
	}
	return text(in.ExpressionAttributeValues[m[2]])
}

// leadingOf is the partition of a batch's writes if all have the same.
func leadingOf(requests json.RawMessage) string {
	var writes []struct {
		PutRequest    struct{ Item item }
		DeleteRequest struct{ Key item }
	}
	if json.Unmarshal(requests, &writes) != nil {
		return "" // reads: an object, not a list
	}
	leading := ""
	for i, w := range writes {
		p := w.PutRequest.Item.partition() + w.DeleteRequest.Key.partition()
		if i > 0 && p != leading {
			return ""
		}
		leading = p
	}
	return leading
}
