package infra_test

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/cr3dentials/verification-webhooks/infra"
)

// Another app has the product beside its own resources, and lets its own role write verifications. Compiled, not run:
// the binaries have to be built for it.
func ExampleNewVerificationWebhooks() {
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Verification"), nil)

	hooks := infra.NewVerificationWebhooks(stack, "Webhooks", infra.VerificationWebhooksProps{
		CodeDir:    "verification-webhooks/.build/lambda",
		AlarmTopic: infra.NewAlarmTopic(stack, "Alarms"),
		HoldHours:  72,
		Egress:     &infra.Egress{Addresses: 2},
	})

	writer := awsiam.NewRole(stack, jsii.String("Writer"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("ecs-tasks.amazonaws.com"), nil),
	})
	hooks.VerificationsTable().GrantWriteData(writer)
	awscdk.NewCfnOutput(stack, jsii.String("Console"), &awscdk.CfnOutputProps{Value: jsii.String(hooks.ConsoleURL())})

	app.Synth(nil)
}
