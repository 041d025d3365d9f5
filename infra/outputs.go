package main

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

// addOutputs names what tools and people need of a deployed stack. The base URL holds the API's stage and no slash at
// its end; on stage local it is the address that AWS would give, so tools build their own from ApiId.
func (k *stack) addOutputs() {
	base := "https://" + k.apiHost() + "/" + k.Stage
	console := k.ConsoleURL
	if console == "" {
		console = base + "/console/"
	}
	for _, o := range [][2]string{
		{"ApiId", *k.api.RestApiId()},
		{"ApiUrl", base},
		{"AdminUrl", base},
		{"ConsoleUrl", console},
		{"VerificationsTable", *k.verifications.TableName()},
		{"ServiceTable", *k.service.TableName()},
		{"DeliveriesTable", *k.deliveries.TableName()},
		{"DeliveryQueueUrl", *k.queue.QueueUrl()},
		{"DeadLetterQueueUrl", *k.deadLetters.QueueUrl()},
		{"ParkedBucket", *k.parked.BucketName()},
	} {
		k.output(o[0], o[1])
	}
	for _, f := range functionNames {
		k.output(strings.ToUpper(f[:1])+f[1:]+"Function", *k.functions[f].FunctionName())
	}
}

// output fixes the output's name; the construct's id has another, because outputs share the resources' ids.
func (k *stack) output(name, value string) {
	awscdk.NewCfnOutput(k.Stack, jsii.String("Output"+name), &awscdk.CfnOutputProps{Value: jsii.String(value)}).
		OverrideLogicalId(jsii.String(name))
}
