package e2e

import (
	"encoding/json"
	"io"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

type parkedView struct {
	ID, Kind, Reason, Detail, Attribute string
	PartnerID, VerificationID, Record   string
	Records                             []struct{ PartnerID, VerificationID string }
}

// parkedAbout finds what is parked about a verification.
func parkedAbout(t *testing.T, w *world, verificationID string) (parkedView, bool) {
	t.Helper()
	for _, item := range listParked(t, w) {
		if item.VerificationID == verificationID {
			return item, true
		}
	}
	return parkedView{}, false
}

// parkedObject returns the record that is parked under an id, as it came from the stream.
func parkedObject(t *testing.T, w *world, id string) []byte {
	t.Helper()
	bucket, prefix := w.outputs["ParkedBucket"], "parked/"+id
	list, err := w.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
	must(t, err)
	var all []byte
	for _, o := range list.Contents {
		got, err := w.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: o.Key})
		must(t, err)
		var kept struct{ Record []byte }
		must(t, json.NewDecoder(got.Body).Decode(&kept))
		_ = got.Body.Close()
		all = append(all, kept.Record...)
	}
	return all
}

// keptRecord returns the record that is kept of a delivery without a body, empty if there is none.
func keptRecord(t *testing.T, w *world, partnerID, webhookID, deliveryID string) string {
	t.Helper()
	bucket, prefix := w.outputs["ParkedBucket"], "records/"+partnerID+"/"+webhookID+"/"+deliveryID
	list, err := w.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
	must(t, err)
	if len(list.Contents) == 0 {
		return ""
	}
	got, err := w.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: list.Contents[0].Key})
	must(t, err)
	text, err := io.ReadAll(got.Body)
	must(t, err)
	must(t, got.Body.Close())
	return string(text)
}

// Records that cannot become events are parked with their reasons; their neighbours in the same batch arrive.
func TestBadRecordsAreParkedAndNeighboursDelivered(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, e, h := hooked(t, w, always(200))
	bad := []struct {
		reason string
		change func(map[string]types.AttributeValue)
		id     string
	}{
		{"missing_partner", func(m map[string]types.AttributeValue) { delete(m, "partnerId") }, newID("nopartner")},
		{"wrong_type", func(m map[string]types.AttributeValue) { m["partnerId"] = num("7") }, newID("numpartner")},
		{"unknown_partner", func(m map[string]types.AttributeValue) { m["partnerId"] = str("nobody") }, newID("unknown")},
		{"unknown_status", func(m map[string]types.AttributeValue) { m["status"] = str("DONE") }, newID("done")},
		{"unknown_status", func(m map[string]types.AttributeValue) { delete(m, "status") }, newID("nostatus")},
		{"wrong_type", func(m map[string]types.AttributeValue) { m["status"] = num("1") }, newID("numstatus")},
		{"wrong_type", func(m map[string]types.AttributeValue) { m["sessionId"] = str("123") }, newID("strsession")},
		{"wrong_type", func(m map[string]types.AttributeValue) { m["proofData"] = str("{}") }, newID("strproof")},
	}
	var puts []types.WriteRequest
	var good []string
	for i := range bad {
		item := local.GuideRecord(bad[i].id, p.id, "VERIFIED")
		bad[i].change(item)
		good = append(good, newID("neighbour"))
		puts = append(puts, types.WriteRequest{PutRequest: &types.PutRequest{Item: item}},
			types.WriteRequest{PutRequest: &types.PutRequest{Item: local.GuideRecord(good[i], p.id, "VERIFIED")}})
	}
	_, err := w.db.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{
		RequestItems: map[string][]types.WriteRequest{w.run.VerificationsTable: puts},
	})
	must(t, err)

	for _, id := range good {
		p.awaitDelivery(h.ID, id, "delivered", 20*time.Second)
	}
	for _, b := range bad {
		var got parkedView
		await(t, b.id+" parked", 20*time.Second, func() (found bool) {
			got, found = parkedAbout(t, w, b.id)
			return found
		})
		if got.Reason != b.reason || got.VerificationID != b.id || got.Kind != "record" {
			t.Errorf("%s is parked as %+v, want the reason %s", b.id, got, b.reason)
		}
	}
	if e.count() != len(good) {
		t.Errorf("the endpoint saw %d requests, want %d", e.count(), len(good))
	}
}

// A record of a partner that nobody had entered yet is delivered once somebody has, and it is redriven.
func TestParkedRecordIsRedriven(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	partnerID, id := "late-"+newID("partner"), newID("redriven")
	late := &partner{t: t, w: w, id: partnerID}
	late.write(id, "VERIFIED")
	var parked parkedView
	await(t, "the record is parked", 20*time.Second, func() (found bool) {
		parked, found = parkedAbout(t, w, id)
		return found
	})
	e := enter(t, late)
	h := late.webhook(e.url, nil)
	e.expect(h.Secret)

	must(t, w.admin.Call(t.Context(), "POST", "/admin/parked/"+parked.ID+"/redrive", nil, nil))
	late.awaitDelivery(h.ID, id, "delivered", 20*time.Second)
	await(t, "nothing is parked about it any more", 10*time.Second, func() bool {
		_, found := parkedAbout(t, w, id)
		return !found
	})
	if e.about(id) != 1 {
		t.Errorf("the endpoint saw it %d times, want once", e.about(id))
	}
}
