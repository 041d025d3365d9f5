package receivers_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The secrets of the receivers. The third is nobody's.
const (
	secret  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
	another = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDC2FVsBQIhrs="
	foreign = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
)

// Where `stack install receivers receivers-venv` puts the libraries.
const (
	nodeModules = "node_modules"
	venvPython  = "../.state/venv-receivers/bin/python"
)

// receiver is a way to verify what we send.
type receiver struct {
	name string
	// standard tells whether it checks `webhook-signature` instead of `x-webhook-signature`.
	standard bool
	command  []string
	// needs is what must be installed.
	needs string
}

// receivers are all that accept every body.
func receivers() []receiver {
	return []receiver{
		{"Express 4, the guide's code", false, []string{"node", "verifier.js", "express4"}, nodeModules},
		{"Express 5, the guide's code", false, []string{"node", "verifier.js", "express5"}, nodeModules},
		{"Express 5, the README's code", false, []string{"node", "verifier.js", "readme"}, nodeModules},
		{"Fastify, the guide's check", false, []string{"node", "verifier.js", "fastify"}, nodeModules},
		{"Python, the README's code", false, []string{"python3", "verifier.py", "plain"}, ""},
		{"Go, the README's code", false, []string{os.Args[0], goVerifier, "plain"}, ""},
		{"Standard Webhooks for JavaScript", true, []string{"node", "verifier.js", "standard"}, nodeModules},
		{"Standard Webhooks for Python", true, []string{venvPython, "verifier.py", "standard"}, venvPython},
		{"Standard Webhooks for Go", true, []string{os.Args[0], goVerifier, "standard"}, ""},
	}
}

// fastifyDefault is Fastify as it comes: it refuses some bodies.
func fastifyDefault() receiver {
	return receiver{"Fastify as it comes", false, []string{"node", "verifier.js", "fastify-default"}, nodeModules}
}

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == goVerifier {
		if err := serveVerifier(os.Args[2], os.Args[3:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// need skips a test whose receiver is not installed where a person can see it: on a build server it is a failure, except
// in the quick tier.
func (r receiver) need(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("the quick tier starts no receivers")
	}
	if r.needs == "" {
		return
	}
	if _, err := os.Stat(r.needs); errors.Is(err, fs.ErrNotExist) {
		why := filepath.Join("localstack/receivers", r.needs) + " is missing; `make test` installs it"
		if os.Getenv("CI") != "" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
}

// started is a receiver that runs.
type started struct {
	receiver
	url    string
	client *http.Client
}

// start starts a receiver that has two secrets, and ends it with the test.
func (r receiver) start(t *testing.T) started {
	t.Helper()
	r.need(t)
	cmd := exec.Command(r.command[0], append(r.command[1:], secret, another)...)
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "NODE_ENV=production")
	// It ends when this does, so none is left behind if the tests are killed.
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	late := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	port, notNumber := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || notNumber != nil {
		t.Fatalf("%s did not start: it printed %q, %v", r.name, line, err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: workers, DialContext: (&net.Dialer{}).DialContext}
	t.Cleanup(transport.CloseIdleConnections)
	return started{r, fmt.Sprintf("http://127.0.0.1:%d/webhook/", port), &http.Client{Transport: transport, Timeout: time.Minute}}
}

// post sends a request to be checked with the nth secret and returns the status.
func (s started) post(n int, req request) (int, error) {
	r, err := http.NewRequest(http.MethodPost, s.url+strconv.Itoa(n), strings.NewReader(string(req.body)))
	if err != nil {
		return 0, err
	}
	r.Header = req.headers
	resp, err := s.client.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}
