package egress

import (
	"errors"
	"strings"
	"testing"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

func TestCheckHeader(t *testing.T) {
	const name, value = "body.authHeader.name", "body.authHeader.value"
	for _, tt := range []struct{ name, value, field string }{
		{"secret", "your-secure-secret-key-here", ""}, // the partner guide's
		{"Authorization", "Bearer abc", ""}, {"X-Api-Key", "~ !\"", ""}, {"1_a", "x", ""},
		{strings.Repeat("a", 64), strings.Repeat("b", 4096), ""},
		{"", "x", name}, {strings.Repeat("a", 65), "x", name}, {"-a", "x", name}, {"_a", "x", name}, {"a b", "x", name},
		{"a:", "x", name}, {"ä", "x", name}, {"a\r\nb", "x", name},
		{"Host", "x", name}, {"content-length", "x", name}, {"Content-Type", "x", name}, {"Content-Encoding", "x", name},
		{"Transfer-Encoding", "x", name}, {"Connection", "x", name}, {"Keep-Alive", "x", name}, {"TE", "x", name},
		{"Trailer", "x", name}, {"Upgrade", "x", name}, {"Expect", "x", name}, {"Proxy-Authorization", "x", name},
		{"User-Agent", "x", name}, {"Accept-Encoding", "x", name}, {"Cookie", "x", name}, {"Date", "x", name},
		{"Idempotency-Key", "x", name}, {"X-Idempotency-Key", "x", name}, {"X-Forwarded-For", "x", name},
		{"Forwarded", "x", name}, {"Via", "x", name}, {"X-Webhook-Signature", "x", name}, {"webhook-id", "x", name},
		{"svix-id", "x", name}, {"x-amz-date", "x", name}, {"X-Amzn-Trace-Id", "x", name}, {"x-goog-a", "x", name},
		{"X-Webhook-Signature-Next", "x", name}, {"X-WEBHOOK-EVENT", "x", name}, {"Webhook-Signature", "x", name}, {"webhook-", "x", name},
		{"x-forwarded-host", "x", name}, {"Proxy-Connection", "x", name}, {"x-amz-security-token", "x", name}, {"X-Amzfoo", "x", name},
		{"x_forwarded_for", "x", name}, {"user_agent", "x", name}, {"a\x00", "x", name}, {"a\tb", "x", name}, {"a/b", "x", name}, {"a.b", "x", name},
		{"X-Hook", "x", ""}, {"hosts", "x", ""}, {"X-Date", "x", ""}, {"Webhook", "x", ""}, {"api_key", "!~", ""}, {"A", "a  b", ""},
		{"content_length", "x", name}, {"x_webhook-signature", "x", name},
		{"secret", "", value}, {"secret", strings.Repeat("b", 4097), value}, {"secret", " x", value}, {"secret", "x ", value},
		{"secret", "a\tb", value}, {"secret", "a\r\nb: c", value}, {"secret", "a\x00", value}, {"secret", "é", value}, {"secret", "\x7f", value},
	} {
		err := CheckHeader(tt.name, tt.value)
		var e *webhook.Error
		if tt.field == "" && err != nil || tt.field != "" && (!errors.As(err, &e) || e.Code != webhook.Invalid || e.Field != tt.field) {
			t.Errorf("%q: %.20q: got %v, want a fault of %q", tt.name, tt.value, err, tt.field)
		}
		if err != nil && tt.field == value && tt.value != "" && strings.Contains(err.Error(), tt.value) {
			t.Errorf("the message holds the value: %v", err)
		}
	}
}
