package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"github.com/cr3dentials/verification-webhooks/shared/env"
)

// The stages. Local is the emulator; dev can be destroyed without a trace; prod keeps its data whatever happens.
const (
	stageLocal = "local"
	stageDev   = "dev"
	stageProd  = "prod"
)

// settings is what a deployment can choose, all of it by context (`cdk deploy -c name=value`).
type settings struct {
	// Stage is local, dev or prod.
	Stage string
	// BuildDir holds lambda/<function>/bootstrap and local/<function>/bootstrap.
	BuildDir string
	// VerificationsTableArn and VerificationsTableStreamArn attach a table that exists; both or none.
	VerificationsTableArn, VerificationsTableStreamArn string
	// AlarmTopicArn is the SNS topic that alarms notify; none if empty.
	AlarmTopicArn string
	// ConsoleURL is the console's address where it is not the API's own; empty otherwise.
	ConsoleURL string
	// OwnHosts are host names under which this product answers besides the API's own: custom domains, the console's.
	OwnHosts []string
	// FrameAncestors are the origins whose pages may embed the console, comma separated.
	FrameAncestors string
	// CACert is the path of a CA bundle that the functions trust in place of the system's. Local stage only.
	CACert string
	// EventBus is the name or the ARN of the event bus for operational events; the account's default bus if empty.
	EventBus string
	// HoldHours is how long events are held for an inactive webhook.
	HoldHours int
	// RetrierConcurrency is how many batches of the delivery queue are worked on at once, 2 to 1000.
	RetrierConcurrency int
	// APIGatewayAccount tells whether this stack sets API Gateway's CloudWatch role, of which a region has one.
	APIGatewayAccount bool
}

func (s settings) local() bool { return s.Stage == stageLocal }
func (s settings) prod() bool  { return s.Stage == stageProd }

// codeDir is the folder of a function's binary. The local stage has its own, because local binaries allow endpoints
// on localhost and must never be deployed.
func (s settings) codeDir(function string) string {
	if s.local() {
		return filepath.Join(s.BuildDir, "local", function)
	}
	return filepath.Join(s.BuildDir, "lambda", function)
}

// arm64 tells whether the functions run on arm64: always in AWS, as the host does on the local stage.
func (s settings) arm64() bool { return !s.local() || runtime.GOARCH == "arm64" }

// settingsFrom reads the settings from the context and refuses what cannot work.
func settingsFrom(context func(key string) any) (settings, error) {
	text := func(key string) string {
		if v := context(key); v != nil {
			return fmt.Sprint(v)
		}
		return ""
	}
	s := settings{
		Stage:                       text("stage"),
		VerificationsTableArn:       text("verificationsTableArn"),
		VerificationsTableStreamArn: text("verificationsTableStreamArn"),
		AlarmTopicArn:               text("alarmTopicArn"),
		ConsoleURL:                  text("consoleUrl"),
		CACert:                      text("caCert"),
		EventBus:                    text("eventBus"),
	}
	var errs []error
	number := func(key string, without, least, most int) int {
		v := text(key)
		if v == "" {
			return without
		}
		n, err := strconv.Atoi(v)
		if err != nil || n < least || n > most {
			errs = append(errs, fmt.Errorf("context %s: want a number from %d to %d", key, least, most))
		}
		return n
	}
	s.HoldHours = number("holdHours", 168, 1, 14*24)
	s.RetrierConcurrency = number("retrierConcurrency", 50, 2, 1000)

	switch s.Stage {
	case stageLocal, stageDev, stageProd:
	default:
		errs = append(errs, fmt.Errorf("context stage: want local, dev or prod, have %q", s.Stage))
	}
	errs = append(errs, s.setOwnHosts(text("ownHosts")))
	origins, err := env.Origins(text("frameAncestors"), s.local())
	if err != nil {
		errs = append(errs, fmt.Errorf("context frameAncestors: %w", err))
	}
	s.FrameAncestors = strings.Join(origins, ",")
	if (s.VerificationsTableArn == "") != (s.VerificationsTableStreamArn == "") {
		errs = append(errs, errors.New("context verificationsTableArn and verificationsTableStreamArn: give both or none"))
	}
	if s.CACert != "" && !s.local() {
		errs = append(errs, errors.New("context caCert: only on stage local"))
	}
	if s.EventBus != "" && !eventBus.MatchString(s.EventBus) {
		errs = append(errs, errors.New("context eventBus: want the name or the ARN of an event bus"))
	}
	switch v := text("apiGatewayAccount"); v {
	case "", "create":
		s.APIGatewayAccount = !s.local()
	case "existing":
	default:
		errs = append(errs, fmt.Errorf("context apiGatewayAccount: want create or existing, have %q", v))
	}
	return s, errors.Join(errs...)
}

// setOwnHosts collects the host of the console's address and those of a list.
func (s *settings) setOwnHosts(list string) error {
	var errs []error
	if s.ConsoleURL != "" {
		u, err := url.Parse(s.ConsoleURL)
		if err != nil || u.Hostname() == "" {
			errs = append(errs, errors.New("context consoleUrl: want a URL"))
		} else {
			s.OwnHosts = append(s.OwnHosts, u.Hostname())
		}
	}
	for _, host := range env.List(list) {
		if !hostName.MatchString(host) {
			errs = append(errs, fmt.Errorf("context ownHosts: %q is not a host name", host))
		}
		s.OwnHosts = append(s.OwnHosts, host)
	}
	return errors.Join(errs...)
}

// eventBus has what EventBridge allows in a bus's name, and nothing that a policy would take for a pattern.
var eventBus = regexp.MustCompile(`^(arn:[a-z-]+:events:[a-z0-9-]+:[0-9]{12}:event-bus/)?[A-Za-z0-9._/-]+$`)

var hostName = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$`)

// checkBinaries names the binaries that are not built yet.
func checkBinaries(s settings) error {
	var missing []string
	for _, f := range functionNames {
		path := filepath.Join(s.codeDir(f), "bootstrap")
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			missing = append(missing, path)
		}
	}
	if missing != nil {
		return fmt.Errorf("not built: %s\nrun `make build` in the project's root first", strings.Join(missing, ", "))
	}
	return nil
}
