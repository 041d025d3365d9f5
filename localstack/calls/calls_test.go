package calls

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const signature = "AWS4-HMAC-SHA256 Credential=ASIAONE/20260102/us-east-1/%/aws4_request, SignedHeaders=host, Signature=00"

func request(t *testing.T, service, method, target, path, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "https://aws"+path, strings.NewReader(body))
	r.Header.Set("Authorization", strings.Replace(signature, "%", service, 1))
	r.Header.Set("X-Amz-Target", target)
	return r
}

func TestCallsOfRequests(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		service, method, target, path, body string
		want                                []Call
	}{
		{"dynamodb", "POST", "DynamoDB_20120810.GetItem", "/", `{"TableName":"t","Key":{"pk":{"S":"p#1"}}}`, []Call{{Action: "dynamodb:GetItem", On: "table/t"}}},
		{"dynamodb", "POST", "DynamoDB_20120810.Query", "/", `{"TableName":"t","IndexName":"i","KeyConditionExpression":"#ip = :ip"}`, []Call{{Action: "dynamodb:Query", On: "table/t/index/i"}}},
		{
			"dynamodb", "POST", "DynamoDB_20120810.Query", "/",
			`{"TableName":"t","KeyConditionExpression":"#pk = :pk AND #sk > :s","ExpressionAttributeValues":{":pk":{"S":"OUTBOX"},":s":{"S":"A"}}}`,
			[]Call{{Action: "dynamodb:Query", On: "table/t", Leading: "OUTBOX"}},
		},
		{
			"dynamodb", "POST", "DynamoDB_20120810.TransactWriteItems", "/",
			`{"TransactItems":[{"Put":{"TableName":"a","Item":{"pk":{"S":"x"}}}},{"ConditionCheck":{"TableName":"b"}}]}`,
			[]Call{{Action: "dynamodb:PutItem", On: "table/a"}, {Action: "dynamodb:ConditionCheckItem", On: "table/b"}},
		},
		{
			"dynamodb", "POST", "DynamoDB_20120810.BatchWriteItem", "/",
			`{"RequestItems":{"t":[{"DeleteRequest":{"Key":{"pk":{"S":"OUTBOX"}}}},{"DeleteRequest":{"Key":{"pk":{"S":"OUTBOX"}}}}]}}`,
			[]Call{{Action: "dynamodb:BatchWriteItem", On: "table/t", Leading: "OUTBOX"}},
		},
		{
			"dynamodb", "POST", "DynamoDB_20120810.BatchWriteItem", "/",
			`{"RequestItems":{"t":[{"DeleteRequest":{"Key":{"pk":{"S":"OUTBOX"}}}},{"DeleteRequest":{"Key":{"pk":{"S":"p#1"}}}}]}}`,
			[]Call{{Action: "dynamodb:BatchWriteItem", On: "table/t"}},
		},
		{"dynamodb", "POST", "DynamoDB_20120810.BatchGetItem", "/", `{"RequestItems":{"t":{"Keys":[{"pk":{"S":"x"}}]}}}`, []Call{{Action: "dynamodb:BatchGetItem", On: "table/t"}}},
		{"sqs", "POST", "AmazonSQS.SendMessageBatch", "/", `{"QueueUrl":"http://a/0/q"}`, []Call{{Action: "sqs:SendMessage", On: "queue/q"}}},
		{"kms", "POST", "TrentService.Decrypt", "/", `{"EncryptionContext":{"app":"x"}}`, []Call{{Action: "kms:Decrypt", On: "key/", App: "x"}}},
		{"events", "POST", "AWSEvents.PutEvents", "/", `{"Entries":[{"Detail":"{}"}]}`, []Call{{Action: "events:PutEvents", On: "bus/"}}},
		{"s3", "GET", "", "/b?list-type=2", "", []Call{{Action: "s3:ListBucket", On: "bucket/b"}}},
		{"s3", "PUT", "", "/b/a/key", "", []Call{{Action: "s3:PutObject", On: "bucket/b/*"}}},
		{"s3", "DELETE", "", "/b", "", []Call{{Action: "s3:DELETEBucket", On: "bucket/b"}}},
		{"lambda", "GET", "", "/functions", "", []Call{{Action: "lambda:", On: "GET /functions"}}},
	} {
		for i := range c.want {
			c.want[i].Key = "ASIAONE"
		}
		got := of(request(t, c.service, c.method, c.target, c.path, c.body), []byte(c.body))
		if !slices.Equal(got, c.want) {
			t.Errorf("%s %s %s: %+v, want %+v", c.method, c.target, c.path, got, c.want)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), "GET", "https://aws/x", nil)
	if got := of(r, nil); len(got) != 1 || got[0].Action != "unsigned" {
		t.Errorf("an unsigned request: %+v", got)
	}
}

// Requests reach the emulator as they were signed, and what became of them is recorded once.
func TestEndpointPassesOnAndRecords(t *testing.T) {
	t.Parallel()
	emulator := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Host != "signed.host" || r.Header.Get("X-Forwarded-Proto") != "https" || r.Header.Get("Authorization") == "" {
			t.Errorf("the emulator got %s %v", r.Host, r.Header)
		}
		if strings.Contains(string(body), "refuse") {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"com.amazonaws.dynamodb.v20120810#AccessDeniedException"}`)
			return
		}
		_, _ = w.Write(body)
	}))
	t.Cleanup(emulator.Close)
	u, err := url.Parse(emulator.URL)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "calls.jsonl")
	for range 2 { // the second record continues the first
		record, err := NewRecord(file)
		if err != nil {
			t.Fatal(err)
		}
		h := Endpoint(u, record, log.New(io.Discard, "", 0))
		for _, table := range []string{"a", "a", "refuse"} {
			body := `{"TableName":"` + table + `"}`
			r := request(t, "dynamodb", "POST", "DynamoDB_20120810.GetItem", "/", body)
			r.Host = "signed.host"
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if table == "a" && (w.Code != 200 || w.Body.String() != body) {
				t.Errorf("the answer is %d %s", w.Code, w.Body)
			}
		}
	}
	got, err := Read(file)
	want := []Call{
		{Key: "ASIAONE", Action: "dynamodb:GetItem", On: "table/a"},
		{Key: "ASIAONE", Action: "dynamodb:GetItem", On: "table/refuse", Denied: true},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("recorded %+v, %v; want %+v", got, err, want)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	const outbox, app = `{"ForAllValues:StringEquals":{"dynamodb:LeadingKeys":["OUTBOX"]}}`, `{"StringEquals":{"kms:EncryptionContext:app":"a"}}`
	grants := []Grant{
		{"admin", "s3:GetObject", "Parked.Arn/*", ""}, {"admin", "kms:Decrypt", "SecretsKey.Arn", app},
		{"sweeper", "dynamodb:Query", "Service.Arn", outbox}, {"sweeper", "xray:PutTraceSegments", "*", ""},
	}
	call := func(role, action, on, leading, app string, denied bool) Named {
		return Named{Call{Action: action, On: on, Leading: leading, App: app, Denied: denied}, role}
	}
	reviewed := []Unused{{Grant{"any", "xray:PutTraceSegments", "any", ""}, "Lambda's"}}
	all := []Named{
		call("admin", "s3:GetObject", "Parked.Arn/*", "", "", false), call("admin", "kms:Decrypt", "SecretsKey.Arn", "", "a", false),
		call("sweeper", "dynamodb:Query", "Service.Arn", "OUTBOX", "", false),
	}
	for _, c := range []struct {
		what     string
		reviewed []Unused
		all      []Named
		want     string // the one problem, as far as it begins; none if empty
	}{
		{"all is used", reviewed, all, ""},
		{"another action", reviewed, append(slices.Clone(all), call("admin", "s3:PutObject", "Parked.Arn/*", "", "", true)), "no permission covers: admin | s3:PutObject"},
		{"another role", reviewed, append(slices.Clone(all), call("portal", "s3:GetObject", "Parked.Arn/*", "", "", false)), "no permission covers: portal"},
		{"another encryption context", reviewed, append(slices.Clone(all), call("admin", "kms:Decrypt", "SecretsKey.Arn", "", "b", false)), "no permission covers: admin | kms"},
		{"another partition", reviewed, append(slices.Clone(all), call("sweeper", "dynamodb:Query", "Service.Arn", "", "", false)), "no permission covers: sweeper | dynamodb"},
		{"one is not used", reviewed, all[1:], "no test makes use of: admin | s3:GetObject"},
		{"one is only refused", reviewed, append(slices.Clone(all[1:]), call("admin", "s3:GetObject", "Parked.Arn/*", "", "", true)), "no test makes use of: admin | s3:GetObject"},
		{"not reviewed", nil, all, "no test makes use of: sweeper | xray"},
		{"reviewed, but used", append(slices.Clone(reviewed), Unused{Grant{"admin", "s3:GetObject", "any", ""}, "?"}), all, "reviewed as unused, but used or not granted: admin"},
	} {
		got := Problems(grants, c.reviewed, c.all)
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], c.want)) {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}

// The lists that the check reads can be read, and each line on what is unused says why.
func TestListsAreRead(t *testing.T) {
	t.Parallel()
	grants, err := ReadGrants(filepath.Join("..", "..", "infra", "testdata", "permissions.txt"), Roles())
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]bool{}
	for _, g := range grants {
		has[g.Role] = true
		if strings.Contains(g.Action, "ec2:") || g.Action == "" || g.On == "" {
			t.Errorf("read as %+v", g)
		}
	}
	if len(has) != len(Roles()) {
		t.Errorf("grants of %v, want of %v", has, Roles())
	}
	if _, err := ReadUnused("unused.txt"); err != nil {
		t.Error(err)
	}
}
