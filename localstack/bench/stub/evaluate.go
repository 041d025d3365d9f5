package stub

import (
	"slices"
	"strings"
)

// scope is what an expression is evaluated in: an item, and the request's placeholders.
type scope struct {
	item          string // "" for none
	names, values []pair
	// failed is the first fault of the expression itself.
	failed *failure
}

type pair struct{ key, value string }

// pairs reads the placeholders of a request.
func pairs(s string) []pair {
	var all []pair
	for k, v := range members(s) {
		all = append(all, pair{k, v})
	}
	return all
}

func (s *scope) fail(f *failure) {
	if s.failed == nil {
		s.failed = f
	}
}

// name returns the attribute that a path stands for.
func (s *scope) name(path string) string {
	if !strings.HasPrefix(path, "#") {
		return path
	}
	for _, p := range s.names {
		if p.key == path {
			return unquote(p.value)
		}
	}
	s.fail(invalid("An expression attribute name used in the document path is not defined; attribute name: %s", path))
	return ""
}

// value returns the value of an operand.
func (s *scope) value(n *node) value {
	switch n.kind {
	case "value":
		for _, p := range s.values {
			if p.key == n.text {
				return valueOf(p.value)
			}
		}
		s.fail(invalid("An expression attribute value used in expression is not defined; attribute value: %s", n.text))
		return value{}
	case "name":
		return attribute(s.item, s.name(n.text))
	case "if_not_exists":
		if v := s.value(n.args[0]); !v.absent() {
			return v
		}
		return s.value(n.args[1])
	case "size":
		return s.length(s.value(n.args[0]))
	case "+", "-":
		a, b := s.value(n.args[0]), s.value(n.args[1])
		if a.kind != "N" || b.kind != "N" {
			s.fail(invalid("An operand in the update expression has an incorrect data type"))
			return value{}
		}
		if n.kind == "-" {
			return sum(a, b, -1)
		}
		return sum(a, b, 1)
	}
	s.fail(invalid("%s is no value", n.kind))
	return value{}
}

// length is what the function size tells: bytes, or elements.
func (s *scope) length(v value) value {
	n := 0
	switch v.kind {
	case "":
		return value{}
	case "S", "B":
		n = v.size()
	case "M":
		for range members(v.raw) {
			n++
		}
	default:
		for range elements(v.raw) {
			n++
		}
	}
	return numberValue(itoa(n))
}

// test evaluates a condition.
func (s *scope) test(n *node) bool {
	switch n.kind {
	case "OR":
		return s.test(n.args[0]) || s.test(n.args[1])
	case "AND":
		return s.test(n.args[0]) && s.test(n.args[1])
	case "NOT":
		return !s.test(n.args[0])
	}
	v := s.value(n.args[0])
	switch n.kind {
	case "attribute_exists":
		return !v.absent()
	case "attribute_not_exists":
		return v.absent()
	case "IN":
		return slices.ContainsFunc(n.args[1:], func(a *node) bool { return v.equal(s.value(a)) })
	}
	w := s.value(n.args[1])
	switch n.kind {
	case "=":
		return v.equal(w)
	case "<>":
		return !v.equal(w) // what is absent differs from every value
	case "attribute_type":
		return v.kind == w.text()
	case "begins_with":
		return v.kind == w.kind && !v.absent() && strings.HasPrefix(v.text(), w.text())
	case "contains":
		return contains(v, w)
	case "BETWEEN":
		return ordered(">=", v, w) && ordered("<=", v, s.value(n.args[2]))
	}
	return ordered(n.kind, v, w)
}

func contains(v, w value) bool {
	switch v.kind {
	case "S":
		return w.kind == "S" && strings.Contains(v.text(), w.text())
	case "L":
		for e := range elements(v.raw) {
			if valueOf(e).equal(w) {
				return true
			}
		}
	case "SS", "NS", "BS":
		for e := range elements(v.raw) {
			if (value{v.kind[:1], e}).equal(w) {
				return true
			}
		}
	}
	return false
}

func ordered(operator string, v, w value) bool {
	c, ok := v.compare(w)
	if !ok {
		return false
	}
	switch operator {
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	}
	return c >= 0
}

// change is an attribute that an update has set, or with an absent value removed.
type change struct {
	name string
	to   value
}

// apply evaluates an update; every operand is that of the item before it.
func (s *scope) apply(actions []action) []change {
	var changes []change
	for _, a := range actions {
		c := change{name: s.name(a.path)}
		switch a.kind {
		case "SET":
			c.to = s.value(a.value)
		case "ADD":
			c.to = s.value(a.value)
			old := attribute(s.item, c.name)
			if c.to.kind != "N" || !old.absent() && old.kind != "N" {
				s.fail(invalid("Incorrect operand type for operator or function; operator: ADD, of numbers only"))
			} else if !old.absent() {
				c.to = sum(old, c.to, 1)
			}
		}
		if a.kind != "REMOVE" && c.to.absent() {
			s.fail(invalid("The provided expression refers to an attribute that does not exist in the item"))
		}
		if slices.ContainsFunc(changes, func(o change) bool { return o.name == c.name }) {
			s.fail(invalid("Two document paths overlap with each other; path: %s", c.name))
		}
		changes = append(changes, c)
	}
	return changes
}

// changed returns an item with the changes made.
func changed(item string, changes []change) string {
	b := append(make([]byte, 0, len(item)+64), '{')
	add := func(name, raw string) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(appendQuoted(b, name), ':'), raw...)
	}
	for name, raw := range members(item) {
		if !slices.ContainsFunc(changes, func(c change) bool { return c.name == name }) {
			add(name, raw)
		}
	}
	for _, c := range changes {
		if !c.to.absent() {
			add(c.name, c.to.json())
		}
	}
	return string(append(b, '}'))
}
