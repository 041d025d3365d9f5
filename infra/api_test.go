package infra

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
)

// routes lists the API's methods with how a caller is authenticated and what answers.
func routes(t *testing.T, tpl template) map[string]string {
	t.Helper()
	paths := map[string]string{"Api.RootResourceId": "/"}
	for _, id := range []string{"Apiproxy", "Apiadmin", "Apiadminproxy"} {
		p := tpl.get(t, id).Properties
		paths[id] = strings.TrimSuffix(paths[p["ParentId"].(string)], "/") + "/" + p["PathPart"].(string)
	}
	got := map[string]string{}
	for _, id := range tpl.ofType("AWS::ApiGateway::Method") {
		var m struct {
			HttpMethod, AuthorizationType, ResourceId string
			Integration                               struct{ Type, Uri string }
		}
		convert(tpl.get(t, id).Properties, &m)
		_, function, _ := strings.Cut(m.Integration.Uri, "functions/")
		got[m.HttpMethod+" "+paths[m.ResourceId]] = m.AuthorizationType + " " + m.Integration.Type + " " + function
	}
	return got
}

func TestRoutes(t *testing.T) {
	each(t, func(t *testing.T, stage string, tpl template) {
		admin := "AWS_IAM"
		if stage == stageLocal {
			admin = "NONE"
		}
		wantEqual(t, "routes", routes(t, tpl), map[string]string{
			"ANY /":               "NONE AWS_PROXY Portal.Arn/invocations",
			"ANY /{proxy+}":       "NONE AWS_PROXY Portal.Arn/invocations",
			"ANY /admin/{proxy+}": admin + " AWS_PROXY Admin.Arn/invocations",
		})
		tpl.wantProperties(t, "Api", map[string]any{
			"BinaryMediaTypes": []any{"*/*"}, "EndpointConfiguration": map[string]any{"Types": []any{"REGIONAL"}},
		})
	})
}

// Each function may be invoked by its own trigger, and by no other account's API.
func TestInvokers(t *testing.T) {
	each(t, func(t *testing.T, stage string, tpl template) {
		const api = "arn:AWS::Partition:execute-api:AWS::Region:AWS::AccountId:Api/"
		var got []string
		for _, id := range tpl.ofType("AWS::Lambda::Permission") {
			var p struct{ Action, FunctionName, Principal, SourceArn string }
			convert(tpl.get(t, id).Properties, &p)
			got = append(got, strings.Join([]string{p.Principal, p.SourceArn, p.Action, p.FunctionName}, " "))
		}
		slices.Sort(got)
		wantEqual(t, "permissions", got, []string{
			"apigateway.amazonaws.com " + api + stage + "/*/* lambda:InvokeFunction Admin.Arn",
			"apigateway.amazonaws.com " + api + stage + "/*/* lambda:InvokeFunction Portal.Arn",
			"events.amazonaws.com EveryMinute.Arn lambda:InvokeFunction Sweeper.Arn",
		})
	})
}

// TestAPIMayCallFirst: API Gateway's stage leads to what it calls after the permission to call it, also when a Rollout is
// switched on or off and other permissions take the place of these.
func TestAPIMayCallFirst(t *testing.T) {
	for name, rollout := range map[string]string{"without a Rollout": "", "with one": "canary10Percent5Minutes", "without CodeDeploy": immediately} {
		stack := stackOf(VerificationWebhooksProps{APIGatewayAccount: true, Rollout: rollout})
		var raw struct {
			Resources map[string]struct {
				Type       string
				DependsOn  []string
				Properties map[string]any
			}
		}
		convert(*assertions.Template_FromStack(stack, nil).ToJSON(), &raw)
		permissions, awaited := 0, 0
		for id, r := range raw.Resources {
			if r.Type != "AWS::Lambda::Permission" || r.Properties["Principal"] != "apigateway.amazonaws.com" {
				continue
			}
			permissions++
			for _, d := range raw.Resources {
				if d.Type == "AWS::ApiGateway::Deployment" && slices.Contains(d.DependsOn, id) {
					awaited++
				}
			}
			if source := asJSON(r.Properties["SourceArn"]); strings.Contains(source, "Stage") {
				t.Errorf("%s: %s comes after the stage: %s", name, id, source)
			}
		}
		if permissions != 2 || awaited != 2 {
			t.Errorf("%s: the API's deployment waits for %d of %d permissions, want 2", name, awaited, permissions)
		}
	}
}

func TestAPIStage(t *testing.T) {
	each(t, func(t *testing.T, stage string, tpl template) {
		rate, burst := 1000, 2000
		if stage == stageLocal {
			rate, burst = 10000, 10000
		}
		id := "ApiDeploymentStage" + stage
		tpl.wantProperties(t, id, map[string]any{"StageName": stage})
		var s struct {
			MethodSettings []struct {
				HttpMethod, ResourcePath                  string
				ThrottlingRateLimit, ThrottlingBurstLimit int
				DataTraceEnabled                          bool
			}
			AccessLogSetting struct{ DestinationArn, Format string }
		}
		convert(tpl.get(t, id).Properties, &s)
		if len(s.MethodSettings) != 1 {
			t.Fatalf("method settings: %+v", s.MethodSettings)
		}
		if m := s.MethodSettings[0]; m.HttpMethod != "*" || m.ResourcePath != "/*" || m.DataTraceEnabled ||
			m.ThrottlingRateLimit != rate || m.ThrottlingBurstLimit != burst {
			t.Errorf("method settings: %+v", m)
		}
		if stage == stageLocal {
			wantEqual(t, "access log", s.AccessLogSetting.Format, "")
			return
		}
		wantEqual(t, "access log's group", s.AccessLogSetting.DestinationArn, "ApiLogs.Arn")
		var line map[string]string
		if err := json.Unmarshal([]byte(s.AccessLogSetting.Format), &line); err != nil {
			t.Fatalf("the access log's format is not JSON: %v", err)
		}
		for _, v := range line {
			if strings.Contains(v, "header") || strings.Contains(v, "authorize") || strings.Contains(v, "querystring") {
				t.Errorf("the access log may hold a secret: %s", v)
			}
		}
	})
}

// One API Gateway account belongs to a region, so the stack leaves it alone when told to, and never takes it along.
func TestAPIGatewayAccount(t *testing.T) {
	prod := prodTemplate()
	wantEqual(t, "prod", prod.ofType("AWS::ApiGateway::Account"), []string{"ApiAccount"})
	for _, id := range []string{"ApiAccount", "ApiCloudWatchRole"} {
		wantEqual(t, id, prod.get(t, id).DeletionPolicy, "Retain")
	}
	wantEqual(t, "existing", attached().ofType("AWS::ApiGateway::Account"), nil)
	wantEqual(t, "local", localTemplate().ofType("AWS::ApiGateway::Account"), nil)
}

func TestGatewayProblems(t *testing.T) {
	statuses := map[string]int{
		"DEFAULT_4XX": 400, "DEFAULT_5XX": 500, "MISSING_AUTHENTICATION_TOKEN": 403, "ACCESS_DENIED": 403,
		"INVALID_SIGNATURE": 403, "EXPIRED_TOKEN": 403, "WAF_FILTERED": 403, "REQUEST_TOO_LARGE": 413, "THROTTLED": 429,
		"INTEGRATION_FAILURE": 502, "INTEGRATION_TIMEOUT": 504,
	}
	each(t, func(t *testing.T, _ string, tpl template) {
		ids := tpl.ofType("AWS::ApiGateway::GatewayResponse")
		if len(ids) != len(statuses) {
			t.Errorf("%d kinds, want %d", len(ids), len(statuses))
		}
		for _, id := range ids {
			var r struct {
				ResponseType, StatusCode string
				ResponseTemplates        map[string]string
				ResponseParameters       map[string]string
			}
			convert(tpl.get(t, id).Properties, &r)
			wantEqual(t, id+" content type", r.ResponseParameters["gatewayresponse.header.Content-Type"], "'application/problem+json'")
			var body struct {
				Type, Title, Code, Detail string
				Status                    int
			}
			if err := json.Unmarshal([]byte(r.ResponseTemplates["application/json"]), &body); err != nil {
				t.Errorf("%s: %v", id, err)
			}
			want, ok := statuses[r.ResponseType]
			if !ok || body.Status != want || r.StatusCode != strconv.Itoa(want) {
				t.Errorf("%s answers %s and says %d, want %d", r.ResponseType, r.StatusCode, body.Status, want)
			}
			if body.Type != "about:blank" || body.Title != http.StatusText(want) || body.Code == "" || body.Detail == "" {
				t.Errorf("%s: %+v", r.ResponseType, body)
			}
		}
	})
}
