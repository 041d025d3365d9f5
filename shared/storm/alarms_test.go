package storm

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// alarm is one of the stack's, as infra reads it from the synthesized template.
type alarm struct {
	Description, Severity, Comparison, Missing, Expression string
	Threshold                                              float64
	Periods, Seconds                                       int
	Metrics                                                map[string]struct {
		Namespace, Name, Statistic string
		Dimensions                 map[string]string
	}
}

func readAlarms(t *testing.T) (all map[string]alarm) {
	t.Helper()
	text, err := os.ReadFile("../../infra/testdata/alarms.json")
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		t.Fatal(err)
	}
	for id, a := range all {
		if a.Seconds != int(period.Seconds()) || a.Threshold <= 0 {
			t.Fatalf("%s: the meter has no periods of %d s, or the threshold is %v", id, a.Seconds, a.Threshold)
		}
	}
	return all
}

// raised returns the periods in which an alarm is on, of those that are over. On AWS it may stay on for some periods more:
// where there is no data CloudWatch judges by older points, in a longer range than the alarm's periods.
func (m *meter) raised(a alarm) (on []int, err error) {
	inARow := 0
	for at := range int(m.w.s.now / period) {
		v, ok, err := m.value(a, at)
		if err != nil {
			return nil, err
		}
		breaching := a.Missing == "breaching"
		if ok {
			switch a.Comparison {
			case "GreaterThanOrEqualToThreshold":
				breaching = v >= a.Threshold
			case "LessThanThreshold":
				breaching = v < a.Threshold
			default:
				return nil, fmt.Errorf("comparison %s", a.Comparison)
			}
		}
		if inARow++; !breaching {
			inARow = 0
		}
		if inARow >= a.Periods {
			on = append(on, at)
		}
	}
	return on, nil
}

// value is what an alarm compares in a period; not ok if there is no data.
func (m *meter) value(a alarm, at int) (v float64, ok bool, err error) {
	// What metric math has and the stack uses is a Go expression but for one word.
	x, err := parser.ParseExpr(strings.ReplaceAll(a.Expression, " AND ", " && "))
	if err != nil {
		return 0, false, err
	}
	return m.compute(x, a, at)
}

func (m *meter) compute(x ast.Expr, a alarm, at int) (v float64, ok bool, err error) {
	switch x := x.(type) {
	case *ast.ParenExpr:
		return m.compute(x.X, a, at)
	case *ast.BasicLit:
		v, err = strconv.ParseFloat(x.Value, 64)
		return v, true, err
	case *ast.Ident:
		return m.statistic(x.Name, a, at)
	case *ast.BinaryExpr:
		l, lok, err := m.compute(x.X, a, at)
		if err != nil {
			return 0, false, err
		}
		r, rok, err := m.compute(x.Y, a, at)
		if err != nil || !lok || !rok {
			return 0, false, err
		}
		return binary(l, r, x.Op)
	case *ast.CallExpr:
		return m.call(x, a, at)
	}
	return 0, false, fmt.Errorf("%T in %s", x, a.Expression)
}

func binary(l, r float64, op token.Token) (v float64, ok bool, err error) {
	truth := func(b bool) (float64, bool, error) {
		if b {
			return 1, true, nil
		}
		return 0, true, nil
	}
	switch op.String() {
	case "+":
		return l + r, true, nil
	case "-":
		return l - r, true, nil
	case "*":
		return l * r, true, nil
	case "/":
		return l / r, r != 0, nil
	case ">=":
		return truth(l >= r)
	case "&&":
		return truth(l != 0 && r != 0)
	}
	return 0, false, fmt.Errorf("operator %s", op)
}

func (m *meter) call(x *ast.CallExpr, a alarm, at int) (v float64, ok bool, err error) {
	name := x.Fun.(*ast.Ident).Name
	v, ok, err = m.compute(x.Args[0], a, at)
	switch {
	case err != nil:
		return 0, false, err
	case name == "FILL" && ok, name == "IF" && !ok:
		return v, ok, nil
	case name == "FILL":
		return m.compute(x.Args[1], a, at)
	case name == "IF" && v != 0:
		return m.compute(x.Args[1], a, at)
	case name == "IF":
		return m.compute(x.Args[2], a, at)
	}
	return 0, false, fmt.Errorf("function %s", name)
}

// statistic is that of one of the alarm's metrics.
func (m *meter) statistic(id string, a alarm, at int) (v float64, ok bool, err error) {
	of, known := a.Metrics[id]
	if !known {
		return 0, false, fmt.Errorf("no metric %s for %s", id, a.Expression)
	}
	p := m.series[seriesKey(of.Namespace, of.Name, of.Dimensions)][at]
	switch {
	case p == nil:
		return 0, false, nil
	case of.Statistic == "Sum":
		return p.sum, true, nil
	case of.Statistic == "Maximum":
		return p.most, true, nil
	case of.Statistic == "SampleCount":
		return float64(p.n), true, nil
	case of.Statistic == "Average":
		return p.sum / float64(p.n), true, nil
	}
	return 0, false, fmt.Errorf("statistic %s", of.Statistic)
}
