package storm

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/portal"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// partner is a customer with an API key, as far as the outside knows.
type partner struct {
	id, key string
}

type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

// request makes one API request by the actor that runs, and waits for its answer. The status is 0 if none came. header
// holds names and values.
func (w *world) request(fn *function, h http.Handler, method, path, key string, body any, header ...string) (int, []byte) {
	w.stats.Requests++
	if !w.meter.admits() {
		return http.StatusTooManyRequests, nil
	}
	actor := w.s.cur
	var payload []byte
	if body != nil {
		payload, _ = json.Marshal(body)
	}
	var answer *recorder
	w.note("request", method+" "+path, string(payload))
	w.invoke(fn, func(ctx context.Context, e *env) {
		ctx = portal.WithCaller(ctx, portal.Caller{IAMUserARN: "arn:aws:iam::1:user/operator", RequestID: "r", BaseURL: "https://api.example/prod"})
		r, err := http.NewRequestWithContext(ctx, method, "https://api.example"+path, bytes.NewReader(payload))
		if err != nil {
			panic(err)
		}
		if payload != nil {
			r.Header.Set("Content-Type", "application/json")
		}
		if key != "" {
			r.Header.Set("Authorization", "Bearer "+key)
		}
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		rec := &recorder{header: http.Header{}, status: http.StatusOK}
		w.serve(ctx, e, nil, func(ctx context.Context, _ []byte) (any, []slog.Attr, error) {
			h.ServeHTTP(rec, r.WithContext(ctx))
			return nil, nil, nil
		})
		answer = rec
	}, func(string) { w.s.after(0, func() { w.s.wake(actor) }) })
	w.s.park(actor)
	w.meter.answered(answer)
	status := 0
	if answer != nil {
		status = answer.status
		w.note("answer", path, fmt.Sprint(status))
		if status == http.StatusInternalServerError {
			w.fail("P0 no request makes an internal error", []string{path}, "%s", answer.body.String())
		}
		return status, answer.body.Bytes()
	}
	w.note("answer", path, "none")
	return 0, nil
}

func (w *world) api(p *partner, method, path string, body any, header ...string) (int, []byte) {
	return w.request(w.portal, w.run.portal, method, path, p.key, body, header...)
}

func (w *world) administer(method, path string, body any) (int, []byte) {
	return w.request(w.admin, w.run.admin, method, path, "", body)
}

// newPartner makes a partner with an API key.
func (w *world) newPartner(id string) *partner {
	p := &partner{id: id}
	w.administer("POST", "/admin/partners", map[string]any{"id": id, "name": id})
	_, body := w.administer("POST", "/admin/partners/"+id+"/api-keys", map[string]any{"name": "storm"})
	var out struct{ Key string }
	_ = json.Unmarshal(body, &out)
	if p.key = out.Key; p.key != "" {
		w.truth.secrets[out.Key] = true
	}
	return p
}

// create makes a webhook.
func (w *world) create(p *partner) {
	body := map[string]any{"url": w.net.newURL(p.id)}
	if w.chance(0.1) {
		body["active"] = false
	}
	if w.chance(0.15) {
		body["eventTypes"] = []string{"verification.completed", "verification.expired"}
	}
	if w.chance(0.2) {
		body["authHeader"] = map[string]string{"name": "x-partner-key", "value": "pk-" + w.secret(20)}
	}
	if w.chance(0.2) {
		body["secret"] = "own-" + w.secret(32)
	}
	if w.chance(0.25) {
		body["autoReactivate"] = true
	}
	if w.chance(0.15) {
		body["payloadTemplate"] = map[string]any{"id": "{{ data.verificationId }}", "status": "{{ status }}"}
	}
	if w.chance(0.5) {
		w.api(p, "POST", "/v1/webhooks", body)
		return
	}
	key := "key-" + w.secret(8)
	if w.chance(0.3) { // a double click
		w.actor0(p.id+"'", func() { w.api(p, "POST", "/v1/webhooks", body, "Idempotency-Key", key) })
	}
	for range 3 {
		status, _ := w.api(p, "POST", "/v1/webhooks", body, "Idempotency-Key", key)
		if status > 0 && status < 500 && w.chance(0.7) {
			return
		}
		w.s.sleep(w.between(0, 20*time.Second))
	}
}

func (w *world) secret(n int) string {
	const letters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[w.rng.IntN(len(letters))]
	}
	return string(b)
}

// webhooksOf returns the webhooks that a partner has now, as the oracle knows them.
func (o *oracle) webhooksOf(partner string) (own []*hook) {
	for _, h := range o.hookOrder {
		if h.partner == partner && h.deleted < 0 {
			own = append(own, h)
		}
	}
	return own
}

// manage is a partner at work on the portal until the busy time is over.
func (w *world) manage(p *partner) {
	for {
		w.s.sleep(w.between(w.plan.editing/10, 2*w.plan.editing))
		if w.s.now > w.plan.busy {
			return
		}
		w.manageOnce(p)
	}
}

func (w *world) manageOnce(p *partner) {
	own := w.truth.webhooksOf(p.id)
	if len(own) == 0 || len(own) < 4 && w.chance(0.1) {
		w.create(p)
		return
	}
	h := own[w.rng.IntN(len(own))]
	path := "/v1/webhooks/" + h.id
	w.coincide(p)
	patch := func(field string, value any) { w.api(p, "PATCH", path, map[string]any{field: value}) }
	off := !h.now().webhook.Active
	switch n := w.rng.IntN(100); {
	case off && n < 60: // whoever sees it off wants it on again, mostly
		w.activate(p, h)
	case off && n < 72:
		patch("autoReactivate", w.chance(0.5))
	case n < 3:
		patch("autoReactivate", w.chance(0.7))
	case n < 8:
		patch("url", w.net.newURL(p.id))
	case n < 14:
		patch("secret", "own-"+w.secret(30))
	case n < 18:
		expression := "{{ data.verificationId }}"
		if w.chance(0.4) {
			expression = "{{ length(data.formattedData) }}" // fails on some records
		}
		patch("payloadTemplate", map[string]any{"n": fmt.Sprint(w.rng.IntN(100)), "v": expression})
	case n < 22:
		patch("description", w.secret(5))
	case n < 34:
		w.api(p, "POST", path+"/secret/rotate", map[string]any{"overlapHours": w.rng.IntN(3)})
	case n < 38:
		w.api(p, "POST", path+"/secret/complete", nil)
	case n < 42:
		w.api(p, "POST", path+"/secret/cancel", nil)
	case n < 60:
		w.api(p, "POST", path+"/deactivate", nil)
		w.s.sleep(w.between(0, 10*time.Minute))
		if w.coincide(p); w.chance(0.8) {
			w.activate(p, h)
		}
	case n < 70:
		w.activate(p, h)
	case n < 78:
		w.api(p, "POST", path+"/test", nil)
	case n < 81:
		w.api(p, "DELETE", path, nil)
	case n < 84:
		w.api(p, "GET", path, nil)
	default:
		w.more(p, h)
	}
}

// coincide lets a record of the partner be written just when something is changed.
func (w *world) coincide(p *partner) {
	if !w.chance(0.4) {
		return
	}
	w.coincidences++
	v := &verification{id: fmt.Sprintf("ver-%d-%s-%d", w.seed, p.id, w.coincidences), partner: p.id}
	w.change(v, "VERIFIED")
	w.s.sleep(w.between(0, 2*time.Second))
}

func (w *world) activate(p *partner, h *hook) {
	path := "/v1/webhooks/" + h.id
	switch w.rng.IntN(5) {
	case 0:
		w.api(p, "POST", path+"/activate", map[string]any{"held": "discard"})
	case 1:
		w.api(p, "PATCH", path, map[string]any{"active": true})
	default:
		w.api(p, "POST", path+"/activate", nil)
	}
}

// more is what a partner does with what was not delivered.
func (w *world) more(p *partner, h *hook) {
	path := "/v1/webhooks/" + h.id
	var own []string
	for _, f := range w.truth.flightOrder {
		if f.ref.WebhookID == h.id {
			own = append(own, f.ref.DeliveryID)
		}
	}
	switch n := w.rng.IntN(10); {
	case n < 5 && len(own) > 0:
		for range w.number(1, 2) {
			w.api(p, "POST", path+"/deliveries/"+own[w.rng.IntN(len(own))]+"/resend", nil)
		}
	case n < 9:
		w.recover(p, path)
	default:
		w.api(p, "GET", path+"/deliveries?limit=5", nil)
	}
}

// recover asks for a recovery, sometimes with a double click.
func (w *world) recover(p *partner, path string) {
	states := [][]string{{"exhausted"}, {"exhausted", "undeliverable", "expired", "held"}, {"undeliverable"}}[w.rng.IntN(3)]
	body := map[string]any{
		"since": w.s.clock().Add(-w.between(time.Minute, 3*time.Hour)).Format(time.RFC3339), "states": states,
		"dryRun": w.chance(0.2),
	}
	if w.chance(0.4) {
		w.actor0(p.id+"'", func() { w.api(p, "POST", path+"/recover", body) })
	}
	_, answer := w.api(p, "POST", path+"/recover", body)
	var job struct{ JobID string }
	if json.Unmarshal(answer, &job) == nil && job.JobID != "" && w.chance(0.3) {
		w.api(p, "GET", path+"/jobs/"+job.JobID, nil)
	}
}

// operate is the administrator: suspends a partner now and then, and puts back what was parked or is dead.
func (w *world) operate(partners []*partner) {
	for {
		w.s.sleep(w.between(2*time.Minute, 15*time.Minute))
		if w.s.now > w.plan.busy {
			return
		}
		w.tidy()
		if w.late.key == "" && w.chance(0.2) {
			if *w.late = *w.newPartner(w.late.id); w.late.key != "" {
				w.create(w.late)
				w.partners[w.late.id] = w.late
			}
		}
		if w.chance(0.1) {
			id := partners[w.rng.IntN(len(partners))].id
			w.administer("PATCH", "/admin/partners/"+id, map[string]any{"suspended": true})
			w.s.sleep(w.between(time.Second, 10*time.Minute))
			w.administer("PATCH", "/admin/partners/"+id, map[string]any{"suspended": false})
		}
	}
}

// tidy puts back what can go on: dead letters, and what was parked for a reason that may have passed.
func (w *world) tidy() {
	if len(w.queue.dead) > 0 {
		w.administer("POST", "/admin/dead-letters/redrive", nil)
	}
	_, body := w.administer("GET", "/admin/parked?limit=100", nil)
	var list struct{ Items []webhook.ParkedSummary }
	_ = json.Unmarshal(body, &list)
	for _, x := range list.Items {
		if w.passing(x) || w.chance(0.1) {
			w.truth.redriven(x.ID)
			w.administer("POST", "/admin/parked/"+x.ID+"/redrive", nil)
		}
	}
}

// passing tells whether the reason may have passed for which something is parked.
func (w *world) passing(x webhook.ParkedSummary) bool {
	switch x.Reason {
	case "interrupted", "internal_error", webhook.ReasonLeftStream:
		return true
	case "unknown_partner":
		return w.truth.partners[w.late.id] != nil && w.truth.reachable(w.late.id)
	}
	return false
}

// reachable tells whether a partner has a webhook: its records stay parked until then.
func (o *oracle) reachable(partner string) bool {
	return slices.ContainsFunc(o.byPartner[partner], func(h *hook) bool { return h.deleted < 0 })
}
