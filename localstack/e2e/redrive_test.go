package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/cr3dentials/verification-webhooks/localstack/local"
)

// runMake is a command of the Makefile, for this copy, as an operator gives it. It returns what it printed.
func runMake(t *testing.T, args ...string) string {
	t.Helper()
	out, err := tryMake(t, args...)
	must(t, err)
	return out
}

// tryMake is runMake for a command that may fail.
func tryMake(t *testing.T, args ...string) (string, error) {
	t.Helper()
	run, err := filepath.Abs(os.Getenv("E2E_STATE"))
	must(t, err)
	cmd := exec.CommandContext(t.Context(), "make", append([]string{"--no-print-directory", "-C", filepath.Join("..", "..")}, args...)...)
	cmd.Env = append(os.Environ(), "RUN_JSON="+run, "ADMIN_URL=", "SERVICE_TABLE=")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("make %v: %w\n%s%s", args, err, out, stderr.String())
	}
	return string(out), err
}

// Everything that is parked or dead is handled again by one command. It is not parallel: it would redrive what other
// tests have parked. A record of 400 KB with any characters is among it, and its bytes stay what they were.
func TestMakeRedrive(t *testing.T) {
	w := theWorld(t)
	partnerID, id, ofDead := "later-"+newID("partner"), newID("big"), newID("dead")
	text := "\x00 \U0001F600 <é>\u2028\\/\" " + strings.Repeat("ÿ", 190_000)
	late := &partner{t: t, w: w, id: partnerID}
	item := local.GuideRecord(id, partnerID, "VERIFIED")
	item["metadata"] = &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{"text": str(text)}}
	late.put(item)
	late.write(ofDead, "VERIFIED")
	var big, dead parkedView
	await(t, "both records are parked", 20*time.Second, func() (found bool) {
		if big, found = parkedAbout(t, w, id); found {
			dead, found = parkedAbout(t, w, ofDead)
		}
		return found
	})
	var shown parkedView
	must(t, w.admin.Call(t.Context(), "GET", "/admin/parked/"+big.ID, nil, &shown))
	var record struct {
		DynamoDB struct {
			NewImage struct {
				Metadata struct {
					M struct{ Text struct{ S string } }
				}
			}
		}
	}
	must(t, json.Unmarshal([]byte(shown.Record), &record))
	if shown.Record != string(parkedObject(t, w, big.ID)) || record.DynamoDB.NewImage.Metadata.M.Text.S != text {
		t.Errorf("the administration shows a record of %d bytes, the bucket holds %d", len(shown.Record), len(parkedObject(t, w, big.ID)))
	}
	if shown.Kind != "record" || shown.Reason != "unknown_partner" || shown.PartnerID != partnerID || shown.VerificationID != id {
		t.Errorf("it is shown as %.300q", fmt.Sprint(shown))
	}
	if listed := runMake(t, "redrive"); !strings.Contains(listed, big.ID+"\trecord\tunknown_partner\t") || !strings.Contains(listed, "\t"+partnerID+"\t"+id+"\t") {
		t.Errorf("`make redrive` does not list it: %s", listed)
	}

	e := enter(t, late)
	h := late.webhook(e.url, map[string]any{"payloadTemplate": map[string]any{"data": map[string]any{"verificationId": "{{ data.verificationId }}"}}})
	e.expect(h.Secret)
	// The second record's message is one that the queue gave up on.
	cfg, err := local.SecureAWS(w.run)
	must(t, err)
	queues := sqs.NewFromConfig(cfg)
	deadLetters, message := w.outputs["DeadLetterQueueUrl"], fmt.Sprintf(`{"v":1,"kind":"redrive","parkedId":%q}`, dead.ID)
	_, err = queues.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &deadLetters, MessageBody: &message})
	must(t, err)
	if out := runMake(t, "dead-letters"); !strings.HasPrefix(out, "1 dead letters were put back on the delivery queue, 0 are left") {
		t.Errorf("make dead-letters: %s", out)
	}
	late.awaitDelivery(h.ID, ofDead, "delivered", 20*time.Second)
	runMake(t, "redrive", "ALL=1")
	late.awaitDelivery(h.ID, id, "delivered", 20*time.Second)
	await(t, "nothing is parked about it any more", 10*time.Second, func() bool {
		_, found := parkedAbout(t, w, id)
		return !found
	})
	if e.about(id) != 1 || e.about(ofDead) != 1 {
		t.Errorf("the endpoint saw them %d and %d times, want once", e.about(id), e.about(ofDead))
	}
}

// enter makes a partner known whose records came before it, and returns an endpoint for it.
func enter(t *testing.T, p *partner) *endpoint {
	t.Helper()
	var key struct{ Key string }
	must(t, p.w.admin.Call(t.Context(), "POST", "/admin/partners", map[string]string{"id": p.id, "name": "late"}, nil))
	must(t, p.w.admin.Call(t.Context(), "POST", "/admin/partners/"+p.id+"/api-keys", nil, &key))
	p.api = local.Client{Base: p.w.run.APIURL, Token: key.Key, Watch: p.w.ledger.answer}
	return newEndpoint(t, p.w, always(200))
}

// What Lambda saved of records that left the stream is listed and redriven like what was parked. The emulator never
// writes such an object, so the test does, in Lambda's form.
func TestLostBatchIsRedriven(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	p, e, h := hooked(t, w, always(200))
	good, other, bad := newID("lost-a"), newID("lost-b"), newID("lost-bad")
	var records []any
	for _, id := range []string{good, other, bad} {
		of := p.id
		if id == bad {
			of = "no partner"
		}
		records = append(records, streamEvent(of, id)["Records"].([]any)...)
	}
	event, err := json.Marshal(map[string]any{"Records": records})
	must(t, err)
	invocation, err := json.Marshal(map[string]any{
		"requestContext":     map[string]any{"condition": "MaximumRecordAgeExceeded", "approximateInvokeCount": 1},
		"DDBStreamBatchInfo": map[string]any{"shardId": "shardId-1", "batchSize": 3},
		"payload":            string(event),
	})
	must(t, err)
	bucket, key := w.outputs["ParkedBucket"], "aws/lambda/"+newID("esm")+"/shardId-1/2026/11/14/2026-11-14T00.13.49-0"
	put := func() {
		_, err := w.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(invocation)})
		must(t, err)
	}
	lost := func() (parkedView, bool) {
		for _, x := range listParked(t, w) {
			if x.Kind != "lost" {
				continue
			}
			var shown parkedView
			must(t, w.admin.Call(t.Context(), "GET", "/admin/parked/"+x.ID, nil, &shown))
			if len(shown.Records) == 3 && shown.Records[0].VerificationID == good {
				return shown, true
			}
		}
		return parkedView{}, false
	}
	for range 2 { // the second time nothing is sent any more
		put()
		shown, found := lost()
		if !found || shown.Reason != "left_stream" || shown.Record != string(event) || shown.Detail == "" {
			t.Fatalf("the batch is shown as %+v", shown)
		}
		must(t, w.admin.Call(t.Context(), "POST", "/admin/parked/"+shown.ID+"/redrive", nil, nil))
		p.awaitDelivery(h.ID, good, "delivered", 20*time.Second)
		p.awaitDelivery(h.ID, other, "delivered", 20*time.Second)
		await(t, "the batch is gone", 20*time.Second, func() bool { _, found := lost(); return !found })
	}
	if parked, found := parkedAbout(t, w, bad); !found || parked.Reason != "invalid_partner" || parked.Attribute != "partnerId" {
		t.Errorf("the bad record is parked as %+v", parked)
	}
	if e.count() != 2 {
		t.Errorf("the endpoint saw %d requests, want 2", e.count())
	}
}

func listParked(t *testing.T, w *world) (all []parkedView) {
	t.Helper()
	for cursor := ""; ; {
		var page struct {
			Items      []parkedView
			NextCursor *string
		}
		must(t, w.admin.Call(t.Context(), "GET", "/admin/parked?limit=100"+cursor, nil, &page))
		all = append(all, page.Items...)
		if page.NextCursor == nil {
			return slices.Clip(all)
		}
		cursor = "&cursor=" + *page.NextCursor
	}
}
