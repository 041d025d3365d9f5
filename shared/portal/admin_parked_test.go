package portal

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func (w *world) park(t *testing.T, p webhook.Parked) string {
	t.Helper()
	if p.ID == "" {
		p.ID = webhook.ParkedID(p.Record, worldStart)
	}
	p.ParkedAt = worldStart
	if err := w.objects.Park(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	return p.ID
}

// TestParked: the list tells what an operator decides by, and redriving asks the retrier.
func TestParked(t *testing.T) {
	w := newWorld(t)
	record := []byte(`{"eventID":"1","partner":"acme"}`)
	id := w.park(t, webhook.Parked{
		Reason: "wrong_type", Detail: "sessionId is not of type N", Attribute: "sessionId", PartnerID: "acme",
		VerificationID: "ver_1", Record: record,
	})
	r := w.doAdmin("GET", "/admin/parked", nil).want(200)
	want := []any{map[string]any{
		"id": id, "kind": "record", "reason": "wrong_type", "detail": "sessionId is not of type N", "attribute": "sessionId",
		"partnerId": "acme", "verificationId": "ver_1", "parkedAt": "2026-03-04T05:06:07Z", "size": float64(len(record)),
	}}
	if !reflect.DeepEqual(r.json()["items"], want) {
		t.Fatal(r.body)
	}
	w.doAdmin("POST", "/admin/parked/"+id+"/redrive", nil).want(202)
	if ms := w.queue.Take(); !reflect.DeepEqual(ms, []webhook.Message{{Kind: webhook.RedriveMessage, ParkedID: id}}) {
		t.Fatalf("%+v", ms)
	}
	for _, path := range []string{"", "/redrive"} {
		method := map[string]string{"": "GET", "/redrive": "POST"}[path]
		w.doAdmin(method, "/admin/parked/"+webhook.ParkedID([]byte("x"), worldStart)+path, nil).problem(404)
		w.doAdmin(method, "/admin/parked/nothing"+path, nil).problem(404)
	}
	w.queue.Fail = func() error { return webhook.Errorf(webhook.Unavailable, "no queue") }
	w.doAdmin("POST", "/admin/parked/"+id+"/redrive", nil).problem(503)
}

// TestParkedDetails: each kind is shown with all that is known of it, and the record whole, whatever characters it has.
func TestParkedDetails(t *testing.T) {
	w := newWorld(t)
	image := func(verification string) string {
		return `{"eventName":"INSERT","dynamodb":{"Keys":{"verificationId":{"S":"` + verification + `"}},"NewImage":{"partnerId":{"S":"acme"},` +
			`"verificationId":{"S":"` + verification + `"},"proofData":{"S":"\u0000 \ud800 <é> ` + strings.Repeat("ÿ", 200_000) + `"}}}}`
	}
	ref, err := json.Marshal(webhook.Ref{PartnerID: "acme", WebhookID: "whk_1", DeliveryID: "dlv_1"})
	if err != nil {
		t.Fatal(err)
	}
	lost := `{"Records":[` + image("ver_1") + `,` + image("ver_2") + `,{"x":1}]}`
	for _, tt := range []struct {
		parked webhook.Parked
		want   map[string]any
	}{
		{webhook.Parked{Reason: "wrong_type", Detail: "d", Attribute: "proofData", Record: []byte(image("ver_1"))}, map[string]any{
			"kind": "record", "detail": "d", "attribute": "proofData", "partnerId": "acme", "verificationId": "ver_1",
		}},
		{webhook.Parked{Reason: webhook.ReasonInterrupted, VerificationID: "ver_1", Record: ref}, map[string]any{
			"kind": "delivery", "partnerId": "acme", "verificationId": "ver_1", "webhookId": "whk_1", "deliveryId": "dlv_1",
		}},
		{webhook.Parked{ID: "lost_x", Reason: webhook.ReasonLeftStream, Record: []byte(lost)}, map[string]any{
			"kind": "lost", "records": []any{
				map[string]any{"partnerId": "acme", "verificationId": "ver_1"},
				map[string]any{"partnerId": "acme", "verificationId": "ver_2"}, map[string]any{},
			},
		}},
		{webhook.Parked{ID: "lost_y", Reason: webhook.ReasonLeftStream, Record: []byte("x")}, map[string]any{"kind": "lost"}},
		{webhook.Parked{Reason: "malformed_record", Record: []byte("\xff")}, map[string]any{"kind": "record", "record": "\uFFFD"}},
		{webhook.Parked{Reason: "malformed_record", Record: []byte(strings.Repeat(`"`, maxShownRecord/4+1))}, map[string]any{
			"kind": "record", "record": nil,
		}},
		// Two images of 400 KB, the most that DynamoDB has, of characters of two bytes, each written as an escape.
		{webhook.Parked{Reason: "malformed_record", Record: []byte(strings.Repeat(`\u00ff`, 400_000))}, map[string]any{"kind": "record"}},
	} {
		id := w.park(t, tt.parked)
		got := w.doAdmin("GET", "/admin/parked/"+id, nil).want(200).json()
		if _, set := tt.want["record"]; !set {
			tt.want["record"] = string(tt.parked.Record)
		}
		tt.want["id"], tt.want["reason"], tt.want["size"] = id, tt.parked.Reason, float64(len(tt.parked.Record))
		tt.want["parkedAt"] = "2026-03-04T05:06:07Z"
		if tt.want["record"] == nil {
			delete(tt.want, "record")
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("got  %.600v\nwant %.600v", got, tt.want)
		}
	}
}
