package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/cr3dentials/verification-webhooks/localstack/calls"
	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

// checkPermissions holds what the functions of a running copy have asked AWS for against what they may do.
func checkPermissions(ctx context.Context, o options) error {
	run, err := local.ReadRun(o.state.File(local.RunFile))
	if err != nil {
		return err
	}
	functions, err := local.Functions(ctx, run.AWSEndpoint)
	if err != nil {
		return err
	}
	record, err := calls.Read(o.state.File(local.CallsFile))
	if err != nil {
		return fmt.Errorf("IAM is not enforced here: %w", err)
	}
	grants, err := calls.ReadGrants(filepath.Join(o.root, "infra", "testdata", "permissions.txt"), calls.Roles())
	if err != nil {
		return err
	}
	reviewed, err := calls.ReadUnused(filepath.Join(o.root, "localstack", "calls", "unused.txt"))
	if err != nil {
		return err
	}
	names := calls.NewNames(functions)
	named := make([]calls.Named, 0, len(record))
	for _, c := range record {
		if c.Key != local.AccessKey { // nobody asks what the tests may do
			named = append(named, names.Call(c))
		}
	}
	if problems := calls.Problems(grants, reviewed, named); len(problems) > 0 {
		return fmt.Errorf("permissions:\n  %s", strings.Join(problems, "\n  "))
	}
	fmt.Printf("%d permissions, %d lines on those that no test uses, %d kinds of calls\n", len(grants), len(reviewed), len(named))
	return nil
}
