// Package awscfg makes the SDK's clients, once per process, with the time-outs and retries that all functions share.
package awscfg

import (
	"net"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

const (
	// connectTimeout bounds connecting, and the TLS handshake by itself. All services are in the function's region.
	connectTimeout = time.Second
	// tryTimeout bounds one try of a request to DynamoDB, SQS or KMS, whose answers take milliseconds: a try that
	// hangs is better repeated on another connection.
	tryTimeout = 3 * time.Second
	// objectTimeout bounds one try of a request to S3, which may carry a record of hundreds of kilobytes.
	objectTimeout = 10 * time.Second
	// attempts is how often a request is tried in all, and longestPause bounds the pauses between them. Four hanging
	// tries and their pauses, 18 s, stay below the functions' time-outs of 29 s and more.
	attempts     = 4
	longestPause = 2 * time.Second
	// idleConnections is how many idle connections are kept to one service: a batch of stream records works
	// concurrently.
	idleConnections = 100
)

// HTTPClient returns the client of DynamoDB, SQS and KMS, and of whoever finds a person's credentials.
func HTTPClient() *awshttp.BuildableClient { return client(tryTimeout) }

// Shared returns cfg with the retries and the checks that all clients share.
func Shared(cfg aws.Config) aws.Config {
	cfg.APIOptions = append(cfg.APIOptions, wholeAnswers)
	cfg.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = attempts, longestPause })
	}
	return cfg
}

func client(timeout time.Duration) *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithTimeout(timeout).
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = connectTimeout }).
		WithTransportOptions(func(t *http.Transport) {
			t.TLSHandshakeTimeout = connectTimeout
			t.MaxIdleConnsPerHost = idleConnections
		})
}

// DynamoDB returns a client of DynamoDB. Its own check of answers would only log: wholeAnswers takes its place.
func DynamoDB(cfg aws.Config) *dynamodb.Client {
	return dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.DisableValidateResponseChecksum = true })
}

// SQS returns a client of SQS.
func SQS(cfg aws.Config) *sqs.Client { return sqs.NewFromConfig(cfg) }

// KMS returns a client of KMS.
func KMS(cfg aws.Config) *kms.Client { return kms.NewFromConfig(cfg) }

// S3 returns a client of S3. An endpoint of one's own has no host name for each bucket, so there the path names it.
func S3(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.HTTPClient = client(objectTimeout)
		if own, ok := cfg.HTTPClient.(*awshttp.BuildableClient); ok { // a person's, who may have certificates of their own
			o.HTTPClient = own.WithTimeout(objectTimeout)
		}
		o.UsePathStyle = os.Getenv("AWS_ENDPOINT_URL") != "" || os.Getenv("AWS_ENDPOINT_URL_S3") != ""
	})
}
