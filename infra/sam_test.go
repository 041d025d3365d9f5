package infra

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// readSAM reads template.yaml into the form of a synthesized template: CloudFormation's tags become text as well.
func readSAM(t *testing.T) template {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	resolveTags(&root)
	var doc struct {
		Globals struct {
			Function map[string]any `yaml:"Function"`
		} `yaml:"Globals"`
		Resources map[string]any `yaml:"Resources"`
	}
	if err := root.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	var tpl template
	convert(map[string]any{"Resources": doc.Resources}, &tpl)
	// sam local sets no variable that the template does not have: this one leads to an emulator, and to AWS if it is empty.
	wantEqual(t, "variables of all functions", doc.Globals.Function["Environment"],
		map[string]any{"Variables": map[string]any{"AWS_ENDPOINT_URL": "AwsEndpointUrl"}})
	for _, r := range tpl.Resources {
		if r.Type == "AWS::Serverless::Function" {
			for name, v := range doc.Globals.Function {
				if _, own := r.Properties[name]; !own {
					r.Properties[name] = v
				}
			}
		}
	}
	return tpl
}

var placeholder = regexp.MustCompile(`\$\{([^}]+)\}`)

// resolveTags replaces !Ref, !GetAtt and !Sub by the text that readable gives for them.
func resolveTags(n *yaml.Node) {
	switch n.Tag {
	case "!Ref", "!GetAtt":
		n.Tag = "!!str"
	case "!Sub":
		n.Tag, n.Value = "!!str", placeholder.ReplaceAllString(n.Value, "$1")
	}
	for _, c := range n.Content {
		resolveTags(c)
	}
}

// samEvents lists a function's triggers in template.yaml by their types.
func samEvents(t *testing.T, tpl template, function string) map[string][]map[string]any {
	t.Helper()
	var events map[string]struct {
		Type       string
		Properties map[string]any
	}
	convert(tpl.get(t, id(function)).Properties["Events"], &events)
	byType := map[string][]map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(events)) {
		byType[events[name].Type] = append(byType[events[name].Type], events[name].Properties)
	}
	return byType
}

func TestSAMFunctions(t *testing.T) {
	sam, cdk := readSAM(t), prodTemplate()
	wantEqual(t, "functions", sam.ofType("AWS::Serverless::Function"), cdk.ofType("AWS::Lambda::Function"))
	for _, f := range functionNames {
		got, want := sam.get(t, id(f)).Properties, cdk.get(t, id(f)).Properties
		for _, name := range []string{"Runtime", "Handler", "Architectures", "Timeout", "MemorySize", "RecursiveLoop"} {
			wantEqual(t, f+" "+name, got[name], want[name])
		}
		wantEqual(t, f+" CodeUri", got["CodeUri"], "functions/"+f+"/")
		wantEqual(t, f+" Tracing", got["Tracing"], want["TracingConfig"].(map[string]any)["Mode"])
		// What the two call a parameter is a value there.
		vars := maps.Clone(want["Environment"].(map[string]any)["Variables"].(map[string]any))
		for name, parameter := range map[string]string{"STAGE": "Stage", "HOLD_HOURS": "HoldHours", "DEPLOYMENT": "AWS::StackName"} {
			if _, ok := vars[name]; ok {
				vars[name] = parameter
			}
		}
		wantEqual(t, f+" environment", got["Environment"], map[string]any{"Variables": vars})
	}
}

func TestSAMStreamAndQueue(t *testing.T) {
	sam, cdk := readSAM(t), prodTemplate()
	for _, c := range []struct{ function, kind, source, arn string }{
		{"dispatcher", "DynamoDB", "VerificationsStream", "Stream"},
		{"retrier", "SQS", "DeliveryQueueSource", "Queue"},
	} {
		events := samEvents(t, sam, c.function)
		if len(events) != 1 || len(events[c.kind]) != 1 {
			t.Fatalf("%s: %v", c.function, events)
		}
		got := events[c.kind][0]
		got["EventSourceArn"], got["FunctionName"] = got[c.arn], id(c.function)
		delete(got, c.arn)
		if d, ok := got["DestinationConfig"].(map[string]any); ok {
			delete(d["OnFailure"].(map[string]any), "Type") // SAM's own
		}
		wantEqual(t, c.source, got, cdk.get(t, c.source).Properties)
	}
}

func TestSAMSchedule(t *testing.T) {
	events := samEvents(t, readSAM(t), "sweeper")
	if len(events) != 1 || len(events["Schedule"]) != 1 {
		t.Fatalf("sweeper: %v", events)
	}
	rule := prodTemplate().get(t, "EveryMinute").Properties
	wantEqual(t, "schedule", events["Schedule"][0], map[string]any{
		"Schedule":    rule["ScheduleExpression"],
		"RetryPolicy": rule["Targets"].([]any)[0].(map[string]any)["RetryPolicy"],
	})
}

func TestSAMRoutes(t *testing.T) {
	sam, cdk := readSAM(t), prodTemplate()
	got := map[string]string{}
	for _, f := range functionNames {
		for _, e := range samEvents(t, sam, f)["Api"] {
			auth := "NONE"
			if a, ok := e["Auth"].(map[string]any); ok {
				auth = a["Authorizer"].(string)
			}
			got[fmt.Sprint(e["Method"], " ", e["Path"])] = auth + " " + id(f)
			wantEqual(t, f+" API", e["RestApiId"], "Api")
		}
	}
	want := map[string]string{}
	for route, target := range routes(t, cdk) {
		auth, rest, _ := strings.Cut(target, " AWS_PROXY ")
		want[route] = auth + " " + strings.TrimSuffix(rest, ".Arn/invocations")
	}
	wantEqual(t, "routes", got, want)
	for _, f := range []string{"dispatcher", "retrier", "sweeper"} {
		if e := samEvents(t, sam, f)["Api"]; e != nil {
			t.Errorf("%s has routes: %v", f, e)
		}
	}
}

func TestSAMAPI(t *testing.T) {
	sam, cdk := readSAM(t).get(t, "Api").Properties, prodTemplate()
	// SAM writes a slash in a media type as ~1.
	wantEqual(t, "binary media types", sam["BinaryMediaTypes"], []any{"*~1*"})
	wantEqual(t, "endpoint", sam["EndpointConfiguration"], map[string]any{"Type": "REGIONAL"})
	stage := cdk.get(t, "ApiDeploymentStageprod").Properties["MethodSettings"].([]any)[0].(map[string]any)
	got := sam["MethodSettings"].([]any)[0].(map[string]any)
	for _, name := range []string{"ResourcePath", "HttpMethod", "ThrottlingRateLimit", "ThrottlingBurstLimit"} {
		wantEqual(t, name, got[name], stage[name])
	}
	for kind, r := range sam["GatewayResponses"].(map[string]any) {
		var got struct {
			StatusCode         any
			ResponseTemplates  map[string]string
			ResponseParameters struct{ Headers map[string]string }
		}
		convert(r, &got)
		var want struct {
			StatusCode                            string
			ResponseTemplates, ResponseParameters map[string]string
		}
		convert(cdk.get(t, "ApiProblem"+strings.ReplaceAll(kind, "_", "")).Properties, &want)
		wantEqual(t, kind+" status", fmt.Sprint(got.StatusCode), want.StatusCode)
		wantEqual(t, kind+" body", got.ResponseTemplates, want.ResponseTemplates)
		for name, v := range got.ResponseParameters.Headers {
			wantEqual(t, kind+" "+name, v, want.ResponseParameters["gatewayresponse.header."+name])
		}
	}
}

// The stores are the same; what differs by stage (backups, removal) is the CDK app's alone.
func TestSAMStores(t *testing.T) {
	sam, cdk := readSAM(t), prodTemplate()
	for id, properties := range map[string][]string{
		"Verifications": {"BillingMode", "SSESpecification", "AttributeDefinitions", "KeySchema", "StreamSpecification"},
		"Service":       {"BillingMode", "SSESpecification", "AttributeDefinitions", "KeySchema", "TimeToLiveSpecification"},
		"Deliveries": {
			"BillingMode", "SSESpecification", "AttributeDefinitions", "KeySchema", "TimeToLiveSpecification", "GlobalSecondaryIndexes",
		},
		"DeliveryQueue": {"VisibilityTimeout", "MessageRetentionPeriod", "SqsManagedSseEnabled", "RedrivePolicy"},
		"DeadLetters":   {"MessageRetentionPeriod", "SqsManagedSseEnabled"},
		"Parked":        {"PublicAccessBlockConfiguration"},
		"SecretsKey":    {"Description", "EnableKeyRotation", "PendingWindowInDays"},
	} {
		got, want := sam.get(t, id), cdk.get(t, id)
		wantEqual(t, id, got.Type, want.Type)
		for _, name := range properties {
			if got.Properties[name] == nil {
				t.Errorf("%s has no %s", id, name)
			}
			wantEqual(t, id+" "+name, got.Properties[name], want.Properties[name])
		}
	}
}

// SAM adds the rights for logs, traces and event sources by itself; all others must be the CDK app's.
func TestSAMPermissions(t *testing.T) {
	own := regexp.MustCompile(`^(dispatcher +dynamodb:(DescribeStream|GetRecords|GetShardIterator|ListStreams)|` +
		`retrier +sqs:(ReceiveMessage|DeleteMessage|ChangeMessageVisibility|GetQueueAttributes)|\w+ +(logs|xray):\w+) `)
	var want []string
	for _, line := range permissions(t, prodTemplate()) {
		if !own.MatchString(line) {
			want = append(want, line)
		}
	}
	sam := readSAM(t)
	var got []string
	for _, f := range functionNames {
		var policies []struct{ Statement []map[string]any }
		convert(sam.get(t, id(f)).Properties["Policies"], &policies)
		for _, p := range policies {
			got = append(got, allowed(t, f, p.Statement)...)
		}
	}
	slices.Sort(got)
	wantEqual(t, "permissions", got, want)
}
