package awscfg

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Load reads region, credentials and endpoints from the environment alone, as Lambda sets it: AWS_REGION,
// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_<SERVICE>; a
// function's credentials do not change in its life. It fails if one of the first three is missing.
//
// The clients then are those that the SDK's config.LoadDefaultConfig would lead to. That one links four more services,
// for kinds of credentials that no function has: a megabyte and a half, and 0.7 ms of every start. It is for persons, in
// the sub-package profile.
func Load(_ context.Context) (aws.Config, error) {
	var missing []string
	read := func(name string) string {
		value := os.Getenv(name)
		if value == "" {
			missing = append(missing, name)
		}
		return value
	}
	region, key, secret := read("AWS_REGION"), read("AWS_ACCESS_KEY_ID"), read("AWS_SECRET_ACCESS_KEY")
	if missing != nil {
		return aws.Config{}, fmt.Errorf("missing environment variables: %s", strings.Join(missing, ", "))
	}
	cfg := aws.Config{
		Region: region,
		Credentials: credentials.StaticCredentialsProvider{
			Value: aws.Credentials{
				AccessKeyID: key, SecretAccessKey: secret, SessionToken: os.Getenv("AWS_SESSION_TOKEN"),
			},
			Source: []aws.CredentialSource{aws.CredentialSourceEnvVars},
		},
		HTTPClient:    newClient(tryTimeout),
		ConfigSources: []any{endpoints{}},
		// The SDK's defaults, which only its own loader sets.
		AccountIDEndpointMode:      aws.AccountIDEndpointModePreferred,
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	}
	if u := os.Getenv("AWS_ENDPOINT_URL"); u != "" {
		cfg.BaseEndpoint = aws.String(u)
	}
	return Shared(cfg), nil
}

// endpoints tells the SDK's clients of their own service's endpoint.
type endpoints struct{}

// GetServiceBaseEndpoint returns the value of AWS_ENDPOINT_URL_DYNAMODB, for the id DynamoDB, and the like.
func (endpoints) GetServiceBaseEndpoint(_ context.Context, id string) (string, bool, error) {
	u := os.Getenv("AWS_ENDPOINT_URL_" + strings.ToUpper(strings.ReplaceAll(id, " ", "_")))
	return u, u != "", nil
}
