package dynamo

import (
	"context"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// deliveryItem is a delivery without what its keys say. Times are unix nanoseconds but Due.
type deliveryItem struct {
	header
	Rev int64

	// The indexes: VPK always, DPK and Due if and only if DueAt is set, HPK and HSK if and only if it
	// waits for its webhook's activation.
	VPK string
	DPK string
	Due int64 // unix milliseconds, rounded up
	HPK string
	HSK string

	State          string
	EventType      string
	EventID        string
	EventPartner   string // if it is not the delivery's
	VerificationID string // if VPK does not hold it
	OccurredAt     int64
	Sequence       string
	Body           []byte
	BodyVersion    string // if the body stands in an item of its own
	Reason         string
	CreatedAt      int64
	UpdatedAt      int64
	Generation     int64
	RoundAttempts  int
	Attempts       int
	Claim          *claimItem
	Interruptions  int
	Tripped        bool
	Job            string
	Probed         bool
	Paced          bool
	ResendAt       int64
	NextAttemptAt  int64
	HeldUntil      int64
	LastStatusCode int
	LastErrorCode  string
	Log            []attemptItem
	DueAt          int64
	Kept           webhook.Kept
}

func (i *deliveryItem) fields(c *coder) {
	i.header.fields(c)
	c.int64("rev", &i.Rev, always)
	c.text("vpk", &i.VPK, always)
	c.text("dpk", &i.DPK, ifSet)
	c.int64("due", &i.Due, ifSet)
	c.text("hpk", &i.HPK, ifSet)
	c.text("hsk", &i.HSK, ifSet)
	c.text("st", &i.State, always)
	c.text("et", &i.EventType, always)
	c.text("ei", &i.EventID, ifSet)
	c.text("ep", &i.EventPartner, ifSet)
	c.text("vi", &i.VerificationID, ifSet)
	c.int64("oc", &i.OccurredAt, ifSet)
	c.text("sq", &i.Sequence, ifSet)
	c.bytes("b", &i.Body, ifSet)
	c.text("bv", &i.BodyVersion, ifSet)
	c.text("re", &i.Reason, ifSet)
	c.int64("ca", &i.CreatedAt, ifSet)
	c.int64("ua", &i.UpdatedAt, ifSet)
	c.int64("g", &i.Generation, ifSet)
	c.int("ra", &i.RoundAttempts, ifSet)
	c.int("a", &i.Attempts, ifSet)
	one(c, "c", &i.Claim)
	c.int("in", &i.Interruptions, ifSet)
	c.flag("tr", &i.Tripped)
	c.text("j", &i.Job, ifSet)
	c.flag("pr", &i.Probed)
	c.flag("pc", &i.Paced)
	c.int64("rs", &i.ResendAt, ifSet)
	c.int64("na", &i.NextAttemptAt, ifSet)
	c.int64("hu", &i.HeldUntil, ifSet)
	c.int("ls", &i.LastStatusCode, ifSet)
	c.text("le", &i.LastErrorCode, ifSet)
	many(c, "l", &i.Log)
	c.int64("da", &i.DueAt, ifSet)
	c.rest(i, &i.Kept)
}

type claimItem struct {
	Number     int
	Owner      string
	LeaseUntil int64
	StartedAt  int64
	Manual     bool
}

func (i *claimItem) fields(c *coder) {
	c.int("n", &i.Number, ifSet)
	c.text("o", &i.Owner, ifSet)
	c.int64("u", &i.LeaseUntil, ifSet)
	c.int64("s", &i.StartedAt, ifSet)
	c.flag("m", &i.Manual)
}

type attemptItem struct {
	Number       int
	StartedAt    int64
	Duration     int64 // nanoseconds
	Manual       bool
	StatusCode   int
	ErrorCode    string
	ErrorMessage string
	Excerpt      string
}

func (i *attemptItem) fields(c *coder) {
	c.int("n", &i.Number, ifSet)
	c.int64("s", &i.StartedAt, ifSet)
	c.int64("d", &i.Duration, ifSet)
	c.flag("m", &i.Manual)
	c.int("c", &i.StatusCode, ifSet)
	c.text("e", &i.ErrorCode, ifSet)
	c.text("t", &i.ErrorMessage, ifSet)
	c.text("x", &i.Excerpt, ifSet)
}

// delivery plans the writes of a delivery. withBody says that its body's item, if it needs one, is known to be absent
// or different; a new delivery's always is.
func (p *planner) delivery(d *webhook.Delivery, token string, withBody bool) {
	i := newDeliveryItem(d, token)
	packed := p.packer.pack(d.Body)
	if len(packed) <= inlineBody {
		i.Body = packed
		p.put(deliveryKey(d.Ref()), i, func(w write) write { return w.onVersion(d.Rev) })
		return
	}
	period, end := bodyExpiry(d)
	i.BodyVersion = bodyVersion(packed, period)
	if d.Rev == 0 || withBody {
		k := bodyKey(d.Ref())
		p.put(deliveryKey(d.Ref()), i, func(w write) write { return w.onVersion(d.Rev) })
		p.put(k, &bodyItem{header: headerOf(k, token, end), Version: i.BodyVersion, Body: packed}, nil)
		return
	}
	p.put(deliveryKey(d.Ref()), i, func(w write) write {
		w.condition = isVersionWithBody
		w.values = item{":rev": num(d.Rev), ":bv": str(i.BodyVersion)}
		w.delivery, w.bodyVersion = d, i.BodyVersion
		return w
	})
}

func newDeliveryItem(d *webhook.Delivery, token string) *deliveryItem {
	i := &deliveryItem{
		header: headerOf(deliveryKey(d.Ref()), token, d.ExpiresAt()), Rev: d.Rev + 1,
		VPK:   verificationPartition(d.PartnerID, d.WebhookID, d.Event.VerificationID),
		State: string(d.State), EventType: string(d.Event.Type), EventID: d.Event.ID,
		OccurredAt: nanos(d.Event.OccurredAt), Sequence: d.Event.Sequence, Reason: d.Reason,
		CreatedAt: nanos(d.CreatedAt), UpdatedAt: nanos(d.UpdatedAt), Generation: d.Generation,
		RoundAttempts: d.RoundAttempts, Attempts: d.Attempts, Interruptions: d.Interruptions,
		Tripped: d.Tripped, Job: string(d.Job), Probed: d.Probed, Paced: d.Paced, ResendAt: nanos(d.ResendAt),
		NextAttemptAt: nanos(d.NextAttemptAt), HeldUntil: nanos(d.HeldUntil),
		LastStatusCode: d.LastStatusCode, LastErrorCode: string(d.LastErrorCode), DueAt: nanos(d.DueAt), Kept: d.Kept,
	}
	if d.Event.PartnerID != d.PartnerID {
		i.EventPartner = d.Event.PartnerID
	}
	if len(d.Event.VerificationID) > maxPlainVerificationID {
		i.VerificationID = d.Event.VerificationID
	}
	if !d.DueAt.IsZero() {
		i.DPK, i.Due = dueShard(d.ID), d.DueAt.Add(time.Millisecond-1).UnixMilli()
	}
	if d.Waiting() {
		i.HPK, i.HSK = webhookPartition(d.PartnerID, d.WebhookID), d.Event.OrderKey()
	}
	if c := d.Claim; c != nil {
		i.Claim = &claimItem{
			Number: c.Number, Owner: c.Owner, LeaseUntil: nanos(c.LeaseUntil), StartedAt: nanos(c.StartedAt), Manual: c.Manual,
		}
	}
	for _, a := range d.Log {
		i.Log = append(i.Log, attemptItem{
			Number: a.Number, StartedAt: nanos(a.StartedAt), Duration: int64(a.Duration), Manual: a.Manual,
			StatusCode: a.StatusCode, ErrorCode: string(a.ErrorCode), ErrorMessage: a.ErrorMessage, Excerpt: a.Excerpt,
		})
	}
	return i
}

// delivery returns the delivery without its body.
func (i *deliveryItem) delivery() (webhook.Delivery, error) {
	ref, ok := refOf(key{i.PK, i.SK})
	if !ok {
		return webhook.Delivery{}, webhook.Errorf(webhook.Corrupt, "a delivery has an unknown key")
	}
	d := webhook.Delivery{
		PartnerID: ref.PartnerID, WebhookID: ref.WebhookID, ID: ref.DeliveryID,
		Event: webhook.Event{
			ID: i.EventID, Type: webhook.EventType(i.EventType), PartnerID: i.EventPartner,
			VerificationID: i.VerificationID, OccurredAt: fromNanos(i.OccurredAt), Sequence: i.Sequence,
		},
		State: webhook.State(i.State), Reason: i.Reason, CreatedAt: fromNanos(i.CreatedAt),
		UpdatedAt: fromNanos(i.UpdatedAt), Generation: i.Generation, RoundAttempts: i.RoundAttempts,
		Attempts: i.Attempts, Interruptions: i.Interruptions, Tripped: i.Tripped, Job: webhook.JobKind(i.Job),
		Probed: i.Probed, Paced: i.Paced,
		ResendAt: fromNanos(i.ResendAt), NextAttemptAt: fromNanos(i.NextAttemptAt),
		HeldUntil: fromNanos(i.HeldUntil), LastStatusCode: i.LastStatusCode,
		LastErrorCode: webhook.ErrorCode(i.LastErrorCode), DueAt: fromNanos(i.DueAt), Rev: i.Rev, Kept: i.Kept,
	}
	if d.Event.PartnerID == "" {
		d.Event.PartnerID = d.PartnerID
	}
	if d.Event.VerificationID == "" && len(i.VPK) > len(i.PK)+1 {
		d.Event.VerificationID = i.VPK[len(i.PK)+1:]
	}
	if c := i.Claim; c != nil {
		d.Claim = &webhook.Claim{
			Number: c.Number, Owner: c.Owner, LeaseUntil: fromNanos(c.LeaseUntil), StartedAt: fromNanos(c.StartedAt),
			Manual: c.Manual,
		}
	}
	for _, a := range i.Log {
		d.Log = append(d.Log, webhook.Attempt{
			Number: a.Number, StartedAt: fromNanos(a.StartedAt), Duration: time.Duration(a.Duration), Manual: a.Manual,
			StatusCode: a.StatusCode, ErrorCode: webhook.ErrorCode(a.ErrorCode), ErrorMessage: a.ErrorMessage,
			Excerpt: a.Excerpt,
		})
	}
	return d, nil
}

// Delivery implements delivery.Store and portal.Store with one GetItem, two if the body stands in an item of its own.
func (s *Store) Delivery(ctx context.Context, ref webhook.Ref) (webhook.Delivery, error) {
	// A body that is written anew between the two reads has another version than the delivery read before it; one that was
	// removed between them went with its delivery.
	const tries = 3
	last := webhook.Errorf(webhook.Unavailable, "a delivery's body kept changing")
	for range tries {
		var i deliveryItem
		if err := s.get(ctx, s.o.DeliveriesTable, deliveryKey(ref), &i); err != nil {
			return webhook.Delivery{}, named(err, "no such delivery")
		}
		packed := i.Body
		if i.BodyVersion != "" {
			var b bodyItem
			err := s.get(ctx, s.o.DeliveriesTable, bodyKey(ref), &b)
			if webhook.CodeOf(err) == webhook.NotFound {
				last = webhook.Errorf(webhook.Corrupt, "a delivery's body is gone")
				continue
			}
			if err != nil {
				return webhook.Delivery{}, err
			}
			if b.Version != i.BodyVersion {
				continue
			}
			packed = b.Body
		}
		d, err := i.delivery()
		if err != nil {
			return webhook.Delivery{}, err
		}
		d.Body, err = unpackBody(packed)
		return d, err
	}
	return webhook.Delivery{}, last
}
