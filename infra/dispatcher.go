package infra

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambdaeventsources"
	"github.com/aws/jsii-runtime-go"

	"github.com/cr3dentials/verification-webhooks/shared/env"
)

// streamFilters pass every change of a verification but removals and the three statuses that are known not to be
// final. What has no status, or one that is not a string, must reach the code, which parks it: the second pattern.
var streamFilters = []string{
	`{"eventName":["INSERT","MODIFY"],"dynamodb":{"NewImage":{"status":{"S":[{"anything-but":["PENDING","IN_PROGRESS","MANUAL_REVIEW"]}]}}}}`,
	`{"eventName":["INSERT","MODIFY"],"dynamodb":{"NewImage":{"status":{"S":[{"exists":false}]}}}}`,
}

// localStreamFilter passes records without any status in the emulator, whose matching stops at an absent parent. In AWS
// it would pass every record: there a map counts as absent when a plain value is asked for.
const localStreamFilter = `{"eventName":["INSERT","MODIFY"],"dynamodb":{"NewImage":{"status":[{"exists":false}]}}}`

// addDispatcher makes the function that turns stream records into deliveries and makes their first attempts.
func (k *VerificationWebhooks) addDispatcher() {
	k.addFunction(functionSpec{
		id: "Dispatcher", name: "dispatcher", timeoutSeconds: 60, memoryMB: 512, callsWebhooks: true,
		description: "Turns verification records into deliveries and makes their first attempts",
		env: []string{
			env.ServiceTable, env.DeliveriesTable, env.QueueURL, env.ParkedBucket, env.EventBus, env.KMSKeyID,
			env.HoldHours, env.Stage,
		},
		ownHosts: append([]string{k.apiHost()}, k.props.hosts()...),
		may: append(k.attempts(),
			allow(list(k.verifications.TableStreamArn()),
				"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"),
			allow(list(k.parked.ArnForObjects(jsii.String("*"))), "s3:PutObject"),
			// Lambda checks the on-failure destination with it.
			allow(list(k.parked.BucketArn()), "s3:ListBucket"),
		),
	})
	patterns := streamFilters
	if k.props.local() {
		patterns = append(patterns, localStreamFilter)
	}
	filters := make([]*map[string]any, len(patterns))
	for i, pattern := range patterns {
		filters[i] = &map[string]any{"pattern": pattern}
	}
	k.stream = awslambda.NewEventSourceMapping(k.Construct, jsii.String("VerificationsStream"), &awslambda.EventSourceMappingProps{
		Target:         k.called("dispatcher"),
		EventSourceArn: k.verifications.TableStreamArn(),
		// Not LATEST, which can miss what is written while the mapping is made.
		StartingPosition:        awslambda.StartingPosition_TRIM_HORIZON,
		BatchSize:               jsii.Number(100),
		ParallelizationFactor:   jsii.Number(10),
		Filters:                 &filters,
		ReportBatchItemFailures: jsii.Bool(true),
		BisectBatchOnError:      jsii.Bool(true),
		// A record is tried for nearly as long as the stream keeps it, which is 24 hours: what is trimmed there Lambda can save
		// no more. The alarm on the iterator's age comes hours before.
		RetryAttempts: jsii.Number(-1),
		MaxRecordAge:  awscdk.Duration_Hours(jsii.Number(23)),
		// S3 and not a queue: it is given the records themselves, not only where they stood in the stream.
		OnFailure:                     awslambdaeventsources.NewS3OnFailureDestination(k.parked),
		SupportS3OnFailureDestination: jsii.Bool(true),
		// Counts what goes to that destination, for the alarm.
		MetricsConfig: &awslambda.MetricsConfig{Metrics: &[]awslambda.MetricType{awslambda.MetricType_EVENT_COUNT}},
	})
}
