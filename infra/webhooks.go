// Package infra defines everything that runs in AWS, as one CDK construct. The app in infra/app makes stacks of it; any
// other CDK app in Go can as well.
package infra

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// VerificationWebhooks is one copy of the product. Nothing in it has a fixed physical name, so that stages and copies
// live side by side in one account, in one app, and in one stack.
type VerificationWebhooks struct {
	constructs.Construct

	props VerificationWebhooksProps
	stack awscdk.Stack
	// label tells this copy from the others of the account: for metrics, which have no owner.
	label string

	verifications, service, deliveries awsdynamodb.ITable
	queue, deadLetters                 awssqs.Queue
	parked                             awss3.Bucket
	key                                awskms.Key

	api       awsapigateway.RestApi
	domain    awsapigateway.DomainName // nil without one
	network   *network                 // nil without one
	stream    awslambda.EventSourceMapping
	functions map[string]awslambda.Function
	aliases   map[string]awslambda.Alias // none without a Rollout
	logGroups map[string]awslogs.LogGroup
	apiLogs   awslogs.LogGroup // nil on stage local

	madeAlarms []awscloudwatch.Alarm
}

// NewVerificationWebhooks adds a copy of the product to a stack. It panics if props cannot work (Validate says so
// before), as the CDK's own constructs do.
//
// CloudFormation knows resources by names that are made of the construct's path. An id that changes later makes new,
// empty tables. The id "Default" counts for nothing in the path: the app in infra/app has it.
func NewVerificationWebhooks(scope constructs.Construct, id string, props VerificationWebhooksProps) *VerificationWebhooks {
	if err := props.Validate(); err != nil {
		panic(fmt.Sprintf("%s/%s: %v", *scope.Node().Path(), id, err))
	}
	k := &VerificationWebhooks{
		Construct: constructs.NewConstruct(scope, jsii.String(id)),
		props:     props.withDefaults(),
		functions: map[string]awslambda.Function{},
		logGroups: map[string]awslogs.LogGroup{},
		aliases:   map[string]awslambda.Alias{},
	}
	k.stack = awscdk.Stack_Of(k.Construct)
	k.label = *awscdk.Names_UniqueResourceName(k.Construct, &awscdk.UniqueResourceNameOptions{
		AllowedSpecialCharacters: jsii.String("-"), Separator: jsii.String("-"), MaxLength: jsii.Number(100),
	})
	k.addTables()
	k.addQueues()
	k.addParkedBucket()
	k.addKey()
	k.addNetwork()
	k.addAPI()

	k.addPortal()
	k.addAdmin()
	k.addDispatcher()
	k.addRetrier()
	k.addSweeper()

	k.addRoutes()
	k.addDomain()
	k.addWebACL()
	k.addRollout()
	k.addAlarms()
	k.addDashboard()
	return k
}

// retained tells whether data outlives the stack.
func (k *VerificationWebhooks) retained() bool { return !k.props.Destroyable }

// removal is what becomes of stored data when its resource leaves the stack.
func (k *VerificationWebhooks) removal() awscdk.RemovalPolicy {
	if k.retained() {
		return awscdk.RemovalPolicy_RETAIN
	}
	return awscdk.RemovalPolicy_DESTROY
}

// logRetention bounds how long anything is logged.
func (k *VerificationWebhooks) logRetention() awslogs.RetentionDays {
	return logRetention[k.props.LogDays]
}
