package signature_test

import (
	"encoding/base64"
	"math/rand/v2"
	"net/http"
	"strconv"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/cr3dentials/verification-webhooks/shared/signature"
)

// TestLibraryVerifies holds Standard against the Standard Webhooks library, with secrets of every length that is
// allowed and any bytes for a body, alone and beside the signature of another secret.
func TestLibraryVerifies(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	bytesOf := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.IntN(256))
		}
		return b
	}
	at := time.Now()
	for length := 24; length <= 64; length++ {
		secret := "whsec_" + base64.StdEncoding.EncodeToString(bytesOf(length))
		other := "whsec_" + base64.StdEncoding.EncodeToString(bytesOf(length))
		body := bytesOf(random.IntN(200))
		id := "dlv_" + strconv.Itoa(length)
		mine, theirs := signature.Standard(secret, id, at, body), signature.Standard(other, id, at, body)
		library, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		for header, want := range map[string]bool{
			mine: true, mine + " " + theirs: true, theirs + " " + mine: true, theirs: false, mine[:len(mine)-4] + "AAA=": false,
		} {
			headers := http.Header{}
			headers.Set("webhook-id", id)
			headers.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
			headers.Set("webhook-signature", header)
			if err := library.Verify(body, headers); (err == nil) != want {
				t.Errorf("a secret of %d bytes, %q: got %v, want accepted: %t", length, header, err, want)
			}
		}
	}
}
