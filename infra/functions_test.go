package infra

import (
	"encoding/json"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// id returns the id of a function's construct.
func id(function string) string { return strings.ToUpper(function[:1]) + function[1:] }

func TestFunctions(t *testing.T) {
	delivery := []string{
		"DELIVERIES_TABLE", "HOLD_HOURS", "KMS_KEY_ID", "OWN_HOSTS", "PARKED_BUCKET", "QUEUE_URL", "SERVICE_TABLE", "STAGE",
	}
	want := map[string]struct {
		timeout, memory int
		env             []string
	}{
		"portal":     {29, 512, []string{"DELIVERIES_TABLE", "KMS_KEY_ID", "QUEUE_URL", "SERVICE_TABLE", "STAGE", "VERIFICATIONS_TABLE"}},
		"admin":      {29, 256, []string{"DEAD_LETTERS_URL", "DELIVERIES_TABLE", "KMS_KEY_ID", "PARKED_BUCKET", "QUEUE_URL", "SERVICE_TABLE", "STAGE"}},
		"dispatcher": {60, 512, delivery},
		"retrier":    {60, 512, delivery},
		"sweeper":    {50, 256, []string{"DELIVERIES_TABLE", "HOLD_HOURS", "QUEUE_URL", "SERVICE_TABLE", "STAGE"}},
	}
	values := map[string]string{
		"DELIVERIES_TABLE": "Deliveries", "SERVICE_TABLE": "Service", "QUEUE_URL": "DeliveryQueue", "PARKED_BUCKET": "Parked",
		"DEAD_LETTERS_URL": "DeadLetters", "VERIFICATIONS_TABLE": "Verifications", "OWN_HOSTS": "Api.execute-api.AWS::Region.AWS::URLSuffix",
		"KMS_KEY_ID": "SecretsKey", "HOLD_HOURS": "168", "SSL_CERT_FILE": "/ca.pem",
	}
	each(t, func(t *testing.T, stage string, tpl template) {
		arch := "arm64"
		if stage == stageLocal && runtime.GOARCH == "amd64" {
			arch = "x86_64"
		}
		for name, w := range want {
			vars := map[string]any{}
			for _, v := range w.env {
				vars[v] = values[v]
			}
			vars["STAGE"], vars["DEPLOYMENT"] = stage, "Webhooks"
			if sends := name != "admin" && name != "sweeper"; stage == stageLocal && sends {
				vars["SSL_CERT_FILE"] = "/ca.pem"
			}
			var recursion any
			if name == "retrier" {
				recursion = "Allow"
			}
			tpl.wantProperties(t, id(name), map[string]any{
				"Runtime": "provided.al2023", "Handler": "bootstrap", "Architectures": []any{arch},
				"Timeout": w.timeout, "MemorySize": w.memory, "Environment": map[string]any{"Variables": vars},
				"TracingConfig": map[string]any{"Mode": "Active"}, "RecursiveLoop": recursion,
				"LoggingConfig": map[string]any{"LogGroup": id(name) + "Logs"}, "Role": id(name) + "Role.Arn",
			})
		}
	})
}

// A message that makes a function send its own successor is a loop, which Lambda stops after 16 steps unless it is told
// that it is meant: that of the retrier alone is.
func TestRecursion(t *testing.T) {
	each(t, func(t *testing.T, _ string, tpl template) {
		allowed := map[string]any{}
		for _, id := range tpl.ofType("AWS::Lambda::Function") {
			if v, ok := tpl.get(t, id).Properties["RecursiveLoop"]; ok {
				allowed[id] = v
			}
		}
		wantEqual(t, "functions that may call themselves", allowed, map[string]any{"Retrier": "Allow"})
	})
}

func TestLogRetention(t *testing.T) {
	each(t, func(t *testing.T, stage string, tpl template) {
		days := 7
		if stage == stageProd {
			days = 90
		}
		ids := tpl.ofType("AWS::Logs::LogGroup")
		for _, id := range ids {
			tpl.wantProperties(t, id, map[string]any{"RetentionInDays": days})
		}
		for _, f := range functionNames {
			if !slices.Contains(ids, id(f)+"Logs") {
				t.Errorf("%s has no log group", f)
			}
		}
	})
}

func TestCodeOfEachFunction(t *testing.T) {
	// Five binaries, so five assets: a function must not get another's.
	seen := map[string]string{}
	for _, f := range functionNames {
		key := asJSON(prodTemplate().get(t, id(f)).Properties["Code"])
		if other, ok := seen[key]; ok {
			t.Errorf("%s and %s have the same code", f, other)
		}
		seen[key] = f
	}
}

func TestStreamSource(t *testing.T) {
	each(t, func(t *testing.T, stage string, tpl template) {
		filters := []any{
			map[string]any{"Pattern": `{"eventName":["INSERT","MODIFY"],"dynamodb":{"NewImage":{"status":{"S":[{"anything-but":["PENDING","IN_PROGRESS","MANUAL_REVIEW"]}]}}}}`},
			map[string]any{"Pattern": `{"eventName":["INSERT","MODIFY"],"dynamodb":{"NewImage":{"status":{"S":[{"exists":false}]}}}}`},
		}
		if stage == stageLocal {
			filters = append(filters, map[string]any{"Pattern": `{"eventName":["INSERT","MODIFY"],"dynamodb":{"NewImage":{"status":[{"exists":false}]}}}`})
		}
		wantEqual(t, "VerificationsStream", tpl.get(t, "VerificationsStream").Properties, map[string]any{
			"FunctionName": "Dispatcher", "EventSourceArn": "Verifications.StreamArn",
			"StartingPosition": "TRIM_HORIZON", "BatchSize": 100, "ParallelizationFactor": 10,
			"FunctionResponseTypes": []any{"ReportBatchItemFailures"}, "BisectBatchOnFunctionError": true,
			"MaximumRetryAttempts": -1, "MaximumRecordAgeInSeconds": 82800,
			"DestinationConfig": map[string]any{"OnFailure": map[string]any{"Destination": "Parked.Arn"}},
			"FilterCriteria":    map[string]any{"Filters": filters},
			"MetricsConfig":     map[string]any{"Metrics": []any{"EventCount"}},
		})
	})
}

func TestQueueSource(t *testing.T) {
	each(t, func(t *testing.T, _ string, tpl template) {
		wantEqual(t, "sources", tpl.ofType("AWS::Lambda::EventSourceMapping"), []string{"DeliveryQueueSource", "VerificationsStream"})
		// No filter: a message that does not match one is deleted.
		wantEqual(t, "DeliveryQueueSource", tpl.get(t, "DeliveryQueueSource").Properties, map[string]any{
			"FunctionName": "Retrier", "EventSourceArn": "DeliveryQueue.Arn", "BatchSize": 10,
			"FunctionResponseTypes": []any{"ReportBatchItemFailures"},
			"ScalingConfig":         map[string]any{"MaximumConcurrency": 50},
		})
	})
	attached().wantProperties(t, "DeliveryQueueSource", map[string]any{"ScalingConfig": map[string]any{"MaximumConcurrency": 7}})
}

func TestSchedule(t *testing.T) {
	each(t, func(t *testing.T, _ string, tpl template) {
		tpl.wantProperties(t, "EveryMinute", map[string]any{
			"ScheduleExpression": "rate(1 minute)", "State": "ENABLED",
			"Targets": []any{map[string]any{
				"Arn": "Sweeper.Arn", "Id": "Target0",
				"RetryPolicy": map[string]any{"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60},
			}},
		})
	})
}

func TestUntraced(t *testing.T) {
	tpl := synthesized(always(VerificationWebhooksProps{Untraced: true}))()
	for _, f := range functionNames {
		tpl.wantProperties(t, id(f), map[string]any{"TracingConfig": nil})
		text, err := json.Marshal(tpl.get(t, id(f)+"Role").Properties)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "xray:") {
			t.Errorf("%s may write traces", f)
		}
	}
	tpl.wantProperties(t, "ApiDeploymentStageprod", map[string]any{"TracingEnabled": false})
}
