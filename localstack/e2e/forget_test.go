package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

// What there is of one verification goes by `make forget`, and nothing else does: not what is still on its way, not a
// neighbour, not the record, which must be gone before.
func TestForget(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, e, hook := hooked(t, w, always(200))
	broken := p.webhook(e.url, map[string]any{"payloadTemplate": map[string]any{"v": "{{ length(data.sessionId) }}"}})
	gone := newEndpoint(t, w, always(200))
	off, deleted := p.webhook(e.url, nil), p.webhook(gone.url, nil)
	gone.expect(deleted.Secret)
	p.call("POST", "/v1/webhooks/"+off.ID+"/deactivate", nil, nil)
	id, neighbour, marker := newID("forget"), newID("neighbour"), "marker-"+rand.Text()
	record := func(id, status string) map[string]types.AttributeValue {
		noise := make([]byte, 6000) // so that its body stands in an item of its own
		_, _ = rand.Read(noise)
		item := local.GuideRecord(id, p.id, status)
		item["metadata"] = &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{"text": str(marker + hex.EncodeToString(noise))}}
		return item
	}
	p.put(record(id, "UNHEARD_OF"))
	await(t, "it is parked", 20*time.Second, func() bool { _, found := parkedAbout(t, w, id); return found })
	p.put(record(id, "VERIFIED"))
	p.write(neighbour, "VERIFIED")
	states := map[string]string{hook.ID: "delivered", deleted.ID: "delivered", broken.ID: "undeliverable", off.ID: "held"}
	deliveries := map[string]string{}
	for _, h := range []string{hook.ID, deleted.ID, broken.ID, off.ID} {
		d := p.awaitDelivery(h, id, states[h], 20*time.Second)
		if h != broken.ID && (d.Body == nil || !strings.Contains(*d.Body, marker)) {
			t.Fatalf("the delivery has not the record's body: %+v", d)
		}
		deliveries[h] = d.ID
	}
	stays := p.awaitDelivery(hook.ID, neighbour, "delivered", 20*time.Second)
	p.call("DELETE", "/v1/webhooks/"+deleted.ID, nil, nil)
	needles := []string{marker, id}
	for _, d := range deliveries {
		needles = append(needles, "D#"+d, "B#"+d)
	}
	for place, n := range mentions(t, w, needles) {
		if n == 0 {
			t.Errorf("nothing is in the %s before", place)
		}
	}

	args := []string{"forget", "PARTNER=" + p.id, "VERIFICATION=" + id}
	apply := append(slices.Clone(args), "APPLY=1")
	want := []string{
		"delivery\t" + hook.ID + "\t" + deliveries[hook.ID] + "\tdelivered", "delivery\t" + deleted.ID + "\t" + deliveries[deleted.ID] + "\tdelivered",
		"delivery\t" + broken.ID + "\t" + deliveries[broken.ID] + "\tundeliverable", "kept\t" + broken.ID + "\t" + deliveries[broken.ID],
		"parked\tprk_",
	}
	refused := "\trefused\tdelivery\t" + off.ID + "\t" + deliveries[off.ID] + "\theld"
	dry := runMake(t, args...)
	for _, line := range append(want, "\tstays\trecord\t"+id, "\tend\tfound\t5\tremoved\t0\trefused\t1\t") {
		if !strings.Contains(dry, line) {
			t.Errorf("the dry run lacks %q:\n%s", line, dry)
		}
	}
	if out, err := tryMake(t, apply...); err == nil || strings.Contains(out, "\tremoved\t") {
		t.Errorf("it removed though the record is there: %v\n%s", err, out)
	}
	_, err := w.db.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &w.run.VerificationsTable,
		Key: map[string]types.AttributeValue{"verificationId": str(id)}})
	must(t, err)
	out, err := tryMake(t, apply...)
	if err == nil || !strings.Contains(out, refused) {
		t.Errorf("what is held was not refused: %v\n%s", err, out)
	}
	for _, line := range want {
		if !strings.Contains(out, w.outputs["DeliveriesTable"]+"\tremoved\t"+line) {
			t.Errorf("%q was not removed:\n%s", line, out)
		}
	}
	p.call("GET", "/v1/webhooks/"+off.ID+"/deliveries/"+deliveries[off.ID], nil, nil)
	p.call("POST", "/v1/webhooks/"+off.ID+"/activate", map[string]any{"held": "discard"}, nil)
	p.awaitDelivery(off.ID, id, "cancelled", 15*time.Second)
	if out := runMake(t, apply...); !strings.Contains(out, "\tend\tfound\t1\tremoved\t1\trefused\t0\t") || strings.Contains(out, marker) {
		t.Errorf("the second time:\n%s", out)
	}
	if out := runMake(t, apply...); !strings.Contains(out, "\tend\tfound\t0\tremoved\t0\trefused\t0\tchanged\t0\tfailed\t0\t") {
		t.Errorf("the third time:\n%s", out)
	}

	for place, n := range mentions(t, w, needles) {
		if n != 0 {
			t.Errorf("%d of %q are left in the %s", n, needles, place)
		}
	}
	for h, d := range deliveries {
		path := "/v1/webhooks/" + h + "/deliveries/"
		forgotten, err := p.api.Do(t.Context(), "GET", path+d, nil)
		must(t, err)
		unknown, err := p.api.Do(t.Context(), "GET", path+"dlv_"+strings.Repeat("0", 26), nil)
		must(t, err)
		if forgotten.Status != 404 || unknown.Status != 404 || len(forgotten.Body) != len(unknown.Body) {
			t.Errorf("forgotten: %d %s\nunknown: %d %s", forgotten.Status, forgotten.Body, unknown.Status, unknown.Body)
		}
	}
	var list struct{ Items []deliveryView }
	p.call("GET", "/v1/webhooks/"+hook.ID+"/deliveries", nil, &list)
	if len(list.Items) != 1 || list.Items[0].ID != stays.ID {
		t.Errorf("the list is %+v, want the neighbour", list.Items)
	}
	await(t, "statistics count what was forgotten", 10*time.Second, func() bool { // an invocation stores them when it ends
		var stats struct{ Total struct{ Delivered int } }
		p.call("GET", "/v1/webhooks/"+hook.ID+"/stats?hours=2", nil, &stats)
		return stats.Total.Delivered == 2
	})
}

// mentions counts by place the items and objects that hold one of the needles.
func mentions(t *testing.T, w *world, needles []string) map[string]int {
	t.Helper()
	has := func(texts ...[]byte) bool {
		return slices.ContainsFunc(texts, func(text []byte) bool {
			return slices.ContainsFunc(needles, func(n string) bool { return bytes.Contains(text, []byte(n)) })
		})
	}
	n := map[string]int{"tables": 0, "large bodies": 0, "kept records": 0, "parked records": 0}
	for _, table := range []string{w.outputs["ServiceTable"], w.outputs["DeliveriesTable"], w.run.VerificationsTable} {
		pages := dynamodb.NewScanPaginator(w.db, &dynamodb.ScanInput{TableName: &table})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			must(t, err)
			for _, item := range page.Items {
				if !has(texts(&types.AttributeValueMemberM{Value: item})...) {
					continue
				}
				if sk, ok := item["sk"].(*types.AttributeValueMemberS); ok && strings.HasPrefix(sk.Value, "B#") {
					n["large bodies"]++
				} else {
					n["tables"]++
				}
			}
		}
	}
	bucket := w.outputs["ParkedBucket"]
	pages := s3.NewListObjectVersionsPaginator(w.s3, &s3.ListObjectVersionsInput{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		must(t, err)
		for _, o := range page.Versions {
			got, err := w.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: o.Key, VersionId: o.VersionId})
			var gone smithy.APIError
			if errors.As(err, &gone) && strings.HasPrefix(gone.ErrorCode(), "NoSuch") {
				continue // another test's was redriven
			}
			must(t, err)
			text, err := io.ReadAll(got.Body)
			must(t, err)
			must(t, got.Body.Close())
			var parked struct{ Record []byte }
			_ = json.Unmarshal(text, &parked) // what is none has no record
			switch {
			case !has(text, parked.Record, []byte(*o.Key)):
			case strings.HasPrefix(*o.Key, "records/"):
				n["kept records"]++
			default:
				n["parked records"]++
			}
		}
	}
	return n
}

// texts are all texts and bytes within a value.
func texts(v types.AttributeValue) (all [][]byte) {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return [][]byte{[]byte(v.Value)}
	case *types.AttributeValueMemberB:
		return [][]byte{v.Value}
	case *types.AttributeValueMemberL:
		for _, x := range v.Value {
			all = append(all, texts(x)...)
		}
	case *types.AttributeValueMemberM:
		for _, x := range v.Value {
			all = append(all, texts(x)...)
		}
	case *types.AttributeValueMemberSS:
		all = append(all, []byte(fmt.Sprint(v.Value)))
	}
	return all
}
