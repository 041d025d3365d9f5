package calls

import (
	"path"
	"strings"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
	"github.com/cr3dentials/verification-webhooks/shared/env"
)

// Names give calls the names that grants have, as the deployed functions tell them.
type Names struct {
	roles     map[string]string // by access key
	resources map[string]string // by kind and physical name
}

// Roles are the functions, and the roles named like them.
func Roles() []string { return []string{"admin", "dispatcher", "portal", "retrier", "sweeper"} }

// logical tells for each variable of a function what kind of resource it names, and what the template calls that.
var logical = map[string][2]string{
	env.ServiceTable: {"table/", "Service"}, env.DeliveriesTable: {"table/", "Deliveries"},
	env.VerificationsTable: {"table/", "Verifications"}, env.QueueURL: {"queue/", "DeliveryQueue"},
	env.DeadLettersURL: {"queue/", "DeadLetters"}, env.ParkedBucket: {"bucket/", "Parked"}, env.KMSKeyID: {"key/", "SecretsKey"},
}

// NewNames reads them from the functions as they are deployed.
func NewNames(functions []local.Function) Names {
	const bus = "arn:AWS::Partition:events:AWS::Region:AWS::AccountId:event-bus/default"
	n := Names{map[string]string{}, map[string]string{
		"bus/": bus, "bus/default": bus,
		"key/": "SecretsKey", // what is to be decrypted says by which key
	}}
	for _, f := range functions {
		for _, role := range Roles() {
			if strings.Contains(strings.ToLower(path.Base(f.Role)), role+"role") {
				n.roles[AccessKey(f.ARN, f.Role)] = role
			}
		}
		for variable, l := range logical {
			if value := f.Environment.Variables[variable]; value != "" {
				n.resources[l[0]+path.Base(value)] = l[1]
			}
		}
	}
	return n
}

// Key is the access key of a role, empty if there is none.
func (n Names) Key(role string) string {
	for key, r := range n.roles {
		if r == role {
			return key
		}
	}
	return ""
}

// Call names a call. What is not known keeps the name that it has.
func (n Names) Call(c Call) Named {
	named := Named{c, c.Key}
	if role, ok := n.roles[c.Key]; ok {
		named.Role = role
	}
	named.On = n.on(c.On)
	return named
}

// Resource names what an ARN is of.
func (n Names) Resource(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return arn
	}
	kinds := map[string]string{"sqs": "queue/", "s3": "bucket/"}
	return n.on(kinds[parts[2]] + parts[5])
}

func (n Names) on(physical string) string {
	if name, ok := n.resources[physical]; ok && strings.HasPrefix(physical, "bus/") {
		return name
	}
	kind, rest, _ := strings.Cut(physical, "/")
	name, below, deep := strings.Cut(rest, "/")
	logical, ok := n.resources[kind+"/"+name]
	switch {
	case !ok:
		return physical
	case deep:
		return logical + ".Arn/" + below
	}
	return logical + ".Arn"
}
