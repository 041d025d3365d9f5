package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/cr3dentials/verification-webhooks/infra"
	"github.com/cr3dentials/verification-webhooks/shared/env"
)

// The stages. Local is the emulator; dev can be destroyed without a trace; prod keeps its data whatever happens.
const (
	stageLocal = "local"
	stageDev   = "dev"
	stageProd  = "prod"
)

// settings is what a deployment can choose by context (`cdk deploy -c name=value`). What needs a stack to become a prop
// is kept as it is.
type settings struct {
	stage                         string
	props                         infra.VerificationWebhooksProps
	alarmTopicArn, ticketTopicArn string
	domainName, certificateArn    string
}

// binaries is the folder of the stage's binaries. The local stage has its own, because local binaries allow endpoints on
// localhost and must never be deployed.
func (s settings) binaries() string {
	if s.stage == stageLocal {
		return "local"
	}
	return "lambda"
}

// reader reads single values of the context and remembers what is wrong with them. Which keys there are it knows from
// what it is asked for.
type reader struct {
	context map[string]any
	asked   []string
	errs    []error
}

func (r *reader) text(key string) string {
	r.asked = append(r.asked, key)
	if v := r.context[key]; v != nil {
		return fmt.Sprint(v)
	}
	return ""
}

func (r *reader) wrong(key, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("context "+key+": "+format, args...))
}

// number returns 0 for what is not given. Which numbers will do is the props' concern, but that 0 is not one of them.
func (r *reader) number(key string) int {
	v := r.text(key)
	if v == "" {
		return 0
	}
	n, err := strconv.Atoi(v)
	if err != nil || n == 0 {
		r.wrong(key, "want a number above 0, have %q", v)
	}
	return n
}

func (r *reader) flag(key string) bool {
	switch v := r.text(key); v {
	case "true":
		return true
	case "", "false":
	default:
		r.wrong(key, "want true or false, have %q", v)
	}
	return false
}

// concurrency reads a list such as retrier=60,portal=20.
func (r *reader) concurrency(key string) infra.Concurrency {
	var c infra.Concurrency
	functions := map[string]*int{
		"portal": &c.Portal, "admin": &c.Admin, "dispatcher": &c.Dispatcher, "retrier": &c.Retrier, "sweeper": &c.Sweeper,
	}
	for _, part := range env.List(r.text(key)) {
		name, text, _ := strings.Cut(part, "=")
		n, err := strconv.Atoi(text)
		if functions[name] == nil || err != nil || n < 1 {
			r.wrong(key, "want a list such as retrier=60,portal=20 of %v, have %q", slices.Sorted(maps.Keys(functions)), part)
			continue
		}
		*functions[name] = n
	}
	return c
}

// settingsFrom reads the settings from the context and refuses what cannot work, but for what props.Validate refuses,
// and every key that it does not know.
func settingsFrom(context map[string]any) (settings, error) {
	r := &reader{context: context}
	s := r.settings()
	r.refuseUnknown()
	return s, errors.Join(r.errs...)
}

// settings asks for each key whatever the others say: one that it did not ask for would be refused as unknown.
func (r *reader) settings() settings {
	destroyable, caCert := r.flag("destroyable"), r.text("caCert")
	s := settings{
		stage: r.text("stage"), alarmTopicArn: r.text("alarmTopicArn"), ticketTopicArn: r.text("ticketTopicArn"),
		domainName: r.text("domainName"), certificateArn: r.text("certificateArn"),
	}
	s.props = infra.VerificationWebhooksProps{
		StageName: s.stage, Destroyable: s.stage != stageProd || destroyable,
		HoldHours: r.number("holdHours"), ParkedDays: r.number("parkedDays"), LogDays: r.number("logDays"),
		EventBus: r.text("eventBus"), ConsoleURL: r.text("consoleUrl"), OwnHosts: env.List(r.text("ownHosts")),
		FrameAncestors: env.List(r.text("frameAncestors")), WebACLArn: r.text("webAclArn"), Rollout: r.text("rollout"),
		Untraced:           r.flag("untraced"),
		RetrierConcurrency: r.number("retrierConcurrency"), ReservedConcurrency: r.concurrency("reservedConcurrency"),
		AccountConcurrency: r.number("accountConcurrency"), RunbookURL: r.text("runbookUrl"),
		Throttling: infra.Throttling{Rate: r.number("throttlingRate"), Burst: r.number("throttlingBurst")},
	}
	if s.stage != stageProd && s.props.LogDays == 0 {
		s.props.LogDays = 7
	}
	switch s.stage {
	case stageLocal:
		s.props.Local = &infra.Local{CACert: caCert}
	case stageDev, stageProd:
		if caCert != "" {
			r.wrong("caCert", "only on stage local")
		}
	default:
		r.wrong("stage", "want local, dev or prod, have %q", s.stage)
	}
	if table := (infra.ExistingTable{Arn: r.text("verificationsTableArn"), StreamArn: r.text("verificationsTableStreamArn")}); table.Arn+table.StreamArn != "" {
		s.props.VerificationsTable = &table
	}
	if (s.domainName == "") != (s.certificateArn == "") {
		r.wrong("domainName and certificateArn", "give both or none")
	}
	if n := r.number("egressAddresses"); n != 0 {
		s.props.Egress = &infra.Egress{Addresses: n}
	}
	switch v := r.text("apiGatewayAccount"); v {
	case "", "create":
		s.props.APIGatewayAccount = s.stage != stageLocal
	case "existing":
	default:
		r.wrong("apiGatewayAccount", "want create or existing, have %q", v)
	}
	return s
}
