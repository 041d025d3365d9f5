package infra

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
)

// Output is a name and a value that tools and people need of a deployed copy.
type Output struct{ Name, Value string }

// Outputs are what the app makes the stack's outputs of. The construct itself makes none: their names are the stack's.
// URLs end without a slash; on stage local they are what AWS would give, so tools build their own from ApiId.
func (k *VerificationWebhooks) Outputs() []Output {
	all := []Output{
		{"ApiId", *k.api.RestApiId()},
		{"ApiUrl", k.APIURL()},
		{"AdminUrl", k.APIURL()},
		{"ConsoleUrl", k.ConsoleURL()},
		{"VerificationsTable", *k.verifications.TableName()},
		{"ServiceTable", *k.service.TableName()},
		{"DeliveriesTable", *k.deliveries.TableName()},
		{"DeliveryQueueUrl", *k.queue.QueueUrl()},
		{"DeadLetterQueueUrl", *k.deadLetters.QueueUrl()},
		{"ParkedBucket", *k.parked.BucketName()},
	}
	for _, f := range functionNames {
		all = append(all, Output{title(f) + "Function", *k.functions[f].FunctionName()})
	}
	if k.domain != nil {
		all = append(all, Output{"DomainTarget", *k.DomainTarget()})
	}
	if addresses := k.EgressAddresses(); addresses != nil {
		all = append(all, Output{"EgressAddresses", strings.Join(addresses, ",")})
	}
	return all
}

// APIURL is the address of both APIs: https, the host, and the stage unless there is a Domain.
func (k *VerificationWebhooks) APIURL() string {
	if k.props.Domain != nil {
		return "https://" + k.props.Domain.Name
	}
	return "https://" + k.apiHost() + "/" + k.props.StageName
}

// ConsoleURL is where partners find the console.
func (k *VerificationWebhooks) ConsoleURL() string {
	if k.props.ConsoleURL != "" {
		return k.props.ConsoleURL
	}
	return k.APIURL() + "/console/"
}

// DomainTarget is what the Domain's name must lead to (an alias or CNAME record); nil without a Domain.
func (k *VerificationWebhooks) DomainTarget() *string {
	if k.domain == nil {
		return nil
	}
	return k.domain.DomainNameAliasDomainName()
}

// EgressAddresses are the addresses that webhooks are called from, for partners to allow; nil without an Egress whose
// VPC was made.
func (k *VerificationWebhooks) EgressAddresses() []string {
	if k.network == nil {
		return nil
	}
	var texts []string
	for _, a := range k.network.addresses {
		texts = append(texts, *a)
	}
	return texts
}

// VerificationsTable is the table that verification systems write to: grant them that.
func (k *VerificationWebhooks) VerificationsTable() awsdynamodb.ITable { return k.verifications }

// API is the REST API of partners and administrators.
func (k *VerificationWebhooks) API() awsapigateway.RestApi { return k.api }

// AdminArn is what an administrator's policy allows execute-api:Invoke on.
func (k *VerificationWebhooks) AdminArn() *string {
	return k.api.ArnForExecuteApi(jsii.String("*"), jsii.String("/admin/*"), jsii.String(k.props.StageName))
}

// Function is one of portal, admin, dispatcher, retrier and sweeper; nil if there is none of that name.
func (k *VerificationWebhooks) Function(name string) awslambda.IFunction {
	f, ok := k.functions[name]
	if !ok {
		return nil
	}
	return f
}
