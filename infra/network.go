package infra

import (
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
)

// network is where the functions that call webhooks run if their addresses must not change.
type network struct {
	vpc       awsec2.IVpc
	group     awsec2.SecurityGroup
	addresses []*string // of a VPC that was made here
}

// addNetwork makes or takes the VPC. Nothing comes in; what goes out is for the ports that a webhook may have, which
// covers AWS's services. Where it may go is decided by shared/egress at each connection, which a list of addresses here
// could not: partners are anywhere.
func (k *VerificationWebhooks) addNetwork() {
	e := k.props.Egress
	if e == nil {
		return
	}
	n := &network{vpc: e.VPC}
	if n.vpc == nil {
		n.vpc = k.newVPC(n)
	}
	n.group = awsec2.NewSecurityGroup(k.Construct, jsii.String("EgressGroup"), &awsec2.SecurityGroupProps{
		Vpc: n.vpc, Description: jsii.String("Functions that call webhooks: nothing in, the ports of webhooks out"),
		AllowAllOutbound: jsii.Bool(false),
	})
	n.group.AddEgressRule(awsec2.Peer_AnyIpv4(), awsec2.Port_Tcp(jsii.Number(443)), jsii.String("Webhooks and AWS"), nil)
	n.group.AddEgressRule(awsec2.Peer_AnyIpv4(), awsec2.Port_TcpRange(jsii.Number(1024), jsii.Number(65535)),
		jsii.String("Webhooks with a port of their own"), nil)
	k.network = n
}

func (k *VerificationWebhooks) newVPC(n *network) awsec2.IVpc {
	var allocations []*string
	for i := range k.props.Egress.Addresses {
		address := awsec2.NewCfnEIP(k.Construct, jsii.String("EgressAddress"+strconv.Itoa(i+1)), &awsec2.CfnEIPProps{
			Domain: jsii.String("vpc"),
		})
		address.ApplyRemovalPolicy(k.removal(), nil)
		allocations = append(allocations, address.AttrAllocationId())
		n.addresses = append(n.addresses, address.Ref())
	}
	count := jsii.Number(float64(len(allocations)))
	return awsec2.NewVpc(k.Construct, jsii.String("EgressVpc"), &awsec2.VpcProps{
		IpAddresses: awsec2.IpAddresses_Cidr(jsii.String(k.props.Egress.CIDR)),
		MaxAzs:      jsii.Number(2), // one zone more than an only address needs: functions survive a zone's end
		NatGateways: count,
		NatGatewayProvider: awsec2.NatProvider_Gateway(&awsec2.NatGatewayProps{
			EipAllocationIds: &allocations,
		}),
		SubnetConfiguration: &[]*awsec2.SubnetConfiguration{
			{Name: jsii.String("public"), SubnetType: awsec2.SubnetType_PUBLIC, MapPublicIpOnLaunch: jsii.Bool(false)},
			{Name: jsii.String("functions"), SubnetType: awsec2.SubnetType_PRIVATE_WITH_EGRESS},
		},
		// The bulk of what goes to AWS needs no NAT gateway, which is paid for by the byte.
		GatewayEndpoints: &map[string]*awsec2.GatewayVpcEndpointOptions{
			"DynamoDB": {Service: awsec2.GatewayVpcEndpointAwsService_DYNAMODB()},
			"S3":       {Service: awsec2.GatewayVpcEndpointAwsService_S3()},
		},
		// The default group would be emptied by a custom resource. Nothing is in it.
		RestrictDefaultSecurityGroup: jsii.Bool(false),
	})
}

// mayHaveInterfaces is what Lambda needs of a function's role to connect it with a VPC. The second statement takes it
// away from the function's own code, whose calls alone carry the function's ARN.
func (k *VerificationWebhooks) mayHaveInterfaces() []awsiam.PolicyStatement {
	actions := jsii.Strings("ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets",
		"ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses")
	// The interfaces have no ARNs before they exist, and what describes them has no resources at all.
	all := jsii.Strings("*")
	functions := k.stack.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("lambda"), Resource: jsii.String("function"), ResourceName: jsii.String("*"),
		ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
	})
	return []awsiam.PolicyStatement{
		awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Actions: actions, Resources: all}),
		awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Effect: awsiam.Effect_DENY, Actions: actions, Resources: all,
			Conditions: &map[string]any{"ArnLike": map[string]any{"lambda:SourceFunctionArn": functions}},
		}),
	}
}
