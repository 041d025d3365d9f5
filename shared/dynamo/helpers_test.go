package dynamo_test

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cr3dentials/verification-webhooks/shared/dynamo"
	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/storetest"
)

// wire counts requests by their action and, when asked to, lets an answer get lost after the table has acted.
type wire struct {
	next http.RoundTripper

	mu    sync.Mutex
	calls map[string]int
	// lose is how many answers to come get lost.
	lose int
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	a, err := w.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls[action]++
	if w.lose > 0 {
		w.lose--
		return nil, answerLost(a)
	}
	return a, nil
}

// answerLost reads an answer to its end and returns the error of a connection that broke before it.
func answerLost(a *http.Response) error {
	_, _ = io.Copy(io.Discard, a.Body)
	_ = a.Body.Close()
	return io.ErrUnexpectedEOF
}

// reset forgets the calls so far.
func (w *wire) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = map[string]int{}
}

func (w *wire) count() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls
}

// tables are new tables and a client whose wire can be watched.
type tables struct {
	*dynamodb.Client
	options dynamo.Options
	wire    *wire
}

func newClient(endpoint string, next http.RoundTripper) *dynamodb.Client {
	return dynamodb.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(endpoint), HTTPClient: &http.Client{Transport: next},
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond })
		},
	})
}

// newTables makes the tables of shared/env at the endpoint of this run and removes them when the test ends.
func newTables(t *testing.T) *tables {
	t.Helper()
	endpoint := storetest.Endpoint(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	w := &wire{next: storetest.Transport(t), calls: map[string]int{}}
	x := &tables{Client: newClient(endpoint, w), wire: w}
	name := "test-" + rand.Text()
	x.options = dynamo.Options{
		ServiceTable: name + "-service", DeliveriesTable: name + "-deliveries", VerificationsTable: name + "-verifications",
	}
	for _, in := range []*dynamodb.CreateTableInput{
		schema(x.options.ServiceTable), withIndexes(schema(x.options.DeliveriesTable)), verifications(x.options.VerificationsTable),
	} {
		if _, err := x.CreateTable(ctx, in); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			// The test's own context has ended by now.
			_, err := x.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: in.TableName})
			if err != nil {
				t.Errorf("removing a table: %v", err)
			}
		})
		wait := dynamodb.NewTableExistsWaiter(x.Client, func(o *dynamodb.TableExistsWaiterOptions) {
			o.MinDelay, o.MaxDelay = 50*time.Millisecond, time.Second
		})
		if err := wait.Wait(ctx, &dynamodb.DescribeTableInput{TableName: in.TableName}, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	w.reset()
	return x
}

func (x *tables) store() *dynamo.Store { return dynamo.New(x.Client, x.options) }

func keySchema(partition, sort string) []types.KeySchemaElement {
	return []types.KeySchemaElement{
		{AttributeName: aws.String(partition), KeyType: types.KeyTypeHash},
		{AttributeName: aws.String(sort), KeyType: types.KeyTypeRange},
	}
}

func attribute(name string, kind types.ScalarAttributeType) types.AttributeDefinition {
	return types.AttributeDefinition{AttributeName: aws.String(name), AttributeType: kind}
}

func schema(name string) *dynamodb.CreateTableInput {
	return &dynamodb.CreateTableInput{
		TableName: aws.String(name), BillingMode: types.BillingModePayPerRequest,
		KeySchema: keySchema(env.PartitionKey, env.SortKey),
		AttributeDefinitions: []types.AttributeDefinition{
			attribute(env.PartitionKey, types.ScalarAttributeTypeS), attribute(env.SortKey, types.ScalarAttributeTypeS),
		},
	}
}

func verifications(name string) *dynamodb.CreateTableInput {
	in := schema(name)
	in.KeySchema = []types.KeySchemaElement{{AttributeName: aws.String("verificationId"), KeyType: types.KeyTypeHash}}
	in.AttributeDefinitions = []types.AttributeDefinition{attribute("verificationId", types.ScalarAttributeTypeS)}
	return in
}

func withIndexes(in *dynamodb.CreateTableInput) *dynamodb.CreateTableInput {
	for _, i := range []struct{ name, partition, sort string }{
		{env.ByVerification, env.ByVerificationPartition, env.ByVerificationSort},
		{env.ByDue, env.ByDuePartition, env.ByDueSort},
		{env.ByHeld, env.ByHeldPartition, env.ByHeldSort},
	} {
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: aws.String(i.name), KeySchema: keySchema(i.partition, i.sort),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		})
	}
	in.GlobalSecondaryIndexes[2].Projection = &types.Projection{
		ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: []string{env.ByHeldState},
	}
	in.AttributeDefinitions = append(in.AttributeDefinitions,
		attribute(env.ByVerificationPartition, types.ScalarAttributeTypeS),
		attribute(env.ByDuePartition, types.ScalarAttributeTypeS), attribute(env.ByDueSort, types.ScalarAttributeTypeN),
		attribute(env.ByHeldPartition, types.ScalarAttributeTypeS), attribute(env.ByHeldSort, types.ScalarAttributeTypeS),
	)
	return in
}
