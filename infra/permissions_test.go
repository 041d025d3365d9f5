package infra

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite testdata")

// grant is one action that a role is allowed on one resource, or denied.
type grant struct{ role, action, on, condition string }

func (g grant) String() string {
	if g.condition == "" {
		return fmt.Sprintf("%-10s %s %s", g.role, g.action, g.on)
	}
	return fmt.Sprintf("%-10s %s %s if %s", g.role, g.action, g.on, g.condition)
}

// why says for each action that is granted on everything why nothing less would do.
func (g grant) why() string {
	service, action, _ := strings.Cut(strings.TrimPrefix(g.action, "not "), ":")
	switch {
	case g.on != "*" && !strings.HasSuffix(g.on, ":alarm:*"):
		return ""
	case service == "xray":
		return "X-Ray has no resources to name"
	case service == "ec2" && strings.HasPrefix(g.action, "not "):
		return "what Lambda does with the role, the function's own code may not"
	case service == "ec2" && strings.HasPrefix(action, "Describe"):
		return "EC2 has no resources for what describes them"
	case service == "ec2":
		return "an interface has no ARN before Lambda makes it"
	case g.action == "cloudwatch:DescribeAlarms":
		return "it lists alarms, which is not a question about any one of them"
	case service == "managed":
		return "one role writes the logs of all APIs of the region: AWS' own policy for it"
	}
	return ""
}

// grants lists what the roles of a template may do, in order: no way of granting is left out.
func grants(t *testing.T, tpl template) []grant {
	t.Helper()
	var all []grant
	for _, id := range tpl.ofType("AWS::IAM::Role") {
		role, p := strings.ToLower(strings.TrimSuffix(id, "Role")), tpl.get(t, id).Properties
		for _, managed := range asList(p["ManagedPolicyArns"]) {
			if managed != nil {
				_, name, _ := strings.Cut(managed.(string), "policy/")
				all = append(all, grant{role, "managed:" + name, "*", ""})
			}
		}
		trusted := "lambda.amazonaws.com"
		switch {
		case role == "rollout":
			trusted = "codedeploy.amazonaws.com"
		case !slices.Contains(functionNames, role):
			trusted = "apigateway.amazonaws.com"
		}
		wantEqual(t, role+" trust", p["AssumeRolePolicyDocument"], map[string]any{
			"Version": "2012-10-17",
			"Statement": []any{map[string]any{
				"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": map[string]any{"Service": trusted},
			}},
		})
		var policies []struct {
			PolicyDocument struct{ Statement []map[string]any }
		}
		convert(p["Policies"], &policies)
		for _, p := range policies {
			all = append(all, stated(role, p.PolicyDocument.Statement)...)
		}
	}
	for _, kind := range []string{"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"} {
		wantEqual(t, "policies apart from roles", tpl.ofType(kind), nil)
	}
	slices.SortFunc(all, func(a, b grant) int { return strings.Compare(a.String(), b.String()) })
	return all
}

// stated lists what statements say, one action on one resource each.
func stated(role string, statements []map[string]any) []grant {
	var all []grant
	for _, s := range statements {
		not, condition := "", ""
		if s["Effect"] != "Allow" {
			not = "not "
		}
		if c, ok := s["Condition"]; ok {
			condition = strings.Join(strings.Fields(asJSON(c)), "")
		}
		for _, action := range asList(s["Action"]) {
			for _, on := range asList(s["Resource"]) {
				all = append(all, grant{role, not + action.(string), on.(string), condition})
			}
		}
	}
	return all
}

func asList(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

// permissions are the grants of the functions, as lines.
func permissions(t *testing.T, tpl template) []string {
	t.Helper()
	var lines []string
	for _, g := range grants(t, tpl) {
		if slices.Contains(functionNames, g.role) {
			lines = append(lines, g.String())
		}
	}
	return lines
}

// allowed is what statements of a function allow, as lines.
func allowed(t *testing.T, function string, statements []map[string]any) []string {
	t.Helper()
	var lines []string
	for _, g := range stated(function, statements) {
		lines = append(lines, g.String())
	}
	return lines
}

const permissionsHead = `# What every role of a stack may do: all stages are the same. "go test ./infra -update" rewrites this; whoever changes it
# asks of each line what calls it. The last column is why a permission is on everything.
#
`

const egressHead = `#
# With Egress the functions that call webhooks have these as well.
#
`

const rolloutHead = `#
# With a Rollout, CodeDeploy has these.
#
`

// rows aligns grants as a table.
func rows(all []grant) string {
	var widths [4]int
	cells := func(g grant) [4]string { return [4]string{g.role, g.action, g.on, g.condition} }
	for _, g := range all {
		for i, c := range cells(g) {
			widths[i] = min(max(widths[i], len(c)), 75)
		}
	}
	var text strings.Builder
	for _, g := range all {
		var line strings.Builder
		for i, c := range cells(g) {
			fmt.Fprintf(&line, "%-*s | ", widths[i], c)
		}
		text.WriteString(strings.TrimRight(line.String()+g.why(), " |") + "\n")
	}
	return text.String()
}

// TestPermissions compares the roles with testdata/permissions.txt, which is what a reviewer reads.
func TestPermissions(t *testing.T) {
	prod := grants(t, prodTemplate())
	without := func(all, known []grant) []grant {
		return slices.DeleteFunc(all, func(g grant) bool { return slices.Contains(known, g) })
	}
	got := permissionsHead + rows(prod) + egressHead + rows(without(grants(t, chosen()), prod)) +
		rolloutHead + rows(without(grants(t, rolledOut()), prod))
	golden := filepath.Join("testdata", "permissions.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	have, want := strings.Split(got, "\n"), strings.Split(string(text), "\n")
	for _, line := range have {
		if !slices.Contains(want, line) {
			t.Errorf("new: %s", line)
		}
	}
	for _, line := range want {
		if !slices.Contains(have, line) {
			t.Errorf("gone: %s", line)
		}
	}
	each(t, func(t *testing.T, _ string, tpl template) {
		wantEqual(t, "permissions of functions", permissions(t, tpl), permissions(t, prodTemplate()))
	})
}

// No grant may name all actions of a service, and one on everything needs its reason.
func TestNoWildcards(t *testing.T) {
	check := func(t *testing.T, tpl template) {
		for _, g := range grants(t, tpl) {
			if strings.Contains(g.action, "*") {
				t.Errorf("all actions: %s", g)
			}
			if strings.HasPrefix(g.on, "*") && g.why() == "" {
				t.Errorf("all resources without a reason: %s", g)
			}
			if strings.HasPrefix(g.action, "kms:") && g.condition != `{"StringEquals":{"kms:EncryptionContext:app":"verification-webhooks"}}` {
				t.Errorf("any encryption context: %s", g)
			}
		}
	}
	each(t, func(t *testing.T, _ string, tpl template) { check(t, tpl) })
	check(t, chosen())
	check(t, rolledOut())
}

// Nobody but the account, by its own policies, has rights on the key of the secrets.
func TestKeyPolicy(t *testing.T) {
	each(t, func(t *testing.T, _ string, tpl template) {
		tpl.wantProperties(t, "SecretsKey", map[string]any{"KeyPolicy": map[string]any{
			"Version": "2012-10-17",
			"Statement": []any{map[string]any{
				"Effect": "Allow", "Action": "kms:*", "Resource": "*",
				"Principal": map[string]any{"AWS": "arn:AWS::Partition:iam::AWS::AccountId:root"},
			}},
		}})
	})
}
