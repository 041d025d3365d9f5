package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/cr3dentials/verification-webhooks/localstack/calls"
	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

// enforcing is the environment of an emulator whose state outlives a restart and whose functions reach AWS by TLS, as
// the policies of queues and bucket demand. It asks for no signature or permission while the stack is deployed: the CDK's
// command line could not store its assets then.
func (s *session) enforcing(auth bool) []string {
	return []string{
		"PERSIST_STATE=1", "AUTH=" + strconv.FormatBool(auth),
		"AWS_ENDPOINT_URL=" + s.secureEndpoint(),
		"SSL_CERT_FILE=" + s.state.File(local.CACertFile),
	}
}

func (s *session) secureEndpoint() string {
	return "https://localhost:" + strconv.Itoa(s.ports.Endpoint())
}

// forgetEmulator ends an emulator and what it has kept: what enforces IAM takes no deployment.
func (s *session) forgetEmulator() error {
	if err := s.running["emulator"].Stop(); err != nil {
		return err
	}
	if err := s.running["endpoint"].Stop(); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(s.state.File("emulator")), os.RemoveAll(s.state.File(local.CallsFile)))
}

// enforce starts the emulator again, now checking, and the functions' endpoint in front of it.
func (s *session) enforce(ctx context.Context) error {
	if err := s.suitRoles(ctx); err != nil {
		return err
	}
	if err := s.running["emulator"].Stop(); err != nil {
		return err
	}
	if err := s.startNewEmulator(ctx, s.enforcing(true)...); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	port := s.ports.Endpoint()
	if err := local.CheckFree(port, "the functions' endpoint"); err != nil {
		return err
	}
	p, err := local.Start("endpoint", port, s.state.File("endpoint.log"), os.Environ(), s.root, self,
		"endpoint", "-state", string(s.state), "-shift", strconv.Itoa(s.shift), "-emulator", s.run.AWSEndpoint)
	if p.PID != 0 {
		err = errors.Join(err, s.remember(p))
	}
	if err != nil {
		return err
	}
	if !local.Await(10*time.Second, 20*time.Millisecond, func() bool { return !p.Alive() || listens(port) }) || !p.Alive() {
		return fmt.Errorf("the functions' endpoint did not start; see %s", s.state.File("endpoint.log"))
	}
	s.run.SecureEndpoint = s.secureEndpoint()
	return nil
}

func listens(port int) bool {
	c, err := net.DialTimeout("tcp", "127.0.0.1:"+strconv.Itoa(port), time.Second)
	return err == nil && c.Close() == nil
}

// suitRoles makes up for what the emulator does otherwise than IAM. It does not know KMS' encryption context, so that a
// condition on it would never be met: it is taken out here, and the record of calls is held against it afterwards. And it
// takes a batch of messages for an action of its own, where SQS asks for that of its messages.
func (s *session) suitRoles(ctx context.Context) error {
	all, err := local.Functions(ctx, s.run.AWSEndpoint)
	if err != nil {
		return err
	}
	for _, f := range all {
		p, err := local.GetRolePolicy(ctx, s.run.AWSEndpoint, f)
		if err != nil {
			return err
		}
		for _, statement := range p.Statement {
			suit(statement)
		}
		if err := local.PutRolePolicy(ctx, s.run.AWSEndpoint, f, p); err != nil {
			return err
		}
	}
	return nil
}

func suit(statement map[string]any) {
	if c, ok := statement["Condition"].(map[string]any); ok {
		if equal, ok := c["StringEquals"].(map[string]any); ok {
			delete(equal, "kms:EncryptionContext:app")
		}
	}
	actions, ok := statement["Action"].([]any)
	if !ok {
		actions = []any{statement["Action"]}
	}
	for _, of := range []string{"SendMessage", "DeleteMessage", "ChangeMessageVisibility"} {
		if slices.Contains(actions, any("sqs:"+of)) {
			actions = append(actions, "sqs:"+of+"Batch")
		}
	}
	statement["Action"] = actions
}

// serveEndpoint is the functions' endpoint until ctx ends.
func serveEndpoint(ctx context.Context, o options) error {
	emulator, err := url.Parse(o.emulator)
	if err != nil {
		return err
	}
	record, err := calls.NewRecord(o.state.File(local.CallsFile))
	if err != nil {
		return err
	}
	server := &http.Server{
		Addr:              "127.0.0.1:" + strconv.Itoa(o.ports.Endpoint()),
		Handler:           calls.Endpoint(emulator, record, log.Default()),
		ReadHeaderTimeout: 10 * time.Second,
	}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	err = server.ListenAndServeTLS(o.state.File(local.CertFile), o.state.File(local.CertKeyFile))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
