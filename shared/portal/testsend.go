package portal

import (
	"context"
	"strings"
	"time"

	"github.com/cr3dentials/verification-webhooks/shared/delivery"
	"github.com/cr3dentials/verification-webhooks/shared/egress"
	"github.com/cr3dentials/verification-webhooks/shared/payload"
	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// testSlotLife is when a slot for a test is free again though nobody gave it back: longer than any test takes.
const testSlotLife = 60 * time.Second

type testInput struct {
	WebhookParam
	Body *emptyBody
}

// headersView shows headers by their lower-case names; several values of one name are joined as HTTP joins them.
type headersView map[string]string

func (v headersView) add(name, value string) {
	name = strings.ToLower(name)
	if earlier, ok := v[name]; ok {
		value = earlier + ", " + value
	}
	v[name] = value
}

type attemptError struct {
	Code    webhook.ErrorCode `json:"code" enum:"dns_error,blocked_address,connection_refused,connection_reset,connect_timeout,tls_error,timeout,http_status,protocol_error,interrupted"`
	Message string            `json:"message"`
}

type testRequest struct {
	Headers headersView `json:"headers" doc:"As sent, by lower-case name; the authentication header's value is masked."`
	Body    string      `json:"body" doc:"The exact body, as it was signed."`
}

type testResponse struct {
	Headers headersView `json:"headers" doc:"Those that say something about the answer, by lower-case name."`
	Body    string      `json:"body" doc:"The start of the answer, at most 4 KiB; secrets are removed."`
}

type testView struct {
	Delivered  bool                 `json:"delivered" doc:"Whether the endpoint answered with a status from 200 to 299."`
	StatusCode *int                 `json:"statusCode" doc:"null if no answer came."`
	DurationMs int64                `json:"durationMs"`
	Error      orNull[attemptError] `json:"error"`
	Request    testRequest          `json:"request"`
	Response   orNull[testResponse] `json:"response" doc:"null if no answer came."`
}

type testOutput struct{ Body testView }

// test sends the sample through the same signer and client as every attempt. Nothing of it is stored.
func (p *portal) test(ctx context.Context, in *testInput) (*testOutput, error) {
	_, w, err := p.load(ctx, in.WebhookID)
	if err != nil {
		return nil, err
	}
	body, err := sampleFor(&w)
	if err != nil {
		return nil, err
	}
	secrets, err := p.cfg.Vault.OpenSecrets(ctx, &w)
	if err != nil {
		return nil, err
	}
	now, owner := p.cfg.Now(), p.ids.Owner()
	ok, err := p.cfg.Store.AcquireTest(ctx, w.PartnerID, owner, webhook.MaxConcurrentTests, now, now.Add(testSlotLife))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, webhook.Errorf(webhook.RateLimited, "%d tests are under way already.", webhook.MaxConcurrentTests)
	}
	defer p.releaseTest(ctx, w.PartnerID, owner)
	req := delivery.BuildRequest(&w, secrets, p.ids.TestDelivery(), webhook.Completed, 1, body, now)
	// The sender would add it by itself; here it is shown, too.
	req.Headers = append(req.Headers, webhook.Header{Name: "user-agent", Value: egress.UserAgent()})
	req.Show = true // a test shows what came of a success, too
	res := p.cfg.Sender.Send(ctx, req)
	return &testOutput{Body: testViewOf(&w, req, res)}, nil
}

// sampleFor builds what a test sends. The sample has not all that real events have, so a template may rightly fail on it:
// then nothing can be sent, which is no outcome of a test.
func sampleFor(w *webhook.Webhook) ([]byte, error) {
	template, err := presentTemplate(w)
	var body []byte
	if err == nil {
		body, err = payload.SampleWith(webhook.Completed, w.TypeNaming, template)
	}
	if err != nil {
		return nil, webhook.Errorf(webhook.Conflict, "Nothing was sent. %s The sample has not all that real events have: "+
			"try the record of a verification with template/preview.", payload.Reason(err))
	}
	return body, nil
}

// releaseTest gives the slot back even if the caller has gone. A slot that is kept by a failure ends by itself.
func (p *portal) releaseTest(ctx context.Context, partnerID, owner string) {
	if err := p.cfg.Store.ReleaseTest(context.WithoutCancel(ctx), partnerID, owner); err != nil {
		callFrom(ctx).cause = err
	}
}

func testViewOf(w *webhook.Webhook, req webhook.Request, res webhook.Response) testView {
	v := testView{
		Delivered: res.OK(), DurationMs: res.Duration.Milliseconds(),
		Request: testRequest{Headers: headersView{}, Body: string(req.Body)},
	}
	for _, h := range req.Headers {
		if strings.EqualFold(h.Name, w.AuthHeaderName) {
			h.Value = Mask
		}
		v.Request.Headers.add(h.Name, h.Value)
	}
	if !res.OK() {
		v.Error = some(attemptError{Code: res.ErrorCode, Message: res.ErrorMessage})
	}
	if res.StatusCode != 0 {
		v.StatusCode = &res.StatusCode
		answer := testResponse{Headers: headersView{}, Body: res.Excerpt}
		for _, h := range res.Headers {
			answer.Headers.add(h.Name, h.Value)
		}
		v.Response = some(answer)
	}
	return v
}
