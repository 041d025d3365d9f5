package dynamo

import (
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cr3dentials/verification-webhooks/shared/storetest"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestVersion: an item without a format is of the first, one of a later release is told as what it is.
func TestVersion(t *testing.T) {
	for v := range formats() {
		headerIn(reflect.ValueOf(v)).V = formatVersion
		it := encode(v)
		back, _ := reflect.New(reflect.TypeOf(v).Elem()).Interface().(fielder)
		it["v"] = num(formatVersion + 1)
		if err := decode(it, back); webhook.CodeOf(err) != webhook.Corrupt || !strings.Contains(err.Error(), "a later release's") {
			t.Errorf("%T of a later release: %v", v, err)
		}
		for _, wrong := range []item{{"v": str("one")}, {"v": num(0)}, {"v": num(-1)}} {
			it["v"] = wrong["v"]
			if err := decode(it, back); webhook.CodeOf(err) != webhook.Corrupt {
				t.Errorf("%T of the format %v: %v", v, wrong["v"], err)
			}
		}
		delete(it, "v")
		if err := decode(it, back); err != nil {
			t.Errorf("%T without a format: %v", v, err)
		}
	}
}

// TestKept: what is read, changed and written whole keeps a later release's attributes, and nothing else.
func TestKept(t *testing.T) {
	var p webhook.Partner
	var w webhook.Webhook
	var d webhook.Delivery
	var j webhook.Job
	for _, v := range []any{&p, &w, &d, &j} {
		storetest.Fill(t, v)
	}
	later := item{"later": str("x"), "later2": &types.AttributeValueMemberM{Value: item{"n": num(1)}}}
	for name, c := range map[string]struct {
		written item
		again   func(it item) (fielder, webhook.Kept, error)
	}{
		"partner": {encode(newPartnerItem(&p, "1")), func(it item) (fielder, webhook.Kept, error) {
			var i partnerItem
			err := decode(it, &i)
			p := i.partner()
			return newPartnerItem(&p, "1"), p.Kept, err
		}},
		"webhook": {encode(newWebhookItem(&w, "1")), func(it item) (fielder, webhook.Kept, error) {
			var i webhookItem
			if err := decode(it, &i); err != nil {
				return nil, nil, err
			}
			w, err := i.webhook()
			return newWebhookItem(&w, "1"), w.Kept, err
		}},
		"delivery": {encode(newDeliveryItem(&d, "1")), func(it item) (fielder, webhook.Kept, error) {
			var i deliveryItem
			if err := decode(it, &i); err != nil {
				return nil, nil, err
			}
			d, err := i.delivery()
			return newDeliveryItem(&d, "1"), d.Kept, err
		}},
		"job": {encode(newJobItem(&j, "1")), func(it item) (fielder, webhook.Kept, error) {
			var i jobItem
			err := decode(it, &i)
			j := i.job(j.Ref())
			return newJobItem(&j, "1"), j.Kept, err
		}},
	} {
		_, kept, err := c.again(c.written)
		if err != nil || kept != nil {
			t.Errorf("%s: kept %v, %v of an item of this release", name, kept, err)
		}
		with := item{}
		for n, a := range c.written {
			with[n] = a
		}
		for n, a := range later {
			with[n] = a
		}
		again, kept, err := c.again(with)
		if err != nil || !reflect.DeepEqual(kept, webhook.Kept(later)) {
			t.Fatalf("%s: kept %v, %v", name, kept, err)
		}
		got := encode(again)
		for n, a := range later {
			if !reflect.DeepEqual(got[n], a) {
				t.Errorf("%s: %s is written again as %v", name, n, got[n])
			}
			delete(got, n)
		}
		if want := encodeAgain(t, c.again, c.written); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: besides, it is written as\n%v\nwant\n%v", name, image(t, got), image(t, want))
		}
	}
}

func encodeAgain(t *testing.T, again func(item) (fielder, webhook.Kept, error), it item) item {
	t.Helper()
	i, _, err := again(it)
	if err != nil {
		t.Fatal(err)
	}
	return encode(i)
}
