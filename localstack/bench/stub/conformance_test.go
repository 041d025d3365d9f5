package stub_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/cr3dentials/verification-webhooks/localstack/bench/stub"
	"github.com/cr3dentials/verification-webhooks/shared/dynamo"
	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/storetest"
)

const (
	serviceTable       = "service"
	deliveriesTable    = "deliveries"
	verificationsTable = "verifications"
)

// indexes are those of the deliveries table.
func indexes() []stub.Index {
	return []stub.Index{
		{Name: env.ByVerification, Partition: env.ByVerificationPartition, Sort: env.ByVerificationSort},
		{Name: env.ByDue, Partition: env.ByDuePartition, Sort: env.ByDueSort, SortNumber: true},
		{Name: env.ByHeld, Partition: env.ByHeldPartition, Sort: env.ByHeldSort, Projection: []string{env.ByHeldState}},
	}
}

// start serves new services with the product's tables.
func start(t testing.TB) (*stub.Services, aws.Config) {
	t.Helper()
	s := stub.New(stub.Options{})
	s.CreateTable(serviceTable)
	s.CreateTable(deliveriesTable, indexes()...)
	s.CreateSimpleTable(verificationsTable, "verificationId")
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.SetBase(server.URL)
	transport := &http.Transport{MaxIdleConnsPerHost: 50}
	t.Cleanup(transport.CloseIdleConnections)
	return s, aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond })
		},
	}
}

func newStore(cfg aws.Config) *dynamo.Store {
	return dynamo.New(dynamodb.NewFromConfig(cfg), dynamo.Options{
		ServiceTable: serviceTable, DeliveriesTable: deliveriesTable, VerificationsTable: verificationsTable,
	})
}

// TestConformance runs the suite of every store, through the product's own adapter.
func TestConformance(t *testing.T) {
	storetest.RunStore(t, func(t *testing.T) storetest.Store {
		_, cfg := start(t)
		return newStore(cfg)
	})
}

// TestAdapters runs the adapters' own tests, which otherwise run on the emulator and on DynamoDB Local: they know what
// each service refuses, and how its answers get lost.
func TestAdapters(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the tests of four packages")
	}
	for _, p := range []string{"dynamo", "queue", "vault", "objects"} {
		t.Run(p, func(t *testing.T) {
			s := stub.New(stub.Options{})
			server := httptest.NewServer(s)
			t.Cleanup(server.Close)
			s.SetBase(server.URL)
			// Objects have no versions here: no function asks for them.
			c := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-skip", "^TestVersions$", "./shared/"+p)
			c.Dir = "../../.."
			c.Env = append(os.Environ(), "E2E_ENDPOINT="+server.URL)
			out, err := c.CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			if calls := s.Counts().Calls; len(calls) == 0 {
				t.Error("nothing was asked of the services")
			}
		})
	}
}
