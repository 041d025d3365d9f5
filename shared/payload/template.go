package payload

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
)

// Limits of a payload template. Lengths are bytes.
const (
	MaxTemplate    = 16 << 10 // the template's text, without white space between its values
	MaxExpression  = 1 << 10  // what stands between {{ and }}
	MaxExpressions = 64
	// maxTemplateDepth leaves room for what expressions put into the template: DynamoDB nests 32 levels, and
	// jsbytes.MaxDepth holds for the whole.
	maxTemplateDepth = 24
)

// TemplateError says where a template is wrong, or failed. It holds nothing of the template but the names on the way to
// the place, and nothing of the data.
type TemplateError struct {
	// Path leads to the value from the template's top: ".data.items[0]"; empty for the template itself.
	Path string
	// Position counts the characters of the string at Path, from 1; 0 if the fault is not in a string.
	Position int
	// Message is a phrase for the partner that fits behind the place.
	Message string
}

func (e *TemplateError) Error() string {
	var b strings.Builder
	b.WriteString("the payload template")
	if e.Path != "" {
		b.WriteString(" at " + e.Path[1:])
	}
	if e.Position > 0 {
		b.WriteString(", character " + strconv.Itoa(e.Position))
	}
	return b.String() + ": " + e.Message
}

// Template is a compiled payload template. It does not change; safe for concurrent use.
type Template struct {
	root node
	text string
	// weight is about how many bytes it takes.
	weight int
}

// Text returns the template as it is stored: the JSON text that Compile was given, without white space and in the order
// in which JavaScript would keep its members. Compile(Text()) gives the same Template.
func (t *Template) Text() string { return t.text }

// node is one value of a template: a constant, or something that holds expressions.
type node struct {
	constant jsbytes.Value
	// Of the following at most one is set.
	members []nodeMember
	items   []node
	parts   []part
}

type nodeMember struct {
	name  string
	value node
}

// part is a piece of a string with expressions: a text, or an expression.
type part struct {
	text string
	expr *expression
}

// Compile checks a payload template (design, section 2.2), a JSON object whose strings may hold `{{ expression }}`, and
// makes it ready for use. A string that is one expression and nothing else is replaced by the expression's value, of
// whatever type; inside a longer text a value stands as its text, null as nothing. Its error is a *TemplateError.
//
// An expression is JMESPath, of which only a part is accepted that can neither loop nor blow up: fields, indices,
// slices, multi-selects, pipes, `||`, literals, and the functions that Functions lists. What is left of the danger,
// multi-selects in projections, is bounded when a body is built: see Record.Body.
func Compile(text string) (*Template, error) {
	v, err := jsbytes.Parse([]byte(text))
	switch {
	case errors.Is(err, jsbytes.ErrTooDeep):
		return nil, tooDeep("")
	case err != nil:
		return nil, &TemplateError{Message: "is not JSON"}
	case v.Kind() != jsbytes.KindObject:
		return nil, &TemplateError{Message: "must be a JSON object"}
	}
	compact, err := jsbytes.Marshal(v)
	if err != nil || len(compact) > MaxTemplate {
		return nil, &TemplateError{Message: "must have at most " + strconv.Itoa(MaxTemplate) + " bytes"}
	}
	var c compiler
	root, err := c.node(v, "", 1)
	if err != nil {
		return nil, err
	}
	return &Template{root: root, text: string(compact), weight: c.terms*termSize + len(compact)*textSize}, nil
}

func tooDeep(path string) error {
	return &TemplateError{Path: path, Message: "must have at most " + strconv.Itoa(maxTemplateDepth) + " lists and objects in each other"}
}

// What a compiled template takes, about: a term with its name and its place in its parent, and a byte of the text, which
// may be a value of its own.
const (
	termSize = 200
	textSize = 60
)

// compiler counts the expressions of one template, and their terms.
type compiler struct{ expressions, terms int }

func (c *compiler) node(v jsbytes.Value, path string, depth int) (node, error) {
	n := node{constant: v}
	switch v.Kind() {
	case jsbytes.KindString:
		return c.text(v, path)
	case jsbytes.KindList:
		if depth > maxTemplateDepth {
			return node{}, tooDeep(path)
		}
		constant := true
		for i, item := range v.Items() {
			child, err := c.node(item, path+"["+strconv.Itoa(i)+"]", depth+1)
			if err != nil {
				return node{}, err
			}
			n.items = append(n.items, child)
			constant = constant && child.isConstant()
		}
		if constant {
			n.items = nil
		}
	case jsbytes.KindObject:
		if depth > maxTemplateDepth {
			return node{}, tooDeep(path)
		}
		constant := true
		for _, m := range v.Members() {
			below := path + "." + shortName(m.Name)
			if strings.Contains(m.Name, opening) {
				return node{}, &TemplateError{Path: below, Message: "has an expression in its name; only values may have one"}
			}
			child, err := c.node(m.Value, below, depth+1)
			if err != nil {
				return node{}, err
			}
			n.members = append(n.members, nodeMember{m.Name, child})
			constant = constant && child.isConstant()
		}
		if constant {
			n.members = nil
		}
	default: // a constant
	}
	return n, nil
}

func (n *node) isConstant() bool { return n.members == nil && n.items == nil && n.parts == nil }

// shortName keeps paths readable.
func shortName(name string) string {
	const most = 40
	if len(name) <= most {
		return name
	}
	return strings.ToValidUTF8(name[:most], "") + "…"
}

// The marks around an expression.
const (
	opening = "{{"
	closing = "}}"
)

// text compiles a string of a template.
func (c *compiler) text(v jsbytes.Value, path string) (node, error) {
	s := v.Text()
	var parts []part
	at := 0 // all before it is in parts
	for {
		i := strings.Index(s[at:], opening)
		if i < 0 {
			break
		}
		start := at + i + len(opening)
		fault := func(offset int, message string) error {
			return &TemplateError{Path: path, Position: utf8.RuneCountInString(s[:offset]) + 1, Message: message}
		}
		length := expressionEnd(s[start:])
		if length < 0 {
			return node{}, fault(at+i, "a {{ has no }} that ends it")
		}
		if c.expressions++; c.expressions > MaxExpressions {
			return node{}, fault(at+i, "there are more than "+strconv.Itoa(MaxExpressions)+" expressions")
		}
		e, bad := parseExpression(s[start : start+length])
		if bad != nil {
			return node{}, fault(start+bad.offset, bad.message)
		}
		c.terms += e.terms
		e.path, e.position = path, utf8.RuneCountInString(s[:at+i])+1
		if i > 0 {
			parts = append(parts, part{text: s[at : at+i]})
		}
		parts = append(parts, part{expr: e})
		at = start + length + len(closing)
	}
	if parts != nil && at < len(s) {
		parts = append(parts, part{text: s[at:]})
	}
	return node{constant: v, parts: parts}, nil
}

// render builds the template's document over scope. Errors: *TemplateError, jsbytes.ErrTooLarge, jsbytes.ErrTooDeep.
func (t *Template) render(scope jsbytes.Value) ([]byte, error) {
	r := renderer{scope: scope, evaluator: evaluator{left: maxSteps}}
	v, err := r.node(&t.root)
	if err != nil {
		return nil, err
	}
	return jsbytes.Marshal(v)
}

type renderer struct {
	scope jsbytes.Value
	evaluator
}

func (r *renderer) node(n *node) (jsbytes.Value, error) {
	switch {
	case n.parts != nil:
		return r.text(n.parts)
	case n.items != nil:
		items := make([]jsbytes.Value, len(n.items))
		for i := range n.items {
			var err error
			if items[i], err = r.node(&n.items[i]); err != nil {
				return jsbytes.Value{}, err
			}
		}
		return jsbytes.List(items...), nil
	case n.members != nil:
		members := make([]jsbytes.Member, len(n.members))
		for i := range n.members {
			v, err := r.node(&n.members[i].value)
			if err != nil {
				return jsbytes.Value{}, err
			}
			members[i] = jsbytes.Member{Name: n.members[i].name, Value: v}
		}
		return jsbytes.Object(members...), nil
	}
	return n.constant, nil
}

// text renders a string with expressions. One that is an expression and nothing else keeps the value's type.
func (r *renderer) text(parts []part) (jsbytes.Value, error) {
	if len(parts) == 1 {
		return r.expression(parts[0].expr)
	}
	var b strings.Builder
	for _, p := range parts {
		text := p.text
		if p.expr != nil {
			v, err := r.expression(p.expr)
			if err == nil && v.Kind() != jsbytes.KindNull {
				text, err = r.textOf(v)
			}
			if err != nil {
				return jsbytes.Value{}, p.expr.failed(err)
			}
		}
		if b.Len()+len(text) > jsbytes.MaxSize {
			return jsbytes.Value{}, jsbytes.ErrTooLarge
		}
		b.WriteString(text)
	}
	return jsbytes.String(b.String()), nil
}

func (r *renderer) expression(e *expression) (jsbytes.Value, error) {
	v, err := r.evaluate(e.root, r.scope)
	if err != nil {
		return jsbytes.Value{}, e.failed(err)
	}
	return v, nil
}

// Templates compiles each template once and keeps it. The zero value is ready; safe for concurrent use.
type Templates struct {
	mu       sync.Mutex
	compiled map[string]*Template
	weight   int
}

// maxKept bounds the templates that are kept, in bytes that they take about: a template of 16 KiB may compile to 2 MiB.
const maxKept = 16 << 20

// Get is Compile for a text that was most likely compiled before. An empty text gives nil, the default body.
func (ts *Templates) Get(text string) (*Template, error) {
	if text == "" {
		return nil, nil
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if t := ts.compiled[text]; t != nil {
		return t, nil
	}
	t, err := Compile(text)
	if err != nil {
		return nil, err
	}
	if ts.compiled == nil {
		ts.compiled = map[string]*Template{}
	}
	for other, dropped := range ts.compiled { // any will do: more templates than that take turns anyway
		if ts.weight+t.weight <= maxKept {
			break
		}
		delete(ts.compiled, other)
		ts.weight -= dropped.weight
	}
	ts.compiled[text] = t
	ts.weight += t.weight
	return t, nil
}
