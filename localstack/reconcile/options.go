package main

import (
	"errors"
	"time"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

// options are the command line's, as they were given. A switch is on if it is "1".
type options struct {
	ids, file, scan, since, until, attribute, all, apply string
}

// plan is what to look at and what to do about it.
type plan struct {
	ids   string
	file  string
	scan  bool
	apply bool
	// attribute holds the time of each record; empty if there is none.
	attribute string
	// since and until bound the records' times; since is zero if there is no bound. They need an attribute.
	since, until time.Time
	// at is the time of records without an attribute to tell it, and known that it is no mere stand-in.
	at    time.Time
	known bool
}

// settled is how young a record must not be by default: the stream may still bring it. The alarm on the stream's age
// speaks after the same time.
const settled = 15 * time.Minute

func (o options) plan(now time.Time) (plan, error) {
	p := plan{ids: o.ids, file: o.file, attribute: o.attribute, until: now.Add(-settled)}
	var errs []error
	on := func(name, v string) bool {
		is, err := local.Switch(name, v)
		if err != nil {
			errs = append(errs, err)
		}
		return is
	}
	var all bool
	p.scan, all, p.apply = on("SCAN", o.scan), on("ALL", o.all), on("APPLY", o.apply)
	timed := func(name, v string, to *time.Time) {
		if v == "" {
			return
		}
		t, err := local.Time(name, v)
		if err != nil {
			errs = append(errs, err)
			return
		}
		*to = t
	}
	timed("SINCE", o.since, &p.since)
	timed("UNTIL", o.until, &p.until)
	sources := 0
	for _, given := range []bool{o.ids != "", o.file != "", p.scan} {
		if given {
			sources++
		}
	}
	switch {
	case sources != 1:
		errs = append(errs, errors.New("say what to look at: one of IDS=<id>,<id>..., FILE=<file of ids> and SCAN=1"))
	case p.scan && !all && (o.since == "" || o.attribute == ""):
		errs = append(errs, errors.New("SCAN=1 needs SINCE=<time> and TIME_ATTRIBUTE=<attribute>, or ALL=1: deliveries are kept for 30 days after their last change, so what is older looks as if it were missing"))
	case p.scan && all && o.since != "" && o.attribute == "", o.until != "" && o.attribute == "":
		errs = append(errs, errors.New("SINCE and UNTIL choose records by TIME_ATTRIBUTE=<attribute>: name it"))
	}
	// A day's start is the same for every run of the day: what two of them create at once has one id.
	p.at = now.UTC().Truncate(24 * time.Hour)
	if p.since.After(now) {
		errs = append(errs, errors.New("SINCE: must be in the past"))
	} else if p.attribute != "" && len(errs) == 0 && !p.since.Before(p.until) {
		errs = append(errs, errors.New("SINCE: must be before UNTIL, which is 15 minutes ago if it is not given"))
	}
	if p.attribute == "" && !p.since.IsZero() {
		p.at, p.known = p.since, true
	}
	return p, errors.Join(errs...)
}
