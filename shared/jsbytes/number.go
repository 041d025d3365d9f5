package jsbytes

import (
	"math"
	"strconv"
	"strings"
)

// maxNumberText bounds a number's text in bytes; DynamoDB's have at most 38 digits, a sign, a point and an exponent.
const maxNumberText = 512

// IsNumber tells whether s is a decimal number: an optional sign, digits with an optional point, an optional exponent,
// at most 512 bytes. It is wider than JSON's grammar (".5", "+1" and "01" pass).
func IsNumber(s string) bool {
	if plainNumber(s) {
		return true
	}
	_, ok := parseDecimal(s)
	return ok
}

// plainDigits is how many significant digits every double keeps apart: of a text with no more, ECMAScript's text of the
// nearest double is the same decimal.
const plainDigits = 15

// plainNumber tells of most numbers that ecmaNumber gives their very text back: those in ECMAScript's plain notation with
// at most plainDigits digits.
func plainNumber(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || len(digits) > plainDigits+len(".") {
		return false
	}
	point := -1
	for i := 0; i < len(digits); i++ {
		switch c := digits[i]; {
		case c == '.' && point < 0:
			point = i
		case !digit(c):
			return false
		}
	}
	if point < 0 {
		return len(digits) <= plainDigits && (digits[0] != '0' || s == "0")
	}
	fraction := digits[point+1:]
	if point == 0 || fraction == "" || fraction[len(fraction)-1] == '0' {
		return false
	}
	// Below 1e-6 there is an exponent.
	return digits[0] != '0' || point == 1 && !strings.HasPrefix(fraction, "000000")
}

// ecmaNumber returns the text ECMAScript gives to the double nearest to the decimal text; ok is false if that text
// denotes another decimal value, or there is no such double.
func ecmaNumber(text string) (s string, ok bool) {
	want, ok := parseDecimal(text)
	if !ok {
		return "", false
	}
	f, err := strconv.ParseFloat(want.text(), 64)
	if err != nil || math.IsInf(f, 0) {
		return "", false
	}
	s = formatECMA(f)
	got, ok := parseDecimal(s)
	return s, ok && got == want
}

// formatECMA is ECMA-262's Number::toString in radix 10 for a finite number: the shortest digits that read back as f,
// in plain notation from 1e-6 up to, but not including, 1e21.
func formatECMA(f float64) string {
	if f == 0 { // also -0
		return "0"
	}
	if abs := math.Abs(f); abs >= 1e-6 && abs < 1e21 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	mantissa, exp, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	// Go writes at least two digits of exponent, ECMAScript as many as there are.
	return mantissa + "e" + exp[:1] + strings.TrimLeft(exp[1:], "0")
}

// decimal is a decimal value in its only form: digits without zeros at either end ("" for 0), times ten to the exp.
type decimal struct {
	negative bool
	digits   string
	exp      int
}

func (d decimal) text() string {
	sign := ""
	if d.negative {
		sign = "-"
	}
	return sign + "0" + d.digits + "e" + strconv.Itoa(d.exp)
}

func parseDecimal(s string) (decimal, bool) {
	if len(s) > maxNumberText {
		return decimal{}, false
	}
	var d decimal
	if s != "" && (s[0] == '-' || s[0] == '+') {
		d.negative = s[0] == '-'
		s = s[1:]
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		exp, ok := parseExponent(s[i+1:])
		if !ok {
			return decimal{}, false
		}
		d.exp, s = exp, s[:i]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	digits := whole + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return decimal{}, false
	}
	digits = strings.TrimLeft(digits, "0")
	d.digits = strings.TrimRight(digits, "0")
	d.exp += len(digits) - len(d.digits) - len(fraction)
	if d.digits == "" { // zero has no sign and no exponent: JSON.stringify(-0) is 0
		return decimal{}, true
	}
	return d, true
}

// maxExponent stands for all exponents beyond it: no text of maxNumberText bytes has the digits to make up for it, so the
// number is 0 or none that a double comes near.
const maxExponent = 1_000_000

func parseExponent(s string) (int, bool) {
	digits := s
	if s != "" && (s[0] == '-' || s[0] == '+') {
		digits = s[1:]
	}
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	if err != nil { // too long for an int; its sign makes no difference
		n = maxExponent
	}
	return max(-maxExponent, min(n, maxExponent)), true
}
