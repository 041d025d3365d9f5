package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

// world is the running copy that the tests look at from outside. E2E_STATE names its run.json.
type world struct {
	run      local.Run
	outputs  local.Outputs
	state    local.Dir
	ports    local.Ports
	ca       *local.CA
	db       *dynamodb.Client
	s3       *s3.Client
	admin    local.Client
	lambda   local.Client
	logs     local.Client
	ledger   *ledger
	nextPort atomic.Int32
}

var shared = sync.OnceValues(openWorld) //nolint:gochecknoglobals // one for all tests of the package

// theWorld returns the running copy. Without one a test is skipped only where a person can see it: on a build server
// its absence is a failure, except in the quick tier.
func theWorld(t *testing.T) *world {
	t.Helper()
	if os.Getenv("E2E_STATE") == "" {
		const why = "E2E_STATE does not name the run.json of a running copy; `make e2e` and `make test` set it"
		if os.Getenv("CI") != "" && !testing.Short() {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	w, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func openWorld() (*world, error) {
	path, err := filepath.Abs(os.Getenv("E2E_STATE"))
	if err != nil {
		return nil, err
	}
	run, err := local.ReadRun(path)
	if err != nil {
		return nil, err
	}
	state := local.Dir(filepath.Dir(path))
	outputs, err := local.ReadOutputs(state.File(local.OutputsFile))
	if err != nil {
		return nil, err
	}
	ca, err := local.LoadCA(run.CACert, run.CAKey)
	if err != nil {
		return nil, err
	}
	receiver, err := url.Parse(run.ReceiverURL)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(receiver.Port())
	if err != nil {
		return nil, err
	}
	cfg := local.AWS(run.AWSEndpoint)
	l := newLedger(run.APIKey)
	admin := local.Admin(run)
	admin.Watch = l.answer
	return &world{
		run: run, outputs: outputs, state: state, ca: ca, ports: local.Ports{Base: port - 1},
		db: dynamodb.NewFromConfig(cfg), s3: s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }),
		admin: admin, ledger: l,
		lambda: local.Client{
			Base: run.AWSEndpoint, Sign: local.Credentials(), Region: local.Region, Service: "lambda",
		},
		logs: local.Client{Base: run.AWSEndpoint, Sign: local.Credentials(), Region: local.Region, Service: "logs"},
	}, nil
}

// partner is a partner of one test's own, so that tests do not see each other.
type partner struct {
	t   *testing.T
	w   *world
	id  string
	api local.Client
}

func newPartner(t *testing.T, w *world) *partner {
	t.Helper()
	id, key, err := local.NewPartner(t.Context(), w.admin, t.Name())
	must(t, err)
	return &partner{t, w, id, local.Client{Base: w.run.APIURL, Token: key, Watch: w.ledger.answer}}
}

// hook is a webhook as the portal API shows it.
type hook struct {
	ID, Secret, URL string
	SecretHint      string
	Active          bool
	Health          string
	HealthReason    string
	Rotation        *struct{ EndsAt time.Time }
	SuccessRate     *float64
	HeldCount       int
	Drain           *jobView
	Deactivation    *struct {
		Reason     string
		DeliveryID string
	}
}

// webhook makes a webhook for an endpoint; more holds further fields.
func (p *partner) webhook(url string, more map[string]any) hook {
	p.t.Helper()
	body := map[string]any{"url": url}
	for k, v := range more {
		body[k] = v
	}
	var h hook
	must(p.t, p.api.Call(p.t.Context(), "POST", "/v1/webhooks", body, &h))
	return h
}

func (p *partner) getWebhook(id string) hook {
	p.t.Helper()
	var h hook
	must(p.t, p.api.Call(p.t.Context(), "GET", "/v1/webhooks/"+id, nil, &h))
	return h
}

// call is a request to the portal API that must succeed.
func (p *partner) call(method, path string, body, out any) {
	p.t.Helper()
	must(p.t, p.api.Call(p.t.Context(), method, path, body, out))
}

// deliveryView is a delivery as the portal API shows it.
type deliveryView struct {
	ID             string
	State          string
	EventType      string
	VerificationID string
	Attempts       int
	LastErrorCode  *string
	NextAttemptAt  *time.Time
	Body           *string
	Reason         *string
	AttemptLog     []struct {
		Number     int
		Manual     bool
		StartedAt  time.Time
		DurationMs int64
		StatusCode *int
		Error      *struct{ Code, Message string }
		Response   *string
	}
}

// awaitDelivery polls until the webhook's delivery of a verification is in a state, and returns it with its log.
func (p *partner) awaitDelivery(webhookID, verificationID, state string, most time.Duration) deliveryView {
	p.t.Helper()
	var last deliveryView
	path := "/v1/webhooks/" + webhookID + "/deliveries"
	ok := local.Await(most, 200*time.Millisecond, func() bool {
		var page struct{ Items []deliveryView }
		p.call("GET", path+"?verificationId="+url.QueryEscape(verificationID), nil, &page)
		if len(page.Items) != 1 {
			return false
		}
		last = page.Items[0]
		return last.State == state
	})
	if !ok {
		p.t.Fatalf("the delivery of %s is not %s after %s: %+v", verificationID, state, most, last)
	}
	p.call("GET", path+"/"+last.ID, nil, &last)
	return last
}

// ids are unique over the runs of the tests against one copy.
var idCount atomic.Int64 //nolint:gochecknoglobals // a counter for all tests of the package

func newID(what string) string {
	return fmt.Sprintf("ver_%s_%d_%d", what, time.Now().UnixNano(), idCount.Add(1))
}

// await polls a condition; the test fails if it does not hold in time.
func await(t *testing.T, what string, most time.Duration, condition func() bool) {
	t.Helper()
	if !local.Await(most, 100*time.Millisecond, condition) {
		t.Fatalf("not within %s: %s", most, what)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestMain(m *testing.M) {
	flag.Parse()
	// They mostly wait for retries: there may be more at once than processors.
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	code := m.Run()
	if w, err := shared(); err == nil {
		if err := w.findSecrets(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
		if err := w.stopExpress4(); err != nil && !errors.Is(err, os.ErrNotExist) {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// express4 starts the Express 4 receiver once for all tests; `stack down` would end it too, should the tests be killed.
var express4Once = sync.OnceValues(func() (local.Receiver, error) { //nolint:gochecknoglobals // one for all tests
	w, err := shared()
	if err != nil {
		return local.Receiver{}, err
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		return local.Receiver{}, err
	}
	p, err := local.StartReceiver(context.Background(), root, w.state, express4Name, "express4", w.ports.Receiver4(), w.ports.Control4())
	if p.PID != 0 {
		err = errors.Join(err, local.Remember(w.state, p))
	}
	return local.NewReceiver(w.ports.Receiver4(), w.ports.Control4()), err
})

const express4Name = "receiver-express4"

func (w *world) stopExpress4() error {
	running, err := local.Running(w.state)
	if err != nil {
		return err
	}
	if err := running[express4Name].Stop(); err != nil {
		return err
	}
	return local.Forget(w.state, express4Name)
}
