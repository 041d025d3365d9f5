package portal

import (
	"context"
	"errors"
	"slices"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

type authHeaderPatch struct {
	Name  optional[string] `json:"name,omitempty" nullable:"false" minLength:"1" maxLength:"64"`
	Value optional[string] `json:"value,omitempty" nullable:"false" minLength:"1" maxLength:"4096" doc:"Left out: the value stays."`
}

type patchBodyFields struct {
	URL             optional[string]               `json:"url,omitempty" nullable:"false" minLength:"1" maxLength:"2048"`
	Active          optional[bool]                 `json:"active,omitempty" nullable:"false" doc:"true activates, as the route activate does without a body; false deactivates."`
	AutoReactivate  optional[bool]                 `json:"autoReactivate,omitempty" doc:"null: false. true begins to ask a webhook that failures have switched off already."`
	Description     optional[string]               `json:"description,omitempty" maxLength:"500"`
	EventTypes      optional[names[eventTypeName]] `json:"eventTypes,omitempty" minItems:"1" doc:"null: all."`
	TypeNaming      optional[typeNamingName]       `json:"typeNaming,omitempty" doc:"null: guide."`
	AuthHeader      optional[authHeaderPatch]      `json:"authHeader,omitempty" doc:"null removes the header."`
	PayloadTemplate optional[templateText]         `json:"payloadTemplate,omitempty" doc:"Replaced as a whole: it is one value and not merged. null: the default body."`
	Secret          optional[string]               `json:"secret,omitempty" nullable:"false" maxLength:"128" doc:"Replaces the signing secret at once, and ends a rotation."`
}

type updateInput struct {
	WebhookParam
	Precondition
	Body patchBodyFields `contentType:"application/merge-patch+json"`
}

func (p *portal) update(ctx context.Context, in *updateInput) (*webhookAnswer, error) {
	if err := in.Body.check(); err != nil {
		return nil, err
	}
	return p.edit(ctx, in.WebhookID, in.Precondition, func(w *webhook.Webhook) (edited, error) {
		return p.patch(ctx, w, in.Body)
	})
}

// edited tells what a change did to a webhook.
type edited struct {
	changed bool
	// outbox is what must be told to others if the change becomes real.
	outbox []webhook.OutboxEvent
	// jobs begin or end with the change, and messages ask for what it began: they are sent once it is real.
	jobs     []*webhook.Job
	messages []webhook.Message
	// answer is kept with the change, for a request that may be repeated.
	answer *webhook.Answer
}

// edit changes a webhook as write does, and shows it.
func (p *portal) edit(ctx context.Context, id string, cond Precondition, change func(w *webhook.Webhook) (edited, error)) (*webhookAnswer, error) {
	w, err := p.write(ctx, id, cond, change)
	if err != nil {
		return nil, err
	}
	return p.answerWith(ctx, w)
}

// write changes a webhook: change decides on what was read just now, and is asked again if another write came first.
// If it says that it changed nothing, nothing is written.
func (p *portal) write(ctx context.Context, id string, cond Precondition, change func(w *webhook.Webhook) (edited, error)) (*webhook.Webhook, error) {
	for try := range writeTries {
		p.backOff(ctx, try)
		_, w, err := p.load(ctx, id)
		if err != nil {
			return nil, err
		}
		if err := cond.check(w.Rev); err != nil {
			return nil, err
		}
		done, err := change(&w)
		if err != nil {
			return nil, err
		}
		if !done.changed {
			return &w, nil
		}
		err = p.cfg.Store.Commit(ctx, webhook.Change{Webhook: &w, Outbox: done.outbox, Jobs: done.jobs, Answer: done.answer})
		if err == nil {
			sendStored(ctx, p.cfg.Queue, done.messages...)
			return &w, nil
		}
		if webhook.CodeOf(err) != webhook.Conflict {
			return nil, err
		}
	}
	return nil, errBusy
}

// check refuses what is wrong whatever the webhook is like.
func (b patchBodyFields) check() error {
	var faults []error
	fault := func(field, message string) { faults = append(faults, webhook.FieldErrorf(field, "%s", message)) }
	faults = append(faults, b.EventTypes.value.check("body.eventTypes"))
	if b.URL.null {
		fault("body.url", "can't be removed")
	}
	if b.Active.null {
		fault("body.active", "must be true or false")
	}
	if b.Secret.null {
		fault("body.secret", "can't be removed")
	} else if b.Secret.set {
		faults = append(faults, checkSecret(b.Secret.value))
	}
	if b.AuthHeader.value.Name.null {
		fault("body.authHeader.name", "can't be removed alone; send null for authHeader to remove the header")
	}
	if b.AuthHeader.value.Value.null {
		fault("body.authHeader.value", "can't be removed alone; send null for authHeader to remove the header")
	}
	faults = append(faults, checkDescription(b.Description.value))
	return errors.Join(faults...)
}

// patch applies the merge patch to w.
func (p *portal) patch(ctx context.Context, w *webhook.Webhook, b patchBodyFields) (edited, error) {
	moved, err1 := p.patchURL(ctx, w, b)
	resealed, err2 := p.patchSecrets(ctx, w, b)
	rewritten, err3 := p.patchTemplate(w, b.PayloadTemplate)
	if err := errors.Join(err1, err2, err3); err != nil {
		return edited{}, err
	}
	if moved || resealed || rewritten {
		// What failed until now was the old configuration.
		w.Generation++
	}
	asked := w.AutoReactivate
	changed := patchPlain(w, b) || moved || resealed || rewritten
	if changed {
		w.UpdatedAt = p.cfg.Now()
	}
	var switched edited
	if b.Active.set && b.Active.value {
		var err error
		if switched, err = p.activated(ctx, w, deliverHeld); err != nil {
			return edited{}, err
		}
	} else if b.Active.set {
		switched = p.deactivated(w)
	}
	if !asked && w.WantsProbes() {
		old, err := presentJob(ctx, p.cfg.Store, w, webhook.ProbeJob)
		if err != nil {
			return edited{}, err
		}
		// The sweeper sees to it in its time.
		switched.jobs = append(switched.jobs, webhook.NewProbe(old, w, p.cfg.Now(), p.ids.Job()))
	}
	switched.changed = switched.changed || changed
	return switched, nil
}

// patchURL reports whether the url became another one.
func (p *portal) patchURL(ctx context.Context, w *webhook.Webhook, b patchBodyFields) (bool, error) {
	if !b.URL.set || b.URL.value == w.URL {
		return false, nil
	}
	url, err := p.cfg.URLs.CheckURL(ctx, b.URL.value)
	if err != nil {
		return false, atField("body.url", err)
	}
	changed := url != w.URL
	w.URL = url
	return changed, nil
}

// patchSecrets reports whether the signing secret or the authentication header became another one.
func (p *portal) patchSecrets(ctx context.Context, w *webhook.Webhook, b patchBodyFields) (bool, error) {
	if !b.Secret.set && !b.AuthHeader.set {
		return false, nil
	}
	stored, err := p.cfg.Vault.OpenSecrets(ctx, w)
	if err != nil {
		return false, err
	}
	// What is stored of a rotation and what is sealed must change together, so it is tried on a copy.
	next := *w
	old := next.Settle(stored, p.cfg.Now())
	s, name := old, w.AuthHeaderName
	if b.Secret.set {
		s = next.ReplaceSecret(s, b.Secret.value)
	}
	switch h := b.AuthHeader; {
	case h.null:
		name, s.AuthHeaderValue = "", ""
	case h.set:
		if name, s.AuthHeaderValue, err = h.value.merge(name, s.AuthHeaderValue); err != nil {
			return false, err
		}
	}
	if s == old && name == w.AuthHeaderName {
		return false, nil
	}
	*w = next
	w.AuthHeaderName = name
	w.Sealed, err = p.cfg.Vault.SealSecrets(ctx, w, s)
	return true, err
}

// merge returns the header that the patch makes of the present one, whose name is empty if there is none.
func (h authHeaderPatch) merge(name, value string) (string, string, error) {
	if h.Name.given() {
		name = h.Name.value
	}
	if h.Value.given() {
		value = h.Value.value
	}
	if name == "" {
		return "", "", webhook.FieldErrorf("body.authHeader.name", "is required: there is no header yet")
	}
	if value == "" {
		return "", "", webhook.FieldErrorf("body.authHeader.value", "is required: there is no header yet")
	}
	return name, value, checkAuthHeader(name, value)
}

// patchPlain applies what no attempt's outcome depends on, and reports whether anything changed.
func patchPlain(w *webhook.Webhook, b patchBodyFields) bool {
	changed := false
	if b.AutoReactivate.set && b.AutoReactivate.value != w.AutoReactivate {
		w.AutoReactivate, changed = b.AutoReactivate.value, true
	}
	if b.Description.set && b.Description.value != w.Description {
		w.Description, changed = b.Description.value, true
	}
	if types := eventTypesOf(b.EventTypes.value); b.EventTypes.set && !slices.Equal(types, w.EventTypes) {
		w.EventTypes, changed = types, true
	}
	if naming := namingOf(b.TypeNaming); b.TypeNaming.set && naming != w.TypeNaming {
		w.TypeNaming, changed = naming, true
	}
	return changed
}
