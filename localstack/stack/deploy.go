package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
	"github.com/cr3dentials/verification-webhooks/shared/env"
)

// deployed remembers what was last deployed, and to which start of the emulator.
type deployed struct {
	Instance     string `json:"instance"`
	Bootstrapped bool   `json:"bootstrapped"`
	Hash         string `json:"hash"`
}

// deploy brings the CDK stack to the emulator unless exactly this one is there.
func (s *session) deploy(ctx context.Context) error {
	hash, err := s.deployHash()
	if err != nil {
		return err
	}
	var last deployed
	if err := local.ReadJSON(s.state.File(local.DeployedFile), &last); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if last.Instance != s.instance {
		last = deployed{Instance: s.instance}
	}
	if last.Hash == hash && s.readOutputs() == nil && s.tableExists(ctx) {
		s.note = "(unchanged)"
		return nil
	}
	if !last.Bootstrapped || s.emulator != "" {
		if err := s.cdk(ctx, "bootstrap", "aws://000000000000/"+local.Region); err != nil {
			return err
		}
		last.Bootstrapped = true
		if err := local.WriteJSON(s.state.File(local.DeployedFile), last); err != nil {
			return err
		}
	}
	err = s.cdk(ctx, "deploy", "--require-approval", "never", "--outputs-file", s.state.File(local.OutputsFile))
	if err != nil {
		return err
	}
	if err := s.readOutputs(); err != nil {
		return err
	}
	if err := s.enableTTL(ctx); err != nil {
		return err
	}
	last.Hash = hash
	return local.WriteJSON(s.state.File(local.DeployedFile), last)
}

// deployHash covers all that a deployment is made of: the functions, the CDK app as it was built, and its inputs.
func (s *session) deployHash() (string, error) {
	files, err := filepath.Glob(filepath.Join(s.root, ".build", "local", "*", "bootstrap"))
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("the functions are not built: run `make build`")
	}
	files = append(files, s.app(), filepath.Join(s.root, "infra", "package-lock.json"),
		filepath.Join(s.root, "infra", "cdk.json"), s.state.File(local.CACertFile))
	return hashFiles(files...)
}

// app is the compiled CDK app.
func (s *session) app() string { return filepath.Join(s.root, ".build", "cdk-app") }

// cdk runs the CDK command line against the emulator, with nothing of the caller's AWS configuration.
func (s *session) cdk(ctx context.Context, args ...string) error {
	var vars []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AWS_") && !strings.HasPrefix(v, "CDK_") {
			vars = append(vars, v)
		}
	}
	vars = append(vars, "AWS_ENDPOINT_URL="+s.run.AWSEndpoint, "AWS_ENDPOINT_URL_S3="+s.run.AWSEndpoint,
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_REGION="+local.Region,
		"AWS_DEFAULT_REGION="+local.Region, "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null",
		"AWS_SHARED_CREDENTIALS_FILE=/dev/null", "CDK_DISABLE_CLI_TELEMETRY=true",
		"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=1")
	args = append(args, "--app", s.app(), "--output", filepath.Join(string(s.state), "cdk.out"), "--no-notices", "--ci",
		"-c", "stage=local", "-c", "caCert="+s.state.File(local.CACertFile))
	infra := filepath.Join(s.root, "infra")
	return command(ctx, infra, vars, filepath.Join(infra, "node_modules", ".bin", "cdklocal"), args...)
}

// readOutputs takes the stack's outputs into the run. The API's address is the emulator's own, in the form that both
// MiniStack and LocalStack serve: the one in the outputs is AWS's.
func (s *session) readOutputs() error {
	o, err := local.ReadOutputs(s.state.File(local.OutputsFile))
	if err != nil {
		return err
	}
	api, err := url.Parse(o["ApiUrl"])
	if err != nil || api.Path == "" || o["ApiId"] == "" {
		return fmt.Errorf("%s: no usable ApiUrl and ApiId", s.state.File(local.OutputsFile))
	}
	s.outputs = o
	base := s.run.AWSEndpoint + "/_aws/execute-api/" + o["ApiId"] + strings.TrimSuffix(api.Path, "/")
	s.run.Region, s.run.VerificationsTable = local.Region, o["VerificationsTable"]
	s.run.APIURL, s.run.AdminURL, s.run.ConsoleURL = base, base, base+"/console/"
	s.run.CACert, s.run.CAKey = s.state.File(local.CACertFile), s.state.File(local.CAKeyFile)
	return nil
}

func (s *session) dynamo() *dynamodb.Client {
	return dynamodb.NewFromConfig(local.AWS(s.run.AWSEndpoint))
}

func (s *session) tableExists(ctx context.Context) bool {
	_, err := s.dynamo().DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &s.run.VerificationsTable})
	return err == nil
}

// enableTTL does what the template says already: MiniStack does not read it there (on AWS it does, and this code does
// not run).
func (s *session) enableTTL(ctx context.Context) error {
	db := s.dynamo()
	for _, name := range []string{"ServiceTable", "DeliveriesTable"} {
		table := s.outputs[name]
		d, err := db.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &table})
		if err != nil {
			return err
		}
		if d.TimeToLiveDescription != nil && d.TimeToLiveDescription.TimeToLiveStatus == types.TimeToLiveStatusEnabled {
			continue
		}
		_, err = db.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
			TableName: &table,
			TimeToLiveSpecification: &types.TimeToLiveSpecification{
				AttributeName: aws.String(env.TTLAttribute), Enabled: aws.Bool(true),
			},
		})
		if err != nil {
			return fmt.Errorf("time to live of %s: %w", table, err)
		}
	}
	return nil
}
