package infra

import (
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"github.com/cr3dentials/verification-webhooks/shared/env"
)

// functionNames are the deployable units, named as their folders under functions/.
var functionNames = []string{"portal", "admin", "dispatcher", "retrier", "sweeper"}

// title is a function's name as it stands in ids.
func title(function string) string { return strings.ToUpper(function[:1]) + function[1:] }

// functionSpec is what differs between the functions.
type functionSpec struct {
	id, name       string // construct id; folder
	description    string
	timeoutSeconds float64
	memoryMB       float64
	env            []string // names from shared/env
	ownHosts       []string // host names that no webhook may have
	callsWebhooks  bool     // so it trusts the local CA on stage local, and has the fixed addresses
	recursive      bool     // enqueues its own successors on purpose
	may            []awsiam.PolicyStatement
}

// addFunction makes a function with its own log group and role. The role is handed to CDK closed to additions, so that
// no helper can widen it unseen.
func (k *VerificationWebhooks) addFunction(spec functionSpec) awslambda.Function {
	logs := awslogs.NewLogGroup(k.Construct, jsii.String(spec.id+"Logs"), &awslogs.LogGroupProps{
		Retention: k.logRetention(), RemovalPolicy: k.removal(),
	})
	uncheckedLogs(logs)
	role := k.roleOf(spec, logs)
	tracing := awslambda.Tracing_ACTIVE
	if k.props.Untraced {
		tracing = awslambda.Tracing_DISABLED
	}
	arch := awslambda.Architecture_X86_64()
	if k.props.arm64() {
		arch = awslambda.Architecture_ARM_64()
	}
	props := &awslambda.FunctionProps{
		Description:  jsii.String(spec.description),
		Runtime:      awslambda.Runtime_PROVIDED_AL2023(),
		Handler:      jsii.String("bootstrap"),
		Architecture: arch,
		Code:         awslambda.Code_FromAsset(jsii.String(k.props.codeDir(spec.name)), nil),
		Timeout:      awscdk.Duration_Seconds(jsii.Number(spec.timeoutSeconds)),
		MemorySize:   jsii.Number(spec.memoryMB),
		Environment:  k.environment(spec),
		Role:         role.WithoutPolicyUpdates(nil),
		LogGroup:     logs,
		Tracing:      tracing,
	}
	if k.network != nil && spec.callsWebhooks {
		props.Vpc, props.SecurityGroups = k.network.vpc, &[]awsec2.ISecurityGroup{k.network.group}
		props.VpcSubnets = &awsec2.SubnetSelection{SubnetType: awsec2.SubnetType_PRIVATE_WITH_EGRESS}
	}
	if n := k.props.ReservedConcurrency.of(spec.name); n > 0 {
		props.ReservedConcurrentExecutions = jsii.Number(float64(n))
	}
	if spec.recursive {
		props.RecursiveLoop = awslambda.RecursiveLoop_ALLOW
	}
	f := awslambda.NewFunction(k.Construct, jsii.String(spec.id), props)
	reasons := map[string]string{
		"CKV_AWS_115": "ReservedConcurrency is a prop: what is reserved is taken from the rest of the account, which its owner must weigh",
		"CKV_AWS_116": "Not invoked asynchronously but by the schedule, whose next run makes up for one: stream and queue have their own destinations for failures",
		"CKV_AWS_117": "Egress is a prop: a VPC costs NAT gateways. Where connections may go is decided in the code that makes them",
		"CKV_AWS_173": "Variables hold names of resources and no secrets",
	}
	if k.props.Untraced {
		reasons["CKV_AWS_50"] = "Untraced is a prop: where there is little to do tracing costs more than all the rest"
	}
	unchecked(f, reasons)
	k.functions[spec.name], k.logGroups[spec.name] = f, logs
	return f
}

// roleOf holds exactly what spec.may lists, and what the function's logs, traces and network interfaces take.
func (k *VerificationWebhooks) roleOf(spec functionSpec, logs awslogs.LogGroup) awsiam.Role {
	may, private := spec.may, k.network != nil && spec.callsWebhooks
	if private {
		may = append(may, k.mayHaveInterfaces()...)
	}
	if !k.props.Untraced {
		// X-Ray has no resources to name.
		may = append(may, allow(list(jsii.String("*")), "xray:PutTraceSegments", "xray:PutTelemetryRecords"))
	}
	may = append(may, allow(list(logs.LogGroupArn()), "logs:CreateLogStream", "logs:PutLogEvents"))
	role := awsiam.NewRole(k.Construct, jsii.String(spec.id+"Role"), &awsiam.RoleProps{
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
		Description: jsii.String("Role of the function " + spec.name),
		InlinePolicies: &map[string]awsiam.PolicyDocument{
			"permissions": awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &may}),
		},
	})
	if private {
		unchecked(role, map[string]string{"CKV_AWS_111": "Network interfaces have no ARNs before Lambda makes them; the function's own code is denied to"})
	}
	return role
}

// uncheckedLogs: encrypted with the key that CloudWatch Logs manages.
func uncheckedLogs(g awslogs.LogGroup) {
	unchecked(g, map[string]string{"CKV_AWS_158": "Encrypted with the key of CloudWatch Logs; neither secrets nor bodies are logged"})
}

// environment gives a function the variables that it names and that have a value, and no others.
func (k *VerificationWebhooks) environment(spec functionSpec) *map[string]*string {
	all := map[string]*string{
		env.ServiceTable:       k.service.TableName(),
		env.DeliveriesTable:    k.deliveries.TableName(),
		env.VerificationsTable: k.verifications.TableName(),
		env.QueueURL:           k.queue.QueueUrl(),
		env.DeadLettersURL:     k.deadLetters.QueueUrl(),
		env.ParkedBucket:       k.parked.BucketName(),
		env.KMSKeyID:           k.key.KeyId(),
		env.HoldHours:          jsii.String(strconv.Itoa(k.props.HoldHours)),
		env.Stage:              jsii.String(k.props.StageName),
		env.ConsoleURL:         jsii.String(k.props.ConsoleURL),
		env.EventBus:           jsii.String(k.props.EventBus),
		env.FrameAncestors:     jsii.String(strings.Join(k.props.FrameAncestors, ",")),
	}
	vars := map[string]*string{env.Deployment: jsii.String(k.label)}
	for _, name := range spec.env {
		if *all[name] != "" {
			vars[name] = all[name]
		}
	}
	if len(spec.ownHosts) > 0 {
		vars[env.OwnHosts] = jsii.String(strings.Join(spec.ownHosts, ","))
	}
	if ca := k.props.Local; spec.callsWebhooks && ca != nil && ca.CACert != "" {
		vars["SSL_CERT_FILE"] = jsii.String(ca.CACert)
	}
	return &vars
}

// allow is a statement with exactly these actions on exactly these resources.
func allow(resources []*string, actions ...string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings(actions...), Resources: &resources,
	})
}

// allowKey lets a function use the key for this application's data keys only: the encryption context is the one that
// the vault passes with every call.
func (k *VerificationWebhooks) allowKey(actions ...string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings(actions...), Resources: &[]*string{k.key.KeyArn()},
		Conditions: &map[string]any{
			"StringEquals": map[string]string{"kms:EncryptionContext:app": "verification-webhooks"},
		},
	})
}

// allowOutbox lets a function do this with the operational events in the service table, and with nothing else there.
func (k *VerificationWebhooks) allowOutbox(actions ...string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings(actions...), Resources: &[]*string{k.service.TableArn()},
		Conditions: &map[string]any{
			"ForAllValues:StringEquals": map[string]any{"dynamodb:LeadingKeys": []string{env.OutboxPartition}},
		},
	})
}

// allowEvents lets a function publish operational events on the one bus that they go to.
func (k *VerificationWebhooks) allowEvents() awsiam.PolicyStatement {
	bus := jsii.String(k.props.EventBus)
	if !strings.HasPrefix(k.props.EventBus, "arn:") {
		name := k.props.EventBus
		if name == "" {
			name = "default"
		}
		bus = k.stack.FormatArn(&awscdk.ArnComponents{
			Service: jsii.String("events"), Resource: jsii.String("event-bus"), ResourceName: jsii.String(name),
		})
	}
	return allow(list(bus), "events:PutEvents")
}

func list(resources ...*string) []*string { return resources }

func ptr[T any](v T) *T { return &v }
