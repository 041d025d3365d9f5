// Package docgen makes values and JSON texts at random, for tests of whatever reads or writes them: full of what writers
// of JSON do differently (numbers at the limits of a double, names that look like numbers, control characters, invalid
// UTF-8). The same seed gives the same documents with the same version of this package. No binary may hold it.
package docgen

import (
	"math/rand/v2"

	"github.com/cr3dentials/verification-webhooks/shared/jsbytes"
)

// room bounds a document: each byte of a text may take six (`\u0000`), and all must fit into jsbytes.MaxSize.
const room = jsbytes.MaxSize / 6

// Generator makes values from a stream of choices. Not safe for concurrent use.
type Generator struct {
	*rand.Rand

	// left is how many bytes, before escaping, the document in work may still take.
	left int
}

// New returns the generator of one document: number tells apart the documents of a seed, so that each can be made again
// without those before it.
func New(seed, number uint64) *Generator {
	return &Generator{rand.New(rand.NewPCG(seed, number)), room} //nolint:gosec // it must repeat
}

// FromBytes returns a generator whose choices are the bytes, one each, and pseudo-random after them: a fuzzer that
// changes a byte changes a choice.
func FromBytes(b []byte) *Generator {
	return &Generator{rand.New(&choices{b, rand.NewPCG(1, 1)}), room} //nolint:gosec // it must repeat
}

type choices struct {
	bytes []byte
	after *rand.PCG
}

func (c *choices) Uint64() uint64 {
	if len(c.bytes) == 0 {
		return c.after.Uint64()
	}
	b := c.bytes[0]
	c.bytes = c.bytes[1:]
	return uint64(b) * 0x0101_0101_0101_0101
}

// Document returns a value that jsbytes.Marshal accepts: small ones for the most part, bodies, and now and then one that
// is as deep, as wide or as long as a document may be.
func (g *Generator) Document() jsbytes.Value {
	g.left = room
	switch n := g.IntN(1000); {
	case n < 10:
		return g.deep(1 + g.IntN(jsbytes.MaxDepth))
	case n < 12:
		return jsbytes.String(g.text(g.IntN(room)))
	case n < 15:
		return g.object(1, 1+g.IntN(400))
	case n < 17:
		return g.list(1, 1+g.IntN(400))
	case n < 250:
		return g.Body()
	default:
		return g.Value(4)
	}
}

// Body returns a value of the shape of a webhook's body: `type`, `status` and `data` with the partner guide's members,
// whose maps hold anything.
func (g *Generator) Body() jsbytes.Value {
	g.left = room
	data := []jsbytes.Member{
		{Name: "verificationId", Value: jsbytes.String("ver_" + g.text(8))},
		{Name: "sessionId", Value: jsbytes.Number(g.Number())},
	}
	if g.IntN(2) == 0 {
		data = append(data, jsbytes.Member{Name: "stepId", Value: jsbytes.Number(g.Number())})
	}
	data = append(data, jsbytes.Member{Name: "status", Value: jsbytes.String(g.pick("VERIFIED", "FAILED", "EXPIRED"))})
	for _, name := range []string{"proofData", "formattedData", "metadata"} {
		switch g.IntN(20) {
		case 0:
			data = append(data, jsbytes.Member{Name: name, Value: jsbytes.Map(nil)})
		case 1:
			inner := g.deep(1 + g.IntN(jsbytes.MaxDepth-3))
			data = append(data, jsbytes.Member{Name: name, Value: jsbytes.Map(map[string]jsbytes.Value{g.Name(): inner})})
		default:
			data = append(data, jsbytes.Member{Name: name, Value: g.object(3, g.IntN(6))})
		}
	}
	return body(data...)
}

func body(data ...jsbytes.Member) jsbytes.Value {
	return jsbytes.Object(
		jsbytes.Member{Name: "type", Value: jsbytes.String("verification.completed")},
		jsbytes.Member{Name: "status", Value: jsbytes.String("success")},
		jsbytes.Member{Name: "data", Value: jsbytes.Object(data...)},
	)
}

// Value returns a value of at most depth levels of lists and objects.
func (g *Generator) Value(depth int) jsbytes.Value {
	g.left -= 8
	kinds := 10
	if depth <= 0 || g.left <= 0 {
		kinds = 6
	}
	switch g.IntN(kinds) {
	case 0:
		return g.constant()
	case 1, 2:
		return jsbytes.Number(g.Number())
	case 3, 4:
		return jsbytes.String(g.Text())
	case 5:
		return jsbytes.Binary([]byte(g.Text()))
	case 6, 7:
		return g.list(depth, g.IntN(5))
	default:
		return g.object(depth, g.IntN(6))
	}
}

func (g *Generator) constant() jsbytes.Value {
	switch g.IntN(3) {
	case 0:
		return jsbytes.Null()
	case 1:
		return jsbytes.Bool(true)
	default:
		return jsbytes.Bool(false)
	}
}

func (g *Generator) list(depth, length int) jsbytes.Value {
	items := make([]jsbytes.Value, 0, length)
	for range length {
		if g.left <= 0 {
			break
		}
		items = append(items, g.Value(depth-1))
	}
	return jsbytes.List(items...)
}

// object returns one with its members in an order of its own, repeated names among them, or a map.
func (g *Generator) object(depth, length int) jsbytes.Value {
	members := make([]jsbytes.Member, 0, length)
	for range length {
		if g.left <= 0 {
			break
		}
		members = append(members, jsbytes.Member{Name: g.Name(), Value: g.Value(depth - 1)})
	}
	if g.IntN(2) == 0 {
		return jsbytes.Object(members...)
	}
	m := make(map[string]jsbytes.Value, len(members))
	for _, member := range members {
		m[member.Name] = member.Value
	}
	return jsbytes.Map(m)
}

// deep returns a value of exactly that many levels.
func (g *Generator) deep(levels int) jsbytes.Value {
	v := g.Value(0)
	for range levels {
		switch g.IntN(4) {
		case 0:
			v = jsbytes.List(v)
		case 1:
			v = jsbytes.List(g.Value(0), v, g.Value(0))
		case 2:
			v = jsbytes.Map(map[string]jsbytes.Value{g.Name(): v})
		default:
			v = jsbytes.Object(jsbytes.Member{Name: "z" + g.Name(), Value: v}, jsbytes.Member{Name: g.Name(), Value: g.Value(0)})
		}
	}
	return v
}

func (g *Generator) pick(from ...string) string { return from[g.IntN(len(from))] }
