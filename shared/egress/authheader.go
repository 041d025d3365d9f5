package egress

import (
	"strings"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// Limits of the partner's authentication header.
const (
	MaxHeaderName  = 64
	MaxHeaderValue = 4096
)

// CheckHeader refuses an authentication header that could not be sent or would change the request, with Invalid and the
// field `body.authHeader.name` or `body.authHeader.value`.
//
// A name is 1 to 64 letters, digits, hyphens and underscores, beginning with a letter or digit, and none that HTTP, a
// proxy, AWS or this product gives a meaning. A value is 1 to 4096 printable ASCII characters without spaces at its
// ends: Go would trim those or refuse the others at each send.
func CheckHeader(name, value string) error {
	if err := CheckHeaderName(name); err != nil {
		return err
	}
	const field = "body.authHeader.value"
	if len(value) == 0 || len(value) > MaxHeaderValue {
		return webhook.FieldErrorf(field, "must have 1 to %d characters", MaxHeaderValue)
	}
	for i := 0; i < len(value); i++ {
		if value[i] < 0x20 || value[i] > 0x7e {
			return webhook.FieldErrorf(field, "must be printable ASCII")
		}
	}
	if strings.TrimSpace(value) != value {
		return webhook.FieldErrorf(field, "must not begin or end with a space")
	}
	return nil
}

// CheckHeaderName is CheckHeader for the name alone.
func CheckHeaderName(name string) error {
	const field = "body.authHeader.name"
	if len(name) == 0 || len(name) > MaxHeaderName {
		return webhook.FieldErrorf(field, "must have 1 to %d characters", MaxHeaderName)
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || c != '-' && c != '_') {
			return webhook.FieldErrorf(field,
				"must consist of letters, digits, '-' and '_', and begin with a letter or digit")
		}
	}
	// Some servers read an underscore as a hyphen, so either spelling of a reserved name is one.
	lower := strings.ReplaceAll(strings.ToLower(name), "_", "-")
	if reservedHeader(lower) {
		return webhook.FieldErrorf(field, "is a name with a meaning of its own; choose another, such as x-api-key")
	}
	return nil
}

func reservedHeader(name string) bool {
	switch name {
	case "host", "content-length", "content-type", "content-encoding", "transfer-encoding", "connection", "keep-alive",
		"te", "trailer", "upgrade", "expect", "user-agent", "accept-encoding", "cookie", "date", "idempotency-key",
		"x-idempotency-key", "forwarded", "via":
		return true
	}
	for _, prefix := range []string{
		"proxy-", "x-forwarded-", "x-webhook-", "webhook-", "svix-", "x-amz", "x-goog-",
	} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// sendable tells whether a header can be sent as it is: nothing that CheckHeader would refuse for its form, and nothing
// that frames the request.
func sendable(name, value string) bool {
	for i := range len(name) {
		if !tokenByte[name[i]] {
			return false
		}
	}
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	switch strings.ToLower(name) {
	case "", "host", "content-length", "transfer-encoding", "connection", "trailer", "upgrade", "expect", "te":
		return false
	}
	return true
}

// tokenByte tells which bytes a header's name may have.
var tokenByte = func() (t [256]bool) {
	for c := '!'; c <= '~'; c++ {
		t[c] = !strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
	}
	return t
}()
