package infra

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// addAPI makes the one REST API, without its routes: the functions that send are told its name, so that no webhook
// leads back to it, and the routes need the functions.
func (k *VerificationWebhooks) addAPI() {
	k.api = awsapigateway.NewRestApi(k.Construct, jsii.String("Api"), &awsapigateway.RestApiProps{
		// A label, which the API's metrics are kept under: two APIs may have the same, so it tells the copies apart.
		RestApiName:   jsii.String(k.label),
		Description:   jsii.String("Verification webhooks, stage " + k.props.StageName),
		EndpointTypes: &[]awsapigateway.EndpointType{awsapigateway.EndpointType_REGIONAL},
		// Bodies reach the functions as the bytes that were sent. As text, bytes that are not UTF-8 would be replaced
		// on the way, and the strict check of the JSON would have nothing left to refuse.
		BinaryMediaTypes:            jsii.Strings("*/*"),
		CloudWatchRole:              jsii.Bool(k.props.APIGatewayAccount),
		CloudWatchRoleRemovalPolicy: k.accountRemoval(),
		DeployOptions:               k.apiStage(),
		Policy:                      k.props.ResourcePolicy,
		DisableExecuteApiEndpoint:   k.closesOwnName(),
	})
	// CDK's own output of the address; outputs.go has it without the slash.
	k.api.Node().TryRemoveChild(jsii.String("Endpoint"))

	for _, p := range gatewayProblems {
		k.api.AddGatewayResponse(jsii.String("Problem"+*p.kind().ResponseType()), p.options())
	}
}

// closesOwnName leaves a stack without a domain as it is.
func (k *VerificationWebhooks) closesOwnName() *bool {
	if d := k.props.Domain; d != nil && d.Only {
		return jsii.Bool(true)
	}
	return nil
}

// apiHost is the API's own host name.
func (k *VerificationWebhooks) apiHost() string {
	return *k.api.RestApiId() + ".execute-api." + *k.stack.Region() + "." + *k.stack.UrlSuffix()
}

// addRoutes leads /admin/... to the administration, signed with AWS credentials, and everything else to the portal,
// which authenticates by itself.
func (k *VerificationWebhooks) addRoutes() {
	none := &awsapigateway.MethodOptions{AuthorizationType: awsapigateway.AuthorizationType_NONE}
	iam := &awsapigateway.MethodOptions{AuthorizationType: awsapigateway.AuthorizationType_IAM}
	if k.props.local() {
		// The emulator checks no signature, and the local binary takes administrators without one.
		iam = none
	}
	method := jsii.String("ANY")
	portal, admin := k.integration("portal"), k.integration("admin")
	root := k.api.Root()
	for _, m := range []awsapigateway.Method{
		root.AddMethod(method, portal, none),
		root.AddResource(jsii.String("{proxy+}"), nil).AddMethod(method, portal, none),
	} {
		unchecked(m, map[string]string{"CKV_AWS_59": "The portal checks keys itself, before anything else: a revoked one stops at once"})
	}
	unchecked(k.api.DeploymentStage(), map[string]string{"CKV_AWS_120": "Answers are each partner's own, and current"})
	root.AddResource(jsii.String("admin"), nil).AddResource(jsii.String("{proxy+}"), nil).AddMethod(method, admin, iam)
	// The stage calls what it may call already, when another alias or function takes over too.
	for _, child := range *k.api.Node().FindAll(constructs.ConstructOrder_PREORDER) {
		if permission, ok := child.(awslambda.CfnPermission); ok {
			// Of the stage alone: a test in API Gateway's console asks for no credentials. The name, as a reference to the stage
			// would come after it.
			permission.SetSourceArn(k.api.ArnForExecuteApi(jsii.String("*"), jsii.String("/*"), jsii.String(k.props.StageName)))
			k.api.LatestDeployment().Node().AddDependency(permission)
		}
	}
}

// integration has one permission to be called, of the whole API and not of each method.
func (k *VerificationWebhooks) integration(function string) awsapigateway.Integration {
	return awsapigateway.NewLambdaIntegration(k.called(function), &awsapigateway.LambdaIntegrationOptions{
		ScopePermissionToMethod: jsii.Bool(false),
	})
}

// accountRemoval: other APIs of the region may have come to rely on the account's role.
func (k *VerificationWebhooks) accountRemoval() awscdk.RemovalPolicy {
	if k.props.APIGatewayAccount {
		return awscdk.RemovalPolicy_RETAIN
	}
	return ""
}

// apiStage has limits for the whole API; each partner's own are kept by the portal.
func (k *VerificationWebhooks) apiStage() *awsapigateway.StageOptions {
	options := &awsapigateway.StageOptions{
		StageName:            jsii.String(k.props.StageName),
		ThrottlingRateLimit:  jsii.Number(float64(k.props.Throttling.Rate)),
		ThrottlingBurstLimit: jsii.Number(float64(k.props.Throttling.Burst)),
		TracingEnabled:       jsii.Bool(!k.props.local() && !k.props.Untraced),
	}
	if k.props.local() {
		return options
	}
	logs := awslogs.NewLogGroup(k.Construct, jsii.String("ApiLogs"), &awslogs.LogGroupProps{
		Retention: k.logRetention(), RemovalPolicy: k.removal(),
	})
	uncheckedLogs(logs)
	k.apiLogs = logs
	options.AccessLogDestination = awsapigateway.NewLogGroupLogDestination(logs)
	options.AccessLogFormat = awsapigateway.AccessLogFormat_Custom(jsii.String(`{"deployment":"` + k.label + `",` + accessLogFormat))
	return options
}

// accessLogFormat has no header, no query string and no body: none of them is free of secrets. Before it stands the label,
// for the metric that is read out of it.
const accessLogFormat = `"event":"api.access","apiRequestId":"$context.requestId","requestId":"$context.integration.requestId","time":"$context.requestTimeEpoch",` +
	`"method":"$context.httpMethod","path":"$context.path","status":"$context.status",` +
	`"durationMs":"$context.responseLatency","bytes":"$context.responseLength","sourceIp":"$context.identity.sourceIp",` +
	`"caller":"$context.identity.userArn","error":"$context.error.responseType"}`

// gatewayProblem is what API Gateway itself answers in one kind of error: a problem document with the members that the
// portal's own have. The defaults stand for every kind that is not listed, so those answer with 400 or 500.
type gatewayProblem struct {
	kind   func() awsapigateway.ResponseType
	status int
	code   string
	detail string
}

var gatewayProblems = []gatewayProblem{
	{awsapigateway.ResponseType_DEFAULT_4XX, 400, "invalid", "The request was refused."},
	{awsapigateway.ResponseType_DEFAULT_5XX, 500, "internal", "Something went wrong on our side."},
	{awsapigateway.ResponseType_MISSING_AUTHENTICATION_TOKEN, 403, "forbidden", "There is no such route, or it takes requests signed with AWS credentials only."},
	{awsapigateway.ResponseType_ACCESS_DENIED, 403, "forbidden", "These AWS credentials are not allowed to do this."},
	{awsapigateway.ResponseType_INVALID_SIGNATURE, 403, "forbidden", "The request's AWS signature is not right."},
	{awsapigateway.ResponseType_EXPIRED_TOKEN, 403, "forbidden", "The AWS credentials have expired."},
	{awsapigateway.ResponseType_WAF_FILTERED, 403, "forbidden", "The request was refused."},
	{awsapigateway.ResponseType_REQUEST_TOO_LARGE, 413, "invalid", "The request is too large."},
	{awsapigateway.ResponseType_THROTTLED, 429, "rate_limited", "Too many requests. Try again later."},
	{awsapigateway.ResponseType_INTEGRATION_FAILURE, 502, "unavailable", "A part of the service did not answer. Try again."},
	{awsapigateway.ResponseType_INTEGRATION_TIMEOUT, 504, "unavailable", "A part of the service did not answer. Try again."},
}

func (p gatewayProblem) options() *awsapigateway.GatewayResponseOptions {
	body := struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Code   string `json:"code"`
		Detail string `json:"detail"`
	}{"about:blank", http.StatusText(p.status), p.status, p.code, p.detail}
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // strings and a number
	}
	return &awsapigateway.GatewayResponseOptions{
		Type: p.kind(), StatusCode: jsii.String(strconv.Itoa(p.status)),
		// The key is not the answer's type but the one template that every request gets; the header is what is sent.
		Templates: &map[string]*string{"application/json": jsii.String(string(text))},
		ResponseHeaders: &map[string]*string{
			"Content-Type":  jsii.String("'application/problem+json'"),
			"Cache-Control": jsii.String("'no-store'"),
		},
	}
}
