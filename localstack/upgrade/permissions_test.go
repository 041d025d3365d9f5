package upgrade

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// unused are permissions that the release before has and does not use, with the reason. A release empties this, and lists
// what it takes away itself.
var unused = map[string]string{
	"dispatcher dynamodb:BatchGetItem Service.Arn":          "0.1.0 reads a partner with its webhooks by a Query",
	"retrier sqs:ChangeMessageVisibility DeliveryQueue.Arn": "no code calls it, and Lambda does not to read a queue",
}

// permissionsStay: roles change at once and code by and by, in an update, with a rollout and on the way back: the release
// before runs with this one's permissions for a while, so none that it uses may be missing.
func permissionsStay(t *testing.T, before, now release) {
	t.Helper()
	had, has := permissionsOf(t, before), permissionsOf(t, now)
	for _, p := range had {
		if !slices.Contains(has, p) && unused[p] == "" {
			t.Errorf("release %s takes a permission away from %s: %s", now.name, before.name, p)
		}
	}
	for p := range unused {
		if !slices.Contains(had, p) || slices.Contains(has, p) {
			t.Errorf("release %s does not take this away from %s: %s", now.name, before.name, p)
		}
	}
}

// permissionsOf reads the table of a release: role, action and resource of each line, and its condition.
func permissionsOf(t *testing.T, r release) (all []string) {
	t.Helper()
	file, err := os.Open(filepath.Join(r.root, "infra", "testdata", "permissions.txt"))
	must(t, err)
	defer func() { must(t, file.Close()) }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		columns := strings.Split(line, "|")
		all = append(all, strings.Join(strings.Fields(strings.Join(columns[:min(len(columns), 4)], " ")), " "))
	}
	if len(all) < 50 {
		t.Fatalf("release %s has %d permissions", r.name, len(all))
	}
	return all
}
