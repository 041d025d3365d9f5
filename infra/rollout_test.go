package infra

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"
)

// rolledOut is prod with new versions that take over by and by.
var rolledOut = synthesized(always(VerificationWebhooksProps{APIGatewayAccount: true, Rollout: "canary10Percent5Minutes"}))

// Everything that calls a function calls its alias.
func TestRolloutCallsAliases(t *testing.T) {
	tpl := rolledOut()
	for source, f := range map[string]string{"VerificationsStream": "dispatcher", "DeliveryQueueSource": "retrier"} {
		// The function's name, out of the alias' ARN, with the alias: CloudFormation makes the alias first.
		tpl.wantProperties(t, source, map[string]any{"FunctionName": id(f) + "Live[6]:live"})
	}
	target := tpl.get(t, "EveryMinute").Properties["Targets"].([]any)[0].(map[string]any)
	wantEqual(t, "schedule", target["Arn"], "SweeperLive")
	called := 0
	for _, id := range tpl.ofType("AWS::ApiGateway::Method") {
		uri := asJSON(tpl.get(t, id).Properties["Integration"].(map[string]any)["Uri"])
		if !strings.Contains(uri, "functions/PortalLive/") && !strings.Contains(uri, "functions/AdminLive/") {
			t.Errorf("%s calls %s", id, uri)
		}
		called++
	}
	wantEqual(t, "methods", called, 3)
	for _, id := range tpl.ofType("AWS::Lambda::Permission") {
		if name := tpl.get(t, id).Properties["FunctionName"]; !strings.Contains(name.(string), "Live") {
			t.Errorf("%s is for %v", id, name)
		}
	}
	for _, f := range functionNames {
		tpl.wantProperties(t, id(f)+"Live", map[string]any{"Name": "live", "FunctionName": id(f), "RoutingConfig": nil})
		if version := tpl.get(t, id(f)+"Live").Properties["FunctionVersion"]; !strings.HasPrefix(version.(string), id(f)+"CurrentVersion") {
			t.Errorf("%s: version %v", f, version)
		}
	}
}

func TestRolloutByCodeDeploy(t *testing.T) {
	tpl := rolledOut()
	wantEqual(t, "groups", tpl.ofType("AWS::CodeDeploy::DeploymentGroup"),
		[]string{"RolloutAdmin", "RolloutDispatcher", "RolloutPortal", "RolloutRetrier"})
	moves := policies(rolledOutStack())
	for _, f := range gradual {
		want := []any{map[string]any{"Name": "Rollout" + id(f) + "Alarm"}, map[string]any{"Name": "RolloutFaultsAlarm"}}
		tpl.wantProperties(t, "Rollout"+id(f), map[string]any{
			"ApplicationName": "Rollout", "ServiceRoleArn": "RolloutRole.Arn",
			"DeploymentConfigName": "CodeDeployDefault.LambdaCanary10Percent5Minutes",
			"DeploymentStyle":      map[string]any{"DeploymentOption": "WITH_TRAFFIC_CONTROL", "DeploymentType": "BLUE_GREEN"},
			"AlarmConfiguration":   map[string]any{"Enabled": true, "Alarms": want},
			"AutoRollbackConfiguration": map[string]any{"Enabled": true, "Events": []any{
				"DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST", "DEPLOYMENT_STOP_ON_ALARM",
			}},
		})
		wantEqual(t, f+" moves by", moves[id(f)+"Live"], map[string]any{"CodeDeployLambdaAliasUpdate": map[string]any{
			"ApplicationName": "Rollout", "DeploymentGroupName": "Rollout" + id(f),
		}})
		tpl.wantProperties(t, "Rollout"+id(f)+"Alarm", map[string]any{
			"Namespace": "AWS/Lambda", "MetricName": "Errors", "Dimensions": []any{map[string]any{"Name": "FunctionName", "Value": id(f)}},
			"Period": 60, "EvaluationPeriods": 1, "Statistic": "Sum", "Threshold": 1, "TreatMissingData": "notBreaching", "AlarmActions": nil,
		})
	}
	tpl.wantProperties(t, "RolloutFaultsAlarm", map[string]any{
		"Namespace": "VerificationWebhooks", "MetricName": "Faults", "Dimensions": []any{map[string]any{"Name": "Deployment", "Value": "Webhooks"}},
		"Period": 60, "EvaluationPeriods": 1, "Statistic": "Sum", "Threshold": 10, "TreatMissingData": "notBreaching",
	})
	wantEqual(t, "the sweeper moves by", moves["SweeperLive"], nil)
}

// TestRolloutImmediately: what an incident needs is neither watched nor refused by anybody, and nothing else is called.
func TestRolloutImmediately(t *testing.T) {
	stack := stackOf(VerificationWebhooksProps{APIGatewayAccount: true, Rollout: immediately})
	at, by := logicalIDs(stack), logicalIDs(rolledOutStack())
	for id, kind := range by {
		of := strings.HasPrefix(kind, "AWS::CodeDeploy::") || strings.HasPrefix(id, "Rollout")
		if _, has := at[id]; has == of {
			t.Errorf("%s %s: %v", kind, id, has)
		}
	}
	wantEqual(t, "resources that only this has", len(at), len(by)-len(of(by, "Rollout")))
	for id, policy := range policies(stack) {
		if strings.HasSuffix(id, "Live") && policy != nil {
			t.Errorf("%s moves by %v", id, policy)
		}
	}
}

// of are the ids that begin with a prefix.
func of(ids map[string]string, prefix string) (found []string) {
	for id := range ids {
		if strings.HasPrefix(id, prefix) {
			found = append(found, id)
		}
	}
	return found
}

var rolledOutStack = sync.OnceValue(func() awscdk.Stack {
	return stackOf(VerificationWebhooksProps{APIGatewayAccount: true, Rollout: "canary10Percent5Minutes"})
})

// stackOf makes a stack as the app does.
func stackOf(p VerificationWebhooksProps) awscdk.Stack {
	if p.CodeDir == "" {
		p = built(p)
	}
	stack := awscdk.NewStack(newApp(), jsii.String("Webhooks"), nil)
	NewVerificationWebhooks(stack, "Default", p)
	return stack
}

// policies are the update policies of a stack's resources.
func policies(stack awscdk.Stack) map[string]any {
	var raw struct {
		Resources map[string]struct{ UpdatePolicy any }
	}
	convert(readable(*assertions.Template_FromStack(stack, nil).ToJSON()), &raw)
	all := map[string]any{}
	for id, r := range raw.Resources {
		all[id] = r.UpdatePolicy
	}
	return all
}

// TestRolloutKeeps: whatever a stack without a Rollout has stays under its id and with its properties, but for who is
// called. So nothing is replaced: CloudFormation changes an event source mapping's function in place, and Lambda keeps its
// position in the stream.
func TestRolloutKeeps(t *testing.T) {
	without := logicalIDs(stackOf(VerificationWebhooksProps{APIGatewayAccount: true}))
	with := logicalIDs(rolledOutStack())
	for id, kind := range without {
		if with[id] != kind && kind != "AWS::Lambda::Permission" && kind != "AWS::ApiGateway::Deployment" {
			t.Errorf("%s %s is gone", kind, id)
		}
	}
	for id, kind := range stateful {
		wantEqual(t, id, with[id], kind)
	}
	for id, r := range prodTemplate().Resources {
		got, ok := rolledOut().Resources[id]
		if !ok || r.Type == "AWS::ApiGateway::Method" || r.Type == "AWS::Events::Rule" || r.Type == "AWS::ApiGateway::Stage" {
			continue // who is called stands deeper in these
		}
		want, have := maps.Clone(r.Properties), maps.Clone(got.Properties)
		if r.Type == "AWS::Lambda::EventSourceMapping" || r.Type == "AWS::Lambda::Permission" {
			delete(want, "FunctionName")
			delete(have, "FunctionName")
		}
		wantEqual(t, id, have, want)
	}
	// API Gateway goes on calling what a deployment of the API was made with.
	for id, kind := range without {
		if kind == "AWS::ApiGateway::Deployment" && with[id] != "" {
			t.Error("the API is not deployed anew, so its stage does not call the aliases")
		}
	}
	for id, kind := range without {
		for _, part := range []string{"CodeDeploy", "Lambda::Alias", "Lambda::Version"} {
			if strings.Contains(kind, part) {
				t.Errorf("without a Rollout there is %s %s", kind, id)
			}
		}
	}
}

// versions are the ids of a stack's function versions, by function: another id is a new version, which is rolled out.
func versions(stack awscdk.Stack) map[string]string {
	all := map[string]string{}
	for id, kind := range logicalIDs(stack) {
		if kind == "AWS::Lambda::Version" {
			for _, f := range functionNames {
				if strings.HasPrefix(id, title(f)) {
					all[f] = id
				}
			}
		}
	}
	return all
}

// TestVersions: a function gets a new version if its code or its configuration is another one, and for nothing else.
func TestVersions(t *testing.T) {
	before := VerificationWebhooksProps{Rollout: "allAtOnce"}
	known := versions(stackOf(before))
	wantEqual(t, "versions", len(known), len(functionNames))

	otherCode := before
	otherCode.CodeDir = t.TempDir()
	if err := os.CopyFS(otherCode.CodeDir, os.DirFS(filepath.Join(scratch, "build", "lambda"))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(otherCode.CodeDir, "portal", "bootstrap"), []byte("newer"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what  string
		stack awscdk.Stack
		want  []string
	}{
		{"nothing", stackOf(before), nil},
		{"how traffic moves", stackOf(VerificationWebhooksProps{Rollout: "canary10Percent30Minutes"}), nil},
		{"how long logs and parked records are kept", stackOf(VerificationWebhooksProps{Rollout: "allAtOnce", LogDays: 30, ParkedDays: 9}), nil},
		{"the portal's code", stackOf(otherCode), []string{"portal"}},
		{"a variable of three", stackOf(VerificationWebhooksProps{Rollout: "allAtOnce", HoldHours: 24}), []string{"dispatcher", "retrier", "sweeper"}},
	} {
		got := versions(c.stack)
		var changed []string
		for _, f := range functionNames {
			if got[f] != known[f] {
				changed = append(changed, f)
			}
		}
		slices.Sort(changed)
		wantEqual(t, "new versions after a change of "+c.what, changed, c.want)
	}
}
