// Package local knows what a running copy on this machine consists of: its files, ports, certificates and processes, and
// how to talk to its API. The commands under localstack/ and the end-to-end tests share it.
package local

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Run is what `make run` leaves in run.json for people and tests: where everything is and how to get in.
type Run struct {
	AWSEndpoint string `json:"awsEndpoint"`
	Region      string `json:"region"`
	// SecureEndpoint is the same over TLS, with a certificate of CACert, where IAM is enforced: queues refuse anything else.
	SecureEndpoint string `json:"secureEndpoint,omitempty"`
	// APIURL and AdminURL hold the API's stage, but neither /v1 nor /admin.
	APIURL             string `json:"apiUrl"`
	ConsoleURL         string `json:"consoleUrl"`
	AdminURL           string `json:"adminUrl"`
	PartnerID          string `json:"partnerId"`
	APIKey             string `json:"apiKey"`
	VerificationsTable string `json:"verificationsTable"`
	ReceiverURL        string `json:"receiverUrl"`
	// CACert and CAKey are absolute paths of unencrypted PEM files.
	CACert string `json:"caCert"`
	CAKey  string `json:"caKey"`
}

// Region is the only region of the local stage; its credentials are test/test.
const Region = "us-east-1"

// Dir is the folder that holds everything of one running copy.
type Dir string

// File is the path of a file in it.
func (d Dir) File(name string) string { return filepath.Join(string(d), name) }

// The files of a running copy. Each program's output is in <name>.log.
const (
	RunFile       = "run.json"
	OutputsFile   = "outputs.json"   // of the CDK stack
	ProcessesFile = "processes.json" // what was started and left running
	DeployedFile  = "deployed.json"  // what was last deployed where
	DemoFile      = "demo.json"      // the demo partner
	CallsFile     = "calls.jsonl"    // what the functions asked AWS for, where IAM is enforced
	CACertFile    = "ca.pem"
	CAKeyFile     = "ca-key.pem"
	CertFile      = "localhost.pem"
	CertKeyFile   = "localhost-key.pem"
)

// ReadRun reads a run.json.
func ReadRun(path string) (Run, error) {
	var r Run
	err := ReadJSON(path, &r)
	return r, err
}

// ReadJSON decodes a file into v.
func ReadJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// WriteJSON replaces a file whole, readable by its owner only: it may hold keys of the local stage.
func WriteJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// Outputs are those of the deployed CDK stack, by name.
type Outputs map[string]string

// ReadOutputs reads the file that `cdk deploy --outputs-file` wrote for the local stage.
func ReadOutputs(path string) (Outputs, error) {
	var stacks map[string]Outputs
	if err := ReadJSON(path, &stacks); err != nil {
		return nil, err
	}
	o, ok := stacks[StackName]
	if !ok {
		return nil, fmt.Errorf("%s: no outputs of %s", path, StackName)
	}
	return o, nil
}

// StackName is the name of the CDK stack of the local stage.
const StackName = "VerificationWebhooks-local"
