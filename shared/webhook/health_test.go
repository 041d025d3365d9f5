package webhook

import (
	"strings"
	"testing"
	"time"
)

// TestReasonsSayWhatToDo: in each situation of the design's section 4 the sentence says what is wrong and what to do next.
func TestReasonsSayWhatToDo(t *testing.T) {
	now := HourOf(t0).Add(30 * time.Minute)
	off := func(reason DeactivationReason) Webhook {
		return Webhook{EverActive: true, Deactivation: &Deactivation{Reason: reason}}
	}
	probed := off(ReasonFailures)
	probed.AutoReactivate = true
	active := Webhook{Active: true}
	templated := Webhook{Active: true, PayloadTemplate: `{}`, TemplateAt: t0}
	rotating := Webhook{Active: true, Rotation: &Rotation{EndsAt: now.Add(time.Hour)}}
	good := Stats{Delivered: 1}
	failed := func(n int, code ErrorCode) Stats {
		return Stats{Failed: n, Trailing: n, LastError: code, LastStatusCode: 503}
	}
	for _, tt := range []struct {
		name  string
		w     Webhook
		stats Stats
		want  Health
		says  []string
	}{
		{"nothing sent", active, Stats{}, Grey, []string{"Send a test"}},
		{"switched off by failures", off(ReasonFailures), failed(6, ErrHTTPStatus), Red, []string{
			"Switched off", "answered 503", "status from 200 to 299", "send a test", "activate the webhook to get what was held",
		}},
		{"the same, its name does not resolve", off(ReasonFailures), failed(6, ErrDNS), Red, []string{"dns_error", "Check that the host name"}},
		{"the same, probed", probed, failed(6, ErrTimeout), Red, []string{"activate the webhook", "probed", "2xx"}},
		{"switched off by the partner", off(ReasonPartner), good, Green, []string{"switched off", "Activate it"}},
		{"five in a row", active, failed(5, ErrTimeout), Red, []string{"all failed (timeout)", "Answer within 10 seconds"}},
		{"its name does not resolve", active, failed(5, ErrDNS), Red, []string{"dns_error", "Check that the host name of the URL resolves"}},
		{"less than half", active, Stats{Delivered: 1, Exhausted: 2, Failed: 12, LastError: ErrTLS}, Red, []string{
			"More than half", "tls_error", "Check the certificate", "recover what failed",
		}},
		{"less than 95 %", active, Stats{Delivered: 9, Exhausted: 1, Failed: 6, LastError: ErrTLS}, Yellow, []string{"delivery log", "recover"}},
		{"one failure", active, failed(1, ErrConnectionRefused), Yellow, []string{"connection_refused", "is retried", "firewall"}},
		{"the template fails", templated, Stats{Delivered: 1, FailedTemplate: t0}, Green, []string{"template failed", "Mend the template", "resend"}},
		{"the body is too large", active, Stats{Delivered: 1, Undeliverable: 1}, Green, []string{
			"not sent because its body is too large", "undeliverable", "Set a payload template", "resend",
		}},
		{"the rotation ends soon", rotating, good, Green, []string{"old signing secret", "make sure your endpoint knows the new one"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.stats.Hour = HourOf(now)
			r := Report(&tt.w, []Stats{tt.stats}, now)
			if r.Health != tt.want {
				t.Errorf("%s, want %s", r.Health, tt.want)
			}
			for _, s := range tt.says {
				if !strings.Contains(r.Reason, s) {
					t.Errorf("%q does not say %q", r.Reason, s)
				}
			}
		})
	}
}

// TestBodyNoteEnds: what could not be built is told until the webhook is set to something else, or for a day.
func TestBodyNoteEnds(t *testing.T) {
	now := HourOf(t0).Add(30 * time.Minute)
	plain, templated := Webhook{Active: true}, Webhook{Active: true, PayloadTemplate: `{}`, TemplateAt: now}
	at := func(ago time.Duration, s Stats) []Stats {
		s.Hour = HourOf(now.Add(-ago))
		return []Stats{{Hour: HourOf(now), Delivered: 1}, s}
	}
	for _, tt := range []struct {
		name  string
		w     Webhook
		stats []Stats
		told  bool
	}{
		{"too large", plain, at(24*time.Hour, Stats{Undeliverable: 1}), true},
		{"too large, a day ago", plain, at(25*time.Hour, Stats{Undeliverable: 1}), false},
		{"too large, and a template since", templated, at(time.Hour, Stats{Undeliverable: 1}), false},
		{"the template", templated, at(24*time.Hour, Stats{FailedTemplate: now}), true},
		{"the template, a day ago", templated, at(25*time.Hour, Stats{FailedTemplate: now}), false},
		{"another template", templated, at(time.Hour, Stats{FailedTemplate: now.Add(-1)}), false},
		{"the template, and none since", plain, at(time.Hour, Stats{FailedTemplate: now}), false},
	} {
		r := Report(&tt.w, tt.stats, now)
		if told := r.Reason != "The last attempt succeeded."; told != tt.told || r.Health != Green {
			t.Errorf("%s: %s, %q", tt.name, r.Health, r.Reason)
		}
	}
}
