package portal

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Mask stands where a secret value is not shown. It is refused as a value, so that what was read can't be written back
// over the real one by mistake.
const Mask = "********"

const (
	// maxHeldCount is up to where held events are counted exactly.
	maxHeldCount = 1000
	// healthHours is how many hours with counters the health looks at: the success rate needs the last 25 that touch
	// the last 24 hours, and LastDeliveryAt may lie further back.
	healthHours = 48
	// viewsAtOnce bounds the reads that one list starts at once.
	viewsAtOnce = 16
)

// eventTypeName is an event type in the API.
type eventTypeName webhook.EventType

// Schema implements huma.SchemaProvider.
func (eventTypeName) Schema(huma.Registry) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, t := range webhook.EventTypes() {
		s.Enum = append(s.Enum, string(t))
	}
	return s
}

func eventTypeNames(types []webhook.EventType) []eventTypeName {
	if len(types) == 0 {
		types = webhook.EventTypes()
	}
	names := make([]eventTypeName, len(types))
	for i, t := range types {
		names[i] = eventTypeName(t)
	}
	return names
}

type authHeaderView struct {
	Name  string `json:"name" doc:"The header's name."`
	Value string `json:"value" doc:"Always a mask."`
}

type deactivationView struct {
	At         time.Time                  `json:"at"`
	Reason     webhook.DeactivationReason `json:"reason" enum:"failures,partner"`
	DeliveryID *string                    `json:"deliveryId" doc:"The delivery whose fifth retry failed; null unless that is the reason."`
}

type rotationView struct {
	EndsAt     time.Time `json:"endsAt" doc:"When the new secret takes the old one's place. Until then requests are signed with both."`
	SecretHint string    `json:"secretHint" doc:"The last characters of the new secret."`
}

// WebhookView is a webhook as partners see it. It holds no secret.
type WebhookView struct {
	ID              string                   `json:"id"`
	URL             string                   `json:"url"`
	Active          bool                     `json:"active"`
	CreatedAt       time.Time                `json:"createdAt"`
	UpdatedAt       time.Time                `json:"updatedAt"`
	LastDeliveryAt  *time.Time               `json:"lastDeliveryAt" nullable:"true" doc:"The end of the latest successful attempt."`
	SuccessRate     *float64                 `json:"successRate" doc:"delivered / (delivered + exhausted) of the last 24 hours, 0 to 1; null if there were none."`
	Health          webhook.Health           `json:"health" enum:"grey,green,yellow,red"`
	HealthReason    string                   `json:"healthReason" doc:"What to do about it."`
	EventTypes      []eventTypeName          `json:"eventTypes" nullable:"false"`
	TypeNaming      webhook.TypeNaming       `json:"typeNaming" enum:"guide,detailed"`
	AutoReactivate  bool                     `json:"autoReactivate" doc:"Whether, after failures switched the webhook off, it is asked at growing intervals (1 minute up to 1 hour, for as long as events are held) with a request that holds no verification data; a 2xx answer activates it again and delivers what was held."`
	Description     *string                  `json:"description"`
	AuthHeader      orNull[authHeaderView]   `json:"authHeader"`
	PayloadTemplate orNull[jsonObject]       `json:"payloadTemplate" doc:"null: the default body."`
	SecretHint      string                   `json:"secretHint" doc:"The last characters of the signing secret; during a rotation, of the old one."`
	Rotation        orNull[rotationView]     `json:"rotation" doc:"The rotation of the signing secret that is under way; null if none is."`
	Deactivation    orNull[deactivationView] `json:"deactivation" doc:"When and why the webhook became inactive; null while it is active."`
	HeldCount       int                      `json:"heldCount" doc:"Events held for the webhook, exact up to 1000."`
	HeldCountCapped bool                     `json:"heldCountCapped" doc:"Whether there are more than heldCount says."`
	Drain           orNull[drainView]        `json:"drain" doc:"The delivery of what waited for the latest activation; null if there was none."`
}

// webhookAnswer is one webhook with its ETag.
type webhookAnswer struct {
	ETag string `header:"ETag" doc:"The version, for If-Match."`
	Body WebhookView
}

func shownTime(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

func shownTimeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = shownTime(t)
	return &t
}

func textOrNull[T ~string](s T) *T {
	if s == "" {
		return nil
	}
	return &s
}

// viewOf shows w with what is known of its deliveries.
func viewOf(w *webhook.Webhook, stats []webhook.Stats, held int, drain webhook.Job, now time.Time) WebhookView {
	health := webhook.Report(w, stats, now)
	v := WebhookView{
		ID: w.ID, URL: w.URL, Active: w.Active, CreatedAt: shownTime(w.CreatedAt), UpdatedAt: shownTime(w.UpdatedAt),
		LastDeliveryAt: shownTimeOrNull(health.LastDeliveryAt), SuccessRate: health.SuccessRate,
		Health: health.Health, HealthReason: health.Reason, AutoReactivate: w.AutoReactivate, EventTypes: eventTypeNames(w.EventTypes),
		TypeNaming: w.TypeNaming, Description: textOrNull(w.Description), PayloadTemplate: shownTemplate(w.PayloadTemplate), SecretHint: w.HintAt(now),
		HeldCount: min(held, maxHeldCount), HeldCountCapped: held > maxHeldCount,
	}
	if w.AuthHeaderName != "" {
		v.AuthHeader = some(authHeaderView{Name: w.AuthHeaderName, Value: Mask})
	}
	if r := w.RotationAt(now); r != nil {
		v.Rotation = some(rotationView{EndsAt: shownTime(r.EndsAt), SecretHint: r.SecretHint})
	}
	if d := w.Deactivation; d != nil {
		v.Deactivation = some(deactivationView{At: shownTime(d.At), Reason: d.Reason, DeliveryID: textOrNull(d.DeliveryID)})
	}
	if drain.ID != "" {
		v.Drain = some(drainOf(w, &drain, held))
	}
	return v
}

// view reads what is known of w's deliveries and shows it.
func (p *portal) view(ctx context.Context, w *webhook.Webhook) (WebhookView, error) {
	stats, err := p.cfg.Store.Stats(ctx, w.PartnerID, w.ID, healthHours)
	if err != nil {
		return WebhookView{}, err
	}
	held, drain := 0, webhook.Job{}
	if w.EverActive {
		if held, err = p.cfg.Store.HeldCount(ctx, w.PartnerID, w.ID, maxHeldCount+1); err != nil {
			return WebhookView{}, err
		}
		if drain, err = presentJob(ctx, p.cfg.Store, w, webhook.DrainJob); err != nil {
			return WebhookView{}, err
		}
	}
	return viewOf(w, stats, held, drain, p.cfg.Now()), nil
}

// views does what view does for all of ws, viewsAtOnce at a time.
func (p *portal) views(ctx context.Context, ws []webhook.Webhook) ([]WebhookView, error) {
	items := make([]WebhookView, len(ws))
	errs := make([]error, len(ws))
	p.cfg.Each(len(ws), viewsAtOnce, func(i int) { items[i], errs[i] = p.view(ctx, &ws[i]) })
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return items, nil
}

// answerWith shows w as the answer to an edit of it.
func (p *portal) answerWith(ctx context.Context, w *webhook.Webhook) (*webhookAnswer, error) {
	v, err := p.view(ctx, w)
	if err != nil {
		return nil, err
	}
	return &webhookAnswer{ETag: etag(w.Rev), Body: v}, nil
}
