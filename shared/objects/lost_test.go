package objects_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/cr3dentials/verification-webhooks/shared/objects"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func putObject(t *testing.T, client *s3.Client, bucket, key, content string) {
	t.Helper()
	_, err := client.PutObject(context.Background(), &s3.PutObjectInput{
		Bucket: aws.String(bucket), Key: aws.String(key), Body: strings.NewReader(content),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// invocation is what Lambda writes, with payload as it stands there.
func invocation(payload string) string {
	return `{"requestContext":{"requestId":"316aa6d0-8154-4b6d-9af7-85d5f4a6bc81","functionArn":"arn:aws:lambda:us-east-2:123456789012:function:f",` +
		`"condition":"MaximumRecordAgeExceeded","approximateInvokeCount":1},` +
		`"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},` +
		`"version":"1.0","timestamp":"2026-11-14T00:13:49.717Z","DDBStreamBatchInfo":{"shardId":"shardId-00000001573689847184-864758bb",` +
		`"startSequenceNumber":"800000000003126276362","endSequenceNumber":"800000000003126276363",` +
		`"approximateArrivalOfFirstRecord":"2026-11-13T00:13:19Z","approximateArrivalOfLastRecord":"2026-11-13T00:13:19Z",` +
		`"batchSize":2,"streamArn":"arn:aws:dynamodb:us-east-2:123456789012:table/t/stream/2026-11-14T00:04:06.388"}` + payload + `}`
}

const lostObject = "aws/lambda/4b6d1f0c-0000-4000-8000-1c2d3e4f5a6b/shardId-00000001573689847184-864758bb/2026/11/14/" +
	"2026-11-14T00.13.49-316aa6d0-8154-4b6d-9af7-85d5f4a6bc8"

// event is a stream event with what must survive every step: escapes of U+0000 and of lone surrogates, and 400 KB.
func event() string {
	return `{"Records":[{"eventID":"1","x":"\u0000 \ud800 \udfff <é> \/ 1e2 ` + strings.Repeat("ÿ", 200_000) + `"},{"eventID":"2"}]}`
}

// TestLost lists and reads what Lambda wrote, after what was parked, and removes it.
func TestLost(t *testing.T) {
	client, bucket := newBucket(t)
	o := objects.New(client, bucket)
	ctx := context.Background()
	text, err := json.Marshal(event())
	if err != nil {
		t.Fatal(err)
	}
	contents := []struct{ content, record, detail string }{
		{invocation(`,"payload":` + string(text)), event(), "MaximumRecordAgeExceeded: 2 records of shardId-00000001573689847184-864758bb"},
		{invocation(`,"payload":{"Records":[ {"eventID":"\ud800"} ]}`), `{"Records":[ {"eventID":"\ud800"} ]}`, "MaximumRecordAgeExceeded: 2 records"},
		{invocation(""), invocation(""), "the records themselves are not in it"},
		{"not JSON", "not JSON", "the records themselves are not in it"},
		{"", "", "the records themselves are not in it"},
	}
	for i, c := range contents {
		putObject(t, client, bucket, fmt.Sprintf("%s%d", lostObject, i), c.content)
	}
	putObject(t, client, bucket, "aws/lambda/", "")
	putObject(t, client, bucket, "aws/lambda/folder/", "")
	parked := webhook.Parked{ID: webhook.ParkedID(nil, time.Unix(1_800_000_000, 0)), Reason: "r", ParkedAt: time.Unix(1_800_000_000, 0)}
	if err := o.Park(ctx, parked); err != nil {
		t.Fatal(err)
	}
	var all []string
	for limit := 1; limit <= 7; limit++ {
		items := listAll(t, o, limit)
		var ids []string
		for i, s := range items {
			ids = append(ids, s.ID)
			if i > 0 && (s.Reason != webhook.ReasonLeftStream || s.Size != int64(len(contents[i-1].content)) || time.Since(s.ParkedAt) > time.Hour) {
				t.Errorf("item %d is %+v", i, s)
			}
		}
		if all == nil {
			all = ids
		}
		if len(ids) != 6 || ids[0] != parked.ID || !slices.Equal(ids, all) {
			t.Fatalf("limit %d: listed %v", limit, ids)
		}
	}
	for i, c := range contents {
		p, err := o.Parked(ctx, all[i+1])
		if err != nil || p.ID != all[i+1] || string(p.Record) != c.record || !strings.HasPrefix(p.Detail, c.detail) || p.Reason != webhook.ReasonLeftStream {
			t.Errorf("%d: %v, %.80q, %s, %d bytes", i, err, p.Detail, p.Reason, len(p.Record))
		}
		for range 2 {
			if err := o.Unpark(ctx, all[i+1]); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := o.Parked(ctx, all[i+1]); webhook.CodeOf(err) != webhook.NotFound {
			t.Errorf("%d: still there: %v", i, err)
		}
	}
	if left := listAll(t, o, 10); len(left) != 1 {
		t.Errorf("left: %+v", left)
	}
}

func listAll(t *testing.T, o *objects.Objects, limit int) (all []webhook.ParkedSummary) {
	t.Helper()
	var after []byte
	for range 100 {
		items, next, err := o.List(context.Background(), webhook.Page{Limit: limit, After: after})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, items...)
		if next == nil {
			return all
		}
		after = next
	}
	t.Fatal("the list does not end")
	return nil
}

// TestLostIDs: no id leads to another object than one of Lambda's.
func TestLostIDs(t *testing.T) {
	o := objects.New(newClient("http://objects.invalid", refusing(500)), "b")
	for _, rest := range []string{"", "..", "../parked/x", "a/../../x", "a//b", "/a", "a/", "./a", "\xff"} {
		id := "lost_" + base64.RawURLEncoding.EncodeToString([]byte(rest))
		if _, err := o.Parked(context.Background(), id); webhook.CodeOf(err) != webhook.NotFound {
			t.Errorf("%q: %v, want not found", rest, err)
		}
		if err := o.Unpark(context.Background(), id); err != nil {
			t.Errorf("%q: %v", rest, err)
		}
	}
	for _, id := range []string{"lost_", "lost_Y", "lost_Yh", "lost_YQ==", "lost_*", "prk_", "prk_1/", "", "parked"} {
		if _, err := o.Parked(context.Background(), id); webhook.CodeOf(err) != webhook.NotFound {
			t.Errorf("%q: %v, want not found", id, err)
		}
		if _, _, err := o.List(context.Background(), webhook.Page{Limit: 1, After: []byte(id)}); id != "" && webhook.CodeOf(err) != webhook.Invalid {
			t.Errorf("after %q: %v, want invalid", id, err)
		}
	}
}

// TestFactsInKeys: a list tells what an operator decides by, also of objects that an earlier version stored; what has no
// room in a key is left out of the list and kept in the object.
func TestFactsInKeys(t *testing.T) {
	client, bucket := newBucket(t)
	o := objects.New(client, bucket)
	ctx := context.Background()
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	long := strings.Repeat("é/", 400)
	for i, p := range []webhook.Parked{
		{Reason: "wrong_type", Detail: "sessionId is not of type N", Attribute: "sessionId", PartnerID: "acme", VerificationID: "ver/1 #~é%.json"},
		{Reason: "a/b-c", Detail: long, Attribute: long, PartnerID: long, VerificationID: long},
		{Reason: "r", PartnerID: "\xff", VerificationID: "a\x00b\n"},
	} {
		p.ID, p.ParkedAt, p.Record = webhook.ParkedID(nil, at.Add(time.Duration(i)*time.Second)), at, []byte("12345")
		if err := o.Park(ctx, p); err != nil {
			t.Fatal(err)
		}
		want := webhook.ParkedSummary{
			ID: p.ID, Reason: p.Reason, Detail: p.Detail, Attribute: p.Attribute, PartnerID: p.PartnerID,
			VerificationID: p.VerificationID, ParkedAt: at, Size: 5,
		}
		switch i {
		case 1:
			want.Detail, want.Attribute, want.PartnerID, want.VerificationID = "", "", "", ""
		case 2:
			want.PartnerID = ""
		}
		if got := listAll(t, o, 10); got[i] != want {
			t.Errorf("got  %+v\nwant %+v", got[i], want)
		}
		if got, err := o.Parked(ctx, p.ID); err != nil || got.VerificationID != p.VerificationID || got.Detail != p.Detail {
			t.Errorf("%v, %+v", err, got)
		}
	}
	old := webhook.ParkedID(nil, at.Add(time.Minute))
	putObject(t, client, bucket, "parked/"+old+"/1772600767000-7-not-a-map.json", "")
	want := webhook.ParkedSummary{ID: old, Reason: "not-a-map", ParkedAt: time.UnixMilli(1772600767000).UTC(), Size: 7}
	if got := listAll(t, o, 10); len(got) != 4 || got[3] != want {
		t.Errorf("got %+v", got)
	}
}
