package local

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cr3dentials/verification-webhooks/shared/env"
)

// UseStage points the environment at the local stage, unless it names a deployed one's tables. RUN_JSON names
// another run.json than that of `make run`.
func UseStage() error {
	if os.Getenv(env.ServiceTable) != "" {
		return nil
	}
	path := cmp.Or(os.Getenv("RUN_JSON"), filepath.Join("localstack", ".state", RunFile))
	run, err := ReadRun(path)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("no stage: set %s and the others by `make env` (README.md, \"Reconciliation\"), or start the local stage with `make run`", env.ServiceTable)
	}
	if err != nil {
		return err
	}
	outputs, err := ReadOutputs(Dir(filepath.Dir(path)).File(OutputsFile))
	if err != nil {
		return err
	}
	if err := os.Unsetenv("AWS_PROFILE"); err != nil {
		return err
	}
	if run.SecureEndpoint != "" {
		if err := os.Setenv("AWS_CA_BUNDLE", run.CACert); err != nil {
			return err
		}
	}
	for name, value := range map[string]string{
		env.ServiceTable: outputs["ServiceTable"], env.DeliveriesTable: outputs["DeliveriesTable"],
		env.VerificationsTable: run.VerificationsTable, env.QueueURL: outputs["DeliveryQueueUrl"], env.ParkedBucket: outputs["ParkedBucket"],
		"AWS_ENDPOINT_URL": cmp.Or(run.SecureEndpoint, run.AWSEndpoint), "AWS_REGION": Region, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
	} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}
