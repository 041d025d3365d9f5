// Package profile finds a person's AWS credentials. It stands apart from awscfg so that no function links it.
package profile

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/cr3dentials/verification-webhooks/shared/awscfg"
)

// Load reads region, credentials and endpoints as the AWS command line does: environment, profiles, single sign-on.
func Load(ctx context.Context) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(awscfg.HTTPClient()))
	if err != nil {
		return aws.Config{}, fmt.Errorf("loading the AWS configuration: %w", err)
	}
	return awscfg.Shared(cfg), nil
}
