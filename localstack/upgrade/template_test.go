package upgrade

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
)

// template is what matters of a CloudFormation template.
type template struct {
	Resources map[string]resource
}

type resource struct {
	Type       string
	Properties map[string]any
}

// lasting are the types of resources that hold data, or that others know by an id that CloudFormation gave, each with
// the properties that replace it when they change (CloudFormation's reference, "Update requires: Replacement"), and with
// StreamSpecification, whose change begins another stream.
var lasting = map[string][]string{
	"AWS::DynamoDB::Table":            {"TableName", "KeySchema", "LocalSecondaryIndexes", "ImportSourceSpecification", "StreamSpecification"},
	"AWS::S3::Bucket":                 {"BucketName", "ObjectLockEnabled"},
	"AWS::SQS::Queue":                 {"QueueName", "FifoQueue"},
	"AWS::KMS::Key":                   {"KeySpec", "KeyUsage", "MultiRegion", "Origin"},
	"AWS::ApiGateway::RestApi":        {},
	"AWS::ApiGateway::Stage":          {"StageName", "RestApiId"},
	"AWS::Lambda::EventSourceMapping": {"EventSourceArn", "StartingPosition", "StartingPositionTimestamp"},
}

// replaced says what a change from one template to another takes from AWS that the release before cannot do without:
// resources that last and would be removed or replaced, and changes of indexes that CloudFormation refuses or cannot make
// without a time in which there is none.
func replaced(from, to template) (faults []string) {
	for _, id := range slices.Sorted(maps.Keys(from.Resources)) {
		r := from.Resources[id]
		properties, lasts := lasting[r.Type]
		if !lasts {
			continue
		}
		other, ok := to.Resources[id]
		if !ok || other.Type != r.Type {
			faults = append(faults, fmt.Sprintf("%s (%s) is removed", id, r.Type))
			continue
		}
		for _, p := range properties {
			if !reflect.DeepEqual(r.Properties[p], other.Properties[p]) {
				faults = append(faults, fmt.Sprintf("%s (%s) is replaced: %s changes", id, r.Type, p))
			}
		}
		faults = append(faults, indexChanges(id, indexes(r), indexes(other))...)
	}
	return faults
}

// indexes are a table's global secondary indexes by name, each with the types of its keys.
func indexes(r resource) map[string][]any {
	types := map[any]any{}
	definitions, _ := r.Properties["AttributeDefinitions"].([]any)
	for _, d := range definitions {
		m, _ := d.(map[string]any)
		types[m["AttributeName"]] = m["AttributeType"]
	}
	all := map[string][]any{}
	list, _ := r.Properties["GlobalSecondaryIndexes"].([]any)
	for _, i := range list {
		m, _ := i.(map[string]any)
		name, _ := m["IndexName"].(string)
		all[name] = []any{m["KeySchema"], m["Projection"]}
		keys, _ := m["KeySchema"].([]any)
		for _, k := range keys {
			k, _ := k.(map[string]any)
			all[name] = append(all[name], types[k["AttributeName"]])
		}
	}
	return all
}

// indexChanges: DynamoDB makes or removes one index of a table in one update, and changes none.
func indexChanges(id string, from, to map[string][]any) (faults []string) {
	made := 0
	for name := range to {
		if from[name] == nil {
			made++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(from)) {
		switch {
		case to[name] == nil:
			made++
		case !reflect.DeepEqual(from[name], to[name]):
			faults = append(faults, fmt.Sprintf("%s: its index %s is changed in place", id, name))
		}
	}
	if made > 1 {
		faults = append(faults, fmt.Sprintf("%s: %d indexes are made or removed in one release", id, made))
	}
	return faults
}

func TestReplaced(t *testing.T) {
	t.Parallel()
	index := func(name, key, projection string) any {
		return map[string]any{
			"IndexName":  name,
			"KeySchema":  []any{map[string]any{"AttributeName": key, "KeyType": "HASH"}},
			"Projection": map[string]any{"ProjectionType": projection},
		}
	}
	table := func(properties map[string]any, indexes ...any) template {
		all := map[string]any{
			"KeySchema":              "pk",
			"AttributeDefinitions":   []any{map[string]any{"AttributeName": "a", "AttributeType": "S"}},
			"GlobalSecondaryIndexes": indexes,
		}
		maps.Copy(all, properties)
		return template{map[string]resource{"T": {"AWS::DynamoDB::Table", all}, "A": {"AWS::CloudWatch::Alarm", nil}}}
	}
	one := table(nil, index("one", "a", "ALL"))
	for name, c := range map[string]struct {
		to     template
		faults int
	}{
		"nothing":                      {one, 0},
		"other properties":             {table(map[string]any{"BillingMode": "PROVISIONED"}, index("one", "a", "ALL")), 0},
		"an alarm less":                {template{map[string]resource{"T": one.Resources["T"]}}, 0},
		"a table less":                 {template{}, 1},
		"another type":                 {template{map[string]resource{"T": {"AWS::DynamoDB::GlobalTable", nil}}}, 1},
		"other keys":                   {table(map[string]any{"KeySchema": "id"}, index("one", "a", "ALL")), 1},
		"another stream":               {table(map[string]any{"StreamSpecification": "NEW_IMAGE"}, index("one", "a", "ALL")), 1},
		"a name":                       {table(map[string]any{"TableName": "mine"}, index("one", "a", "ALL")), 1},
		"an index more":                {table(nil, index("one", "a", "ALL"), index("two", "a", "ALL")), 0},
		"two indexes more":             {table(nil, index("one", "a", "ALL"), index("two", "a", "ALL"), index("three", "a", "ALL")), 1},
		"an index less":                {table(nil), 0},
		"one index in another's place": {table(nil, index("two", "a", "ALL")), 1},
		"another projection":           {table(nil, index("one", "a", "KEYS_ONLY")), 1},
		"another key":                  {table(nil, index("one", "b", "ALL")), 1},
		"another type of key": {table(map[string]any{
			"AttributeDefinitions": []any{map[string]any{"AttributeName": "a", "AttributeType": "N"}},
		}, index("one", "a", "ALL")), 1},
	} {
		if got := replaced(one, c.to); len(got) != c.faults {
			t.Errorf("%s: %v, want %d faults", name, got, c.faults)
		}
	}
}
