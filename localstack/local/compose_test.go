package local

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

type composeFile struct {
	Services map[string]struct {
		Image       string
		Environment map[string]string
		Healthcheck struct {
			Test    []string
			Retries int
		}
	}
}

// readCompose parses docker-compose.yml with the emulator's own Python, which has a YAML parser.
func readCompose(t *testing.T) composeFile {
	t.Helper()
	python := filepath.Join("..", ".state", "venv", "bin", "python")
	if _, err := os.Stat(python); err != nil {
		if testing.Short() {
			t.Skip("the quick tier does not install the Python environment")
		}
		t.Fatalf("%v: `make run` or `make test` installs it", err)
	}
	out, err := exec.CommandContext(t.Context(), python, "-c",
		"import json,yaml; print(json.dumps(yaml.safe_load(open('../docker-compose.yml'))))").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var c composeFile
	if err := json.Unmarshal(out, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// Whoever uses the compose file gets the emulator that `make run` starts: the same version, the same settings.
func TestComposeMatchesTheStartedEmulator(t *testing.T) {
	t.Parallel()
	c := readCompose(t)
	mini := c.Services["ministack"]
	requirements, err := os.ReadFile("../requirements.in")
	if err != nil {
		t.Fatal(err)
	}
	_, version, _ := strings.Cut(mini.Image, ":")
	if !strings.Contains(string(requirements), "\nministack=="+version+"\n") {
		t.Errorf("image %s is not the pinned version", mini.Image)
	}
	// What belongs to the machine rather than to the emulator is the container's own.
	machine := map[string]bool{"PATH": true, "HOME": true, "LANG": true, "TMPDIR": true, "STATE_DIR": true}
	want := map[string]string{}
	for _, v := range EmulatorEnv("/state", 4566) {
		name, value, _ := strings.Cut(v, "=")
		if !machine[name] {
			want[name] = value
		}
	}
	for name, value := range want {
		if mini.Environment[name] != value {
			t.Errorf("%s is %q, the start script sets %q", name, mini.Environment[name], value)
		}
	}
	for name := range mini.Environment {
		if _, ok := want[name]; !ok && !machine[name] {
			t.Errorf("%s is not set by the start script", name)
		}
	}
}

// A container is healthy when it answers what EmulatorReady asks.
func TestComposeKnowsWhenAnEmulatorIsReady(t *testing.T) {
	t.Parallel()
	for name, s := range readCompose(t).Services {
		test := strings.Join(s.Healthcheck.Test, " ")
		path := map[string]string{"ministack": miniStackReady, "localstack": localStackReady}[name]
		if path == "" || !strings.HasPrefix(test, "CMD ") || !strings.Contains(test, "http://127.0.0.1:4566"+path) || s.Healthcheck.Retries == 0 {
			t.Errorf("%s: health check %q, %d retries", name, test, s.Healthcheck.Retries)
		}
	}
}

// An emulator that still starts is not ready, nor is another server.
func TestEmulatorReady(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path   string
		status int
		want   bool
	}{{miniStackReady, 200, true}, {localStackReady, 200, true}, {miniStackReady, 503, false}, {"/other", 200, false}} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != c.path {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			w.WriteHeader(c.status)
		}))
		if got := EmulatorReady(t.Context(), server.URL); got != c.want {
			t.Errorf("%s answers %d: ready %t", c.path, c.status, got)
		}
		server.Close()
	}
}

func TestComposePinsImagesAndHoldsNoToken(t *testing.T) {
	t.Parallel()
	c := readCompose(t)
	pinned := regexp.MustCompile(`^[a-z]+/[a-z]+:[0-9]+\.[0-9]+\.[0-9]+$`)
	for name, s := range c.Services {
		if !pinned.MatchString(s.Image) {
			t.Errorf("%s: image %q is not pinned", name, s.Image)
		}
	}
	if got := c.Services["localstack"].Environment["LOCALSTACK_AUTH_TOKEN"]; got != "${LOCALSTACK_AUTH_TOKEN:-}" {
		t.Errorf("the token is %q, want it from the environment", got)
	}
}
