package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

func TestMain(m *testing.M) {
	os.Setenv("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "1")
	code := m.Run()
	jsii.Close()
	os.Exit(code)
}

func TestSettings(t *testing.T) {
	ok := map[string]any{"stage": "dev"}
	dir := binaries(t)
	for _, c := range []struct {
		name    string
		context map[string]any
		want    string // part of the error; empty for none
	}{
		{"plain", nil, ""},
		{"number as number", map[string]any{"holdHours": 24.0}, ""},
		{"no number", map[string]any{"retrierConcurrency": "many"}, "context retrierConcurrency"},
		{"no hours", map[string]any{"holdHours": "0"}, "context holdHours"},
		{"too many", map[string]any{"holdHours": "337"}, "Props.HoldHours"},
		{"no stage", map[string]any{"stage": nil}, "context stage"},
		{"other stage", map[string]any{"stage": "test"}, `have "test"`},
		{"table without stream", map[string]any{"verificationsTableArn": "arn:x"}, "Props.VerificationsTable"},
		{"stream without table", map[string]any{"verificationsTableStreamArn": "arn:x"}, "Props.VerificationsTable"},
		{"local CA elsewhere", map[string]any{"caCert": "/ca.pem"}, "context caCert"},
		{"own hosts", map[string]any{"ownHosts": "api.example.com, b.example.com"}, ""},
		{"one that is none", map[string]any{"ownHosts": "api.example.com, b"}, "Props.OwnHosts"},
		{"account", map[string]any{"apiGatewayAccount": "maybe"}, "create or existing"},
		{"embedding pages", map[string]any{"frameAncestors": "https://portal.example.com, https://b.example.com"}, ""},
		{"reserved", map[string]any{"reservedConcurrency": "retrier=60,portal=20"}, ""},
		{"reserved too few", map[string]any{"reservedConcurrency": "retrier=20"}, "Props.ReservedConcurrency.Retrier"},
		{"reserved for nobody", map[string]any{"reservedConcurrency": "retriever=60"}, "context reservedConcurrency"},
		{"domain alone", map[string]any{"domainName": "api.example.com"}, "context domainName and certificateArn"},
		{"addresses", map[string]any{"egressAddresses": "9"}, "Props.Egress.Addresses"},
		{"days of logs", map[string]any{"logDays": "8"}, "Props.LogDays"},
		{"rollout", map[string]any{"rollout": "linear10PercentEvery1Minute"}, ""},
		{"rollout of no kind", map[string]any{"rollout": "slowly"}, "Props.Rollout"},
		{"rollout on this machine", map[string]any{"stage": "local", "rollout": "allAtOnce"}, "Props.Rollout"},
		{"throttling", map[string]any{"throttlingRate": "20000"}, "Props.Throttling.Rate"},
		{"neither true nor false where it changes nothing", map[string]any{"destroyable": "yes"}, "context destroyable"},
		{"neither true nor false", map[string]any{"stage": "prod", "destroyable": "yes"}, "context destroyable"},
		{"concurrency of the account", map[string]any{"accountConcurrency": "5"}, "Props.AccountConcurrency"},
		{"runbook with a fragment", map[string]any{"runbookUrl": "https://example.com/RUNBOOK.md#x"}, "Props.RunbookURL"},
		{"web ACL", map[string]any{"webAclArn": "arn"}, "Props.WebACLArn"},
	} {
		t.Run(c.name, func(t *testing.T) {
			context := maps.Clone(ok)
			maps.Copy(context, c.context)
			s, err := settingsFrom(context)
			if err == nil {
				s.props.CodeDir = dir
				err = s.props.Validate()
			}
			if c.want == "" && err != nil || c.want != "" && !strings.Contains(fmt.Sprint(err), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// Local binaries allow endpoints on localhost.
func TestBinariesOfEachStage(t *testing.T) {
	for stage, want := range map[string]string{"local": "local", "dev": "lambda", "prod": "lambda"} {
		s, err := settingsFrom(map[string]any{"stage": stage})
		if err != nil || s.binaries() != want {
			t.Errorf("%s: %s, %v", stage, s.binaries(), err)
		}
	}
}

// binaries makes placeholders.
func binaries(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range []string{"portal", "admin", "dispatcher", "retrier", "sweeper"} {
		if err := os.MkdirAll(filepath.Join(dir, f), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, f, "bootstrap"), []byte(f), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

type template struct {
	Resources map[string]struct {
		Type, DeletionPolicy string
		Properties           map[string]any
	}
	Outputs map[string]struct{ Value any }
}

// synth writes stages of one app, and returns what CloudFormation and the CDK's command line read of one.
func synth(t *testing.T, contexts ...map[string]any) (templates []template, protected []bool) {
	t.Helper()
	dir, out := binaries(t), t.TempDir()
	app := awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: jsii.Bool(false), Outdir: jsii.String(out)})
	var names []string
	for _, c := range contexts {
		s, err := settingsFrom(c)
		if err != nil {
			t.Fatal(err)
		}
		s.props.CodeDir = dir
		names = append(names, *newStack(app, s).ArtifactId())
	}
	app.Synth(nil)
	var manifest struct {
		Artifacts map[string]struct {
			Properties struct{ TerminationProtection bool }
		}
	}
	read(t, filepath.Join(out, "manifest.json"), &manifest)
	for _, name := range names {
		var tpl template
		read(t, filepath.Join(out, name+".template.json"), &tpl)
		templates, protected = append(templates, tpl), append(protected, manifest.Artifacts[name].Properties.TerminationProtection)
	}
	return templates, protected
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestStages: dev goes without a trace; prod stays, is protected, and its alarms tell somebody. Both fit in one app.
func TestStages(t *testing.T) {
	tpl, protected := synth(t, map[string]any{"stage": "dev"}, map[string]any{"stage": "prod"})
	if protected[0] || !protected[1] {
		t.Errorf("protected from termination: dev %t, prod %t", protected[0], protected[1])
	}
	for i, prod := range []bool{false, true} {
		tables, alarms := 0, 0
		for id, r := range tpl[i].Resources {
			switch r.Type {
			case "AWS::DynamoDB::Table":
				tables++
				recovery := r.Properties["PointInTimeRecoverySpecification"].(map[string]any)["PointInTimeRecoveryEnabled"]
				if kept := r.DeletionPolicy == "Retain"; kept != prod || r.Properties["DeletionProtectionEnabled"] != prod || recovery != prod {
					t.Errorf("%s: %s, %v", id, r.DeletionPolicy, r.Properties)
				}
			case "AWS::CloudWatch::Alarm":
				alarms++
				if tells := r.Properties["AlarmActions"] != nil; tells != prod {
					t.Errorf("prod %t: %s tells somebody: %t", prod, id, tells)
				}
			case "AWS::KMS::Key":
				if prod && r.DeletionPolicy != "Retain" && !strings.HasPrefix(id, "AlarmsKey") {
					t.Errorf("%s: %s", id, r.DeletionPolicy)
				}
			}
		}
		if _, ok := tpl[i].Outputs["AlarmTopicArn"]; ok != prod || tables != 3 || alarms < 10 {
			t.Errorf("prod %t: %d tables, %d alarms, topic in the outputs: %t", prod, tables, alarms, ok)
		}
		// Under any other id than "Default" these would be new tables.
		for _, id := range []string{"Verifications83EAA2F4", "ServiceDBC79909", "DeliveriesBF2F7293"} {
			if tpl[i].Resources[id].Type != "AWS::DynamoDB::Table" {
				t.Errorf("prod %t: no table %s", prod, id)
			}
		}
	}
}

// TestChosen: what is chosen by context arrives.
func TestChosen(t *testing.T) {
	templates, _ := synth(t, map[string]any{
		"stage": "prod", "alarmTopicArn": "arn:aws:sns:eu-west-1:111122223333:alarms", "egressAddresses": "1",
		"domainName": "hooks.example.com", "certificateArn": "arn:aws:acm:eu-west-1:111122223333:certificate/a",
		"webAclArn":           "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/a/b",
		"reservedConcurrency": "retrier=60,portal=20", "throttlingRate": "10", "throttlingBurst": 20, "logDays": "365", "parkedDays": "30", "untraced": "true",
		"ticketTopicArn": "arn:aws:sns:eu-west-1:111122223333:tickets", "runbookUrl": "https://example.com/R.md", "accountConcurrency": "500",
		"rollout": "canary10Percent5Minutes",
	})
	counts := map[string]int{}
	for id, r := range templates[0].Resources {
		counts[r.Type]++
		var want any
		switch {
		case strings.HasPrefix(id, "Portal") && r.Type == "AWS::Lambda::Function":
			want = 20.0
		case strings.HasPrefix(id, "Retrier") && r.Type == "AWS::Lambda::Function":
			want = 60.0
		}
		if got := r.Properties["ReservedConcurrentExecutions"]; got != want {
			t.Errorf("%s has %v reserved, want %v", id, got, want)
		}
		if strings.HasPrefix(id, "ConcurrencyAlarm") {
			counts["alarms on the concurrency"]++
			says, topics := r.Properties["AlarmDescription"].(string), fmt.Sprint(r.Properties["AlarmActions"])
			if r.Properties["Threshold"] != 400.0 || !strings.HasSuffix(says, " https://example.com/R.md#concurrencyalarm") || !strings.Contains(topics, ":tickets") {
				t.Errorf("%s: %v, %s, %s", id, r.Properties["Threshold"], says, topics)
			}
		}
		if r.Properties["TracingConfig"] != nil {
			t.Errorf("%s is traced", id)
		}
		if days := r.Properties["RetentionInDays"]; r.Type == "AWS::Logs::LogGroup" && days != 365.0 {
			t.Errorf("%s: %v days", id, days)
		}
	}
	for kind, want := range map[string]int{
		"alarms on the concurrency": 1, "AWS::SNS::Topic": 0, "AWS::EC2::EIP": 1, "AWS::EC2::NatGateway": 1, "AWS::WAFv2::WebACLAssociation": 1,
		"AWS::CodeDeploy::DeploymentGroup": 4, "AWS::ApiGateway::DomainName": 1, "AWS::ApiGateway::Account": 1,
	} {
		if counts[kind] != want {
			t.Errorf("%d of %s, want %d", counts[kind], kind, want)
		}
	}
	if got := templates[0].Outputs["ConsoleUrl"].Value; got != "https://hooks.example.com/console/" {
		t.Errorf("console: %v", got)
	}
}

// TestDestroyable: before a stage prod is removed, one deployment lets everything go with it, under the same ids.
func TestDestroyable(t *testing.T) {
	tpl, protected := synth(t, map[string]any{"stage": "prod", "destroyable": "true"})
	if protected[0] {
		t.Error("the stack is protected from termination")
	}
	for id, r := range tpl[0].Resources {
		// The role that API Gateway logs with belongs to the region, and other APIs may use it.
		regions := r.Type == "AWS::ApiGateway::Account" || strings.HasPrefix(id, "ApiCloudWatchRole")
		if r.DeletionPolicy == "Retain" && !regions || r.Properties["DeletionProtectionEnabled"] == true {
			t.Errorf("%s stays: %s", id, r.Type)
		}
	}
	if tpl[0].Resources["DeliveriesBF2F7293"].Type != "AWS::DynamoDB::Table" {
		t.Error("the table of deliveries would be another one")
	}
}
