package infra

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/cr3dentials/verification-webhooks/shared/env"
)

// addPortal makes the function behind the partners' API. It may delete: webhooks, and test slots
// that are given back. It seals secrets, so it makes data keys as well as opening them.
func (k *VerificationWebhooks) addPortal() {
	k.addFunction(functionSpec{
		// As long as API Gateway waits. Calls take milliseconds, a test at most 22 s.
		id: "Portal", name: "portal", timeoutSeconds: 29, memoryMB: 512, callsWebhooks: true,
		description: "The partners' API and console",
		// OwnHosts does not hold the API's own name here: the portal has it from the gateway with each request.
		env: []string{
			env.ServiceTable, env.DeliveriesTable, env.VerificationsTable, env.QueueURL, env.KMSKeyID, env.Stage, env.ConsoleURL,
			env.FrameAncestors,
		},
		ownHosts: k.props.hosts(),
		may: []awsiam.PolicyStatement{
			allow(list(k.service.TableArn()), "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query",
				"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"),
			// Written are jobs, and that an attempt by hand is asked for; all else goes through the queue.
			allow(list(k.deliveries.TableArn()), "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem"),
			// One record at a time, for previews of templates.
			allow(list(k.verifications.TableArn()), "dynamodb:GetItem"),
			allow(list(indexArn(k.deliveries, env.ByVerification), indexArn(k.deliveries, env.ByHeld)), "dynamodb:Query"),
			allow(list(k.queue.QueueArn()), "sqs:SendMessage"),
			k.allowKey("kms:GenerateDataKey", "kms:Decrypt"),
		},
	})
}

// addAdmin makes the function behind the administrators' API. It looks at no delivery: in the table of deliveries it
// starts the drains of a partner whose suspension ends. The key seals its lists' cursors.
func (k *VerificationWebhooks) addAdmin() {
	k.addFunction(functionSpec{
		id: "Admin", name: "admin", timeoutSeconds: 29, memoryMB: 256,
		description: "The administrators' API",
		env: []string{
			env.ServiceTable, env.DeliveriesTable, env.QueueURL, env.DeadLettersURL, env.ParkedBucket, env.KMSKeyID, env.Stage,
			env.ConsoleURL,
		},
		may: []awsiam.PolicyStatement{
			allow(list(k.service.TableArn()), "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query",
				"dynamodb:PutItem", "dynamodb:DeleteItem"),
			allow(list(k.deliveries.TableArn()), "dynamodb:GetItem", "dynamodb:PutItem"),
			allow(list(k.queue.QueueArn()), "sqs:SendMessage"),
			// What is put back on the delivery queue is taken from here, so that nobody else needs rights on either.
			allow(list(k.deadLetters.QueueArn()), "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
			allow(list(k.parked.BucketArn()), "s3:ListBucket"),
			allow(list(k.parked.ArnForObjects(jsii.String("*"))), "s3:GetObject"),
			k.allowKey("kms:GenerateDataKey", "kms:Decrypt"),
		},
	})
}
