package receivers_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"strconv"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// goVerifier as the first argument makes this program a receiver, as verifier.js and verifier.py are.
const goVerifier = "verifier"

func serveVerifier(flavour string, secrets []string) error {
	verify, ok := map[string]func(secret string, body []byte, headers http.Header) bool{
		"plain": plain, "standard": standard,
	}[flavour]
	if !ok {
		return fmt.Errorf("no flavour %q", flavour)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = listener.Close()
	}()
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(path.Base(r.URL.Path))
		body, readErr := io.ReadAll(r.Body)
		switch {
		case err != nil || readErr != nil:
			w.WriteHeader(http.StatusBadRequest)
		case !verify(secrets[n], body, r.Header):
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
}

// plain is the lines of our own README for Go.
func plain(secret string, body []byte, headers http.Header) bool {
	header := headers.Get("x-webhook-signature")
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(header))
}

func standard(secret string, body []byte, headers http.Header) bool {
	wh, err := standardwebhooks.NewWebhook(secret)
	return err == nil && wh.Verify(body, headers) == nil
}
