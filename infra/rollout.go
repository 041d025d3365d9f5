package infra

import (
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodedeploy"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"github.com/cr3dentials/verification-webhooks/shared/env"
)

// liveAlias is the name under which everything calls a function, with a Rollout.
const liveAlias = "live"

// immediately moves the aliases without CodeDeploy, and without a look at any alarm: what an incident needs. Nothing that
// calls a function changes, as it would if the Rollout were switched off.
const immediately = "immediately"

// rollouts are the ways that CodeDeploy knows of leading traffic to a new version: a tenth for some minutes and then all,
// or a tenth more each time, or all; and the one without it.
var rollouts = map[string]func() awscodedeploy.ILambdaDeploymentConfig{
	immediately:                     nil,
	"allAtOnce":                     awscodedeploy.LambdaDeploymentConfig_ALL_AT_ONCE,
	"canary10Percent5Minutes":       awscodedeploy.LambdaDeploymentConfig_CANARY_10PERCENT_5MINUTES,
	"canary10Percent10Minutes":      awscodedeploy.LambdaDeploymentConfig_CANARY_10PERCENT_10MINUTES,
	"canary10Percent15Minutes":      awscodedeploy.LambdaDeploymentConfig_CANARY_10PERCENT_15MINUTES,
	"canary10Percent30Minutes":      awscodedeploy.LambdaDeploymentConfig_CANARY_10PERCENT_30MINUTES,
	"linear10PercentEvery1Minute":   awscodedeploy.LambdaDeploymentConfig_LINEAR_10PERCENT_EVERY_1MINUTE,
	"linear10PercentEvery2Minutes":  awscodedeploy.LambdaDeploymentConfig_LINEAR_10PERCENT_EVERY_2MINUTES,
	"linear10PercentEvery3Minutes":  awscodedeploy.LambdaDeploymentConfig_LINEAR_10PERCENT_EVERY_3MINUTES,
	"linear10PercentEvery10Minutes": awscodedeploy.LambdaDeploymentConfig_LINEAR_10PERCENT_EVERY_10MINUTES,
}

func rolloutNames() []string { return slices.Sorted(maps.Keys(rollouts)) }

// gradual are the functions that get a new version by and by. The sweeper runs once a minute: its alias moves at once.
var gradual = []string{"portal", "admin", "dispatcher", "retrier"}

// called is what calls of a function go to: the function itself, or with a Rollout its alias. A function's version changes
// with its code and configuration, and with nothing else. The version before goes when the new one has all traffic: one
// that was kept after a rollback would be in the way of the same code's next deployment.
func (k *VerificationWebhooks) called(function string) awslambda.IFunction {
	if k.props.Rollout == "" {
		return k.functions[function]
	}
	return k.alias(function)
}

// alias makes a function's alias when it is asked for first.
func (k *VerificationWebhooks) alias(function string) awslambda.Alias {
	if k.aliases[function] == nil {
		k.aliases[function] = awslambda.NewAlias(k.Construct, jsii.String(title(function)+"Live"), &awslambda.AliasProps{
			AliasName: jsii.String(liveAlias), Version: k.functions[function].CurrentVersion(),
		})
	}
	return k.aliases[function]
}

// addRollout lets CodeDeploy move the aliases, and back if an alarm speaks meanwhile.
func (k *VerificationWebhooks) addRollout() {
	if k.props.Rollout == "" || k.props.Rollout == immediately {
		return
	}
	application := awscodedeploy.NewLambdaApplication(k.Construct, jsii.String("Rollout"), nil)
	role := k.rolloutRole()
	faults := k.rolloutAlarm("RolloutFaultsAlarm", "Messages or events met faults of our own while a new version took over", 10,
		&awscloudwatch.MetricProps{
			Namespace: jsii.String(env.MetricNamespace), MetricName: jsii.String(env.FaultsMetric),
			DimensionsMap: &map[string]*string{env.DeploymentDimension: jsii.String(k.label)},
		})
	for _, f := range gradual {
		alarms := []interfacesawscloudwatch.IAlarmRef{
			// Of both versions together: one that is called little would tell little of itself.
			k.rolloutAlarm("Rollout"+title(f)+"Alarm", "The "+f+" failed while a new version took over", 1, &awscloudwatch.MetricProps{
				Namespace: jsii.String("AWS/Lambda"), MetricName: jsii.String("Errors"),
				DimensionsMap: &map[string]*string{"FunctionName": k.functions[f].FunctionName()},
			}),
			// A portal that answers 500 to everything fails no invocation.
			faults,
		}
		awscodedeploy.NewLambdaDeploymentGroup(k.Construct, jsii.String("Rollout"+title(f)), &awscodedeploy.LambdaDeploymentGroupProps{
			Application:      application,
			Alias:            k.alias(f),
			DeploymentConfig: rollouts[k.props.Rollout](),
			Alarms:           &alarms,
			AutoRollback: &awscodedeploy.AutoRollbackConfig{
				FailedDeployment: jsii.Bool(true), StoppedDeployment: jsii.Bool(true), DeploymentInAlarm: jsii.Bool(true),
			},
			Role: role,
		})
	}
}

// rolloutRole is CodeDeploy's: it may move these aliases, and read alarms. It replaces AWS' own policy, which allows to
// move every alias of the account and to invoke functions. It is handed on closed to additions, because the CDK would add
// that policy to it.
func (k *VerificationWebhooks) rolloutRole() awsiam.IRole {
	var functions []*string
	for _, f := range gradual {
		// Lambda's reference names the function as what these actions are about, and an alias has an ARN of its own. Not as
		// the alias tells it: that waits for the group that moves it, which waits for this role.
		arn := k.functions[f].FunctionArn()
		functions = append(functions, arn, jsii.String(*arn+":"+liveAlias))
	}
	role := awsiam.NewRole(k.Construct, jsii.String("RolloutRole"), &awsiam.RoleProps{
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("codedeploy.amazonaws.com"), nil),
		Description: jsii.String("Role of CodeDeploy, which leads traffic to new versions"),
		InlinePolicies: &map[string]awsiam.PolicyDocument{
			"permissions": awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &[]awsiam.PolicyStatement{
				allow(functions, "lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig"),
				// It lists alarms, which is not a question about any one of them.
				allow(list(k.stack.FormatArn(&awscdk.ArnComponents{
					Service: jsii.String("cloudwatch"), Resource: jsii.String("alarm"), ResourceName: jsii.String("*"),
					ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
				})), "cloudwatch:DescribeAlarms"),
			}}),
		},
	})
	return role.WithoutPolicyUpdates(nil)
}

// rolloutAlarm speaks within a minute. It tells nobody: CodeDeploy looks at it during a deployment, and who deploys is told.
func (k *VerificationWebhooks) rolloutAlarm(id, says string, atLeast float64, m *awscloudwatch.MetricProps) awscloudwatch.Alarm {
	m.Statistic, m.Period = jsii.String("Sum"), awscdk.Duration_Minutes(jsii.Number(1))
	return awscloudwatch.NewAlarm(k.Construct, jsii.String(id), &awscloudwatch.AlarmProps{
		AlarmDescription:   jsii.String(says + ": CodeDeploy goes back to the version before. infra/README.md, \"New versions\""),
		Metric:             awscloudwatch.NewMetric(m),
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
		Threshold:          jsii.Number(atLeast), EvaluationPeriods: jsii.Number(1),
		TreatMissingData: awscloudwatch.TreatMissingData_NOT_BREACHING,
	})
}
