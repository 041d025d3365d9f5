package signature_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"testing"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/signature"
)

func TestHex(t *testing.T) {
	for _, tt := range []struct{ name, secret, body, want string }{
		{"RFC 4231 case 2", "Jefe", "what do ya want for nothing?",
			"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		{"GitHub's documentation", "It's a Secret to Everybody", "Hello, World!",
			"757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
		{"the guide's code in Node", "topsecret",
			`{"event":"verification.completed","id":"evt_1","n":1e+21,"s":"<&>é😀"}`,
			"b717fe58cdbdacdc7e2e0387fbe6e433e106c179280da9cc55bf54509eb249e2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := signature.Hex(tt.secret, []byte(tt.body)); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// TestHexKeyKeepsPrefix: the guide's receivers use the secret as it was shown to them.
func TestHexKeyKeepsPrefix(t *testing.T) {
	if signature.Hex("whsec_AAAA", nil) == signature.Hex("AAAA", nil) {
		t.Error("the prefix is not part of the key")
	}
}

func TestStandard(t *testing.T) {
	for _, tt := range []struct {
		name, secret, id string
		at               int64
		body, want       string
	}{
		{"official vector 1", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
			`{"test": 2432232314}`, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
		{"official vector 2", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1649367553,
			`{"email":"test@example.com","username":"test_user"}`, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// The fraction of a second is not signed: the header holds whole seconds.
			at := time.Unix(tt.at, 999_999_999)
			if got := signature.Standard(tt.secret, tt.id, at, []byte(tt.body)); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// TestStandardKeys pins which bytes of a secret are the key, through secrets that share one.
func TestStandardKeys(t *testing.T) {
	sign := func(secret string) string { return signature.Standard(secret, "dlv_1", time.Unix(1, 0), []byte("{}")) }
	if sign("whsec_"+"c2VjcmV0IG9mIHRoZSBwYXJ0bmVy") != sign("secret of the partner") {
		t.Error("base64 after the prefix is not decoded")
	}
	if sign("c2VjcmV0IG9mIHRoZSBwYXJ0bmVy") == sign("secret of the partner") {
		t.Error("base64 without the prefix is decoded")
	}
	// What is not standard base64, padded, is no key of the libraries: the whole secret is.
	for _, rest := range []string{"not base64!", "c2VjcmV0X29m-_==", "c2VjcmV0IG9mIHRoZSBwYXJ0bmVyIQ"} {
		mac := hmac.New(sha256.New, []byte("whsec_"+rest))
		mac.Write([]byte("dlv_1.1.{}"))
		if got, want := sign("whsec_"+rest), "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)); got != want {
			t.Errorf("whsec_%s: got %s, want %s", rest, got, want)
		}
	}
}
