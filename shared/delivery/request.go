package delivery

import (
	"strconv"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/signature"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// BuildRequest makes the signed POST of one attempt, or of a test: the headers of the design's section 2.3, in a fixed
// order, and the body as it is. now is the attempt's time; deliveryID is the same on every attempt.
func BuildRequest(w *webhook.Webhook, s webhook.Secrets, deliveryID string, eventType webhook.EventType, attempt int, body []byte, now time.Time) webhook.Request {
	headers := []webhook.Header{
		{Name: "content-type", Value: "application/json"},
		{Name: "x-webhook-event", Value: string(eventType)},
		{Name: "x-webhook-attempt", Value: strconv.Itoa(attempt)},
		{Name: "x-webhook-signature", Value: signature.Hex(s.Signing, body)},
		{Name: "webhook-id", Value: deliveryID},
		{Name: "webhook-timestamp", Value: strconv.FormatInt(now.Unix(), 10)},
		{Name: "webhook-signature", Value: signature.Standard(s.Signing, deliveryID, now, body)},
	}
	if w.AuthHeaderName != "" {
		headers = append(headers, webhook.Header{Name: w.AuthHeaderName, Value: s.AuthHeaderValue})
	}
	return webhook.Request{URL: w.URL, Headers: headers, Body: body, Redact: s.Values()}
}
