package upgrade

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

// shift is where this copy's ports begin, after PORT_BASE: emulator, demo receiver, its control, and the endpoints. They
// lie between those of `make run` and those that its end-to-end tests take.
const shift = 6

// world is one emulator with whichever release is deployed there.
type world struct {
	t         *testing.T
	state     local.Dir
	ports     local.Ports
	endpoints *endpoints
	run       local.Run
	outputs   local.Outputs
	template  template
	resources map[string]string // physical ids of what lasts, by logical id
	deployed  int
}

func newWorld(t *testing.T, tool string) *world {
	t.Helper()
	state, err := filepath.Abs(os.Getenv("UPGRADE_STATE"))
	must(t, err)
	must(t, os.MkdirAll(state, 0o700))
	base, err := local.PortsFromEnv()
	must(t, err)
	w := &world{t: t, state: local.Dir(state), ports: local.Ports{Base: base.Base + shift}}
	down := func() {
		cmd := exec.Command(filepath.Join(tool, ".build", "stack"), "down", "-state", state)
		cmd.Dir = tool
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("stack down: %v\n%s", err, out)
		}
	}
	down() // what an earlier run that was killed has left
	t.Cleanup(down)
	ca, err := local.EnsureCA(w.state)
	must(t, err)
	w.endpoints = newEndpoints(t, ca, w.ports.Receiver4())
	return w
}

// deploy brings a release to the emulator as `make run` does, and checks what a deployment on AWS would replace.
func (w *world) deploy(r release) {
	t := w.t
	t.Helper()
	began := time.Now()
	cmd := exec.CommandContext(t.Context(), filepath.Join(r.root, ".build", "stack"), "up", "-state", string(w.state), "-shift", fmt.Sprint(shift))
	cmd.Dir = r.root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("deploy release %s: %v\n%s", r.name, err, out)
	}
	run, err := local.ReadRun(w.state.File(local.RunFile))
	must(t, err)
	outputs, err := local.ReadOutputs(w.state.File(local.OutputsFile))
	must(t, err)
	text, err := os.ReadFile(filepath.Join(string(w.state), "cdk.out", local.StackName+".template.json"))
	must(t, err)
	path := filepath.Join(t.TempDir(), "template.json") // the next deployment replaces the other
	must(t, os.WriteFile(path, text, 0o600))
	now := readTemplate(t, path)
	w.run, w.outputs = run, outputs
	resources := w.lastingResources(now)
	if w.deployed > 0 {
		for _, fault := range replaced(t, w.template, now) {
			t.Errorf("release %s over the other: %s", r.name, fault)
		}
		for id, physical := range w.resources {
			if resources[id] != physical {
				t.Errorf("release %s over the other: %s was %s, is %s", r.name, id, physical, resources[id])
			}
		}
	}
	w.template, w.resources = now, resources
	w.deployed++
	t.Logf("release %s deployed in %s", r.name, time.Since(began).Round(100*time.Millisecond))
}

// lastingResources asks CloudFormation what stands behind the names of what lasts in the template that is deployed.
func (w *world) lastingResources(deployed template) map[string]string {
	w.t.Helper()
	c := local.Client{Base: w.run.AWSEndpoint, Sign: local.Credentials(), Region: local.Region, Service: "cloudformation"}
	a, err := c.Do(w.t.Context(), http.MethodGet, "/?Action=DescribeStackResources&Version=2010-05-15&StackName="+local.StackName, nil)
	must(w.t, err)
	var r struct {
		Resources []struct {
			Logical  string `xml:"LogicalResourceId"`
			Physical string `xml:"PhysicalResourceId"`
			Type     string `xml:"ResourceType"`
		} `xml:"DescribeStackResourcesResult>StackResources>member"`
	}
	must(w.t, xml.Unmarshal(a.Body, &r))
	all := map[string]string{}
	for _, m := range r.Resources {
		if lasts(resource{Type: m.Type}) {
			all[m.Logical] = m.Physical
		}
	}
	for id, r := range deployed.Resources {
		if lasts(r) && all[id] == "" {
			w.t.Fatalf("CloudFormation does not know %s, only %v", id, all)
		}
	}
	return all
}

// write puts a verification record, as a verification system does.
func (w *world) write(verificationID, partnerID string) error {
	_, err := dynamodb.NewFromConfig(local.AWS(w.run.AWSEndpoint)).PutItem(w.t.Context(), &dynamodb.PutItemInput{
		TableName: &w.run.VerificationsTable, Item: local.GuideRecord(verificationID, partnerID, "VERIFIED"),
	})
	return err
}

// onQueue returns how many messages a queue has, by SQS's names for whether they can be received. One that the retrier
// could not read is not visible for minutes.
func (w *world) onQueue(output string) map[string]string {
	w.t.Helper()
	url := w.outputs[output]
	r, err := sqs.NewFromConfig(local.AWS(w.run.AWSEndpoint)).GetQueueAttributes(w.t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{visible, notVisible},
	})
	must(w.t, err)
	return r.Attributes
}

const (
	visible    = sqstypes.QueueAttributeNameApproximateNumberOfMessages
	notVisible = sqstypes.QueueAttributeNameApproximateNumberOfMessagesNotVisible
)

// awaitEmptyQueue waits until no message is being handled. One that one release wrote and the other could not read would
// be hidden for six minutes each time.
func (w *world) awaitEmptyQueue() {
	w.t.Helper()
	w.await("every message has been handled", func() bool {
		n := w.onQueue("DeliveryQueueUrl")
		return n[string(visible)] == "0" && n[string(notVisible)] == "0"
	})
}

// parkedView is a parked record as the administration shows it.
type parkedView struct{ ID, Reason, PartnerID, VerificationID, Record string }

// parked lists what is parked, by verification.
func (w *world) parked() map[string]parkedView {
	w.t.Helper()
	all := map[string]parkedView{}
	for cursor := ""; ; {
		var page struct {
			Items      []parkedView
			NextCursor *string
		}
		w.admin("GET", "/admin/parked?limit=100"+cursor, nil, &page)
		for _, p := range page.Items {
			all[p.VerificationID] = p
		}
		if page.NextCursor == nil {
			return all
		}
		cursor = "&cursor=" + *page.NextCursor
	}
}

func (w *world) admin(method, path string, body, out any) {
	w.t.Helper()
	must(w.t, local.Admin(w.run).Call(w.t.Context(), method, path, body, out))
}

// await polls a condition; the test fails if it does not hold in time.
func (w *world) await(what string, condition func() bool) {
	w.t.Helper()
	const most = 2 * time.Minute
	if !local.Await(most, 100*time.Millisecond, condition) {
		w.t.Fatalf("not within %s: %s", most, what)
	}
}
