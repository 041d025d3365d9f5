package queue

import (
	"encoding/json"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// formatVersion stands in every message as `v`. During a deployment messages of the version before are still on their
// way: a change of the meaning of a field needs a new number, and Decode must read both for four days.
const formatVersion = 1

// body is a message as JSON. It holds ids and numbers only; absent fields are zero.
type body struct {
	Version    int    `json:"v"`
	Kind       string `json:"kind"`
	PartnerID  string `json:"partnerId,omitempty"`
	WebhookID  string `json:"webhookId,omitempty"`
	DeliveryID string `json:"deliveryId,omitempty"`
	Number     int    `json:"number,omitempty"`
	Job        string `json:"job,omitempty"`
	ParkedID   string `json:"parkedId,omitempty"`
	Step       int    `json:"step,omitempty"`
	After      string `json:"after,omitempty"`
	Faults     int    `json:"faults,omitempty"`
}

// Encode returns a message's body for the queue. Its Delay is not in it: the queue keeps that.
func Encode(m webhook.Message) (string, error) {
	b, err := json.Marshal(body{
		Version: formatVersion, Kind: string(m.Kind), PartnerID: m.Ref.PartnerID, WebhookID: m.Ref.WebhookID,
		DeliveryID: m.Ref.DeliveryID, Number: m.Number, Job: string(m.Job), ParkedID: m.ParkedID, Step: m.Step,
		After: m.After, Faults: m.Faults,
	})
	return string(b), webhook.Wrap(webhook.Internal, err, "a message could not be encoded")
}

// Decode reads a message's body. Corrupt if it is not one, or of a version or kind that is not known here.
func Decode(s string) (webhook.Message, error) {
	var b body
	if err := json.Unmarshal([]byte(s), &b); err != nil {
		return webhook.Message{}, webhook.Wrap(webhook.Corrupt, err, "a message could not be read")
	}
	if b.Version > formatVersion {
		return webhook.Message{}, webhook.Errorf(webhook.Corrupt,
			"a message has the version %d, a later release's: this one reads up to %d", b.Version, formatVersion)
	}
	if b.Version < 1 {
		return webhook.Message{}, webhook.Errorf(webhook.Corrupt, "a message has the unknown version %d", b.Version)
	}
	m := webhook.Message{
		Kind:   webhook.MessageKind(b.Kind),
		Ref:    webhook.Ref{PartnerID: b.PartnerID, WebhookID: b.WebhookID, DeliveryID: b.DeliveryID},
		Number: b.Number, Job: webhook.JobKind(b.Job), ParkedID: b.ParkedID, Step: b.Step, After: b.After, Faults: b.Faults,
	}
	switch m.Kind {
	case webhook.AttemptMessage, webhook.DiscardMessage, webhook.AbandonMessage, webhook.JobMessage, webhook.RedriveMessage:
		return m, nil
	}
	return webhook.Message{}, webhook.Errorf(webhook.Corrupt, "a message has an unknown kind")
}
