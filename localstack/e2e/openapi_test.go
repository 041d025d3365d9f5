package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestOpenAPI: whatever schemathesis makes of the API's own description, no answer is a 5xx, and none has a status, a type
// or a body that the description does not know. It has a partner and a webhook with a delivery and a job, and calls
// nobody (testdata/openapi).
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	program, err := filepath.Abs(filepath.Join("..", ".state", "venv-openapi", "bin", "schemathesis"))
	must(t, err)
	if _, err := os.Stat(program); err != nil {
		const why = "schemathesis is not installed: .build/stack install openapi"
		if os.Getenv("CI") != "" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	settings, err := filepath.Abs(filepath.Join("testdata", "openapi"))
	must(t, err)
	p, _, h := hooked(t, w, failing(1))
	id := newID("openapi")
	p.write(id, "VERIFIED")
	d := p.awaitDelivery(h.ID, id, "delivered", 20*time.Second)
	// From here on nothing answers.
	const nowhere = "https://localhost:1024/webhooks"
	p.call("PATCH", "/v1/webhooks/"+h.ID, map[string]any{"url": nowhere}, nil)
	var job struct{ JobID string }
	p.call("POST", "/v1/webhooks/"+h.ID+"/recover", map[string]any{
		"since": time.Now().Add(-time.Hour).UTC().Format(time.RFC3339), "states": []string{"held"}, "dryRun": true,
	}, &job)

	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "--config-file", filepath.Join(settings, "schemathesis.toml"), "run", w.run.APIURL+"/v1/openapi.json", "--no-color")
	// It leaves notes where it runs.
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "SCHEMATHESIS_HOOKS="+filepath.Join(settings, "hooks.py"), "API_KEY="+p.api.Token, "WEBHOOK_ID="+h.ID,
		"OTHER_WEBHOOK_ID="+p.webhook(nowhere, nil).ID, "DELIVERY_ID="+d.ID, "JOB_ID="+job.JobID)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("schemathesis: %v\n%s", err, out)
	}
	t.Logf("%s", out)
}
