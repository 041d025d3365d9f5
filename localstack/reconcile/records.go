package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
)

// table is what is needed of the verifications table.
type table interface {
	Verification(ctx context.Context, verificationID string) (image []byte, err error)
	ScanVerifications(ctx context.Context, f func(image []byte) error) error
}

// record is one to look at: its attributes, or if they are not read yet its id.
type record struct {
	id    string
	image []byte
}

// records returns a function that yields the records of the plan.
func (p plan) records(t table) func(ctx context.Context, yield func(record) error) error {
	return func(ctx context.Context, yield func(record) error) error {
		switch {
		case p.scan:
			return t.ScanVerifications(ctx, func(image []byte) error { return yield(record{image: image}) })
		case p.file != "":
			return p.fileIDs(yield)
		}
		for _, id := range strings.Split(p.ids, ",") {
			if err := byID(id, yield); err != nil {
				return err
			}
		}
		return nil
	}
}

func (p plan) fileIDs(yield func(record) error) error {
	f, err := os.Open(p.file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if err := byID(lines.Text(), yield); err != nil {
			return err
		}
	}
	return lines.Err()
}

func byID(id string, yield func(record) error) error {
	if id = strings.TrimSpace(id); id == "" {
		return nil
	}
	return yield(record{id: id})
}

// millisecondsFrom is the first number that counts milliseconds since 1970 and not seconds: as seconds it would lie
// beyond the year 5138.
const millisecondsFrom = 1e11

// timeOf reads a time out of an attribute: text in RFC 3339, or a number of seconds or milliseconds since 1970.
func timeOf(image []byte, attribute string) (time.Time, error) {
	var attributes map[string]struct{ S, N string }
	// Other attributes have other types; what does not fit is as good as absent.
	var wrong *json.UnmarshalTypeError
	if err := json.Unmarshal(image, &attributes); err != nil && !errors.As(err, &wrong) {
		return time.Time{}, err
	}
	v := attributes[attribute]
	if v.S != "" {
		t, err := time.Parse(time.RFC3339Nano, v.S)
		return t.UTC(), err
	}
	n, err := strconv.ParseFloat(v.N, 64)
	if err != nil || n <= 0 || n >= millisecondsFrom*1000 {
		return time.Time{}, errors.New("no time")
	}
	if n < millisecondsFrom {
		n *= 1000
	}
	return time.UnixMilli(int64(math.Round(n))).UTC(), nil
}

// subject returns a record's verification and partner, as far as it has them.
func subject(image []byte) (verificationID, partnerID string) {
	var attributes map[string]json.RawMessage
	if err := json.Unmarshal(image, &attributes); err != nil {
		return "", ""
	}
	text := func(name string) string {
		var v struct{ S string }
		_ = json.Unmarshal(attributes[name], &v) // another type reads as absent
		return v.S
	}
	return text("verificationId"), text("partnerId")
}
