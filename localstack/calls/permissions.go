package calls

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

// AccessKey is the one that the emulator hands to a function. It is made of the ARNs of function and role, so that a
// call's key tells whose it is.
func AccessKey(functionARN, roleARN string) string {
	sum := sha256.Sum256([]byte(functionARN + ":" + roleARN))
	return "ASIA" + strings.ToUpper(hex.EncodeToString(sum[:]))[:16]
}

// Grant is a row of infra/testdata/permissions.txt: what a role may do.
type Grant struct{ Role, Action, On, Condition string }

func (g Grant) String() string {
	return strings.TrimSuffix(fmt.Sprintf("%s | %s | %s | %s", g.Role, g.Action, g.On, g.Condition), " | ")
}

// ReadGrants reads what the roles of the functions may do. What they may with Egress besides is left out: no local copy
// has it.
func ReadGrants(name string, roles []string) ([]Grant, error) {
	rows, err := readRows(name)
	if err != nil {
		return nil, err
	}
	var grants []Grant
	for _, r := range rows {
		if slices.Contains(roles, r[0]) && !strings.HasPrefix(strings.TrimPrefix(r[1], "not "), "ec2:") {
			grants = append(grants, Grant{r[0], r[1], r[2], r[3]})
		}
	}
	return grants, nil
}

// Unused is a row of unused.txt: a grant that no test makes use of, and why it stays. A role "any" stands for all.
type Unused struct {
	Grant
	Reason string
}

func (u Unused) covers(g Grant) bool {
	return (u.Role == "any" || u.Role == g.Role) && u.Action == g.Action && (u.On == "any" || u.On == g.On)
}

// ReadUnused reads the reviewed list of grants that no test makes use of.
func ReadUnused(name string) ([]Unused, error) {
	rows, err := readRows(name)
	if err != nil {
		return nil, err
	}
	var all []Unused
	for _, r := range rows {
		if r[3] == "" {
			return nil, fmt.Errorf("%s: %s %s has no reason", name, r[0], r[1])
		}
		all = append(all, Unused{Grant{Role: r[0], Action: r[1], On: r[2]}, r[3]})
	}
	return all, nil
}

// readRows reads up to four columns of each line that is no comment.
func readRows(name string) ([][4]string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var rows [][4]string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		var row [4]string
		for i, cell := range strings.SplitN(line, "|", 5) {
			if i < len(row) {
				row[i] = strings.TrimSpace(cell)
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// Named is a Call by the names that grants have: a role, and a resource as the template calls it.
type Named struct {
	Call
	Role string
}

// covers tells whether a grant allows a call, its condition included.
func (g Grant) covers(n Named) bool {
	return g.Role == n.Role && g.Action == n.Action && g.On == n.On && meets(g.Condition, n.Call)
}

// meets evaluates the two conditions that the product has; any other is not met.
func meets(condition string, c Call) bool {
	if condition == "" {
		return true
	}
	var want map[string]map[string]any
	if json.Unmarshal([]byte(condition), &want) != nil {
		return false
	}
	for operator, keys := range want {
		for key, value := range keys {
			switch operator + " " + key {
			case "StringEquals kms:EncryptionContext:app":
				if c.App != value {
					return false
				}
			case "ForAllValues:StringEquals dynamodb:LeadingKeys":
				if list, ok := value.([]any); !ok || !slices.Contains(list, any(c.Leading)) {
					return false
				}
			default:
				return false
			}
		}
	}
	return true
}

// Problems holds calls against grants: a call that no grant covers, a grant that no call made use of and that is not among
// the reviewed, and a reviewed one that was used or does not exist.
func Problems(grants []Grant, reviewed []Unused, all []Named) []string {
	var problems []string
	used := map[Grant]bool{}
	for _, n := range all {
		covered := false
		for _, g := range grants {
			if g.covers(n) {
				covered, used[g] = true, used[g] || !n.Denied
			}
		}
		if !covered {
			problems = append(problems, fmt.Sprintf("no permission covers: %s | %s | %s leading %q app %q", n.Role, n.Action, n.On, n.Leading, n.App))
		}
	}
	needed := map[Unused]bool{}
	for _, g := range grants {
		if used[g] {
			continue
		}
		i := slices.IndexFunc(reviewed, func(u Unused) bool { return u.covers(g) })
		if i < 0 {
			problems = append(problems, "no test makes use of: "+g.String())
		} else {
			needed[reviewed[i]] = true
		}
	}
	for _, u := range reviewed {
		if !needed[u] {
			problems = append(problems, "reviewed as unused, but used or not granted: "+u.String())
		}
	}
	slices.Sort(problems)
	return problems
}
