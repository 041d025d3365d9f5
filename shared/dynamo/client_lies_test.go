package dynamo_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/cr3dentials/verification-webhooks/shared/awscfg"
	"github.com/cr3dentials/verification-webhooks/shared/dynamo"
	"github.com/cr3dentials/verification-webhooks/shared/storetest"
)

// lyingTable is a table behind a Liar, and a store that reaches it as the functions do.
type lyingTable struct {
	*fakeTable
	*storetest.Liar
	store   *dynamo.Store
	retryer *quick
}

// quick decides as the functions' retryer does, and pauses for a thousandth of the time.
type quick struct {
	aws.RetryerV2
	paused atomic.Int64
}

func (q *quick) RetryDelay(attempt int, err error) (time.Duration, error) {
	d, err := q.RetryerV2.RetryDelay(attempt, err)
	q.paused.Add(int64(d))
	return d / 1000, err
}

// tryTimeout is how long one try of the functions may take, and shortTimeout that of a test in which answers are late.
const (
	tryTimeout   = 3 * time.Second
	shortTimeout = 200 * time.Millisecond
)

// functionsConfig is the SDK's configuration as the functions have it.
func functionsConfig(t *testing.T) aws.Config {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": "", "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		"AWS_SESSION_TOKEN": "", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
	} {
		t.Setenv(name, value)
	}
	cfg, err := awscfg.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func newLyingTable(t *testing.T, cfg aws.Config, timeout time.Duration) *lyingTable {
	t.Helper()
	f := newFakeTable(t)
	x := &lyingTable{fakeTable: f, Liar: storetest.NewLiar(t, f.act)}
	client, ok := cfg.HTTPClient.(*awscfg.Client)
	if !ok {
		t.Fatalf("the HTTP client is a %T", cfg.HTTPClient)
	}
	retryer, ok := cfg.Retryer().(aws.RetryerV2)
	if !ok {
		t.Fatalf("the retryer is a %T", cfg.Retryer())
	}
	x.retryer = &quick{RetryerV2: retryer}
	cfg.HTTPClient = client.WithTimeout(timeout)
	cfg.Retryer = func() aws.Retryer { return x.retryer }
	cfg.BaseEndpoint = aws.String(x.URL)
	x.store = dynamo.New(awscfg.DynamoDB(cfg), dynamo.Options{ServiceTable: "s", DeliveriesTable: "d"})
	return x
}
