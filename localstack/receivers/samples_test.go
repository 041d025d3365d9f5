package receivers_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/delivery"
	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
	"github.com/cr3dentials/verification-webhooks/shared/jsbytes/docgen"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// samplesDir holds the code that the console gives to partners, for each way to verify and each language.
const samplesDir = "../../shared/portal/console/src/signature/samples"

const (
	ownSecret     = "a secret of 24 printable characters: {%&}"
	sampleRandoms = 200
)

// sample is code that partners copy from the console.
type sample struct {
	name string
	file string
	// tool must be there where CI is set; localstack/test.sh says which optional one is missing.
	tool     string
	optional bool
	// prepare makes a program of the file, if it is not one.
	prepare func(t *testing.T, dir string)
	command []string
}

func samples() []sample {
	return []sample{
		{name: "Node", file: "receiver.mjs", tool: "node", prepare: linkModules, command: []string{"node", "receiver.mjs"}},
		{name: "Python", file: "receiver.py", tool: "python3", command: []string{"python3", "receiver.py"}},
		{name: "Go", file: "main.go", tool: "go", prepare: buildGo, command: []string{"./receiver"}},
		{name: "PHP", file: "receiver.php", tool: "php", optional: true, command: []string{"php", "-S", "127.0.0.1:0", "receiver.php"}},
		{name: "Java", file: "Receiver.java", tool: "javac", optional: true, prepare: buildJava, command: []string{"java", "Receiver"}},
	}
}

func linkModules(t *testing.T, dir string) {
	t.Helper()
	receiver{needs: nodeModules}.need(t)
	modules, err := filepath.Abs(nodeModules)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
}

// buildGo holds the code to what partners' editors hold it to.
func buildGo(t *testing.T, dir string) {
	t.Helper()
	if out := runIn(t, dir, "gofmt", "-l", "main.go"); out != "" {
		t.Error("main.go is not formatted")
	}
	runIn(t, dir, "go", "vet", "main.go")
	runIn(t, dir, "go", "build", "-o", "receiver", "main.go")
}

func buildJava(t *testing.T, dir string) {
	t.Helper()
	runIn(t, dir, "javac", "--release", "11", "-Xlint:all,-options", "-Werror", "Receiver.java")
}

func runIn(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// unpack puts the code where it can run.
func (s sample) unpack(t *testing.T, way string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("the quick tier starts no receivers")
	}
	if _, err := exec.LookPath(s.tool); err != nil {
		if os.Getenv("CI") != "" && !s.optional {
			t.Fatal(s.tool + " is missing")
		}
		t.Skip("SKIPPED: " + s.tool + " is missing, so the code for " + s.name + " has not been tried")
	}
	text, err := os.ReadFile(filepath.Join(samplesDir, way, s.file+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, s.file), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if s.prepare != nil {
		s.prepare(t, dir)
	}
	return dir
}

// running is a sample that has been started with one secret.
type running struct {
	name   string
	url    string
	client *http.Client
	// accepted gives the ids of the events that were handled.
	accepted chan string
}

var (
	listening = regexp.MustCompile(`(?:on port |127\.0\.0\.1:)(\d+)`)
	accepting = regexp.MustCompile(`accepted (\S+)`)
)

// startSample starts the code and ends it with the test, or with this program if that is killed.
func (s sample) startSample(t *testing.T, dir, key string) *running {
	t.Helper()
	cmd := exec.Command("sh", append([]string{"-c", `"$@" </dev/null & cat >/dev/null; kill $!; wait`, "sh"}, s.command...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "WEBHOOK_SECRET="+key, "PORT=0", "NODE_ENV=production", "TMPDIR="+t.TempDir())
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	// Two pipes, as the lines of one would be torn by those of the other; PHP writes to the second.
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	port := make(chan string, 1)
	r := &running{name: s.name, accepted: make(chan string, 2*len(docgen.Extremes())+2*sampleRandoms)}
	var reading sync.WaitGroup
	for _, out := range []io.Reader{stdout, stderr} {
		reading.Go(func() { r.read(out, port) })
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		reading.Wait()
		_ = cmd.Wait()
	})
	select {
	case p := <-port:
		r.url = "http://127.0.0.1:" + p + "/webhook"
	case <-time.After(time.Minute):
		t.Fatalf("the code for %s did not start", s.name)
	}
	transport := &http.Transport{DialContext: (&net.Dialer{}).DialContext}
	t.Cleanup(transport.CloseIdleConnections)
	r.client = &http.Client{Transport: transport, Timeout: time.Minute}
	return r
}

// read follows what the code prints: where it listens, and what it has handled.
func (r *running) read(out io.Reader, port chan<- string) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if m := accepting.FindStringSubmatch(lines.Text()); m != nil {
			r.accepted <- m[1]
		} else if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			select {
			case port <- m[1]:
			default:
			}
		}
	}
}

func (r *running) post(t *testing.T, what string, want int, req request) {
	t.Helper()
	p, err := http.NewRequest(http.MethodPost, r.url, bytes.NewReader(req.body))
	if err != nil {
		t.Fatal(err)
	}
	p.Header = req.headers
	resp, err := r.client.Do(p)
	if err != nil {
		t.Fatalf("%s: %s: %v", r.name, what, err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != want {
		t.Errorf("%s: %s: got %d, want %d; body %.300q", r.name, what, resp.StatusCode, want, req.body)
	}
}

// handled waits until an event has been handled, and fails if another one was before it.
func (r *running) handled(t *testing.T, id string) {
	t.Helper()
	select {
	case got := <-r.accepted:
		if got != id {
			t.Fatalf("%s: %s was handled, want %s", r.name, got, id)
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("%s: %s was not handled", r.name, id)
	}
}

const (
	yes = http.StatusNoContent
	no  = http.StatusUnauthorized
)

// attempt is a request of the product's, of a delivery and of its nth attempt.
func attempt(id string, n int, key string, body []byte) request {
	built := delivery.BuildRequest(&webhook.Webhook{}, webhook.Secrets{Signing: key}, id, webhook.Completed, n, body, time.Now())
	r := request{make(http.Header), built.Body}
	for _, h := range built.Headers {
		r.headers.Add(h.Name, h.Value)
	}
	return r
}

// TestSamples runs the code that the console shows, as partners will: it accepts what the product sends and handles it
// once, and refuses what is forged.
func TestSamples(t *testing.T) {
	for _, way := range []string{"plain", "standard"} {
		for _, s := range samples() {
			t.Run(way+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				dir := s.unpack(t, way)
				old, renewed := s.startSample(t, dir, secret), s.startSample(t, dir, another)
				acceptsAll(t, old)
				handlesOnce(t, old)
				refusesForged(t, old, way == "standard")
				keepsUpWithRotation(t, old, renewed)
				own := s.startSample(t, dir, ownSecret)
				own.post(t, "a secret of one's own", yes, attempt("dlv_own", 1, ownSecret, []byte(`{"type":"a","status":"b"}`)))
				own.handled(t, "dlv_own")
				s.needsSecret(t, dir)
			})
		}
	}
}

// acceptsAll sends bodies with odd numbers, names, escapes and characters.
func acceptsAll(t *testing.T, r *running) {
	t.Helper()
	send := func(name, id string, v jsbytes.Value) {
		body, err := jsbytes.Marshal(v)
		if err != nil {
			t.Fatal(name, err)
		}
		r.post(t, name, yes, attempt(id, 1, secret, body))
		r.handled(t, id)
	}
	for i, e := range docgen.Extremes() {
		send(e.Name, "dlv_extreme"+strconv.Itoa(i), e.Body)
	}
	for i := range uint64(sampleRandoms) {
		send(fmt.Sprintf("docgen.New(%d, %d).Body()", seed, i), "dlv_random"+strconv.FormatUint(i, 10), docgen.New(seed, i).Body())
	}
}

// handlesOnce: an attempt that comes again is answered as the first one, and nothing more is done.
func handlesOnce(t *testing.T, r *running) {
	t.Helper()
	body := []byte(`{"type":"verification.completed","status":"success"}`)
	for n := 1; n <= 3; n++ {
		r.post(t, "an attempt that comes again", yes, attempt("dlv_twice", n, secret, body))
	}
	r.handled(t, "dlv_twice")
	r.post(t, "another delivery of the same body", yes, attempt("dlv_next", 1, secret, body))
	r.handled(t, "dlv_next")
}

func refusesForged(t *testing.T, r *running, standard bool) {
	t.Helper()
	body := []byte(`{"type":"verification.completed","status":"success","data":{"verificationId":"ver_1"}}`)
	forge := func(what string, change func(req *request)) {
		req := attempt("dlv_forged", 1, secret, body)
		change(&req)
		r.post(t, what, no, req)
	}
	set := func(name, value string) func(req *request) {
		return func(req *request) { req.headers.Set(name, value) }
	}
	forge("another body", func(req *request) { req.body = bytes.Replace(body, []byte("success"), []byte("succesS"), 1) })
	forge("a body with a line end", func(req *request) { req.body = append(bytes.Clone(body), '\n') })
	forge("no body", func(req *request) { req.body = nil })
	forge("a foreign secret", func(req *request) { *req = attempt("dlv_forged", 1, foreign, body) })
	forge("an empty secret", func(req *request) { *req = attempt("dlv_forged", 1, "", body) })
	forge("no signature", func(req *request) {
		for _, name := range []string{"X-Webhook-Signature", "Webhook-Signature", "Webhook-Id", "Webhook-Timestamp"} {
			req.headers.Del(name)
		}
	})
	for _, value := range []string{"", "v1,", "0", strings.Repeat("0", 64), "v1," + strings.Repeat("A", 43) + "=", "é"} {
		forge(fmt.Sprintf("the signature %q", value), func(req *request) {
			req.headers.Set("X-Webhook-Signature", value)
			req.headers.Set("Webhook-Signature", value)
		})
	}
	if standard {
		forge("another id", set("Webhook-Id", "dlv_other"))
		forge("another time stamp", set("Webhook-Timestamp", strconv.FormatInt(time.Now().Unix()+1, 10)))
		for _, value := range []string{"", "abc", "NaN", "-1", "1e400", strings.Repeat("9", 30), "0x10"} {
			forge(fmt.Sprintf("the time stamp %q", value), set("Webhook-Timestamp", value))
		}
		for _, off := range []time.Duration{-10 * time.Minute, 10 * time.Minute} {
			at := time.Now().Add(off)
			r.post(t, "signed "+off.String()+" from now", no, sign(&webhook.Webhook{}, webhook.Secrets{Signing: secret}, body, at))
		}
	}
	r.post(t, "what comes after all that", yes, attempt("dlv_after", 1, secret, body))
	r.handled(t, "dlv_after")
}

// keepsUpWithRotation: with either secret nothing is refused while one replaces the other.
func keepsUpWithRotation(t *testing.T, old, renewed *running) {
	t.Helper()
	now := time.Now()
	during := &webhook.Webhook{Rotation: &webhook.Rotation{EndsAt: now.Add(time.Hour)}}
	req := sign(during, webhook.Secrets{Signing: secret, Next: another}, []byte(`{"type":"a","status":"b"}`), now)
	old.post(t, "the old secret during the overlap", yes, req)
	renewed.post(t, "the new secret during the overlap", yes, req)
	old.handled(t, "dlv_1")
	renewed.handled(t, "dlv_1")
}

// needsSecret: a receiver whose secret was forgotten must not accept what anybody could sign.
func (s sample) needsSecret(t *testing.T, dir string) {
	t.Helper()
	if s.name == "PHP" { // starts for each request
		s.startSample(t, dir, "").post(t, "no secret is set", no, attempt("dlv_unset", 1, "", []byte("{}")))
		return
	}
	cmd := exec.Command(s.command[0], s.command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "WEBHOOK_SECRET=", "PORT=0")
	late := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	if out, err := cmd.CombinedOutput(); err == nil || !bytes.Contains(out, []byte("WEBHOOK_SECRET is not set")) {
		t.Errorf("%s without a secret: %v\n%s", s.name, err, out)
	}
}
