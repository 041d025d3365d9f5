package infra

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"
)

// addParkedBucket makes the bucket for records that cannot become events. They hold personal data, so they end, but not
// before there was time to find and redrive them.
func (k *VerificationWebhooks) addParkedBucket() {
	k.parked = awss3.NewBucket(k.Construct, jsii.String("Parked"), &awss3.BucketProps{
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		Encryption:        awss3.BucketEncryption_S3_MANAGED,
		EnforceSSL:        jsii.Bool(true),
		ObjectOwnership:   awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		Versioned:         jsii.Bool(k.retained()),
		RemovalPolicy:     k.removal(),
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Expiration:                          awscdk.Duration_Days(jsii.Number(float64(k.props.ParkedDays))),
			NoncurrentVersionExpiration:         awscdk.Duration_Days(jsii.Number(30)),
			AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(7)),
		}},
	})
	reasons := map[string]string{
		"CKV_AWS_18": "Who reads is told by CloudTrail data events, which an account switches on for itself; access logs need one more bucket",
	}
	if !k.retained() {
		reasons["CKV_AWS_21"] = "Destroyable: what it holds is not worth restoring"
	}
	unchecked(k.parked, reasons)
}

// addKey makes the key that wraps the data keys of the webhooks' secrets. Losing it loses every secret.
func (k *VerificationWebhooks) addKey() {
	k.key = awskms.NewKey(k.Construct, jsii.String("SecretsKey"), &awskms.KeyProps{
		Description:       jsii.String("Wraps the data keys of webhook secrets"),
		EnableKeyRotation: jsii.Bool(true),
		RemovalPolicy:     k.removal(),
		PendingWindow:     awscdk.Duration_Days(jsii.Number(30)),
	})
}
