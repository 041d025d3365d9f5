package objects_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/cr3dentials/verification-webhooks/shared/objects"
	"github.com/cr3dentials/verification-webhooks/shared/storetest"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// TestVersions lists what is there and what was, reads the latest content, and leaves nothing of what it removes.
func TestVersions(t *testing.T) {
	for _, versioned := range []bool{false, true} {
		t.Run(fmt.Sprint("versioned ", versioned), func(t *testing.T) {
			client, bucket := newBucket(t)
			if versioned {
				_, err := client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
					Bucket: aws.String(bucket), VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			testVersions(t, client, bucket, versioned)
		})
	}
}

func testVersions(t *testing.T, client *s3.Client, bucket string, versioned bool) {
	o, ctx := objects.New(client, bucket), t.Context()
	ref := webhook.Ref{PartnerID: "p", WebhookID: "w", DeliveryID: "dlv_1"}
	times := 2
	if versioned {
		times = 201 // more than one page lists
	}
	for i := range times {
		must(t, o.KeepRecord(ctx, ref, fmt.Appendf(nil, "record %d", i+1)))
	}
	must(t, o.KeepRecord(ctx, webhook.Ref{PartnerID: "p2", WebhookID: "w", DeliveryID: "dlv_2"}, []byte("another partner's")))
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	gone := webhook.Parked{ID: webhook.ParkedID([]byte("x"), at), Reason: "r", ParkedAt: at, VerificationID: "ver_1", Record: []byte("gone")}
	must(t, o.Park(ctx, gone))
	must(t, o.Unpark(ctx, gone.ID))
	stays := gone
	stays.ID, stays.Record = webhook.ParkedID([]byte("y"), at.Add(time.Second)), []byte("stays")
	must(t, o.Park(ctx, stays))
	putObject(t, client, bucket, lostObject, invocation(`,"payload":"{\"Records\":[]}"`))

	kept := map[webhook.Ref]objects.Versions{}
	must(t, o.KeptVersions(ctx, "p", func(r webhook.Ref, v objects.Versions) error { kept[r] = v; return nil }))
	if len(kept) != 1 || kept[ref].Len() != map[bool]int{false: 1, true: times}[versioned] {
		t.Fatalf("kept %+v", kept)
	}
	latest := map[string]string{}
	var all []objects.Versions
	must(t, o.ParkedVersions(ctx, func(s webhook.ParkedSummary, v objects.Versions) error {
		p, err := o.Latest(ctx, v)
		must(t, err)
		if p.ID != s.ID || p.Reason != s.Reason || p.VerificationID != s.VerificationID {
			t.Errorf("%+v is listed as %+v", p, s)
		}
		latest[p.ID] = string(p.Record)
		all = append(all, v)
		return nil
	}))
	want := map[string]string{stays.ID: "stays", "lost_" + base64.RawURLEncoding.EncodeToString([]byte(strings.TrimPrefix(lostObject, "aws/lambda/"))): `{"Records":[]}`}
	if versioned {
		want[gone.ID] = "gone"
	}
	if !reflect.DeepEqual(latest, want) {
		t.Errorf("parked %v, want %v", latest, want)
	}
	if p, err := o.Latest(ctx, kept[ref]); err != nil || string(p.Record) != fmt.Sprint("record ", times) {
		t.Errorf("kept %q, %v", p.Record, err)
	}
	for range 2 { // repeating it is safe
		for _, v := range append(all, kept[ref]) {
			must(t, o.RemoveVersions(ctx, v))
		}
	}
	if _, err := o.Latest(ctx, kept[ref]); webhook.CodeOf(err) != webhook.NotFound {
		t.Errorf("what was removed: %v, want not found", err)
	}
	left, err := client.ListObjectVersions(context.Background(), &s3.ListObjectVersionsInput{Bucket: aws.String(bucket)})
	must(t, err)
	if len(left.Versions) != 1 || len(left.DeleteMarkers) != 0 {
		t.Errorf("left %d versions and %d marks; want the other partner's", len(left.Versions), len(left.DeleteMarkers))
	}
	for _, v := range left.Versions { // so that the bucket can go
		_, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: v.Key, VersionId: v.VersionId})
		must(t, err)
	}
	stop := errors.New("stop")
	must(t, o.KeepRecord(ctx, ref, nil))
	if err := o.KeptVersions(ctx, "p", func(webhook.Ref, objects.Versions) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("stopped with %v", err)
	}
	must(t, o.KeptVersions(ctx, "p", func(_ webhook.Ref, v objects.Versions) error { return o.RemoveVersions(ctx, v) }))
}

// TestRemovalCutShort ends the removal after each of its requests, for objects with every kind of past: what is not current
// does not become so, what is left goes the next time, and the latest content is there as long as any is.
func TestRemovalCutShort(t *testing.T) {
	const key = "parked/prk_1/0001772600767000-1-r/p/v//.json"
	for _, past := range []string{"c", "cm", "ccm", "cmcm", "cmc", "ccmm"} { // content and marks, the latest last
		for after := range len(past) + 1 {
			f, l, o := newLyingBucket(t)
			f.past = map[string][]string{}
			for i, kind := range past {
				id := fmt.Sprintf("%c%d", kind, i)
				f.past[key] = append(f.past[key], id)
			}
			all := func() (all []objects.Versions) {
				must(t, o.ParkedVersions(t.Context(), func(_ webhook.ParkedSummary, v objects.Versions) error {
					all = append(all, v)
					return nil
				}))
				return all
			}
			was, latest := f.current(key), ""
			v := all()[0]
			latest = v.IDs[0]
			l.Tell(append(make([]storetest.Lie, after), storetest.Times(9, storetest.Refuse(503, ""))...)...)
			err := o.RemoveVersions(t.Context(), v)
			if after < len(past) != (err != nil) {
				t.Errorf("%s, %d requests: %v", past, after, err)
			}
			left := f.past[key]
			if len(left) != len(past)-after {
				t.Errorf("%s, %d requests: %v are left", past, after, left)
			}
			if now := f.current(key); now != "" && now != was {
				t.Errorf("%s, %d requests: %s is current, before it was %q", past, after, now, was)
			}
			if text := strings.Join(left, " "); strings.Contains(text, "c") && !strings.Contains(text, latest) {
				t.Errorf("%s, %d requests: the latest content is gone, %v are left", past, after, left)
			}
			l.Tell()
			for _, v := range all() {
				must(t, o.RemoveVersions(t.Context(), v))
			}
			if len(f.past[key]) != 0 {
				t.Errorf("%s, %d requests: %v are left in the end", past, after, f.past[key])
			}
		}
	}
}

// TestForeignKeys: what this release cannot name is handed on without a name; the marks of folders are nothing.
func TestForeignKeys(t *testing.T) {
	f, _, o := newLyingBucket(t)
	foreign := []string{"aws/lambda//x", "parked/prk_1/other", "parked/x.json", "records/p/w/d", "records/p/w/d/e.json", "records/p/x.json"}
	f.past = map[string][]string{"parked/": {"c0"}, "records/p/folder/": {"c0"}, "aws/lambda/": {"c0"}, "aws/lambda/folder/": {"c0"}, "records/q/x": {"c0"}}
	for _, key := range foreign {
		f.past[key] = []string{"c0"}
	}
	var got []string
	must(t, o.ParkedVersions(t.Context(), func(s webhook.ParkedSummary, v objects.Versions) error {
		got = append(got, s.ID+v.Key)
		return nil
	}))
	must(t, o.KeptVersions(t.Context(), "p", func(r webhook.Ref, v objects.Versions) error {
		got = append(got, r.PartnerID+v.Key)
		return nil
	}))
	slices.Sort(got)
	if !slices.Equal(got, foreign) {
		t.Errorf("handed on %q, want %q", got, foreign)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
