package payload

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jmespath-community/go-jmespath/pkg/parsing"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
)

// expression is one `{{ }}` of a template.
type expression struct {
	root *term
	// path and position say where it stands, as in TemplateError.
	path     string
	position int
}

// failed says where an expression failed. The limits on the whole body stay what they are.
func (e *expression) failed(err error) error {
	var placed *TemplateError
	if errors.As(err, &placed) || errors.Is(err, jsbytes.ErrTooLarge) || errors.Is(err, jsbytes.ErrTooDeep) {
		return err
	}
	return &TemplateError{Path: e.path, Position: e.position, Message: err.Error()}
}

// term is an expression's syntax tree, of the accepted part only.
type term struct {
	op op
	// name is a field's, or a function's.
	name  string
	index int
	slice [3]*int
	value jsbytes.Value
	// keys are those of a multi-select hash; their values are args.
	keys []string
	args []*term
}

type op int

const (
	opCurrent op = iota
	opField
	opIndex
	opSlice
	opLiteral
	opList
	opHash
	opOr
	opThen    // the second on the value of the first, null if that is null
	opPipe    // the second on the value of the first, whatever it is
	opProject // the second on each element of the first
	opCall
)

// syntaxFault says what is wrong in an expression, and at which byte.
type syntaxFault struct {
	offset  int
	message string
}

// expressionEnd returns the length of the expression that s begins with, before its }}; -1 if there is no end. Braces
// of multi-select hashes and whatever is quoted do not count.
func expressionEnd(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\'', '"', '`':
			i = quotedEnd(s, i) - 1
		case '{':
			depth++
		case '}':
			if depth > 0 {
				depth--
			} else if strings.HasPrefix(s[i:], closing) {
				return i
			}
		}
	}
	return -1
}

// quotedEnd returns where the quoted part that begins at s[i] ends: behind its closing quote, or at the end of s.
func quotedEnd(s string, i int) int {
	quote := s[i]
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case quote:
			return i + 1
		}
	}
	return len(s)
}

func parseExpression(s string) (*expression, *syntaxFault) {
	if len(s) > MaxExpression {
		return nil, &syntaxFault{0, "the expression has more than " + strconv.Itoa(MaxExpression) + " bytes"}
	}
	if strings.TrimSpace(s) == "" {
		return nil, &syntaxFault{0, "the expression is empty"}
	}
	if f := forbidden(s); f != nil {
		return nil, f
	}
	tree, f := parse(s)
	if f != nil {
		return nil, f
	}
	root, message := convert(tree)
	if message != "" {
		return nil, &syntaxFault{0, message}
	}
	return &expression{root: root}, nil
}

// forbidden finds what is JMESPath and not accepted, for the sake of its place: the library's syntax tree has none.
// What is accepted is decided by convert.
func forbidden(s string) *syntaxFault {
	for i := 0; i < len(s); i++ {
		rest := s[i:]
		switch c := s[i]; {
		case c == '\'' || c == '"' || c == '`':
			i = quotedEnd(s, i) - 1
		case isNameByte(c):
			end := i + 1
			for end < len(s) && (isNameByte(s[end]) || s[end] >= '0' && s[end] <= '9') {
				end++
			}
			if _, known := functions[s[i:end]]; !known && strings.HasPrefix(strings.TrimLeft(s[end:], " \t\r\n"), "(") {
				return &syntaxFault{i, "this function is not available; there are " + strings.Join(Functions(), ", ")}
			}
			i = end - 1
		case strings.HasPrefix(rest, "[?"):
			return &syntaxFault{i, "filters are not available"}
		case strings.HasPrefix(rest, "[]"):
			return &syntaxFault{i, "flattening with [] is not available"}
		case strings.HasPrefix(rest, "[*]"):
			return &syntaxFault{i, "wildcards are not available; [:] stands for all elements of a list"}
		case c == '*':
			return &syntaxFault{i, "wildcards and arithmetic are not available"}
		case c == '$':
			return &syntaxFault{i, "variables are not available"}
		case c == '&' && !strings.HasPrefix(rest, "&&"):
			return &syntaxFault{i, "expression references are not available"}
		case c == '&', c == '!', c == '<', c == '>', c == '=':
			return &syntaxFault{i, "comparisons and conditions are not available, except for ||"}
		case c == '+', c == '%', c == '/', strings.HasPrefix(rest, "−"), strings.HasPrefix(rest, "×"),
			strings.HasPrefix(rest, "÷"), c == '-' && (len(rest) == 1 || rest[1] < '0' || rest[1] > '9'):
			return &syntaxFault{i, "arithmetic is not available"}
		}
	}
	return nil
}

func isNameByte(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }

// parse runs the library's parser, which panics on some inputs.
func parse(s string) (tree parsing.ASTNode, fault *syntaxFault) {
	const unreadable = "this is not JMESPath"
	defer func() {
		if recover() != nil {
			fault = &syntaxFault{0, unreadable}
		}
	}()
	tree, err := parsing.NewParser().Parse(s)
	var syntax parsing.SyntaxError
	switch {
	case err == nil:
		return tree, nil
	case errors.As(err, &syntax):
		at := min(max(syntax.Offset, 0), len(s))
		for at > 0 && at < len(s) && !utf8.RuneStart(s[at]) {
			at--
		}
		return tree, &syntaxFault{at, unreadable}
	}
	return tree, &syntaxFault{0, "a number or literal in the expression is not valid"}
}

// convert turns the library's syntax tree into ours. It accepts what the design's section 2.2 does and nothing else;
// message says why it does not.
func convert(n parsing.ASTNode) (t *term, message string) {
	t = &term{}
	switch n.NodeType {
	case parsing.ASTCurrentNode, parsing.ASTIdentity:
		return t, ""
	case parsing.ASTField:
		t.op = opField
		t.name, _ = n.Value.(string)
		return t, ""
	case parsing.ASTIndex:
		t.op = opIndex
		t.index, _ = n.Value.(int)
		return t, ""
	case parsing.ASTSlice:
		parts, _ := n.Value.([]*int)
		if copy(t.slice[:], parts); t.slice[2] != nil && *t.slice[2] == 0 {
			return nil, "a slice's step must not be 0"
		}
		t.op = opSlice
		return t, ""
	case parsing.ASTLiteral:
		t.op = opLiteral
		return t, t.setLiteral(n.Value)
	case parsing.ASTSubexpression, parsing.ASTIndexExpression:
		t.op = opThen
	case parsing.ASTPipe:
		t.op = opPipe
	case parsing.ASTProjection:
		t.op = opProject
	case parsing.ASTOrExpression:
		t.op = opOr
	case parsing.ASTMultiSelectList:
		t.op = opList
	case parsing.ASTMultiSelectHash:
		t.op = opHash
		return t, t.setHash(n.Children)
	case parsing.ASTFunctionExpression:
		t.op = opCall
		t.name, _ = n.Value.(string)
		f, known := functions[t.name]
		if !known || len(n.Children) < f.least || len(n.Children) > f.most {
			return nil, "a function gets too few or too many arguments"
		}
	default:
		return nil, "the expression uses a part of JMESPath that is not available"
	}
	return t, t.setArgs(n.Children)
}

func (t *term) setArgs(children []parsing.ASTNode) (message string) {
	for _, c := range children {
		arg, message := convert(c)
		if message != "" {
			return message
		}
		t.args = append(t.args, arg)
	}
	return ""
}

func (t *term) setHash(pairs []parsing.ASTNode) (message string) {
	for _, p := range pairs {
		key, _ := p.Value.(string)
		t.keys = append(t.keys, key)
		if message := t.setArgs(p.Children); message != "" {
			return message
		}
	}
	return ""
}

// setLiteral takes over what the library's JSON decoder made of a literal; numbers are doubles by then.
func (t *term) setLiteral(v any) (message string) {
	text, err := json.Marshal(v)
	if err == nil {
		t.value, err = jsbytes.Parse(text)
	}
	if err != nil {
		return "a literal in the expression is nested too deeply"
	}
	return ""
}
