package dynamo_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/cr3dentials/verification-webhooks/shared/env"
	"github.com/cr3dentials/verification-webhooks/shared/storetest"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestScanVerifications reads more than one page and stops when it is told to.
func TestScanVerifications(t *testing.T) {
	x := newTables(t)
	const records = 12
	for i := range records {
		_, err := x.PutItem(t.Context(), &dynamodb.PutItemInput{
			TableName: aws.String(x.options.VerificationsTable),
			Item: map[string]types.AttributeValue{
				"verificationId": &types.AttributeValueMemberS{Value: fmt.Sprint("ver_", i)},
				"large":          &types.AttributeValueMemberS{Value: strings.Repeat("x", 200_000)},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	x.wire.reset()
	seen := map[string]bool{}
	err := x.store().ScanVerifications(t.Context(), func(image []byte) error {
		m, _ := parsed(t, image).(map[string]any)
		id, _ := m["verificationId"].(map[string]any)
		seen[fmt.Sprint(id["S"])] = true
		return nil
	})
	if err != nil || len(seen) != records || !seen["ver_0"] {
		t.Errorf("%v, saw %d records", err, len(seen))
	}
	if calls := x.wire.count(); calls["Scan"] < 2 || len(calls) != 1 {
		t.Errorf("calls %v, want more than one page", calls)
	}
	stop, n := errors.New("stop"), 0
	err = x.store().ScanVerifications(t.Context(), func([]byte) error { n++; return stop })
	if !errors.Is(err, stop) || n != 1 {
		t.Errorf("%v after %d records", err, n)
	}
}

// TestScanDeliveries finds a verification's deliveries of any webhook, and names the partner's others.
func TestScanDeliveries(t *testing.T) {
	x := newTables(t)
	s := x.store()
	long := strings.Repeat("v", 600)
	want := map[string]map[webhook.Ref]bool{"ver_1": {}, long: {}}
	for i, d := range []*webhook.Delivery{
		storetest.Delivery("p", "w1", "ver_1", at), storetest.Delivery("p", "w2", "ver_1", at), storetest.Delivery("p", "w2", "xver_1", at),
		storetest.Delivery("p", "w2", "a#ver_1", at), storetest.Delivery("p", "w3", long, at), storetest.Delivery("p", "w4", "ver_12", at),
		storetest.Delivery("p2", "w1", "ver_1", at), storetest.Delivery("p2", "w1", "a#ver_1", at), storetest.Delivery("p2", "w1", "ver_12", at),
		storetest.Delivery("p2", "w1", long, at),
	} {
		d.ID = fmt.Sprint(d.ID, i)
		commit(t, s, deliveries(d))
		for id, refs := range want {
			if d.PartnerID == "p" || d.Event.VerificationID == id {
				refs[d.Ref()] = d.Event.VerificationID == id
			}
		}
	}
	x.wire.reset()
	for id := range want {
		got := map[webhook.Ref]bool{}
		err := s.ScanDeliveries(t.Context(), "p", id, func(r webhook.Ref, ofVerification bool) error {
			got[r] = ofVerification
			return nil
		})
		if err != nil || !reflect.DeepEqual(got, want[id]) {
			t.Errorf("%.10s: %v\ngot  %v\nwant %v", id, err, got, want[id])
		}
	}
	if calls := x.wire.count(); !reflect.DeepEqual(calls, map[string]int{"Scan": 2}) {
		t.Errorf("calls %v", calls)
	}
	stop := errors.New("stop")
	if err := s.ScanDeliveries(t.Context(), "p", "", func(webhook.Ref, bool) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("stopped with %v", err)
	}
}

// TestScanBodies finds a large body whose delivery's time has ended, and removes that and no other.
func TestScanBodies(t *testing.T) {
	x := newTables(t)
	s := x.store()
	left, stays, small, other := largeDelivery(), largeDelivery(), storetest.Delivery("p", "w", "v", at), largeDelivery()
	stays.ID, small.ID, other.WebhookID = "dlv_stays", "dlv_small", "w2"
	for _, d := range []*webhook.Delivery{left, stays, small, other} {
		commit(t, s, deliveries(d))
	}
	_, err := x.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
		TableName: aws.String(x.options.DeliveriesTable), Key: map[string]types.AttributeValue{
			env.PartitionKey: &types.AttributeValueMemberS{Value: "p#w"}, env.SortKey: &types.AttributeValueMemberS{Value: "D#" + left.ID},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	scan := func() (found []string) {
		err := s.ScanBodies(t.Context(), "p", "w", func(r webhook.Ref, body []byte, err error) error {
			whole := string(body) == string(left.Body) || string(body) == string(stays.Body)
			if err != nil || r.PartnerID != "p" || r.WebhookID != "w" || !whole {
				t.Errorf("%v with %d bytes: %v", r, len(body), err)
			}
			found = append(found, r.DeliveryID)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		slices.Sort(found)
		return found
	}
	want := []string{left.ID, stays.ID}
	slices.Sort(want)
	if found := scan(); !slices.Equal(found, want) {
		t.Errorf("found %v, want %v", found, want)
	}
	for _, d := range []*webhook.Delivery{left, stays} {
		gone := webhook.Delivery{PartnerID: d.PartnerID, WebhookID: d.WebhookID, ID: d.ID}
		if err := s.Commit(t.Context(), webhook.Change{RemoveDelivery: &gone}); (err == nil) != (d == left) {
			t.Errorf("removing what %s left behind: %v", d.ID, err)
		}
	}
	if found := scan(); !slices.Equal(found, []string{stays.ID}) {
		t.Errorf("found %v, want what stays", found)
	}
}
