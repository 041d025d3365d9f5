package infra

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestEnv: `make env` knows the outputs by their names, and leaves nothing of the stage before if there is none.
func TestEnv(t *testing.T) {
	dir := t.TempDir()
	var outputs strings.Builder
	for _, o := range prodOutputs(t) {
		fmt.Fprintf(&outputs, "%s\tthe %s\n", o, o)
	}
	aws := "#!/bin/sh\ncase \"$*\" in *-prod\\ * | *-local\\ *) cat <<'EOF'\n" + outputs.String() + "EOF\n;; *) exit 255;; esac\n"
	if err := os.WriteFile(filepath.Join(dir, "aws"), []byte(aws), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	run := func(stage string) (string, error) {
		out, err := exec.Command("bash", "-c", `API=before; eval "$(./env.sh `+stage+`)"; ok=$?
			echo "$API|$ADMIN_URL|$VERIFICATIONS_TABLE|$QUEUE_URL|$DEAD_LETTERS_URL|$PARKED_BUCKET|$ALARM_TOPIC|$RETRIER"; exit $ok`).Output()
		return strings.TrimSpace(string(out)), err
	}
	got, err := run("prod")
	if want := "the ApiUrl|the AdminUrl|the VerificationsTable|the DeliveryQueueUrl|the DeadLetterQueueUrl|the ParkedBucket|the AlarmTopicArn|the RetrierFunction"; err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
	for _, stage := range []string{"other", "local"} {
		if got, err := run(stage); err == nil || got != "|||||||" {
			t.Errorf("stage %s: %s, %v", stage, got, err)
		}
	}
}

// prodOutputs are the names of the outputs of a stage prod: the construct's, and the app's own.
func prodOutputs(t *testing.T) []string {
	t.Helper()
	app, err := os.ReadFile("app/stack.go")
	if err != nil || !strings.Contains(string(app), `"AlarmTopicArn"`) {
		t.Fatal("the app has no output AlarmTopicArn", err)
	}
	names := []string{"AlarmTopicArn"}
	for name := range prodTemplate().Outputs {
		names = append(names, name)
	}
	return names
}
