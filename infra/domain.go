package infra

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53targets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awswafv2"
	"github.com/aws/jsii-runtime-go"
)

// addDomain gives the API a name of its own, without the stage in its paths. It follows the routes: the mapping is to
// their stage.
func (k *VerificationWebhooks) addDomain() {
	d := k.props.Domain
	if d == nil {
		return
	}
	k.domain = awsapigateway.NewDomainName(k.Construct, jsii.String("Domain"), &awsapigateway.DomainNameProps{
		DomainName: jsii.String(d.Name), Certificate: d.Certificate,
		EndpointType: awsapigateway.EndpointType_REGIONAL, SecurityPolicy: awsapigateway.SecurityPolicy_TLS_1_2,
	})
	k.domain.AddBasePathMapping(k.api, &awsapigateway.BasePathMappingOptions{Stage: k.api.DeploymentStage()})
	if d.HostedZone != nil {
		awsroute53.NewARecord(k.Construct, jsii.String("DomainRecord"), &awsroute53.ARecordProps{
			Zone: d.HostedZone, RecordName: jsii.String(d.Name + "."),
			Target: awsroute53.RecordTarget_FromAlias(awsroute53targets.NewApiGatewayDomain(k.domain)),
		})
	}
}

// addWebACL puts a firewall before the API.
func (k *VerificationWebhooks) addWebACL() {
	if k.props.WebACLArn != "" {
		awswafv2.NewCfnWebACLAssociation(k.Construct, jsii.String("WebACL"), &awswafv2.CfnWebACLAssociationProps{
			ResourceArn: k.api.DeploymentStage().StageArn(), WebAclArn: jsii.String(k.props.WebACLArn),
		})
	}
}
