package e2e

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/cr3dentials/verification-webhooks/localstack/calls"
	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

// A role that lacks one of its permissions is refused, and its function does its work once it has it again: so every test
// here would fail for want of a permission. It is not parallel: the others need theirs.
func TestRolesNeedTheirPermissions(t *testing.T) {
	w := theWorld(t)
	if w.run.SecureEndpoint == "" {
		t.Skip("IAM is not enforced here: `make test` has a copy that does")
	}
	fails := make(chan bool, 1) // the next request fails for each that is in it
	p, _, h := hooked(t, w, func(int) reply {
		select {
		case <-fails:
			return reply{status: 500}
		default:
			return reply{status: 200}
		}
	})
	known := newID("known")
	p.write(known, "VERIFIED")
	p.awaitDelivery(h.ID, known, "delivered", 20*time.Second)
	answers := func(c local.Client, method, path string, body any) func() bool {
		return func() bool {
			a, err := c.Do(t.Context(), method, path, body)
			must(t, err)
			return a.Status == 200
		}
	}
	sweeps := func() bool {
		a, err := w.lambda.Do(t.Context(), "POST", "/2015-03-31/functions/"+w.outputs["SweeperFunction"]+"/invocations", map[string]any{})
		must(t, err)
		return a.Header.Get("X-Amz-Function-Error") == ""
	}
	preview := map[string]any{"payloadTemplate": map[string]any{"id": "{{ data.verificationId }}"}, "verificationId": known}
	for _, c := range []struct {
		role, action, on string
		works            func() bool
	}{
		{"portal", "dynamodb:GetItem", "Verifications.Arn", answers(p.api, "POST", "/v1/template/preview", preview)},
		{"admin", "s3:ListBucket", "Parked.Arn", answers(w.admin, "GET", "/admin/parked", nil)},
		{"admin", "sqs:GetQueueAttributes", "DeadLetters.Arn", answers(w.admin, "GET", "/admin/dead-letters", nil)},
		{"sweeper", "dynamodb:Query", "Deliveries.Arn/index/byDue", sweeps},
	} {
		if !c.works() {
			t.Fatalf("%s does not work to begin with", c.role)
		}
		restore := w.withoutPermission(t, c.role, c.action, c.on)
		if c.works() {
			t.Errorf("%s works without %s on %s", c.role, c.action, c.on)
		}
		if !w.refused(t, c.role, c.action, c.on) {
			t.Errorf("%s was not refused for want of %s on %s", c.role, c.action, c.on)
		}
		restore()
		if !c.works() {
			t.Errorf("%s does not work with %s on %s again", c.role, c.action, c.on)
		}
	}

	restore := w.withoutPermission(t, "retrier", "dynamodb:GetItem", "Deliveries.Arn")
	fails <- true
	id := newID("retried")
	p.write(id, "VERIFIED")
	await(t, "the retrier is refused", 15*time.Second, func() bool { return w.refused(t, "retrier", "dynamodb:GetItem", "Deliveries.Arn") })
	restore()
	p.awaitDelivery(h.ID, id, "delivered", 40*time.Second)

	// The dispatcher goes last: the emulator does not bring again what it could not store.
	restore = w.withoutPermission(t, "dispatcher", "dynamodb:PutItem", "Deliveries.Arn")
	id = newID("refused")
	p.write(id, "VERIFIED")
	await(t, "the dispatcher is refused", 10*time.Second, func() bool { return w.refused(t, "dispatcher", "dynamodb:PutItem", "Deliveries.Arn") })
	restore()
	after := newID("after")
	p.write(after, "VERIFIED")
	p.awaitDelivery(h.ID, after, "delivered", 20*time.Second)
}

// What could not be queued for want of a permission is taken up by the sweeper. It waits for that beside other tests.
func TestSweeperTakesUpWhatCouldNotBeQueued(t *testing.T) {
	w := theWorld(t)
	if w.run.SecureEndpoint == "" {
		t.Skip("IAM is not enforced here: `make test` has a copy that does")
	}
	p, e, h := hooked(t, w, func(n int) reply { return reply{status: map[bool]int{true: 500, false: 200}[n == 1]} })
	restore := w.withoutPermission(t, "dispatcher", "sqs:SendMessage", "DeliveryQueue.Arn")
	id := newID("unqueued")
	p.write(id, "VERIFIED")
	await(t, "the dispatcher is refused", 10*time.Second, func() bool { return w.refused(t, "dispatcher", "sqs:SendMessage", "DeliveryQueue.Arn") })
	restore()
	t.Parallel()
	p.awaitDelivery(h.ID, id, "delivered", 150*time.Second)
	if e.about(id) != 2 {
		t.Errorf("the endpoint saw %d requests, want 2", e.about(id))
	}
}

// Queues refuse what does not come over TLS, whoever asks.
func TestQueuesTakeNothingWithoutTLS(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	if w.run.SecureEndpoint == "" {
		t.Skip("IAM is not enforced here: `make test` has a copy that does")
	}
	secure, err := local.SecureAWS(w.run)
	must(t, err)
	url := w.outputs["DeadLetterQueueUrl"]
	ask := func(cfg aws.Config) error {
		_, err := sqs.NewFromConfig(cfg).GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url})
		return err
	}
	must(t, ask(secure))
	if err := ask(local.AWS(w.run.AWSEndpoint)); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("without TLS: %v, want AccessDenied", err)
	}
}

// A list of partners goes on where it stopped: its cursor is sealed by a data key.
func TestPartnersAreListedInParts(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	newPartner(t, w)
	newPartner(t, w)
	seen := map[string]bool{}
	for path := "/admin/partners?limit=1"; len(seen) < 2; {
		var page struct {
			Items      []struct{ ID string }
			NextCursor *string
		}
		must(t, w.admin.Call(t.Context(), "GET", path, nil, &page))
		for _, p := range page.Items {
			if seen[p.ID] {
				t.Fatalf("%s comes again", p.ID)
			}
			seen[p.ID] = true
		}
		if len(seen) < 2 && page.NextCursor == nil {
			t.Fatalf("the list ends after %d partners", len(seen))
		}
		if page.NextCursor != nil {
			path = "/admin/partners?limit=1&cursor=" + url.QueryEscape(*page.NextCursor)
		}
	}
}

// names are those of the functions' roles and resources.
func (w *world) names(t *testing.T) (calls.Names, []local.Function) {
	t.Helper()
	functions, err := local.Functions(t.Context(), w.run.AWSEndpoint)
	must(t, err)
	return calls.NewNames(functions), functions
}

// refused tells whether a function has been refused something.
func (w *world) refused(t *testing.T, role, action, on string) bool {
	t.Helper()
	all, err := calls.Read(w.state.File(local.CallsFile))
	must(t, err)
	names, _ := w.names(t)
	return slices.ContainsFunc(all, func(c calls.Call) bool {
		n := names.Call(c)
		return n.Denied && n.Role == role && n.Action == action && n.On == on
	})
}

// withoutPermission takes an action on a resource from a role, until the test ends or restore is called.
func (w *world) withoutPermission(t *testing.T, role, action, on string) (restore func()) {
	t.Helper()
	names, functions := w.names(t)
	i := slices.IndexFunc(functions, func(f local.Function) bool { return calls.AccessKey(f.ARN, f.Role) == names.Key(role) })
	if i < 0 {
		t.Fatalf("no function has the role %s", role)
	}
	before, err := local.GetRolePolicy(t.Context(), w.run.AWSEndpoint, functions[i])
	must(t, err)
	less, taken := local.RolePolicy{Version: before.Version}, false
	for _, s := range before.Statement {
		for _, arn := range list(s["Resource"]) {
			statement := maps.Clone(s)
			statement["Resource"] = arn
			if names.Resource(arn.(string)) == on {
				kept := slices.DeleteFunc(slices.Clone(list(s["Action"])), func(a any) bool { return a == action || a == action+"Batch" })
				taken = taken || len(kept) < len(list(s["Action"]))
				if len(kept) == 0 {
					continue
				}
				statement["Action"] = kept
			}
			less.Statement = append(less.Statement, statement)
		}
	}
	if !taken {
		t.Fatalf("%s has no %s on %s", role, action, on)
	}
	set := func(p local.RolePolicy) {
		must(t, local.PutRolePolicy(context.Background(), w.run.AWSEndpoint, functions[i], p))
	}
	restore = sync.OnceFunc(func() { set(before) })
	t.Cleanup(restore)
	set(less)
	return restore
}

func list(v any) []any {
	if all, ok := v.([]any); ok {
		return all
	}
	return []any{v}
}
