package webhook

import "time"

// Stats are one hour's counters of one webhook. They are added to after the outcomes are stored, so they may be off by
// what a crash swallowed; states never are.
type Stats struct {
	// Hour is the start of the hour, UTC.
	Hour time.Time
	// Delivered and Exhausted count deliveries that reached that state.
	Delivered int
	Exhausted int
	// Failed counts failed attempts.
	Failed int
	// Trailing counts the failed attempts since the last success in this hour.
	Trailing int
	// LastDeliveryAt is the end of the latest successful attempt in this hour; zero if none.
	LastDeliveryAt time.Time
	// LastError is the code of the latest failed attempt in this hour.
	LastError      ErrorCode
	LastStatusCode int
	// FailedTemplate names the payload template that last failed on an event in this hour, by its Webhook.TemplateAt; zero
	// if none did.
	FailedTemplate time.Time
	// Undeliverable counts deliveries that could not be sent because the default body would have broken a limit.
	Undeliverable int
	// Durations are those of all attempts of this hour; none if it was counted before they were measured.
	Durations Durations
}

// Add counts one finished attempt that ended at the given time. Attempts must be added in the order they ended.
func (s *Stats) Add(a Attempt, state State) {
	s.Durations.Add(a.Duration)
	if a.ErrorCode == "" {
		s.Delivered++
		s.Trailing = 0
		s.LastDeliveryAt = a.StartedAt.Add(a.Duration)
		return
	}
	s.Failed++
	s.Trailing++
	s.LastError, s.LastStatusCode = a.ErrorCode, a.StatusCode
	if state == Exhausted {
		s.Exhausted++
	}
}

// HourOf returns the start of t's hour, UTC.
func HourOf(t time.Time) time.Time { return t.UTC().Truncate(time.Hour) }

// Health is the colour a partner sees.
type Health string

// The colours.
const (
	Grey   Health = "grey"
	Green  Health = "green"
	Yellow Health = "yellow"
	Red    Health = "red"
)

// HealthReport is what is known of how a webhook is doing.
type HealthReport struct {
	Health Health
	// Reason is a sentence the partner can act on.
	Reason string
	// SuccessRate is delivered / (delivered + exhausted) of the last 24 h; nil if there were none.
	SuccessRate    *float64
	LastDeliveryAt time.Time
}

// redStreak is how many failed attempts in a row make a webhook red.
const redStreak = 5

// Report judges a webhook by its hourly stats, newest first, by the rules of the design's section 4.
func Report(w *Webhook, stats []Stats, now time.Time) HealthReport {
	var r HealthReport
	var delivered, exhausted, streak int
	var lastError ErrorCode
	var lastStatus int
	tried, streakOpen, lastFailed := false, true, false
	since := now.Add(-24 * time.Hour)
	for _, s := range stats {
		if s.LastDeliveryAt.After(r.LastDeliveryAt) {
			r.LastDeliveryAt = s.LastDeliveryAt
		}
		if s.Delivered+s.Failed > 0 && !tried {
			tried, lastFailed = true, s.Trailing > 0
		}
		if lastError == "" {
			lastError, lastStatus = s.LastError, s.LastStatusCode
		}
		if streakOpen {
			streak += s.Trailing
			streakOpen = s.Delivered == 0
		}
		if s.Hour.Add(time.Hour).After(since) {
			delivered += s.Delivered
			exhausted += s.Exhausted
		}
	}
	if n := delivered + exhausted; n > 0 {
		rate := float64(delivered) / float64(n)
		r.SuccessRate = &rate
	}
	switchedOff := !w.Active && w.Deactivation != nil && w.Deactivation.Reason == ReasonFailures
	failure := lastErrorText(lastError, lastStatus)
	switch {
	case switchedOff:
		r.Health, r.Reason = Red, switchedOffReason(w, lastError, failure)
	case !tried:
		r.Health, r.Reason = Grey, "Nothing has been sent yet. Send a test to see whether your endpoint answers."
	case streak >= redStreak:
		r.Health, r.Reason = Red, "The last attempts all failed"+failure+". "+advice(lastError)
	case r.SuccessRate != nil && *r.SuccessRate < 0.5:
		r.Health = Red
		r.Reason = "More than half of the last day's deliveries failed" + failure + ". " + advice(lastError) +
			" Then recover what failed."
	case !lastFailed && (r.SuccessRate == nil || *r.SuccessRate >= 0.95):
		r.Health, r.Reason = Green, "The last attempt succeeded."
	case lastFailed:
		r.Health, r.Reason = Yellow, "The last attempt failed"+failure+" and is retried. "+advice(lastError)
	default:
		r.Health = Yellow
		r.Reason = "The last attempt succeeded, but all retries of some of the last day's deliveries failed. Those that have not arrived " +
			"since are exhausted in the delivery log: recover them to send them again."
	}
	if !w.Active && !switchedOff {
		r.Reason = inactiveReason(w)
	}
	r.Reason += bodyNote(w, stats, now) + rotationNote(w, now)
	return r
}

// switchedOffReason is for a webhook that failures switched off.
func switchedOffReason(w *Webhook, last ErrorCode, failure string) string {
	s := "Switched off after the fifth retry of a delivery failed" + failure + ". Its events are held. " + advice(last) +
		" Then send a test, and activate the webhook to get what was held."
	if w.AutoReactivate {
		s += " Your endpoint is also probed, at least once an hour, and a 2xx answer activates the webhook."
	}
	return s
}

// inactiveReason is for a webhook that was not switched off by failures.
func inactiveReason(w *Webhook) string {
	if w.EverActive {
		return "The webhook is switched off and its events are held. Activate it to receive events again."
	}
	return "The webhook was never activated: it gets no events, and none are held for it. Activate it to receive events."
}

// bodyNote says that the body of an event of the last day could not be built from what the webhook is set to now: its
// payload template, or none. It is empty if all could be.
func bodyNote(w *Webhook, stats []Stats, now time.Time) string {
	for _, s := range stats {
		if recent := s.Hour.Add(25 * time.Hour).After(now); !recent {
			continue
		}
		if w.PayloadTemplate != "" && !s.FailedTemplate.IsZero() && s.FailedTemplate.Equal(w.TemplateAt) {
			return " The payload template failed on an event, which was not sent: the delivery log says why. Mend the template, " +
				"then resend the event."
		}
		if w.PayloadTemplate == "" && s.Undeliverable > 0 {
			return " An event was not sent because its body is too large or too deeply nested: the delivery log shows it as " +
				"undeliverable. Set a payload template with less in it, then resend the event."
		}
	}
	return ""
}

func lastErrorText(c ErrorCode, status int) string {
	switch {
	case c == ErrHTTPStatus:
		return " (your endpoint answered " + itoa(status) + ")"
	case c != "":
		return " (" + string(c) + ")"
	}
	return ""
}

func itoa(n int) string {
	if n < 0 || n > 999 {
		return "an invalid status"
	}
	return string([]byte{byte('0' + n/100), byte('0' + n/10%10), byte('0' + n%10)})
}

// advice is the next step for a partner whose attempts fail with this code.
func advice(c ErrorCode) string {
	switch c {
	case ErrDNS:
		return "Check that the host name of the URL resolves."
	case ErrBlockedAddress:
		return "The host name must resolve to public addresses only."
	case ErrConnectionRefused, ErrConnectionReset, ErrConnectTimeout:
		return "Check that your server runs and that its firewall lets https requests in."
	case ErrTLS:
		return "Check the certificate: it must be valid, complete and for this host name."
	case ErrTimeout:
		return "Answer within 10 seconds and process the event afterwards."
	case ErrHTTPStatus:
		return "Answer with a status from 200 to 299; redirects are not followed."
	case ErrProtocol:
		return "Check that the endpoint speaks HTTP correctly."
	default:
		return "See the delivery log."
	}
}
