package upgrade

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// stages are the stacks on AWS that are compared, each with contexts that all releases know: dev, and prod with addresses
// of its own, which has all that a prod without them has.
var stages = map[string][]string{
	"dev": {"stage=dev"},
	"prod": {
		"stage=prod", "egressAddresses=2", "domainName=hooks.example.com",
		"certificateArn=arn:aws:acm:eu-west-1:111122223333:certificate/00000000-0000-0000-0000-000000000000",
	},
}

// stagesKeep: of a stage on AWS, an upgrade and the way back remove and replace nothing that lasts, and an upgrade weakens
// nothing. The emulator would let more pass, and knows neither these stages' names nor what holds their data.
func stagesKeep(t *testing.T, before, now release) {
	t.Helper()
	began := time.Now()
	older, newer := before.synth(t), now.synth(t)
	for stage := range stages {
		for _, fault := range append(replaced(t, older[stage], newer[stage]), weakened(older[stage], newer[stage])...) {
			t.Errorf("stage %s, release %s over %s: %s", stage, now.name, before.name, fault)
		}
		for _, fault := range replaced(t, newer[stage], older[stage]) {
			t.Errorf("stage %s, back to release %s: %s", stage, before.name, fault)
		}
	}
	t.Logf("%d stages compared in %s", len(stages), time.Since(began).Round(100*time.Millisecond))
}

// synth returns the release's templates, by stage. Its binaries for AWS need not be there: they count for nothing here, so
// others stand for them.
func (r release) synth(t *testing.T) map[string]template {
	t.Helper()
	dir := t.TempDir()
	for _, f := range []string{"portal", "admin", "dispatcher", "retrier", "sweeper"} {
		path := filepath.Join(dir, ".build", "lambda", f, "bootstrap")
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, []byte(f), 0o600))
	}
	// The app looks for binaries beside the folder that it is started in, and the CDK for cdk.json in it.
	infra := filepath.Join(dir, "infra")
	must(t, os.Mkdir(infra, 0o700))
	settings, err := os.ReadFile(filepath.Join(r.root, "infra", "cdk.json"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(infra, "cdk.json"), settings, 0o600))

	all := map[string]template{}
	for stage, contexts := range stages {
		args := []string{"synth", "--quiet", "--app", filepath.Join(r.root, ".build", "cdk-app"), "--output", stage}
		for _, c := range contexts {
			args = append(args, "--context", c)
		}
		cmd := cdk(t, r, args...)
		cmd.Dir = infra
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("synthesize stage %s of release %s: %v\n%s", stage, r.name, err, out)
		}
		all[stage] = readTemplate(t, filepath.Join(infra, stage, fmt.Sprintf("VerificationWebhooks-%s.template.json", stage)))
	}
	return all
}
