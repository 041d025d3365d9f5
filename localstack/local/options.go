package local

import (
	"fmt"
	"time"
)

// Switch reads a switch of a command, which Makefile passes as it was given: "1" is on, "" and "0" are off, anything else is
// an error that names it.
func Switch(name, value string) (on bool, err error) {
	if value != "" && value != "0" && value != "1" {
		err = fmt.Errorf("%s: want 1 or nothing, have %q", name, value)
	}
	return value == "1", err
}

// Time reads a time of a command, in UTC: zero if there is none, an error that names it if it is no RFC 3339 time.
func Time(name, value string) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, value)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: not an RFC 3339 time such as 2026-03-04T01:30:00Z: %q", name, value)
	}
	return t.UTC(), nil
}
