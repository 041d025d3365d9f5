package infra

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"
)

const webACL = "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/a/0a0a0a0a-1111-2222-3333-0a0a0a0a0a0a"

// chosen has everything that changes who may call, who is called from where, and how much.
var chosen = synthesized(func(stack awscdk.Stack) VerificationWebhooksProps {
	return VerificationWebhooksProps{
		APIGatewayAccount: true,
		Domain: &Domain{
			Name: "hooks.example.com", Only: true,
			Certificate: awscertificatemanager.Certificate_FromCertificateArn(stack, jsii.String("Certificate"),
				jsii.String("arn:aws:acm:eu-west-1:111122223333:certificate/a")),
			HostedZone: awsroute53.HostedZone_FromHostedZoneAttributes(stack, jsii.String("Zone"), &awsroute53.HostedZoneAttributes{
				HostedZoneId: jsii.String("Z1"), ZoneName: jsii.String("example.com"),
			}),
		},
		ResourcePolicy: awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &[]awsiam.PolicyStatement{
			awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
				Principals: &[]awsiam.IPrincipal{awsiam.NewAnyPrincipal()}, Actions: jsii.Strings("execute-api:Invoke"),
				Resources:  jsii.Strings("execute-api:/*"),
				Conditions: &map[string]any{"IpAddress": map[string]any{"aws:SourceIp": "192.0.2.0/24"}},
			}),
		}}),
		WebACLArn:           webACL,
		Egress:              &Egress{},
		ReservedConcurrency: Concurrency{Portal: 20, Admin: 1, Dispatcher: 100, Retrier: 60, Sweeper: 1},
		AccountConcurrency:  500,
		AlarmTopic:          awssns.Topic_FromTopicArn(stack, jsii.String("Topic"), jsii.String("arn:aws:sns:eu-west-1:111122223333:alarms")),
		Throttling:          Throttling{Rate: 10, Burst: 20},
		ParkedDays:          30,
		LogDays:             365,
	}
})

func TestDomain(t *testing.T) {
	tpl := chosen()
	tpl.wantProperties(t, "Api", map[string]any{"DisableExecuteApiEndpoint": true})
	tpl.wantProperties(t, "Domain", map[string]any{
		"DomainName": "hooks.example.com", "SecurityPolicy": "TLS_1_2", "EndpointConfiguration": map[string]any{"Types": []any{"REGIONAL"}},
		"RegionalCertificateArn": "arn:aws:acm:eu-west-1:111122223333:certificate/a",
	})
	mapping := tpl.ofType("AWS::ApiGateway::BasePathMapping")
	wantEqual(t, "mappings", len(mapping), 1)
	tpl.wantProperties(t, mapping[0], map[string]any{"DomainName": "Domain", "RestApiId": "Api", "Stage": "ApiDeploymentStageprod", "BasePath": nil})
	tpl.wantProperties(t, "DomainRecord", map[string]any{"Name": "hooks.example.com.", "HostedZoneId": "Z1"})
	for output, want := range map[string]string{
		"ApiUrl": "https://hooks.example.com", "AdminUrl": "https://hooks.example.com",
		"ConsoleUrl": "https://hooks.example.com/console/", "DomainTarget": "Domain.RegionalDomainName",
	} {
		wantEqual(t, output, tpl.Outputs[output].Value, want)
	}
	// No webhook may lead back to it.
	for _, f := range []string{"portal", "dispatcher", "retrier"} {
		if hosts := strings.Split(variables(t, tpl, f)["OWN_HOSTS"].(string), ","); !slices.Contains(hosts, "hooks.example.com") {
			t.Errorf("%s does not know its own name: %v", f, hosts)
		}
	}
	wantEqual(t, "own name without a domain", prodTemplate().get(t, "Api").Properties["DisableExecuteApiEndpoint"], nil)
}

func TestWhoMayCall(t *testing.T) {
	tpl := chosen()
	tpl.wantProperties(t, "WebACL", map[string]any{
		"ResourceArn": "arn:AWS::Partition:apigateway:AWS::Region::/restapis/Api/stages/ApiDeploymentStageprod", "WebACLArn": webACL,
	})
	tpl.wantProperties(t, "Api", map[string]any{"Policy": map[string]any{
		"Version": "2012-10-17",
		"Statement": []any{map[string]any{
			"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "execute-api:/*", "Principal": map[string]any{"AWS": "*"},
			"Condition": map[string]any{"IpAddress": map[string]any{"aws:SourceIp": "192.0.2.0/24"}},
		}},
	}})
	wantEqual(t, "web ACLs without one", prodTemplate().ofType("AWS::WAFv2::WebACLAssociation"), nil)
	wantEqual(t, "policy without one", prodTemplate().get(t, "Api").Properties["Policy"], nil)
}

func TestLimits(t *testing.T) {
	tpl := chosen()
	for f, n := range map[string]int{"portal": 20, "admin": 1, "dispatcher": 100, "retrier": 60, "sweeper": 1} {
		tpl.wantProperties(t, id(f), map[string]any{"ReservedConcurrentExecutions": n})
		prodTemplate().wantProperties(t, id(f), map[string]any{"ReservedConcurrentExecutions": nil})
	}
	tpl.wantProperties(t, "ApiDeploymentStageprod", map[string]any{"MethodSettings": []any{map[string]any{
		"HttpMethod": "*", "ResourcePath": "/*", "DataTraceEnabled": false,
		"ThrottlingRateLimit": 10, "ThrottlingBurstLimit": 20,
	}}})
	for _, id := range tpl.ofType("AWS::Logs::LogGroup") {
		tpl.wantProperties(t, id, map[string]any{"RetentionInDays": 365})
	}
	rule := tpl.get(t, "Parked").Properties["LifecycleConfiguration"].(map[string]any)["Rules"].([]any)[0].(map[string]any)
	wantEqual(t, "days of parked records", rule["ExpirationInDays"], 30)
}

// The functions that call webhooks, and they alone, leave by addresses that stay.
func TestEgress(t *testing.T) {
	tpl := chosen()
	addresses := tpl.ofType("AWS::EC2::EIP")
	wantEqual(t, "addresses", addresses, []string{"EgressAddress1", "EgressAddress2"})
	wantEqual(t, "output", tpl.Outputs["EgressAddresses"].Value, "EgressAddress1,EgressAddress2")
	for _, id := range addresses {
		wantEqual(t, id, tpl.get(t, id).DeletionPolicy, "Retain")
	}
	var used []string
	for _, id := range tpl.ofType("AWS::EC2::NatGateway") {
		used = append(used, tpl.get(t, id).Properties["AllocationId"].(string))
	}
	slices.Sort(used)
	wantEqual(t, "NAT gateways", used, []string{"EgressAddress1.AllocationId", "EgressAddress2.AllocationId"})
	wantEqual(t, "endpoints", len(tpl.ofType("AWS::EC2::VPCEndpoint")), 2)

	for _, f := range functionNames {
		var want any
		if f == "portal" || f == "dispatcher" || f == "retrier" {
			want = map[string]any{
				"SecurityGroupIds": []any{"EgressGroup.GroupId"},
				"SubnetIds":        []any{"EgressVpcfunctionsSubnet1Subnet", "EgressVpcfunctionsSubnet2Subnet"},
			}
		}
		tpl.wantProperties(t, id(f), map[string]any{"VpcConfig": want})
		prodTemplate().wantProperties(t, id(f), map[string]any{"VpcConfig": nil})
	}
	group := tpl.get(t, "EgressGroup").Properties
	wantEqual(t, "in", group["SecurityGroupIngress"], nil)
	var ports [][2]int
	for _, r := range group["SecurityGroupEgress"].([]any) {
		var rule struct{ FromPort, ToPort int }
		convert(r, &rule)
		ports = append(ports, [2]int{rule.FromPort, rule.ToPort})
	}
	wantEqual(t, "out", ports, [][2]int{{443, 443}, {1024, 65535}})
	for _, subnet := range tpl.ofType("AWS::EC2::Subnet") {
		tpl.wantProperties(t, subnet, map[string]any{"MapPublicIpOnLaunch": false})
	}
}

// A network that exists is used as it is.
func TestOwnVPC(t *testing.T) {
	tpl := synthesized(func(stack awscdk.Stack) VerificationWebhooksProps {
		return VerificationWebhooksProps{Egress: &Egress{VPC: awsec2.Vpc_FromVpcAttributes(stack, jsii.String("Vpc"), &awsec2.VpcAttributes{
			VpcId: jsii.String("vpc-1"), AvailabilityZones: jsii.Strings("eu-west-1a", "eu-west-1b"),
			PrivateSubnetIds: jsii.Strings("subnet-1", "subnet-2"),
		})}}
	})()
	for _, kind := range []string{"AWS::EC2::VPC", "AWS::EC2::EIP", "AWS::EC2::NatGateway"} {
		wantEqual(t, kind, tpl.ofType(kind), nil)
	}
	tpl.wantProperties(t, "EgressGroup", map[string]any{"VpcId": "vpc-1"})
	wantEqual(t, "subnets", tpl.get(t, "Retrier").Properties["VpcConfig"].(map[string]any)["SubnetIds"], []any{"subnet-1", "subnet-2"})
}

// What alarms say is encrypted, and nobody but this account's alarms says it.
func TestAlarmTopicOfOwn(t *testing.T) {
	stack := awscdk.NewStack(newApp(), jsii.String("Topic"), nil)
	NewAlarmTopic(stack, "Alarms")
	tpl := templateOf(stack)
	tpl.wantProperties(t, "Alarms", map[string]any{"KmsMasterKeyId": "AlarmsKey.Arn", "TopicName": nil})
	tpl.wantProperties(t, "AlarmsKey", map[string]any{"EnableKeyRotation": true})
	condition := map[string]any{
		"StringEquals": map[string]any{"aws:SourceAccount": "AWS::AccountId"},
		"ArnLike":      map[string]any{"aws:SourceArn": "arn:AWS::Partition:cloudwatch:AWS::Region:AWS::AccountId:alarm:*"},
	}
	cloudWatch := map[string]any{"Service": "cloudwatch.amazonaws.com"}
	statements := func(id, document string) []any {
		return tpl.get(t, id).Properties[document].(map[string]any)["Statement"].([]any)
	}
	wantEqual(t, "topic's policy", statements("AlarmsPolicy", "PolicyDocument"), []any{
		map[string]any{
			"Sid": "AllowPublishThroughSSLOnly", "Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Resource": "Alarms",
			"Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
		},
		map[string]any{"Sid": "1", "Effect": "Allow", "Principal": cloudWatch, "Action": "sns:Publish", "Resource": "Alarms", "Condition": condition},
	})
	wantEqual(t, "key's policy", statements("AlarmsKey", "KeyPolicy")[1], map[string]any{
		"Effect": "Allow", "Principal": cloudWatch, "Action": []any{"kms:Decrypt", "kms:GenerateDataKey*"}, "Resource": "*",
		"Condition": condition,
	})
}
