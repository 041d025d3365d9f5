// Package signature computes the two signatures of a request: the partner guide's and that of Standard Webhooks 1.0.0.
// It is pure; the caller gives the time.
package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// prefix marks a secret whose key for Standard Webhooks is what follows, base64-decoded.
const prefix = "whsec_"

// Hex returns the value of `x-webhook-signature`: the lower-case hex HMAC-SHA256 of the body, keyed with the bytes of
// the secret as it stands, its prefix included (partner guide, "Verify Webhook Signatures").
func Hex(secret string, body []byte) string {
	return hex.EncodeToString(sum([]byte(secret), body))
}

// Standard returns one signature for `webhook-signature`: `v1,` and the base64 HMAC-SHA256 of `id.seconds.body`, where
// seconds is at in unix time, as sent in `webhook-timestamp`. The key is what follows `whsec_` in the secret,
// base64-decoded, or the bytes of the whole secret if it has no such prefix or what follows is not standard base64.
// During a rotation the header carries several of them, separated by spaces.
func Standard(secret, id string, at time.Time, body []byte) string {
	signed := append([]byte(id+"."+strconv.FormatInt(at.Unix(), 10)+"."), body...)
	return "v1," + base64.StdEncoding.EncodeToString(sum(standardKey(secret), signed))
}

func standardKey(secret string) []byte {
	if rest, ok := strings.CutPrefix(secret, prefix); ok {
		if key, err := base64.StdEncoding.DecodeString(rest); err == nil {
			return key
		}
	}
	return []byte(secret)
}

func sum(key, message []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(message)
	return h.Sum(nil)
}
