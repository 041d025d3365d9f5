package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func TestActivateNamesThenActivates(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	acme, beta, quiet, gone := o.partner("acme"), o.partner("beta"), o.partner("quiet"), o.partner("gone")
	o.partner("empty")
	first, second := o.webhook(acme, "a.example.com"), o.webhook(acme, "b.example.com:8443")
	own, meant := o.webhook(acme, "own.example.com"), o.webhook(acme, "meant.example.com")
	early, last, late := o.webhook(beta, "early.example.com"), o.webhook(beta, "last.example.com"), o.webhook(beta, "late.example.com")
	active, ended := o.webhook(quiet, "active.example.com"), o.webhook(gone, "ended.example.com")
	o.trip("acme", first, 0, 2)
	o.trip("acme", second, time.Minute, 0)
	o.trip("acme", meant, time.Minute, 0)
	for _, id := range []string{own, meant} { // what failures did first counts as the partner's too
		o.must(acme.Call(t.Context(), "POST", "/v1/webhooks/"+id+"/deactivate", nil, nil))
	}
	o.trip("beta", early, -time.Millisecond, 1)
	o.trip("beta", last, time.Hour-time.Millisecond, 1)
	o.trip("beta", late, time.Hour, 1)
	o.trip("gone", ended, time.Minute, 1)
	o.admin("PATCH", "/admin/partners/gone", map[string]bool{"suspended": true}, nil)
	o.queue.Take()

	out, err := o.run()
	o.must(err)
	named := []string{
		"acme\t" + first + "\ta.example.com\t2026-03-04T01:30:00.000Z\t2 held",
		"acme\t" + second + "\tb.example.com:8443\t2026-03-04T01:31:00.000Z\t0 held",
		"beta\t" + last + "\tlast.example.com\t2026-03-04T02:29:59.999Z\t1 held",
	}
	slices.Sort(named)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	slices.Sort(lines[:3])
	want := append(slices.Clone(named),
		"3 webhooks of 2 partners were switched off by failures, SINCE=2026-03-04T01:30:00Z UNTIL=2026-03-04T02:30:00Z; there are 5 partners. Left out since they are suspended: 1 partners.",
		"To activate them, and to deliver what they hold: make activate SINCE=2026-03-04T01:30:00Z UNTIL=2026-03-04T02:30:00Z APPLY=1")
	if !slices.Equal(lines, want) {
		t.Errorf("printed\n%s\nwant\n%s", out, strings.Join(want, "\n"))
	}
	if o.count("POST", "/portal-sessions") != 3 || o.count("POST", "/activate") != 0 || o.count("GET", "/v1/webhooks") != 3 {
		t.Errorf("a dry run asked %q", o.asked)
	}

	one, err := o.run("-partner", "beta")
	if err != nil || !strings.HasPrefix(one, "beta\t"+last) || !strings.HasSuffix(one, "Z PARTNER=beta APPLY=1\n") ||
		o.count("POST", "/portal-sessions") != 1 || o.count("GET", "/admin/partners") != 0 {
		t.Errorf("of one partner it printed\n%s(%v)", one, err)
	}

	out, err = o.run("-apply", "1")
	o.must(err)
	for _, line := range named {
		if !strings.Contains(out, line+"\tactivated\n") {
			t.Errorf("%q is not among\n%s", line, out)
		}
	}
	if !strings.HasSuffix(out, "\n3 were activated, and what they hold is being delivered; 0 have changed meanwhile and were left alone; 0 failed.\n") {
		t.Errorf("printed\n%s", out)
	}
	for id, of := range map[string]string{first: "acme", second: "acme", last: "beta", active: "quiet"} {
		if !o.stored(of, id).Active {
			t.Errorf("%s is not active", id)
		}
	}
	for id, of := range map[string]string{own: "acme", meant: "acme", early: "beta", late: "beta", ended: "gone"} {
		if o.stored(of, id).Active {
			t.Errorf("%s was activated", id)
		}
	}
	if drains := o.queue.Take(); len(drains) != 3 || drains[0].Kind != webhook.JobMessage {
		t.Errorf("the queue has %+v, want three drains", drains)
	}

	again, err := o.run("-apply", "1")
	o.must(err)
	if !strings.HasPrefix(again, "0 webhooks of 0 partners") || o.count("POST", "/activate") != 0 {
		t.Errorf("the second time it printed\n%s and asked %q", again, o.asked)
	}
	if _, err := o.run("-partner", "nobody"); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("of an unknown partner it says %v", err)
	}
}

// What changes between being listed and being activated is looked at again, and left alone unless it is still due.
func TestActivateMindsWhatChangesMeanwhile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, method string
		change       func(o *outage, p local.Client, id string)
		line         string
		active       bool
	}{
		{"its partner switches it off, before it is looked at", "GET", func(o *outage, p local.Client, id string) {
			o.must(p.Call(context.Background(), "POST", "/v1/webhooks/"+id+"/deactivate", nil, nil))
		}, "has changed meanwhile: left alone", false},
		{"its partner switches it off, after that", "POST", func(o *outage, p local.Client, id string) {
			o.must(p.Call(context.Background(), "POST", "/v1/webhooks/"+id+"/deactivate", nil, nil))
		}, "has changed meanwhile: left alone", false},
		{"its partner switches it on, and it trips at another time", "POST", func(o *outage, p local.Client, id string) {
			o.must(p.Call(context.Background(), "POST", "/v1/webhooks/"+id+"/activate", nil, nil))
			o.trip("acme", id, 2*time.Hour, 0)
		}, "has changed meanwhile: left alone", false},
		{"its partner deletes it", "POST", func(o *outage, p local.Client, id string) {
			_, err := p.Do(context.Background(), "DELETE", "/v1/webhooks/"+id, nil)
			o.must(err)
		}, "has changed meanwhile: left alone", false},
		{"its partner renames it", "POST", func(o *outage, p local.Client, id string) {
			o.must(p.Call(context.Background(), "PATCH", "/v1/webhooks/"+id, map[string]string{"description": "new"}, nil))
		}, "activated", true},
	} {
		o := newOutage(t)
		p := o.partner("acme")
		id := o.webhook(p, "a.example.com")
		o.trip("acme", id, time.Minute, 1)
		done := false
		o.meddle = func(_ http.ResponseWriter, r *http.Request) bool {
			if !done && r.Method == c.method && strings.Contains(r.URL.Path, id) {
				done = true
				c.change(o, p, id)
			}
			return false
		}
		out, err := o.run("-apply", "1")
		_, now, _ := o.store.Webhook(t.Context(), "acme", id)
		if err != nil || !done || !strings.Contains(out, "\t1 held\t"+c.line+"\n") || now.Active != c.active {
			t.Errorf("%s: active %v, %v, printed\n%s", c.name, now.Active, err, out)
		}
	}
}

func TestActivateGoesOnAfterAFailure(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	ids := map[string]string{}
	for i := range 6 {
		name := fmt.Sprintf("partner-%d", i)
		ids[name] = o.webhook(o.partner(name), "a.example.com")
		o.trip(name, ids[name], time.Minute, 0)
	}
	o.meddle = func(w http.ResponseWriter, r *http.Request) bool {
		broken := r.URL.Path == "/v1/webhooks/"+ids["partner-1"]+"/activate" || r.URL.Path == "/admin/partners/partner-4/portal-sessions"
		if broken {
			http.Error(w, "broken", http.StatusInternalServerError)
		}
		return broken
	}
	out, err := o.run("-apply", "1")
	if err == nil || !strings.HasPrefix(err.Error(), "1 webhooks could not be activated, 1 partners could not be looked at;") {
		t.Errorf("it says %v", err)
	}
	if !strings.Contains(out, "0 held\tfailed: 500 broken") || !strings.Contains(out, "partner-4\tfailed: POST /admin/partners/partner-4/portal-sessions: 500 broken") || !strings.Contains(out, "\n4 were activated,") {
		t.Errorf("printed\n%s", out)
	}
	o.meddle = nil
	if out, err = o.run("-apply", "1"); err != nil || !strings.Contains(out, "\n2 were activated,") {
		t.Errorf("the second time: %v, printed\n%s", err, out)
	}
	for of, id := range ids {
		if !o.stored(of, id).Active {
			t.Errorf("%s of %s is not active", id, of)
		}
	}
}

// A partner's limit is its own programs': requests for one come at a pace, and what is one too many waits as long as it is
// told to.
func TestActivateLeavesThePartnersLimitAlone(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	p := o.partner("acme")
	for range 3 {
		o.trip("acme", o.webhook(p, "a.example.com"), time.Minute, 0)
	}
	full := func(now time.Time) {
		for range webhook.MaxRequestsPerSec {
			_, err := o.store.CountRequest(context.Background(), "acme", now)
			o.must(err)
		}
	}
	full(o.clock())
	_, err := o.run("-apply", "1")
	o.must(err)
	want := slices.Concat([]time.Duration{time.Second}, slices.Repeat([]time.Duration{pace}, 6))
	if !slices.Equal(o.waited, want) || o.count("GET", "/v1/webhooks") != 2 {
		t.Errorf("it waited %v and asked %q", o.waited, o.asked)
	}

	for _, c := range []struct {
		after  string
		waited []time.Duration
	}{
		{"7", slices.Repeat([]time.Duration{7 * time.Second}, 3)},
		{"", []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}},
		{"61", nil},
	} {
		o.meddle = func(w http.ResponseWriter, r *http.Request) bool {
			limited := r.URL.Path == "/v1/webhooks"
			if limited {
				w.Header().Set("Retry-After", c.after)
				w.WriteHeader(http.StatusTooManyRequests)
			}
			return limited
		}
		out, err := o.run()
		if err == nil || !strings.Contains(out, "acme\tfailed: 429") || !slices.Equal(o.waited[:len(c.waited)], c.waited) ||
			len(o.waited) > maxTries || c.waited == nil && len(o.waited) > 0 {
			t.Errorf("told to wait %q it waited %v: %v, printed\n%s", c.after, o.waited, err, out)
		}
	}
}

// All pages are read, and at night one hears how far it is.
func TestActivateGoesThroughThousands(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	for i := range 250 {
		name := fmt.Sprintf("p-%03d", i)
		o.must(o.store.Commit(t.Context(), webhook.Change{Partner: &webhook.Partner{ID: name, Name: name, WebhookCount: 1, CreatedAt: outageBegan}}))
	}
	var ids []string
	zebra := o.partner("zebra")
	for range 21 {
		ids = append(ids, o.webhook(zebra, "z.example.com"))
	}
	id := slices.Max(ids)
	o.trip("zebra", id, time.Minute, 1001)
	a, err := parseActivation([]string{"-since", outageBegan.Format(time.RFC3339)}, outageBegan.Add(time.Hour))
	o.must(err)
	var out, progress bytes.Buffer
	a.admin, a.api, a.out, a.progress, a.wait = local.Client{Base: o.url}, o.url, &out, &progress, o.wait
	o.must(a.run(t.Context()))
	if !strings.HasPrefix(out.String(), "zebra\t"+id+"\tz.example.com\t2026-03-04T01:31:00.000Z\t1000+ held\n1 webhooks of 1 partners ") {
		t.Errorf("printed\n%s", out.String())
	}
	if progress.String() != "200 of 251 partners\n" {
		t.Errorf("its progress: %q", progress.String())
	}

	ctx, cancel := context.WithCancel(t.Context())
	o.meddle = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v1/webhooks" {
			cancel()
		}
		return false
	}
	a.tally = tally{}
	if err := a.run(ctx); err == nil || !strings.HasPrefix(err.Error(), "ended after ") || a.tally.unseen != 0 || a.tally.asked > 2*partnersAtOnce {
		t.Errorf("interrupted after %d partners: %v", a.tally.asked, err)
	}
}

func TestActivateRefusesWhatItCannotRead(t *testing.T) {
	for _, args := range [][]string{
		nil, {"-since", "yesterday"}, {"-since", "2026-03-04"}, {"-since", "2026-03-04T02:00:00Z"}, {"-since", "2026-03-04T03:00:00+01:00"},
		{"-since", "2026-03-04T01:00:00Z", "-until", "2026-03-04T01:00:00Z"}, {"-since", "2026-03-04T01:00:00Z", "-until", "2026"},
		{"-since", "2026-03-04T01:00:00Z", "-apply", "yes"}, {"-since", "2026-03-04T01:00:00Z", "acme"},
	} {
		if _, err := parseActivation(args, time.Date(2026, 3, 4, 2, 0, 0, 0, time.UTC)); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
	t.Setenv("ADMIN_URL", "https://abc.execute-api.eu-west-1.amazonaws.com/dev")
	t.Setenv("API", "")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	for api, word := range map[string]string{
		"": "make env", "api.example.com/dev": "make env", "http://api.example.com/dev": "API: want https://", "ftp://localhost/dev": "API: want https://",
	} {
		t.Setenv("API", api)
		err := run(t.Context(), []string{"activate", "-since", "2026-03-04T01:30:00Z"}, io.Discard)
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("with the partners' API at %q it says %v", api, err)
		}
	}
	for _, api := range []string{"https://api.example.com/dev", "http://127.0.0.1:4510/dev", "http://localhost:4510", "http://[::1]:4510"} {
		t.Setenv("API", api)
		if got, err := portalURL(); err != nil || got != api {
			t.Errorf("%s: %q, %v", api, got, err)
		}
	}
	t.Setenv("ADMIN_URL", "http://admin.example.com/dev")
	if _, err := client(t.Context()); err == nil || !strings.Contains(err.Error(), "ADMIN_URL: want https://") {
		t.Errorf("an administration in the clear: %v", err)
	}
}

// Both addresses are told: a session of the one is sent to the other.
func TestActivateSaysWhereItSends(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"items":[]}`) }))
	defer server.Close()
	said, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	stderr := os.Stderr
	os.Stderr = said
	defer func() { os.Stderr = stderr }()
	for name, value := range map[string]string{
		"ADMIN_URL": server.URL + "/dev", "API": "https://api.example.com/dev", "AWS_REGION": "eu-west-1",
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret",
	} {
		t.Setenv(name, value)
	}
	if err := run(t.Context(), []string{"activate", "-since", "2026-03-04T01:30:00Z"}, io.Discard); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(said.Name())
	if want := "stage: " + server.URL + "/dev\napi: https://api.example.com/dev\n"; err != nil || string(got) != want {
		t.Errorf("it says %q, %v; want %q", got, err, want)
	}
}
