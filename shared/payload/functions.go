package payload

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
)

// function is one that expressions may call, with the bounds on its number of arguments. call must spend for every text
// it looks at or makes, before it does.
type function struct {
	least, most int
	call        func(ev *evaluator, args []jsbytes.Value) (jsbytes.Value, error)
}

// functions are those of JMESPath whose cost is bounded by the size of their arguments.
var functions = map[string]function{ //nolint:gochecknoglobals // never changes
	"contains":    {2, 2, contains},
	"ends_with":   {2, 2, onTexts(strings.HasSuffix)},
	"join":        {2, 2, join},
	"length":      {1, 1, length},
	"lower":       {1, 1, onText(strings.ToLower)},
	"not_null":    {1, math.MaxInt, notNull},
	"starts_with": {2, 2, onTexts(strings.HasPrefix)},
	"to_number":   {1, 1, toNumber},
	"to_string":   {1, 1, toString},
	"type":        {1, 1, typeOf},
	"upper":       {1, 1, onText(strings.ToUpper)},
}

// Functions returns the names of the functions that expressions may call, sorted.
func Functions() []string {
	names := make([]string, 0, len(functions))
	for name := range functions {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

var errNotText = errors.New("a function that takes strings gets something else")

func onText(f func(string) string) func(*evaluator, []jsbytes.Value) (jsbytes.Value, error) {
	return func(ev *evaluator, args []jsbytes.Value) (jsbytes.Value, error) {
		if args[0].Kind() != jsbytes.KindString {
			return jsbytes.Value{}, errNotText
		}
		if err := ev.spendText(4 * len(args[0].Text())); err != nil {
			return jsbytes.Value{}, err
		}
		return jsbytes.String(f(args[0].Text())), nil
	}
}

func onTexts(f func(a, b string) bool) func(*evaluator, []jsbytes.Value) (jsbytes.Value, error) {
	return func(ev *evaluator, args []jsbytes.Value) (jsbytes.Value, error) {
		if args[0].Kind() != jsbytes.KindString || args[1].Kind() != jsbytes.KindString {
			return jsbytes.Value{}, errNotText
		}
		return jsbytes.Bool(f(args[0].Text(), args[1].Text())), ev.spendText(len(args[1].Text()))
	}
}

// contains looks for a string in a string, or for a string, number, truth value or null in a list.
func contains(ev *evaluator, args []jsbytes.Value) (jsbytes.Value, error) {
	where, what := args[0], args[1]
	switch where.Kind() {
	case jsbytes.KindString:
		if err := ev.spendText(len(where.Text()) + len(what.Text())); err != nil {
			return jsbytes.Value{}, err
		}
		return jsbytes.Bool(what.Kind() == jsbytes.KindString && strings.Contains(where.Text(), what.Text())), nil
	case jsbytes.KindList:
		if what.Kind() == jsbytes.KindList || what.Kind() == jsbytes.KindObject {
			return jsbytes.Value{}, errors.New("contains cannot look for a list or an object")
		}
		for _, item := range where.Items() {
			same, err := ev.same(item, what)
			if same || err != nil {
				return jsbytes.Bool(same), err
			}
		}
		return jsbytes.Bool(false), nil
	default:
		return jsbytes.Value{}, errors.New("contains takes a string or a list")
	}
}

// same compares a value with one that is no list and no object. Numbers are the same if their values are.
func (ev *evaluator) same(a, b jsbytes.Value) (bool, error) {
	if err := ev.spend(2); err != nil || a.Kind() != b.Kind() {
		return false, err
	}
	switch a.Kind() {
	case jsbytes.KindNull:
		return true, nil
	case jsbytes.KindBool:
		return a.Truth() == b.Truth(), nil
	case jsbytes.KindNumber:
		x, err1 := ev.textOf(a)
		y, err2 := ev.textOf(b)
		return x == y, errors.Join(err1, err2)
	default:
		return a.Text() == b.Text(), ev.spendText(min(len(a.Text()), len(b.Text())))
	}
}

func join(ev *evaluator, args []jsbytes.Value) (jsbytes.Value, error) {
	glue, list := args[0], args[1]
	if glue.Kind() != jsbytes.KindString || list.Kind() != jsbytes.KindList {
		return jsbytes.Value{}, errors.New("join takes a string and a list of strings")
	}
	texts := make([]string, 0, len(list.Items()))
	size := 0
	for _, item := range list.Items() {
		if item.Kind() != jsbytes.KindString {
			return jsbytes.Value{}, errors.New("join takes a string and a list of strings")
		}
		if size += len(item.Text()) + len(glue.Text()); size > 2*jsbytes.MaxSize {
			return jsbytes.Value{}, jsbytes.ErrTooLarge
		}
		texts = append(texts, item.Text())
	}
	if err := ev.spend(len(texts) + 2*size/stepText); err != nil {
		return jsbytes.Value{}, err
	}
	return jsbytes.String(strings.Join(texts, glue.Text())), nil
}

// length counts characters, elements or members.
func length(ev *evaluator, args []jsbytes.Value) (jsbytes.Value, error) {
	n := 0
	switch v := args[0]; v.Kind() {
	case jsbytes.KindString:
		if err := ev.spendText(len(v.Text())); err != nil {
			return jsbytes.Value{}, err
		}
		n = utf8.RuneCountInString(v.Text())
	case jsbytes.KindList:
		n = len(v.Items())
	case jsbytes.KindObject:
		n = len(v.Members())
	default:
		return jsbytes.Value{}, errors.New("length takes a string, a list or an object")
	}
	return jsbytes.Number(strconv.Itoa(n)), nil
}

func notNull(_ *evaluator, args []jsbytes.Value) (jsbytes.Value, error) {
	for _, a := range args {
		if a.Kind() != jsbytes.KindNull {
			return a, nil
		}
	}
	return jsbytes.Null(), nil
}

// toNumber gives null for what is no number and no JSON text of one.
func toNumber(ev *evaluator, args []jsbytes.Value) (jsbytes.Value, error) {
	const longest = 100 // more digits than anything counts with
	v := args[0]
	if v.Kind() == jsbytes.KindNumber {
		return v, nil
	}
	if err := ev.spend(numberSteps); err != nil {
		return jsbytes.Value{}, err
	}
	if v.Kind() == jsbytes.KindString && len(v.Text()) <= longest {
		if n, err := jsbytes.Parse([]byte(v.Text())); err == nil && n.Kind() == jsbytes.KindNumber && n.Text() == v.Text() {
			return n, nil
		}
	}
	return jsbytes.Null(), nil
}

func toString(ev *evaluator, args []jsbytes.Value) (jsbytes.Value, error) {
	s, err := ev.textOf(args[0])
	return jsbytes.String(s), err
}

// textOf returns a string as it is, and every other value's JSON. A number that JSON would hold as a string has its
// digits.
func (ev *evaluator) textOf(v jsbytes.Value) (string, error) {
	if v.Kind() == jsbytes.KindString {
		return v.Text(), nil
	}
	if err := ev.spendValue(v); err != nil {
		return "", err
	}
	b, err := jsbytes.Marshal(v)
	if err != nil {
		return "", err
	}
	if v.Kind() == jsbytes.KindNumber {
		b = []byte(strings.Trim(string(b), `"`))
	}
	return string(b), nil
}

func typeOf(_ *evaluator, args []jsbytes.Value) (jsbytes.Value, error) {
	name := "null"
	switch args[0].Kind() {
	case jsbytes.KindBool:
		name = "boolean"
	case jsbytes.KindNumber:
		name = "number"
	case jsbytes.KindString:
		name = "string"
	case jsbytes.KindList:
		name = "array"
	case jsbytes.KindObject:
		name = "object"
	default:
	}
	return jsbytes.String(name), nil
}
