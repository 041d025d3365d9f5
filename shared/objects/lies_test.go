package objects_test

import (
	"bytes"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/cr3dentials/verification-webhooks/shared/awscfg"
	"github.com/cr3dentials/verification-webhooks/shared/objects"
	"github.com/cr3dentials/verification-webhooks/shared/storetest"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// fakeBucket is a bucket named b: its objects by key, and how often one was written or removed.
type fakeBucket struct {
	t       *testing.T
	objects map[string]string
	changes int
	// past holds the versions of objects by key, the latest last: c and more is one with content, m and more a mark.
	past map[string][]string
}

// current is the version that readers get: "" if there is none, or a mark.
func (f *fakeBucket) current(key string) string {
	if all := f.past[key]; len(all) > 0 && all[len(all)-1][0] == 'c' {
		return all[len(all)-1]
	}
	return ""
}

// versions is ListObjectVersions: the latest first.
func (f *fakeBucket) versions(prefix string) string {
	var list strings.Builder
	for _, k := range slices.Sorted(maps.Keys(f.past)) {
		for _, id := range slices.Backward(f.past[k]) {
			if name := map[byte]string{'c': "Version", 'm': "DeleteMarker"}[id[0]]; strings.HasPrefix(k, prefix) {
				list.WriteString("<" + name + "><Key>" + k + "</Key><VersionId>" + id + "</VersionId></" + name + ">")
			}
		}
	}
	return "<ListVersionsResult><IsTruncated>false</IsTruncated>" + list.String() + "</ListVersionsResult>"
}

func (f *fakeBucket) act(action string, body []byte) storetest.Answer {
	method, uri, _ := strings.Cut(action, " ")
	at, err := url.Parse(uri)
	if err != nil {
		f.t.Errorf("%s: %v", action, err)
		return storetest.Answer{Status: 400}
	}
	key := strings.TrimPrefix(strings.TrimPrefix(at.Path, "/b"), "/")
	switch {
	case method == "GET" && at.Query().Has("versions"):
		return storetest.Answer{Status: 200, Body: f.versions(at.Query().Get("prefix"))}
	case method == "DELETE" && at.Query().Has("versionId"):
		f.past[key] = slices.DeleteFunc(f.past[key], func(id string) bool { return id == at.Query().Get("versionId") })
		return storetest.Answer{Status: 204}
	case method == "GET" && key == "":
		var list strings.Builder
		list.WriteString("<ListBucketResult><IsTruncated>false</IsTruncated>")
		for _, k := range slices.Sorted(maps.Keys(f.objects)) {
			if strings.HasPrefix(k, at.Query().Get("prefix")) {
				list.WriteString("<Contents><Key>" + k + "</Key></Contents>")
			}
		}
		return storetest.Answer{Status: 200, Body: list.String() + "</ListBucketResult>"}
	case method == "GET" && f.objects[key] == "":
		return storetest.Answer{Status: 404, Body: "<Error><Code>NoSuchKey</Code></Error>"}
	case method == "GET":
		return storetest.Answer{Status: 200, Body: f.objects[key]}
	case method == "PUT":
		f.changes++
		f.objects[key] = string(body)
		return storetest.Answer{Status: 200}
	case method == "DELETE":
		f.changes++
		delete(f.objects, key)
		return storetest.Answer{Status: 204}
	}
	f.t.Errorf("unknown action %s", action)
	return storetest.Answer{Status: 400}
}

// quick decides as the functions' retryer does, and pauses for a thousandth of the time.
type quick struct{ aws.RetryerV2 }

func (q quick) RetryDelay(attempt int, err error) (time.Duration, error) {
	d, err := q.RetryerV2.RetryDelay(attempt, err)
	return d / 1000, err
}

// newLyingBucket returns a bucket behind a Liar, reached as the functions do.
func newLyingBucket(t *testing.T) (*fakeBucket, *storetest.Liar, *objects.Objects) {
	t.Helper()
	f := &fakeBucket{t: t, objects: map[string]string{}}
	l := storetest.NewLiar(t, f.act)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": l.URL, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		"AWS_SESSION_TOKEN": "", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
	} {
		t.Setenv(name, value)
	}
	cfg, err := awscfg.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client := awscfg.S3(cfg)
	return f, l, objects.New(s3.New(client.Options(), func(o *s3.Options) {
		next, ok := o.HTTPClient.(*awshttp.BuildableClient)
		if !ok {
			t.Fatalf("the HTTP client is a %T", o.HTTPClient)
		}
		retryer, ok := o.Retryer.(aws.RetryerV2)
		if !ok {
			t.Fatalf("the retryer is a %T", o.Retryer)
		}
		o.HTTPClient, o.Retryer = storetest.OwnBody{Next: next}, quick{retryer}
	}), "b")
}

// TestLies: an object is there whole or the call fails; a call that is repeated ends as if it was made once.
func TestLies(t *testing.T) {
	f, l, o := newLyingBucket(t)
	ctx, at := t.Context(), time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	p := webhook.Parked{ID: webhook.ParkedID([]byte("x"), at), Reason: "r", ParkedAt: at, Record: bytes.Repeat([]byte("record"), 1000)}
	read := func() error {
		got, err := o.Parked(ctx, p.ID)
		if err == nil && !bytes.Equal(got.Record, p.Record) {
			t.Errorf("a wrong record of %d bytes was taken", len(got.Record))
		}
		return err
	}
	lost, unheard, cut := storetest.LoseAnswer(), storetest.LoseRequest(), storetest.Lie{Arrives: storetest.Half}
	fault, honest := storetest.Fault(503), storetest.Lie{}
	again := func(first, then storetest.Lie) []storetest.Lie {
		return append([]storetest.Lie{first}, storetest.Times(9, then)...)
	}
	for _, step := range []struct {
		name   string
		do     func() error
		script []storetest.Lie
		want   webhook.Code
		// asked is the number of requests, changes how many of them changed the bucket, left the objects in the end.
		asked, changes, left int
	}{
		{"park, no request arrives", func() error { return o.Park(ctx, p) }, again(unheard, unheard), webhook.Unavailable, 4, 0, 0},
		{"park, no answer arrives", func() error { return o.Park(ctx, p) }, again(lost, lost), webhook.Unavailable, 4, 4, 1},
		{"park, an answer is lost", func() error { return o.Park(ctx, p) }, []storetest.Lie{lost}, "", 2, 2, 1},
		{"park, a fault after it", func() error { return o.Park(ctx, p) }, []storetest.Lie{fault}, "", 2, 2, 1},
		{"read", read, nil, "", 2, 0, 1},
		{"read, the list is cut", read, []storetest.Lie{cut}, "", 3, 0, 1},
		{"read, the record is cut", read, []storetest.Lie{honest, cut}, "", 3, 0, 1},
		{"read, the record is always cut", read, again(honest, cut), webhook.Unavailable, 5, 0, 1},
		{"read, the list is always cut", read, again(cut, cut), webhook.Unavailable, 4, 0, 1},
		{"read, nothing comes", read, again(lost, lost), webhook.Unavailable, 4, 0, 1},
		{"remove, the list is always cut", func() error { return o.Unpark(ctx, p.ID) }, again(cut, cut), webhook.Unavailable, 4, 0, 1},
		{"remove, no answer arrives", func() error { return o.Unpark(ctx, p.ID) }, again(honest, lost), webhook.Unavailable, 5, 4, 0},
		{"remove again", func() error { return o.Unpark(ctx, p.ID) }, nil, "", 1, 0, 0},
		{"read what is gone", read, nil, webhook.NotFound, 1, 0, 0},
	} {
		f.changes = 0
		l.Tell(step.script...)
		if err := step.do(); webhook.CodeOf(err) != step.want {
			t.Errorf("%s: %v, want code %q", step.name, err, step.want)
		}
		if n := len(l.Asked()); n != step.asked || f.changes != step.changes || len(f.objects) != step.left {
			t.Errorf("%s: %d requests, %d changes, %d objects; want %d, %d and %d",
				step.name, n, f.changes, len(f.objects), step.asked, step.changes, step.left)
		}
	}
}
