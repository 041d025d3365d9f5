package infra

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// NewAlarmTopic makes a topic for alarms: encrypted, over TLS only, and open to the alarms of this account and region.
// SNS' own key would not do: CloudWatch may not use it.
func NewAlarmTopic(scope constructs.Construct, id string) awssns.Topic {
	stack := awscdk.Stack_Of(scope)
	key := awskms.NewKey(scope, jsii.String(id+"Key"), &awskms.KeyProps{
		Description: jsii.String("Encrypts what alarms say"), EnableKeyRotation: jsii.Bool(true),
		// Nothing that is stored needs it.
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY, PendingWindow: awscdk.Duration_Days(jsii.Number(7)),
	})
	topic := awssns.NewTopic(scope, jsii.String(id), &awssns.TopicProps{MasterKey: key, EnforceSSL: jsii.Bool(true)})
	alarms := &map[string]any{
		"StringEquals": map[string]any{"aws:SourceAccount": stack.Account()},
		"ArnLike": map[string]any{"aws:SourceArn": stack.FormatArn(&awscdk.ArnComponents{
			Service: jsii.String("cloudwatch"), Resource: jsii.String("alarm"), ResourceName: jsii.String("*"),
			ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
		})},
	}
	cloudWatch := &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil)}
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: cloudWatch, Actions: jsii.Strings("kms:Decrypt", "kms:GenerateDataKey*"),
		Resources:  jsii.Strings("*"), // in a key's policy: this key
		Conditions: alarms,
	}), nil)
	topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: cloudWatch, Actions: jsii.Strings("sns:Publish"), Resources: &[]*string{topic.TopicArn()},
		Conditions: alarms,
	}))
	return topic
}
