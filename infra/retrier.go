package infra

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/cr3dentials/verification-webhooks/shared/env"
)

// retrierTimeout is in seconds; the queue's visibility timeout follows from it.
const retrierTimeout = 60

// addRetrier makes the function that works on the delivery queue: attempts after the first, and what administrators
// and the sweeper ask for.
func (k *VerificationWebhooks) addRetrier() {
	k.addFunction(functionSpec{
		id: "Retrier", name: "retrier", timeoutSeconds: retrierTimeout, memoryMB: 512, callsWebhooks: true,
		// A failed attempt sends the message of the next one, and a job's step that of the next step; Lambda would stop
		// such a chain after 16. The steps are counted in the store: a round ends after six, a job after 100,000.
		recursive:   true,
		description: "Makes the attempts that the delivery queue asks for",
		env: []string{
			env.ServiceTable, env.DeliveriesTable, env.QueueURL, env.ParkedBucket, env.EventBus, env.KMSKeyID,
			env.HoldHours, env.Stage,
		},
		ownHosts: append([]string{k.apiHost()}, k.props.hosts()...),
		may: append(k.attempts(),
			// A message names a webhook: it is read together with its partner.
			allow(list(k.service.TableArn()), "dynamodb:BatchGetItem"),
			// What waits for a webhook is brought to it, or cancelled when its partner discards it.
			allow(list(indexArn(k.deliveries, env.ByHeld)), "dynamodb:Query"),
			// What a partner recovers is looked for, and what is pending for a deleted webhook.
			allow(list(k.deliveries.TableArn()), "dynamodb:Query"),
			allow(list(k.queue.QueueArn()), "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
			allow(list(k.parked.ArnForObjects(jsii.String("*"))), "s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
			// Without it an absent object reads as "access denied" instead of "not found".
			allow(list(k.parked.BucketArn()), "s3:ListBucket"),
		),
	})
	awslambda.NewEventSourceMapping(k.Construct, jsii.String("DeliveryQueueSource"), &awslambda.EventSourceMappingProps{
		Target:                  k.called("retrier"),
		EventSourceArn:          k.queue.QueueArn(),
		BatchSize:               jsii.Number(10),
		ReportBatchItemFailures: jsii.Bool(true),
		MaxConcurrency:          jsii.Number(float64(k.props.RetrierConcurrency)),
	})
}

// attempts is what making an attempt takes, from the stream or from the queue: read the partner, its webhooks and the
// delivery, open the secrets, write what happened (a webhook that is switched off and the outbox included), count it,
// ask for the next attempt and publish what the outbox got. A transaction is granted under the names of its parts.
// Nothing is deleted but what the outbox held.
func (k *VerificationWebhooks) attempts() []awsiam.PolicyStatement {
	return []awsiam.PolicyStatement{
		allow(list(k.service.TableArn()),
			"dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem"),
		allow(list(k.deliveries.TableArn()), "dynamodb:GetItem", "dynamodb:PutItem"),
		k.allowOutbox("dynamodb:BatchWriteItem"),
		k.allowEvents(),
		allow(list(k.queue.QueueArn()), "sqs:SendMessage"),
		k.allowKey("kms:Decrypt"),
	}
}
