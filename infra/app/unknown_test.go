package main

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

func TestUnknownContext(t *testing.T) {
	for _, c := range []struct {
		key  string
		want string // the whole error; empty for none
	}{
		{"verificationTableArn", "context verificationTableArn: unknown; did you mean verificationsTableArn?"},
		{"consoleURL", "context consoleURL: unknown; did you mean consoleUrl?"},
		{"Stage", "context Stage: unknown; did you mean stage?"},
		{"domain", "context domain: unknown; did you mean domainName?"},
		{"topicArn", "context topicArn: unknown; did you mean alarmTopicArn?"},
		{"owner", "context owner: unknown; infra/README.md lists what there is"},
		{"x", "context x: unknown; infra/README.md lists what there is"},
		{"", "context : unknown; infra/README.md lists what there is"},
		{"rollout", ""},
		{"aws:cdk:enable-path-metadata", ""},
		{"@aws-cdk/core:failSynthOnValidationErrors", ""},
		{"availability-zones:account=1:region=eu-west-1", ""},
		{"acknowledged-issue-numbers", ""},
		{"cli-telemetry", ""},
	} {
		for _, stage := range []string{stageLocal, stageDev, stageProd} {
			_, err := settingsFrom(map[string]any{"stage": stage, c.key: ""})
			if c.want == "" && err != nil || c.want != "" && fmt.Sprint(err) != c.want {
				t.Errorf("stage %s: got %v, want %q", stage, err, c.want)
			}
		}
	}
	_, err := settingsFrom(map[string]any{"stage": "prod", "holdHour": "1", "logDay": nil, "logDays": "x"})
	if got := nearest("logHour", []string{"logHours", "logDays", "logHour5", "logHours"}); !slices.Equal(got, []string{"logHour5", "logHours"}) {
		t.Errorf("equally near: %v", got)
	}
	if got := strings.Count(fmt.Sprint(err), "context "); got != 3 {
		t.Errorf("%d faults, want 3: %v", got, err)
	}
}

// TestContextOfCommandLine: what the CDK's command line passes (measured with 2.1148.1) arrives, and none of it is refused.
func TestContextOfCommandLine(t *testing.T) {
	app := awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: jsii.Bool(false), Context: &map[string]any{
		"stage": "dev", "rollout": "", "holdHours": 24, "aws:cdk:enable-path-metadata": true,
		"aws:cdk:enable-asset-metadata": true, "aws:cdk:disable-version-reporting": true,
		"aws:cdk:bundling-stacks": []string{"**"}, "@aws-cdk/core:failSynthOnValidationErrors": false,
		"availability-zones:account=1:region=eu-west-1": []string{"eu-west-1a"}, "acknowledged-issue-numbers": []int{1},
	}})
	s, err := settingsFrom(contextOf(app))
	if err != nil || s.stage != stageDev || s.props.HoldHours != 24 {
		t.Errorf("%+v, %v", s, err)
	}
	app.Node().SetContext(jsii.String("holdHour"), 24)
	if _, err := settingsFrom(contextOf(app)); err == nil || !strings.Contains(err.Error(), "context holdHour: ") {
		t.Errorf("misspelt: %v", err)
	}
}

// TestContextsInREADME: the table has each key that the app knows, and no other; so on every stage.
func TestContextsInREADME(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "\n| context | means | without it |\n|---|---|---|\n")
	if !ok {
		t.Fatal("infra/README.md has no table of contexts")
	}
	table, _, _ := strings.Cut(rest, "\n\n")
	var want []string
	for line := range strings.Lines(table) {
		first, _, _ := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(first, -1) {
			want = append(want, m[1])
		}
	}
	slices.Sort(want)
	for _, stage := range []string{"", stageLocal, stageDev, stageProd} {
		r := &reader{context: map[string]any{"stage": stage}}
		r.settings()
		known := map[string]bool{}
		for _, key := range r.asked {
			known[key] = true
		}
		if got := slices.Sorted(maps.Keys(known)); !slices.Equal(got, want) {
			t.Errorf("stage %q: the app knows %v, the README %v", stage, got, want)
		}
	}
}

// TestContextsInDocuments: what a document or the Makefile gives by -c is known.
func TestContextsInDocuments(t *testing.T) {
	r := &reader{}
	r.settings()
	n := 0
	for _, file := range []string{"../README.md", "../RUNBOOK.md", "../../README.md", "../../Makefile", "../../functions/README.md", "../../localstack/README.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`-c ([A-Za-z]+)=`).FindAllStringSubmatch(string(text), -1) {
			n++
			if !slices.Contains(r.asked, m[1]) {
				t.Errorf("%s: context %s is unknown", file, m[1])
			}
		}
	}
	if n < 10 {
		t.Errorf("%d contexts found", n)
	}
}
