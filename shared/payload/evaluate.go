package payload

import (
	"errors"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
)

// maxSteps bounds the work for one body. A step is one term evaluated, one element put into a new list, a fifth of a
// member put into a new object, a tenth of a number written or read, or stepText bytes of text looked at or made: less
// than 300 ns and 200 bytes, so that no body takes 50 ms or 16 MiB, whatever its template is. Bodies within their own
// limit are far from it.
const (
	maxSteps    = 50_000
	stepText    = 128
	numberSteps = 10
	// escapedGrowth is what a byte of text may take while it is written: six as an escape, in a buffer that grows.
	escapedGrowth = 18
)

var errTooMuchWork = errors.New("takes too much work; use fewer or smaller lists")

// evaluator evaluates terms over values. It keeps digits and the order of members, which the library's interpreter does
// not, and counts its steps, which no interpreter does.
type evaluator struct{ left int }

func (ev *evaluator) spend(steps int) error {
	if ev.left -= steps; ev.left < 0 {
		return errTooMuchWork
	}
	return nil
}

// spendText pays for looking at n bytes of text, or for taking n bytes of memory for it.
func (ev *evaluator) spendText(n int) error { return ev.spend(n / stepText) }

// spendValue pays for writing v as text: for each value in it, however often it stands there.
func (ev *evaluator) spendValue(v jsbytes.Value) error {
	steps := 2 + escapedGrowth*len(v.Text())/stepText
	if v.Kind() == jsbytes.KindNumber {
		steps += numberSteps
	}
	if err := ev.spend(steps); err != nil {
		return err
	}
	for _, item := range v.Items() {
		if err := ev.spendValue(item); err != nil {
			return err
		}
	}
	for _, m := range v.Members() {
		if err := ev.spend(1 + escapedGrowth*len(m.Name)/stepText); err != nil {
			return err
		}
		if err := ev.spendValue(m.Value); err != nil {
			return err
		}
	}
	return nil
}

// evaluate follows the JMESPath specification (jmespath.site) for the terms there are.
func (ev *evaluator) evaluate(t *term, v jsbytes.Value) (jsbytes.Value, error) {
	if err := ev.spend(1); err != nil {
		return jsbytes.Value{}, err
	}
	switch t.op {
	case opField:
		return ev.field(t.name, v)
	case opIndex:
		return element(v.Items(), t.index), nil
	case opSlice:
		return ev.slice(*t.slice, v)
	case opLiteral:
		return *t.value, nil
	case opList:
		items, err := ev.all(t.args, v)
		return jsbytes.List(items...), err
	case opHash:
		return ev.hash(t, v)
	case opOr:
		first, err := ev.evaluate(t.args[0], v)
		if err != nil || truthy(first) {
			return first, err
		}
		return ev.evaluate(t.args[1], v)
	case opThen, opPipe:
		first, err := ev.evaluate(t.args[0], v)
		if err != nil || t.op == opThen && first.Kind() == jsbytes.KindNull {
			return first, err
		}
		return ev.evaluate(t.args[1], first)
	case opProject:
		return ev.project(t, v)
	case opCall:
		args, err := ev.all(t.args, v)
		if err != nil {
			return jsbytes.Value{}, err
		}
		return functions[t.name].call(ev, args)
	default: // opCurrent
		return v, nil
	}
}

// truthy is JMESPath's: false, null and what is empty are not.
func truthy(v jsbytes.Value) bool {
	switch v.Kind() {
	case jsbytes.KindNull:
		return false
	case jsbytes.KindBool:
		return v.Truth()
	case jsbytes.KindString:
		return v.Text() != ""
	case jsbytes.KindList:
		return len(v.Items()) > 0
	case jsbytes.KindObject:
		return len(v.Members()) > 0
	default:
		return true
	}
}

func (ev *evaluator) field(name string, v jsbytes.Value) (jsbytes.Value, error) {
	members := v.Members()
	if err := ev.spend(len(members) / 16); err != nil {
		return jsbytes.Value{}, err
	}
	for i := range members {
		if members[i].Name == name {
			return members[i].Value, nil
		}
	}
	return jsbytes.Null(), nil
}

func element(items []jsbytes.Value, index int) jsbytes.Value {
	if index < 0 {
		index += len(items)
	}
	if index < 0 || index >= len(items) {
		return jsbytes.Null()
	}
	return items[index]
}

// all evaluates the terms over the same value.
func (ev *evaluator) all(terms []*term, v jsbytes.Value) ([]jsbytes.Value, error) {
	if err := ev.spend(len(terms)); err != nil {
		return nil, err
	}
	values := make([]jsbytes.Value, len(terms))
	for i, t := range terms {
		var err error
		if values[i], err = ev.evaluate(t, v); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func (ev *evaluator) hash(t *term, v jsbytes.Value) (jsbytes.Value, error) {
	values, err := ev.all(t.args, v)
	if err == nil {
		err = ev.spend(3 * len(values)) // putting members in order takes a table of their names
	}
	if err != nil {
		return jsbytes.Value{}, err
	}
	members := make([]jsbytes.Member, len(values))
	for i := range values {
		members[i] = jsbytes.Member{Name: t.keys[i], Value: values[i]}
	}
	return jsbytes.Object(members...), nil
}

// project evaluates the second term on each element of the first one's list and leaves out nulls. A slice of a string
// stays one.
func (ev *evaluator) project(t *term, v jsbytes.Value) (jsbytes.Value, error) {
	from, err := ev.evaluate(t.args[0], v)
	if err != nil {
		return jsbytes.Value{}, err
	}
	switch from.Kind() {
	case jsbytes.KindString:
		return from, nil
	case jsbytes.KindList:
	default:
		return jsbytes.Null(), nil
	}
	if err := ev.spend(len(from.Items())); err != nil {
		return jsbytes.Value{}, err
	}
	items := make([]jsbytes.Value, 0, len(from.Items()))
	for _, item := range from.Items() {
		x, err := ev.evaluate(t.args[1], item)
		if err != nil {
			return jsbytes.Value{}, err
		}
		if x.Kind() != jsbytes.KindNull {
			items = append(items, x)
		}
	}
	return jsbytes.List(items...), nil
}

// slice takes a part of a list, or of a string by its characters.
func (ev *evaluator) slice(parts [3]*int, v jsbytes.Value) (jsbytes.Value, error) {
	switch v.Kind() {
	case jsbytes.KindList:
		items := v.Items()
		at := positions(parts, len(items))
		if err := ev.spend(at.count); err != nil {
			return jsbytes.Value{}, err
		}
		return jsbytes.List(pick(items, at)...), nil
	case jsbytes.KindString:
		if err := ev.spendText(9 * len(v.Text())); err != nil {
			return jsbytes.Value{}, err
		}
		runes := []rune(v.Text())
		return jsbytes.String(string(pick(runes, positions(parts, len(runes))))), nil
	default:
		return jsbytes.Null(), nil
	}
}

// sliced are the positions that a slice selects: count of them, from start, step by step.
type sliced struct{ start, step, count int }

func pick[T any](all []T, at sliced) []T {
	picked := make([]T, at.count)
	for i := range picked {
		picked[i] = all[at.start+i*at.step]
	}
	return picked
}

// positions works out [start:stop:step] for a length, as JMESPath and Python do. A step of 0 is refused before.
func positions(parts [3]*int, length int) sliced {
	step := 1
	if parts[2] != nil {
		step = min(max(*parts[2], -length-1), length+1) // so that no sum overflows
	}
	lowest, highest := 0, length // what start and stop are kept within
	if step < 0 {
		lowest, highest = -1, length-1
	}
	bound := func(p *int, absent int) int {
		if p == nil {
			return absent
		}
		n := *p
		if n < 0 {
			n += length
		}
		return min(max(n, lowest), highest)
	}
	var start, distance int
	if step > 0 {
		start = bound(parts[0], lowest)
		distance = bound(parts[1], highest) - start
	} else {
		start = bound(parts[0], highest)
		distance = start - bound(parts[1], lowest)
	}
	count := 0
	if distance > 0 {
		count = (distance-1)/max(step, -step) + 1
	}
	return sliced{start, step, count}
}
