package upgrade

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

type object = map[string]any

// index is a global secondary index.
func index(name, key, projection string) any {
	return object{
		"IndexName":  name,
		"KeySchema":  []any{object{"AttributeName": key, "KeyType": "HASH"}},
		"Projection": object{"ProjectionType": projection},
	}
}

// table is a table with indexes; properties replace what it has otherwise.
func table(properties object, indexes ...any) resource {
	all := object{
		"KeySchema":              []any{object{"AttributeName": "pk", "KeyType": "HASH"}},
		"AttributeDefinitions":   []any{object{"AttributeName": "a", "AttributeType": "S"}},
		"GlobalSecondaryIndexes": indexes,
	}
	maps.Copy(all, properties)
	return resource{Type: "AWS::DynamoDB::Table", Properties: all}
}

func of(kind string, properties object) resource { return resource{Type: kind, Properties: properties} }

// oneIndex is what most tables below change from.
var oneIndex = table(nil, index("one", "a", "ALL"))

// changes are resources of a release and of the next; one without a type is not there.
var changes = []struct {
	name     string
	from, to resource
	want     string // part of the one fault; empty for none
}{
	{"nothing", oneIndex, oneIndex, ""},
	{"other properties", oneIndex, table(object{"BillingMode": "PROVISIONED"}, index("one", "a", "ALL")), ""},
	{"an alarm less", of("AWS::CloudWatch::Alarm", nil), resource{}, ""},
	{"a table more", resource{}, oneIndex, ""},
	{"a table less", oneIndex, resource{}, "destroy"},
	{"a table less that stays", resource{Type: oneIndex.Type, DeletionPolicy: "Retain", Properties: oneIndex.Properties}, resource{}, "orphan"},
	{"another type", oneIndex, of("AWS::DynamoDB::GlobalTable", nil), "replace"},
	{"other keys", oneIndex, table(object{"KeySchema": []any{object{"AttributeName": "id", "KeyType": "HASH"}}}, index("one", "a", "ALL")), "replace"},
	{"a local index", oneIndex, table(object{"LocalSecondaryIndexes": []any{index("local", "a", "ALL")}}, index("one", "a", "ALL")), "LocalSecondaryIndexes changes"},
	{"a name", oneIndex, table(object{"TableName": "mine"}, index("one", "a", "ALL")), "replace"},
	{"another stream", oneIndex, table(object{"StreamSpecification": object{"StreamViewType": "NEW_IMAGE"}}, index("one", "a", "ALL")), "StreamSpecification changes"},
	{"an index more", oneIndex, table(nil, index("one", "a", "ALL"), index("two", "a", "ALL")), ""},
	{"two indexes more", oneIndex, table(nil, index("one", "a", "ALL"), index("two", "a", "ALL"), index("three", "a", "ALL")), "2 indexes"},
	{"an index less", oneIndex, table(nil), ""},
	{"one index in another's place", oneIndex, table(nil, index("two", "a", "ALL")), "2 indexes"},
	{"another projection", oneIndex, table(nil, index("one", "a", "KEYS_ONLY")), "in place"},
	{"another key of an index", oneIndex, table(nil, index("one", "b", "ALL")), "in place"},
	{"another type of an index's key", oneIndex, table(object{
		"AttributeDefinitions": []any{object{"AttributeName": "a", "AttributeType": "N"}},
	}, index("one", "a", "ALL")), "in place"},
	{"a queue's name", of("AWS::SQS::Queue", nil), of("AWS::SQS::Queue", object{"QueueName": "mine"}), "replace"},
	{"a queue in order", of("AWS::SQS::Queue", nil), of("AWS::SQS::Queue", object{"FifoQueue": true}), "replace"},
	{"a queue's time", of("AWS::SQS::Queue", object{"VisibilityTimeout": 1}), of("AWS::SQS::Queue", object{"VisibilityTimeout": 2}), ""},
	{"a bucket's name", of("AWS::S3::Bucket", nil), of("AWS::S3::Bucket", object{"BucketName": "mine"}), "replace"},
	{"an API's name", of("AWS::ApiGateway::RestApi", object{"Name": "a"}), of("AWS::ApiGateway::RestApi", object{"Name": "b"}), ""},
	{"an API less", of("AWS::ApiGateway::RestApi", object{"Name": "a"}), resource{}, "destroy"},
	{"a stage's name", of("AWS::ApiGateway::Stage", object{"StageName": "a"}), of("AWS::ApiGateway::Stage", object{"StageName": "b"}), "replace"},
	{"where a mapping begins", of("AWS::Lambda::EventSourceMapping", object{"StartingPosition": "LATEST"}),
		of("AWS::Lambda::EventSourceMapping", object{"StartingPosition": "TRIM_HORIZON"}), "replace"},
	{"what a mapping reads", of("AWS::Lambda::EventSourceMapping", object{"EventSourceArn": "a"}),
		of("AWS::Lambda::EventSourceMapping", object{"EventSourceArn": "b"}), "replace"},
	{"whom a mapping calls", of("AWS::Lambda::EventSourceMapping", object{"FunctionName": "a"}),
		of("AWS::Lambda::EventSourceMapping", object{"FunctionName": "b"}), ""},
	{"a domain", of("AWS::ApiGateway::DomainName", object{"DomainName": "a.example.com"}),
		of("AWS::ApiGateway::DomainName", object{"DomainName": "b.example.com"}), "replace"},
	{"a stage of another API", of("AWS::ApiGateway::Stage", object{"RestApiId": "a"}), of("AWS::ApiGateway::Stage", object{"RestApiId": "b"}), "replace"},
	{"locks on objects", of("AWS::S3::Bucket", nil), of("AWS::S3::Bucket", object{"ObjectLockEnabled": true}), "replace"},
	{"a key's kind", of("AWS::KMS::Key", nil), of("AWS::KMS::Key", object{"KeySpec": "RSA_2048"}), "KeySpec changes"},
	{"a key's use", of("AWS::KMS::Key", nil), of("AWS::KMS::Key", object{"KeyUsage": "SIGN_VERIFY"}), "KeyUsage changes"},
	{"a key of all regions", of("AWS::KMS::Key", nil), of("AWS::KMS::Key", object{"MultiRegion": true}), "MultiRegion changes"},
	{"a key from elsewhere", of("AWS::KMS::Key", nil), of("AWS::KMS::Key", object{"Origin": "EXTERNAL"}), "Origin changes"},
	{"an import", oneIndex, table(object{"ImportSourceSpecification": object{"InputFormat": "CSV"}}, index("one", "a", "ALL")), "replace"},
	{"since when a mapping reads", of("AWS::Lambda::EventSourceMapping", nil),
		of("AWS::Lambda::EventSourceMapping", object{"StartingPositionTimestamp": 1}), "replace"},
	{"a key less", of("AWS::KMS::Key", nil), resource{}, "destroy"},
	{"a topic's name", of("AWS::SNS::Topic", nil), of("AWS::SNS::Topic", object{"TopicName": "mine"}), "replace"},
	{"a log less", of("AWS::Logs::LogGroup", nil), resource{}, ""},
	{"an address less", of("AWS::EC2::EIP", nil), resource{}, "destroy"},
	{"a bus's name", of("AWS::Events::EventBus", object{"Name": "a"}), of("AWS::Events::EventBus", object{"Name": "b"}), "replace"},
}

func TestReplaced(t *testing.T) {
	t.Parallel()
	cli := filepath.Join("..", "..", "infra", "node_modules", ".bin", "cdk")
	if _, err := os.Stat(cli); err != nil {
		if os.Getenv("CI") != "" && !testing.Short() {
			t.Fatal(err)
		}
		t.Skipf("%v: `make upgrade` installs it", err)
	}
	from, to := map[string]resource{}, map[string]resource{}
	id := func(i int) string { return fmt.Sprintf("R%dEnd", i) }
	for i, c := range changes {
		if c.from.Type != "" {
			from[id(i)] = c.from
		}
		if c.to.Type != "" {
			to[id(i)] = c.to
		}
	}
	faults := replaced(t, written(t, from), written(t, to))
	for i, c := range changes {
		var got []string
		for _, f := range faults {
			if strings.HasPrefix(f, id(i)) {
				got = append(got, f)
			}
		}
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// written is a template in a file.
func written(t *testing.T, resources map[string]resource) template {
	t.Helper()
	all := object{}
	for id, r := range resources {
		all[id] = object{"Type": r.Type, "Properties": r.Properties}
		if r.DeletionPolicy != "" {
			all[id] = object{"Type": r.Type, "Properties": r.Properties, "DeletionPolicy": r.DeletionPolicy}
		}
	}
	path := filepath.Join(t.TempDir(), "template.json")
	must(t, local.WriteJSON(path, object{"Resources": all}))
	return readTemplate(t, path)
}

func TestWeakened(t *testing.T) {
	t.Parallel()
	with := func(deletion, replacement string, outputs ...string) template {
		tpl := template{Outputs: object{}, Resources: map[string]resource{
			"T": {Type: "AWS::DynamoDB::Table", DeletionPolicy: deletion, UpdateReplacePolicy: replacement},
			"A": {Type: "AWS::CloudWatch::Alarm", DeletionPolicy: deletion},
		}}
		for _, name := range outputs {
			tpl.Outputs[name] = object{"Value": name}
		}
		return tpl
	}
	for _, c := range []struct {
		name         string
		older, newer template
		want         []string
	}{
		{"nothing", with("Retain", "Retain", "One"), with("Retain", "Retain", "One"), nil},
		{"stronger", with("Delete", "", "One"), with("Retain", "Snapshot", "One", "Two"), nil},
		{"the same for what exists", with("Retain", "Retain"), with("RetainExceptOnCreate", "Retain"), nil},
		{"goes with the stack", with("Retain", "Retain"), with("Delete", "Retain"), []string{`T: DeletionPolicy was Retain, is "Delete"`}},
		{"says nothing", with("Snapshot", "Retain"), with("", ""), []string{
			`T: DeletionPolicy was Snapshot, is ""`, `T: UpdateReplacePolicy was Retain, is ""`,
		}},
		{"another output", with("", "", "One"), with("", "", "Two"), []string{"output One is gone"}},
	} {
		if got := weakened(c.older, c.newer); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
