package main

import (
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"github.com/cr3dentials/verification-webhooks/shared/env"
)

// functionNames are the deployable units, named as their folders under functions/.
var functionNames = []string{"portal", "admin", "dispatcher", "retrier", "sweeper"}

// functionSpec is what differs between the functions.
type functionSpec struct {
	id, name       string // construct id; folder
	description    string
	timeoutSeconds float64
	memoryMB       float64
	env            []string // names from shared/env
	ownHosts       []string // host names that no webhook may have
	trustsCA       bool     // calls webhooks, so it must trust the local CA on stage local
	recursive      bool     // enqueues its own successors on purpose
	may            []awsiam.PolicyStatement
}

// addFunction makes a function with its own log group and role. The role holds exactly what spec.may lists, and its
// own logging and tracing: it is handed to CDK closed to additions, so that no helper can widen it unseen.
func (k *stack) addFunction(spec functionSpec) awslambda.Function {
	logs := awslogs.NewLogGroup(k.Stack, jsii.String(spec.id+"Logs"), &awslogs.LogGroupProps{
		Retention: k.logRetention(), RemovalPolicy: k.removal(),
	})
	role := awsiam.NewRole(k.Stack, jsii.String(spec.id+"Role"), &awsiam.RoleProps{
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
		Description: jsii.String("Role of the function " + spec.name),
		InlinePolicies: &map[string]awsiam.PolicyDocument{
			"permissions": awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: ptr(append(spec.may,
				allow(list(logs.LogGroupArn()), "logs:CreateLogStream", "logs:PutLogEvents"),
				// X-Ray has no resources to name.
				allow(list(jsii.String("*")), "xray:PutTraceSegments", "xray:PutTelemetryRecords"),
			))}),
		},
	})
	arch := awslambda.Architecture_X86_64()
	if k.arm64() {
		arch = awslambda.Architecture_ARM_64()
	}
	props := &awslambda.FunctionProps{
		Description:  jsii.String(spec.description),
		Runtime:      awslambda.Runtime_PROVIDED_AL2023(),
		Handler:      jsii.String("bootstrap"),
		Architecture: arch,
		Code:         awslambda.Code_FromAsset(jsii.String(k.codeDir(spec.name)), nil),
		Timeout:      awscdk.Duration_Seconds(jsii.Number(spec.timeoutSeconds)),
		MemorySize:   jsii.Number(spec.memoryMB),
		Environment:  k.environment(spec),
		Role:         role.WithoutPolicyUpdates(nil),
		LogGroup:     logs,
		Tracing:      awslambda.Tracing_ACTIVE,
	}
	if spec.recursive {
		props.RecursiveLoop = awslambda.RecursiveLoop_ALLOW
	}
	f := awslambda.NewFunction(k.Stack, jsii.String(spec.id), props)
	k.functions[spec.name], k.logGroups[spec.name] = f, logs
	return f
}

// environment gives a function the variables that it names and that have a value, and no others.
func (k *stack) environment(spec functionSpec) *map[string]*string {
	all := map[string]*string{
		env.ServiceTable:       k.service.TableName(),
		env.DeliveriesTable:    k.deliveries.TableName(),
		env.VerificationsTable: k.verifications.TableName(),
		env.QueueURL:           k.queue.QueueUrl(),
		env.DeadLettersURL:     k.deadLetters.QueueUrl(),
		env.ParkedBucket:       k.parked.BucketName(),
		env.KMSKeyID:           k.key.KeyId(),
		env.HoldHours:          jsii.String(strconv.Itoa(k.HoldHours)),
		env.Stage:              jsii.String(k.Stage),
		env.ConsoleURL:         jsii.String(k.ConsoleURL),
		env.EventBus:           jsii.String(k.EventBus),
		env.FrameAncestors:     jsii.String(k.FrameAncestors),
	}
	vars := map[string]*string{}
	for _, name := range spec.env {
		if *all[name] != "" {
			vars[name] = all[name]
		}
	}
	if len(spec.ownHosts) > 0 {
		vars[env.OwnHosts] = jsii.String(strings.Join(spec.ownHosts, ","))
	}
	if spec.trustsCA && k.CACert != "" {
		vars["SSL_CERT_FILE"] = jsii.String(k.CACert)
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
func (k *stack) allowKey(actions ...string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings(actions...), Resources: &[]*string{k.key.KeyArn()},
		Conditions: &map[string]any{
			"StringEquals": map[string]string{"kms:EncryptionContext:app": "verification-webhooks"},
		},
	})
}

// allowOutbox lets a function do this with the operational events in the service table, and with nothing else there.
func (k *stack) allowOutbox(actions ...string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings(actions...), Resources: &[]*string{k.service.TableArn()},
		Conditions: &map[string]any{
			"ForAllValues:StringEquals": map[string]any{"dynamodb:LeadingKeys": []string{env.OutboxPartition}},
		},
	})
}

// allowEvents lets a function publish operational events on the one bus that they go to.
func (k *stack) allowEvents() awsiam.PolicyStatement {
	bus := jsii.String(k.EventBus)
	if !strings.HasPrefix(k.EventBus, "arn:") {
		name := k.EventBus
		if name == "" {
			name = "default"
		}
		bus = k.FormatArn(&awscdk.ArnComponents{
			Service: jsii.String("events"), Resource: jsii.String("event-bus"), ResourceName: jsii.String(name),
		})
	}
	return allow(list(bus), "events:PutEvents")
}

func list(resources ...*string) []*string { return resources }

func ptr[T any](v T) *T { return &v }
