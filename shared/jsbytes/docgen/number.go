package docgen

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// limits are doubles beside which something changes: the notation (1e21, 1e-6), what whole numbers are exact (2^53), the
// form of the double (subnormal, largest), the number of digits.
var limits = []float64{ //nolint:gochecknoglobals // a table
	0, 1, 1 << 31, 1 << 32, 1 << 53, 1 << 63, 1 << 64, 1e15, 1e16, 1e17, 1e20, 1e21, 1e22, 1e23, 1e-5, 1e-6, 1e-7,
	0.1, 0.3, 5e-324, 2.2250738585072014e-308, 2.225073858507201e-308, math.MaxFloat64, 9.5e-7, 123456789012345680000,
}

// Number returns the decimal text of a number: as DynamoDB keeps it (38 digits), the text of a double near a limit or
// anywhere, in any notation and with any number of digits, the exact middle of two doubles, or a form that JSON does not
// have. Not every one is a finite double, and a few are no numbers at all.
func (g *Generator) Number() string {
	g.left -= 48
	switch g.IntN(8) {
	case 0:
		return g.digits(38)
	case 1:
		return g.notation(math.Float64frombits(g.Uint64())) // NaN and infinities are texts like any other
	case 2:
		return g.notation(g.near())
	case 3:
		return middle(g.near())
	case 4:
		return g.pick("-0", "0", "-0.0", "0E+10", "0e99999999", "1e400", "-1e400", "1e-400", "1.0", "1.10", "1E5", "+1",
			".5", "5.", "007", "1e99999999999999999999", "NaN", "Infinity", "", "-", "0x10", "1_0")
	case 5:
		return strconv.FormatInt(1<<53-5+g.Int64N(10), 10)
	default:
		return strconv.Itoa(g.IntN(2000) - 1000)
	}
}

// digits returns 1 to most digits with a point, a sign and an exponent of DynamoDB's range, or without.
func (g *Generator) digits(most int) string {
	var b strings.Builder
	for range 1 + g.IntN(most) {
		b.WriteByte('0' + byte(g.IntN(10)))
	}
	s := b.String()
	if i := g.IntN(len(s)); i > 0 && g.IntN(2) == 0 {
		s = s[:i] + "." + s[i:]
	}
	return g.pick("", "-") + s + g.pick("", "", "E"+strconv.Itoa(g.IntN(256)-130))
}

// near returns one of the doubles around a limit.
func (g *Generator) near() float64 {
	f := limits[g.IntN(len(limits))]
	towards := math.Inf(1 - 2*g.IntN(2))
	for range g.IntN(4) {
		f = math.Nextafter(f, towards)
	}
	return f * float64(1-2*g.IntN(2))
}

// notation writes f in one of Go's notations, with the digits it needs or with another number of them.
func (g *Generator) notation(f float64) string {
	digits := -1
	if g.IntN(3) == 0 {
		digits = g.IntN(40)
	}
	format := byte('e')
	if abs := math.Abs(f); abs > 1e-30 && abs < 1e30 {
		format = "efgE"[g.IntN(4)]
	}
	return strconv.FormatFloat(f, format, digits, 64)
}

// middle writes the number between f and the next double, with up to 60 of its digits.
func middle(f float64) string {
	next := math.Nextafter(f, math.Inf(1))
	if math.IsInf(next, 0) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	exact := new(big.Float).SetPrec(2000).Add(big.NewFloat(f), big.NewFloat(next))
	return exact.Quo(exact, big.NewFloat(2)).Text('e', 60)
}
