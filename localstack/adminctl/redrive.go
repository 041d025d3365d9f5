package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

// parked is what the administration tells of something parked.
type parked struct {
	ID, Kind, Reason, Detail, Attribute, ParkedAt string
	PartnerID, VerificationID                     string
}

// line shows it on one line, whatever characters the record's ids have.
func (p parked) line() string {
	words := []string{p.ID, p.Kind, p.Reason, p.ParkedAt, p.PartnerID, p.VerificationID, p.Attribute, p.Detail}
	for i, w := range words {
		if strings.ContainsFunc(w, unicode.IsControl) {
			words[i] = strconv.Quote(w)
		}
	}
	return strings.Join(words, "\t")
}

// redriveAtOnce is how many requests ask for something parked to be handled again at once.
const redriveAtOnce = 8

// redrive lists what is parked and how many dead letters there are; with an id it has that handled again, with all
// everything, and the dead letters put back.
func redrive(ctx context.Context, c local.Client, id string, all bool, out io.Writer) error {
	if id != "" {
		if err := c.Call(ctx, http.MethodPost, redrivePath(id), nil, nil); err != nil {
			return err
		}
		_, _ = fmt.Fprintln(out, "It is being handled again; what is then still parked is listed by `make redrive`.")
		return nil
	}
	items, err := listParked(ctx, c)
	if err != nil {
		return err
	}
	if !all {
		return show(ctx, c, items, out)
	}
	failed := local.Each(items, redriveAtOnce, func(p parked) error {
		a, err := c.Do(ctx, http.MethodPost, redrivePath(p.ID), nil)
		if err == nil && a.Status != http.StatusAccepted && a.Status != http.StatusNotFound { // it is gone: redriven meanwhile
			err = fmt.Errorf("%d %s", a.Status, a.Body)
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", p.ID, err)
		}
		return err
	})
	_, _ = fmt.Fprintf(out, "%d of %d parked are being handled again; what is then still parked is listed by `make redrive`.\n", len(items)-len(failed), len(items))
	return errors.Join(errors.Join(failed...), deadLetters(ctx, c, out))
}

func redrivePath(id string) string { return "/admin/parked/" + url.PathEscape(id) + "/redrive" }

func show(ctx context.Context, c local.Client, items []parked, out io.Writer) error {
	for _, p := range items {
		_, _ = fmt.Fprintln(out, p.line())
	}
	var dead struct{ Left int }
	if err := c.Call(ctx, http.MethodGet, "/admin/dead-letters", nil, &dead); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "%d parked, %d dead letters. `make redrive ID=<id>` handles one again, `make redrive ALL=1` everything.\n", len(items), dead.Left)
	return nil
}

func listParked(ctx context.Context, c local.Client) (items []parked, err error) {
	for cursor := ""; ; {
		var page struct {
			Items      []parked
			NextCursor *string
		}
		if err := c.Call(ctx, http.MethodGet, "/admin/parked?limit=100"+cursor, nil, &page); err != nil {
			return nil, err
		}
		items = append(items, page.Items...)
		if page.NextCursor == nil {
			return items, nil
		}
		cursor = "&cursor=" + url.QueryEscape(*page.NextCursor)
	}
}

// deadLetters puts dead letters back on the delivery queue until none is left.
func deadLetters(ctx context.Context, c local.Client, out io.Writer) error {
	total := 0
	for {
		var r struct{ Moved, Left int }
		if err := c.Call(ctx, http.MethodPost, "/admin/dead-letters/redrive", nil, &r); err != nil {
			return err
		}
		total += r.Moved
		if r.Moved == 0 || r.Left == 0 {
			_, _ = fmt.Fprintf(out, "%d dead letters were put back on the delivery queue, %d are left.\n", total, r.Left)
			return nil
		}
	}
}
