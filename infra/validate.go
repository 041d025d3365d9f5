package infra

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"

	"github.com/cr3dentials/verification-webhooks/shared/env"
)

// Validate says everything that cannot work, each with the name of its field. NewVerificationWebhooks panics with it.
func (p VerificationWebhooksProps) Validate() error {
	p = p.withDefaults()
	var errs []error
	wrong := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("VerificationWebhooksProps."+field+": "+format, args...))
	}
	between := func(field string, n, least, most int) {
		if n < least || n > most {
			wrong(field, "want a number from %d to %d, have %d", least, most, n)
		}
	}
	p.validateNames(wrong)
	between("HoldHours", p.HoldHours, 1, 14*24)
	between("ParkedDays", p.ParkedDays, 1, 3650)
	between("RetrierConcurrency", p.RetrierConcurrency, 2, 1000)
	between("AccountConcurrency", p.AccountConcurrency, 10, 1_000_000)
	between("Throttling.Rate", p.Throttling.Rate, 1, 10000)
	between("Throttling.Burst", p.Throttling.Burst, 1, 10000)
	if _, ok := logRetention[p.LogDays]; !ok {
		wrong("LogDays", "CloudWatch Logs has no retention of %d days", p.LogDays)
	}
	for _, f := range functionNames {
		between("ReservedConcurrency."+title(f), p.ReservedConcurrency.of(f), 0, 100_000)
	}
	if n := p.ReservedConcurrency.Retrier; n > 0 && n < p.RetrierConcurrency {
		wrong("ReservedConcurrency.Retrier", "%d is less than RetrierConcurrency, %d: batches would use up their receives", n, p.RetrierConcurrency)
	}
	if t := p.VerificationsTable; t != nil && (!tableArn.MatchString(t.Arn) || !strings.HasPrefix(t.StreamArn, t.Arn+"/stream/")) {
		wrong("VerificationsTable", "want the ARN of a table and that of its stream, have %q and %q", t.Arn, t.StreamArn)
	}
	if e := p.Egress; e != nil {
		between("Egress.Addresses", e.Addresses, 1, 2)
		if prefix, err := netip.ParsePrefix(e.CIDR); err != nil || prefix.Bits() < 16 || prefix.Bits() > 24 || !prefix.Addr().IsPrivate() {
			wrong("Egress.CIDR", "want a private range of /16 to /24, have %q", e.CIDR)
		}
	}
	if _, ok := rollouts[p.Rollout]; p.Rollout != "" && !ok {
		wrong("Rollout", "want one of %s, have %q", strings.Join(rolloutNames(), ", "), p.Rollout)
	}
	if p.Rollout != "" && p.local() {
		wrong("Rollout", "not with Local: the emulator has no CodeDeploy")
	}
	if missing := p.missingBinaries(); missing != nil {
		wrong("CodeDir", "not built: %s\nrun `make build` in the project's root first", strings.Join(missing, ", "))
	}
	return errors.Join(errs...)
}

// validateNames looks at what is text.
func (p *VerificationWebhooksProps) validateNames(wrong func(field, format string, args ...any)) {
	if !stageName.MatchString(p.StageName) {
		wrong("StageName", "want letters, digits, _ or -, have %q", p.StageName)
	}
	if p.local() != (p.StageName == localStage) {
		wrong("StageName", "%q goes with Local, and with nothing else", localStage)
	}
	if p.EventBus != "" && !eventBus.MatchString(p.EventBus) {
		wrong("EventBus", "want the name or the ARN of an event bus, have %q", p.EventBus)
	}
	if p.WebACLArn != "" && !webACLArn.MatchString(p.WebACLArn) {
		wrong("WebACLArn", "want the ARN of a regional web ACL, have %q", p.WebACLArn)
	}
	if u, err := url.Parse(p.ConsoleURL); p.ConsoleURL != "" && (err != nil || u.Scheme != "https" || u.Hostname() == "") {
		wrong("ConsoleURL", "want an https URL, have %q", p.ConsoleURL)
	}
	if strings.ContainsAny(p.RunbookURL, "# \t\n") || len(p.RunbookURL) > 500 {
		wrong("RunbookURL", "want at most 500 characters without a fragment, have %q", p.RunbookURL)
	}
	for _, host := range p.OwnHosts {
		if !hostName.MatchString(host) {
			wrong("OwnHosts", "%q is not a host name", host)
		}
	}
	if _, err := env.Origins(strings.Join(p.FrameAncestors, ","), p.local()); err != nil {
		wrong("FrameAncestors", "%w", err)
	}
	if d := p.Domain; d != nil {
		if !hostName.MatchString(d.Name) {
			wrong("Domain.Name", "%q is not a host name", d.Name)
		}
		if d.Certificate == nil {
			wrong("Domain.Certificate", "want a certificate for %s", d.Name)
		}
	}
}

// missingBinaries names the functions that are not built yet.
func (p *VerificationWebhooksProps) missingBinaries() []string {
	var missing []string
	for _, f := range functionNames {
		path := filepath.Join(p.codeDir(f), "bootstrap")
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			missing = append(missing, path)
		}
	}
	return missing
}

// hosts are the names, besides API Gateway's own, under which this product answers.
func (p *VerificationWebhooksProps) hosts() []string {
	var hosts []string
	if u, err := url.Parse(p.ConsoleURL); err == nil && u.Hostname() != "" {
		hosts = append(hosts, u.Hostname())
	}
	if p.Domain != nil {
		hosts = append(hosts, p.Domain.Name)
	}
	return append(hosts, p.OwnHosts...)
}

var (
	stageName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
	// eventBus has what EventBridge allows in a bus's name, and nothing that a policy would take for a pattern.
	eventBus  = regexp.MustCompile(`^(arn:[a-z-]+:events:[a-z0-9-]+:[0-9]{12}:event-bus/)?[A-Za-z0-9._/-]+$`)
	hostName  = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$`)
	tableArn  = regexp.MustCompile(`^arn:[a-z-]+:dynamodb:[a-z0-9-]+:[0-9]{12}:table/[A-Za-z0-9_.-]+$`)
	webACLArn = regexp.MustCompile(`^arn:[a-z-]+:wafv2:[a-z0-9-]+:[0-9]{12}:regional/webacl/[A-Za-z0-9_-]+/[A-Za-z0-9-]+$`)
)

// logRetention has what CloudWatch Logs takes.
var logRetention = map[int]awslogs.RetentionDays{
	1: awslogs.RetentionDays_ONE_DAY, 3: awslogs.RetentionDays_THREE_DAYS, 5: awslogs.RetentionDays_FIVE_DAYS,
	7: awslogs.RetentionDays_ONE_WEEK, 14: awslogs.RetentionDays_TWO_WEEKS, 30: awslogs.RetentionDays_ONE_MONTH,
	60: awslogs.RetentionDays_TWO_MONTHS, 90: awslogs.RetentionDays_THREE_MONTHS, 120: awslogs.RetentionDays_FOUR_MONTHS,
	150: awslogs.RetentionDays_FIVE_MONTHS, 180: awslogs.RetentionDays_SIX_MONTHS, 365: awslogs.RetentionDays_ONE_YEAR,
	400: awslogs.RetentionDays_THIRTEEN_MONTHS, 545: awslogs.RetentionDays_EIGHTEEN_MONTHS, 731: awslogs.RetentionDays_TWO_YEARS,
	1827: awslogs.RetentionDays_FIVE_YEARS, 3653: awslogs.RetentionDays_TEN_YEARS,
}
