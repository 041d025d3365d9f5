package jsbytes_test

import "math/big"

// sameDecimal compares two numbers exactly; ok is false where that would take too much.
func sameDecimal(a, b string) (same, ok bool) {
	if len(a) > 60 {
		return false, false
	}
	x, xok := new(big.Rat).SetString(a)
	y, yok := new(big.Rat).SetString(b)
	return xok && yok && x.Cmp(y) == 0, xok && yok
}
