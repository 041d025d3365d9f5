package dynamo

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// fielder is an item's struct. Its method names each attribute once, for both directions.
type fielder interface{ fields(c *coder) }

// coder writes the fields of a struct to an item, or reads them from one. Made by hand, because reflection takes four
// times as long; the stored format is that of the SDK's own encoder, which format_test.go holds it to.
type coder struct {
	item    item
	reading bool
	// err is the first attribute that could not be read.
	err error
	// found counts the attributes of item that were read, and known, if not nil, notes their names.
	found int
	known map[string]bool
	// strings and numbers hold the values that were written, a few allocations instead of one for each.
	strings []types.AttributeValueMemberS
	numbers []types.AttributeValueMemberN
}

// Whether an attribute is written that has its zero value.
const (
	always = true
	ifSet  = false
)

// usualFields is about how many attributes of a kind a delivery has, the largest item that is written often.
const usualFields = 12

// encode turns one of this package's item structs into an item.
func encode(v fielder) item {
	c := coder{item: make(item, 2*usualFields)}
	v.fields(&c)
	return c.item
}

// decode reads an item into one of this package's item structs.
func decode(m item, out fielder) error {
	if err := readable(m["v"]); err != nil {
		return err
	}
	c := coder{item: m, reading: true}
	out.fields(&c)
	return c.err
}

// member returns the attribute that is to be read, as the type that a field has; ok is false if it is absent.
func member[T types.AttributeValue](c *coder, name string) (v T, ok bool) {
	if c.known != nil {
		c.known[name] = true
	}
	a, there := c.item[name]
	if there {
		c.found++
	}
	switch a := a.(type) {
	case nil, *types.AttributeValueMemberNULL:
		return v, false
	case T:
		return a, true
	}
	c.wrong(name)
	return v, false
}

// wrong notes that an attribute could not be read.
func (c *coder) wrong(name string) {
	if c.err == nil {
		c.err = webhook.Errorf(webhook.Corrupt, "the attribute %q of an item could not be read", name)
	}
}

func (c *coder) text(name string, v *string, empty bool) {
	if c.reading {
		if a, ok := member[*types.AttributeValueMemberS](c, name); ok {
			*v = a.Value
		}
		return
	}
	if *v == "" && !empty {
		return
	}
	if len(c.strings) == cap(c.strings) {
		c.strings = make([]types.AttributeValueMemberS, 0, usualFields)
	}
	c.strings = append(c.strings, types.AttributeValueMemberS{Value: *v})
	c.item[name] = &c.strings[len(c.strings)-1]
}

func (c *coder) int64(name string, v *int64, zero bool) {
	if c.reading {
		if a, ok := member[*types.AttributeValueMemberN](c, name); ok {
			*v = c.parse(name, a)
		}
		return
	}
	if *v == 0 && !zero {
		return
	}
	if len(c.numbers) == cap(c.numbers) {
		c.numbers = make([]types.AttributeValueMemberN, 0, usualFields)
	}
	c.numbers = append(c.numbers, types.AttributeValueMemberN{Value: strconv.FormatInt(*v, 10)})
	c.item[name] = &c.numbers[len(c.numbers)-1]
}

func (c *coder) parse(name string, a *types.AttributeValueMemberN) int64 {
	n, err := strconv.ParseInt(a.Value, 10, 64)
	if err != nil {
		c.wrong(name)
	}
	return n
}

func (c *coder) int(name string, v *int, zero bool) {
	n := int64(*v)
	c.int64(name, &n, zero)
	*v = int(n)
}

// bound is a number that may be absent, which is not 0.
func (c *coder) bound(name string, v **int64) {
	if c.reading {
		if a, ok := member[*types.AttributeValueMemberN](c, name); ok {
			n := c.parse(name, a)
			*v = &n
		}
		return
	}
	if *v != nil {
		c.int64(name, *v, always)
	}
}

// flag is written if it is true.
func (c *coder) flag(name string, v *bool) {
	if c.reading {
		if a, ok := member[*types.AttributeValueMemberBOOL](c, name); ok {
			*v = a.Value
		}
		return
	}
	if *v {
		c.item[name] = &types.AttributeValueMemberBOOL{Value: true}
	}
}

func (c *coder) bytes(name string, v *[]byte, empty bool) {
	if c.reading {
		if a, ok := member[*types.AttributeValueMemberB](c, name); ok {
			*v = a.Value
		}
		return
	}
	switch {
	case *v != nil:
		c.item[name] = &types.AttributeValueMemberB{Value: *v}
	case empty:
		c.item[name] = &types.AttributeValueMemberNULL{Value: true}
	}
}

// texts is a list of strings, absent if it is nil.
func texts[S ~string](c *coder, name string, v *[]S) {
	if c.reading {
		a, ok := member[*types.AttributeValueMemberL](c, name)
		if !ok {
			return
		}
		*v = make([]S, len(a.Value))
		for i, e := range a.Value {
			s, ok := e.(*types.AttributeValueMemberS)
			if !ok {
				c.wrong(name)
				return
			}
			(*v)[i] = S(s.Value)
		}
		return
	}
	if *v == nil {
		return
	}
	l := make([]types.AttributeValue, len(*v))
	for i, s := range *v {
		l[i] = str(string(s))
	}
	c.item[name] = &types.AttributeValueMemberL{Value: l}
}

// part is a pointer to a struct that stands in another one's item.
type part[T any] interface {
	*T
	fielder
}

// one is a part that may be absent.
func one[T any, P part[T]](c *coder, name string, v *P) {
	if c.reading {
		if a, ok := member[*types.AttributeValueMemberM](c, name); ok {
			*v = P(new(T))
			c.read(a.Value, *v)
		}
		return
	}
	if *v != nil {
		c.item[name] = &types.AttributeValueMemberM{Value: c.write(*v)}
	}
}

// many is a list of parts, absent if it is nil.
func many[T any, P part[T]](c *coder, name string, v *[]T) {
	if c.reading {
		a, ok := member[*types.AttributeValueMemberL](c, name)
		if !ok {
			return
		}
		*v = make([]T, len(a.Value))
		for i, e := range a.Value {
			m, ok := e.(*types.AttributeValueMemberM)
			if !ok {
				c.wrong(name)
				return
			}
			c.read(m.Value, P(&(*v)[i]))
		}
		return
	}
	if *v == nil {
		return
	}
	l := make([]types.AttributeValue, len(*v))
	for i := range *v {
		l[i] = &types.AttributeValueMemberM{Value: c.write(P(&(*v)[i]))}
	}
	c.item[name] = &types.AttributeValueMemberL{Value: l}
}

func (c *coder) read(m item, v fielder) {
	outer, found := c.item, c.found
	c.item = m
	v.fields(c)
	c.item, c.found = outer, found
}

func (c *coder) write(v fielder) item {
	outer := c.item
	c.item = item{}
	v.fields(c)
	inner := c.item
	c.item = outer
	return inner
}

// rest comes last in the fields of an item that is read, changed and written whole. It keeps the attributes that no field
// names, a later release's, and writes them back: a put of the whole item would drop them.
func (c *coder) rest(v fielder, kept *webhook.Kept) {
	if !c.reading {
		m, _ := (*kept).(item)
		for name, a := range m {
			if _, ours := c.item[name]; !ours {
				c.item[name] = a
			}
		}
		return
	}
	if c.known != nil || c.found == len(c.item) {
		return
	}
	names := coder{item: item{}, reading: true, known: map[string]bool{}}
	v.fields(&names)
	m := item{}
	for name, a := range c.item {
		if !names.known[name] {
			m[name] = a
		}
	}
	*kept = m
}
