package delivery

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// probeType is the event type of a probe. No receiver written from the partner guide acts on it.
const probeType webhook.EventType = "webhook.probe"

// probeBody is what a probe sends. The guide's check for duplicates looks into data, and fails where there is none.
type probeBody struct {
	Type webhook.EventType `json:"type"`
	Data struct {
		WebhookID string `json:"webhookId"`
	} `json:"data"`
}

// reasonProbe is why a webhook became active again by itself.
const reasonProbe = "probe"

// probe asks a webhook that failures switched off whether it is well again, if it is time to, and activates it if it
// is. A probe is stored before it is sent: a lost one is followed by the next at its time.
func (e *Engine) probe(ctx context.Context, j *webhook.Job) error {
	p, w, err := e.Store.Webhook(ctx, j.PartnerID, j.WebhookID)
	if err != nil && webhook.CodeOf(err) != webhook.NotFound {
		return err
	}
	now := e.Now()
	if err != nil || !w.WantsProbes() || now.Sub(j.CreatedAt) > e.HoldTime {
		return e.endJob(ctx, j, webhook.JobStopped)
	}
	if now.Before(j.ProbeAt()) || !e.canSend(ctx) {
		return nil
	}
	secrets, err := e.Vault.OpenSecrets(ctx, &w)
	if webhook.CodeOf(err) == webhook.Corrupt {
		return e.endJob(ctx, j, webhook.JobStopped)
	}
	if err != nil {
		return err
	}
	j.Step++
	j.UpdatedAt = now
	j.DueAt = j.ProbeAt()
	if err := e.Store.Commit(ctx, webhook.Change{Jobs: []*webhook.Job{j}}); err != nil {
		return err
	}
	if p.Suspended {
		return nil
	}
	content := probeBody{Type: probeType}
	content.Data.WebhookID = w.ID
	body, err := json.Marshal(content)
	if err != nil {
		return err
	}
	resp := e.Sender.Send(ctx, BuildRequest(&w, secrets, e.IDs.Probe(), probeType, j.Step, body, e.Now()))
	e.Log.LogAttrs(ctx, slog.LevelInfo, "probe", append(jobAttrs(j), slog.String("event", "webhook.probed"),
		slog.Int("statusCode", resp.StatusCode), slog.String("errorCode", string(resp.ErrorCode)))...)
	if !resp.OK() {
		return nil
	}
	for range settleTries { // another probe would tell the same, but not before its time
		if err = e.reactivate(ctx, j, w.Generation); err == nil {
			break
		}
	}
	return err
}

// reactivate activates a webhook whose probe succeeded under a generation, and starts the drain.
func (e *Engine) reactivate(ctx context.Context, probe *webhook.Job, generation int64) error {
	_, w, err := e.Store.Webhook(ctx, probe.PartnerID, probe.WebhookID)
	if webhook.CodeOf(err) == webhook.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if w.Generation != generation || !w.WantsProbes() {
		return nil // what was probed is not what is there now
	}
	j, err := e.Store.Job(ctx, probe.Ref())
	if err != nil {
		return err
	}
	old, err := e.presentJob(ctx, w.PartnerID, w.ID, webhook.DrainJob)
	if err != nil {
		return err
	}
	now := e.Now()
	w.Activate(now)
	drain := webhook.NewDrain(old, &w, now, e.IDs.Job(), 0)
	drain.Probed = true
	j.End(now, webhook.JobDone)
	err = e.commit(ctx, webhook.Change{Webhook: &w, Jobs: []*webhook.Job{drain, &j}, Outbox: []webhook.OutboxEvent{{
		ID: e.IDs.Outbox(), Kind: webhook.WebhookReactivated, PartnerID: w.PartnerID, WebhookID: w.ID,
		Reason: reasonProbe, At: now,
	}}})
	if err != nil {
		return err
	}
	e.Log.LogAttrs(ctx, slog.LevelInfo, "webhook reactivated", append(jobAttrs(drain), slog.String("event", "webhook.reactivated"))...)
	return e.Queue.Send(ctx, drain.Ref().Message())
}
