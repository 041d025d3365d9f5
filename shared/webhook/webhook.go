// Package webhook is the domain and its words: partners, webhooks, events, deliveries, attempts and their states. It reads
// no clock, makes no randomness and knows neither AWS nor HTTP.
package webhook

import (
	"time"
)

// Limits per partner and of fields. Lengths are bytes unless they say otherwise.
const (
	MaxWebhooks        = 50  // webhooks of one partner
	MaxConcurrentTests = 5   // tests of one partner under way at once
	MaxRequestsPerSec  = 100 // API requests of one partner in one second
	MaxURL             = 2048
	MaxDescription     = 500 // characters
	MaxPartnerName     = 200 // characters
	// DefaultHoldTime is how long an event is held for an inactive webhook before it is `expired`.
	DefaultHoldTime = 7 * 24 * time.Hour
	// FinalRetention is how long a delivery is kept after its last change once its state is final.
	FinalRetention = 30 * 24 * time.Hour
)

// Partner is a customer that receives events.
type Partner struct {
	ID        string
	Name      string
	Suspended bool
	CreatedAt time.Time
	UpdatedAt time.Time
	// WebhookCount is how many webhooks the partner has; the store keeps it in the transactions that create and
	// delete them, which is what holds MaxWebhooks under concurrent requests.
	WebhookCount int
	// SessionsEndedAt is when the partner was last suspended: portal sessions made until then have ended. Zero if never.
	SessionsEndedAt time.Time
	// Rev counts the stored versions, from 1.
	Rev int64
	// Kept belongs to the store.
	Kept Kept
}

// Webhook is a partner's endpoint and what is sent to it.
type Webhook struct {
	PartnerID string
	ID        string
	URL       string
	Active    bool
	// Generation grows on activation and on every edit of url, secret, authentication header or template: a round of
	// attempts may switch the webhook off only if it started under the present generation. From 1.
	Generation  int64
	Description string
	// EventTypes filters; empty means all.
	EventTypes []EventType
	TypeNaming TypeNaming
	// AuthHeaderName is the partner's authentication header; its value is in Sealed. Empty if none is set.
	AuthHeaderName string
	// Sealed is the ciphertext of the webhook's Secrets.
	Sealed []byte
	// SecretHint is what may be shown of the signing secret: its last four characters. During a rotation it is the old
	// one's.
	SecretHint string
	// Rotation is set while a second signing secret is stored; see SigningKeys for what it means at a given time.
	Rotation *Rotation
	// PayloadTemplate is the text of a JSON object that payload.Compile accepts; empty for the default body.
	PayloadTemplate string
	// TemplateAt is when PayloadTemplate was last set or removed; zero if never.
	TemplateAt   time.Time
	Deactivation *Deactivation
	// EverActive is false for a webhook that was created inactive and never activated: it holds no events.
	EverActive bool
	// OffGeneration is the generation under which the webhook was last switched off, 0 if it never was.
	OffGeneration int64
	// AutoReactivate is the partner's wish to be probed after failures switched the webhook off, and to have it active
	// again when a probe succeeds.
	AutoReactivate bool
	// DiscardBelow: what was held under a smaller generation was discarded by the partner and is to be cancelled.
	DiscardBelow int64
	// Detour tells whether the webhook's events go by way of the queue; nil if they never did. It is read with the webhook
	// where deliveries are made; a Change does not store it.
	Detour    *Detour
	CreatedAt time.Time
	UpdatedAt time.Time
	// Rev counts the stored versions, from 1. It is the ETag.
	Rev int64
	// Kept belongs to the store.
	Kept Kept
}

// Rotation is the overlap of two signing secrets. The new one is Secrets.Next.
type Rotation struct {
	// EndsAt is when the new secret takes the old one's place.
	EndsAt time.Time
	// SecretHint is what may be shown of the new secret.
	SecretHint string
}

// DeactivationReason says who or what switched a webhook off.
type DeactivationReason string

const (
	// ReasonFailures says that the fifth retry of a round failed.
	ReasonFailures DeactivationReason = "failures"
	// ReasonPartner says that the partner switched it off.
	ReasonPartner DeactivationReason = "partner"
)

// Deactivation tells when and why a webhook became inactive.
type Deactivation struct {
	At     time.Time
	Reason DeactivationReason
	// DeliveryID is the delivery whose round exhausted; empty unless Reason is ReasonFailures.
	DeliveryID string
}

// Secrets are a webhook's secret values. They are stored sealed, in one ciphertext, and are never logged.
type Secrets struct {
	Signing string `json:"signing"`
	// Next is the new signing secret; empty unless the webhook has a Rotation.
	Next string `json:"next,omitempty"`
	// AuthHeaderValue is the value of the partner's authentication header.
	AuthHeaderValue string `json:"authHeaderValue,omitempty"`
}

// Values returns what must never be shown, for redaction.
func (s Secrets) Values() []string {
	var v []string
	for _, x := range []string{s.Signing, s.Next, s.AuthHeaderValue} {
		if x != "" {
			v = append(v, x)
		}
	}
	return v
}

// Subscribed tells whether events of type t are for this webhook.
func (w *Webhook) Subscribed(t EventType) bool {
	if len(w.EventTypes) == 0 {
		return true
	}
	for _, x := range w.EventTypes {
		if x == t {
			return true
		}
	}
	return false
}

// Eligible tells whether an event is for this webhook at all: it is subscribed, and it existed when the record was
// written, give or take the stream's rounding of that time (grace).
func (w *Webhook) Eligible(e Event, grace time.Duration) bool {
	return w.Subscribed(e.Type) && !w.CreatedAt.After(e.OccurredAt.Add(grace))
}

// Activate makes w active under a new generation. It reports false and changes nothing if w is active already.
func (w *Webhook) Activate(now time.Time) bool {
	if w.Active {
		return false
	}
	w.Active, w.EverActive, w.Deactivation = true, true, nil
	w.Generation++
	w.UpdatedAt = now
	return true
}

// Deactivate makes w inactive. It reports false and changes nothing if w is inactive already, but for a partner who means
// what failures did: then no probe brings it back.
func (w *Webhook) Deactivate(now time.Time, reason DeactivationReason, deliveryID string) bool {
	if !w.Active && (reason != ReasonPartner || w.Deactivation == nil || w.Deactivation.Reason == reason) {
		return false
	}
	if w.Active {
		w.Active, w.OffGeneration = false, w.Generation
	}
	w.Deactivation = &Deactivation{At: now, Reason: reason, DeliveryID: deliveryID}
	w.UpdatedAt = now
	return true
}

// Discarded tells whether d waited for w, for its activation or between two attempts, when the partner discarded what
// was waiting.
func (w *Webhook) Discarded(d *Delivery) bool {
	return (!d.State.Final() || d.Tripped) && d.Generation < w.DiscardBelow
}

// Trips tells whether w's next activation must bring d again, whose round is exhausted: the round started under w's
// present generation, or under the one that was switched off before the present one and not discarded.
func (w *Webhook) Trips(d *Delivery) bool {
	return d.Generation >= w.DiscardBelow && (d.Generation == w.Generation || d.Generation == w.OffGeneration)
}

// WantsProbes tells whether probes may bring w back: failures switched it off, and its partner asked for probes.
func (w *Webhook) WantsProbes() bool {
	return w.AutoReactivate && w.Deactivation != nil && w.Deactivation.Reason == ReasonFailures
}
