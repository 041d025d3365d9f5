package infra

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

const monthlyHead = `# What a stack of stage prod pays for by the month, for make cost: "go test ./infra -update" rewrites this.
# An alarm counts once for each metric that it looks at. prod's own topic for alarms has a key of its own.
`

// TestMonthly compares what is paid by the month with testdata/monthly.txt, which localstack/bench prices.
func TestMonthly(t *testing.T) {
	stack := awscdk.NewStack(newApp(), jsii.String("Monthly"), nil)
	NewVerificationWebhooks(stack, "Default", built(VerificationWebhooksProps{AlarmTopic: NewAlarmTopic(stack, "Alarms")}))
	tpl, alarms := templateOf(stack), 0
	for _, id := range tpl.ofType("AWS::CloudWatch::Alarm") {
		p := tpl.get(t, id).Properties
		if p["MetricName"] != nil {
			alarms++
		}
		var several []struct{ MetricStat any }
		convert(p["Metrics"], &several)
		for _, m := range several {
			if m.MetricStat != nil {
				alarms++
			}
		}
	}
	got := fmt.Sprintf(monthlyHead+"%d alarms\n%d dashboards\n%d keys\n",
		alarms, len(tpl.ofType("AWS::CloudWatch::Dashboard")), len(tpl.ofType("AWS::KMS::Key")))
	golden := filepath.Join("testdata", "monthly.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, golden, got, string(want))
}
