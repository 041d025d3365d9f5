package infra

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"

	"github.com/cr3dentials/verification-webhooks/shared/env"
)

// stateful are the ids under which deployed stacks know what holds data. With another id a resource is another one: new
// and empty, and the old one is left behind or deleted.
var stateful = map[string]string{
	"Verifications83EAA2F4": "AWS::DynamoDB::Table",
	"ServiceDBC79909":       "AWS::DynamoDB::Table",
	"DeliveriesBF2F7293":    "AWS::DynamoDB::Table",
	"DeliveryQueueA11633D0": "AWS::SQS::Queue",
	"DeadLettersBBF8BAAB":   "AWS::SQS::Queue",
	"Parked6D7C062F":        "AWS::S3::Bucket",
	"SecretsKey317DCF94":    "AWS::KMS::Key",
}

func logicalIDs(stack awscdk.Stack) map[string]string {
	var raw struct {
		Resources map[string]struct{ Type string }
	}
	convert(*assertions.Template_FromStack(stack, nil).ToJSON(), &raw)
	ids := map[string]string{}
	for id, r := range raw.Resources {
		ids[id] = r.Type
	}
	return ids
}

func holdsData(kind string) bool {
	return kind == "AWS::DynamoDB::Table" || kind == "AWS::S3::Bucket" || kind == "AWS::KMS::Key" || kind == "AWS::SQS::Queue"
}

func TestStatefulIDs(t *testing.T) {
	stack := awscdk.NewStack(newApp(), jsii.String("Any"), nil)
	NewVerificationWebhooks(stack, "Default", built(VerificationWebhooksProps{}))
	got := map[string]string{}
	for id, kind := range logicalIDs(stack) {
		if holdsData(kind) {
			got[id] = kind
		}
	}
	wantEqual(t, "ids", got, stateful)
}

// TestCopies: two copies in one stack, and another stage in the same app, share neither ids nor the names that an account
// has once.
func TestCopies(t *testing.T) {
	app := newApp()
	stack, other := awscdk.NewStack(app, jsii.String("Both"), nil), awscdk.NewStack(app, jsii.String("Other"), nil)
	props := built(VerificationWebhooksProps{Egress: &Egress{Addresses: 1}})
	NewVerificationWebhooks(stack, "Default", props)
	NewVerificationWebhooks(stack, "Second", props)
	NewVerificationWebhooks(other, "Default", built(VerificationWebhooksProps{StageName: "dev", Destroyable: true}))
	counts := map[string]int{}
	for _, kind := range logicalIDs(stack) {
		counts[kind]++
	}
	wantEqual(t, "tables", counts["AWS::DynamoDB::Table"], 6)
	wantEqual(t, "functions", counts["AWS::Lambda::Function"], 10)
	wantEqual(t, "accounts of API Gateway", counts["AWS::ApiGateway::Account"], 0)

	// Metrics are told apart by a label only: the APIs' name, and what the functions write beside theirs.
	apis, functions := map[string]int{}, map[string]int{}
	for _, s := range []awscdk.Stack{stack, other} {
		tpl := templateOf(s)
		for _, id := range tpl.ofType("AWS::ApiGateway::RestApi") {
			apis[tpl.get(t, id).Properties["Name"].(string)] += len(functionNames)
		}
		for _, id := range tpl.ofType("AWS::Lambda::Function") {
			variables := tpl.get(t, id).Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
			functions[variables[env.Deployment].(string)]++
		}
	}
	wantEqual(t, "labels", functions, map[string]int{"Both": 5, "Both-Second-6EFE7378": 5, "Other": 5})
	wantEqual(t, "names of the APIs", apis, functions)
}
