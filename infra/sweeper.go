package infra

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/cr3dentials/verification-webhooks/shared/env"
)

// addSweeper makes the function that takes up, every minute, what is overdue.
func (k *VerificationWebhooks) addSweeper() {
	k.addFunction(functionSpec{
		// Less than a minute, so that one run ends before the next begins.
		id: "Sweeper", name: "sweeper", timeoutSeconds: 50, memoryMB: 256,
		description: "Takes up deliveries and jobs that are overdue, and operational events that were left",
		env:         []string{env.ServiceTable, env.DeliveriesTable, env.QueueURL, env.EventBus, env.HoldHours, env.Stage},
		may: []awsiam.PolicyStatement{
			allow(list(indexArn(k.deliveries, env.ByDue)), "dynamodb:Query"),
			allow(list(k.deliveries.TableArn()), "dynamodb:GetItem", "dynamodb:PutItem"),
			// Whose webhook was deleted, has discarded what is held for it, or waits for a drain.
			allow(list(k.service.TableArn()), "dynamodb:BatchGetItem"),
			k.allowOutbox("dynamodb:Query", "dynamodb:BatchWriteItem"),
			k.allowEvents(),
			allow(list(k.queue.QueueArn()), "sqs:SendMessage", "sqs:GetQueueAttributes"),
		},
	})
	awsevents.NewRule(k.Construct, jsii.String("EveryMinute"), &awsevents.RuleProps{
		Description: jsii.String("Runs the sweeper"),
		Schedule:    awsevents.Schedule_Rate(awscdk.Duration_Minutes(jsii.Number(1))),
		Targets: &[]awsevents.IRuleTarget{awseventstargets.NewLambdaFunction(k.called("sweeper"), &awseventstargets.LambdaFunctionProps{
			// A run that is missed is made good by the next.
			RetryAttempts: jsii.Number(0),
			MaxEventAge:   awscdk.Duration_Minutes(jsii.Number(1)),
		})},
	})
}
