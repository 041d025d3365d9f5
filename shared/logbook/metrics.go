package logbook

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/env"
)

// Point is a value of a metric, as CloudWatch reads it out of a line.
type Point struct {
	Metric string
	// Cause is the value of the dimension Cause, empty for a value of the deployment as a whole.
	Cause string
	Value float64
}

// document is a line in the Embedded Metric Format.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
type document struct {
	root map[string]any
	AWS  *struct {
		Timestamp         int64
		CloudWatchMetrics []directive
	} `json:"_aws"`
}

type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []definition
}

type definition struct{ Name, Unit string }

// Metrics returns the metrics of a line, none if it has none. The error says what of it the specification of the Embedded
// Metric Format does not allow, or this product does not mean: namespace, dimensions, units, and values that are zero.
func Metrics(line []byte) ([]Point, error) {
	var d document
	if err := errors.Join(json.Unmarshal(line, &d.root), json.Unmarshal(line, &d)); err != nil {
		return nil, err
	}
	if d.AWS == nil {
		return nil, nil
	}
	errs := []error{members(d.root["_aws"])}
	if len(line) > 1<<20 {
		errs = append(errs, fmt.Errorf("%d bytes", len(line)))
	}
	// CloudWatch takes what is at most two weeks old and two hours ahead; these lines are written at the time that they tell.
	if at := time.UnixMilli(d.AWS.Timestamp); at.Before(time.Now().AddDate(0, 0, -14)) || time.Until(at) > 2*time.Hour {
		errs = append(errs, fmt.Errorf("the metrics are of %s", at))
	}
	if len(d.AWS.CloudWatchMetrics) == 0 {
		errs = append(errs, errors.New("no directive"))
	}
	var all []Point
	for _, x := range d.AWS.CloudWatchMetrics {
		if x.Namespace != env.MetricNamespace || len(x.Dimensions) == 0 || len(x.Metrics) == 0 || len(x.Metrics) > 100 {
			errs = append(errs, fmt.Errorf("namespace %q, %d dimension sets, %d metrics", x.Namespace, len(x.Dimensions), len(x.Metrics)))
		}
		for _, m := range x.Metrics {
			ps, err := d.points(m, x.Dimensions)
			all, errs = append(all, ps...), append(errs, err)
		}
	}
	return all, errors.Join(errs...)
}

// points returns the values of one metric, one for each dimension set.
func (d *document) points(m definition, sets [][]string) (all []Point, err error) {
	var errs []error
	v, ok := d.root[m.Name].(float64)
	if !ok || v <= 0 {
		errs = append(errs, fmt.Errorf("%s is %v", m.Name, d.root[m.Name]))
	}
	if unit := map[bool]string{true: "Seconds"}[slices.Contains(env.MetricsInSeconds, m.Name)]; m.Unit != unit {
		errs = append(errs, fmt.Errorf("%s has the unit %q", m.Name, m.Unit))
	}
	for _, set := range sets {
		p := Point{Metric: m.Name, Value: v}
		if len(set) > 30 || set[0] != env.DeploymentDimension {
			errs = append(errs, fmt.Errorf("%s has the dimensions %v", m.Name, set))
		}
		for _, name := range set {
			value, _ := d.root[name].(string)
			if value == "" || len(value) > 1024 {
				errs = append(errs, fmt.Errorf("the dimension %s of %s is %q", name, m.Name, value))
			}
			if name == env.CauseDimension {
				p.Cause = value
			}
		}
		all = append(all, p)
	}
	return all, errors.Join(errs...)
}

// members refuses members of the metadata that the format does not know.
func members(metadata any) error {
	known := [][]string{{"Timestamp", "CloudWatchMetrics"}, {"Namespace", "Dimensions", "Metrics"}, {"Name", "Unit"}}
	objects := []any{metadata}
	for _, names := range known {
		var next []any
		for _, o := range objects {
			object, ok := o.(map[string]any)
			if !ok {
				return fmt.Errorf("%v is no object", o)
			}
			for name, v := range object {
				if !slices.Contains(names, name) {
					return fmt.Errorf("the format has no member %s here", name)
				}
				if list, ok := v.([]any); ok && name != "Dimensions" {
					next = append(next, list...)
				}
			}
		}
		objects = next
	}
	return nil
}

// Totals adds up the metrics of lines as their graphs show them: the maximum of what is in seconds, the sum of all else.
// Those by cause stand under "metric cause".
func Totals(lines [][]byte) (map[string]float64, error) {
	all := map[string]float64{}
	for _, l := range lines {
		ps, err := Metrics(l)
		if err != nil {
			return nil, fmt.Errorf("%w: %s", err, l)
		}
		for _, p := range ps {
			name := p.Metric
			if p.Cause != "" {
				name += " " + p.Cause
			}
			if slices.Contains(env.MetricsInSeconds, p.Metric) {
				all[name] = max(all[name], p.Value)
			} else {
				all[name] += p.Value
			}
		}
	}
	return all, nil
}
