package infra

import (
	"path/filepath"
	"runtime"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
)

// VerificationWebhooksProps says what one copy of the product is like. Values are plain, not awscdk's pointers: what is
// left out has the default that its comment names, and none of the zero values means anything else. What belongs to
// the CDK (a topic, a certificate, a VPC) is passed as the CDK has it.
type VerificationWebhooksProps struct {
	// CodeDir holds <function>/bootstrap for each of the five functions: .build/lambda after `make build`. Required.
	CodeDir string
	// StageName is the name of the API's stage. Partners see it as the first part of every path, unless there is a
	// Domain, and operators in every log line. "prod" if empty.
	StageName string
	// Destroyable lets what holds data go with the stack: for trying out. Otherwise tables, bucket, queues, key and logs
	// stay when the stack goes, tables are protected from deletion and can be restored to any point of 35 days, and the
	// bucket keeps versions.
	Destroyable bool

	// VerificationsTable attaches the table that verification systems write to already. A table is made if nil.
	VerificationsTable *ExistingTable
	// HoldHours is how long events are held for an inactive webhook, 1 to 336. 168 if 0.
	HoldHours int
	// ParkedDays is how long records are kept that could not become events, 1 to 3650. 180 if 0.
	ParkedDays int
	// LogDays is how long logs are kept: a number of days that CloudWatch Logs has. 90 if 0.
	LogDays int
	// EventBus is the name or the ARN of the event bus for operational events. The account's default bus if empty.
	EventBus string
	// AlarmTopic is notified when an alarm begins and ends; NewAlarmTopic makes one. Alarms notify nobody if nil.
	AlarmTopic awssns.ITopic
	// TicketTopic is notified in place of AlarmTopic by the alarms that can wait until the morning. AlarmTopic is if nil.
	TicketTopic awssns.ITopic
	// RunbookURL is where alarms say that infra/RUNBOOK.md is to be read, without a fragment. "infra/RUNBOOK.md" if empty.
	RunbookURL string

	// Domain is the API's and the console's own name. They have API Gateway's if nil.
	Domain *Domain
	// ConsoleURL is the console's address where it is not the API's own.
	ConsoleURL string
	// OwnHosts are further host names under which this product answers: no webhook may lead to one. Those of the API, of
	// Domain and of ConsoleURL need not be named.
	OwnHosts []string
	// FrameAncestors are the origins whose pages may embed the console, such as https://portal.example.com. No page may
	// if empty.
	FrameAncestors []string
	// ResourcePolicy is the API's: who may call it at all, such as a range of addresses. Everybody may if nil.
	ResourcePolicy awsiam.PolicyDocument
	// WebACLArn is that of an AWS WAF web ACL of the region that looks at the API's requests first. None does if empty.
	WebACLArn string
	// APIGatewayAccount sets API Gateway's CloudWatch role. A region of an account has one, which all its APIs share and
	// without which none can write access logs: set it in one place only. It stays when the stack goes.
	APIGatewayAccount bool

	// Egress lets webhooks be called from addresses that partners can allow. Lambda's own, which change, if nil.
	Egress *Egress
	// RetrierConcurrency is how many batches of the delivery queue are worked on at once, 2 to 1000. 50 if 0.
	RetrierConcurrency int
	// ReservedConcurrency is taken out of the account's concurrency for single functions, each of which then has
	// exactly so much. A function whose number is 0 shares the rest.
	ReservedConcurrency Concurrency
	// AccountConcurrency is what the account may use of Lambda's concurrency in this region (Service Quotas): an alarm comes
	// at four fifths of it. 1000 if 0, which is AWS' default; new accounts may have less.
	AccountConcurrency int
	// Untraced leaves X-Ray out. Otherwise invocations are traced: of a busy function one a second and 5 % of the others, which
	// costs next to nothing; of one with less to do than that each, 5 USD a million of them.
	Untraced bool
	// Rollout leads traffic to new versions of the functions by and by, and back if one fails: canary10Percent5Minutes, or
	// another of CodeDeploy's ways, or immediately, without CodeDeploy (rollout.go). Without versions if empty. Not with Local.
	Rollout string
	// Throttling limits the whole API; each partner's own limit is kept by the portal.
	Throttling Throttling

	// Local makes the copy for the emulator on this machine, which lacks some of AWS and checks no signatures: never for
	// AWS. StageName is "local" then, and CodeDir .build/local.
	Local *Local
}

// ExistingTable is a table whose key is verificationId (S) and whose stream has new and old images. If it is encrypted
// with a customer-managed key, that key's policy must let PortalRole and DispatcherRole decrypt.
type ExistingTable struct {
	Arn, StreamArn string
}

// Domain is a custom domain name of the API. With it the stage is in no path.
type Domain struct {
	// Name is the host name.
	Name string
	// Certificate is one for Name, in the region of the stack.
	Certificate awscertificatemanager.ICertificate
	// HostedZone gets the records that lead there. If nil, point Name to DomainTarget yourself.
	HostedZone awsroute53.IHostedZone
	// Only closes the API's other name, API Gateway's own.
	Only bool
}

// Egress is a network of which all that the portal, dispatcher and retrier send leaves by NAT gateways.
type Egress struct {
	// VPC is one that exists; its private subnets must lead out by NAT gateways, whose addresses are its owner's
	// concern. One is made if nil, with endpoints for DynamoDB and S3.
	VPC awsec2.IVpc
	// Addresses is how many addresses a VPC that is made has, each with a NAT gateway in a zone of its own: 1 or 2, 2 if
	// 0. More zones than two are not known where the stack has no account of its own; a larger network is a VPC of yours.
	// Unless Destroyable, they are kept when the stack goes, so that what partners allow stays right.
	Addresses int
	// CIDR is the range of a VPC that is made. 10.0.0.0/16 if empty.
	CIDR string
}

// Concurrency is a number of invocations at once for each function.
type Concurrency struct {
	Portal, Admin, Dispatcher, Retrier, Sweeper int
}

// of returns a function's number.
func (c Concurrency) of(function string) int {
	return map[string]int{
		"portal": c.Portal, "admin": c.Admin, "dispatcher": c.Dispatcher, "retrier": c.Retrier, "sweeper": c.Sweeper,
	}[function]
}

// Throttling is a limit of requests: so many a second, and so many at once in a burst. 1000 and 2000 if 0.
type Throttling struct {
	Rate, Burst int
}

// Local is what only the emulator needs.
type Local struct {
	// CACert is the path of a CA bundle that the functions trust in place of the system's; the system's if empty.
	CACert string
}

// localStage is known to the functions as well: it lets pages of localhost embed the console.
const localStage = "local"

func (p *VerificationWebhooksProps) local() bool { return p.Local != nil }

// codeDir is the folder of a function's binary.
func (p *VerificationWebhooksProps) codeDir(function string) string {
	return filepath.Join(p.CodeDir, function)
}

// arm64 tells whether the functions run on arm64: always in AWS, as the host does on the local stage.
func (p *VerificationWebhooksProps) arm64() bool { return !p.local() || runtime.GOARCH == "arm64" }

// withDefaults returns a copy in which everything that has a default has a value.
func (p VerificationWebhooksProps) withDefaults() VerificationWebhooksProps {
	or := func(n *int, without int) {
		if *n == 0 {
			*n = without
		}
	}
	or(&p.HoldHours, 168)
	or(&p.ParkedDays, 180)
	or(&p.LogDays, 90)
	or(&p.RetrierConcurrency, 50)
	or(&p.AccountConcurrency, 1000)
	if p.RunbookURL == "" {
		p.RunbookURL = "infra/RUNBOOK.md"
	}
	rate, burst := 1000, 2000
	if p.local() {
		rate, burst = 10000, 10000
	}
	or(&p.Throttling.Rate, rate)
	or(&p.Throttling.Burst, burst)
	if p.Egress != nil {
		e := *p.Egress
		or(&e.Addresses, 2)
		if e.CIDR == "" {
			e.CIDR = "10.0.0.0/16"
		}
		p.Egress = &e
	}
	if p.StageName == "" {
		p.StageName = "prod"
		if p.local() {
			p.StageName = localStage
		}
	}
	return p
}
