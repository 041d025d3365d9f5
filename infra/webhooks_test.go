package infra

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"

	"github.com/cr3dentials/verification-webhooks/shared/env"
)

// each runs f for every stage.
func each(t *testing.T, f func(t *testing.T, stage string, tpl template)) {
	for _, stage := range []string{stageLocal, stageDev, stageProd} {
		t.Run(stage, func(t *testing.T) { f(t, stage, stages[stage]()) })
	}
}

func TestNoCustomResources(t *testing.T) {
	each(t, func(t *testing.T, _ string, tpl template) {
		for id, r := range tpl.Resources {
			if strings.HasPrefix(r.Type, "Custom::") || strings.HasPrefix(r.Type, "AWS::CloudFormation::") {
				t.Errorf("%s is a %s", id, r.Type)
			}
		}
		if got := tpl.ofType("AWS::Lambda::Function"); len(got) != len(functionNames) {
			t.Errorf("functions: %v", got)
		}
	})
}

// A fixed name would keep a second copy out of the account, and a replacement out of the stack.
func TestNoFixedNames(t *testing.T) {
	names := []string{
		"TableName", "QueueName", "BucketName", "FunctionName", "RoleName", "PolicyName", "LogGroupName", "AlarmName", "AliasName",
	}
	each(t, func(t *testing.T, _ string, tpl template) {
		for id, r := range tpl.Resources {
			for _, name := range names {
				v, ok := r.Properties[name]
				if text, _ := v.(string); ok && tpl.Resources[text].Type == "" && tpl.Resources[strings.TrimSuffix(text, ".Arn")].Type == "" {
					t.Errorf("%s has the fixed %s %v", id, name, v)
				}
			}
			if _, ok := r.Properties["Name"]; ok && r.Type != "AWS::ApiGateway::RestApi" {
				t.Errorf("%s has a fixed Name", id)
			}
		}
	})
}

// What holds data stays on prod whatever happens to the stack, and goes with it elsewhere.
func TestRemoval(t *testing.T) {
	kinds := []string{
		"AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key", "AWS::SQS::Queue", "AWS::Logs::LogGroup",
	}
	each(t, func(t *testing.T, stage string, tpl template) {
		want := "Delete"
		if stage == stageProd {
			want = "Retain"
		}
		for _, kind := range kinds {
			ids := tpl.ofType(kind)
			if len(ids) == 0 {
				t.Errorf("no %s", kind)
			}
			for _, id := range ids {
				if r := tpl.get(t, id); r.DeletionPolicy != want || r.UpdateReplacePolicy != want {
					t.Errorf("%s: deletion %q, replacement %q, want %q", id, r.DeletionPolicy, r.UpdateReplacePolicy, want)
				}
			}
		}
	})
}

func TestTables(t *testing.T) {
	attribute := func(name, kind string) map[string]any {
		return map[string]any{"AttributeName": name, "AttributeType": kind}
	}
	key := func(names ...string) []any {
		kinds := []string{"HASH", "RANGE"}
		var k []any
		for i, n := range names {
			k = append(k, map[string]any{"AttributeName": n, "KeyType": kinds[i]})
		}
		return k
	}
	index := func(name, partition, sort string) map[string]any {
		return map[string]any{
			"IndexName": name, "KeySchema": key(partition, sort), "Projection": map[string]any{"ProjectionType": "KEYS_ONLY"},
		}
	}
	held := index("byHeld", "hpk", "hsk")
	held["Projection"] = map[string]any{"ProjectionType": "INCLUDE", "NonKeyAttributes": []any{"st"}}
	ttl := map[string]any{"AttributeName": env.TTLAttribute, "Enabled": true}
	each(t, func(t *testing.T, stage string, tpl template) {
		wantEqual(t, "tables", tpl.ofType("AWS::DynamoDB::Table"), []string{"Deliveries", "Service", "Verifications"})
		for _, id := range tpl.ofType("AWS::DynamoDB::Table") {
			tpl.wantProperties(t, id, map[string]any{
				"BillingMode":                      "PAY_PER_REQUEST",
				"SSESpecification":                 map[string]any{"SSEEnabled": true},
				"DeletionProtectionEnabled":        stage == stageProd,
				"PointInTimeRecoverySpecification": map[string]any{"PointInTimeRecoveryEnabled": stage == stageProd},
			})
		}
		tpl.wantProperties(t, "Verifications", map[string]any{
			"KeySchema":               key("verificationId"),
			"AttributeDefinitions":    []any{attribute("verificationId", "S")},
			"StreamSpecification":     map[string]any{"StreamViewType": "NEW_AND_OLD_IMAGES"},
			"TimeToLiveSpecification": nil,
		})
		tpl.wantProperties(t, "Service", map[string]any{
			"KeySchema":               key("pk", "sk"),
			"AttributeDefinitions":    []any{attribute("pk", "S"), attribute("sk", "S")},
			"TimeToLiveSpecification": ttl,
			"StreamSpecification":     nil,
		})
		tpl.wantProperties(t, "Deliveries", map[string]any{
			"KeySchema": key("pk", "sk"),
			"AttributeDefinitions": []any{
				attribute("pk", "S"), attribute("sk", "S"), attribute("vpk", "S"), attribute("dpk", "S"),
				attribute("due", "N"), attribute("hpk", "S"), attribute("hsk", "S"),
			},
			"GlobalSecondaryIndexes":  []any{index("byVerification", "vpk", "sk"), index("byDue", "dpk", "due"), held},
			"TimeToLiveSpecification": ttl,
			"StreamSpecification":     nil,
		})
	})
}

func TestQueues(t *testing.T) {
	each(t, func(t *testing.T, _ string, tpl template) {
		wantEqual(t, "queues", tpl.ofType("AWS::SQS::Queue"), []string{"DeadLetters", "DeliveryQueue"})
		tpl.wantProperties(t, "DeliveryQueue", map[string]any{
			"VisibilityTimeout": 360, "MessageRetentionPeriod": 4 * 86400, "SqsManagedSseEnabled": true, "FifoQueue": nil,
			"RedrivePolicy": map[string]any{"deadLetterTargetArn": "DeadLetters.Arn", "maxReceiveCount": 10},
		})
		tpl.wantProperties(t, "DeadLetters", map[string]any{
			"MessageRetentionPeriod": 14 * 86400, "SqsManagedSseEnabled": true, "FifoQueue": nil, "RedrivePolicy": nil,
		})
		for _, queue := range []string{"DeadLetters", "DeliveryQueue"} {
			wantTLSOnly(t, tpl, queue+"Policy", "sqs:*", queue+".Arn")
		}
	})
}

func TestParkedBucket(t *testing.T) {
	each(t, func(t *testing.T, stage string, tpl template) {
		tpl.wantProperties(t, "Parked", map[string]any{
			"PublicAccessBlockConfiguration": map[string]any{
				"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true,
			},
			"BucketEncryption": map[string]any{"ServerSideEncryptionConfiguration": []any{
				map[string]any{"ServerSideEncryptionByDefault": map[string]any{"SSEAlgorithm": "AES256"}},
			}},
			"OwnershipControls": map[string]any{"Rules": []any{map[string]any{"ObjectOwnership": "BucketOwnerEnforced"}}},
			"LifecycleConfiguration": map[string]any{"Rules": []any{map[string]any{
				"Status": "Enabled", "ExpirationInDays": 180,
				"NoncurrentVersionExpiration":    map[string]any{"NoncurrentDays": 30},
				"AbortIncompleteMultipartUpload": map[string]any{"DaysAfterInitiation": 7},
			}}},
		})
		var versioning any
		if stage == stageProd {
			versioning = map[string]any{"Status": "Enabled"}
		}
		tpl.wantProperties(t, "Parked", map[string]any{"VersioningConfiguration": versioning})
		wantTLSOnly(t, tpl, "ParkedPolicy", "s3:*", []any{"Parked.Arn", "Parked.Arn/*"})
	})
}

// wantTLSOnly requires a resource policy whose one statement refuses what does not come over TLS.
func wantTLSOnly(t *testing.T, tpl template, id, action string, resource any) {
	t.Helper()
	tpl.wantProperties(t, id, map[string]any{"PolicyDocument": map[string]any{
		"Version": "2012-10-17",
		"Statement": []any{map[string]any{
			"Effect": "Deny", "Principal": map[string]any{"AWS": "*"}, "Action": action, "Resource": resource,
			"Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
		}},
	}})
}

func TestKey(t *testing.T) {
	each(t, func(t *testing.T, _ string, tpl template) {
		wantEqual(t, "keys", tpl.ofType("AWS::KMS::Key"), []string{"SecretsKey"})
		tpl.wantProperties(t, "SecretsKey", map[string]any{"EnableKeyRotation": true, "PendingWindowInDays": 30, "KeySpec": nil})
	})
}

func TestOutputs(t *testing.T) {
	base := "https://Api.execute-api.AWS::Region.AWS::URLSuffix/"
	each(t, func(t *testing.T, stage string, tpl template) {
		got := map[string]any{}
		for name, o := range tpl.Outputs {
			got[name] = o.Value
		}
		wantEqual(t, "outputs", got, map[string]any{
			"ApiId": "Api", "ApiUrl": base + stage, "AdminUrl": base + stage, "ConsoleUrl": base + stage + "/console/",
			"VerificationsTable": "Verifications", "ServiceTable": "Service", "DeliveriesTable": "Deliveries",
			"DeliveryQueueUrl": "DeliveryQueue", "DeadLetterQueueUrl": "DeadLetters", "ParkedBucket": "Parked",
			"PortalFunction": "Portal", "AdminFunction": "Admin", "DispatcherFunction": "Dispatcher",
			"RetrierFunction": "Retrier", "SweeperFunction": "Sweeper",
		})
	})
}

// An existing table is read and nothing else: the stack neither makes nor owns one.
func TestAttachedTable(t *testing.T) {
	tpl := attached()
	wantEqual(t, "tables", tpl.ofType("AWS::DynamoDB::Table"), []string{"Deliveries", "Service"})
	wantEqual(t, "output", tpl.Outputs["VerificationsTable"].Value, "checks")
	stream := "arn:aws:dynamodb:eu-west-1:111122223333:table/checks/stream/2026-01-01T00:00:00.000"
	tpl.wantProperties(t, "VerificationsStream", map[string]any{"EventSourceArn": stream})
	if p := permissions(t, tpl); !slices.ContainsFunc(p, func(line string) bool {
		return strings.HasPrefix(line, "dispatcher") && strings.HasSuffix(line, "dynamodb:GetRecords "+stream)
	}) {
		t.Errorf("the dispatcher may not read the stream:\n%s", strings.Join(p, "\n"))
	}
	line := "portal     dynamodb:GetItem arn:aws:dynamodb:eu-west-1:111122223333:table/checks"
	if p := permissions(t, tpl); !slices.Contains(p, line) {
		t.Errorf("the portal may not read a record:\n%s", strings.Join(p, "\n"))
	}
	wantEqual(t, "portal's table", variables(t, tpl, "portal")["VERIFICATIONS_TABLE"], "checks")
}

// No webhook may lead to a name under which the product answers. The portal learns the API's own from the gateway.
func TestOwnHosts(t *testing.T) {
	own, api := "console.example.com,api.example.com,hooks-api.example.com", "Api.execute-api.AWS::Region.AWS::URLSuffix"
	for function, want := range map[string]any{
		"portal": own, "dispatcher": api + "," + own, "retrier": api + "," + own, "admin": nil, "sweeper": nil,
	} {
		wantEqual(t, function, variables(t, attached(), function)["OWN_HOSTS"], want)
	}
}

// The console alone is embedded, so the portal alone is told by whom.
func TestFrameAncestors(t *testing.T) {
	for _, f := range functionNames {
		var want any
		if f == "portal" {
			want = "https://portal.example.com,https://b.example.com"
		}
		wantEqual(t, f, variables(t, attached(), f)["FRAME_ANCESTORS"], want)
	}
}

// Operational events go to the account's default bus, or to the one that was chosen.
func TestEventBus(t *testing.T) {
	chosen := synthesized(always(VerificationWebhooksProps{EventBus: "operations"}))()
	const buses = "arn:AWS::Partition:events:AWS::Region:AWS::AccountId:event-bus/"
	const arn = "arn:aws:events:eu-west-1:111122223333:event-bus/operations"
	for _, c := range []struct {
		tpl     template
		on, env any
	}{
		{prodTemplate(), buses + "default", nil}, {chosen, buses + "operations", "operations"}, {attached(), arn, arn},
	} {
		var publishers []string
		for _, line := range permissions(t, c.tpl) {
			f := strings.Fields(line)
			if strings.HasPrefix(f[1], "events:") {
				publishers = append(publishers, f[0])
				wantEqual(t, f[0]+" permission", f[1:], []any{"events:PutEvents", c.on})
				wantEqual(t, f[0]+" EVENT_BUS", variables(t, c.tpl, f[0])["EVENT_BUS"], c.env)
			}
		}
		wantEqual(t, "publishers", publishers, []string{"dispatcher", "retrier", "sweeper"})
	}
}

// variables returns a function's environment.
func variables(t *testing.T, tpl template, function string) map[string]any {
	t.Helper()
	return tpl.get(t, id(function)).Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
}

// The names in shared/env are what the adapter uses; a change there changes tables that hold data.
func TestSchemaNames(t *testing.T) {
	got := []string{
		env.PartitionKey, env.SortKey, env.TTLAttribute, env.ByVerification, env.ByVerificationPartition,
		env.ByVerificationSort, env.ByDue, env.ByDuePartition, env.ByDueSort, env.ByHeld, env.ByHeldPartition, env.ByHeldSort,
		env.ByHeldState, env.OutboxPartition,
	}
	want := []string{"pk", "sk", "ttl", "byVerification", "vpk", "sk", "byDue", "dpk", "due", "byHeld", "hpk", "hsk", "st", "OUTBOX"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if stringKey("x").Type != awsdynamodb.AttributeType_STRING {
		t.Error("a string key is not a string")
	}
}
