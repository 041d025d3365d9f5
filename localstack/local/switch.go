package local

import "fmt"

// Switch reads a switch of a command, which Makefile passes as it was given: "1" is on, "" and "0" are off, anything else is
// an error that names it.
func Switch(name, value string) (on bool, err error) {
	if value != "" && value != "0" && value != "1" {
		err = fmt.Errorf("%s: want 1 or nothing, have %q", name, value)
	}
	return value == "1", err
}
