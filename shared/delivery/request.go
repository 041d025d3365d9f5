package delivery

import (
	"strconv"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/signature"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// BuildRequest makes the signed POST of one attempt, or of a test: the headers of the design's section 2.3, in a fixed
// order, and the body as it is. now is the attempt's time, which decides the keys too (webhook.SigningKeys); deliveryID
// is the same on every attempt.
func BuildRequest(w *webhook.Webhook, s webhook.Secrets, deliveryID string, eventType webhook.EventType, attempt int, body []byte, now time.Time) webhook.Request {
	current, next := w.SigningKeys(s, now)
	headers := []webhook.Header{
		{Name: "content-type", Value: "application/json"},
		{Name: "x-webhook-event", Value: string(eventType)},
		{Name: "x-webhook-attempt", Value: strconv.Itoa(attempt)},
		{Name: "x-webhook-signature", Value: signature.Hex(current, body)},
	}
	standard := signature.Standard(current, deliveryID, now, body)
	if next != "" {
		// A receiver that compares the documented header as a whole must not find two signatures in it.
		headers = append(headers, webhook.Header{Name: "x-webhook-signature-next", Value: signature.Hex(next, body)})
		standard += " " + signature.Standard(next, deliveryID, now, body)
	}
	headers = append(headers,
		webhook.Header{Name: "webhook-id", Value: deliveryID},
		webhook.Header{Name: "webhook-timestamp", Value: strconv.FormatInt(now.Unix(), 10)},
		webhook.Header{Name: "webhook-signature", Value: standard},
	)
	if w.AuthHeaderName != "" {
		headers = append(headers, webhook.Header{Name: w.AuthHeaderName, Value: s.AuthHeaderValue})
	}
	return webhook.Request{URL: w.URL, Headers: headers, Body: body, Redact: s.Values()}
}
