package storm

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/delivery"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// ladder is what the partner guide promises between attempts.
var ladder = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second}

// stale is how old what an attempt was made of may be: the batch's read of the webhook, in a batch whose attempts begin
// within 2 s, then opening its secrets and storing the claim.
func (w *world) stale() time.Duration {
	if w.plan.clean {
		return 2*time.Second + 20*w.plan.latency
	}
	return 2*time.Second + 3*w.plan.slowest
}

// posted judges a request as it leaves.
func (o *oracle) posted(r *webhook.Request, t *task) *post {
	w := o.w
	header := map[string]string{}
	for _, h := range r.Headers {
		header[h.Name] = h.Value
	}
	id := header["webhook-id"]
	p := &post{subject: id, start: w.s.now, env: t.env, faults: t.env.faults}
	h := o.hookOf(r.URL)
	if h == nil {
		return p
	}
	p.hook = h
	since := w.s.now - w.stale()
	if !h.within(since, func(v *version) bool { return v.webhook.URL == r.URL && o.signed(v, header, r.Body) }) {
		w.fail("I8 signed with a secret of that time", []string{id, h.id}, "no version of %s since %v has this URL and this signature", h.id, w.stale())
	}
	if sent, err := strconv.ParseInt(header["webhook-timestamp"], 10, 64); err != nil || abs(w.s.clock().Unix()-sent) > 1 {
		w.fail("I8 the timestamp is the attempt's", []string{id, h.id}, "%s at %d", header["webhook-timestamp"], w.s.clock().Unix())
	}
	if !strings.HasPrefix(id, "dlv_") {
		if strings.HasPrefix(id, "probe_") {
			o.probed(p, h, since, r.Body)
		}
		return p
	}
	f := o.flights[id]
	if f == nil {
		w.fail("I3 a request has a stored delivery", []string{id, h.id}, "nothing is stored for it")
		return p
	}
	p.flight = f
	p.number, _ = strconv.Atoi(header["x-webhook-attempt"])
	p.subject = id + " #" + strconv.Itoa(p.number)
	if f.ref.WebhookID != h.id || f.ref.PartnerID != h.partner {
		w.fail("I9 a request goes to its own webhook's URL", p.about(), "it goes to %s of %s", h.id, h.partner)
	}
	if !bytes.Equal(r.Body, f.body) || len(r.Body) == 0 {
		w.fail("I8 the same bytes on every attempt", p.about(), "what is sent is not what is stored")
	}
	o.claimed(p, f)
	o.numbered(p, f)
	o.prompt(p)
	if !p.manual {
		o.inOrder(p, f)
		o.wanted(p, h, since)
	} else if f.state.ResendAt.IsZero() {
		w.fail("I16 one attempt for one wish", p.about(), "nobody asked for it")
	}
	f.posts = append(f.posts, p)
	return p
}

func abs(n int64) int64 { return max(n, -n) }

// hookOf finds whose URL it is, or was.
func (o *oracle) hookOf(url string) *hook { return o.urls[url] }

func mac(key, data []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write(data)
	return m.Sum(nil)
}

// signed verifies both kinds of signatures as a receiver does that knows the secrets of a version.
func (o *oracle) signed(v *version, header map[string]string, body []byte) bool {
	current, next := v.secrets.Signing, v.secrets.Next
	if r := v.webhook.Rotation; r == nil {
		next = ""
	} else if slack := o.w.s.clock().Sub(r.EndsAt); slack >= 0 {
		current, next = next, ""
	}
	if header["x-webhook-signature"] != hex.EncodeToString(mac([]byte(current), body)) {
		return false
	}
	want := ""
	if next != "" {
		want = hex.EncodeToString(mac([]byte(next), body))
	}
	if header["x-webhook-signature-next"] != want {
		return false
	}
	if name := v.webhook.AuthHeaderName; name != "" && header[name] != v.secrets.AuthHeaderValue {
		return false
	}
	key := []byte(current)
	if rest, ok := strings.CutPrefix(current, "whsec_"); ok {
		key, _ = base64.StdEncoding.DecodeString(rest)
	}
	signedText := header["webhook-id"] + "." + header["webhook-timestamp"] + "." + string(body)
	first, _, _ := strings.Cut(header["webhook-signature"], " ")
	return first == "v1,"+base64.StdEncoding.EncodeToString(mac(key, []byte(signedText)))
}

// claimed holds that every request was made under a live claim of its number.
func (o *oracle) claimed(p *post, f *flight) {
	c := f.state.Claim
	switch now := o.w.s.clock(); {
	case c == nil:
		o.w.fail("I3 a request has a claim", p.about(), "none is stored")
	case c.Number != p.number:
		o.w.fail("I3 a request has a claim", p.about(), "the claim is for number %d", c.Number)
	case !now.Before(c.LeaseUntil):
		o.w.fail("I3 a request has a live claim", p.about(), "its lease ended at %v", c.LeaseUntil)
	}
	p.manual = c != nil && c.Manual
	p.round = f.round
}

// someCalls is how long the calls before or after a request may take when nothing fails.
func (w *world) someCalls() time.Duration { return 40 * w.plan.latency }

// prompt holds that nobody's slowness delays the first attempts of the same batch.
func (o *oracle) prompt(p *post) {
	w := o.w
	if late := p.start - p.env.began; w.plan.clean && p.env.fn == w.dispatcher && late > w.someCalls() {
		w.fail("I10 no endpoint delays others in its batch", p.about(), "it begins %v after the batch", late)
	}
}

// ended holds that a batch delays the one behind it by one time-out at most.
func (o *oracle) ended(e *env) {
	w := o.w
	if took := w.s.now - e.began; w.plan.clean && e.fn == w.dispatcher && took > delivery.MaxSend+w.someCalls() {
		w.fail("I10 a batch takes one time-out at most", []string{e.name}, "it took %v", took)
	}
}

// numbered holds that attempts are numbered without a gap, and repeated only if nobody knows their outcome.
func (o *oracle) numbered(p *post, f *flight) {
	last, same := 0, 1
	for _, x := range f.posts {
		last = max(last, x.number)
		switch {
		case x.manual: // an attempt by hand takes the number over
			same = 1
		case x.number == p.number && x.round == p.round && !p.manual:
			same++
		}
		if x.number == p.number && !x.unknown() {
			o.w.fail("I5 an attempt is repeated only if its outcome is not known", p.about(), "number %d was answered %d", x.number, x.status)
		}
	}
	if same > webhook.MaxInterruptions {
		o.w.fail("I5 three interruptions and no more", p.about(), "number %d is sent %d times", p.number, same)
	}
	if p.number != last && p.number != last+1 {
		o.w.fail("I3 attempts are numbered without a gap", p.about(), "number %d after %d", p.number, last)
	}
}

// charged returns the attempts of a round by their numbers: of each number the last, unless that was made by hand after
// the round's own was cut short.
func (f *flight) charged(round int) map[int]*post {
	byNumber := map[int]*post{}
	for _, x := range f.posts {
		switch {
		case x.manual:
			delete(byNumber, x.number)
		case x.round == round:
			byNumber[x.number] = x
		}
	}
	return byNumber
}

// inOrder holds the ladder between the attempts of a round, and its length.
func (o *oracle) inOrder(p *post, f *flight) {
	w, before := o.w, map[int]bool{}
	var previous *post
	for number, x := range f.charged(p.round) {
		if number < p.number {
			before[number] = true
			if x.reported && (previous == nil || number > previous.number) {
				previous = x
			}
		}
	}
	n := len(before)
	if n > 5 {
		w.fail("I5 no seventh attempt in a round", p.about(), "number %d is the round's attempt %d", p.number, n+1)
		return
	}
	if n == 0 || previous == nil || !previous.failed {
		return
	}
	if gap := p.start - previous.end; gap < ladder[n-1] {
		w.fail("I4 the ladder between attempts", p.about(), "%v after attempt %d of its round, %v is promised", gap, n, ladder[n-1])
	} else if w.plan.clean && p.number == previous.number+1 && gap > max(ladder[n-1], previous.asked())+w.punctual() {
		w.fail("I4 the ladder between attempts", p.about(), "%v after attempt %d of its round: too late", gap, n)
	}
}

// punctual is how late an attempt may be when nothing fails: the queue's whole seconds and its jitter, a cold start, and
// some calls.
func (w *world) punctual() time.Duration {
	return 2*time.Second + w.plan.queueJitter + 20*w.plan.latency
}

// unknown tells whether the outcome of a request may be unknown to the product: its environment died or had to do with
// faults, or the request is still under way.
func (p *post) unknown() bool { return !p.reported || p.env.dead || p.env.faults > p.faults }

// asked is how long the endpoint asked to wait.
func (p *post) asked() time.Duration { return p.retryAfter }

// wanted holds that nothing is sent any more when a webhook was switched off or deleted, or its partner suspended.
func (o *oracle) wanted(p *post, h *hook, since time.Duration) {
	if h.deleted >= 0 && h.deleted < since {
		o.w.fail("I7 nothing is sent for a deleted webhook", p.about(), "it was deleted at %v", epoch.Add(h.deleted))
	}
	if !h.within(since, func(v *version) bool { return v.webhook.Active }) {
		o.w.fail("I7 nothing is sent for a webhook that is off", p.about(), "it is off since %v", epoch.Add(h.now().at))
	}
	if o.partners[h.partner].suspended(since) {
		o.w.fail("I7 nothing is sent for a suspended partner", p.about(), "%s is suspended", h.partner)
	}
}

// probed holds that a probe goes only where failures switched off and the partner asked for it, not too often, and tells
// nothing of anybody.
func (o *oracle) probed(p *post, h *hook, since time.Duration, body []byte) {
	ok := h.within(since, func(v *version) bool {
		d := v.webhook.Deactivation
		return v.webhook.AutoReactivate && !v.webhook.Active && d != nil && d.Reason == webhook.ReasonFailures
	})
	if !ok {
		o.w.fail("I18 probes go to those who want them", []string{h.id}, "%s is not to be probed", h.id)
	}
	if bytes.Contains(body, []byte("ver-")) {
		o.w.fail("I18 a probe tells nothing", []string{h.id}, "%s", body)
	}
	if h.probedAt > 0 && p.start-h.probedAt < time.Minute && !h.within(h.probedAt, func(v *version) bool { return v.webhook.Active }) {
		o.w.fail("I18 probes are a minute apart", []string{h.id}, "%v after the one before", p.start-h.probedAt)
	}
	h.probedAt = p.start
}

// answered notes what the endpoint decided, whoever knows of it.
func (o *oracle) answered(p *post, status int) {
	p.answered, p.status = true, status
	if status >= 200 && status <= 299 && p.flight != nil {
		p.flight.accepted = true
	}
}

// reported notes that the sender knows the outcome.
func (o *oracle) reported(p *post, r *webhook.Response) {
	p.end, p.reported = o.w.s.now, r.ErrorCode != webhook.ErrInterrupted
	p.failed = p.reported && (r.StatusCode < 200 || r.StatusCode > 299)
	p.retryAfter = r.RetryAfter
}
