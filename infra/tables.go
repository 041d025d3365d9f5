package infra

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/jsii-runtime-go"

	"github.com/cr3dentials/verification-webhooks/shared/env"
)

// verificationsKey is the partition key of the table that verification systems write to.
const verificationsKey = "verificationId"

func (k *VerificationWebhooks) addTables() {
	k.service = k.newTable("Service")
	k.addVerifications()

	deliveries := k.newTable("Deliveries")
	for _, i := range []struct{ name, partition, sort, with string }{
		{env.ByVerification, env.ByVerificationPartition, env.ByVerificationSort, ""},
		{env.ByDue, env.ByDuePartition, env.ByDueSort, ""},
		{env.ByHeld, env.ByHeldPartition, env.ByHeldSort, env.ByHeldState},
	} {
		sort := stringKey(i.sort)
		if i.sort == env.ByDueSort {
			sort.Type = awsdynamodb.AttributeType_NUMBER
		}
		props := &awsdynamodb.GlobalSecondaryIndexProps{
			IndexName: jsii.String(i.name), PartitionKey: stringKey(i.partition), SortKey: sort,
			ProjectionType: awsdynamodb.ProjectionType_KEYS_ONLY,
		}
		if i.with != "" {
			props.ProjectionType, props.NonKeyAttributes = awsdynamodb.ProjectionType_INCLUDE, jsii.Strings(i.with)
		}
		deliveries.AddGlobalSecondaryIndex(props)
	}
	k.deliveries = deliveries
}

// addVerifications makes the input table, or attaches the one that verification systems write to already.
func (k *VerificationWebhooks) addVerifications() {
	if t := k.props.VerificationsTable; t != nil {
		k.verifications = awsdynamodb.Table_FromTableAttributes(k.Construct, jsii.String("Verifications"), &awsdynamodb.TableAttributes{
			TableArn: jsii.String(t.Arn), TableStreamArn: jsii.String(t.StreamArn),
		})
		return
	}
	props := k.tableProps()
	props.PartitionKey = stringKey(verificationsKey)
	props.Stream = awsdynamodb.StreamViewType_NEW_AND_OLD_IMAGES
	t := awsdynamodb.NewTable(k.Construct, jsii.String("Verifications"), props)
	k.uncheckedTable(t)
	k.verifications = t
}

// uncheckedTable: what must be secret in a table is sealed under SecretsKey before it is stored.
func (k *VerificationWebhooks) uncheckedTable(t awsdynamodb.Table) {
	reasons := map[string]string{
		"CKV_AWS_119": "Encrypted with the key that AWS manages; secrets are sealed under SecretsKey before they are stored",
	}
	if !k.retained() {
		reasons["CKV_AWS_28"] = "Destroyable: what it holds is not worth restoring"
	}
	unchecked(t, reasons)
}

func (k *VerificationWebhooks) newTable(id string) awsdynamodb.Table {
	props := k.tableProps()
	props.PartitionKey, props.SortKey = stringKey(env.PartitionKey), stringKey(env.SortKey)
	props.TimeToLiveAttribute = jsii.String(env.TTLAttribute)
	t := awsdynamodb.NewTable(k.Construct, jsii.String(id), props)
	k.uncheckedTable(t)
	return t
}

func (k *VerificationWebhooks) tableProps() *awsdynamodb.TableProps {
	return &awsdynamodb.TableProps{
		BillingMode:        awsdynamodb.BillingMode_PAY_PER_REQUEST,
		Encryption:         awsdynamodb.TableEncryption_AWS_MANAGED,
		RemovalPolicy:      k.removal(),
		DeletionProtection: jsii.Bool(k.retained()),
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: jsii.Bool(k.retained()),
		},
	}
}

func stringKey(name string) *awsdynamodb.Attribute {
	return &awsdynamodb.Attribute{Name: jsii.String(name), Type: awsdynamodb.AttributeType_STRING}
}

// indexArn is the ARN of one index: querying an index is granted apart from its table.
func indexArn(t awsdynamodb.ITable, name string) *string {
	return jsii.String(*t.TableArn() + "/index/" + name)
}
