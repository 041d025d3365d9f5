package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

const (
	// pace lies between two requests to one partner's API: with it they are at most a tenth of the partner's limit, 100 a
	// second, which its own programs need.
	pace = 100 * time.Millisecond
	// sessionSeconds is how long a session lasts: much longer than 50 webhooks take.
	sessionSeconds = 600
	// maxTries is how often a request is made that is refused as one too many, or by a service that does not answer.
	maxTries = 6
	// maxWait is the longest Retry-After that is waited for; a request that is told a longer one has failed.
	maxWait = time.Minute
	// maxReads is how often a webhook is looked at that changes again before it is activated.
	maxReads = 3
)

// visit is the work on one partner: its requests are made one after another.
type visit struct {
	*activation
	partner string
	portal  local.Client
	// began tells that there was a request before.
	began bool
}

// hook is what the partners' API tells of a webhook.
type hook struct {
	ID, URL         string
	Active          bool
	HeldCount       int
	HeldCountCapped bool
	Deactivation    *struct {
		At     time.Time
		Reason string
	}
}

// due tells whether failures switched w off, and within the time that is looked at.
func (a *activation) due(w *hook) bool {
	d := w.Deactivation
	return !w.Active && d != nil && d.Reason == "failures" && !d.At.Before(a.since) && d.At.Before(a.until)
}

// line shows a webhook that is due.
func (v *visit) line(w *hook) string {
	host := "?"
	if u, err := url.Parse(w.URL); err == nil {
		host = u.Host
	}
	more := ""
	if w.HeldCountCapped {
		more = "+"
	}
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%d%s held", v.partner, w.ID, host, w.Deactivation.At.UTC().Format("2006-01-02T15:04:05.000Z"), w.HeldCount, more)
}

// visit finds a partner's webhooks that are due, and activates them if that is asked for.
func (a *activation) visit(ctx context.Context, partnerID string) {
	v := &visit{activation: a, partner: partnerID}
	hooks, err := v.listDue(ctx)
	if err != nil {
		if ctx.Err() == nil {
			a.note(&a.tally.unseen, fmt.Sprintf("%s\tfailed: %v", partnerID, err))
		}
		return
	}
	if len(hooks) > 0 {
		a.mu.Lock()
		a.tally.concerned++
		a.tally.found += len(hooks)
		a.mu.Unlock()
	}
	for i := range hooks {
		v.treat(ctx, &hooks[i])
	}
}

func (v *visit) treat(ctx context.Context, w *hook) {
	line, t := v.line(w), &v.tally
	if !v.apply {
		v.note(new(int), line)
		return
	}
	activated, err := v.activate(ctx, w.ID)
	switch {
	case err != nil:
		v.note(&t.failed, fmt.Sprintf("%s\tfailed: %v", line, err))
	case activated:
		v.note(&t.activated, line+"\tactivated")
	default:
		v.note(&t.changed, line+"\thas changed meanwhile: left alone")
	}
}

// listDue begins a session and lists the partner's webhooks that are due.
func (v *visit) listDue(ctx context.Context) ([]hook, error) {
	var session struct{ Token string }
	path := partnerPath(v.partner) + "/portal-sessions"
	if err := v.call(ctx, v.admin, http.MethodPost, path, map[string]int{"expiresInSeconds": sessionSeconds}, &session); err != nil {
		return nil, err
	}
	v.portal = local.Client{Base: v.api, Token: session.Token}
	var due []hook
	for cursor := ""; ; {
		var page struct {
			Items      []hook
			NextCursor *string
		}
		a, err := v.ask(ctx, http.MethodGet, "/v1/webhooks?limit=20"+cursor, nil)
		if err := decoded(a, err, &page); err != nil {
			return nil, err
		}
		for _, w := range page.Items {
			if v.due(&w) {
				due = append(due, w)
			}
		}
		if page.NextCursor == nil {
			return due, nil
		}
		cursor = "&cursor=" + url.QueryEscape(*page.NextCursor)
	}
}

// activate activates a webhook that is still due, and what it holds is delivered. It reports false if the webhook is due no
// more. Nothing can change it in between unseen: the request names the version that was looked at.
func (v *visit) activate(ctx context.Context, id string) (bool, error) {
	path := "/v1/webhooks/" + url.PathEscape(id)
	for range maxReads {
		a, err := v.ask(ctx, http.MethodGet, path, nil)
		if err == nil && a.Status == http.StatusNotFound { // deleted
			return false, nil
		}
		var w hook
		if err := decoded(a, err, &w); err != nil {
			return false, err
		}
		if !v.due(&w) {
			return false, nil
		}
		version := a.Header.Get("ETag")
		if version == "" {
			return false, errors.New("the API tells no ETag")
		}
		a, err = v.ask(ctx, http.MethodPost, path+"/activate", map[string]string{"held": "deliver"}, "If-Match", version)
		if err == nil && (a.Status == http.StatusPreconditionFailed || a.Status == http.StatusNotFound) {
			continue
		}
		return err == nil && a.Status == http.StatusOK, decoded(a, err, &w)
	}
	return false, errors.New("it changes all the time")
}

// ask makes a request to the partner's API, a while after the one before.
func (v *visit) ask(ctx context.Context, method, path string, body any, headers ...string) (local.Answer, error) {
	if v.began {
		if err := v.wait(ctx, pace); err != nil {
			return local.Answer{}, err
		}
	}
	v.began = true
	return v.patient(ctx, v.portal, method, path, body, headers...)
}

// call is patient for a request that must succeed; its answer is decoded into out.
func (a *activation) call(ctx context.Context, c local.Client, method, path string, body, out any) error {
	answer, err := a.patient(ctx, c, method, path, body)
	if err := decoded(answer, err, out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// patient makes a request, and makes it again if it is one too many or a service does not answer: no sooner than the answer
// says. Each of ours may be repeated.
func (a *activation) patient(ctx context.Context, c local.Client, method, path string, body any, headers ...string) (local.Answer, error) {
	for try := 1; ; try++ {
		answer, err := c.Do(ctx, method, path, body, headers...)
		if err != nil || answer.Status != http.StatusTooManyRequests && answer.Status != http.StatusServiceUnavailable || try == maxTries {
			return answer, err
		}
		d := time.Second << (try - 1)
		if said, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil {
			d = max(d, time.Duration(said)*time.Second)
		}
		if d > maxWait {
			return answer, nil
		}
		if err := a.wait(ctx, d); err != nil {
			return answer, err
		}
	}
}

// decoded reads an answer that must be a success.
func decoded(a local.Answer, err error, out any) error {
	if err != nil {
		return err
	}
	if a.Status < 200 || a.Status > 299 {
		return fmt.Errorf("%d %s", a.Status, a.Body)
	}
	return json.Unmarshal(a.Body, out)
}

func partnerPath(id string) string { return "/admin/partners/" + url.PathEscape(id) }
