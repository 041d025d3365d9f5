package payload_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// record is a stream record with one's own images; an empty one is left out.
func record(eventName, oldImage, newImage string) []byte {
	images := ""
	if oldImage != "" {
		images += `,"OldImage":` + oldImage
	}
	if newImage != "" {
		images += `,"NewImage":` + newImage
	}
	return []byte(`{"eventID":"1","eventName":"` + eventName + `","eventVersion":"1.1","dynamodb":{` +
		`"ApproximateCreationDateTime":1764000000,"Keys":{"verificationId":{"S":"ver_abc123"}},` +
		`"SequenceNumber":"111000000000000000000001","SizeBytes":100,"StreamViewType":"NEW_AND_OLD_IMAGES"` + images + `}}`)
}

// image is a verification with the given status and further members.
func image(status string, more ...string) string {
	return `{"verificationId":{"S":"ver_abc123"},"partnerId":{"S":"acme"},"sessionId":{"N":"123"},"status":{"S":"` +
		status + `"}` + strings.Join(append([]string{""}, more...), ",") + `}`
}

func TestDecodeTypes(t *testing.T) {
	for _, tt := range []struct {
		old, new string
		want     webhook.EventType
	}{
		{"", "VERIFIED", webhook.Completed},
		{"", "FAILED", webhook.FailedType},
		{"", "EXPIRED", webhook.ExpiredType},
		{"PENDING", "VERIFIED", webhook.Completed},
		{"IN_PROGRESS", "FAILED", webhook.FailedType},
		{"MANUAL_REVIEW", "VERIFIED", webhook.ManualReviewCompleted},
		{"MANUAL_REVIEW", "FAILED", webhook.ManualReviewCompleted},
		{"MANUAL_REVIEW", "EXPIRED", webhook.ExpiredType},
		{"FAILED", "VERIFIED", webhook.Completed},
		{"NO_SUCH_STATUS", "VERIFIED", webhook.Completed},
		{"VERIFIED", "VERIFIED", ""},
		{"VERIFIED", "PENDING", ""},
		{"", "PENDING", ""}, {"", "IN_PROGRESS", ""}, {"", "MANUAL_REVIEW", ""},
	} {
		t.Run(tt.old+" to "+tt.new, func(t *testing.T) {
			raw := record("INSERT", "", image(tt.new))
			if tt.old != "" {
				raw = record("MODIFY", image(tt.old), image(tt.new))
			}
			got, ok, err := payload.Decode(raw)
			if err != nil {
				t.Fatal(err)
			}
			if ok != (tt.want != "") || got.Event.Type != tt.want {
				t.Errorf("got %q, %v; want %q", got.Event.Type, ok, tt.want)
			}
		})
	}
}

func TestDecodeEvent(t *testing.T) {
	raw := []byte(strings.Replace(string(record("INSERT", "", image("VERIFIED"))), "1764000000", "1.7640000005E9", 1))
	got, ok, err := payload.Decode(raw)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	at := time.UnixMilli(1764000000500).UTC()
	want := webhook.Event{
		ID: webhook.EventID("ver_abc123", "111000000000000000000001", at), Type: webhook.Completed, PartnerID: "acme",
		VerificationID: "ver_abc123", OccurredAt: at, Sequence: "111000000000000000000001",
	}
	if got.Event != want {
		t.Errorf("got  %+v\nwant %+v", got.Event, want)
	}
	if got.Status != webhook.Verified || string(got.Raw) != string(raw) {
		t.Errorf("status %q, raw %s", got.Status, got.Raw)
	}
}

// TestDecodeNothing: removals make no event, whatever they hold, and an old status that means nothing hides none.
func TestDecodeNothing(t *testing.T) {
	for _, raw := range [][]byte{
		record("REMOVE", image("VERIFIED"), ""), record("REMOVE", "", ""), record("REMOVE", "7", "[]"),
		record("INSERT", "", `{"status":{"S":"PENDING"}}`),
		record("MODIFY", "", `{"status":{"S":"PENDING"}}`),
	} {
		if rec, ok, err := payload.Decode(raw); ok || err != nil {
			t.Errorf("%s: got %+v, %v, %v", raw, rec, ok, err)
		}
	}
	for _, old := range []string{`{}`, `{"status":{"N":"1"}}`, `{"status":7}`} {
		if _, ok, err := payload.Decode(record("MODIFY", old, image("FAILED"))); !ok || err != nil {
			t.Errorf("old image %s: got %v, %v; want an event", old, ok, err)
		}
	}
}

func TestDecodeUnusable(t *testing.T) {
	good := string(record("INSERT", "", image("VERIFIED")))
	swap := func(old, new string) []byte {
		if !strings.Contains(good, old) {
			t.Fatalf("the record has no %s", old)
		}
		return []byte(strings.Replace(good, old, new, 1))
	}
	with := func(member string) []byte { return record("INSERT", "", image("VERIFIED", member)) }
	for _, tt := range []struct {
		name, reason string
		raw          []byte
	}{
		{"nothing", payload.MalformedRecord, nil},
		{"not JSON", payload.MalformedRecord, []byte(`{"eventName":`)},
		{"null", payload.MalformedRecord, []byte(`null`)},
		{"a list", payload.MalformedRecord, []byte(`[]`)},
		{"two records", payload.MalformedRecord, []byte(good + good)},
		{"an unknown event", payload.MalformedRecord, swap(`INSERT`, `UPSERT`)},
		{"no change", payload.MalformedRecord, swap(`"dynamodb"`, `"mongodb"`)},
		{"no new image", payload.MalformedRecord, record("INSERT", "", "")},
		{"a new image of no shape", payload.MalformedRecord, record("INSERT", "", "[1]")},
		{"no sequence number", payload.MalformedRecord, swap(`"SequenceNumber"`, `"Number"`)},
		{"a sequence number that is none", payload.MalformedRecord, swap(`"111000000000000000000001"`, `"1.5"`)},
		{"a sequence number that is too long", payload.MalformedRecord, swap(`"1110`, `"1110000000000000000000000001110`)},
		{"no time", payload.MalformedRecord, swap(`"ApproximateCreationDateTime"`, `"At"`)},
		{"a time before 1970", payload.MalformedRecord, swap(`1764000000`, `-1`)},
		{"a time beyond all bounds", payload.MalformedRecord, swap(`1764000000`, `1e300`)},
		{"a time that overflows", payload.MalformedRecord, swap(`1764000000`, `1e999`)},
		{"no verification id", payload.MalformedRecord, swap(`{"verificationId":{"S":"ver_abc123"},"p`, `{"p`)},
		{"an empty verification id", payload.MalformedRecord,
			swap(`{"verificationId":{"S":"ver_abc123"},"p`, `{"verificationId":{"S":""},"p`)},
		{"a verification id of another type", payload.WrongType,
			swap(`{"verificationId":{"S":"ver_abc123"},"p`, `{"verificationId":{"N":"1"},"p`)},
		{"no partner", payload.MissingPartner, swap(`"partnerId"`, `"partner"`)},
		{"a partner of another type", payload.WrongType, swap(`{"S":"acme"}`, `{"N":"7"}`)},
		{"a partner of two types", payload.WrongType, swap(`{"S":"acme"}`, `{"S":"acme","N":"7"}`)},
		{"an empty partner", payload.InvalidPartner, swap(`"acme"`, `""`)},
		{"a partner with a slash", payload.InvalidPartner, swap(`"acme"`, `"a/b"`)},
		{"no status", payload.UnknownStatus, swap(`"status"`, `"state"`)},
		{"an unknown status", payload.UnknownStatus, swap(`"VERIFIED"`, `"verified"`)},
		{"a status of another type", payload.WrongType, swap(`{"S":"VERIFIED"}`, `{"NULL":true}`)},
		{"a session of another type", payload.WrongType, swap(`{"N":"123"}`, `{"S":"123"}`)},
		{"a session that is no number", payload.WrongType, swap(`{"N":"123"}`, `{"N":"12x"}`)},
		{"a session as a JSON number", payload.WrongType, swap(`{"N":"123"}`, `{"N":123}`)},
		{"a session that is null", payload.WrongType, swap(`"sessionId":{"N":"123"}`, `"sessionId":{"NULL":true}`)},
		{"a step that is a null of false", payload.WrongType, with(`"stepId":{"NULL":false}`)},
		{"metadata as a list", payload.WrongType, with(`"metadata":{"L":[]}`)},
		{"metadata without types", payload.WrongType, with(`"metadata":{"M":{"a":1}}`)},
		{"metadata of an unknown type", payload.WrongType, with(`"metadata":{"M":{"a":{"X":"1"}}}`)},
		{"a null that is false", payload.WrongType, with(`"metadata":{"M":{"a":{"NULL":false}}}`)},
		{"a set of two types", payload.WrongType, with(`"metadata":{"M":{"a":{"NS":["1","x"]}}}`)},
		{"a binary that is not base64", payload.WrongType, with(`"metadata":{"M":{"a":{"B":"!"}}}`)},
		{"a list under a map's type", payload.WrongType, with(`"metadata":{"M":{"a":{"M":[]}}}`)},
		{"a map under a list's type", payload.WrongType, with(`"metadata":{"M":{"a":{"L":{}}}}`)},
		{"a change without its old image", payload.MissingOldImage, record("MODIFY", "", image("VERIFIED"))},
		{"nesting without end", payload.WrongType,
			with(`"metadata":{"M":{"a":` + strings.Repeat(`{"L":[`, 1000) + strings.Repeat(`]}`, 1000) + `}}`)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 8 { // the order in which Go walks a map must not matter
				_, ok, err := payload.Decode(tt.raw)
				var u *payload.Unusable
				if ok || !errors.As(err, &u) {
					t.Fatalf("got %v, %v; want an Unusable", ok, err)
				}
				if u.Reason != tt.reason || u.Detail == "" {
					t.Fatalf("got %q (%s), want %q", u.Reason, u.Detail, tt.reason)
				}
			}
		})
	}
}

func TestSequenceNumber(t *testing.T) {
	sequence, at := payload.SequenceNumber(record("UPSERT", "", ""))
	if sequence != "111000000000000000000001" || !at.Equal(time.Unix(1764000000, 0)) {
		t.Errorf("got %q, %v", sequence, at)
	}
	for _, raw := range []string{"", "x", "{}", `{"dynamodb":{"SequenceNumber":7,"ApproximateCreationDateTime":"now"}}`} {
		if sequence, at := payload.SequenceNumber([]byte(raw)); sequence != "" || !at.IsZero() {
			t.Errorf("%s: got %q, %v; want nothing", raw, sequence, at)
		}
	}
}

// guideBody is the partner guide's "Default Webhook Payload", with the keys inside the maps in the documented order.
const guideBody = `{"type":"verification.completed","status":"success","data":{"verificationId":"ver_abc123",` +
	`"sessionId":123,"stepId":456,"status":"VERIFIED","proofData":{"income":{"monthlyAmount":5000,"source":"chase-bank",` +
	`"verified":true}},"formattedData":{"incomeVerified":true,"verificationScore":95},"metadata":{"dataSource":` +
	`"chase-bank","processingTimeMs":15000,"verifiedAt":"2024-01-15T14:30:00Z"}}}`

func TestBody(t *testing.T) {
	guide := []string{
		`"metadata":{"M":{"verifiedAt":{"S":"2024-01-15T14:30:00Z"},"dataSource":{"S":"chase-bank"},"processingTimeMs":{"N":"15000"}}}`,
		`"formattedData":{"M":{"verificationScore":{"N":"95"},"incomeVerified":{"BOOL":true}}}`,
		`"proofData":{"M":{"income":{"M":{"monthlyAmount":{"N":"5000"},"verified":{"BOOL":true},"source":{"S":"chase-bank"}}}}}`,
		`"stepId":{"N":"456"}`, `"ignored":{"S":"x"}`,
	}
	for _, tt := range []struct {
		name   string
		raw    []byte
		naming webhook.TypeNaming
		want   string
	}{
		{"the guide's", record("INSERT", "", image("VERIFIED", guide...)), webhook.GuideNaming, guideBody},
		{"absent members", record("INSERT", "", image("FAILED")), webhook.GuideNaming,
			`{"type":"verification.completed","status":"failed","data":{"verificationId":"ver_abc123","sessionId":123,"status":"FAILED"}}`},
		{"null where something is optional", record("INSERT", "", strings.Replace(image("FAILED"), `"status"`, `"stepId":{"NULL":true},"metadata":{"NULL":true},"status"`, 1)), webhook.GuideNaming,
			`{"type":"verification.completed","status":"failed","data":{"verificationId":"ver_abc123","sessionId":123,"status":"FAILED"}}`},
		{"no session", record("INSERT", "", strings.Replace(image("FAILED"), "sessionId", "session", 1)), webhook.GuideNaming,
			`{"type":"verification.completed","status":"failed","data":{"verificationId":"ver_abc123","status":"FAILED"}}`},
		{"detailed", record("MODIFY", image("MANUAL_REVIEW"), image("VERIFIED")), webhook.DetailedNaming,
			`{"type":"verification.manual_review_completed","status":"success","data":{"verificationId":"ver_abc123","sessionId":123,"status":"VERIFIED"}}`},
		{"every type", record("INSERT", "", image("EXPIRED", `"metadata":{"M":{"b":{"B":"+/8="},"bs":{"BS":["AA=="]},`+
			`"l":{"L":[{"NULL":true},{"BOOL":false},{"M":{}}]},"ns":{"NS":["2","1e3"]},"ss":{"SS":["b","a"]},"10":{"N":"12345678901234567890"},"9":{"S":"\ud83d"}}}`)),
			webhook.DetailedNaming,
			`{"type":"verification.expired","status":"failed","data":{"verificationId":"ver_abc123","sessionId":123,"status":"EXPIRED",` +
				`"metadata":{"9":"�","10":"12345678901234567890","b":"+/8=","bs":["AA=="],"l":[null,false,{}],"ns":[2,1000],"ss":["b","a"]}}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec, ok, err := payload.Decode(tt.raw)
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			got, err := rec.Body(tt.naming, nil)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestBodySize(t *testing.T) {
	body := func(filling int) ([]byte, error) {
		rec, ok, err := payload.Decode(record("INSERT", "",
			image("VERIFIED", `"metadata":{"M":{"a":{"S":"`+strings.Repeat("x", filling)+`"}}}`)))
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		return rec.Body(webhook.GuideNaming, nil)
	}
	empty, err := body(0)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := body(payload.MaxBody - len(empty)); err != nil || len(b) != payload.MaxBody {
		t.Errorf("at the limit: %d bytes, %v", len(b), err)
	}
	if _, err := body(payload.MaxBody - len(empty) + 1); !errors.Is(err, payload.ErrTooLarge) {
		t.Errorf("above the limit: got %v, want ErrTooLarge", err)
	}
}

// TestDeepestRecord: DynamoDB's 32 levels go through.
func TestDeepestRecord(t *testing.T) {
	deep := strings.Repeat(`{"L":[`, 31) + `{"S":"x"}` + strings.Repeat(`]}`, 31)
	rec, ok, err := payload.Decode(record("INSERT", "", image("VERIFIED", `"metadata":{"M":{"a":`+deep+`}}`)))
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if _, err := rec.Body(webhook.GuideNaming, nil); err != nil {
		t.Error(err)
	}
}

func TestSample(t *testing.T) {
	want := strings.Replace(guideBody, "ver_abc123", "test_123", 1)
	if got := string(payload.Sample(webhook.Completed, webhook.GuideNaming)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, tt := range []struct {
		t               webhook.EventType
		status, outcome string
	}{
		{webhook.Completed, "VERIFIED", "success"}, {webhook.FailedType, "FAILED", "failed"},
		{webhook.ExpiredType, "EXPIRED", "failed"}, {webhook.ManualReviewCompleted, "VERIFIED", "success"},
	} {
		var got struct {
			Type, Status string
			Data         struct{ Status string }
		}
		if err := json.Unmarshal(payload.Sample(tt.t, webhook.DetailedNaming), &got); err != nil {
			t.Fatal(err)
		}
		if got.Type != string(tt.t) || got.Status != tt.outcome || got.Data.Status != tt.status {
			t.Errorf("%s: got %+v", tt.t, got)
		}
	}
}

// FuzzDecode: no input panics, and what is accepted has a body or is too large, the same one each time.
func FuzzDecode(f *testing.F) {
	f.Add(record("INSERT", "", image("VERIFIED", `"metadata":{"M":{"a":{"L":[{"N":"1"},{"SS":["x"]}]}}}`)))
	f.Add(record("MODIFY", image("PENDING"), image("FAILED")))
	f.Add(record("REMOVE", image("PENDING"), ""))
	f.Add([]byte(`{"dynamodb":{"NewImage":null}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		payload.SequenceNumber(raw)
		rec, ok, err := payload.Decode(raw)
		var u *payload.Unusable
		if err != nil && (ok || !errors.As(err, &u)) {
			t.Fatalf("got %v, %v", ok, err)
		}
		if !ok {
			return
		}
		first, err := rec.Body(webhook.DetailedNaming, nil)
		if err != nil && !errors.Is(err, payload.ErrTooLarge) {
			t.Fatal(err)
		}
		again, _, _ := payload.Decode(rec.Raw)
		if second, _ := again.Body(webhook.DetailedNaming, nil); string(second) != string(first) {
			t.Errorf("two bodies of one record:\n%s\n%s", first, second)
		}
	})
}
