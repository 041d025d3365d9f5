package stub_test

import (
	"encoding/json"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/localstack/bench/stub"
)

// call sends a request as the SDK does, and returns the answer.
func call(t testing.TB, s *stub.Services, target, body string) (status int, answer string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", target)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if strings.HasPrefix(target, "DynamoDB_") {
		sum := strconv.FormatUint(uint64(crc32.ChecksumIEEE(w.Body.Bytes())), 10)
		if got := w.Header().Get("X-Amz-Crc32"); got != sum {
			t.Fatalf("the checksum is %q, want %s", got, sum)
		}
	}
	return w.Code, w.Body.String()
}

// ddb is call for DynamoDB. The answer must have the status.
func ddb(t testing.TB, s *stub.Services, status int, action, body string) string {
	t.Helper()
	got, answer := call(t, s, "DynamoDB_20120810."+action, body)
	if got != status {
		t.Fatalf("%s %s\nanswered %d %s, want %d", action, body, got, answer, status)
	}
	return answer
}

// sameJSON tells whether two texts are the same JSON, whatever the order of members.
func sameJSON(t testing.TB, a, b string) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal([]byte(a), &x); err != nil {
		t.Fatalf("%v: %s", err, a)
	}
	if err := json.Unmarshal([]byte(b), &y); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return reflect.DeepEqual(x, y)
}
