package infra

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"
)

// addQueues makes the delivery queue and where its messages go that no receive could handle. Messages hold ids only:
// losing the queue loses no event, the sweeper finds what is overdue in the table.
func (k *VerificationWebhooks) addQueues() {
	k.deadLetters = awssqs.NewQueue(k.Construct, jsii.String("DeadLetters"), &awssqs.QueueProps{
		// The age of a message counts from when it was first sent: longer than the delivery queue's retention.
		RetentionPeriod: awscdk.Duration_Days(jsii.Number(14)),
		Encryption:      awssqs.QueueEncryption_SQS_MANAGED,
		EnforceSSL:      jsii.Bool(true),
		RemovalPolicy:   k.removal(),
	})
	k.queue = awssqs.NewQueue(k.Construct, jsii.String("DeliveryQueue"), &awssqs.QueueProps{
		// Six times the retrier's timeout, as AWS asks for a function's queue.
		VisibilityTimeout: awscdk.Duration_Seconds(jsii.Number(6 * retrierTimeout)),
		RetentionPeriod:   awscdk.Duration_Days(jsii.Number(4)),
		Encryption:        awssqs.QueueEncryption_SQS_MANAGED,
		EnforceSSL:        jsii.Bool(true),
		RemovalPolicy:     k.removal(),
		// Throttled invocations use up receives as well, so the count is generous.
		DeadLetterQueue: &awssqs.DeadLetterQueue{Queue: k.deadLetters, MaxReceiveCount: jsii.Number(10)},
	})
	for _, q := range []awssqs.Queue{k.queue, k.deadLetters} {
		unchecked(q, map[string]string{"CKV_AWS_27": "Encrypted with the key that SQS manages; messages hold ids only"})
	}
}
