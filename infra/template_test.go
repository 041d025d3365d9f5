package infra

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"
)

// template is a synthesized template, made readable: ids without CDK's hashes, references as text.
type template struct {
	Resources map[string]resource
	Outputs   map[string]struct{ Value any }
	// uses lists the resources that each one refers to or depends on.
	uses map[string][]string
}

type resource struct {
	Type                                string
	Properties                          map[string]any
	DeletionPolicy, UpdateReplacePolicy string
}

// scratch holds placeholder binaries and what synthesis writes.
var scratch string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	defer jsii.Close()
	// Not the concern of a test's output.
	os.Setenv("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "1")
	var err error
	if scratch, err = os.MkdirTemp("", "infra"); err != nil {
		panic(err)
	}
	defer os.RemoveAll(scratch)
	for _, kind := range []string{"lambda", "local"} {
		for _, f := range functionNames {
			dir := filepath.Join(scratch, "build", kind, f)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				panic(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "bootstrap"), []byte(kind+" "+f), 0o755); err != nil {
				panic(err)
			}
		}
	}
	return m.Run()
}

// The stages that tests name as the app does.
const (
	stageLocal = "local"
	stageDev   = "dev"
	stageProd  = "prod"
)

// The templates, each synthesized once. attached is prod with everything that existed before.
var (
	localTemplate = synthesized(always(VerificationWebhooksProps{Destroyable: true, LogDays: 7, Local: &Local{CACert: "/ca.pem"}}))
	devTemplate   = synthesized(always(VerificationWebhooksProps{StageName: "dev", Destroyable: true, LogDays: 7, APIGatewayAccount: true}))
	prodTemplate  = synthesized(always(VerificationWebhooksProps{APIGatewayAccount: true}))
	attached      = synthesized(func(stack awscdk.Stack) VerificationWebhooksProps {
		return VerificationWebhooksProps{
			VerificationsTable: &ExistingTable{
				Arn:       "arn:aws:dynamodb:eu-west-1:111122223333:table/checks",
				StreamArn: "arn:aws:dynamodb:eu-west-1:111122223333:table/checks/stream/2026-01-01T00:00:00.000",
			},
			AlarmTopic:         awssns.Topic_FromTopicArn(stack, jsii.String("Topic"), jsii.String("arn:aws:sns:eu-west-1:111122223333:alarms")),
			TicketTopic:        awssns.Topic_FromTopicArn(stack, jsii.String("Tickets"), jsii.String("arn:aws:sns:eu-west-1:111122223333:tickets")),
			RunbookURL:         "https://runbooks.example.com/webhooks",
			ConsoleURL:         "https://console.example.com/",
			FrameAncestors:     []string{"https://portal.example.com", "https://b.example.com"},
			OwnHosts:           []string{"api.example.com", "hooks-api.example.com"},
			EventBus:           "arn:aws:events:eu-west-1:111122223333:event-bus/operations",
			HoldHours:          24,
			RetrierConcurrency: 7,
		}
	})
)

var stages = map[string]func() template{stageLocal: localTemplate, stageDev: devTemplate, stageProd: prodTemplate}

func always(p VerificationWebhooksProps) func(awscdk.Stack) VerificationWebhooksProps {
	return func(awscdk.Stack) VerificationWebhooksProps { return p }
}

// built is props with the placeholder binaries.
func built(p VerificationWebhooksProps) VerificationWebhooksProps {
	p.CodeDir = filepath.Join(scratch, "build", "lambda")
	if p.local() {
		p.CodeDir = filepath.Join(scratch, "build", "local")
	}
	return p
}

func newApp() awscdk.App {
	out, err := os.MkdirTemp(scratch, "cdk.out")
	if err != nil {
		panic(err)
	}
	return awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: jsii.Bool(false), Outdir: jsii.String(out)})
}

func synthesized(props func(stack awscdk.Stack) VerificationWebhooksProps) func() template {
	return sync.OnceValue(func() template {
		stack := awscdk.NewStack(newApp(), jsii.String("Webhooks"), nil)
		for _, o := range NewVerificationWebhooks(stack, "Default", built(props(stack))).Outputs() {
			awscdk.NewCfnOutput(stack, jsii.String("Output"+o.Name), &awscdk.CfnOutputProps{Value: jsii.String(o.Value)}).
				OverrideLogicalId(jsii.String(o.Name))
		}
		return templateOf(stack)
	})
}

func templateOf(stack awscdk.Stack) template {
	raw := assertions.Template_FromStack(stack, nil).ToJSON()
	var t template
	convert(readable(*raw), &t)
	var whole struct{ Resources map[string]any }
	convert(*raw, &whole)
	t.uses = map[string][]string{}
	for id, r := range whole.Resources {
		t.uses[id] = usedBy(r, whole.Resources)
	}
	return t
}

// convert copies from into to by way of JSON.
func convert(from, to any) {
	text, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(text, to)
	}
	if err != nil {
		panic(err)
	}
}

var hash = regexp.MustCompile(`[0-9A-F]{8}$`)

func short(id string) string { return hash.ReplaceAllString(id, "") }

// readable replaces references by text (`Service.Arn`) and drops the hashes of ids.
func readable(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 1 {
			if text, ok := reference(v); ok {
				return text
			}
		}
		out := make(map[string]any, len(v))
		for key, value := range v {
			out[short(key)] = readable(value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = readable(v[i])
		}
		return out
	default:
		return v
	}
}

func reference(v map[string]any) (string, bool) {
	if id, ok := v["Ref"].(string); ok {
		return short(id), true
	}
	if parts, ok := v["Fn::GetAtt"].([]any); ok {
		return short(parts[0].(string)) + "." + parts[1].(string), true
	}
	if parts, ok := v["Fn::Select"].([]any); ok { // of an ARN that is split: ServiceArn[6]
		if split, ok := parts[1].(map[string]any)["Fn::Split"].([]any); ok {
			return fmt.Sprintf("%v[%v]", readable(split[1]), parts[0]), true
		}
	}
	if parts, ok := v["Fn::Join"].([]any); ok {
		var text []string
		for _, part := range parts[1].([]any) {
			text = append(text, readable(part).(string))
		}
		return strings.Join(text, parts[0].(string)), true
	}
	return "", false
}

// get returns the resource of that id.
func (t template) get(tb testing.TB, id string) resource {
	tb.Helper()
	r, ok := t.Resources[id]
	if !ok {
		tb.Fatalf("no resource %s; there are %v", id, slices.Sorted(maps.Keys(t.Resources)))
	}
	return r
}

// ofType returns the ids of all resources of a type, in order.
func (t template) ofType(kind string) []string {
	var ids []string
	for id, r := range t.Resources {
		if r.Type == kind {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// wantProperties requires each given property to have exactly the given value; nil means that it must be absent.
func (t template) wantProperties(tb testing.TB, id string, want map[string]any) {
	tb.Helper()
	got := t.get(tb, id).Properties
	for _, name := range slices.Sorted(maps.Keys(want)) {
		wantEqual(tb, id+"."+name, got[name], want[name])
	}
}

// wantEqual compares by way of JSON, in which numbers have one type.
func wantEqual(tb testing.TB, what string, got, want any) {
	tb.Helper()
	var g, w any
	convert(got, &g)
	convert(want, &w)
	if !reflect.DeepEqual(g, w) {
		tb.Errorf("%s\n got %s\nwant %s", what, asJSON(g), asJSON(w))
	}
}

func asJSON(v any) string {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err)
	}
	return string(text)
}
