package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

const (
	// partnersAtOnce is how many partners are asked about at once, each by one request at a time.
	partnersAtOnce = 4
	// progressEvery is after how many partners the operator hears how far it is.
	progressEvery = 200
)

// activation activates the webhooks that failures switched off while something of ours was broken.
type activation struct {
	// admin calls the administration; api is the address of the partners' API.
	admin local.Client
	api   string
	// since and until bound the time at which a webhook was switched off: since is within, until is not.
	since, until time.Time
	// only is the one partner to look at; empty for all.
	only  string
	apply bool
	// out gets the lines, progress how far it is.
	out, progress io.Writer
	// wait returns after d, or with an error once ctx has ended.
	wait func(ctx context.Context, d time.Duration) error

	mu    sync.Mutex // guards what follows, and out and progress
	tally tally
}

// tally counts what was seen and done.
type tally struct {
	partners, asked, suspended, unseen, concerned int
	found, activated, changed, failed             int
}

// parseActivation reads the command line. now is where the time ends unless it says otherwise.
func parseActivation(args []string, now time.Time) (*activation, error) {
	var since, until, apply string
	a := &activation{until: now.UTC().Truncate(time.Millisecond), wait: wait}
	flags := flag.NewFlagSet("activate", flag.ContinueOnError)
	flags.StringVar(&since, "since", "", "RFC 3339 time from which webhooks were switched off")
	flags.StringVar(&until, "until", "", "RFC 3339 time before which they were; now if empty")
	flags.StringVar(&a.only, "partner", "", "the only partner to look at")
	flags.StringVar(&apply, "apply", "", "1: activate them")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	if since == "" {
		return nil, errors.New("say since when webhooks were switched off wrongly: make activate SINCE=2026-03-04T01:30:00Z")
	}
	var errs []error
	note := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	var err error
	a.since, err = local.Time("SINCE", since)
	note(err)
	if until != "" {
		a.until, err = local.Time("UNTIL", until)
		note(err)
	}
	a.apply, err = local.Switch("APPLY", apply)
	note(err)
	if len(errs) == 0 && !a.since.Before(a.until) {
		errs = append(errs, errors.New("SINCE: must be before UNTIL, which is now if it is not given"))
	}
	return a, errors.Join(errs...)
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run goes through the partners. What fails is told and does not keep back the others.
func (a *activation) run(ctx context.Context) error {
	partners, err := a.partners(ctx)
	if err != nil {
		return err
	}
	a.tally.partners = len(partners)
	var asked []partner
	for _, p := range partners {
		switch {
		case p.WebhookCount == 0:
		case p.Suspended: // it has no session, and what is active of it is as if switched off
			a.tally.suspended++
		default:
			asked = append(asked, p)
		}
	}
	local.Each(asked, partnersAtOnce, func(p partner) error {
		if ctx.Err() == nil {
			a.visit(ctx, p.ID)
			a.tell(len(asked))
		}
		return nil
	})
	_, _ = fmt.Fprintln(a.out, a.summary())
	if ctx.Err() != nil {
		return fmt.Errorf("ended after %d of %d partners; running it again is safe", a.tally.asked, len(asked))
	}
	if a.tally.failed+a.tally.unseen > 0 {
		return fmt.Errorf("%d webhooks could not be activated, %d partners could not be looked at; running it again is safe", a.tally.failed, a.tally.unseen)
	}
	return nil
}

// partner is what the administration tells of one.
type partner struct {
	ID           string
	Suspended    bool
	WebhookCount int
}

func (a *activation) partners(ctx context.Context) ([]partner, error) {
	if a.only != "" {
		var p partner
		err := a.call(ctx, a.admin, http.MethodGet, partnerPath(a.only), nil, &p)
		return []partner{p}, err
	}
	var all []partner
	for cursor := ""; ; {
		var page struct {
			Items      []partner
			NextCursor *string
		}
		if err := a.call(ctx, a.admin, http.MethodGet, "/admin/partners?limit=100"+cursor, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.NextCursor == nil {
			return all, nil
		}
		cursor = "&cursor=" + url.QueryEscape(*page.NextCursor)
	}
}

// tell counts a partner that was asked about.
func (a *activation) tell(all int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tally.asked++
	if a.tally.asked%progressEvery == 0 {
		_, _ = fmt.Fprintf(a.progress, "%d of %d partners\n", a.tally.asked, all)
	}
}

// note counts something and prints a line about it.
func (a *activation) note(count *int, line string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	*count++
	_, _ = fmt.Fprintln(a.out, line)
}

func (a *activation) summary() string {
	t, from := &a.tally, fmt.Sprintf("SINCE=%s UNTIL=%s", a.since.Format(time.RFC3339Nano), a.until.Format(time.RFC3339Nano))
	s := fmt.Sprintf("%d webhooks of %d partners were switched off by failures, %s; there are %d partners.", t.found, t.concerned, from, t.partners)
	if a.only != "" {
		s = fmt.Sprintf("%d webhooks of %s were switched off by failures, %s.", t.found, a.only, from)
		from += " PARTNER=" + a.only
	}
	if t.suspended > 0 {
		s += fmt.Sprintf(" Left out since they are suspended: %d partners.", t.suspended)
	}
	switch {
	case a.apply:
		s += fmt.Sprintf("\n%d were activated, and what they hold is being delivered; %d have changed meanwhile and were left alone; %d failed.",
			t.activated, t.changed, t.failed)
	case t.found > 0:
		s += fmt.Sprintf("\nTo activate them, and to deliver what they hold: make activate %s APPLY=1", from)
	}
	return s
}
