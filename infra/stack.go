package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// stack is one stage of the product and the resources its parts share. Nothing in it has a fixed physical name, so
// that stages and copies live side by side in one account.
type stack struct {
	awscdk.Stack
	settings

	verifications, service, deliveries awsdynamodb.ITable
	queue, deadLetters                 awssqs.Queue
	parked                             awss3.Bucket
	key                                awskms.Key

	api       awsapigateway.RestApi
	stream    awslambda.EventSourceMapping
	functions map[string]awslambda.Function
	logGroups map[string]awslogs.LogGroup
}

func newStack(scope constructs.Construct, s settings) *stack {
	k := &stack{
		Stack: awscdk.NewStack(scope, jsii.String("VerificationWebhooks-"+s.Stage), &awscdk.StackProps{
			Description:           jsii.String("Signed webhooks for verification events, stage " + s.Stage),
			TerminationProtection: jsii.Bool(s.prod()),
			Tags:                  &map[string]*string{"project": jsii.String("verification-webhooks"), "stage": jsii.String(s.Stage)},
		}),
		settings:  s,
		functions: map[string]awslambda.Function{},
		logGroups: map[string]awslogs.LogGroup{},
	}
	k.addTables()
	k.addQueues()
	k.addParkedBucket()
	k.addKey()
	k.addAPI()

	k.addPortal()
	k.addAdmin()
	k.addDispatcher()
	k.addRetrier()
	k.addSweeper()

	k.addRoutes()
	k.addAlarms()
	k.addOutputs()
	return k
}

// removal is what becomes of stored data when its resource leaves the stack.
func (k *stack) removal() awscdk.RemovalPolicy {
	if k.prod() {
		return awscdk.RemovalPolicy_RETAIN
	}
	return awscdk.RemovalPolicy_DESTROY
}

// logRetention bounds how long anything is logged.
func (k *stack) logRetention() awslogs.RetentionDays {
	if k.prod() {
		return awslogs.RetentionDays_THREE_MONTHS
	}
	return awslogs.RetentionDays_ONE_WEEK
}
