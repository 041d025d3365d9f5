package dynamo

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cr3dentials/verification-webhooks/shared/storetest"
	"github.com/cr3dentials/verification-webhooks/shared/storetest/forms"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestForms holds every item to the golden files of all releases.
func TestForms(t *testing.T) {
	const token = "the-write-that-made-it"
	filled := func(v any) { storetest.Fill(t, v) }
	var p webhook.Partner
	var w webhook.Webhook
	var d webhook.Delivery
	var j webhook.Job
	var s statsItem
	var e webhook.OutboxEvent
	var a webhook.Answer
	var c webhook.Credential
	for _, v := range []any{&p, &w, &d, &j, &s, &e, &a, &c} {
		filled(v)
	}
	s.header = headerOf(statsKey("p", "w", time.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC)), "", noExpiry)
	d.State = webhook.StatePending
	d.Event.VerificationID = strings.Repeat("long-", 120)
	w.Detour = nil // it stands in an item of its own
	large := *newDeliveryItem(&d, token)
	large.BodyVersion = "0123456789abcdef01234567-3"
	inline := newDeliveryItem(&d, token)
	inline.Body = []byte("\x00{}") // as it is: compressed, it may be other bytes with another compressor
	hook := newWebhookItem(&w, token)
	hook.Template = []byte("\x00{}")
	under := func(sort string) header { return headerOf(key{"partition", sort}, token, formTime) }
	forms.Run(t, formatVersion, map[string]forms.Form{
		"partner":  form(t, newPartnerItem(&p, token), func(i *partnerItem) (any, error) { return i.partner(), nil }),
		"listed":   form(t, &partnerPointer{headerOf(partnerPointerKey("p"), token, noExpiry)}, same[*partnerPointer]),
		"webhook":  form(t, hook, func(i *webhookItem) (any, error) { return i.webhook() }),
		"delivery": form(t, inline, readDelivery), "large-delivery": form(t, &large, readDelivery),
		"body":      form(t, &bodyItem{under("B#d"), "0123456789abcdef01234567-3", []byte("\x00{}")}, same[*bodyItem]),
		"job":       form(t, newJobItem(&j, token), readJob),
		"ended-job": form(t, newEndedJobItem(&j, token), readJob),
		"stats":     form(t, &s, same[*statsItem]),
		"outbox":    form(t, newOutboxItem(e, token), func(i *outboxItem) (any, error) { return i.event(), nil }),
		"answer":    form(t, newAnswerItem(&a, token), same[*answerItem]),
		"credential": form(t, newCredentialItem(credentialKey(c.ID), &c, token),
			func(i *credentialItem) (any, error) { return i.credential() }),
		"datakey": form(t, &dataKeyItem{under("KEY#k"), "k", []byte("wrapped"), 7}, same[*dataKeyItem]),
		"detour":  form(t, &detourItem{under("SLOW#w"), 1, 2, 3, 4, 5, 6}, same[*detourItem]),
		"slot":    form(t, &slotItem{under("0000"), "owner", 9}, same[*slotItem]),
		"packed":  {Read: readPacked},
	})
}

var formTime = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// form is an item's, as DynamoDB's JSON has it.
func form[T any, P part[T]](t *testing.T, written P, read func(P) (any, error)) forms.Form {
	t.Helper()
	return forms.Form{
		Written: []byte(image(t, encode(written))),
		Read: func(stored []byte) (any, error) {
			it, err := unimage(stored)
			if err != nil {
				return nil, err
			}
			i := P(new(T))
			if err := decode(it, i); err != nil {
				return nil, err
			}
			return read(i)
		},
	}
}

func same[P any](i P) (any, error)              { return i, nil }
func readDelivery(i *deliveryItem) (any, error) { return i.delivery() }

func readJob(i *jobItem) (any, error) {
	return i.job(webhook.JobRef{PartnerID: "p", WebhookID: "w", Kind: webhook.DrainJob}), nil
}

// readPacked reads a packed body, which stands in base64.
func readPacked(stored []byte) (any, error) {
	var b []byte
	if err := json.Unmarshal(stored, &b); err != nil {
		return nil, err
	}
	body, err := unpackBody(b)
	return string(body), err
}

// unimage is the inverse of image.
func unimage(b []byte) (item, error) {
	var m map[string]typedJSON
	err := json.Unmarshal(b, &m)
	return untypedMap(m), err
}

type typedJSON struct {
	S, N *string
	B    *[]byte
	BOOL *bool
	NULL *bool
	L    *[]typedJSON
	M    map[string]typedJSON
}

func untypedMap(m map[string]typedJSON) item {
	it := item{}
	for name, v := range m {
		it[name] = v.untyped()
	}
	return it
}

func (v typedJSON) untyped() types.AttributeValue {
	switch {
	case v.S != nil:
		return &types.AttributeValueMemberS{Value: *v.S}
	case v.N != nil:
		return &types.AttributeValueMemberN{Value: *v.N}
	case v.B != nil:
		return &types.AttributeValueMemberB{Value: *v.B}
	case v.BOOL != nil:
		return &types.AttributeValueMemberBOOL{Value: *v.BOOL}
	case v.L != nil:
		l := make([]types.AttributeValue, len(*v.L))
		for i, e := range *v.L {
			l[i] = e.untyped()
		}
		return &types.AttributeValueMemberL{Value: l}
	case v.M != nil:
		return &types.AttributeValueMemberM{Value: untypedMap(v.M)}
	}
	return &types.AttributeValueMemberNULL{Value: true}
}
