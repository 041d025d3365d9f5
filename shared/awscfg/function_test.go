package awscfg_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/cr3dentials/verification-webhooks/shared/awscfg"
	"github.com/cr3dentials/verification-webhooks/shared/awscfg/profile"
)

// function makes the process's environment that of a function, with more on top.
func function(t *testing.T, more map[string]string) {
	t.Helper()
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	all := map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1", "AWS_EXECUTION_ENV": "AWS_Lambda_provided.al2023",
		"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
	}
	maps.Copy(all, more)
	for name, value := range all {
		t.Setenv(name, value)
	}
}

// sent returns what each service's client sends, but for what differs from one request to the next.
func sent(cfg aws.Config) []string {
	var requests []string
	cfg.APIOptions = append(slices.Clone(cfg.APIOptions), func(stack *middleware.Stack) error {
		return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("Note", func(
			_ context.Context, in middleware.DeserializeInput, _ middleware.DeserializeHandler,
		) (out middleware.DeserializeOutput, _ middleware.Metadata, err error) {
			if r, ok := in.Request.(*smithyhttp.Request); ok {
				h := r.Header.Clone()
				h.Del("Amz-Sdk-Invocation-Id")
				h.Del("X-Amz-Date")
				scope, _, _ := strings.Cut(h.Get("Authorization"), " Signature=")
				h.Set("Authorization", scope)
				requests = append(requests, fmt.Sprint(r.Method, " ", r.URL, " ", h))
			}
			return out, middleware.Metadata{}, errors.New("refused")
		}), middleware.After)
	})
	ctx := context.Background()
	_, _ = awscfg.DynamoDB(cfg).ListTables(ctx, &dynamodb.ListTablesInput{})
	_, _ = awscfg.SQS(cfg).ListQueues(ctx, &sqs.ListQueuesInput{})
	_, _ = awscfg.KMS(cfg).ListKeys(ctx, &kms.ListKeysInput{})
	_, _ = awscfg.S3(cfg).PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: aws.String("k"), Body: strings.NewReader("{}")})
	_, _ = awscfg.S3(cfg).GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String("k")})
	_, _ = awscfg.EventBridge(cfg).ListEventBuses(ctx, &eventbridge.ListEventBusesInput{})
	return requests
}

// TestFunctionsSendWhatTheSDKsLoaderWouldMakeThem: the plain configuration of a function is the SDK's own in all that
// reaches AWS.
func TestFunctionsSendWhatTheSDKsLoaderWouldMakeThem(t *testing.T) {
	for _, more := range []map[string]string{
		nil,
		{"AWS_SESSION_TOKEN": ""},
		{"AWS_REGION": "cn-north-1"},
		{"AWS_ENDPOINT_URL": "http://localhost:4566"},
		{"AWS_ENDPOINT_URL": "http://localhost:4566", "AWS_ENDPOINT_URL_S3": "http://localhost:1", "AWS_ENDPOINT_URL_DYNAMODB": "http://localhost:2"},
		{"AWS_ENDPOINT_URL_SQS": "http://localhost:3", "AWS_ENDPOINT_URL_KMS": "http://localhost:4", "AWS_ENDPOINT_URL_EVENTBRIDGE": "http://localhost:5"},
	} {
		function(t, more)
		plain, err := awscfg.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		full, err := profile.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got, want := sent(plain), sent(full)
		if len(got) != 6 || len(want) != 6 {
			t.Fatalf("%v: %d and %d requests, want 6", more, len(got), len(want))
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%v: sent\n%s\nwant\n%s", more, got[i], want[i])
			}
		}
	}
}

// TestLoadTellsWhatIsMissing: without the credentials that Lambda gives it a function does not start.
func TestLoadTellsWhatIsMissing(t *testing.T) {
	function(t, map[string]string{"AWS_REGION": "", "AWS_SECRET_ACCESS_KEY": ""})
	if _, err := awscfg.Load(t.Context()); err == nil || !strings.HasSuffix(err.Error(), ": AWS_REGION, AWS_SECRET_ACCESS_KEY") {
		t.Errorf("got %v", err)
	}
}
