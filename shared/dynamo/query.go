package dynamo

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/cr3dentials/verification-webhooks/shared/env"
)

// noExpiry marks an item that stays until it is deleted.
var noExpiry time.Time

// queryRange asks a table, strongly consistent, for the items of a partition between two sort keys, both included.
func queryRange(table, pk, from, to string) *dynamodb.QueryInput {
	return &dynamodb.QueryInput{
		TableName: aws.String(table), ConsistentRead: aws.Bool(true),
		KeyConditionExpression:   aws.String("#pk = :pk AND #sk BETWEEN :from AND :to"),
		ExpressionAttributeNames: map[string]string{"#pk": env.PartitionKey, "#sk": env.SortKey},
		ExpressionAttributeValues: item{
			":pk": str(pk), ":from": str(from), ":to": str(to),
		},
	}
}

// queryPrefix asks a table, strongly consistent, for the items of a partition whose sort key has a prefix, "" for all.
func queryPrefix(table, pk, prefix string) *dynamodb.QueryInput {
	q := &dynamodb.QueryInput{
		TableName: aws.String(table), ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("#pk = :pk"),
		ExpressionAttributeNames:  map[string]string{"#pk": env.PartitionKey},
		ExpressionAttributeValues: item{":pk": str(pk)},
	}
	if prefix != "" {
		q.KeyConditionExpression = aws.String("#pk = :pk AND begins_with(#sk, :prefix)")
		q.ExpressionAttributeNames["#sk"] = env.SortKey
		q.ExpressionAttributeValues[":prefix"] = str(prefix)
	}
	return q
}

// queryIndex asks an index for the keys in one of its partitions, in order. Eventually consistent, as indexes are.
func queryIndex(table, index, partitionName, partition string) *dynamodb.QueryInput {
	return &dynamodb.QueryInput{
		TableName: aws.String(table), IndexName: aws.String(index),
		KeyConditionExpression:    aws.String("#ip = :ip"),
		ExpressionAttributeNames:  map[string]string{"#ip": partitionName},
		ExpressionAttributeValues: item{":ip": str(partition)},
	}
}
