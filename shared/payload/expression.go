package payload

import (
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
	// terms is how many there are.
	terms int
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
	slice *[3]*int
	value *jsbytes.Value
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

func parseExpression(s string) (*expression, *syntaxFault) {
	if len(s) > MaxExpression {
		return nil, &syntaxFault{0, "the expression has more than " + strconv.Itoa(MaxExpression) + " bytes"}
	}
	if strings.TrimSpace(s) == "" {
		return nil, &syntaxFault{0, "the expression is empty"}
	}
	src, f := scan(s)
	if f != nil {
		return nil, f
	}
	tree, f := parse(s)
	if f != nil {
		return nil, f
	}
	root, f := src.convert(tree)
	if f != nil {
		return nil, f
	}
	return &expression{root: root, terms: src.terms}, nil
}

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
	return tree, &syntaxFault{0, unreadable}
}

// convert turns the library's syntax tree into ours. It accepts what the design's section 2.2 does and nothing else. It
// meets calls and literals in the order in which they are written.
func (src *source) convert(n parsing.ASTNode) (*term, *syntaxFault) {
	src.terms++
	t := &term{}
	switch n.NodeType {
	case parsing.ASTCurrentNode, parsing.ASTIdentity:
		return t, nil
	case parsing.ASTField:
		t.op = opField
		t.name, _ = n.Value.(string)
		return t, nil
	case parsing.ASTIndex:
		t.op = opIndex
		t.index, _ = n.Value.(int)
		return t, nil
	case parsing.ASTSlice:
		parts, _ := n.Value.([]*int)
		t.op, t.slice = opSlice, new([3]*int)
		if copy(t.slice[:], parts); t.slice[2] != nil && *t.slice[2] == 0 {
			return nil, &syntaxFault{0, zeroStep}
		}
		return t, nil
	case parsing.ASTLiteral:
		t.op = opLiteral
		t.value = src.literal(n.Value)
		return t, nil
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
		return t, src.convertPairs(t, n.Children)
	case parsing.ASTFunctionExpression:
		t.op = opCall
		t.name, _ = n.Value.(string)
		at := src.call()
		f, known := functions[t.name]
		if !known || len(n.Children) < f.least || len(n.Children) > f.most {
			return nil, &syntaxFault{at, "this function gets too few or too many arguments"}
		}
	default:
		return nil, &syntaxFault{0, "the expression uses a part of JMESPath that is not available"}
	}
	return t, src.convertArgs(t, n.Children)
}

func (src *source) convertArgs(t *term, children []parsing.ASTNode) *syntaxFault {
	for _, c := range children {
		arg, f := src.convert(c)
		if f != nil {
			return f
		}
		t.args = append(t.args, arg)
	}
	return nil
}

func (src *source) convertPairs(t *term, pairs []parsing.ASTNode) *syntaxFault {
	for _, p := range pairs {
		key, _ := p.Value.(string)
		t.keys = append(t.keys, key)
		if f := src.convertArgs(t, p.Children); f != nil {
			return f
		}
	}
	return nil
}
