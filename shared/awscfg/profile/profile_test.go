package profile

import (
	"encoding/pem"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/cr3dentials/verification-webhooks/shared/awscfg"
)

// TestOwnCertificates: all clients trust the CA that a person names, as the AWS command line does.
func TestOwnCertificates(t *testing.T) {
	server := httptest.NewTLSServer(nil) // it answers 404
	t.Cleanup(server.Close)
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(bundle, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_CA_BUNDLE": bundle, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		"AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(name, value)
	}
	cfg, err := Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	status := func(err error) int {
		var answered interface{ HTTPStatusCode() int }
		if !errors.As(err, &answered) {
			t.Errorf("no answer: %v", err)
			return 0
		}
		return answered.HTTPStatusCode()
	}
	_, err = awscfg.S3(cfg).HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String("b")})
	if got := status(err); got != 404 {
		t.Errorf("S3 answers %d", got)
	}
	_, err = awscfg.SQS(cfg).ListQueues(t.Context(), &sqs.ListQueuesInput{})
	if got := status(err); got != 404 {
		t.Errorf("SQS answers %d", got)
	}
}
