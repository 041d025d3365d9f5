package upgrade

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"testing"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

// template is what matters of a CloudFormation template.
type template struct {
	path      string
	Resources map[string]resource
	Outputs   map[string]any
}

type resource struct {
	Type, DeletionPolicy, UpdateReplacePolicy string
	Properties                                map[string]any
}

func readTemplate(t *testing.T, path string) template {
	t.Helper()
	tpl := template{path: path}
	must(t, local.ReadJSON(path, &tpl))
	return tpl
}

// lasting are the types of resources that hold data, or that others know by an id or an address that AWS gave, each with
// the properties that must not change although CloudFormation would not replace it: it refuses to change a key's and local
// indexes (its reference of both), and another StreamSpecification begins another stream. What replaces, `cdk diff` knows.
var lasting = map[string][]string{
	"AWS::ApiGateway::DomainName":     nil,
	"AWS::ApiGateway::RestApi":        nil,
	"AWS::ApiGateway::Stage":          nil,
	"AWS::DynamoDB::Table":            {"LocalSecondaryIndexes", "StreamSpecification"},
	"AWS::EC2::EIP":                   nil,
	"AWS::Events::EventBus":           nil,
	"AWS::KMS::Key":                   {"KeySpec", "KeyUsage", "MultiRegion", "Origin"},
	"AWS::Lambda::EventSourceMapping": nil,
	"AWS::S3::Bucket":                 nil,
	"AWS::SNS::Topic":                 nil,
	"AWS::SQS::Queue":                 nil,
}

func lasts(r resource) bool {
	_, ok := lasting[r.Type]
	return ok
}

// replaced says what a change from one template to another takes from AWS that the release before cannot do without:
// resources that last and would be removed or replaced, properties of theirs that must not change, and changes of indexes
// that CloudFormation refuses or cannot make without a time in which there is none.
func replaced(t *testing.T, from, to template) (faults []string) {
	t.Helper()
	impacts := impacts(t, from, to)
	for _, id := range slices.Sorted(maps.Keys(from.Resources)) {
		r, other := from.Resources[id], to.Resources[id]
		if !lasts(r) {
			continue
		}
		if impact := impacts[id]; impact != "" {
			faults = append(faults, fmt.Sprintf("%s (%s): %s", id, r.Type, impact))
			continue
		}
		if other.Type != r.Type {
			// The CDK knows no impact of it, which is not to be believed.
			faults = append(faults, fmt.Sprintf("%s (%s) becomes %q", id, r.Type, other.Type))
			continue
		}
		for _, p := range lasting[r.Type] {
			if !reflect.DeepEqual(r.Properties[p], other.Properties[p]) {
				faults = append(faults, fmt.Sprintf("%s (%s): %s changes", id, r.Type, p))
			}
		}
		faults = append(faults, indexChanges(id, indexes(r), indexes(other))...)
	}
	return faults
}

// impact is the line of `cdk diff` about a resource that does not just change: type, path, logical id, what happens.
var impact = regexp.MustCompile(`(?m)^\[[-+~]\] \S+ (?:.* )?(\w+) (replace|may be replaced|destroy|orphan)(?: \(.*)?$`)

// impacts asks the CDK's command line, which has AWS' list of what makes CloudFormation replace a resource, and needs no
// account for two templates.
func impacts(t *testing.T, from, to template) map[string]string {
	t.Helper()
	const stack = "Stack"
	dir := t.TempDir()
	must(t, local.WriteJSON(filepath.Join(dir, "manifest.json"), map[string]any{
		"version": "36.0.0",
		"artifacts": map[string]any{stack: map[string]any{
			"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region",
			"properties": map[string]any{"templateFile": "to.json"},
		}},
	}))
	text, err := os.ReadFile(to.path)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "to.json"), text, 0o600))
	cmd := cdk(t, current(t), "diff", "--app", dir, "--template", from.path, stack)
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("Number of stacks with differences: ")) {
		t.Fatalf("cdk diff: %v\n%s", err, out)
	}
	all := map[string]string{}
	for _, m := range impact.FindAllSubmatch(out, -1) {
		all[string(m[1])] = string(m[2])
	}
	return all
}

// cdk is a command of a release's CDK.
func cdk(t *testing.T, r release, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), filepath.Join(r.root, "infra", "node_modules", ".bin", "cdk"), append(args, "--no-notices", "--no-color")...)
	cmd.Env = append(os.Environ(), "AWS_EC2_METADATA_DISABLED=true", "CDK_DISABLE_CLI_TELEMETRY=true")
	return cmd
}

// weakened says what an operator loses by the newer release: outputs, and that something outlives its removal.
func weakened(older, newer template) (faults []string) {
	for _, name := range slices.Sorted(maps.Keys(older.Outputs)) {
		if newer.Outputs[name] == nil {
			faults = append(faults, "output "+name+" is gone")
		}
	}
	for _, id := range slices.Sorted(maps.Keys(older.Resources)) {
		r := older.Resources[id]
		other, ok := newer.Resources[id]
		if !ok || !lasts(r) {
			continue
		}
		if outlives(other.DeletionPolicy) < outlives(r.DeletionPolicy) {
			faults = append(faults, fmt.Sprintf("%s: DeletionPolicy was %s, is %q", id, r.DeletionPolicy, other.DeletionPolicy))
		}
		if outlives(other.UpdateReplacePolicy) < outlives(r.UpdateReplacePolicy) {
			faults = append(faults, fmt.Sprintf("%s: UpdateReplacePolicy was %s, is %q", id, r.UpdateReplacePolicy, other.UpdateReplacePolicy))
		}
	}
	return faults
}

// outlives ranks policies. RetainExceptOnCreate is Retain for what exists; none is Delete for all types that last.
func outlives(policy string) int {
	switch policy {
	case "Retain", "RetainExceptOnCreate":
		return 2
	case "Snapshot":
		return 1
	}
	return 0
}

// indexes are a table's global secondary indexes by name, each with the types of its keys.
func indexes(r resource) map[string][]any {
	types := map[any]any{}
	definitions, _ := r.Properties["AttributeDefinitions"].([]any)
	for _, d := range definitions {
		m, _ := d.(map[string]any)
		types[m["AttributeName"]] = m["AttributeType"]
	}
	all := map[string][]any{}
	list, _ := r.Properties["GlobalSecondaryIndexes"].([]any)
	for _, i := range list {
		m, _ := i.(map[string]any)
		name, _ := m["IndexName"].(string)
		all[name] = []any{m["KeySchema"], m["Projection"]}
		keys, _ := m["KeySchema"].([]any)
		for _, k := range keys {
			k, _ := k.(map[string]any)
			all[name] = append(all[name], types[k["AttributeName"]])
		}
	}
	return all
}

// indexChanges: DynamoDB makes or removes one index of a table in one update, and changes none.
func indexChanges(id string, from, to map[string][]any) (faults []string) {
	made := 0
	for name := range to {
		if from[name] == nil {
			made++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(from)) {
		switch {
		case to[name] == nil:
			made++
		case !reflect.DeepEqual(from[name], to[name]):
			faults = append(faults, fmt.Sprintf("%s: its index %s is changed in place", id, name))
		}
	}
	if made > 1 {
		faults = append(faults, fmt.Sprintf("%s: %d indexes are made or removed in one release", id, made))
	}
	return faults
}
