package awscfg_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/cr3dentials/verification-webhooks/shared/awscfg"
)

// load loads the configuration of a function whose AWS is at endpoint.
func load(t *testing.T, endpoint string) aws.Config {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "eu-central-1",
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_SESSION_TOKEN": "",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
	} {
		t.Setenv(name, value)
	}
	cfg, err := awscfg.Load(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestEndpointLeadsAllClients(t *testing.T) {
	var paths []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.Method+" "+r.URL.Path)
		w.WriteHeader(http.StatusBadRequest) // not repeated
	}))
	defer server.Close()
	cfg := load(t, server.URL)
	ctx := context.Background()
	_, err1 := awscfg.DynamoDB(cfg).ListTables(ctx, &dynamodb.ListTablesInput{})
	_, err2 := awscfg.SQS(cfg).ListQueues(ctx, &sqs.ListQueuesInput{})
	_, err3 := awscfg.KMS(cfg).ListKeys(ctx, &kms.ListKeysInput{})
	_, err4 := awscfg.S3(cfg).GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String("key")})
	for _, err := range []error{err1, err2, err3, err4} {
		if err == nil {
			t.Error("a refused request gave no error")
		}
	}
	if want := []string{"POST /", "POST /", "POST /", "GET /bucket/key"}; !slices.Equal(paths, want) {
		t.Fatalf("requests were %v, want %v", paths, want)
	}
}

func TestTriesAndTimeouts(t *testing.T) {
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer server.Close()
	cfg := load(t, server.URL)
	if _, err := awscfg.KMS(cfg).ListKeys(context.Background(), &kms.ListKeysInput{}); err == nil {
		t.Error("a failing service gave no error")
	}
	if calls != 4 {
		t.Errorf("%d tries, want 4", calls)
	}
	client, ok := cfg.HTTPClient.(*awscfg.Client)
	if !ok {
		t.Fatalf("the client is a %T", cfg.HTTPClient)
	}
	if d := client.Timeout(); d != 3*time.Second {
		t.Errorf("a try may take %v, want 3 s", d)
	}
}
