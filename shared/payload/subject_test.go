package payload_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/payload"
)

func TestSubject(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ raw, partner, verification string }{
		{`{"eventName":"INSERT","dynamodb":{"Keys":{"verificationId":{"S":"k"}},"NewImage":{"partnerId":{"S":"p"},"verificationId":{"S":"v"}}}}`, "p", "v"},
		{`{"dynamodb":{"Keys":{"verificationId":{"S":"k"}},"NewImage":{"partnerId":{"N":"1"},"verificationId":{"N":"2"}}}}`, "", "k"},
		{`{"dynamodb":{"Keys":{"verificationId":{"S":"k"}}}}`, "", "k"},
		{`{"dynamodb":{"NewImage":{"partnerId":{"S":"not valid \u0000"}}}}`, "not valid \x00", ""},
		{`{"dynamodb":7}`, "", ""}, {`[]`, "", ""}, {`x`, "", ""}, {``, "", ""},
	} {
		if p, v := payload.Subject([]byte(tt.raw)); p != tt.partner || v != tt.verification {
			t.Errorf("%s: %q, %q", tt.raw, p, v)
		}
	}
}

// TestSplit: each record keeps its bytes.
func TestSplit(t *testing.T) {
	t.Parallel()
	records := []string{`{"eventID":"1"}`, `{ "x" : "\u0000\ud800 <é>\/", "n":1.0e2 }`, `"` + strings.Repeat("ÿ", 200_000) + `"`}
	got, err := payload.Split([]byte(` {"a":1, "Records": [` + strings.Join(records, " ,\n") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, r := range got {
		texts = append(texts, string(r))
	}
	if !slices.Equal(texts, records) {
		t.Errorf("got %.300q", texts)
	}
	for _, bad := range []string{"", "x", "[]", "{}", `{"Records":[]}`, `{"Records":{}}`, `{"Records":[1]`} {
		if got, err := payload.Split([]byte(bad)); err == nil {
			t.Errorf("%q: %q", bad, got)
		}
	}
}

// TestAttributeAtFault: an unusable record names the attribute that an operator has to look at.
func TestAttributeAtFault(t *testing.T) {
	t.Parallel()
	image := func(attributes string) string {
		return `{"eventName":"INSERT","dynamodb":{"SequenceNumber":"1","ApproximateCreationDateTime":1,"NewImage":{` + attributes + `}}}`
	}
	for raw, want := range map[string]string{
		image(`"verificationId":{"S":"v"},"partnerId":{"S":"p"}`):                                                                   "status",
		image(`"verificationId":{"S":"v"},"partnerId":{"S":"p"},"status":{"S":"DONE"}`):                                             "status",
		image(`"verificationId":{"S":"v"},"status":{"S":"VERIFIED"}`):                                                               "partnerId",
		image(`"verificationId":{"S":"v"},"partnerId":{"S":"a b"},"status":{"S":"VERIFIED"}`):                                       "partnerId",
		image(`"partnerId":{"S":"p"},"status":{"S":"VERIFIED"}`):                                                                    "verificationId",
		image(`"verificationId":{"S":"v"},"partnerId":{"S":"p"},"status":{"S":"VERIFIED"},"sessionId":{"S":"1"}`):                   "sessionId",
		image(`"verificationId":{"S":"v"},"partnerId":{"S":"p"},"status":{"S":"VERIFIED"},"metadata":{"M":{"x":{"Q":"1"}}}`):        "metadata",
		`{"eventName":"MODIFY","dynamodb":{"NewImage":{"verificationId":{"S":"v"},"partnerId":{"S":"p"},"status":{"S":"FAILED"}}}}`: "",
		`{}`: "",
	} {
		_, _, err := payload.Decode([]byte(raw))
		u, ok := err.(*payload.Unusable) //nolint:errorlint // that is what Decode returns
		if !ok || u.Attribute != want || want != "" && !strings.HasPrefix(u.Detail, want+" ") {
			t.Errorf("%s: %v", raw, err)
		}
	}
}
