package objects_test

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/cr3dentials/verification-webhooks/shared/objects"
	"github.com/cr3dentials/verification-webhooks/shared/storetest"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func newClient(endpoint string, transport http.RoundTripper) *s3.Client {
	return s3.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(endpoint), HTTPClient: &http.Client{Transport: transport},
		Credentials:      credentials.NewStaticCredentialsProvider("test", "test", ""),
		RetryMaxAttempts: 1,
	}, func(o *s3.Options) { o.UsePathStyle = true })
}

func newBucket(t *testing.T) (*s3.Client, string) {
	t.Helper()
	client, bucket := newClient(storetest.Endpoint(t), storetest.Transport(t)), "test-"+strings.ToLower(rand.Text())
	ctx := context.Background()
	if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				t.Fatalf("emptying the bucket: %v", err)
			}
			for _, o := range page.Contents {
				if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: o.Key}); err != nil {
					t.Fatalf("emptying the bucket: %v", err)
				}
			}
		}
		if _, err := client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: aws.String(bucket)}); err != nil {
			t.Errorf("removing the bucket: %v", err)
		}
	})
	return client, bucket
}

func TestConformance(t *testing.T) {
	storetest.RunObjects(t, func(t *testing.T) (storetest.Objects, func(webhook.Ref) []byte) {
		client, bucket := newBucket(t)
		return objects.New(client, bucket), func(r webhook.Ref) []byte {
			return read(t, client, bucket, "records/"+r.PartnerID+"/"+r.WebhookID+"/"+r.DeliveryID+".json")
		}
	})
}

func read(t *testing.T, client *s3.Client, bucket, key string) []byte {
	t.Helper()
	r, err := client.GetObject(context.Background(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestListReadsKeysAlone parks more than one request lists, next to objects that are not ours.
func TestListReadsKeysAlone(t *testing.T) {
	client, bucket := newBucket(t)
	o := objects.New(client, bucket)
	ctx := context.Background()
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	put := func(key string) {
		_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), Body: strings.NewReader("")})
		if err != nil {
			t.Fatal(err)
		}
	}
	put("parked/readme.txt")
	put("parked/x/not-ours.json")
	// Each record three times: the keys of one page's records do not end where a request's do.
	const records, again = 150, 3
	for i := range records {
		for n := range again {
			moment := at.Add(time.Duration(i) * time.Second)
			p := webhook.Parked{ID: webhook.ParkedID(nil, moment), Reason: "r", ParkedAt: moment.Add(time.Duration(n) * time.Minute)}
			if err := o.Park(ctx, p); err != nil {
				t.Fatal(err)
			}
		}
	}
	var after []byte
	var got []webhook.ParkedSummary
	for {
		items, next, err := o.List(ctx, webhook.Page{Limit: 67, After: after})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, items...)
		if next == nil {
			break
		}
		after = next
	}
	if len(got) != records {
		t.Fatalf("listed %d records, want %d", len(got), records)
	}
	for i, s := range got {
		moment := at.Add(time.Duration(i) * time.Second)
		if s.ID != webhook.ParkedID(nil, moment) || !s.ParkedAt.Equal(moment.Add((again-1)*time.Minute)) {
			t.Fatalf("item %d is %+v", i, s)
		}
	}
	for _, bad := range []string{"x", "prk_", "../"} {
		if _, _, err := o.List(ctx, webhook.Page{Limit: 1, After: []byte(bad)}); webhook.CodeOf(err) != webhook.Invalid {
			t.Errorf("after %q: %v, want invalid", bad, err)
		}
	}
}

// TestUnreadable tells an object that nobody can read from one that is absent.
func TestUnreadable(t *testing.T) {
	client, bucket := newBucket(t)
	ctx := context.Background()
	id := webhook.ParkedID([]byte("x"), time.Unix(1_800_000_000, 0))
	for _, content := range []string{"", "x", `{"v":2}`} {
		_, err := client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: aws.String(bucket), Key: aws.String("parked/" + id + "/1-1-r.json"), Body: strings.NewReader(content),
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := objects.New(client, bucket).Parked(ctx, id); webhook.CodeOf(err) != webhook.Corrupt {
			t.Errorf("%q: %v, want corrupt", content, err)
		}
	}
}

// refusing answers every request with a status.
type refusing int

func (s refusing) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: int(s), Header: http.Header{}, Body: io.NopCloser(strings.NewReader(""))}, nil
}

func TestUnavailable(t *testing.T) {
	for _, status := range []int{403, 500, 503} {
		o := objects.New(newClient("http://objects.invalid", refusing(status)), "b")
		ctx := context.Background()
		id := webhook.ParkedID(nil, time.Unix(1_800_000_000, 0))
		_, errParked := o.Parked(ctx, id)
		_, _, errList := o.List(ctx, webhook.Page{Limit: 1})
		for name, err := range map[string]error{
			"park": o.Park(ctx, webhook.Parked{ID: id}), "parked": errParked, "list": errList,
			"unpark": o.Unpark(ctx, id), "keep": o.KeepRecord(ctx, webhook.Ref{}, nil),
		} {
			if webhook.CodeOf(err) != webhook.Unavailable {
				t.Errorf("%s at status %d: %v, want unavailable", name, status, err)
			}
		}
	}
}
