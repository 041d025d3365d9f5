package stub

import (
	"strings"
	"sync"
)

// node is a part of a parsed expression. kind is an operator or function as it is written; "name" and "value" stand for
// an attribute and a placeholder of a value, both in text.
type node struct {
	kind, text string
	args       []*node
}

// action is one change of an update expression; kind is SET, REMOVE or ADD.
type action struct {
	kind, path string
	value      *node
}

// parsed keeps what was parsed by its text: a program has few expressions.
var parsed struct {
	sync.Mutex
	conditions map[string]*node
	updates    map[string][]action
}

// parseCondition parses a condition, filter or key condition.
func parseCondition(text string) (*node, *failure) {
	parsed.Lock()
	defer parsed.Unlock()
	if n := parsed.conditions[text]; n != nil {
		return n, nil
	}
	p := parser{tokens: tokens(text)}
	n := p.or()
	if p.broken || p.peek() != "" {
		return nil, invalid("Invalid expression: %s", text)
	}
	if parsed.conditions == nil {
		parsed.conditions = map[string]*node{}
	}
	parsed.conditions[strings.Clone(text)] = n
	return n, nil
}

// parseUpdate parses an update expression.
func parseUpdate(text string) ([]action, *failure) {
	parsed.Lock()
	defer parsed.Unlock()
	if a := parsed.updates[text]; a != nil {
		return a, nil
	}
	p := parser{tokens: tokens(text)}
	actions := p.actions()
	if p.broken || p.peek() != "" || len(actions) == 0 {
		return nil, invalid("Invalid UpdateExpression: %s", text)
	}
	if parsed.updates == nil {
		parsed.updates = map[string][]action{}
	}
	parsed.updates[strings.Clone(text)] = actions
	return actions, nil
}

// tokens cuts an expression into words (names, #names, :values, keywords) and signs.
func tokens(text string) []string {
	var found []string
	for i := 0; i < len(text); {
		j := i + 1
		switch c := text[i]; {
		case c <= ' ':
			i++
			continue
		case isWord(c) || c == '#' || c == ':':
			for j < len(text) && isWord(text[j]) {
				j++
			}
		case j < len(text) && (text[i:j+1] == "<=" || text[i:j+1] == ">=" || text[i:j+1] == "<>"):
			j++
		}
		found = append(found, strings.Clone(text[i:j]))
		i = j
	}
	return found
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// parser reads tokens by recursive descent. broken stays set after the first thing that does not fit.
type parser struct {
	tokens []string
	broken bool
}

func (p *parser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *parser) next() string {
	t := p.peek()
	if t == "" {
		p.broken = true
		return ""
	}
	p.tokens = p.tokens[1:]
	return t
}

// take reads a token if it is the given one, whatever the case of its letters.
func (p *parser) take(token string) bool {
	if strings.EqualFold(p.peek(), token) {
		p.tokens = p.tokens[1:]
		return true
	}
	return false
}

func (p *parser) expect(token string) {
	if !p.take(token) {
		p.broken = true
	}
}

func (p *parser) or() *node {
	n := p.and()
	for !p.broken && p.take("OR") {
		n = &node{kind: "OR", args: []*node{n, p.and()}}
	}
	return n
}

func (p *parser) and() *node {
	n := p.not()
	for !p.broken && p.take("AND") {
		n = &node{kind: "AND", args: []*node{n, p.not()}}
	}
	return n
}

func (p *parser) not() *node {
	if p.take("NOT") {
		return &node{kind: "NOT", args: []*node{p.not()}}
	}
	if p.take("(") {
		n := p.or()
		p.expect(")")
		return n
	}
	n := p.operand()
	switch t := p.peek(); {
	case t == "=" || t == "<>" || t == "<" || t == "<=" || t == ">" || t == ">=":
		return &node{kind: p.next(), args: []*node{n, p.operand()}}
	case p.take("BETWEEN"):
		low := p.operand()
		p.expect("AND")
		return &node{kind: "BETWEEN", args: []*node{n, low, p.operand()}}
	case p.take("IN"):
		p.expect("(")
		return &node{kind: "IN", args: append([]*node{n}, p.list()...)}
	case !isTest(n.kind):
		p.broken = true
	}
	return n
}

func isTest(function string) bool {
	switch function {
	case "attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains":
		return true
	}
	return false
}

// arguments is how many each function takes.
var arguments = map[string]int{
	"attribute_exists": 1, "attribute_not_exists": 1, "attribute_type": 2, "begins_with": 2, "contains": 2, "size": 1,
	"if_not_exists": 2,
}

// operand reads a name, a value or a function. Only attributes at the top of an item have names here.
func (p *parser) operand() *node {
	t := p.next()
	switch {
	case strings.HasPrefix(t, ":"):
		return &node{kind: "value", text: t}
	case arguments[t] > 0 && p.take("("):
		n := &node{kind: t, args: p.list()}
		if len(n.args) != arguments[t] {
			p.broken = true
		}
		return n
	}
	return &node{kind: "name", text: p.checkName(t)}
}

func (p *parser) checkName(t string) string {
	if t == "" || t[0] != '#' && !isWord(t[0]) {
		p.broken = true
	}
	return t
}

// list reads operands to the closing bracket.
func (p *parser) list() []*node {
	var args []*node
	for !p.broken {
		args = append(args, p.operand())
		if p.take(")") {
			break
		}
		p.expect(",")
	}
	return args
}

func (p *parser) actions() []action {
	var all []action
	for !p.broken && p.peek() != "" {
		kind := strings.ToUpper(p.next())
		if kind != "SET" && kind != "REMOVE" && kind != "ADD" {
			p.broken = true
			return nil
		}
		for !p.broken {
			a := action{kind: kind, path: p.checkName(p.next())}
			switch kind {
			case "SET":
				p.expect("=")
				a.value = p.sum()
			case "ADD":
				a.value = p.operand()
			}
			all = append(all, a)
			if !p.take(",") {
				break
			}
		}
	}
	return all
}

func (p *parser) sum() *node {
	n := p.operand()
	if t := p.peek(); t == "+" || t == "-" {
		return &node{kind: p.next(), args: []*node{n, p.operand()}}
	}
	return n
}
