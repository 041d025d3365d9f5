package upgrade

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

// hook is a partner of its own with one webhook.
type hook struct {
	w       *world
	partner string
	id      string
	secret  string
	api     local.Client
	e       *endpoint
	events  []string // the verifications that were written for it
}

// webhookView is a webhook as the API shows it.
type webhookView struct {
	ID, Secret string
	Active     bool
	HeldCount  int
	Drain      *jobView
	Rotation   *struct{ EndsAt time.Time }
}

type jobView struct {
	State       string
	Done, Total int
}

type deliveryView struct {
	ID, State, VerificationID string
	AttemptLog                []struct {
		Number int
		Manual bool
		Error  *struct{ Code string }
	}
}

// flight is work that one release begins and the other one ends.
type flight struct {
	w    *world
	name string

	steady  *hook // gets events all the time
	down    *hook // fails: its retries are on the queue
	held    *hook // inactive: its events are held
	drain   *hook // its drain waits for an event that fails
	recover *hook // a recovery waits for an event that fails
	rotated *hook // its secrets overlap
	again   *hook // has deliveries, and gets some of them again by hand
	keys    *hook // its webhook was made with an idempotency key, by a session

	newSecret  string
	cursor     string   // continues again's list
	listed     []string // what came before the cursor
	recovering string   // the job's id
	parked     parkedView
}

func (f *flight) path(s string) string { return "/" + f.name + "/" + s }

// hook makes a partner and its webhook; more holds further fields.
func (f *flight) hook(name string, more map[string]any) *hook {
	f.w.t.Helper()
	h := &hook{w: f.w, e: f.w.endpoints.add(f.path(name))}
	var err error
	var key string
	h.partner, key, err = local.NewPartner(f.w.t.Context(), local.Admin(f.w.run), f.name+" "+name)
	must(f.w.t, err)
	h.api = local.Client{Base: f.w.run.APIURL, Token: key}
	body := map[string]any{"url": h.e.url}
	for k, v := range more {
		body[k] = v
	}
	var v webhookView
	h.call("POST", "", body, &v)
	h.is(v)
	return h
}

func (h *hook) is(v webhookView) {
	h.id, h.secret = v.ID, v.Secret
	h.e.set(func(e *endpoint) { e.secret = v.Secret })
}

// call is a request about the webhook that must succeed.
func (h *hook) call(method, path string, body, out any, headers ...string) {
	h.w.t.Helper()
	if h.id != "" {
		path = "/" + h.id + path
	}
	must(h.w.t, h.api.Call(h.w.t.Context(), method, "/v1/webhooks"+path, body, out, headers...))
}

func (h *hook) view() (v webhookView) {
	h.w.t.Helper()
	h.call("GET", "", nil, &v)
	return v
}

// write puts n records for the webhook.
func (h *hook) write(n int) {
	h.w.t.Helper()
	for range n {
		id := fmt.Sprintf("ver_%s_%d", h.id, len(h.events))
		must(h.w.t, h.w.write(id, h.partner))
		h.events = append(h.events, id)
	}
}

// inState are the deliveries in a state; all of them if it is empty.
func (h *hook) inState(state string) []deliveryView {
	h.w.t.Helper()
	all, _ := h.list("&state="+state, 100)
	return all
}

// list reads the list of deliveries to its end, n at once; it also returns the first cursor.
func (h *hook) list(from string, n int) (all []deliveryView, first string) {
	h.w.t.Helper()
	for cursor := from; ; {
		var page struct {
			Items      []deliveryView
			NextCursor *string
		}
		h.call("GET", fmt.Sprintf("/deliveries?limit=%d%s", n, cursor), nil, &page)
		all = append(all, page.Items...)
		if page.NextCursor == nil {
			return all, first
		}
		if first == "" {
			first = *page.NextCursor
		}
		cursor = "&cursor=" + *page.NextCursor
	}
}

// depart begins everything that can be under way.
func depart(w *world, name string) *flight {
	w.t.Helper()
	f := &flight{w: w, name: name}
	f.steady, f.down, f.held = f.hook("steady", nil), f.hook("down", nil), f.hook("held", nil)
	f.drain, f.rotated, f.again = f.hook("drain", nil), f.hook("rotated", nil), f.hook("again", nil)
	f.recover = f.hook("recover", map[string]any{"payloadTemplate": map[string]any{"n": "{{ length(data.sessionId) }}"}})
	f.makeKeys()
	stranger := "later-" + f.steady.partner
	must(w.t, w.write("ver_"+stranger, stranger))
	f.held.call("POST", "/deactivate", nil, nil)
	f.drain.call("POST", "/deactivate", nil, nil)
	f.again.write(7)
	f.held.write(6)
	f.drain.write(8)
	f.recover.write(5)
	w.await("a record of an unknown partner is parked", func() bool {
		f.parked = w.parked()["ver_"+stranger]
		return f.parked.ID != ""
	})
	w.admin("GET", "/admin/parked/"+f.parked.ID, nil, &f.parked)
	w.await("seven events are delivered", func() bool { return len(f.again.inState("delivered")) == 7 })
	f.listed, f.cursor = f.firstPage()
	w.await("events are held", func() bool { return f.held.view().HeldCount == 6 && f.drain.view().HeldCount == 8 })
	w.await("events could not be built", func() bool { return len(f.recover.inState("undeliverable")) == 5 })
	var rotated webhookView
	f.rotated.call("POST", "/secret/rotate", map[string]any{"overlapHours": 1}, &rotated)
	f.newSecret = rotated.Secret
	f.rotated.e.set(func(e *endpoint) { e.next = f.newSecret })

	// From here on events fail, each with a message on the queue that comes later.
	fail := func(after int) func(*endpoint) { return func(e *endpoint) { e.down, e.good = true, after } }
	f.drain.e.set(fail(3))
	f.recover.e.set(fail(1))
	f.down.e.set(fail(0))
	f.recover.call("PATCH", "", map[string]any{"payloadTemplate": nil}, nil)
	f.drain.call("POST", "/activate", map[string]any{"held": "deliver"}, nil)
	var job struct{ JobID string }
	f.recover.call("POST", "/recover", map[string]any{
		"since": time.Now().Add(-time.Hour).UTC().Format(time.RFC3339), "states": []string{"undeliverable"},
	}, &job)
	f.recovering = job.JobID
	f.down.write(4)
	w.await("attempts have failed", func() bool {
		return len(f.drain.e.arrived()) > 3 && len(f.recover.e.arrived()) > 1 && len(f.down.e.arrived()) >= 4
	})
	if d := f.drain.view().Drain; d == nil || d.State != "running" {
		w.t.Errorf("the drain is not under way: %+v", d)
	}
	if j := f.job(); j.State != "running" {
		w.t.Errorf("the recovery is not under way: %+v", j)
	}
	return f
}

// makeKeys makes a webhook by a session, with an idempotency key.
func (f *flight) makeKeys() {
	f.w.t.Helper()
	f.keys = &hook{w: f.w, e: f.w.endpoints.add(f.path("keys"))}
	var err error
	f.keys.partner, _, err = local.NewPartner(f.w.t.Context(), local.Admin(f.w.run), f.name+" keys")
	must(f.w.t, err)
	var session struct{ Token string }
	f.w.admin("POST", "/admin/partners/"+f.keys.partner+"/portal-sessions", nil, &session)
	f.keys.api = local.Client{Base: f.w.run.APIURL, Token: session.Token}
	f.keys.is(f.create(http.StatusCreated, "https://localhost:5000/never-called"))
}

// create asks for the webhook of keys, each time with the same key.
func (f *flight) create(status int, url string) (v webhookView) {
	f.w.t.Helper()
	id := f.keys.id
	f.keys.id = ""
	defer func() { f.keys.id = id }()
	body := map[string]any{"url": url, "active": false}
	a, err := f.keys.api.Do(f.w.t.Context(), "POST", "/v1/webhooks", body, "Idempotency-Key", f.name)
	must(f.w.t, err)
	if a.Status != status {
		f.w.t.Errorf("creation with a key is answered %d %s, want %d", a.Status, a.Body, status)
	}
	if a.Status == http.StatusCreated {
		decode(f.w.t, a.Body, &v)
	}
	return v
}

func (f *flight) firstPage() (ids []string, cursor string) {
	f.w.t.Helper()
	var page struct {
		Items      []deliveryView
		NextCursor string
	}
	f.again.call("GET", "/deliveries?limit=3", nil, &page)
	for _, d := range page.Items {
		ids = append(ids, d.ID)
	}
	return ids, page.NextCursor
}

func (f *flight) job() (j jobView) {
	f.w.t.Helper()
	f.recover.call("GET", "/jobs/"+f.recovering, nil, &j)
	return j
}

// during runs deploy while records are written and deliveries are sent again by hand.
func (f *flight) during(deploy func()) {
	f.w.t.Helper()
	stop := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		const pace = 200 * time.Millisecond
		for n := 0; ; n++ {
			h := f.steady
			if n%4 == 3 {
				h = f.rotated
			}
			id := fmt.Sprintf("ver_%s_%d", h.id, len(h.events))
			if err := f.w.write(id, h.partner); err != nil {
				f.w.t.Errorf("a record could not be written: %v", err)
			} else {
				h.events = append(h.events, id)
			}
			select {
			case <-stop:
				return
			case <-time.After(pace):
			}
		}
	})
	all.Go(func() {
		for _, id := range f.listed {
			path := "/v1/webhooks/" + f.again.id + "/deliveries/" + id + "/resend"
			if !local.Await(time.Minute, time.Second, func() bool {
				a, err := f.again.api.Do(f.w.t.Context(), "POST", path, nil)
				return err == nil && a.Status == http.StatusAccepted
			}) {
				f.w.t.Errorf("%s was not accepted for a minute", path)
			}
			select {
			case <-stop:
			case <-time.After(2 * time.Second):
			}
		}
	})
	run := f.w.run
	deploy()
	if f.w.run != run {
		f.w.t.Errorf("the deployment moved what others know: the API was %s, is %s; the table was %s, is %s; or the demo's partner %s is gone",
			run.APIURL, f.w.run.APIURL, run.VerificationsTable, f.w.run.VerificationsTable, run.PartnerID)
	}
	close(stop)
	all.Wait()
	if len(f.steady.events) < 10 {
		f.w.t.Errorf("only %d records were written meanwhile", len(f.steady.events))
	}
}

// arrive sees everything come to the end that was promised.
func (f *flight) arrive() {
	w := f.w
	w.t.Helper()
	for _, h := range []*hook{f.down, f.drain, f.recover} {
		h.e.set(func(e *endpoint) { e.down = false })
	}
	f.held.call("POST", "/activate", map[string]any{"held": "deliver"}, nil)
	f.stillGood()
	for _, h := range []*hook{f.steady, f.rotated, f.down, f.held, f.drain, f.recover} {
		w.await(fmt.Sprintf("every event has arrived at %s", h.e.url), func() bool { return len(h.inState("delivered")) == len(h.events) })
		if all := h.inState(""); len(all) != len(h.events) {
			w.t.Errorf("%s has %d deliveries of %d events", h.e.url, len(all), len(h.events))
		}
		if got := slices.Compact(slices.Sorted(slices.Values(h.e.delivered()))); !slices.Equal(got, slices.Sorted(slices.Values(h.events))) {
			w.t.Errorf("at %s arrived %v of %v", h.e.url, got, h.events)
		}
		h.once()
	}
	for _, h := range []*hook{f.held, f.drain} {
		if got := h.e.delivered(); !slices.Equal(got, h.events) {
			w.t.Errorf("at %s arrived %v, held were %v", h.e.url, got, h.events)
		}
		w.await("the drain is done", func() bool { d := h.view().Drain; return d != nil && d.State == "done" && d.Done == len(h.events) })
	}
	w.await("the recovery is done", func() bool { j := f.job(); return j.State == "done" && j.Done == 5 && j.Total == 5 })
	f.again.once()
	f.rotated.call("POST", "/secret/complete", nil, nil)
	f.rotated.e.set(func(e *endpoint) { e.secret, e.next = f.newSecret, "" })
	f.rotated.write(1)
	w.await("an event after the rotation", func() bool {
		return slices.Contains(f.rotated.e.delivered(), f.rotated.events[len(f.rotated.events)-1])
	})
	if _, left := w.parked()[f.parked.VerificationID]; left {
		w.t.Errorf("%+v is still parked", f.parked)
	}
}

// stillGood checks what the other release handed out.
func (f *flight) stillGood() {
	w := f.w
	w.t.Helper()
	if v := f.create(http.StatusCreated, "https://localhost:5000/never-called"); v.ID != f.keys.id || v.Secret != f.keys.secret {
		w.t.Errorf("the same key made the webhook %s, want %s with its secret", v.ID, f.keys.id)
	}
	f.create(http.StatusUnprocessableEntity, "https://localhost:5000/another")
	ids := slices.Clone(f.listed)
	rest, _ := f.again.list("&cursor="+f.cursor, 3)
	for _, d := range rest {
		ids = append(ids, d.ID)
	}
	if n := len(slices.Compact(slices.Sorted(slices.Values(ids)))); len(ids) != 7 || n != 7 {
		w.t.Errorf("the list goes on to %d deliveries, %d different ones, want 7", len(ids), n)
	}
	for _, id := range f.listed {
		w.await("an attempt by hand", func() bool {
			d := f.again.delivery(id)
			return d.State == "delivered" && len(d.AttemptLog) > 1 && d.AttemptLog[1].Manual
		})
	}
	var shown parkedView
	w.admin("GET", "/admin/parked/"+f.parked.ID, nil, &shown)
	if shown != f.parked {
		w.t.Errorf("what was parked is shown as %+v, was %+v", shown, f.parked)
	}
	w.admin("POST", "/admin/partners", map[string]string{"id": f.parked.PartnerID, "name": "late"}, nil)
	var key struct{ Key string }
	w.admin("POST", "/admin/partners/"+f.parked.PartnerID+"/api-keys", nil, &key)
	late := f.keys.api
	late.Token = key.Key
	must(w.t, late.Call(w.t.Context(), "POST", "/v1/webhooks",
		map[string]any{"url": "https://localhost:5000/never-called", "eventTypes": []string{"verification.expired"}}, nil))
	w.admin("POST", "/admin/parked/"+f.parked.ID+"/redrive", nil, nil)
	w.await("the parked record is handled", func() bool { _, left := w.parked()[f.parked.VerificationID]; return !left })
}

func (h *hook) delivery(id string) (d deliveryView) {
	h.w.t.Helper()
	h.call("GET", "/deliveries/"+id, nil, &d)
	return d
}

// once checks that an attempt came twice only where its process ended before the outcome was stored.
func (h *hook) once() {
	h.w.t.Helper()
	posts := map[[2]string]int{}
	for _, r := range h.e.arrived() {
		posts[[2]string{r.id, r.attempt}]++
	}
	for post, n := range posts {
		if n == 1 {
			continue
		}
		for _, a := range h.delivery(post[0]).AttemptLog {
			if a.Error != nil && a.Error.Code == "interrupted" && fmt.Sprint(a.Number) == post[1] {
				n--
			}
		}
		if n != 1 {
			h.w.t.Errorf("attempt %s of %s came %d times too often", post[1], post[0], n-1)
		}
	}
}
