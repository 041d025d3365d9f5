package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/cr3dentials/verification-webhooks/infra"
)

// newStack makes one stage.
func newStack(scope constructs.Construct, s settings) awscdk.Stack {
	props := s.props
	stack := awscdk.NewStack(scope, jsii.String("VerificationWebhooks-"+s.stage), &awscdk.StackProps{
		Description:           jsii.String("Signed webhooks for verification events, stage " + s.stage),
		TerminationProtection: jsii.Bool(!props.Destroyable),
		Tags:                  &map[string]*string{"project": jsii.String("verification-webhooks"), "stage": jsii.String(s.stage)},
	})
	switch {
	case s.alarmTopicArn != "":
		props.AlarmTopic = awssns.Topic_FromTopicArn(stack, jsii.String("AlarmTopic"), jsii.String(s.alarmTopicArn))
	case s.stage == stageProd:
		topic := infra.NewAlarmTopic(stack, "Alarms")
		props.AlarmTopic = topic
		output(stack, "AlarmTopicArn", *topic.TopicArn())
	}
	if s.ticketTopicArn != "" {
		props.TicketTopic = awssns.Topic_FromTopicArn(stack, jsii.String("TicketTopic"), jsii.String(s.ticketTopicArn))
	}
	if s.domainName != "" {
		props.Domain = &infra.Domain{
			Name: s.domainName,
			Certificate: awscertificatemanager.Certificate_FromCertificateArn(stack, jsii.String("Certificate"),
				jsii.String(s.certificateArn)),
		}
	}
	// An id that counts for nothing: what holds data keeps the names that it has had from the beginning.
	for _, o := range infra.NewVerificationWebhooks(stack, "Default", props).Outputs() {
		output(stack, o.Name, o.Value)
	}
	return stack
}

// output fixes the output's name; the construct's id has another, because outputs share the resources' ids.
func output(stack awscdk.Stack, name, value string) {
	awscdk.NewCfnOutput(stack, jsii.String("Output"+name), &awscdk.CfnOutputProps{Value: jsii.String(value)}).
		OverrideLogicalId(jsii.String(name))
}
