package infra

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

// What is wrong with props is told before anything is made, with the field's name.
func TestValidate(t *testing.T) {
	const arn, stream = "arn:aws:dynamodb:eu-west-1:111122223333:table/checks", "/stream/2026-01-01T00:00:00.000"
	type p = VerificationWebhooksProps
	for _, c := range []struct {
		name  string
		props p
		want  string // the field; empty if nothing is wrong
	}{
		{"nothing", p{}, ""},
		{"local", p{Local: &Local{}}, ""},
		{"local under another name", p{Local: &Local{}, StageName: "dev"}, "StageName"},
		{"something else called local", p{StageName: "local"}, "StageName"},
		{"stage with a slash", p{StageName: "a/b"}, "StageName"},
		{"table", p{VerificationsTable: &ExistingTable{arn, arn + stream}}, ""},
		{"table without stream", p{VerificationsTable: &ExistingTable{Arn: arn}}, "VerificationsTable"},
		{"stream without table", p{VerificationsTable: &ExistingTable{StreamArn: arn + stream}}, "VerificationsTable"},
		{"stream of another", p{VerificationsTable: &ExistingTable{arn, arn + "2" + stream}}, "VerificationsTable"},
		{"any table", p{VerificationsTable: &ExistingTable{arn + "*", arn + "*" + stream}}, "VerificationsTable"},
		{"hours", p{HoldHours: 337}, "HoldHours"},
		{"no hours", p{HoldHours: -1}, "HoldHours"},
		{"days of records", p{ParkedDays: 4000}, "ParkedDays"},
		{"days of logs", p{LogDays: 8}, "LogDays"},
		{"concurrency too small for SQS", p{RetrierConcurrency: 1}, "RetrierConcurrency"},
		{"less reserved than used", p{ReservedConcurrency: Concurrency{Retrier: 49}}, "ReservedConcurrency.Retrier"},
		{"as much reserved as used", p{ReservedConcurrency: Concurrency{Retrier: 50}}, ""},
		{"negative", p{ReservedConcurrency: Concurrency{Portal: -1}}, "ReservedConcurrency.Portal"},
		{"rate", p{Throttling: Throttling{Rate: 20000}}, "Throttling.Rate"},
		{"burst", p{Throttling: Throttling{Burst: -1}}, "Throttling.Burst"},
		{"console without a host", p{ConsoleURL: "console"}, "ConsoleURL"},
		{"console without TLS", p{ConsoleURL: "http://console.example.com/"}, "ConsoleURL"},
		{"own host with a port", p{OwnHosts: []string{"api.example.com:443"}}, "OwnHosts"},
		{"embedding page without https", p{FrameAncestors: []string{"http://localhost:3000"}}, "FrameAncestors"},
		{"the same at the local stage", p{FrameAncestors: []string{"http://localhost:3000"}, Local: &Local{}}, ""},
		{"event bus", p{EventBus: "operations/webhooks"}, ""},
		{"event bus by ARN", p{EventBus: "arn:aws:events:eu-west-1:111122223333:event-bus/operations"}, ""},
		{"event bus with a space", p{EventBus: "my bus"}, "EventBus"},
		{"event bus with a wildcard", p{EventBus: "arn:aws:events:eu-west-1:111122223333:event-bus/*"}, "EventBus"},
		{"ARN of something else", p{EventBus: "arn:aws:sns:eu-west-1:111122223333:alarms"}, "EventBus"},
		{"domain without certificate", p{Domain: &Domain{Name: "api.example.com"}}, "Domain.Certificate"},
		{"domain without name", p{Domain: &Domain{}}, "Domain.Name"},
		{"addresses", p{Egress: &Egress{Addresses: 3}}, "Egress.Addresses"},
		{"public range", p{Egress: &Egress{CIDR: "8.8.0.0/16"}}, "Egress.CIDR"},
		{"web ACL of CloudFront", p{WebACLArn: "arn:aws:wafv2:us-east-1:111122223333:global/webacl/a/b"}, "WebACLArn"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := built(c.props).Validate()
			if c.want == "" && err != nil || c.want != "" && !strings.HasPrefix(fmt.Sprint(err), "VerificationWebhooksProps."+c.want+": ") {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	all := built(p{HoldHours: -1, LogDays: 8}).Validate()
	if text := fmt.Sprint(all); !strings.Contains(text, ".HoldHours: ") || !strings.Contains(text, ".LogDays: ") {
		t.Errorf("not everything is told: %v", all)
	}
}

func TestMissingBinaries(t *testing.T) {
	dir := t.TempDir()
	for _, f := range functionNames[1:] {
		path := filepath.Join(dir, f, "bootstrap")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	err := VerificationWebhooksProps{CodeDir: dir}.Validate()
	if text := fmt.Sprint(err); !strings.HasPrefix(text, "VerificationWebhooksProps.CodeDir: ") ||
		!strings.Contains(text, filepath.Join(dir, "portal", "bootstrap")) ||
		!strings.Contains(text, "make build") || strings.Contains(text, "sweeper") {
		t.Errorf("got %v", err)
	}
}

func TestPanicNamesConstructAndField(t *testing.T) {
	stack := awscdk.NewStack(newApp(), jsii.String("Own"), nil)
	defer func() {
		if text := fmt.Sprint(recover()); !strings.HasPrefix(text, "Own/Hooks: VerificationWebhooksProps.HoldHours: ") {
			t.Errorf("got %s", text)
		}
	}()
	NewVerificationWebhooks(stack, "Hooks", built(VerificationWebhooksProps{HoldHours: -1}))
}
