package infra

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/env"
)

// panel is a widget of a dashboard.
type panel struct {
	Type       string
	X, Y       int
	Width      int
	Properties struct {
		Title, Markdown string
		Alarms          []string
		Metrics         [][]any
	}
}

func panelsOf(t *testing.T, tpl template) []panel {
	t.Helper()
	ids := tpl.ofType("AWS::CloudWatch::Dashboard")
	wantEqual(t, "dashboards", ids, []string{"Dashboard"})
	var body struct{ Widgets []panel }
	if err := json.Unmarshal([]byte(tpl.get(t, ids[0]).Properties["DashboardBody"].(string)), &body); err != nil {
		t.Fatal(err)
	}
	return body.Widgets
}

func panels(t *testing.T, tpl template) (titles []string) {
	t.Helper()
	for _, w := range panelsOf(t, tpl) {
		titles = append(titles, w.Properties.Title)
	}
	return titles
}

// shown lists what a panel shows, as checkMetric wants it.
func (p panel) shown(t *testing.T) (all []readMetric) {
	t.Helper()
	search := regexp.MustCompile(`^SEARCH\('\{` + env.MetricNamespace + `,Deployment,Cause\} MetricName="(\w+)" Deployment="Webhooks"', 'Sum', 300\)$`)
	for _, m := range p.Properties.Metrics {
		if x, ok := m[0].(map[string]any); ok {
			found := search.FindStringSubmatch(x["expression"].(string))
			if found == nil {
				t.Fatalf("%s shows %v", p.Properties.Title, x)
			}
			all = append(all, readMetric{Namespace: env.MetricNamespace, Name: found[1], Statistic: sum, Dimensions: map[string]string{"Deployment": "Webhooks"}})
			continue
		}
		r := readMetric{Namespace: m[0].(string), Name: m[1].(string), Statistic: "Average", Dimensions: map[string]string{}}
		for m = m[2:]; len(m) > 1; m = m[2:] {
			name, ok := m[0].(string)
			if !ok {
				break
			}
			r.Dimensions[name] = m[1].(string)
		}
		if len(m) > 0 {
			if s, ok := m[len(m)-1].(map[string]any)["stat"].(string); ok {
				r.Statistic = s
			}
		}
		all = append(all, r)
	}
	return all
}

// TestDashboard: what is shown exists, and what raises an alarm is shown.
func TestDashboard(t *testing.T) {
	each(t, func(t *testing.T, stage string, tpl template) {
		tpl.wantProperties(t, "Dashboard", map[string]any{"DashboardName": nil})
		shown := map[string]bool{}
		x, y := 0, 0
		for _, p := range panelsOf(t, tpl) {
			if p.X != x && p.X != 0 || p.X == 0 && x != 0 && x != 24 || p.Y < y {
				t.Errorf("%s stands at %d,%d after %d,%d", p.Properties.Title, p.X, p.Y, x, y)
			}
			x, y = p.X+p.Width, p.Y
			for _, m := range p.shown(t) {
				checkMetric(t, p.Properties.Title, m.Namespace, m.Name, m.Dimensions)
				shown[asJSON(m)] = true
			}
			if p.Type == "alarm" {
				wantEqual(t, "alarms of the status", len(p.Properties.Alarms), len(alarmsOf(t, tpl)))
			}
		}
		for id, a := range alarmsOf(t, prodTemplate()) {
			for _, m := range a.Metrics {
				if !shown[asJSON(m)] {
					t.Errorf("the dashboard does not show what raises %s: %s", id, asJSON(m))
				}
			}
		}
	})
}

// TestDashboardAsks: the questions stand in the order in which they are asked at night.
func TestDashboardAsks(t *testing.T) {
	var asked []string
	for _, p := range panelsOf(t, prodTemplate()) {
		if p.Type == "text" {
			asked = append(asked, strings.TrimPrefix(p.Properties.Markdown, "## "))
		}
	}
	wantEqual(t, "questions", asked, []string{
		"Is it late?", "What fails, and why?", "Does anything wait for an operator?", "Is a limit reached?", "How is the portal?",
	})
}
